"""Watches the counters of scopes continuously during a test."""

import collections
import threading
import time

import redis

from clock import patience
from facts import counters_of


class Watcher(threading.Thread):
    """Checks scopes continuously: spent plus reserved never exceeds the limit.
    `limits`: (scope, org) -> {"month": nano, "day": nano, "day_requests": count}, each optional."""

    def __init__(self, stack, limits, raises=True):
        super().__init__(daemon=True)
        self.stack, self.limits, self.raises = stack, limits, raises
        self.looks, self.over, self.highest = 0, [], collections.Counter()
        self.stopping = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.stopping.set()
        self.join(patience(30))
        if self.raises and not any(error):
            assert self.looks > 0, "nothing was ever looked at"
            assert self.over == [], f"{len(self.over)} of {self.looks} looks: {self.over[:5]}"

    def run(self):
        while not self.stopping.wait(0.01):
            try:
                self.look(counters_of(self.stack, list(self.limits)))
            except (redis.RedisError, OSError):
                time.sleep(0.05)  # currently stopped, restarting or without functions

    def look(self, counters):
        self.looks += 1
        for (scope, _), limits in self.limits.items():
            for name, limit in limits.items():
                now = counters[scope][name] if name.endswith("requests") else (
                    counters[scope][f"{name}_spent"] + counters[scope][f"{name}_reserved"])
                self.highest[scope, name] = max(self.highest[scope, name], now)
                if now > limit:
                    self.over.append((scope, name, now, limit))
