"""A worker behind a proxy that corrupts one reply of Redis at a time, and the outcome of the affected request."""

import concurrent.futures
import dataclasses
import time

from clock import patience
from playing import CHAT, body
from processes import wait_until
from raw import ask
from redis_proxy import RedisProxy


@dataclasses.dataclass
class Tried:
    status: int
    type: str | None
    seconds: float
    recovered: float | None
    crashed: bool
    ids: list


class Rig:
    """A worker with its own proxy in front of Redis."""

    def __init__(self, stack, make_worker, **settings):
        self.proxy = RedisProxy(stack.state.port)
        self.worker = make_worker(REDIS_URL=self.proxy.url, **settings)

    def ask(self, key):
        started = time.monotonic()
        status, headers, got = ask(self.worker, "POST", CHAT, key, body("fine", stream=False))
        return status, headers["x-request-id"], got, time.monotonic() - started

    def try_with(self, key, spoils, reply, executed=False):
        """Sends a request whose call matching `spoils(words)` gets the steps of `reply`, then more until one succeeds."""
        wait_until(lambda: self.ask(key)[0] == 200, 5, "the worker is well before")
        told, mine = [], set()

        def spoil(words, execute):
            # The previous request's settle may arrive only now: calls for other requests are passed on.
            if words[:2] == ["FCALL", "gw2_admit"]:
                mine.add(words[3])
            if told or not spoils(words) or words[3] not in mine:
                return None
            told.append(words)
            return reply(execute() if executed else b"")

        self.proxy.spoil = spoil
        try:
            status, id, got, seconds = self.ask(key)
            ids, at = [id], time.monotonic()
            while time.monotonic() < at + patience(5):
                again, id, _, _ = self.ask(key)
                ids.append(id)
                if again == 200:
                    break
            recovered = time.monotonic() - at if again == 200 else None
            assert told, "the call was spoiled"
            return Tried(status, None if status == 200 else got["error"]["type"], seconds, recovered, False, ids)
        except OSError:
            wait_until(lambda: not self.worker.process.running, 2, "broken connections mean a crash")
            self.worker.start()
            return Tried(0, None, 0, None, True, [])
        finally:
            self.proxy.spoil = lambda words, execute: None


def try_all(rigs, key, cases):
    """`cases`: arguments of `try_with`, each run on the next free rig."""
    def one(case):
        rig = rigs.get()
        try:
            return rig.try_with(key, *case)
        finally:
            rigs.put(rig)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(one, cases))


def calls(function):
    return lambda words: words[:2] == ["FCALL", f"gw2_{function}"]
