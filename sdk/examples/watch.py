"""Reads a camera with OpenCV: watch.py http://127.0.0.1:8080/api/v1/cameras/clock/stream.mjpeg COUNT"""
import sys

import cv2

stream = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG)
for n in range(int(sys.argv[2])):
    ok, frame = stream.read()
    if not ok:
        sys.exit("the stream has ended")
    height, width, _ = frame.shape
    print(f"frame {n} of {width}x{height}, mean {frame.mean():.0f}", flush=True)
stream.release()
