"""A provider that may break any rule: it plays the script that each request names, and records what it received.

The member `user` of a request reaches the provider, so it selects the script: `{"model": "raw", "user": "cut"}`.
A script is a list of steps: bytes are sent, any other iterable of bytes piece by
piece, a number is a pause in seconds, FIN and RST end the connection, GONE waits until the gateway closes. A script that
does not end the connection leaves it open for the next request.
"""

import dataclasses
import json
import select
import socket
import ssl
import struct
import threading
import time

from clock import HANG_SECONDS

FIN, RST, GONE = "FIN", "RST", "GONE"


def reset(connection):
    """Closes with a reset instead of a FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def is_gone(connection, seconds):
    """Waits up to `seconds` for the peer to close, ignoring what it sends before."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return bool(poll.poll(seconds * 1000))


class When:
    """Bytes that are sent once an event is set."""

    def __init__(self, event, data):
        self.event, self.data = event, data

    def __iter__(self):
        self.event.wait(HANG_SECONDS)
        yield self.data


def perform(connection, steps, sent=lambda count: None):
    """Plays steps on a connection; returns whether it is still usable."""
    for step in steps:
        if step is RST:
            reset(connection)
        elif step is FIN:
            connection.close()
        elif step is GONE:
            while not is_gone(connection, 30):
                pass
            raise ConnectionResetError
        elif isinstance(step, (int, float)):
            if is_gone(connection, step):
                raise ConnectionResetError
        else:
            for piece in [step] if isinstance(step, bytes) else step:
                connection.sendall(piece)
                sent(len(piece))
        if step in (RST, FIN):
            return False
    return True


@dataclasses.dataclass
class Received:
    script: str
    id: str
    headers: dict
    body: bytes
    #: The connection it arrived on, counted from 1.
    connection: int
    sent: int = 0
    #: When the gateway closed its connection.
    gone_at: float | None = None


class RawUpstream:
    """`tls`: a server's SSLContext; `at_accept`: steps played on a new connection before reading from it;
    `send_buffer`: bytes the kernel may buffer while the gateway does not read."""

    def __init__(self, tls=None, at_accept=(), send_buffer=None):
        self.scripts, self.received, self.connections = {}, [], 0
        self.tls, self.at_accept = tls, at_accept
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        if send_buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def of(self, script):
        return [request for request in list(self.received) if request.script == script]

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection, number):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not perform(connection, self.at_accept):
                return
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection.makefile("rb") as stream:
                while request := self._read(stream, number):
                    if not self._answer(connection, request):
                        return
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            connection.close()

    def _read(self, stream, number):
        if not stream.readline():
            return None
        headers = {}
        while (line := stream.readline().strip()):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        request = Received(json.loads(body).get("user", ""), headers.get("x-request-id", ""), headers, body, number)
        self.received.append(request)
        return request

    def _answer(self, connection, request):
        def count(size):
            request.sent += size

        try:
            return perform(connection, self.scripts[request.script], count)
        except OSError:
            request.gone_at = time.monotonic()
            return False
