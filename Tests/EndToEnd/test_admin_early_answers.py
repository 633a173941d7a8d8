"""Answers of the admin port sent before the body has arrived: a caller who sends first can read them, and no body is read
without bound afterwards."""

import http.client
import json
import socket

import pytest

from clock import patience
from test_admin_bounds import Control
from tls_rig import Pairs

#: At most 1 MiB is discarded after an answer; the rest waits in the sockets of both sides, a few MiB each.
FLOOD_BYTES = 256 << 20
CHUNK = bytes(64 << 10)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "TLS"])
def control(request, stack, tmp_path_factory):
    pairs = Pairs(tmp_path_factory.mktemp("early") / "pairs")
    certificate, key = pairs.make("localhost")
    tls = {"TLS_CERTIFICATE_FILE": certificate, "TLS_KEY_FILE": key} if request.param else {}
    made = Control(stack, f"control-early-{request.param}", FAILED_TOKENS_PER_MINUTE=0, **tls)
    made.wrap = (lambda plain: pairs.trusting().wrap_socket(plain, server_hostname="localhost")) if request.param else lambda plain: plain
    yield made
    made.process.kill()


def opened(control, token, more):
    """A connection on which the head of a request has been sent."""
    connection = control.wrap(control.connect())
    connection.sendall(f"POST /admin/v1/orgs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}\r\n\r\n".encode())
    return connection


def answer(connection):
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, response.headers.get("connection"), json.loads(response.read())["error"]["type"]


@pytest.mark.parametrize("kind", ["length", "chunked"])
@pytest.mark.parametrize("size", [100_000, 1_000_000])
@pytest.mark.parametrize("token, expected", [("wrong", (401, "invalid_admin_token")), (None, (422, "unprocessable_entity"))])
def test_who_sends_first_reads_the_answer(control, kind, size, token, expected):
    """`None`: the correct token and a body over the bound."""
    head = f"Content-Length: {size}" if kind == "length" else "Transfer-Encoding: chunked"
    with opened(control, token or control.token(), head) as connection:
        body = bytes(size) if kind == "length" else f"{size:x}\r\n".encode() + bytes(size) + b"\r\n0\r\n\r\n"
        connection.sendall(body)
        status, last, error = answer(connection)
        assert (status, error) == expected
        # All of it may have arrived before the answer was sent.
        assert last is None or connection.recv(1) == b"", "the connection is closed"


@pytest.mark.parametrize("token", ["wrong", None])
def test_a_body_is_not_read_without_bound_after_its_answer(control, token):
    sent = 0
    with opened(control, token or control.token(), f"Content-Length: {FLOOD_BYTES}") as connection:
        connection.settimeout(patience(30))
        with pytest.raises((ConnectionError, socket.timeout, OSError)) as ended:
            while sent < FLOOD_BYTES:
                connection.sendall(CHUNK)
                sent += len(CHUNK)
        assert not isinstance(ended.value, TimeoutError), "it is closed, and not just read no more"
    assert sent < FLOOD_BYTES / 4, sent


def test_who_waits_before_sending_is_told_that_nothing_more_is_read(control):
    with opened(control, "wrong", "Content-Length: 50000") as connection:
        assert answer(connection) == (401, "close", "invalid_admin_token")
        assert connection.recv(1) == b""


def test_a_connection_whose_body_has_come_goes_on(control):
    """Three requests in one write: each answer is sent when the next request has already arrived."""
    request = b"POST /admin/v1/orgs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nContent-Length: 2\r\n\r\n{}"
    with control.wrap(control.connect()) as connection:
        connection.sendall(request * 3)
        stream = connection.makefile("rb")
        for _ in range(3):
            head = [line.lower().strip() for line in iter(stream.readline, b"\r\n")]
            assert head and b"401" in head[0] and b"connection: close" not in head, head
            length = next(int(line.split(b":")[1]) for line in head if line.startswith(b"content-length"))
            assert json.loads(stream.read(length))["error"]["code"] == 401
