"""A vendor of every dialect on one port: answers by plan, up to the point where a case ends, and notes what it made.

The path names the dialect, the model's name ends with the number of the case. An answer's thinking that does not pass
takes its time (`Staged.rate`), so that no more is ever made than a model of that speed can make. """

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import time
from dataclasses import dataclass, field
from random import Random
from typing import Any, Iterable
from urllib.parse import unquote

import wire_forms as wire
from answers import Answer, plan_answer
from cases import Case
from rules_ending import AFTER_CLOSE, CLOSINGS, STOPS
from staging import Staged, stage

#: How long a vendor whose bill stops waits to be closed, before it goes on.
CLOSE_SECONDS = 1.0
ANSWER_BYTES = 33 << 20  # over what the gateway takes of a plain answer
EVENT_BYTES = (1 << 20) + 4096  # and of an event
PADDING = b" " * (256 << 10)
ERROR_TEXT = "The vendor failed."


class Gone(Exception):
    """The gateway closed the connection."""


class Cut(Exception):
    """The vendor closes the connection. `hard` by a reset."""

    def __init__(self, hard: bool) -> None:
        self.hard = hard


@dataclass
class Script:
    """What the harness knows of a case while it runs."""

    number: int
    case: Case
    at_point: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[Call] = field(default_factory=list)


@dataclass
class Call:
    """One request to the vendor and what became of it."""

    script: Script
    id: str
    body: dict[str, Any]
    answer: Answer
    staged: Staged
    started: float
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    seen: int = 0  # tokens of the events sent
    deltas: int = 0  # events sent that carry text
    all_made: bool = False  # the thinking before the text is done
    produced_at_close: int | None = None
    said_usage: bool = False
    read_to_end: bool = False
    has_head: bool = False
    broke: bool = False  # the vendor closed in mid-answer
    failed: bool = False  # an error was answered
    seconds: float = 0.0

    @property
    def hidden(self) -> int:
        """Tokens of the thinking that does not pass."""
        shown = sum(piece.tokens for choice in self.answer.choices for piece in choice.reasoning_pieces)
        return max(0, self.answer.counters.reasoning - shown)

    def produced(self) -> int:
        """Output tokens made by now."""
        if not self.body.get("stream"):
            return self.answer.counters.completion
        hidden = self.hidden
        if self.staged.is_timed and not self.all_made:
            hidden = min(hidden, max(0, int((time.monotonic() - self.started) * self.staged.rate) - self.seen))
        return hidden + self.seen


class Vendor:
    """`scripts` are those of the cases that run, by number."""

    def __init__(self) -> None:
        self.scripts: dict[int, Script] = {}
        self.strangers: list[str] = []
        self.port = 0
        self.tasks: set[asyncio.Task] = set()

    async def start(self) -> Vendor:
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", 0, limit=1 << 20)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        watcher = None
        call = None
        try:
            call = await self.receive(reader)
            if call is None:
                return
            watcher = asyncio.create_task(watch(reader, call))
            await Playing(call, writer).play()
            call.read_to_end = not call.gone.is_set()
        except Gone:
            pass
        except Cut as cut:
            if call is not None:
                call.broke = True
                call.produced_at_close = call.produced()
            if cut.hard:
                writer.transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (ConnectionError, asyncio.IncompleteReadError):
            if call is not None:
                note_close(call)
        finally:
            if call is not None:
                call.seconds = time.monotonic() - call.started
            if watcher is not None and (call is None or not call.read_to_end):
                watcher.cancel()
            writer.close()

    async def receive(self, reader: asyncio.StreamReader) -> Call | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return None
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])}
        body = json.loads(await reader.readexactly(int(fields.get("content-length", 0))))
        target = unquote(head.split(" ")[1])
        name = str(body.get("model") or re.search(r"/deployments/(.+?)/(?:chat|completions|embeddings|images)", target)[1])
        found = re.search(r"-(\d{6})$", name)
        script = self.scripts.get(int(found[1])) if found else None
        if script is None:
            self.strangers.append(f"{target} {name}")
            return None
        case = script.case
        answer = plan_answer(case.dialect, case.model, body, Random(case.seed))
        staged = stage(case, body, answer, Random(case.seed + 1))
        call = Call(script, fields.get("x-request-id", ""), body, staged.answer, staged, time.monotonic())
        script.calls.append(call)
        return call


async def watch(reader: asyncio.StreamReader, call: Call) -> None:
    """Waits for the gateway to close, and notes what was made by then."""
    try:
        while await reader.read(1024):
            pass
    except ConnectionError:
        pass
    note_close(call)


def note_close(call: Call) -> None:
    if not call.gone.is_set():
        call.produced_at_close = call.produced()
        call.gone.set()


class Playing:
    """One call played to its end. Raises `Gone` or `Cut`."""

    def __init__(self, call: Call, writer: asyncio.StreamWriter) -> None:
        self.call, self.writer = call, writer
        self.case, self.body, self.staged = call.script.case, call.body, call.staged
        self.kind = self.case.ending.kind
        self.streams = self.body.get("stream") is True
        self.random = Random(self.case.seed + 2)
        closing = AFTER_CLOSE[self.case.dialect]
        self.stops = (closing.stream if self.streams else closing.plain) == STOPS
        named = str(self.body.get("model") or self.case.model["name"])
        self.name = named if self.staged.answer.model == self.case.model["name"] else self.staged.answer.model
        self.due = self.call.started
        self.usage = self.kind != "whole_without_usage"

    async def play(self) -> None:
        if self.kind == "lost_before_head":
            raise Cut(hard=self.random.random() < 0.5)
        if self.kind == "error_status":
            return await self.refuse()
        if self.kind == "error_first_event":
            return await self.fail_at_once()
        if self.kind == "deadline_before_head":
            await self.pause()
            if not self.stops and self.random.random() < 0.4:
                raise Cut(hard=False)
        if self.is_silent():
            await self.pause()
        await (self.stream() if self.streams else self.answer())

    def is_silent(self) -> bool:
        """The point is before the head."""
        if self.kind not in CLOSINGS or self.kind in ("deadline_before_head", "cut_for_money", "over_size_bound"):
            return False
        if not self.streams:
            return self.random.random() < 0.7
        if self.kind == "caller_left_before_first_event":
            return self.random.random() < 0.5
        return self.kind not in ("caller_left_mid_stream", "caller_left_before_usage") and self.random.random() < 0.25

    def point(self) -> int | None:
        """The number of events after which a stream waits for its ending; None: it does not wait."""
        if self.call.script.at_point.is_set():
            return None
        events = len(self.staged.events)
        if self.kind == "caller_left_before_first_event":
            return 0
        if self.kind == "caller_left_before_usage":
            return events + 1
        if self.kind in ("caller_left_mid_stream", "cut_by_revocation", "cut_by_shutdown", "worker_killed",
                         "vendor_cut_mid_stream"):
            return int(self.case.progress * events)
        return None

    # What is written

    async def send(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            if self.call.gone.is_set():
                raise Gone
            self.writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await self.writer.drain()

    async def head(self, status: int, kind: str, length: int | None = None) -> None:
        if self.call.gone.is_set():
            raise Gone
        self.call.has_head = True
        frame = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        self.writer.write(f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{frame}\r\nConnection: close\r\n\r\n".encode())
        await self.writer.drain()

    async def whole(self, status: int, document: Any) -> None:
        data = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
        await self.head(status, "application/json", len(data))
        self.writer.write(data)
        await self.writer.drain()

    async def refuse(self) -> None:
        self.call.failed = True
        await self.whole(self.case.ending.status, wire.error(self.case.dialect, ERROR_TEXT, self.case.ending.code))

    async def fail_at_once(self) -> None:
        self.call.failed = True
        document = wire.error(self.case.dialect, ERROR_TEXT, self.case.ending.code)
        if not self.streams:
            return await self.whole(200, document)
        await self.head(200, "text/event-stream")
        await self.send([wire.data(document, "error" if self.case.dialect == "anthropic" else None)])
        self.writer.write(b"0\r\n\r\n")

    async def pause(self) -> None:
        """The point of the case: waits until the harness has done its part, or the gateway has closed."""
        script, call = self.call.script, self.call
        script.at_point.set()
        await first_of(script.go, call.gone)
        if self.kind == "vendor_cut_mid_stream":
            raise Cut(hard=self.random.random() < 0.4)
        if call.gone.is_set():
            raise Gone
        patience = 0.3 if self.kind == "caller_left_before_usage" else CLOSE_SECONDS
        if self.stops:
            await first_of(call.gone, seconds=patience)
        elif self.random.random() < 0.25:
            raise Cut(hard=False)
        if call.gone.is_set():
            raise Gone

    async def stream(self) -> None:
        make = wire.AnthropicStream if self.case.dialect == "anthropic" else wire.OpenAIStream
        out = make(self.case.dialect, self.body, self.staged, self.name, self.usage)
        out.says_input = self.usage or self.random.random() < 0.5
        point = self.point()
        await self.head(200, "text/event-stream")
        if point == 0:
            await self.pause()
        await self.send(out.opening())
        thought = False
        for number, event in enumerate(self.staged.events):
            if not event.thought and not thought:
                thought = True
                await self.think()
            if point and number == point:
                await self.pause()
            await self.make(event.piece.tokens)
            # Counted first: what is written is made, whether it arrives or not.
            self.call.seen += event.piece.tokens
            self.call.deltas += 1
            await self.send(out.event(event))
        if not thought:
            await self.think()
        if self.kind == "over_size_bound":
            await self.send([b"data: {\"x\":\"" + b" " * EVENT_BYTES + b"\"}\n\n"])
        if point and point == len(self.staged.events):
            await self.pause()
        await self.send(out.finish())
        self.call.said_usage = getattr(out, "at_finish", False)
        if point and point > len(self.staged.events):
            await self.pause()
        await self.send(out.usage())
        self.call.said_usage = out.says_usage
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def think(self) -> None:
        """The thinking that does not pass is over."""
        await self.make(self.call.hidden)
        self.call.all_made = True

    async def make(self, tokens: int) -> None:
        """Takes the time that so many tokens take, since the one before."""
        self.due += tokens / self.staged.rate
        left = self.due - time.monotonic()
        if self.staged.is_timed and left > 0:
            await first_of(self.call.gone, seconds=left)
            if self.call.gone.is_set():
                raise Gone

    async def answer(self) -> None:
        document = wire.plain(self.case.dialect, self.body, self.staged, self.name, self.usage)
        if self.kind == "over_size_bound":
            data = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
            await self.head(200, "application/json", len(data) + ANSWER_BYTES)
            for _ in range(ANSWER_BYTES // len(PADDING)):
                if self.call.gone.is_set():
                    raise Gone
                self.writer.write(PADDING)
                await self.writer.drain()
            self.writer.write(data)
            return await self.writer.drain()
        if self.point() is not None or self.kind == "caller_left_before_usage":
            data = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
            if not self.call.script.at_point.is_set():
                await self.head(200, "application/json", len(data))
                self.writer.write(data[:len(data) // 2])
                await self.writer.drain()
                await self.pause()
                self.writer.write(data[len(data) // 2:])
                self.call.said_usage = "usage" in document
                return await self.writer.drain()
        await self.whole(200, document)
        self.call.said_usage = "usage" in document


async def first_of(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Waits until one of the events is set, or the time is over."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
