"""Cameras that speak RTSP: one JSON line on stdin says what to serve, see rtsp.go.

Each camera hands the pictures of a clip that is encoded already to GStreamer's RTSP server, at its rate, and tells for each
"camera number nanoseconds" at the moment before. Prints "port N" once it listens, exits when stdin ends.
"""
import json
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

DELIMITER = b"\x00\x00\x00\x01\x09"  # begins every picture of the clip
LAUNCH = (
    "( appsrc name=pictures is-live=true do-timestamp=true format=time max-bytes=4000000 "
    "caps=video/x-h264,stream-format=byte-stream,alignment=au,framerate=%d/1 ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)


DELIMITER_SIZE = 6  # with its payload


def parameter_sets(keyframe):
    """SPS and PPS, as they stand before a keyframe."""
    units = keyframe.split(b"\x00\x00\x01")[1:]
    return b"".join(b"\x00\x00\x00\x01" + unit.rstrip(b"\x00") for unit in units if unit[0] & 31 in (7, 8))


class Camera:
    """Sends to each client the picture that is due, from the moment that it connects until it leaves.

    Clients share no pipeline: one that GStreamer is just taking down would be handed to the next client, and fail.
    """

    def __init__(self, number, clip, conf):
        self.number, self.clip, self.fps = number, clip, conf["fps"]
        self.parameters = parameter_sets(clip[0])
        self.offset = number * len(clip) // conf["cameras"] + number * 7
        self.phase = number / conf["cameras"] / self.fps
        self.factory = GstRtspServer.RTSPMediaFactory()
        self.factory.set_launch(LAUNCH % self.fps)
        self.factory.set_shared(False)
        self.factory.connect("media-configure", self.configure)

    def configure(self, _factory, media):
        source = media.get_element().get_by_name_recurse_up("pictures")
        stop = threading.Event()
        media.connect("unprepared", lambda _media: stop.set())
        threading.Thread(target=self.send, args=(source, stop), daemon=True).start()

    def send(self, source, stop):
        # As with real cameras the description has the parameter sets, wherever in the group of pictures it begins.
        parameters = self.parameters
        k = int((time.monotonic() - self.phase) * self.fps) + 1
        while not stop.wait(max(0, k / self.fps + self.phase - time.monotonic())):
            number = (k + self.offset) % len(self.clip)
            picture = self.clip[number]
            picture = Gst.Buffer.new_wrapped(picture[:DELIMITER_SIZE] + parameters + picture[DELIMITER_SIZE:])
            parameters = b""
            sys.stdout.write("%d %d %d\n" % (self.number, number, time.time_ns()))
            result = source.emit("push-buffer", picture)
            sys.stdout.flush()
            if result not in (Gst.FlowReturn.OK, Gst.FlowReturn.FLUSHING):
                return
            k += 1


def main():
    conf = json.loads(sys.stdin.readline())
    Gst.init(None)
    with open(conf["clip"], "rb") as file:
        clip = [DELIMITER + picture for picture in file.read().split(DELIMITER)[1:]]
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(conf["port"]))
    cameras = [Camera(number, clip, conf) for number in range(conf["cameras"])]
    for camera in cameras:
        server.get_mount_points().add_factory("/camera%d" % camera.number, camera.factory)
    if server.attach(None) == 0:
        sys.exit("cannot listen on port %d" % conf["port"])
    loop = GLib.MainLoop()

    def follow_parent():
        sys.stdin.read()
        loop.quit()

    threading.Thread(target=follow_parent, daemon=True).start()
    print("port %d" % server.get_bound_port(), flush=True)
    loop.run()


main()
