"""A worker under steady mixed load for a long time: its resource usage must not grow, and no request may be lost.

`soak.py --minutes 30` prints a table and a verdict; its exit status is 0 if every check passes.
"""

import argparse
import asyncio
import collections
import json
import os
import pathlib
import random
import socket
import statistics
import struct
import sys
import time

import stack as stacks
from processes import wait_until

CALLERS, SLOW_READERS = 180, 20
MODELS = {"plain": 45, "cached": 8, "tool": 7, "late": 20, "slow": 17, "long": 3}
#: Seconds within which early leavers disconnect: about as long as the answer takes.
LEAVES_WITHIN = {"late": 0.4, "slow": 1.6, "long": 10}
#: More than all buffers on the way hold, but slow enough not to starve other users of the provider.
stacks.SCRIPTED["spate"] = "in=5,out=4000,gap=4"
DESCRIPTORS_MORE_MAX = 8
WRONG_SHARE_MAX = 0.001
#: Heartbeats as in production, so that a stalled machine does not make the worker count as dead.
SETTINGS = {"LOG_LEVEL": "info", "HEARTBEAT_MS": 5000, "SILENCE_MS": 30000, "REST_MS": 5000}


def rss_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Line:
    """One connection to the worker."""

    @classmethod
    async def open(cls, port, receive_buffer=None):
        line, sock = cls(), socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        line.reader, line.writer = await asyncio.open_connection(sock=sock, limit=receive_buffer or 65536)
        return line

    def ask(self, key, model, stream):
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream})
        self.writer.write(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: soak\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    async def head(self):
        """Status and length; no length means chunks."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:] if line)
        length = fields.get("content-length")
        return int(lines[0].split(" ")[1]), None if length is None else int(length)

    async def answer(self, stream, began=lambda: None):
        """Reads one answer to its end, keeping only its tail; returns what is wrong with it, or None."""
        status, length = await self.head()
        began()
        if length is not None:
            data = await self.reader.readexactly(length)
            return None if status == 200 and data[-1:] == b"}" and not stream else f"{status} {data[:300]!r}"
        tail = b""
        while not (b"\r\n0\r\n" in tail and tail.endswith(b"\r\n\r\n")):  # trailers are in between
            part = await self.reader.read(65536)
            if not part:
                return f"cut after {tail!r}"
            tail = (tail + part)[-300:]
        return None if status == 200 and b"data: [DONE]" in tail else f"{status} {tail!r}"

    def leave(self, reset):
        if reset:
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        else:
            self.writer.close()


class Soak:
    def __init__(self, stack, seconds, sample_seconds, callers=CALLERS, slow_readers=SLOW_READERS):
        self.stack, self.seconds, self.sample_seconds = stack, seconds, sample_seconds
        self.callers, self.slow_readers = callers, slow_readers
        self.worker, self.key = stack.workers[0], stack.new_key()["key"]
        self.pid = self.worker.process.child.pid
        self.counts, self.wrong, self.samples = collections.Counter(), [], []
        self.unbooked, self.twice, self.seen = set(), set(), 0

    async def run(self):
        await self.plain_request()
        self.idle = descriptors(self.pid)
        self.started = time.monotonic()
        self.may_ask = asyncio.Event()
        self.may_ask.set()
        tasks = [asyncio.create_task(self.caller(random.Random(n))) for n in range(self.callers)]
        tasks += [asyncio.create_task(self.slow_reader(random.Random(-n - 1))) for n in range(self.slow_readers)]
        tasks += [asyncio.create_task(self.compare_each_minute()), asyncio.create_task(self.sample())]
        await asyncio.gather(*tasks)
        await self.wait(self.stack.settled, 120, "all holds are settled")
        await self.collect_bill()
        await self.wait(self.booked, 120, "the ledger has every request the provider saw")
        # Idle provider connections are closed only when a later request finds them too old.
        self.end = await self.plain_request_until(lambda: descriptors(self.pid) <= self.idle + DESCRIPTORS_MORE_MAX)
        return self.verdict()

    @property
    def over(self):
        return time.monotonic() - self.started > self.seconds

    async def wait(self, condition, seconds, what):
        """Waits; a timeout is reported in the verdict."""
        try:
            await asyncio.to_thread(wait_until, condition, seconds, what)
        except AssertionError as failure:
            self.wrong.append(str(failure))

    # The load

    async def caller(self, chance):
        line = None
        await asyncio.sleep(chance.uniform(0, 2))  # not all at once
        while not self.over:
            await self.may_ask.wait()
            model, stream = chance.choices(list(MODELS), list(MODELS.values()))[0], chance.random() < 0.6
            leaves = chance.uniform(0, LEAVES_WITHIN.get(model, 0.02)) if chance.random() < 0.3 else 60
            try:
                line = line or await Line.open(self.worker.port)
                line.ask(self.key, model, stream)
                flaw = await asyncio.wait_for(line.answer(stream), leaves)
                self.counts["done"] += 1
            except asyncio.TimeoutError:
                flaw = None if leaves < 60 else "no end within 60 s"
                self.counts["left"] += 1
                line.leave(reset=chance.random() < 0.5)
                line = None
            except (OSError, asyncio.IncompleteReadError) as error:
                flaw, line = repr(error), None
            if flaw:
                self.counts["wrong"] += 1
                self.wrong = (self.wrong + [f"{model} {stream=}: {flaw}"])[:20]
            if line and (flaw or chance.random() < 0.3):
                line.leave(reset=False)
                line = None
            await asyncio.sleep(chance.expovariate(2.5))
        if line:
            line.leave(reset=False)

    async def slow_reader(self, chance):
        while not self.over:
            await self.may_ask.wait()
            try:
                line = await Line.open(self.worker.port, receive_buffer=2048)
                line.ask(self.key, chance.choices(["long", "spate"], [3, 1])[0], True)
                leaves = time.monotonic() + chance.uniform(5, 30)
                while time.monotonic() < leaves and not self.over and await line.reader.read(64):
                    await asyncio.sleep(chance.uniform(0.1, 1))
                line.leave(reset=chance.random() < 0.5)
            except OSError:
                self.counts["slow readers cut off"] += 1  # allowed for a caller who reads nothing for too long
            self.counts["slow"] += 1

    async def plain_request(self):
        line = await Line.open(self.worker.port)
        line.ask(self.key, "plain", False)
        assert await line.answer(False) is None
        line.leave(reset=False)

    async def plain_request_until(self, condition):
        """Sends a request each second until `condition()`, for two minutes at most; returns the descriptor count."""
        deadline = time.monotonic() + 120
        while not condition() and time.monotonic() < deadline:
            await self.plain_request()
            await asyncio.sleep(1)
        return descriptors(self.pid)

    # Measurements

    async def sample(self):
        while not self.over:
            await asyncio.sleep(self.sample_seconds)
            at, asked = time.monotonic() - self.started, sum(self.counts[name] for name in ("done", "left", "slow"))
            self.samples.append((at, rss_mib(self.pid), descriptors(self.pid), asked))
            print(f"{at:7.0f} s {self.samples[-1][1]:8.1f} MiB {self.samples[-1][2]:6} descriptors {asked:9} requests"
                  f" {self.counts['wrong']:4} wrong", flush=True)

    async def compare_each_minute(self):
        compared = time.monotonic()
        while not self.over:
            await asyncio.sleep(0.5)
            if time.monotonic() - compared > 60:
                await self.collect_bill()
                await asyncio.to_thread(self.booked)
                compared = time.monotonic()

    async def collect_bill(self):
        """Reads and clears the bill. Callers pause meanwhile, so that no request is missed in between."""
        self.may_ask.clear()
        bill, before = await asyncio.to_thread(self.stack.bill), None
        while before is None or len(before) != len(bill):
            await asyncio.sleep(0.2)
            before, bill = bill, await asyncio.to_thread(self.stack.bill)
        await asyncio.to_thread(self.stack.clear_bill)
        self.may_ask.set()
        self.seen += len(bill)
        self.unbooked |= set(bill)
        self.twice |= {id for id, entry in bill.items() if entry["received"] != 1}

    def booked(self):
        """Removes the requests the ledger has; true if none is left."""
        rows = self.stack.sql(
            "select id::text, count(*), min(kind) from usage_event where id = any(%s::uuid[]) group by id", list(self.unbooked))
        self.twice |= {id for id, rows_of_it, kind in rows if (rows_of_it, kind) != (1, "final")}
        self.unbooked -= {row[0] for row in rows}
        return not self.unbooked

    def growth(self):
        """Growth from the median of the last five samples of the first fifth to that of the last five."""
        warm = max(1, len(self.samples) // 5)
        first, last = (statistics.median(s[1] for s in part[-5:]) for part in (self.samples[:warm], self.samples))
        return first, last, last / first - 1

    def verdict(self):
        """Each check, whether it passes, and the numbers."""
        first, last, growth = self.growth()
        asked, wrong = self.samples[-1][3], self.counts["wrong"]
        return [
            ("memory grows by 5 % at most", growth <= 0.05, f"{first:.1f} to {last:.1f} MiB, {growth:+.1%}"),
            ("descriptors are as when idle", self.end <= self.idle + DESCRIPTORS_MORE_MAX, f"{self.idle}, now {self.end}"),
            ("nothing is held", self.stack.settled(), f"holds, reserved: {self.stack.counters()}"),
            ("each request of the bill is booked once", not self.unbooked and not self.twice,
             f"{self.seen} seen, {len(self.unbooked)} not booked, {len(self.twice)} twice"),
            ("the worker is the same", self.worker.process.running, f"pid {self.pid}"),
            (f"at most {WRONG_SHARE_MAX:.1%} wrong answers", wrong <= asked * WRONG_SHARE_MAX,
             "; ".join([f"{wrong} of {asked}", f"{self.counts['slow readers cut off']} slow readers cut off", *self.wrong]))]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--minutes", type=float, default=30)
    minutes = options.parse_args().minutes
    stack = stacks.Stack(workers=1, **SETTINGS)
    try:
        verdict = asyncio.run(Soak(stack, minutes * 60, sample_seconds=10).run())
    finally:
        stack.close()
    for claim, holds, numbers in verdict:
        print("holds " if holds else "BROKEN", claim, f"({numbers})")
    sys.exit(not all(holds for _, holds, _ in verdict))


if __name__ == "__main__":
    main()
