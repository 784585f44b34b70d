"""Sends pictures as clients of the old framework do: push.py http://127.0.0.1:6789/upload COUNT"""
import sys
import time

import cv2
import numpy
import requests

address, count = sys.argv[1], int(sys.argv[2])
session = requests.Session()  # one connection for all pictures
for n in range(count):
    frame = numpy.full((360, 640, 3), (20, 90, 60), numpy.uint8)  # a bar that moves to the right
    frame[:, n * 8 % 620 : n * 8 % 620 + 20] = 255
    answer = session.post(address, data=cv2.imencode(".jpg", frame)[1].tobytes(), timeout=5)
    if not answer.ok:  # JSON that says why
        sys.exit(answer.json()["detail"])
    print(f"picture {n} taken", flush=True)
    time.sleep(0.1)
