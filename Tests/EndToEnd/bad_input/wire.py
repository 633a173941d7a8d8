"""Sends the bytes of a case, and checks the shape of every refusal."""

import json
import re
import select
import socket
import time
from dataclasses import dataclass

from case import ANY, KEY
from clock import patience

ANSWER_SECONDS = 1
TYPES = {
    400: "invalid_request_error", 401: "invalid_api_key", 404: ("model_not_found", "not_found"), 405: "method_not_allowed",
    408: "request_timeout", 413: "request_too_large", 414: "uri_too_long", 415: "unsupported_media_type", 431: "headers_too_large"}
STACK_TRACE = re.compile(r"Fatal error|\.swift:\d|Traceback|0x[0-9a-f]{8}|/Sources/|/usr/lib")


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes


class Wire:
    """One raw connection. Reads while it writes, so that an early answer to a large request is seen."""

    def __init__(self, worker):
        self.socket = socket.create_connection(("127.0.0.1", worker.port), timeout=patience(5))
        self.socket.setblocking(False)
        self.pending, self.received, self.closed, self.fin = memoryview(b""), b"", False, False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data, fin=False):
        self.pending, self.fin = memoryview(data), fin
        return self

    def pump(self, until, seconds=ANSWER_SECONDS):
        """Moves bytes until `until()` holds, the worker closes, or time runs out; returns whether it holds."""
        deadline = time.monotonic() + seconds
        while not until() and not self.closed and (left := deadline - time.monotonic()) > 0:
            readable, writable, _ = select.select([self.socket], [self.socket] if len(self.pending) or self.fin else [], [], left)
            try:
                if readable:
                    part = self.socket.recv(1 << 16)
                    self.received, self.closed = self.received + part, not part
                elif writable and len(self.pending):
                    self.pending = self.pending[self.socket.send(self.pending[:1 << 16]):]
                elif writable:
                    self.fin = False
                    self.socket.shutdown(socket.SHUT_WR)
            except BrokenPipeError:
                self.pending, self.fin = memoryview(b""), False  # The worker reads no more, but its answer may still be buffered.
            except ConnectionResetError:
                self.closed = True
        return until()

    def answers(self):
        """All complete answers so far, interim ones included, and the bytes behind them."""
        found, rest = [], self.received
        while (one := parse(rest)):
            answer, rest = one
            found.append(answer)
        return found, rest

    def final(self, seconds=ANSWER_SECONDS, count=1):
        """The `count`-th answer other than 1xx, or None."""
        def finals():
            return [a for a in self.answers()[0] if a.status >= 200]
        self.pump(lambda: len(finals()) >= count, patience(seconds))
        return finals()[count - 1] if len(finals()) >= count else None

    def ends(self, seconds=ANSWER_SECONDS):
        return self.closed or self.pump(lambda: False, patience(seconds)) or self.closed


def parse(data):
    """The first answer in `data` and what follows it, or None while it is incomplete. Strict on purpose."""
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return None
    first, *lines = head.split(b"\r\n")
    status = re.fullmatch(rb"HTTP/1\.[01] (\d{3}) [ -~]*", first)
    fields = [re.fullmatch(rb"([a-z0-9-]+): ([ -~]*)", line, re.I) for line in lines]
    assert status and all(fields), f"no clean answer: {data[:200]!r}"
    headers = {f[1].decode().lower(): f[2].decode() for f in fields}
    assert len(headers) == len(fields), f"a header occurs twice: {head!r}"
    number = int(status[1])
    if number < 200 or number == 204:
        return Answer(number, headers, b""), rest
    if headers.get("transfer-encoding") == "chunked":
        body, last, rest = rest.partition(b"\r\n0\r\n")
        trailers, end, rest = (b"\r\n" + rest).partition(b"\r\n\r\n")
        return (Answer(number, headers, body), rest) if last and end else None
    length = int(headers["content-length"])
    return (Answer(number, headers, rest[:length]), rest[length:]) if len(rest) >= length else None


def among(value, allowed):
    return value in allowed if isinstance(allowed, tuple) else value == allowed


def check_refusal(answer, case, key):
    """Checks status, error shape and named member, and that nothing internal is disclosed."""
    said = f"expected {case.status}; sent {case.data[:300]!r}"
    assert answer, f"no answer within {ANSWER_SECONDS} s; {said}"
    text = answer.body.decode()
    assert among(answer.status, case.status), f"got {answer.status}, {said}: {text[:300]}"
    headers = answer.headers
    assert headers.get("x-request-id") and headers.get("content-type") == "application/json", f"{headers}; {said}"
    error = json.loads(text)["error"]
    assert {"type", "message", "code"} <= error.keys() <= {"type", "message", "code", "param"}, f"shape of {text}; {said}"
    assert error["code"] == answer.status and error["message"], text
    assert among(error["type"], TYPES[answer.status]), text
    param = error.get("param")
    assert case.param is ANY or among(param, case.param), f"got param {param!r}, expected {case.param!r}; {said}: {text[:300]}"
    assert not STACK_TRACE.search(text), f"insides shown: {text}"
    assert not shows(key, text + str(answer.headers)), f"the key is echoed: {text}"


def shows(key, text):
    """Whether `text` contains a recognisable part of the key."""
    return any(key[at:at + 12] in text for at in range(7, len(key) - 12))


def refuse(worker, case, key):
    """Sends a case; the answer must come in time, and the connection must close or stay in sync."""
    with Wire(worker) as wire:
        answer = wire.send(case.data.replace(KEY, key.encode())).final()
        assert answer or not wire.closed, f"closed without an answer; expected {case.status}; sent {case.data[:300]!r}"
        check_refusal(answer, case, key)
        if case.closes:
            assert wire.ends(), f"the connection stays open; sent {case.data[:300]!r}"
            assert len(wire.answers()[0]) == 1 and not wire.answers()[1], f"more than one answer; sent {case.data[:300]!r}"
        else:
            next_one = wire.send(b"GET /v1 HTTP/1.1\r\nHost: x\r\n\r\n").final(count=2)
            in_step = wire.closed or next_one and next_one.status == 200
            assert in_step, f"out of step; sent {case.data[:300]!r}: {wire.received[-300:]!r}"
