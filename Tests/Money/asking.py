"""A caller: one request on a connection of its own, its answer read as it comes, and left when the case says so."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field


@dataclass
class Heard:
    """What a caller has of its answer."""

    status: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    deltas: int = 0  # events with text
    body: bytes = b""  # of an answer that is no stream, or of an error
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Asking:
    """`Asking(…).start()` sends; `done` is the task that reads to the end."""

    def __init__(self, port: int, path: str, key: str, body: dict) -> None:
        self.port, self.path, self.key = port, path, key
        self.payload = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        self.heard = Heard()

    async def start(self) -> Asking:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=4 << 20)
        self.writer.write(
            f"POST {self.path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: Bearer {self.key}\r\n"
            f"Connection: close\r\nContent-Length: {len(self.payload)}\r\n\r\n".encode() + self.payload)
        self.done = asyncio.create_task(self.read())
        return self

    async def read(self) -> None:
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = head.split("\r\n")
            self.heard.status = int(lines[0].split(" ")[1])
            self.heard.fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            self.heard.changed.set()
            if "text/event-stream" in self.heard.fields.get("content-type", ""):
                await self.read_events()
            else:
                self.heard.body = (await self.reader.read(-1))[:4096]
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.heard.changed.set()
            self.writer.close()

    async def read_events(self) -> None:
        while line := await self.reader.readline():
            if line.startswith(b"data: {") and carries_text(line[6:]):
                self.heard.deltas += 1
                self.heard.changed.set()

    async def has_heard(self, deltas: int, seconds: float) -> bool:
        """Waits until so many events with text have come."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self.heard.deltas < deltas and not self.done.done():
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            self.heard.changed.clear()
            try:
                await asyncio.wait_for(self.heard.changed.wait(), left)
            except asyncio.TimeoutError:
                return False
        return True

    def leave(self, hard: bool) -> None:
        """Closes the connection, by a reset or by its end."""
        self.writer.transport.abort() if hard else self.writer.close()
        self.done.cancel()


def carries_text(line: bytes) -> bool:
    """A chunk with content, thinking or arguments."""
    try:
        choices = json.loads(line).get("choices") or []
    except ValueError:
        return False
    for choice in choices:
        delta = choice.get("delta") or {}
        if any(delta.get(name) for name in ("content", "reasoning_content", "reasoning")) or choice.get("text"):
            return True
        if any((call.get("function") or {}).get("arguments") for call in delta.get("tool_calls") or []):
            return True
    return False
