"""A caller disconnects, a key is revoked, a budget ends: in the middle of streams, and still exact."""

import asyncio
import random
import time

import pytest

from callers import Crowd, volley
from checker import Checker, counts
from clock import within
from facts import open_holds
from line import LOST, Line
from processes import wait_until
from raw_upstream import reset
from rig import load_model, often, wait_for
from watcher import Watcher

#: Phase -> (model, seconds until the caller disconnects, or pieces they wait for).
PHASES = {"at once": ("slow", 0.0), "during admission": ("slow", 0.004), "before the first token": ("late", 0.15),
          "within the first tokens": ("slow", 1), "mid-stream": ("slow", 8), "around the end": ("plain", 8)}


class Leaver(Line):
    async def ask_and_leave(self, key, model, wait, how):
        await self.open()
        call = self.send(key, model, True, max_tokens=50)
        try:
            if isinstance(wait, float):
                await asyncio.wait_for(self.receive(call), max(wait, 0.0001))
            while isinstance(wait, int) and call.pieces < wait:
                data = await self.reader.read(65536)
                if not data:
                    break
                call.take(data)
        except LOST:
            pass
        connection = self.writer.get_extra_info("socket")._sock.dup() if how == "rst" else None
        self.writer.transport.abort()
        if connection:
            reset(connection)
        call.ended = time.monotonic()
        return call


@pytest.mark.row("D1", "200 callers leave")
@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("phase", PHASES)
def test_leaving(made, seed, phase, how, note):
    checker, key = Checker(made, slack=3), made.new_key()
    model, wait = PHASES[phase]
    chance, left = random.Random(f"{seed}{phase}"), []

    async def everybody():
        for _ in range(4):
            some = wait if isinstance(wait, int) else wait * chance.uniform(0.5, 1.5)
            await asyncio.gather(*(Leaver(made.workers[n % 2]).ask_and_leave(key, model, some, how) for n in range(50)))
        left.append(time.monotonic())

    asyncio.run(everybody())
    wait_for(lambda: open_holds(made) == 0, 10, "all holds are closed", 0.02)
    within(time.monotonic() - left[0], 2, "all holds closed after the last caller left")
    facts = checker.check()
    rows = list(facts.new.values())
    assert {row["outcome"] for row in rows} <= {"cancelled", "completed", "failed"} and len(rows) <= 200
    assert all(row["nano_usd"] > 0 for row in rows if row["output"]), "who got something pays for it"
    note(counts(facts))


@pytest.mark.row("X4", "a key is revoked while its streams run")
def test_revoked_during_streams(made, seed, note):
    checker, key, other = Checker(made, slack=20), made.new_key(), made.new_key()
    with Crowd(made.workers, [other], ["plain", "slow"], callers=2, seed=seed) as calm, \
            Crowd(made.workers, [key], ["long"], callers=often(40, 100), streams=1, seed=seed, max_tokens=400) as crowd:
        wait_for(lambda: crowd.streaming == crowd.callers, 30, "all streams have begun")
        crowd.stopping = True
        status, _ = made.admin("POST", f"/keys/{key['id']}/revoke")
        revoked = time.monotonic()
        assert status == 200
        assert {calls[0].status for calls in volley(made.workers, key, 2 * len(made.workers))} == {401}
        wait_until(lambda: not crowd.running, 20, "the streams end")
        took = within(time.monotonic() - revoked, 10, "the last stream ended after the answer")
    facts = checker.check(crowd.calls + calm.calls)
    assert all(call.whole for call in calm.calls), "the other key felt nothing"
    assert all(call.status == 200 and not call.whole for call in crowd.calls), "cut off, not completed"
    assert all(facts.ledger[call.id]["nano_usd"] > 0 for call in crowd.calls)
    note(f"the last stream ended {took:.1f} s after the answer; {counts(facts)}")


@pytest.mark.rig(workers=4)
@pytest.mark.parametrize("callers", [1, 40])
def test_a_stream_ends_when_the_money_does(made, seed, callers, note):
    """Its hold grows as far as the budget allows; then the stream ends properly and says why."""
    if not made.sql("select from model where name = 'stretch'"):
        load_model(made, "stretch", "in=5,out=9000,gap=1", output_tokens=20_000)
    limit = 40_000_000 if callers == 1 else 100_000_000  # about 5,700 and 14,000 tokens of output
    checker, key = Checker(made, slack=400), made.new_key(limits={"usd_per_month": f"{limit / 10**9:.9f}"})
    wait_until(lambda: volley(made.workers, key, 4, max_tokens=1)[0][0].status != 404, 10, "the key is known")
    with Watcher(made, {(key["id"], key["org_id"]): {"month": limit}}) as watcher:
        answers = volley(made.workers, key, callers, "stretch", True, again=goes_on, max_tokens=9000)
        calls = [call for one in answers for call in one]
        facts = checker.check(calls, seconds=60)
    ended = [call for call in calls if call.status == 200]
    assert {one[-1].type for one in answers} <= {"insufficient_quota", None}
    # The provider's output limit is what the budget pays for; if others spent it, the gateway ends the stream.
    assert any(call.finish == "length" for call in ended)
    assert callers == 1 or any(b'"budget_exhausted"' in call.tail for call in ended)
    for call in ended:
        assert call.whole and call.finish in ("stop", "length"), call
        assert float(call.cost) * 10**9 == pytest.approx(facts.ledger[call.id]["nano_usd"]), call
    spent = sum(row["nano_usd"] for row in facts.ledger.values() if row["key_id"] == key["id"])
    assert limit * 0.9 < spent <= limit, f"{spent} of {limit} spent"
    first = facts.ledger[ended[0].id]["nano_usd"]
    note(f"{len(ended)} streams, the first for {first}; {spent} of {limit} nano spent, at most"
         f" {max(watcher.highest.values())} with holds")


def goes_on(call):
    """Whether there is money for another one."""
    return call.type == "budget_in_flight" or call.finish == "length"
