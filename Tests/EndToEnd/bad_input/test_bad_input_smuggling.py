"""Bytes after an ambiguous request are never answered or billed as a second request."""

import pytest

from case import AUTH, CHAT, JSON, KEY, Case, get, ids, lines, post
from cases_framing import BODY, CHUNKED, CL, TE, flaws, message
from wire import Wire, check_refusal

HIDDEN = post()  # A valid, billable request: the one to smuggle.
HIDDEN_CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
NO_CHUNK = b"0\r\n\r\n"
STARTS = {
    "no version": b"GET /v1/models\r\n\r\n", "two spaces": b"GET  /v1/models HTTP/1.1\r\n\r\n", "NUL": b"\0\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "no Host": b"GET /v1/models HTTP/1.1\r\n\r\n",
    "LF alone": b"GET /v1/models HTTP/1.1\nHost: x\n\n", "LF in the request line": b"GET /v1/models HTTP/1.1\nHost: x\r\n\r\n",
    "CR alone": b"GET /v1/models HTTP/1.1\rHost: x\r\r\r\n\r\n", "a long line": b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
    "CRLF in the target": b"GET /v1/models\r\nX: HTTP/1.1\r\nHost: x\r\n\r\n",
    "a field in the target": b"GET /v1/models HTTP/1.1 Host: x\r\n\r\n"}


def corpus():
    chat = [AUTH, JSON]
    for name, fields, body, in_head in flaws():
        looks = lines("GET /v1/models HTTP/1.1", "Host: x", AUTH, *fields, "", "")
        yield Case(f"{name}, behind it", message(CHAT, [*chat, *fields], body + HIDDEN), closes=True)
        yield Case(f"{name}, behind it, on a GET", looks + body + HIDDEN, closes=True)
        if in_head:
            yield Case(f"{name}, behind an empty chunk", message(CHAT, [*chat, *fields], NO_CHUNK + HIDDEN), closes=True)
            yield Case(f"{name}, within a chunk", message(CHAT, [*chat, *fields], HIDDEN_CHUNK), closes=True)
    for name, fields, body in [("chunks", [TE], CHUNKED), ("both", [CL, TE], CHUNKED), ("an empty chunk", [TE], NO_CHUNK)]:
        yield Case(f"HTTP/1.0 with {name}", message(CHAT, [*chat, *fields], body + HIDDEN, "1.0"), closes=True)
    for path in ["/v1/models", "/v1/me"]:
        yield Case(f"as the body of GET {path}", get(path, f"Content-Length: {len(HIDDEN)}") + HIDDEN, closes=True)
        yield Case(f"in a chunk of GET {path}", get(path, TE) + HIDDEN_CHUNK, closes=True)
    for name, start in STARTS.items():
        yield Case(f"behind {name}", start + HIDDEN, (400, 414, 431) if name == "a long line" else 400, closes=True)


CASES = list(corpus())


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_one_answer_and_the_end(worker, watch, key, case):
    with Wire(worker) as wire:
        answer = wire.send(case.data.replace(KEY, key.encode())).final()
        closed = wire.ends()
        count = len(wire.answers()[0])
        calls = watch.upstream_calls()
        if calls:
            watch.stack.clear_bill()  # So that the next case is judged on its own.
        assert calls == 0, f"{calls} requests reached the provider, {count} answers; sent {case.data[:300]!r}"
        assert answer or not closed, f"closed without an answer; expected {case.status}; sent {case.data[:300]!r}"
        check_refusal(answer, case, key)
        assert count == 1 and not wire.answers()[1], f"{count} answers; sent {case.data[:300]!r}"
        assert closed, f"the connection stays open; sent {case.data[:300]!r}"


@pytest.mark.parametrize("length", [0, 1, 2, 15, 30, len(BODY) - 1])
def test_bytes_behind_a_length_that_is_too_short_are_no_good_request(worker, watch, key, length):
    data = message(CHAT, [AUTH, JSON, f"Content-Length: {length}"], BODY).replace(KEY, key.encode())
    with Wire(worker) as wire:
        wire.send(data + b"\r\n\r\n").final()
        wire.ends()
        assert wire.closed and {a.status for a in wire.answers()[0]} == {400}, wire.received[-300:]
        assert watch.upstream_calls() == 0


def test_afterwards_nothing_has_changed(watch):
    watch.check()
