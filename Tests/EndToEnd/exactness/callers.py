"""Callers that log each request and its outcome as one entry of the callers' log."""

import asyncio
import random
import threading
import time

from line import LOST, Line

#: No answer in the tests takes longer.
ANSWER_SECONDS = 60


class Crowd:
    """`with Crowd(workers, keys, models) as crowd:` sends requests until the block ends, then awaits running ones."""

    def __init__(self, workers, keys, models, callers=8, seed=1, streams=0.5, pause=0.0, **body):
        self.workers, self.keys, self.models, self.callers, self.streams = workers, keys, models, callers, streams
        self.pause, self.body, self.seed = pause, body, seed
        self.calls, self.running = [], {}
        self.stopping = False
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join(ANSWER_SECONDS + 30)
        assert not self.thread.is_alive(), "a caller never came to an end"

    def of(self, *keys):
        ids = {key["id"] for key in keys}
        return [call for call in list(self.calls) if call.key in ids]

    @property
    def streaming(self):
        """How many running streams have delivered data."""
        return sum(call.pieces > 0 for call in list(self.running.values()))

    @property
    def answered(self):
        return sum(call.whole for call in list(self.calls))

    async def _run(self):
        await asyncio.gather(*(self._caller(random.Random(f"{self.seed}.{n}")) for n in range(self.callers)))

    async def _caller(self, chance):
        line = None
        while not self.stopping:
            key, model = chance.choice(self.keys), chance.choice(self.models)
            line = await self._ask(line, chance, key, model, chance.random() < self.streams)
            if line and chance.random() < 0.1:
                line = line.leave()
            await asyncio.sleep(chance.uniform(0, 2 * self.pause) if line else 0.05)
        if line:
            line.leave()

    async def _ask(self, line, chance, key, model, stream):
        call = None
        try:
            line = line or await Line(chance.choice(self.workers)).open()
            call = line.send(key, model, stream, **self.body)
            self.running[id(call)] = call
            goes_on = await asyncio.wait_for(line.receive(call), ANSWER_SECONDS)
            return line if goes_on else line.leave()
        except LOST:
            return line.leave() if call else None
        finally:
            if call:
                call.ended = time.monotonic()
                self.running.pop(id(call))
                self.calls.append(call)


def volley(workers, key, count, model="plain", stream=False, again=None, **body):
    """`count` requests at once, each on a connection of its own, in turn over the workers; the calls of each.
    `again(call)`: whether to ask once more, as a client does that heeds `retry-after`, though not for so long."""
    async def opened(worker, deadline):
        while True:
            try:
                return await Line(worker).open()
            except OSError:  # A worker that is restarting.
                if not again or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)

    async def one(n):
        calls, deadline = [], time.monotonic() + ANSWER_SECONDS
        line = await opened(workers[n % len(workers)], deadline)
        while not calls or (again and again(calls[-1]) and time.monotonic() < deadline):
            call = line.send(key, model, stream, **body)
            calls.append(call)
            try:
                if not await asyncio.wait_for(line.receive(call), ANSWER_SECONDS):
                    line.leave()
                    line = await opened(workers[n % len(workers)], deadline)
            except LOST:
                break
            finally:
                call.ended = time.monotonic()
            await asyncio.sleep(0.1 if again else 0)
        line.leave()
        return calls

    async def everybody():
        return await asyncio.gather(*(one(n) for n in range(count)))

    return asyncio.run(everybody())
