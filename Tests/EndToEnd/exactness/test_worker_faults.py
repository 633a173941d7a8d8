"""A worker is killed, frozen or shut down: its peers are unaffected, no hold stays, and delivered output is charged."""

import random
import signal
import time

import pytest

from callers import Crowd
from checker import Checker, counts
from facts import open_holds
from nemesis import frozen
from processes import http_ok, wait_until
from rig import SWEPT, often, wait_for

SHORT = ["plain", "cached", "tool", "late"]
#: `long` gives ten tokens a second: progress is reported once a second, and some tokens may be in flight.
LONG_SLACK = 20
STREAMS = 200


def interrupted(facts):
    return [row for row in facts.new.values() if row["outcome"] == "interrupted"]


@pytest.mark.row("W1", "kill -9 of a worker with 200 live streams")
def test_killed_with_live_streams(made, seed, note):
    kill_with_streams(made, seed, note, disk=True)


@pytest.mark.row("W10", "the same, and its disk is lost")
def test_killed_with_live_streams_and_its_disk_lost(made, seed, note):
    kill_with_streams(made, seed, note, disk=False)


def kill_with_streams(made, seed, note, disk):
    checker, key, chance = Checker(made, LONG_SLACK), made.new_key(), random.Random(seed)
    victim, peer = made.workers
    with Crowd([peer], [key], SHORT, callers=2, seed=seed) as calm, \
            Crowd([victim], [key], ["long"], callers=STREAMS, streams=1, seed=seed, max_tokens=400) as streams:
        wait_for(lambda: streams.streaming == STREAMS, 30, "all streams have begun")
        time.sleep(chance.uniform(0, 1.5))  # anywhere between two reports of progress
        streams.stopping = True
        made.kill(victim, restart=False)
        killed = time.monotonic()
        if disk:
            victim.start()
        else:
            made.lose_disk(victim)
        wait_for(lambda: open_holds(made) <= 2, 5 if disk else SWEPT, "the holds of the dead are closed", 0.05)
        closed = time.monotonic() - killed
        if not disk:
            victim.start()
    facts = checker.check(streams.calls + calm.calls)
    assert all(call.status == 200 and not call.whole for call in streams.calls), "a connection error, whatever had come"
    assert all(call.whole for call in calm.calls) and calm.calls, "the other worker felt nothing"
    rows = interrupted(facts)
    assert {row["id"] for row in rows} == {call.id for call in streams.calls} and len(rows) == STREAMS
    short = max(facts.bill[row["id"]]["output"] - row["output"] for row in rows)
    note(f"holds closed {closed:.1f} s after the kill, at most {short} tokens of a stream uncharged; {counts(facts)}")


@pytest.mark.row("W2", "kill -9 at random instants, around the end of answers")
def test_killed_between_an_answers_end_and_its_settle(made, seed, note):
    checker, key, chance = Checker(made), made.new_key(), random.Random(seed)
    victim, peer = made.workers
    kills = often(12, 70)
    with Crowd([peer], [key], SHORT, callers=1, seed=seed) as calm, \
            Crowd([victim], [key], SHORT + ["plain"] * 4, callers=10, seed=seed) as crowd:
        for _ in range(kills):
            before = crowd.answered
            wait_until(lambda: crowd.answered > before + 20)
            time.sleep(chance.uniform(0, 0.03))
            made.kill(victim)
    facts = checker.check(crowd.calls + calm.calls)
    assert all(call.whole for call in calm.calls), "the other worker felt nothing"
    # A worker that has just started may not have reached Redis yet.
    odd = {(call.status, call.type) for call in crowd.calls if not call.whole and call.status not in (0, 200)}
    assert odd <= {(503, "limiter_unavailable")}, odd
    rows = facts.ledger
    unsure = [call for call in crowd.calls if call.whole and rows[call.id]["outcome"] != "completed"]
    note(f"{kills} kills, {len(unsure)} whole answers became interrupted; {counts(facts)}")


@pytest.mark.row("W3", "SIGSTOP of a worker past its silence, then SIGCONT")
def test_a_zombies_late_word_corrects_what_the_sweeper_charged(made, seed, note):
    checker, key = Checker(made), made.new_key()
    victim, peer = made.workers
    with Crowd([peer], [key], SHORT, callers=2, seed=seed) as calm:
        with Crowd([victim], [key], ["long", "slow"], callers=20, streams=1, seed=seed) as crowd:
            wait_for(lambda: crowd.streaming == 20, 30, "all streams have begun")
            crowd.stopping = True
            with frozen(victim.process):
                wait_for(lambda: open_holds(made) <= 2, SWEPT, "the others close its holds", 0.05)
                wait_for(lambda: reaped(made, checker) >= 20, 20, "the ledger has what they charged")
    facts = checker.check(calm.calls + crowd.calls)
    assert all(call.whole for call in calm.calls), "the other worker felt nothing"
    again = [row for row in facts.rows if row["kind"] == "reaped" and row["id"] not in checker.judged]
    assert len(again) >= 20 and {facts.ledger[row["id"]]["kind"] for row in again} == {"final"}
    note(f"{len(again)} reaped, {sum(c.whole for c in crowd.calls)} of them ended whole; {counts(facts)}")


def reaped(made, checker):
    return sum(id not in checker.judged for id, in made.sql("select id::text from usage_event where kind = 'reaped'"))


@pytest.mark.row("W4", "SIGTERM under load")
@pytest.mark.rig(DRAIN_SECONDS=10)
def test_told_to_go_under_load(made, seed, note):
    """Requests that fit into the drain are not cut off; the other worker gets the new ones."""
    checker, key = Checker(made), made.new_key()
    victim = made.workers[0]
    for _ in range(often(3, 17)):
        with Crowd(made.workers, [key], SHORT + ["slow"] * 3, callers=24, seed=seed) as crowd:
            wait_for(lambda: crowd.streaming >= 5 and crowd.answered > 20, 20, "streams run")
            victim.process.signal(signal.SIGTERM)
            told = time.monotonic()
            ready = f"http://127.0.0.1:{victim.operations}/readyz"
            wait_until(lambda: not http_ok(ready), 1, "it is not ready any more")
            assert victim.process.wait(13) == 0
            took = time.monotonic() - told
            before = crowd.answered
            wait_until(lambda: crowd.answered > before + 20, 10, "the other serves")
        assert [c for c in crowd.calls if c.status == 200 and not c.whole] == [], "no stream was cut"
        odd = {(call.status, call.type) for call in crowd.calls if not call.whole}
        assert odd <= {(0, None), (503, "server_shutdown")}, odd
        facts = checker.check(crowd.calls)
        victim.start()
    assert interrupted(facts) == []
    note(f"the last one went {took:.1f} s after it was told; {counts(facts)}")
