"""One request with its result, and the connection it uses."""

import asyncio
import dataclasses
import json
import re
import time

#: The pieces of scripted answers.
PIECE = b'"content":"tok '


@dataclasses.dataclass
class Call:
    key: str
    worker: str
    model: str
    stream: bool
    connection: int
    #: time.monotonic() before its first byte was sent, and when its last byte or the end of the connection arrived.
    began: float
    ended: float = 0
    #: 0 if no response head arrived.
    status: int = 0
    #: The answer ended properly, without an in-band error.
    whole: bool = False
    id: str | None = None
    config: str | None = None
    cost: str | None = None
    retry_after: str | None = None
    type: str | None = None
    finish: str | None = None
    pieces: int = 0
    #: Request IDs inside the answer: only its own may be there.
    inside: set = dataclasses.field(default_factory=set)
    #: The tail of what was received.
    tail: bytes = b""

    @property
    def seconds(self):
        return self.ended - self.began

    def take(self, data):
        self.pieces += data.count(PIECE)
        self.inside.update(re.findall(rb"chatcmpl-([0-9a-f-]{36})", data))
        self.tail = (self.tail + data)[-1000:]

    def take_fields(self, fields):
        self.id = fields.get("x-request-id", self.id)
        self.config = fields.get("x-aihub-config", self.config)
        self.cost = fields.get("x-aihub-cost-usd", self.cost)
        self.retry_after = fields.get("retry-after", self.retry_after)

    def judge(self):
        """Evaluates the answer once it is complete."""
        finish = re.findall(rb'"finish_reason":\s*"(\w+)"', self.tail)
        self.finish = finish[-1].decode() if finish else None
        if b'"error"' in self.tail:
            type_ = re.findall(rb'"type":\s*"(\w+)"', self.tail)
            self.type = type_[-1].decode() if type_ else "error"
        self.whole = self.status == 200 and self.type is None and (
            self.tail.endswith(b"data: [DONE]\n\n") if self.stream else self.tail[-1:] == b"}")


async def read_fields(reader):
    fields = {}
    while (line := (await reader.readuntil(b"\r\n")).strip()):
        name, _, value = line.decode("latin-1").partition(":")
        fields[name.lower()] = value.strip()
    return fields


class Line:
    """One keep-alive connection to a worker."""

    count = 0

    def __init__(self, worker):
        self.worker = worker
        Line.count += 1
        self.number = Line.count

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.worker.port)
        return self

    def send(self, key, model, stream, max_tokens=50, **more):
        """The message names its key, so that requests of different keys cannot be confused."""
        call = Call(key["id"], self.worker.process.name, model, stream, self.number, time.monotonic())
        body = json.dumps({"model": model, "stream": stream, "max_tokens": max_tokens,
                           "messages": [{"role": "user", "content": f"canary-{key['id']}"}], **more}).encode()
        self.writer.write(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nAuthorization: Bearer {key['key']}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        return call

    async def receive(self, call):
        """Reads the answer into `call`; returns whether the connection can be reused."""
        status = await self.reader.readuntil(b"\r\n")
        fields = await read_fields(self.reader)
        call.status = int(status.split(b" ")[1])
        call.take_fields(fields)
        if "content-length" in fields:
            call.take(await self.reader.readexactly(int(fields["content-length"])))
        else:
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                call.take((await self.reader.readexactly(size + 2))[:-2])
            call.take_fields(await read_fields(self.reader))
        call.judge()
        return fields.get("connection") != "close"

    def leave(self):
        self.writer.transport.abort()


LOST = (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError)
