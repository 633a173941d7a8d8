"""S9: the bodies of requests are bounded in sum and in time: for a key, for an address, for a worker.

A caller that has sent much must not stay silent for hours. A caller that opens many bodies, or lets large requests run,
is refused beyond the bound, in the documented shape, while others continue."""

import json
import socket

import pytest

import rows
from clock import patience
from processes import wait_until
from raw import ask
from stack import Worker

MIB = 1 << 20
KEY_MIB = 32
CHAT = "/v1/chat/completions"
PATHS = [CHAT, "/v1/completions", "/v1/embeddings", "/v1/images/generations"]
WINDOW_MS, TOTAL_MS, SUM_MIB = 500, 1500, 40


@pytest.fixture(scope="module")
def workers(stack):
    made = {}
    for name, settings in [
            ("silence", {"BODY_DEADLINE_MS": WINDOW_MS}), ("total", {"BODY_DEADLINE_MS": WINDOW_MS, "BODY_TOTAL_MS": TOTAL_MS}),
            ("key", {}), ("address", {"BODIES_PER_ADDRESS_MIB": SUM_MIB}), ("worker", {"BODIES_MIB": SUM_MIB})]:
        made[name] = Worker(f"s09-{name}", stack, **settings).start()
    yield made
    for worker in made.values():
        worker.process.kill()


@pytest.fixture(scope="module")
def keys(stack, workers):
    made = [stack.new_key()["key"] for _ in range(8)]
    for worker in workers.values():
        wait_until(lambda: all(ask(worker, "GET", "/v1/models", key)[0] == 200 for key in made), what="the keys are known")
    return made


class Body:
    """One request whose body is sent bit by bit, if at all."""

    def __init__(self, worker, key, size, framing, path=CHAT, source="127.0.0.1", expects=False):
        self.size, self.framing, self.received, self.is_closed = size, framing, b"", False
        self.connection = socket.create_connection(("127.0.0.1", worker.port), patience(10), (source, 0))
        length = f"Content-Length: {size}" if framing == "length" else "Transfer-Encoding: chunked"
        expect = "Expect: 100-continue\r\n" if expects else ""
        self.connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n{expect}{length}\r\n\r\n".encode())

    def send(self, data):
        """False when the worker has closed the connection."""
        if self.framing == "chunked":
            data = b"%x\r\n%s\r\n" % (len(data), data)
        try:
            self.connection.sendall(data)
        except (ConnectionError, TimeoutError):
            return False
        return True

    def answer(self, seconds):
        """Status, headers and parsed body of the final answer; `None` when there is none within that time."""
        self.connection.settimeout(seconds)
        try:
            while not (found := self.parsed()):
                part = self.connection.recv(65536)
                if not part:
                    self.is_closed = True
                    return None
                self.received += part
            return found
        except (BlockingIOError, TimeoutError):
            return None
        except OSError:
            self.is_closed = True
            return None

    def parsed(self):
        head, found, rest = self.received.partition(b"\r\n\r\n")
        if found and head.startswith(b"HTTP/1.1 100"):
            head, found, rest = rest.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])} if found else {}
        if not found or len(rest) < int(headers.get("content-length", 0)):
            return None
        return int(lines[0].split()[1]), headers, json.loads(rest)

    def is_over(self):
        """Whether it was answered or its connection closed; what has not arrived is not waited for."""
        return self.answer(0) is not None or self.is_closed

    def close(self):
        self.connection.close()


def is_refused(answer, status, kind):
    assert answer is not None, "it is answered while nothing more is sent"
    got, headers, body = answer
    assert (got, body["error"]["type"], body["error"]["code"]) == (status, kind, status), answer
    assert body["error"]["message"] and "x-request-id" in headers
    if status in (429, 503):
        assert int(headers["retry-after"]) >= 1 and int(headers["retry-after-ms"]) >= 1


def refused_of(held, bound):
    """The bodies that are refused when their sum exceeds the bound: no more than necessary.

    Which ones depends on whose bytes are read first. Once the rest is within the bound, no other is refused."""
    def standing():
        return sum(body.size for body in held if not body.is_over())

    wait_until(lambda: standing() <= bound, 4, "what is over the bound is refused")
    refused = [body for body in held if body.is_over()]
    assert standing() + max(body.size for body in refused) > bound, "the last one was refused though there was room for it"
    return refused


def goes_on(worker, key):
    status, _, got = ask(worker, "POST", CHAT, key, {"model": "plain", "messages": [{"role": "user", "content": "hi"}]})
    assert status == 200, ("others go on", got)


attacks = rows.each_of(["silence", "key", "total", "running", "address", "key", "worker"])


def generate(random):
    attack = attacks()
    return {
        "attack": attack, "framing": random.choice(["length", "chunked"]), "path": random.choice(PATHS),
        "expects": random.random() < 0.3, "sizes": [random.randint(3 * MIB, 19 * MIB) for _ in range(40)],
        "first": random.randint(16 << 10, 19 * MIB), "keys": random.sample(range(8), 8), "drips": random.random() < 0.5,
        "sources": [f"127.0.{random.randint(0, 9)}.{random.randint(2, 250)}" for _ in range(4)]}


def silent(worker, keys, variant):
    """Much at once, then nothing or a byte now and then."""
    body = Body(worker, keys[variant["keys"][0]], 19 * MIB + (64 << 10), variant["framing"], variant["path"], expects=variant["expects"])
    try:
        body.send(b" " * variant["first"])
        for _ in range(int(patience(4) / 0.1) if variant["drips"] else 1):
            answer = body.answer(0.1 if variant["drips"] else patience(4))
            if answer or not body.send(b" "):
                break
        else:
            assert not variant["drips"], "drips keep it open"
        is_refused(answer or body.answer(patience(1)), 408, "request_timeout")
    finally:
        body.close()


def endless(worker, keys, variant):
    """Fast enough at every moment, and never done."""
    body = Body(worker, keys[variant["keys"][0]], 19 * MIB, variant["framing"], variant["path"], expects=variant["expects"])
    try:
        answer = None
        for _ in range(int(patience(3) / 0.05)):
            if not body.send(b" " * 4096):
                break
            answer = body.answer(0.05)
            if answer:
                break
        else:
            assert False, "it may go on for ever"
        is_refused(answer or body.answer(patience(0.1)), 408, "request_timeout")
    finally:
        body.close()


def many(worker, key, variant):
    """Bodies of one key, one after the other, until the key's bound: as soon as a length says so, or while chunks
    arrive."""
    held, total = [], 0
    try:
        for size in variant["sizes"]:
            held.append(Body(worker, key, size, variant["framing"], variant["path"], expects=variant["expects"]))
            total += size
            if variant["framing"] == "chunked":
                held[-1].send(b" " * size)
            if total > KEY_MIB * MIB:
                break
        for body in refused_of(held, KEY_MIB * MIB):
            is_refused(body.answer(0), 429, "rate_limit_exceeded")
    finally:
        for body in held:
            body.close()


def running(worker, key, variant):
    """The bodies of requests that run are held, and count until these end."""
    held = []
    try:
        for size in (18 * MIB, 12 * MIB):
            start, end = b'{"model":"long","stream":true,', b'"messages":[{"role":"user","content":"hi"}]}'
            body = Body(worker, key, size, "length")
            held.append(body)
            assert body.send(start + b" " * (size - len(start) - len(end)) + end)
            body.connection.settimeout(patience(20))
            assert body.connection.recv(4096).startswith(b"HTTP/1.1 200"), "it runs"
        held.append(Body(worker, key, 3 * MIB, variant["framing"]))
        held[-1].send(b" " * (3 * MIB))
        is_refused(held[-1].answer(patience(4)), 429, "rate_limit_exceeded")
    finally:
        for body in held:
            body.close()


def together(worker, keys, variant, sources):
    """Bodies of several keys, each within its own bound, until the bound of their address or of the worker."""
    held = []
    try:
        for number, size in enumerate([15 * MIB, 14 * MIB, 9 * MIB, 5 * MIB]):
            held.append(Body(worker, keys[variant["keys"][number]], size, variant["framing"], source=sources[number]))
            held[-1].send(b" " * (size - 1))
        refused = refused_of(held, SUM_MIB * MIB)
        assert len(refused) == 1
        # Of an address the one that is over; of a worker the largest, and its second may have been read first.
        assert variant["attack"] == "address" or refused[0] in held[:2]
        is_refused(refused[0].answer(0), 503, "overloaded")
    finally:
        for body in held:
            body.close()


def check(workers, keys, variant):
    attack, key = variant["attack"], keys[variant["keys"][0]]
    worker = workers["key" if attack == "running" else attack]
    if attack == "silence":
        silent(worker, keys, variant)
    elif attack == "total":
        endless(worker, keys, variant)
    elif attack == "key":
        many(worker, key, variant)
    elif attack == "running":
        running(worker, key, variant)
    elif attack == "address":
        together(worker, keys, variant, variant["sources"][:1] * 4)
    else:
        together(worker, keys, variant, variant["sources"])
    goes_on(worker, keys[variant["keys"][7]])
    goes_on(worker, key)


def test_bodies_are_bounded_in_sum_and_in_time(workers, keys):
    rows.attack("S9", generate, lambda variant: check(workers, keys, variant))
