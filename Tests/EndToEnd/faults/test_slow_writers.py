"""Callers who send too slowly or do not stop sending: bounded time, bounded reading, others unaffected."""

import itertools
import json
import socket
import threading
import time

import pytest

from clock import judge, patience, within
from measuring import bytes_read
from playing import CHAT, body, connect, raw_request
from processes import wait_until
from raw import ask
from raw_answers import answer, plain


@pytest.fixture(scope="module")
def strict(make_worker):
    """A worker with deadlines of half a second instead of ten, and so on."""
    return make_worker(HEAD_DEADLINE_MS=500, BODY_DEADLINE_MS=500, IDLE_MS=1500)


def drip(worker, pieces, pause=0.05):
    """Sends piece by piece until the worker closes the connection; returns its answer and the seconds that took."""
    started, said = time.monotonic(), b""
    with connect(worker) as connection:
        connection.settimeout(pause)
        for piece in itertools.chain(pieces, itertools.repeat(b"")):
            assert time.monotonic() < started + patience(4), f"it takes all that comes and said {said}"
            try:
                connection.sendall(piece)
                part = connection.recv(65536)
                if not part:
                    break
                said += part
            except TimeoutError:
                pass
            except OSError:
                break
    return said, time.monotonic() - started


def bytes_of(data):
    return [data[n:n + 1] for n in range(len(data))]


#: More data than any test waits for.
MANY = 2000

REQUEST = "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n\r\n"
#: name -> (pieces, what the answer begins with); the deadline is half a second for all.
SLOW = {
    "half a request line": ([b"POST /v1"], b"HTTP/1.1 408"),
    "a head by drips": (bytes_of(REQUEST.encode() + b"x: " + b"y" * MANY), b"HTTP/1.1 408"),
    "a head without end": ([b"GET / HTTP/1.1\r\n"] + [b"x: y\r\n"] * MANY, b"HTTP/1.1 408"),
    "no body": ([REQUEST + "Content-Length: 500\r\n\r\n"], b"HTTP/1.1 408"),
    "a body by drips": ([REQUEST + f"Content-Length: {MANY}\r\n\r\n"] + bytes_of(b" " * MANY), b"HTTP/1.1 408"),
    "chunks by drips": ([REQUEST + CHUNKED] + [b"1\r\n \r\n"] * MANY, b"HTTP/1.1 408"),
    "a chunk extension by drips": ([REQUEST + CHUNKED + "1;"] + [b"x"] * MANY, b"HTTP/1.1 408"),
    "trailers by drips": ([REQUEST + CHUNKED + "0\r\n"] + [b"x: y\r\n"] * MANY, b"HTTP/1.1 408"),
    "a body that was announced": ([REQUEST + "Expect: 100-continue\r\nContent-Length: 500\r\n\r\n"], b"HTTP/1.1 100"),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_request_that_does_not_come_is_given_up(stack, strict, key, name):
    pieces, start = SLOW[name]
    text = [p if isinstance(p, bytes) else p.format(CHAT, key).encode() for p in pieces]
    said, seconds = drip(strict, text)
    assert seconds > 0.4 and said.startswith(start), (said, seconds)
    within(seconds, 1.5, "given up")
    assert b" 408 " in said and b'"request_timeout"' in said and b"connection: close" in said.lower(), said
    wait_until(stack.settled, 2)


@pytest.mark.parametrize("pieces", [[], [b"\r\n"]], ids=["nothing", "an empty line"])
def test_a_connection_that_asks_nothing_is_closed(strict, pieces):
    within(drip(strict, pieces)[1], 2.2, "closed")


def test_a_body_that_is_slow_but_fast_enough_is_taken(strict, key, upstream):
    """2 KiB every tenth of a second, far past the deadline of half a second."""
    upstream.scripts["fast enough"] = [plain(answer())]
    padding = {"x_padding": "x" * 30_000}
    data = raw_request(key, "fast enough", stream=False, **padding)
    said, seconds = drip(strict, [data[n:n + 2048] for n in range(0, len(data), 2048)], pause=0.1)
    assert said.startswith(b"HTTP/1.1 200") and seconds > 1.4


def test_an_idle_connection_is_closed_and_no_sooner(strict, key, upstream):
    """Waiting for a slow answer does not count as idle either."""
    upstream.scripts["slow answer"] = [1.8, plain(answer())]
    connection = connect(strict)
    for _ in range(2):
        connection.sendall(raw_request(key, "slow answer", stream=False))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        time.sleep(0.4)
    assert connection.recv(1) == b"", "closed without a word"
    connection.close()


def test_two_hundred_slow_callers_slow_nobody(make_worker, key, upstream):
    """Others still get their answers; on a quiet machine the 99th percentile rises by five milliseconds at most."""
    upstream.scripts["plain"] = [plain(answer())]
    worker = make_worker()

    def p99():
        times = []
        for _ in range(200):
            started = time.monotonic()
            assert ask(worker, "POST", CHAT, key, body("plain", stream=False))[0] == 200
            times.append(time.monotonic() - started)
        return sorted(times)[-2]

    calm = min(p99() for _ in range(2))
    slow = [connect(worker) for _ in range(200)]
    stopping = threading.Event()

    def keep_dripping():
        for byte in itertools.cycle(b"POST /v1/chat/completions"):
            for connection in slow:
                connection.send(bytes([byte]))
                if stopping.wait(0.003):
                    return

    thread = threading.Thread(target=keep_dripping)
    thread.start()
    busy = min(p99() for _ in range(3))
    stopping.set()
    thread.join()
    for connection in slow:
        connection.close()
    judge(busy - calm < 0.005, f"p99 {calm * 1000:.1f} ms alone, {busy * 1000:.1f} ms beside 200 slow callers")


@pytest.mark.parametrize("path, key_, framing, status", [
    (CHAT, None, "Content-Length: 1000000000\r\n\r\n", 413),
    (CHAT, "sk-hub-wrong", "Content-Length: 20000000\r\n\r\n", 401),
    (CHAT, "sk-hub-wrong", CHUNKED + "3B9ACA00\r\n", 401),
    ("/v1/nowhere", None, "Content-Length: 20000000\r\n\r\n", 404),
    ("/v1/nowhere", None, CHUNKED + "3B9ACA00\r\n", 404),
])
def test_behind_an_early_refusal_little_is_read(worker, key, path, key_, framing, status):
    """At most 64 KiB, then the connection is closed; the refusal arrives before the body is complete."""
    with connect(worker) as connection:
        connection.settimeout(patience(3))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        connection.sendall((REQUEST.format(path, key_ or key) + framing).encode())
        said = connection.recv(65536)
        assert said.startswith(f"HTTP/1.1 {status}".encode()) and json.loads(said.split(b"\r\n\r\n")[1])["error"]["code"] == status
        before, started = bytes_read(worker), time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() < started + patience(3):
                connection.send(b"x" * 16384)
    within(time.monotonic() - started, 1.5, "closed")
    # Heartbeats and the like are read meanwhile.
    assert bytes_read(worker) - before < (64 << 10) + 32768, "no more is read"
