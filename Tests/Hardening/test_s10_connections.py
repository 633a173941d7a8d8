"""S10: connections are counted when they are accepted, on every port, and running out of descriptors neither stops nor
spins.

One caller floods a port with connections that send nothing or half a request. Those over a bound must be closed during
the flood, and the plain port must go on answering."""

import os
import pathlib
import select
import socket
import subprocess
import sys

import pytest

import rows
from clock import patience
from processes import free_port, wait_until
from stack import Worker
from tls_rig import Pairs

PER_ADDRESS, TOTAL, OPERATIONS, DESCRIPTORS = 16, 24, 64, 96
#: States of a socket in /proc/net/tcp.
ESTABLISHED, CLOSE_WAIT = "01", "08"
#: Longer than any test: nothing but a bound may close a silent connection.
PATIENCE = {"TLS_HANDSHAKE_MS": 60000, "HEAD_DEADLINE_MS": 60000, "IDLE_MS": 60000}
HELLO = bytes.fromhex("16030100c8010000c40303") + b"\x11" * 20
#: What a flooder says on each port: never a whole request or handshake.
WORDS = {
    "tls": [b"", HELLO[:1], HELLO[:5], HELLO[:9], HELLO],
    "plain": [b"", b"G", b"GET /v1 HTTP/1.1\r\n", b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"],
    "operations": [b"", b"GET /livez HT", b"GET /metrics HTTP/1.1\r\nHost: x\r\n"],
}


@pytest.fixture(scope="module")
def workers(stack):
    pairs = Pairs(stack.folder / "s10")
    pairs.show(*pairs.make("s10"))
    made = {}
    for name, wrap, settings in [
            ("address", [], {"CONNECTIONS_PER_ADDRESS": PER_ADDRESS}),
            ("total", [], {"CONNECTIONS": TOTAL}),
            ("raised", ["prlimit", f"--nofile={DESCRIPTORS}:"], {}),
            ("starved", ["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"], {})]:
        worker = Worker(f"s10-{name}", stack, TLS_PORT=free_port(), **{
            "TLS_CERTIFICATE_FILE": pairs.certificate, "TLS_KEY_FILE": pairs.key, **PATIENCE, **settings})
        worker.process.command[:0] = wrap
        worker.tls_port = int(worker.process.env["AIHUB_WORKER_TLS_PORT"])
        made[name] = worker.start()
    yield made
    for worker in made.values():
        worker.process.kill()


class Flood:
    """Connections of one attack; all are closed at its end."""

    def __init__(self, worker):
        self.ports = {"plain": worker.port, "tls": worker.tls_port, "operations": worker.operations}
        self.all = []

    def open(self, port, source, words):
        made = socket.socket()
        made.settimeout(patience(5))
        made.bind((source, 0))
        try:
            made.connect(("127.0.0.1", self.ports[port]))
            made.sendall(words)
        except ConnectionError:
            return made.close()
        self.all.append(made)

    def standing(self):
        """How many the worker has not closed."""
        poll = select.poll()
        for connection in self.all:
            poll.register(connection, select.POLLIN | select.POLLRDHUP)
        return len(self.all) - sum(1 for _, what in poll.poll(0) if what & (select.POLLRDHUP | select.POLLHUP | select.POLLERR))

    def kept(self):
        """How many the worker still has, closed by their callers or not."""
        rows = (line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:])
        return sum(int(row[1].split(":")[1], 16) in self.ports.values() and row[3] in (ESTABLISHED, CLOSE_WAIT) for row in rows)

    def close(self):
        for connection in self.all:
            connection.close()
        self.all = []


def answers(worker, source="127.0.0.1"):
    """Whether the plain port answers a request on a connection of its own."""
    try:
        with socket.create_connection(("127.0.0.1", worker.port), patience(5), (source, 0)) as connection:
            connection.sendall(b"GET /v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return connection.recv(65536).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def spins(worker):
    """Whether the worker uses more than a quarter of the CPU that a busy loop gets in the same time."""
    before = ticks(worker.process.child.pid)
    control = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        wait_until(lambda: ticks(control.pid) > os.sysconf("SC_CLK_TCK"), 20, "the control has counted for a second")
        return ticks(worker.process.child.pid) - before > ticks(control.pid) / 4
    finally:
        control.kill()
        control.wait()


attacks = rows.each_of(["address", "total", "raised", "operations", "address", "starved", "total", "raised"])


def generate(random):
    attack = attacks()
    sources = [f"127.0.{random.randint(0, 9)}.{random.randint(2, 250)}" for _ in range(random.randint(1, 4))]
    ports = {"address": ["tls"], "operations": ["operations"]}.get(attack) or random.choice([["tls"], ["tls", "tls", "plain"]])
    more = {"address": PER_ADDRESS, "total": TOTAL, "operations": OPERATIONS}.get(attack, DESCRIPTORS)
    count = more + random.randint(8, more)
    if attack in ("address", "operations"):
        sources = sources[:1]
    flood = [(port, random.choice(sources), random.choice(WORDS[port])) for port in (random.choice(ports) for _ in range(count))]
    return {"attack": attack, "sources": sources, "flood": flood}


def check(workers, variant):
    attack = variant["attack"]
    worker = workers["address" if attack == "operations" else attack]
    bound = {"address": PER_ADDRESS, "total": TOTAL, "operations": OPERATIONS}.get(attack)
    flood = Flood(worker)
    try:
        for how in variant["flood"]:
            flood.open(*how)
        if bound:
            wait_until(lambda: flood.standing() <= bound, 5, f"at most {bound} of {len(flood.all)} stand: {flood.standing()}")
            assert flood.standing() == bound, "no more were closed than had to be"
        if attack in ("address", "raised", "operations"):
            assert answers(worker), "the plain port answers while the flood stands"
        if attack == "starved":
            assert "too few file descriptors" in worker.process.log(), "it says beforehand that they will not do"
            assert not spins(worker), "it waits, and does not spin"
            assert worker.process.running, "it lives"
    finally:
        flood.close()
    wait_until(lambda: not flood.kept(), 10, "all of them are closed")
    wait_until(lambda: answers(worker), 10, "the places are given back")


def test_connections_are_counted_when_accepted_on_every_port(workers):
    rows.attack("S10", generate, lambda variant: check(workers, variant))
