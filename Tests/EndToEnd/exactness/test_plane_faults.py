"""PostgreSQL and the control plane stop, are restored or run twice: `/v1` is unaffected, the ledger exact."""

import random
import signal
import subprocess
import threading
import time
import urllib.error

import pytest

from callers import Crowd, volley
from checker import Checker, counts
from clock import patience, within
from facts import open_holds, wait_quiet
from nemesis import frozen
from outage import Outage
from processes import Process, free_port, http_ok, wait_until
from rig import SWEPT, often, wait_for

SHORT = ["plain", "cached", "tool"]
#: The time from a control plane's start until unpublished changes are in force.
TOLD_SECONDS = 2


def statuses(made, key):
    return {calls[0].status for calls in volley(made.workers, key, len(made.workers))}


def test_nothing_is_broken_yet(made):
    """Tests the checker: a gateway under load without faults has no violations."""
    checker, key = Checker(made), made.new_key(limits={"usd_per_month": "1"})
    with Crowd(made.workers, [key], SHORT + ["slow", "late"], callers=6) as crowd:
        wait_until(lambda: crowd.answered > 150)
    facts = checker.check(crowd.calls, secrets=[key["key"], "sk-scripted"])
    assert len(facts.new) == len(crowd.calls) and all(call.whole for call in crowd.calls)


@pytest.mark.row("P1", "PostgreSQL is away")
def test_postgres_away(made, seed, note):
    checker = Checker(made)
    with Outage(made, seed, usd=often("5", "100000"), models=SHORT) as load:
        made.postgres.stop_now()
        since = time.monotonic()
        wait_until(lambda: time.monotonic() > since + often(4, 600), 700, "it has been away for a while")
        status, _ = made.admin("POST", "/orgs", {"name": "x", "plan": "unlimited"})
        assert status == 503, "a change cannot be made meanwhile, and that is said"
        until = time.monotonic()
        made.postgres.start()
    assert [call for call in load.calls if not call.whole] == [], "no request failed"
    made.whole()
    facts = checker.check(load.calls, seconds=60)
    note(f"{sum(since < c.began < until for c in load.calls)} requests meanwhile, none failed; {counts(facts)}")


@pytest.mark.row("P3", "PostgreSQL is put back to an earlier state")
def test_postgres_restored(made, seed, note):
    """The cursor is restored too, so missing events are read from Redis again."""
    checker, key, data = Checker(made), made.new_key(), made.postgres.folder / "data"
    with Crowd(made.workers, [key], SHORT, callers=4, seed=seed) as crowd:
        wait_until(lambda: crowd.answered > 100)
        stop_postgres(made)
        subprocess.run(["cp", "--archive", data, data.with_name("copy")], check=True)
        made.postgres.start()
        before = crowd.answered
        wait_until(lambda: crowd.answered > before + 200)
    made.whole()
    wait_quiet(made, crowd.calls, 60)
    had = made.sql("select count(*) from usage_event")[0][0]
    stop_postgres(made)
    subprocess.run(["rm", "-r", data], check=True)
    data.with_name("copy").rename(data)
    made.postgres.start()
    again = made.sql("select count(*) from usage_event")[0][0]
    made.whole()
    facts = checker.check(crowd.calls, seconds=60)
    assert again < had == len(facts.rows)
    note(f"{had - again} rows had gone and are there again; {counts(facts)}")


def stop_postgres(made):
    made.postgres.process.signal(signal.SIGINT)  # it does not wait for its clients to disconnect
    made.postgres.process.wait(20)


@pytest.fixture
def second_control(made):
    port = free_port()
    env = {**made.control_env, "AIHUB_CONTROL_PORT": str(free_port()), "AIHUB_CONTROL_OPERATIONS_PORT": str(port)}
    second = Process("control-2", made.control.command, made.folder, env).start()
    wait_until(lambda: http_ok(f"http://127.0.0.1:{port}/livez"), what="the second control plane runs")
    yield second
    second.kill()


@pytest.mark.row("P4", "two control planes at once")
def test_two_control_planes(made, second_control, seed, note):
    """One that loses the ledger's lock in mid-round changes nothing more; the other succeeds a killed one."""
    checker, chance = Checker(made), random.Random(seed)
    with Outage(made, seed, models=SHORT) as load:
        taken = 0
        for n in range(often(6, 20)):
            before = load.crowds[1].answered
            wait_until(lambda: load.crowds[1].answered > before + 30, 20)
            if n % 3 == 2:
                made.redis().flushall()  # both want to rebuild it
                load.recovered(time.monotonic(), bound=4)
            elif n % 3 == 1:
                first = chance.choice([made.control, second_control])
                first.kill()
                first.start()
            else:
                taken += made.sql("select count(pg_terminate_backend(pid)) from pg_locks where locktype = 'advisory'"
                                  " and granted and pid <> pg_backend_pid()")[0][0]
    made.whole()
    facts = checker.check(load.calls, seconds=60)
    note(f"the lock was taken away {taken} times; {counts(facts)}")


@pytest.mark.row("C1", "control plane and PostgreSQL away, a worker restarts from its disk")
def test_restart_from_disk(made, seed, note):
    """The others close its holds meanwhile, and the ledger gets everything later."""
    checker, key = Checker(made, slack=20), made.new_key()
    victim, peer = made.workers
    with Crowd([peer], [key], SHORT, callers=2, seed=seed) as calm, \
            Crowd([victim], [key], ["long"], callers=20, streams=1, seed=seed) as streams:
        wait_for(lambda: streams.streaming == 20, 20, "streams run")
        streams.stopping = True
        made.control.kill()
        made.postgres.stop_now()
        made.kill(victim, restart=False)
        started = time.monotonic()
        victim.start()
        ready = time.monotonic() - started
        wait_for(lambda: open_holds(made) <= 2, SWEPT, "the holds of the dead are closed without a control plane", 0.05)
        assert statuses(made, key) == {200}
    within(ready, 2, "ready from its disk")
    assert all(call.whole for call in calm.calls)
    made.whole()
    facts = checker.check(calm.calls + streams.calls, seconds=60)
    note(f"ready after {ready:.2f} s; {counts(facts)}")


@pytest.mark.row("C2", "the control plane is killed between commit and push")
def test_killed_between_commit_and_push(made, seed, note):
    """It cannot have published anything: it was frozen when the change was committed."""
    took = []
    for _ in range(often(3, 10)):
        key = made.new_key()
        assert statuses(made, key) == {200}
        with frozen(made.control):
            made.sql("select revoke_key(%s)", key["id"])
            made.control.kill()
        started = time.monotonic()
        made.control.start()
        wait_until(lambda: statuses(made, key) == {401}, 10, "the change is in force")
        took.append(time.monotonic() - started)
        made.whole()
    note(f"in force {max(took):.2f} s after its start at the latest")
    within(max(took), TOLD_SECONDS, "in force after a start of the control plane")
    Checker(made).check()


@pytest.mark.row("C2b", "the control plane is killed during an admin call")
def test_killed_during_an_admin_call(made, seed, note):
    """At any point: soon after, PostgreSQL's state is in force, and a key reported as revoked is revoked."""
    chance, revoked, took = random.Random(seed), 0, []
    for _ in range(often(6, 30)):
        key, answer = made.new_key(), []
        caller = threading.Thread(target=lambda: answer.append(try_to_revoke(made, key)))
        caller.start()
        time.sleep(chance.uniform(0, 0.012))
        made.control.kill()
        caller.join(patience(15))
        if answer[0] == 200:
            assert statuses(made, key) == {401}, "the answer was a promise"
        started = time.monotonic()
        made.control.start()
        is_revoked = made.sql("select status from api_key where id = %s", key["id"]) == [("revoked",)]
        assert is_revoked or answer[0] is None, f"answered {answer[0]}, and not kept"
        wait_until(lambda: statuses(made, key) == {401 if is_revoked else 200}, 10, "what was committed is in force")
        took.append(time.monotonic() - started)
        made.whole()
        revoked += is_revoked
    within(max(took), TOLD_SECONDS, "in force after a start of the control plane")
    note(f"{revoked} of {often(6, 30)} had been committed; in force {max(took):.2f} s after its start at the latest")
    Checker(made).check()
    assert made.ledger_is_read()


def try_to_revoke(made, key):
    try:
        return made.admin("POST", f"/keys/{key['id']}/revoke")[0]
    except (OSError, urllib.error.URLError, ValueError):
        return None
