"""Shared by the tests of the answer cache: one exchange, with its exact bytes."""

import dataclasses
import http.client
import json
import threading

from clock import patience

CHAT = "/v1/chat/completions"
#: Headers about this particular request, which differ between an answer and its repetition.
OF_THE_REQUEST = {"x-request-id", "x-aihub-cache", "age", "x-aihub-cost-usd", "x-aihub-route", "x-aihub-config",
                  "x-aihub-model-requested", "x-aihub-deployment", "x-aihub-attempts",
                  "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests",
                  "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"}


@dataclasses.dataclass
class Exchange:
    status: int
    headers: dict
    body: bytes

    @property
    def word(self):
        return self.headers.get("x-aihub-cache")

    @property
    def lasting(self):
        """The headers a repetition must have too."""
        return {name: value for name, value in self.headers.items() if name not in OF_THE_REQUEST}

    @property
    def id(self):
        return self.headers["x-request-id"]

    @property
    def json(self):
        return json.loads(self.body)


def exchange(worker, key, body, path=CHAT, **fields):
    """Sends one request; `fields` are headers, with underscores for hyphens."""
    connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=patience(30))
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    headers |= {name.replace("_", "-"): value for name, value in fields.items()}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request("POST", path, data, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return Exchange(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)


def hello(model="plain", text="hi", **members):
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 20, **members}


def at_once(count, run):
    """Calls `run(n)` on one thread each, all released together; returns their results in order."""
    results, gate = [None] * count, threading.Barrier(count)

    def one(n):
        gate.wait()
        results[n] = run(n)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
