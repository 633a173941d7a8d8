"""Redis dies and comes back with less data, with none, or as another server: nothing is lost or overspent."""

import random
import signal
import time

import pytest

from callers import volley
from checker import Checker, counts
from facts import counters_of, tag_of
from nemesis import frozen
from outage import Outage
from processes import wait_until
from rig import often, repair_log


@pytest.mark.row("R1", "Redis kill -9, restarted later")
def test_killed_and_restarted(made, seed, note):
    checker, chance, took = Checker(made), random.Random(seed), []
    with Outage(made, seed) as load:
        for _ in range(often(3, 8)):
            made.kill_redis()
            time.sleep(chance.choice([0.1, 0.5, chance.uniform(1, 3)]))  # how long it is away
            made.start_redis()
            took.append(load.recovered(time.monotonic()))
    facts = checker.check(load.calls)
    load.judge_answers()
    note(f"normal {max(took):.2f} s after it was back at the latest; {counts(facts)}")


@pytest.mark.row("R1b", "Redis kill -9 and a worker with it, which stays away")
@pytest.mark.rig(workers=3)
def test_killed_with_a_worker(made, seed, note):
    """The dead worker delays nobody for long, and its holds are charged."""
    checker, gone = Checker(made, slack=30), made.workers[2]
    with Outage(made, seed, models=["plain", "slow"]) as load:
        made.kill(gone, restart=False)
        load.before = [c for c in load.before if c.worker != gone.process.name]
        made.kill_redis()
        made.start_redis()
        took = load.recovered(time.monotonic(), bound=4)
    gone.start()
    facts = checker.check(load.calls)
    note(f"normal {took:.2f} s after it was back; {counts(facts)}")


@pytest.mark.row("R2", "the end of Redis's log is torn off")
def test_torn_log(made, seed, note):
    checker, chance, cut = Checker(made), random.Random(seed), []
    with Outage(made, seed) as load:
        for _ in range(often(2, 5)):
            made.kill_redis()
            log = max((made.state.folder / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)
            size = log.stat().st_size
            cut.append(min(chance.randrange(20_000, 400_000), size // 2))
            with open(log, "r+b") as file:
                file.truncate(size - cut[-1])
            repair_log(made.state)
            made.start_redis()
            load.recovered(time.monotonic())
    facts = checker.check(load.calls)
    load.judge_answers()
    note(f"{', '.join(map(str, cut))} bytes gone; {counts(facts)}")


@pytest.mark.row("R3", "everything in Redis is gone")
@pytest.mark.parametrize("what", ["FLUSHALL", "FUNCTION FLUSH", "both"])
def test_wiped(made, seed, what, note):
    """A used-up budget stays used up."""
    checker = Checker(made)
    spent = made.new_key(limits={"usd_per_month": "0.001"})
    used_up = [calls[-1] for calls in volley(made.workers, spent, 40, again=lambda c: c.type == "budget_in_flight")]
    assert {call.type for call in used_up} == {None, "insufficient_quota"}
    took, late = [], []
    with Outage(made, seed) as load:
        for _ in range(often(2, 6)):
            client = made.redis()
            if what != "FUNCTION FLUSH":
                client.flushall()
            if what != "FLUSHALL":
                client.function_flush()
            since = time.monotonic()
            while time.monotonic() < since + 1.5:
                late += [calls[0] for calls in volley(made.workers, spent, len(made.workers))]
            took.append(load.recovered(since))
    assert {(c.status, c.type) for c in late} <= {(402, "insufficient_quota"), (503, "limiter_unavailable")}, late[:3]
    facts = checker.check(load.calls + used_up)
    load.judge_answers(free_too=what == "FUNCTION FLUSH")
    assert sum(r["nano_usd"] for r in facts.ledger.values() if r["key_id"] == spent["id"]) <= 1_000_000, "overspent"
    note(f"normal {max(took):.2f} s after it at the latest; {counts(facts)}")


@pytest.mark.row("R3b", "everything in Redis is gone while streams run")
def test_wiped_under_streams(made, seed, note):
    """The holds of running streams are restored before others may spend that money."""
    checker = Checker(made)
    with Outage(made, seed, models=["slow", "plain"], callers=12) as load:
        for _ in range(often(2, 6)):
            made.redis().flushall()
            load.recovered(time.monotonic())
    facts = checker.check(load.calls)
    note(counts(facts))


@pytest.mark.row("R7", "failover to a replica that lacks the last 0.4 s")
def test_failover_with_a_gap(made, seed, note):
    checker, chance, took = Checker(made), random.Random(seed), []
    made.add_replica()
    with Outage(made, seed, models=["plain", "cached", "slow"], callers=4) as load:
        for n in range(often(2, 4)):
            made.fail_over(0.4 if n == 0 else chance.uniform(0, 1))
            took.append(load.recovered(time.monotonic()))
    facts = checker.check(load.calls)
    load.judge_answers()
    note(f"normal {max(took):.2f} s after it at the latest; {counts(facts)}")


@pytest.mark.row("R3c", "everything in Redis is gone while the ledger is behind and a worker is stopped")
def test_wiped_behind_a_stopped_worker(made, seed, note):
    """A rebuild waits for it only for a bounded time. The ledger has not read its settles of the lost generation: they
    are filed again, whatever the ledger acknowledges for the new generation meanwhile."""
    checker, stopped, key = Checker(made), made.workers[1], made.new_key()
    with frozen(made.control):
        before = [call for one in volley([stopped], key, 40) for call in one]
        client = made.redis()
        wait_until(lambda: client.zcard(f"o:{tag_of(key['org_id'])}") == 0, 5, "all are settled")
        with frozen(stopped.process):
            client.flushall()
            made.control.signal(signal.SIGCONT)
            wait_until(lambda: volley([made.workers[0]], key, 1, again=unavailable)[0][-1].whole, 30, "open again")
            after = [call for one in volley([made.workers[0]], key, 40, again=unavailable) for call in one]
            wait_until(lambda: made.sql("select 1 from usage_event where id = %s", after[-1].id), 20, "the ledger follows")
    assert all(call.whole for call in before) and all(call.whole or call.status == 503 for call in after)
    whole = sum(call.whole for call in before + after)
    wait_until(lambda: counters_of(made, [(key["id"], key["org_id"])])[key["id"]]["month_requests"] > whole, 10,
               "what was filed late is counted")
    facts = checker.check(before + after)
    note(counts(facts))


def unavailable(call):
    return call.status == 503


@pytest.mark.row("R7b", "failover to a replica that was cut off before everything was wiped")
def test_failover_to_a_life_that_was_over(made, seed, note):
    """It comes back with old counters, which are not used but restored from the ledger again."""
    checker, took = Checker(made), []
    with Outage(made, seed, models=["plain", "cached", "slow"], callers=4) as load:
        made.cut_off_replica()
        made.redis().flushall()
        took.append(load.recovered(time.monotonic()))
        before = load.crowds[0].answered
        wait_until(lambda: load.crowds[0].answered > before + 50, 20)
        made.promote_replica()
        took.append(load.recovered(time.monotonic(), bound=4))
    facts = checker.check(load.calls)
    load.judge_answers(free_too=False)
    note(f"normal {max(took):.2f} s after it at the latest; {counts(facts)}")
