"""Prints what it gets of a camera's pictures: consumer.py CONTROL.JSON CAMERA COUNT"""
import asyncio
import json
import sys
import time

try:
    import nats  # pip install nats-py
except ImportError:
    import plainnats as nats


async def main(file, camera, count):
    with open(file) as f:
        access = json.load(f)
    inbox = "_INBOX." + access["user"]  # the only place where this user may hear answers
    nc = await nats.connect(access["url"], user=access["user"], password=access["password"], inbox_prefix=inbox)
    newest, came = None, asyncio.Event()

    async def take(message):  # one place: a picture that is overtaken is never looked at
        nonlocal newest
        newest = message
        came.set()

    await nc.subscribe(f"{access['prefix']}.frame.{camera}.main", cb=take)

    async def want():  # a lease of 3 s, renewed each second
        while True:
            await nc.publish(f"{access['prefix']}.want.{camera}.main", b'{"fps": 10}')
            await asyncio.sleep(1)

    lease = asyncio.create_task(want())
    for _ in range(int(count)):
        await came.wait()
        came.clear()
        age = time.time() - int(newest.headers["Captured"]) / 1e6
        print(f"frame {newest.headers['Seq']} of {newest.headers['Size']}, {len(newest.data)} bytes, {age * 1000:.0f} ms old", flush=True)
    lease.cancel()
    await nc.close()


asyncio.run(main(*sys.argv[1:]))
