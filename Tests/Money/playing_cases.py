"""Runs random cases over sockets: callers, a real gateway and the vendor, and gives what became of each."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from random import Random

from gateway_rig import Worker, budget, case_name, rows, started
from stack import Stack

from asking import Asking
from cases import Case, generate
from judging import Judgement, Result, bill_of
from vendor import Script, Vendor, first_of

AT_ONCE = 16
GROUP = 12
#: Cases of one gateway: each has a model of its own in the catalogue.
PART = 250
#: How long a caller waits to have heard what was sent, before it does its part.
HEAR_SECONDS = 2.0
CASE_SECONDS = 60
SETTLE_SECONDS = 60
LEAVING = ("caller_left_before_first_event", "caller_left_mid_stream", "caller_left_before_usage")
GROUPED = ("worker_killed", "cut_by_shutdown")
OWN_KEY = ("cut_for_money", "cut_by_revocation")


async def play(seed: int, count: int) -> tuple[list[Result], Judgement]:
    """So many cases, each part of them with a gateway of its own."""
    random = Random(seed)
    cases = {number: generate(random) for number in range(count)}
    results, judgement = [], Judgement()
    for first in range(0, count, PART):
        results += await Run({number: cases[number] for number in range(first, min(first + PART, count))}, judgement).all()
        print(f"{len(results)} of {count}: {judgement.summary}", file=sys.stderr, flush=True)
    return results, judgement


class Run:
    """One gateway and its cases."""

    def __init__(self, cases: dict[int, Case], judgement: Judgement) -> None:
        self.cases, self.judgement = cases, judgement
        self.results: list[Result] = []
        self.names = itertools.count(1)

    async def all(self) -> list[Result]:
        self.vendor = await Vendor().start()
        self.stack: Stack = await asyncio.to_thread(started, self.cases, self.vendor.port)
        try:
            await self.prepare()
            limit = asyncio.Semaphore(AT_ONCE)
            alone = [number for number, case in self.cases.items() if case.ending.kind not in GROUPED]
            await asyncio.gather(*(self.one(number, limit) for number in alone))
            for kind in GROUPED:
                members = [number for number, case in self.cases.items() if case.ending.kind == kind]
                for at in range(0, len(members), GROUP):
                    await self.group(kind, members[at:at + GROUP])
            return await self.judged()
        finally:
            await asyncio.to_thread(self.stack.close)

    async def prepare(self) -> None:
        self.keys = {}
        org = (await self.admin("POST", "/orgs", {"name": "money", "plan": "unlimited"}))["id"]
        for number, case in self.cases.items():
            if case.ending.kind in OWN_KEY:
                limits = {"usd_per_month": budget(case)} if case.ending.kind == "cut_for_money" else {}
                self.keys[number] = await self.admin("POST", "/keys", {"org_id": org, "name": case_name(number), "limits": limits})
        self.shared = await self.admin("POST", "/keys", {"org_id": org, "name": "shared"})
        await self.known(self.stack.workers)

    async def admin(self, method: str, path: str, body: dict | None = None) -> dict:
        status, data = await asyncio.to_thread(self.stack.admin, method, path, body)
        assert status < 300, (status, data)
        return data

    async def known(self, workers: list[Worker]) -> None:
        """Waits until the workers know the last model."""
        name = case_name(max(self.cases))
        for worker in workers:
            deadline = time.monotonic() + 60
            while True:
                asking = await Asking(worker.port, "/v1/chat/completions", self.shared["key"], {"model": name}).start()
                await asking.done
                if asking.heard.status == 400:
                    break
                assert time.monotonic() < deadline, asking.heard.body
                await asyncio.sleep(0.05)

    async def one(self, number: int, limit: asyncio.Semaphore) -> None:
        async with limit:
            worker = self.stack.workers[number % len(self.stack.workers)]
            played = Played(self, number, worker)
            try:
                await asyncio.wait_for(played.play(), CASE_SECONDS)
            except asyncio.TimeoutError:
                print(f"case {number} took too long: {played.case.ending}", file=sys.stderr)
            self.results.append(played.result())

    async def group(self, kind: str, numbers: list[int]) -> None:
        """Cases that end with their worker."""
        worker = Worker(f"{kind}-{next(self.names)}", self.stack, TOTAL_MS=60_000, DRAIN_SECONDS=1, LISTENER_GRACE_SECONDS=0)
        await asyncio.to_thread(worker.start)
        await self.known([worker])
        every = [Played(self, number, worker) for number in numbers]
        await asyncio.gather(*(played.to_point() for played in every))
        if kind == "worker_killed":
            await asyncio.to_thread(worker.process.kill)
        else:
            await asyncio.to_thread(worker.process.stop)
        for played in every:
            played.script.go.set()
        await asyncio.gather(*(played.asking.done for played in every), return_exceptions=True)
        self.results += [played.result() for played in every]

    async def judged(self) -> list[Result]:
        deadline = time.monotonic() + SETTLE_SECONDS
        asked = {call.id for result in self.results for call in result.calls}
        while True:
            found = await asyncio.to_thread(rows, self.stack)
            counters = await asyncio.to_thread(self.stack.counters)
            if asked <= found.keys() and counters == (0, 0) or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.1)
        judgement = self.judgement
        if counters != (0, 0):
            judgement.violations["holds stay"].append(f"open holds, reserved and open sums: {counters}")
        for stranger in self.vendor.strangers:
            judgement.violations["a call of no case"].append(stranger)
        for result in sorted(self.results, key=lambda one: one.number):
            result.row = next((found[call.id] for call in result.calls if call.id in found), None)
            result.bills = bill_of(result)
            judgement.judge(result)
        unasked = found.keys() - asked
        for id in unasked:
            if found[id]["charge"]:
                judgement.violations["charged and never sent"].append(f"{id}: {found[id]}")
        return self.results


class Played:
    """One case from its request to its end."""

    def __init__(self, run: Run, number: int, worker: Worker) -> None:
        self.run, self.number, self.case = run, number, run.cases[number]
        self.script = run.vendor.scripts[number] = Script(number, self.case)
        self.kind = self.case.ending.kind
        self.missed = False
        self.random = Random(self.case.seed + 4)
        key = run.keys.get(number, run.shared)["key"]
        self.asking = Asking(worker.port, self.case.path, key, {**self.case.body, "model": case_name(number)})

    async def play(self) -> None:
        await self.to_point()
        if not self.asking.done.done() and self.script.at_point.is_set():
            await self.act()
        self.script.go.set()
        if not self.asking.done.cancelled():
            await asyncio.wait([self.asking.done])
        # The vendor's side ends when the gateway has read on, or has closed.
        while any(call.seconds == 0 for call in self.script.calls):
            await asyncio.sleep(0.01)

    async def to_point(self) -> None:
        """Until the vendor waits for the ending and the caller has heard what was sent, or the answer is over."""
        await self.asking.start()
        at_point = asyncio.ensure_future(self.script.at_point.wait())
        await asyncio.wait([at_point, self.asking.done], return_when=asyncio.FIRST_COMPLETED)
        at_point.cancel()
        if self.script.at_point.is_set() and not self.asking.done.done() and self.script.calls[-1].body.get("stream"):
            self.missed = not await self.asking.has_heard(self.script.calls[-1].deltas, HEAR_SECONDS)

    async def act(self) -> None:
        """The harness's part of the ending."""
        if self.kind in LEAVING:
            self.asking.leave(hard=self.random.random() < 0.5)
        elif self.kind == "cut_by_revocation":
            await self.run.admin("POST", f"/keys/{self.run.keys[self.number]['id']}/revoke")
            # Workers hear of it by themselves: where closing ends the bill, the vendor sees it.
            gone = asyncio.ensure_future(self.script.calls[-1].gone.wait())
            await asyncio.wait([gone, self.asking.done], timeout=2.0, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
        elif self.kind == "deadline_before_head":
            await first_of(self.script.calls[-1].gone, self.asking.heard.changed)

    def result(self) -> Result:
        heard = self.asking.heard
        return Result(self.number, self.case, self.script.calls, heard.status, heard.body, missed=self.missed)
