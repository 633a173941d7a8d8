"""Steady load from threads with keep-alive connections, which counts the answers."""

import http.client
import json
import threading
import time

from clock import patience


class Load:
    """`with Load(workers, key, model) as load:` sends requests until the block ends; `load.failures`: all answers but a 200
    with a complete body. `retry_connection`: broken connections are counted separately (their worker was killed)."""

    def __init__(self, workers, key, models, threads=4, streams=True, pause=0.0):
        self.workers, self.key, self.models, self.streams, self.pause = workers, key, models, streams, pause
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.completed, self.failures, self.broken = 0, [], 0
        self.threads = [threading.Thread(target=self._run, args=(n,)) for n in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(patience(60))

    def running(self):
        """How many of the threads are still running."""
        return sum(thread.is_alive() for thread in self.threads)

    def _run(self, n):
        connection, at = None, n
        while not self.stopping.is_set():
            worker = self.workers[at % len(self.workers)]
            body = {"model": self.models[at % len(self.models)], "messages": [{"role": "user", "content": "hi"}],
                    "max_tokens": 50, "stream": self.streams and at % 2 == 0}
            at += len(self.threads)
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", worker.port, timeout=patience(30))
                connection.request("POST", "/v1/chat/completions", json.dumps(body), {
                    "Authorization": f"Bearer {self.key}", "Content-Type": "application/json"})
                answer = connection.getresponse()
                data = answer.read()
                whole = data.endswith(b"data: [DONE]\n\n") and b'"error"' not in data if body["stream"] else data[-1:] == b"}"
                with self.lock:
                    if answer.status == 200 and whole:
                        self.completed += 1
                    else:
                        self.failures.append((answer.status, data[-400:]))
            except (OSError, http.client.HTTPException):
                connection = None
                with self.lock:
                    self.broken += 1
                time.sleep(0.05)
            if self.pause:
                time.sleep(self.pause)
