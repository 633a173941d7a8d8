"""Failures stay local: the data plane serves without control plane and PostgreSQL, and nothing is lost or duplicated when
a process is killed."""

import signal
import time

from load import Load
from clock import within
from processes import wait_until
from stack import price

MODELS = ["plain", "cached", "tool", "late"]


def ledger_equals_bill(stack):
    bill = {id: entry for id, entry in stack.bill().items() if entry["complete"]}
    wait_until(lambda: set(bill) <= set(stack.ledger()), 60, "the ledger has every completed request")
    ledger = stack.ledger()
    assert {id: ledger[id]["nano_usd"] for id in bill} == {id: price(entry) for id, entry in bill.items()}
    return bill, ledger


def test_control_plane_and_postgres_down_under_load_fails_no_request(own_stack):
    stack = own_stack
    key = stack.new_key()["key"]
    with Load(stack.workers, key, MODELS, threads=6) as load:
        wait_until(lambda: load.completed > 100)
        stack.control.kill()
        stack.postgres.stop_now()
        before = load.completed
        wait_until(lambda: load.completed > before + 1500, 60, "the load goes on")
        stack.postgres.start()
        stack.start_control()
        before = load.completed
        wait_until(lambda: load.completed > before + 300, 60, "the load goes on")
    assert load.failures == [] and load.broken == 0
    print(f"\n{load.completed} requests, 0 failed, while control plane and PostgreSQL were away")
    wait_until(stack.settled, what="all holds are settled")
    bill, ledger = ledger_equals_bill(stack)
    assert len(bill) == load.completed == len(ledger)
    assert stack.sql("select sum(nano_usd) from spend")[0][0] == sum(row["nano_usd"] for row in ledger.values())


def test_killing_a_worker_under_load_leaks_and_doubles_nothing(own_stack):
    stack = own_stack
    key = stack.new_key()["key"]
    victim, survivor = stack.workers
    with Load([survivor], key, MODELS, threads=2) as calm, Load([victim], key, MODELS + ["slow"], threads=6) as load:
        for _ in range(3):
            before = load.completed
            wait_until(lambda: load.completed > before + 60)
            victim.process.kill()
            victim.start()
    assert calm.failures == [] and calm.broken == 0, "the other worker felt nothing"
    assert load.failures == [] and load.broken > 0
    wait_until(stack.settled, 30, "the sweeper closed the holds of the dead")
    bill = stack.bill()
    wait_until(lambda: set(bill) <= set(stack.ledger()), 30, "the ledger has every request the provider saw")
    ledger = stack.ledger()
    interrupted = [row for row in ledger.values() if row["outcome"] == "interrupted"]
    print(f"\n{load.completed + calm.completed} answered, {len(interrupted)} interrupted by kill -9")
    assert set(ledger) - set(bill) <= {row["id"] for row in interrupted}, "only a request that died before its dispatch"
    for id, entry in bill.items():
        assert entry["received"] == 1, "never sent twice"
        if ledger[id]["outcome"] == "completed":
            assert ledger[id]["nano_usd"] == price(entry)
    assert all(row["nano_usd"] > 0 for row in interrupted), "an interrupted request is not free"
    assert stack.sql("select sum(nano_usd), sum(requests) from spend")[0] == (
        sum(row["nano_usd"] for row in ledger.values()), sum(not row["given_back"] for row in ledger.values()))
    spent = sum(scope["month_spent"] for name, scope in stack.scopes().items() if ":key_" in name)
    # The event of an interrupted request that never reached the provider may still be in transit to the ledger.
    wait_until(lambda: stack.sql("select sum(nano_usd) from spend")[0][0] == spent, 10, "Redis and ledger agree")


def test_a_restarted_redis_is_opened_again_and_loses_nothing(own_stack):
    stack = own_stack
    key = stack.new_key()["key"]
    with Load(stack.workers, key, MODELS, threads=4) as load:
        for _ in range(2):
            before = load.completed
            wait_until(lambda: load.completed > before + 100)
            stack.state.process.stop()
            stack.state.start()
        before = load.completed
        wait_until(lambda: load.completed > before + 100, 30, "requests pass again")
    assert {status for status, _ in load.failures} <= {503}, "only 'cannot be checked right now'"
    assert load.broken == 0
    wait_until(stack.settled, 30, "all holds are settled")
    ledger_equals_bill(stack)


def test_a_wiped_redis_is_rebuilt_from_the_ledger(own_stack):
    stack = own_stack
    made = stack.new_key(limits={"requests_per_day": 500, "usd_per_month": "5"})
    with Load(stack.workers, made["key"], ["plain"], threads=1, streams=False) as load:
        wait_until(lambda: load.completed >= 50)
    wait_until(stack.settled)
    wait_until(lambda: len(stack.ledger()) == len(stack.bill()))
    before = stack.scopes()
    stack.redis().flushall()
    wait_until(lambda: list(stack.redis().scan_iter("b:{*:key_*")), what="the totals are back")
    after = stack.scopes()
    kept = [f"{window}{kind}" for window in ("month", "day") for kind in ("", "_spent", "_requests")]
    for name in before:
        if before[name]["month_requests"]:
            assert {f: after[name][f] for f in kept} == {f: before[name][f] for f in kept}
    with Load(stack.workers, made["key"], ["plain"], threads=1, streams=False) as load:
        wait_until(lambda: load.completed >= 10, 10, "requests pass again")


def test_an_unreachable_redis_answers_503_and_recovers(own_stack):
    stack = own_stack
    key = stack.new_key(outage_policy="deny")["key"]
    with Load(stack.workers, key, ["plain"], threads=2, streams=False, pause=0.01) as load:
        wait_until(lambda: load.completed > 10)
        stack.state.process.signal(signal.SIGSTOP)
        wait_until(lambda: len(load.failures) > 3, 20, "requests are refused")
        stack.state.process.signal(signal.SIGCONT)
        before = load.completed
        wait_until(lambda: load.completed > before + 20, 20, "requests pass again")
    assert {status for status, _ in load.failures} == {503}
    assert all(b"limiter_unavailable" in body for _, body in load.failures)
    wait_until(stack.settled, 30, "no hold of a lost reply stays")
    ledger_equals_bill(stack)


def test_a_worker_starts_from_its_disk_without_control_plane(own_stack):
    stack = own_stack
    key = stack.new_key()["key"]
    worker = stack.workers[0]
    stack.control.kill()
    stack.postgres.stop_now()
    worker.process.kill()
    started = time.monotonic()
    worker.start()
    with Load([worker], key, ["plain"], threads=1) as load:
        wait_until(lambda: load.completed > 5, 10)
    assert load.failures == []
    print(f"\nready {time.monotonic() - started:.2f} s after its start")


def test_sigterm_drains(own_stack):
    stack = own_stack
    key = stack.new_key()["key"]
    worker = stack.workers[0]
    with Load([worker], key, ["slow"], threads=8) as load:
        wait_until(lambda: len(stack.bill()) >= 8)
        load.stopping.set()
        assert worker.process.stop(20) == 0
    assert load.failures == [] and load.broken == 0 and load.completed >= 8
    wait_until(stack.settled)
    ledger_equals_bill(stack)


def test_a_drain_that_takes_too_long_cuts_cleanly(own_stack):
    stack = own_stack
    key = stack.new_key()["key"]
    worker = stack.workers[0]
    with Load([worker], key, ["long"], threads=4) as load:
        wait_until(lambda: len(stack.bill()) >= 4)
        load.stopping.set()
        wait_until(lambda: load.running() == 2, what="the plain answers are there, the streams still run")
        worker.process.signal(signal.SIGTERM)
        wait_until(lambda: "draining" in worker.process.log())
        worker.process.signal(signal.SIGTERM)
        started = time.monotonic()
        worker.process.wait(10)
        within(time.monotonic() - started, 5, "ended after the second signal")
    cut = [body for _, body in load.failures]
    assert len(cut) == 2 and load.broken == 0, "both streams were cut, in-band"
    assert all(b"server_shutdown" in body and body.endswith(b"data: [DONE]\n\n") for body in cut)
    wait_until(stack.settled, what="even a cut stream is settled")
    bill = stack.bill()
    wait_until(lambda: set(bill) <= set(stack.ledger()))
