"""A caller with one connection does not wait behind another's hundreds: a loop starts few requests a turn, each caller's after
the other's. Shown by the order in which the kernel received the answers, whatever the time they took.

The requests are ones the worker answers alone: what it asks the limiter waits in fair queues of its own."""

import signal
import socket
import struct

import pytest

from stack import Stack, Worker

#: Connections of one key, each with a request that waits while the worker is stopped.
CROWD = 200
#: socket(7) and linux/net_tstamp.h: each segment's time of arrival as an ancillary `timespec`.
SO_TIMESTAMPNS = 35


@pytest.fixture(scope="module")
def stack():
    """A worker with one loop."""
    made = Stack(workers=0)
    made.workers.append(Worker("one-loop", made, THREADS="1").start())
    yield made
    made.close()


def connect(port, address):
    connection = socket.create_connection(("127.0.0.1", port), source_address=(address, 0))
    connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return connection


def send(connection):
    connection.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")


def receive(connection):
    """Reads one answer; returns its status and when its first bytes arrived, in nanoseconds."""
    got, ancillary, _, _ = connection.recvmsg(1 << 20, 256)
    stamps = [struct.unpack("qq", data[:16]) for level, kind, data in ancillary if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)]
    head, body = got.split(b"\r\n\r\n", 1)
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(1 << 20)
    (seconds, nanoseconds), = stamps
    return int(got.split()[1]), seconds * 10**9 + nanoseconds


def test_one_connection_is_not_behind_two_hundred(stack):
    worker = stack.workers[0]
    crowd = [connect(worker.port, f"127.0.0.{1 + n % 2}") for n in range(CROWD)]
    one = connect(worker.port, "127.0.0.3")
    worker.process.signal(signal.SIGSTOP)
    for connection in [*crowd, one]:
        send(connection)
    worker.process.signal(signal.SIGCONT)
    answers = [receive(connection) for connection in [*crowd, one]]
    assert {status for status, _ in answers} == {404}
    before = sum(at < answers[-1][1] for _, at in answers[:-1])
    print(f"\nanswered after {before} of {CROWD}")
    assert before < CROWD / 4
    for connection in [*crowd, one]:
        connection.close()
