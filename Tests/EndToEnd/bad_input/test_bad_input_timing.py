"""Callers who send too slowly get a 408 and are cut off; slow but steady ones are served."""

import select
import time

import pytest

from clock import patience, within
from processes import http_ok, wait_until
from stack import Worker
from case import AUTH, CHAT, HELLO, JSON, KEY, Case, get, lines, post
from wire import Wire, check_refusal

DEADLINE, IDLE = 0.7, 3.0  # Seconds, as configured for the worker below.
LATE = 1.2                 # A quiet machine's margin.
MANY = 4000                # More drips than any test waits for.
REQUEST = post()
HEAD = REQUEST.index(b"{")
CHUNKED = lines(f"POST {CHAT} HTTP/1.1", "Host: x", AUTH, JSON, "Transfer-Encoding: chunked", "",
    "") + b"1e\r\n" + HELLO[:30].encode() + b"\r\n1f;a=b\r\n" + HELLO[30:].encode() + b"\r\n0\r\nX-A: b\r\n\r\n"


@pytest.fixture(scope="module")
def hasty(stack, worker):
    """A worker with short deadlines."""
    made = Worker("worker-hasty", stack, **{
        "HEAD_DEADLINE_MS": int(DEADLINE * 1000), "BODY_DEADLINE_MS": int(DEADLINE * 1000), "IDLE_MS": int(IDLE * 1000)})
    made.process.start()
    ready = f"http://127.0.0.1:{made.operations}/readyz"
    wait_until(lambda: http_ok(ready) or not made.process.running, what="the worker is ready")
    assert made.process.running, made.process.log()
    yield made
    made.process.stop()


# Each stall: what is sent at once, what then follows at a byte every 20 ms, and whether a 408 is expected.
STALLS = {f"stops after {n} bytes of a request": (REQUEST[:n], b"") for n in range(1, len(REQUEST))}
STALLS |= {f"stops after {n} bytes of chunks": (CHUNKED[:n], b"") for n in range(CHUNKED.index(b"1e\r\n"), len(CHUNKED))}
STALLS |= {
    "drips the request line": (b"", REQUEST), "drips the fields": (REQUEST[:40], REQUEST[40:]),
    "drips fields without end": (REQUEST[:40], b"X: y\r\n" * MANY), "drips a field without end": (REQUEST[:40],
    b"X: " + b"y" * MANY),
    "drips the body": (REQUEST[:HEAD], REQUEST[HEAD:]), "drips chunks": (CHUNKED[:CHUNKED.index(b"1e\r\n")],
    b"".join(b"1\r\n%c\r\n" % b for b in HELLO.encode())), "drips empty lines": (b"", b"\r\n" * MANY),
    "drips a second head": (get("/v1/models"), get("/v1/me")), "stops in a second head": (get("/v1/models") + get("/v1/me")[:20],
    b""), "stops in a second body": (get("/v1/models") + REQUEST[:-5], b""),
    "expects to be told": (REQUEST[:HEAD - 2] + b"Expect: 100-continue\r\n\r\n", b""),
    "expects and drips": (REQUEST[:HEAD - 2] + b"Expect: 100-continue\r\n\r\n", REQUEST[HEAD:]),
    "expects in chunks": (CHUNKED[:CHUNKED.index(b"\r\n\r\n")] + b"\r\nExpect: 100-continue\r\n\r\n", b""),
    "drips 15 MiB": (REQUEST.replace(b"Content-Length: 61", b"Content-Length: 15728640"), b" " * MANY),
    "stops without a key": (REQUEST.replace(AUTH + b"\r\n", b"")[:-5], b""),
    "stops behind no route": (REQUEST.replace(CHAT.encode(), b"/nope")[:-5], b""),
    "drips an extension": (CHUNKED[:CHUNKED.index(b";a=b") + 2], b"a" * MANY)}
REFUSED_ANYWAY = {"drips empty lines": (400, 408), "stops without a key": (401, 408), "stops behind no route": (404, 408)}


@pytest.fixture(scope="module")
def stalled(hasty, key):
    """Runs all stalls at once; returns what each connection received, and when it ended."""
    started, open_, ended = time.monotonic(), {}, {}
    for name, (first, drip) in STALLS.items():
        since, wire = time.monotonic(), Wire(hasty)
        wire.socket.send(first.replace(KEY, key.encode()))
        open_[wire.socket.fileno()] = (name, wire, iter(drip.replace(KEY, key.encode())), since)
    poll = select.poll()
    for number in open_:
        poll.register(number, select.POLLIN)
    next_drip = started
    while open_ and time.monotonic() < started + patience(5):
        for number, event in poll.poll(5):
            name, wire, _, since = open_[number]
            try:
                part = wire.socket.recv(65536)
            except ConnectionError:
                part = b""
            wire.received += part
            if not part:
                poll.unregister(number)
                ended[name] = (wire.answers()[0], time.monotonic() - since)
                del open_[number]
        if time.monotonic() >= next_drip:
            next_drip += 0.02
            for _, wire, drip, _ in open_.values():
                try:
                    wire.socket.send(bytes([next(drip)]))
                except (StopIteration, ConnectionError):
                    pass
    for name, wire, _, _ in open_.values():
        ended[name] = (wire.answers()[0], None)
        wire.socket.close()
    return ended


@pytest.mark.parametrize("name", STALLS)
def test_a_stall_is_a_408(stalled, key, name):
    answers, seconds = stalled[name]
    assert seconds, f"the connection stays open; answers: {[a.status for a in answers]}"
    statuses = [a.status for a in answers]
    before = [100] if "expects" in name else [200] if "second" in name else []
    allowed = REFUSED_ANYWAY.get(name, 408)
    assert statuses[:len(before)] == before and len(statuses) == len(before) + 1, f"got {statuses}, expected {before} and {allowed}"
    check_refusal(answers[-1], Case(name, b"", allowed), key)
    within(seconds, DEADLINE + LATE, name)
    assert seconds > DEADLINE * 0.8 or name in REFUSED_ANYWAY, f"after {seconds:.1f} s already"


def test_nothing_sent_is_an_idle_connection(hasty):
    with Wire(hasty) as wire:
        assert wire.ends(IDLE + LATE), "the connection stays open"
        assert [a.status for a in wire.answers()[0]] in ([], [408])


def test_an_idle_connection_is_closed_without_a_word(hasty, key):
    with Wire(hasty) as wire:
        assert wire.send(get("/v1/models").replace(KEY, key.encode())).final().status == 200
        started = time.monotonic()
        assert wire.ends(IDLE + LATE) and time.monotonic() - started > IDLE * 0.8
        assert len(wire.answers()[0]) == 1


def test_slow_but_steady_is_served(hasty, key):
    """4 KiB at 2 KiB/s: twice the minimum rate, and much longer than the deadline."""
    text = HELLO.replace("hi", "a" * 4096).encode()
    data = post(text).replace(KEY, key.encode())
    head = data.index(b"{")
    with Wire(hasty) as wire:
        wire.send(data[:head]).pump(lambda: False, 0.1)
        for at in range(head, len(data), 205):
            wire.send(data[at:at + 205]).pump(lambda: False, 0.1)
        assert (answer := wire.final()) and answer.status == 200, answer


def test_a_head_in_pieces_within_the_deadline_is_served(hasty, key):
    data = get("/v1/models").replace(KEY, key.encode())
    with Wire(hasty) as wire:
        for at in range(0, len(data), 40):
            wire.send(data[at:at + 40]).pump(lambda: False, 0.02)
        assert wire.final().status == 200


def test_a_pause_between_requests_is_no_slowness(hasty, key):
    with Wire(hasty) as wire:
        for count in [1, 2, 3]:
            assert wire.send(get("/v1/me").replace(KEY, key.encode())).final(count=count).status == 200
            wire.pump(lambda: False, DEADLINE + 0.05)
