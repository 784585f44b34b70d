"""Sends pictures to a push: camera over the bus: camera.py CONTROL.JSON CAMERA COUNT"""
import asyncio
import json
import sys

import cv2
import numpy

try:
    import nats  # pip install nats-py
except ImportError:
    import plainnats as nats


async def main(file, camera, count):
    with open(file) as f:
        access = json.load(f)
    inbox = "_INBOX." + access["user"]  # the only place where this user may hear answers
    nc = await nats.connect(access["url"], user=access["user"], password=access["password"], inbox_prefix=inbox)
    for n in range(int(count)):
        picture = numpy.full((360, 640, 3), (90, 60, 20), numpy.uint8)  # a bar that moves to the right
        picture[:, n * 8 % 620 : n * 8 % 620 + 20] = 255
        jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
        reply = await nc.request(f"{access['prefix']}.push.{camera}", jpeg, timeout=2)
        if reply.data:  # why it was refused
            sys.exit(reply.data.decode())
        print(f"picture {n} taken, {len(jpeg)} bytes", flush=True)
        await asyncio.sleep(0.1)
    await nc.close()


asyncio.run(main(*sys.argv[1:]))
