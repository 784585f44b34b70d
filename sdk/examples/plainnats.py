"""The few calls of nats-py that the examples need, for machines where it cannot be installed."""
import asyncio
import json
import secrets
from types import SimpleNamespace
from urllib.parse import urlsplit


async def connect(url, user, password, inbox_prefix="_INBOX"):
    client = Client(*await asyncio.open_connection(*urlsplit(url).netloc.split(":")), inbox_prefix)
    await client.reader.readline()  # INFO
    options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "user": user, "pass": password}
    client.writer.write(b"CONNECT %b\r\nPING\r\n" % json.dumps(options).encode())
    if (answer := await client.reader.readline()) != b"PONG\r\n":
        raise ConnectionError(answer.decode())
    client.task = asyncio.create_task(client.read())
    return client


class Client:
    def __init__(self, reader, writer, inbox_prefix):
        self.reader, self.writer, self.last, self.callbacks, self.inbox = reader, writer, 0, {}, inbox_prefix

    async def read(self):
        while line := await self.reader.readline():
            operation, *words = line.decode().split()
            if operation == "PING":
                self.writer.write(b"PONG\r\n")
            elif operation in ("MSG", "HMSG"):  # subject, id, maybe reply, for HMSG the length of the headers, length
                body = (await self.reader.readexactly(int(words[-1]) + 2))[:-2]
                head = int(words[-2]) if operation == "HMSG" else 0
                lines = body[:head].decode().strip().split("\r\n")
                headers = dict(line.split(": ", 1) for line in lines[1:])
                if callback := self.callbacks.get(words[1]):
                    await callback(SimpleNamespace(subject=words[0], data=body[head:], headers=headers, status=lines[0]))

    async def subscribe(self, subject, cb):
        self.last += 1
        self.callbacks[str(self.last)] = cb
        self.writer.write(f"SUB {subject} {self.last}\r\n".encode())
        return str(self.last)

    async def publish(self, subject, payload=b"", reply=""):
        self.writer.write(b"PUB %b %b %d\r\n%b\r\n" % (subject.encode(), reply.encode(), len(payload), payload))
        await self.writer.drain()

    async def request(self, subject, payload=b"", timeout=0.5):
        inbox, answers = f"{self.inbox}.{secrets.token_hex(8)}", asyncio.Queue()
        name = await self.subscribe(inbox, answers.put)
        await self.publish(subject, payload, inbox)
        message = await asyncio.wait_for(answers.get(), timeout)
        self.callbacks.pop(name)
        self.writer.write(f"UNSUB {name}\r\n".encode())
        if " 503" in message.status:
            raise ConnectionError(f"nobody answers {subject}")
        return message

    async def close(self):
        self.task.cancel()
        self.writer.close()
