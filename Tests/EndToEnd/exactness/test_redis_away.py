"""Redis runs but does not answer, answers late, or refuses writes: nobody waits long, and keys without money limits
are served without it."""

import random
import threading
import time

import msgpack
import pytest
import redis

from callers import volley
from checker import Checker, counts
from clock import judge, patience, within
from facts import tag_of
from nemesis import frozen
from outage import Outage, percentile
from processes import wait_until
from raw import ask
from rig import often

#: The production value, whatever the rest of the run uses.
DEADLINE_MS = 50
#: On top of the worker's own deadline: everything here shares two cores.
ROOM_MS = often(150, 60)


@pytest.mark.row("R4", "Redis SIGSTOP for 5 s")
@pytest.mark.rig(LIMITER_DEADLINE_MS=DEADLINE_MS)
def test_frozen(made, seed, note):
    checker = Checker(made)
    with Outage(made, seed, models=["plain"]) as load:
        calm = percentile(load.of(load.crowds[1], 0), 0.5)
        with frozen(made.state.process):
            since = time.monotonic()
            load.refused(since)
            wait_until(lambda: time.monotonic() > since + 5 and len(load.of(load.crowds[1], since)) > 50, 10,
                       "five seconds are over, and keys without money limits are served")
            until = time.monotonic()
        took = load.recovered(until, bound=2.2 + often(0.8, 0))
    during, refused = (load.of(crowd, since, until) for crowd in reversed(load.crowds))
    worst, slow = percentile(during, 0.99), [c for c in during + refused if c.seconds * 1000 > calm + DEADLINE_MS * 0.9]
    note(f"{len(during)} without money limits, p99 {worst:.0f} ms (before: p50 {calm:.1f} ms), {len(slow)} of all"
         f" waited; normal after {took:.2f} s")
    load.judge_answers()
    judge(worst <= calm + ROOM_MS, f"nobody waits long: p99 {worst:.0f} ms, at most {calm + ROOM_MS:.0f} ms")
    with_money = {call.status for call in refused if call.began > since + 1 and call.ended < until}
    assert with_money == {503}, "none with a money limit passes"
    checker.check(load.calls)


@pytest.mark.row("R4b", "Redis SIGSTOP for longer than a worker may go on alone")
@pytest.mark.rig(LIMITER_DEADLINE_MS=DEADLINE_MS, CUT_OFF_MS=1500)
def test_frozen_for_longer_than_the_cut_off(made, seed, note):
    """The worker could no longer learn of revocations, so even keys without money limits are refused."""
    checker = Checker(made)
    with Outage(made, seed, models=["plain"]) as load:
        with frozen(made.state.process):
            since = time.monotonic()
            wait_until(lambda: sum(c.status == 503 for c in load.of(load.crowds[1], since + 3)) > 20, 10, "all are refused")
            first = min(c.began for c in load.of(load.crowds[1], since) if c.status == 503) - since
            until = time.monotonic()
            passed = [c for c in load.of(load.crowds[1], since + 3, until) if c.status == 200]
        load.recovered(until)
    load.judge_answers(free_too=False)
    assert passed == []
    note(f"refused from {first:.2f} s on; {counts(checker.check(load.calls))}")


@pytest.mark.row("R5", "Redis answers late")
@pytest.mark.rig(LIMITER_DEADLINE_MS=DEADLINE_MS)
@pytest.mark.parametrize("ms", [30, 100, 300])
def test_slow(made, seed, ms, note):
    """Below the deadline everybody is served, above it as if Redis were away; late admissions are given back."""
    checker = Checker(made)
    with Outage(made, seed, models=["plain"]) as load:
        made.front.delay(ms / 2, ms / 2)
        since = time.monotonic()
        if ms > DEADLINE_MS:
            load.refused(since)
        wait_until(lambda: time.monotonic() > since + often(3, 10), 20, "it has been slow for a while")
        until = time.monotonic()
        made.front.well()
        took = load.recovered(until)
    load.judge_answers(free_too=False)
    money, free = (load.of(crowd, since, until) for crowd in load.crowds)
    good = [sum(c.whole for c in calls) / len(calls) for calls in (money, free)]
    note(f"{good[0]:.1%} with and {good[1]:.1%} without money limits served, p99 {percentile(free, 0.99):.0f} ms;"
         f" normal after {took:.2f} s")
    assert good[1] > 0, "keys without money limits are served"
    judge(good[1] >= 0.9 and (ms > DEADLINE_MS or good[0] >= 0.9), f"served in time: {good[0]:.1%} and {good[1]:.1%}")
    checker.check(load.calls)


@pytest.mark.row("R6", "replies are lost after Redis did what was asked")
@pytest.mark.parametrize("how", ["rst", "fin", "half"])
def test_replies_lost(made, seed, how, note):
    """For admissions, settles and progress reports alike: after a retry nothing is held or charged twice."""
    checker, chance, times = Checker(made), random.Random(seed), often(15, 60)
    with Outage(made, seed, models=["plain", "cached", "slow"], callers=5) as load:
        for n in range(times):
            if n % 3 == 2:  # in the middle of a reply
                made.front.cut_after(chance.randrange(1, 400), "down", how)
                time.sleep(0.05)
            else:
                made.front.hold("down")
                time.sleep(chance.uniform(0, 0.03))
                made.front.cut(how)
            made.front.well()
            before = load.crowds[0].answered
            wait_until(lambda: load.crowds[0].answered > before + 3, 10, "requests pass again")
        made.front.cut("rst")  # no half-closed connection is left
        load.recovered(time.monotonic())
    facts = checker.check(load.calls)
    load.judge_answers()
    note(f"{times} times; {counts(facts)}")


@pytest.mark.row("R6b", "an admission of which its worker never hears is reaped before it is cancelled")
@pytest.mark.rig(LIMITER_DEADLINE_MS=600)
def test_reaped_before_it_was_cancelled(made, seed, note):
    """Its caller got a 503, so what the reap charged is given back."""
    checker, client, key = Checker(made), made.binary(made.state), made.new_key(limits={"usd_per_day": "5"})
    tag, before, calls = tag_of(key["org_id"]), sum(volley(made.workers, key, 4), []), []
    made.front.delay(0, 900)
    caller = threading.Thread(target=lambda: calls.extend(sum(volley(made.workers, key, 2), [])))
    caller.start()
    try:
        wait_until(lambda: client.zcard(f"o:{tag}") == 2, 5, "both are admitted")
        reaped = [reap(client, tag, key, rid.decode()) for rid in client.zrange(f"o:{tag}", 0, -1)]
        caller.join(patience(10))
    finally:
        made.front.well()
    assert [call.status for call in calls] == [503, 503] and reaped == [0, 0]
    made.whole()
    taken_back = "select id from usage_event where kind = 'final' and key_id = %s and outcome = 'cancelled'"
    wait_until(lambda: len(made.sql(taken_back, key["id"])) == 2, 10, "what was charged is taken back")
    facts = checker.check(before + calls)
    rows = [row for id, row in facts.new.items() if id not in {call.id for call in before}]
    assert len(rows) == 2 and all(row["kind"] == "final" and row["nano_usd"] == 0 and row["given_back"] for row in rows)
    note(f"{sum(row['kind'] == 'reaped' for row in facts.rows)} reaps taken back; {counts(facts)}")


def reap(client, tag, key, rid):
    """Reaps a hold as the sweeper does when its worker is silent."""
    held = msgpack.unpackb(client.get(f"h:{tag}:{rid}"))
    event = held["event"].replace('"admittedMs":0,', f'"admittedMs":{int(held["at"])},')
    reply = client.execute_command(
        "FCALL", "gw2_settle", 5, f"h:{tag}:{rid}", f"o:{tag}", f"u:{tag}", f"b:{tag}:{key['id']}", f"b:{tag}:o:{key['org_id']}",
        rid, client.hget(f"c:{tag}", "gen"), "R", int(held["cost"]), int(held["est"]), event, 900_000,
        held["periods"], 0)
    return reply[0]


@pytest.mark.row("R8", "Redis has no memory left")
def test_full(made, seed, note):
    checker, client = Checker(made), made.redis()
    with Outage(made, seed) as load:
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 200_000)
        since = time.monotonic()
        try:
            load.refused(since, count=20)
            before = load.crowds[1].answered
            wait_until(lambda: load.crowds[1].answered > before + 100, 20, "keys without money limits are served on")
        finally:
            client.config_set("maxmemory", 0)
        took = load.recovered(time.monotonic())
    facts = checker.check(load.calls)
    load.judge_answers()
    assert client.info("stats")["evicted_keys"] == 0
    note(f"normal {took:.2f} s after there was room; {counts(facts)}")


class Silencer(threading.Thread):
    """Disconnects subscribers of change notifications, repeatedly."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client, self.thrown, self.stopping = client, 0, threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join(patience(5))

    def run(self):
        while not self.stopping.wait(0.005):
            try:
                self.thrown += self.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            except redis.RedisError:
                pass


@pytest.mark.row("R12", "nobody hears the doorbell")
def test_without_pubsub(made, seed, note):
    """Changes still take effect within 1.2 s, and a revoked key is refused at once."""
    keys, late = [made.new_key() for _ in range(often(5, 20))], []
    for key in keys:
        assert all(call.whole for calls in volley(made.workers, key, len(made.workers)) for call in calls)
    with Silencer(made.redis()) as silencer:
        for n, key in enumerate(keys):
            made.admin("PATCH", f"/keys/{key['id']}", {"limits": {"requests_per_day": 1000 + n}}, expect=200)

            started = time.monotonic()
            for worker in made.workers:
                wait_until(lambda: 1000 + n in [limit["limit"] for limit in ask(
                    worker, "GET", "/v1/me", key["key"])[2]["limits"]], 5, "the change is in force")
            late.append(time.monotonic() - started)
            made.admin("POST", f"/keys/{key['id']}/revoke", expect=200)
            assert {calls[0].status for calls in volley(made.workers, key, len(made.workers))} == {401}
    assert silencer.thrown > 0
    within(max(late), 1.2, "in force without the doorbell")
    note(f"{silencer.thrown} listeners thrown out; in force after {max(late):.2f} s at the latest")
    Checker(made).check()
