"""HTTP without a client library: exact bytes out; status, headers and body back."""

import http.client
import json
import socket

from clock import patience


def ask(worker, method, path, key=None, body=None, headers=None):
    """Sends one request; returns (status, headers in lower case, parsed JSON or text)."""
    connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=patience(20))
    fields = dict(headers or {})
    if key:
        fields.setdefault("Authorization", f"Bearer {key}")
    if body is not None:
        fields.setdefault("Content-Type", "application/json")
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body)
    connection.request(method, path, body, fields)
    answer = connection.getresponse()
    text = answer.read().decode()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    return answer.status, headers, json.loads(text) if headers.get("content-type") == "application/json" and text else text


def send(worker, data, seconds=10):
    """Sends raw bytes; returns everything received until the worker closes, as text."""
    with socket.create_connection(("127.0.0.1", worker.port), timeout=patience(seconds)) as connection:
        connection.sendall(data)
        received = b""
        while True:
            part = connection.recv(65536)
            if not part:
                return received.decode()
            received += part


def events(text):
    """The data of each event of a stream, parsed; `[DONE]` stays text."""
    data = [block[len("data: "):] for block in text.split("\n\n") if block.startswith("data: ")]
    return [item if item == "[DONE]" else json.loads(item) for item in data]
