"""What a request costs the event loop that serves it: CPU nanoseconds of that thread, which depend neither on the clock
nor on other processes."""

import http.client
import json
import pathlib

from raw import ask

#: Bodies differ by this factor. What is linear costs as many times as much; what is quadratic, its square: 64.
FACTOR = 8
#: Linear, with room for caches that no longer hold everything; the quadratic is far above.
GROWTH_MAX = 20
#: A body that is read in less than this has no growth to speak of.
FLOOR_NS = 400_000
SECONDS = 120


class LoopCPU:
    def __init__(self, worker, key):
        self.worker, self.key = worker, key
        self.tasks = pathlib.Path(f"/proc/{worker.process.child.pid}/task")
        before = self._all()
        for _ in range(200):
            ask(worker, "GET", "/v1/models", key)
        after = self._all()
        self.thread = max(after, key=lambda task: after[task] - before.get(task, 0))

    def _all(self):
        return {task.name: self._of(task.name) for task in self.tasks.iterdir()}

    def _of(self, thread):
        return int((self.tasks / thread / "schedstat").read_text().split()[0])

    def post(self, path, body):
        """Sends one body; returns (nanoseconds of the loop, status, answer)."""
        before = self._of(self.thread)
        connection = http.client.HTTPConnection("127.0.0.1", self.worker.port, timeout=SECONDS)
        connection.request("POST", path, body, {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return self._of(self.thread) - before, answer.status, text

    def judge_growth(self, path, make):
        """`make(n)` is the body of size n. Eight times the size must cost about eight times as much, or be refused."""
        small = min(self.post(path, make(1))[0] for _ in range(3))
        large, status, text = self.post(path, make(FACTOR))
        growth = large / max(small, FLOOR_NS)
        assert growth <= GROWTH_MAX, (
            f"{len(make(FACTOR))} bytes cost {large / 1e6:.1f} ms, {growth:.0f} times as much as {len(make(1))} bytes")
        assert status in (200, 400, 404), (status, text[:200])
        if status == 400:
            assert json.loads(text)["error"]["type"] == "invalid_request_error", text[:200]
