"""A request broken off anywhere leaves nothing behind, and an endless one is not read to its end."""

import socket
import struct

import pytest

from case import AUTH, CHAT, JSON, KEY, Case, post
from processes import wait_until
from wire import Wire, check_refusal

REQUEST = post()
HEAD = REQUEST.index(b"{")


@pytest.mark.parametrize("length", range(len(REQUEST)))
def test_fin_after_each_byte(worker, watch, key, length):
    with Wire(worker) as wire:
        wire.send(REQUEST[:length].replace(KEY, key.encode()), fin=True)
        assert wire.ends(), "the connection stays open"
        for answer in wire.answers()[0]:
            check_refusal(answer, Case("fin", REQUEST[:length], (400, 408)), key)
        assert len(wire.answers()[0]) <= 1


@pytest.mark.parametrize("length", range(len(REQUEST)))
def test_reset_after_each_byte(worker, watch, key, length):
    with socket.create_connection(("127.0.0.1", worker.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(REQUEST.replace(KEY, key.encode())[:length])


def test_no_piece_of_a_request_came_through(watch):
    watch.check()


def test_a_whole_request_and_a_reset_leave_no_hold(stack, worker, watch, key):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", worker.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(REQUEST.replace(KEY, key.encode()))
    wait_until(stack.settled, 10, "no hold is open")
    stack.clear_bill()
    watch.check()


@pytest.mark.parametrize("status, edit", ids=["401", "404", "415", "405"], argvalues=[
    (401, lambda data: data.replace(AUTH + b"\r\n", b"")), (404, lambda data: data.replace(CHAT.encode(), b"/nope")),
    (415, lambda data: data.replace(JSON, b"Content-Type: text/plain")), (405, lambda data: data.replace(b"POST", b"PUT"))])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_an_endless_body_behind_a_refusal_is_not_read(worker, key, status, edit, framing):
    """The answer comes at once; then the connection closes, long before the body ends."""
    head = edit(REQUEST[:HEAD]).replace(KEY, key.encode())
    data = head.replace(b"Content-Length: 61", b"Content-Length: 18000000") + b" " * 17_000_000
    if framing == "chunks":
        data = head.replace(b"Content-Length: 61", b"Transfer-Encoding: chunked") + (b"10000\r\n" + b" " * 65536 + b"\r\n") * 500
    with Wire(worker) as wire:
        check_refusal(wire.send(data).final(), Case("endless", data, status), key)
        assert wire.ends(3), "the connection stays open"
        assert len(wire.answers()[0]) == 1
