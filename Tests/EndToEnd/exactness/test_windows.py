"""No 60 seconds have more requests than a key's limit, over four workers, and nearly all of the limit is usable."""

import time

import pytest

from callers import Crowd
from checker import Checker
from processes import wait_until
from rig import REAL

WINDOW_MS = 60_000
LIMITS = [30, 120, 500, 1500]
#: The ring drops whole buckets of five seconds: a full use comes back after 65 s, and 60 / 65 is 92.3 %.
USED_AT_LEAST = 0.92
TURNS = 3

pytestmark = [pytest.mark.rig(workers=4),
              pytest.mark.skipif(not REAL, reason="minutes cannot be compressed: see `make faults`")]


@pytest.mark.row("L3", "far more than a minute may hold")
def test_rolling_minutes(made, seed, note):
    """Sends far more than may pass. Admission times are those of Redis's clock."""
    checker, keys = Checker(made), [made.new_key(limits={"requests_per_minute": limit}) for limit in LIMITS]
    crowds = [Crowd(made.workers, [key], ["plain"], callers=4, seed=n, streams=0, pause=0.02)
              for n, key in enumerate(keys)]
    for crowd in crowds:
        crowd.__enter__()
    started = time.monotonic()
    try:
        wait_until(lambda: time.monotonic() > started + 65 * TURNS + 25, 300, "the windows have turned")
    finally:
        for crowd in crowds:
            crowd.stopping = True
        for crowd in crowds:
            crowd.__exit__()
    calls = [call for crowd in crowds for call in crowd.calls]
    assert {call.status for call in calls} == {200, 429}
    facts = checker.check(calls)
    shares = [judge(facts, key, limit) for key, limit in zip(keys, LIMITS)]
    note(f"{len(calls)} asked, {sum(c.whole for c in calls)} passed; used {min(shares):.1%} to {max(shares):.1%}")


def judge(facts, key, limit):
    at = sorted(row["admitted_ms"] for row in facts.new.values() if row["key_id"] == key["id"])
    for first, one_more in zip(at, at[limit:]):
        assert one_more - first >= WINDOW_MS, f"{limit + 1} requests within {one_more - first} ms"
    # From the first request to the first one of a later round, so that only whole windows count.
    turns = (len(at) - 1) // limit
    assert turns >= TURNS - 1, f"{len(at)} passed in {TURNS} turns of {limit}"
    share = turns * WINDOW_MS / (at[turns * limit] - at[0])
    assert share >= USED_AT_LEAST, f"{share:.1%} of {limit} a minute used"
    return share
