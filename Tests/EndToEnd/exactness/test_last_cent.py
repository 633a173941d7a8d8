"""Two hundred concurrent requests for the last of a budget or quota: exactly as many are admitted as fit."""

import threading

import pytest

from callers import volley
from checker import Checker, counts as counted
from facts import wait_quiet
from nemesis import Nemesis
from rig import often
from watcher import Watcher

pytestmark = pytest.mark.rig(workers=4)
AT_ONCE = 200
#: The cost of one request at the test prices, whatever its hold: 10 and 8 tokens, rounded up.
COST = 66_001
HELLO = {"max_tokens": 8}
LIMIT = 2_000_000


def passed(answers):
    return sum(calls[-1].whole for calls in answers)


def retry(call):
    """Retries as `x-should-retry: true` says: other requests only hold the money."""
    return call.type == "budget_in_flight"


@pytest.fixture(scope="module")
def fitting():
    """How many succeed one after another, when no hold is in the way. Measured once."""
    return {}


def how_many_fit(made, fitting, period):
    if period not in fitting:
        key, count = made.new_key(limits={period: f"{LIMIT / 10**9:.9f}"}), 0
        while passed(volley(made.workers[count % 4:], key, 1, again=retry, **HELLO)):
            count += 1
        assert LIMIT * 0.5 / COST < count <= LIMIT // COST
        fitting[period] = count
    return fitting[period]


@pytest.mark.row("L1", "200 at once for the last cent")
@pytest.mark.parametrize("period", ["usd_per_month", "usd_per_day"])
def test_the_last_cent(made, seed, fitting, period, note):
    """Overshoot 0. Callers that retry on `budget_in_flight` are served while there is money."""
    fits, checker, window = how_many_fit(made, fitting, period), Checker(made), period.removeprefix("usd_per_")
    keys = [made.new_key(limits={period: f"{LIMIT / 10**9:.9f}"}) for _ in range(often(3, 50))]
    counts, calls = [], []
    with Watcher(made, {(key["id"], key["org_id"]): {window: LIMIT} for key in keys}) as watcher:
        for key in keys:
            answers = volley(made.workers, key, AT_ONCE, again=retry, **HELLO)
            counts.append(passed(answers))
            calls += [call for one in answers for call in one]
            refused = {one[-1].type for one in answers if not one[-1].whole}
            assert refused == {"insufficient_quota"}, refused
    facts = checker.check(calls)
    assert counts == [fits] * len(keys)
    spent = {key["id"]: sum(r["nano_usd"] for r in facts.new.values() if r["key_id"] == key["id"]) for key in keys}
    assert set(spent.values()) == {fits * COST} and fits * COST <= LIMIT, "overshoot"
    note(f"{len(keys)} keys × {AT_ONCE} at once: {fits} passed each, {LIMIT - fits * COST} of {LIMIT} nano left;"
         f" {watcher.looks} looks, highest {max(watcher.highest.values())}")


class Fire:
    """Faults one after another, as long as the block lasts."""

    def __init__(self, made, seed):
        self.nemesis = Nemesis(made, seed, **{"flush": 25, "fail over": 25})
        self.stopping, self.failure = threading.Event(), None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while not self.stopping.is_set():
                self.nemesis.strike()
                self.nemesis.breathe()
        except Exception as failure:  # noqa: BLE001 told where the block ends
            self.failure = failure

    def __enter__(self):
        self.thread.start()
        return self.nemesis

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(120)
        assert not self.thread.is_alive() and self.failure is None, self.failure


@pytest.mark.row("L1b", "the same, and everything fails meanwhile")
def test_the_last_cent_under_fire(made, seed, note):
    """Whatever is killed, wiped or failed over meanwhile: overshoot 0, and afterwards the whole budget can be spent."""
    made.add_replica()
    checker = Checker(made)
    keys = [made.new_key(limits={"usd_per_month": f"{LIMIT / 10**9:.9f}"}) for _ in range(often(4, 40))]
    calls, asked = [], 0
    with Watcher(made, {(key["id"], key["org_id"]): {"month": LIMIT} for key in keys}, raises=False) as watcher:
        with Fire(made, seed) as nemesis:
            for key in keys:
                for one in volley(made.workers, key, AT_ONCE, again=lambda c: retry(c) or c.status == 503, **HELLO):
                    calls += one
        made.whole()
        wait_quiet(made, calls, 60)
        for key in keys:
            while passed(volley(made.workers, key, 1, **HELLO)):
                asked += 1
                wait_quiet(made)
    assert not watcher.over, watcher.over[:5]
    facts = checker.check(seconds=60)
    spent = [sum(r["nano_usd"] for r in facts.new.values() if r["key_id"] == key["id"]) for key in keys]
    assert all(LIMIT / 2 < one <= LIMIT for one in spent), spent
    note(f"{len(keys)} keys × {AT_ONCE} at once, {dict(nemesis.counts)}; {asked} passed when all was quiet;"
         f" highest {max(watcher.highest.values())} of {LIMIT}; {counted(facts)}")


def test_without_patience_nobody_overshoots(made, seed, note):
    """Without retries fewer are admitted, since holds are in the way; the rest of the budget stays available."""
    key = made.new_key(limits={"usd_per_month": f"{LIMIT / 10**9:.9f}"})
    with Watcher(made, {(key["id"], key["org_id"]): {"month": LIMIT}}):
        answers = volley(made.workers, key, AT_ONCE, **HELLO)
        assert {one[0].type for one in answers} <= {None, "budget_in_flight", "insufficient_quota"}
        wait_quiet(made, [one[0] for one in answers])
        count = passed(answers)
        while passed(volley(made.workers, key, 1, **HELLO)):
            count += 1
            wait_quiet(made)
    assert count <= LIMIT // COST and LIMIT - count * COST < LIMIT / 2
    note(f"{passed(answers)} of {AT_ONCE} passed at once, {count} in all")


@pytest.mark.row("L2", "200 at once for the last unit of a quota")
@pytest.mark.parametrize("name", ["requests_per_day", "requests_per_month"])
def test_the_last_unit_of_a_quota(made, seed, name, note):
    """Half of it is used, then two hundred requests are sent at once, and again when all is quiet."""
    limit, checker = 60, Checker(made)
    keys = [made.new_key(limits={name: limit}) for _ in range(often(2, 20))]
    for key in keys:
        assert passed(volley(made.workers, key, limit // 2, **HELLO)) == limit // 2
        answers = volley(made.workers, key, AT_ONCE, **HELLO)
        assert passed(answers) == limit // 2
        assert {(c.status, c.type) for one in answers for c in one if not c.whole} == {(402, "insufficient_quota")}
        assert passed(volley(made.workers, key, 8, **HELLO)) == 0
    facts = checker.check()
    assert len(facts.new) == limit * len(keys)
    note(f"{len(keys)} keys × {AT_ONCE} at once: {limit} passed each")
