"""Callers with their own addresses: all of 127.0.0.0/8 is this machine, so each may use another one."""

import itertools
import json
import socket
import zlib

from clock import patience

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_numbers = itertools.count(2)


def fresh_address(net="127.7"):
    """An address that has not been used in this run."""
    number = next(_numbers)
    return f"{net}.{number // 250}.{number % 250 + 1}"


def base62(number, width):
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        text = DIGITS[digit] + text
    return text


def random_key(source):
    """A well-formed key that was never issued; only a look-up can tell."""
    body = "sk-hub-" + base62(source.getrandbits(256), 43)
    return body + base62(zlib.crc32(body.encode()), 6)


class Caller:
    """One kept-alive connection from an address. `seconds`: how long an answer may take."""

    def __init__(self, worker, address="127.0.0.1", seconds=10):
        self.socket = socket.create_connection(("127.0.0.1", worker.port), patience(seconds), (address, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, method, path, fields, body=b"", length=None):
        lines = [f"{method} {path} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in fields)]
        if length is not None or body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body) if length is None else length}"]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def answer(self):
        """Status, headers in lower case, parsed body; status 0 when the connection is closed instead."""
        received = b""
        while b"\r\n\r\n" not in received:
            part = self.socket.recv(65536)
            if not part:
                return 0, {}, None
            received += part
        head, body = received.split(b"\r\n\r\n", 1)
        status, *fields = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
        while len(body) < int(headers["content-length"]):
            body += self.socket.recv(65536)
        return int(status.split(" ")[1]), headers, json.loads(body)

    def ask(self, *arguments, **options):
        self.send(*arguments, **options)
        return self.answer()


def once(worker, address, method, path, fields, body=b""):
    """One request on a connection of its own."""
    with Caller(worker, address) as caller:
        return caller.ask(method, path, fields, body)


def check_refusal(answer, status=429, type_="rate_limit_exceeded"):
    """A refusal in the shape of every error, that says when to come back."""
    got, headers, body = answer
    assert got == status and body["error"]["type"] == type_ and body["error"]["code"] == status, (got, body)
    assert int(headers["retry-after"]) >= 1 and int(headers["retry-after-ms"]) >= 1, headers
