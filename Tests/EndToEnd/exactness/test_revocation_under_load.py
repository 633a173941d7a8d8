"""Keys in use are revoked one after another: requests that start after the answer are not admitted."""

import collections
import random
import time

import pytest

from callers import Crowd
from checker import Checker, counts
from processes import wait_until
from rig import often

pytestmark = pytest.mark.rig(workers=4)
#: The number of keys in use at any time; each is revoked once its callers have got something.
IN_USE = 4


@pytest.mark.row("X3", "keys are revoked while all are in use")
def test_no_request_that_started_after_the_answer_is_admitted(made, seed, note):
    checker, chance, total = Checker(made), random.Random(seed), often(20, 1000)
    waiting = collections.deque(made.new_key() for _ in range(total))
    used, answered, pending = [waiting.popleft() for _ in range(IN_USE)], {}, 0
    # The crowd picks from `used`, which changes concurrently. Revoked keys stay in it briefly to test refusal.
    with Crowd(made.workers, used, ["plain", "slow"], callers=12, seed=seed, streams=0.3) as crowd:
        for n in range(total):
            key = used[n % IN_USE]
            wait_until(lambda: any(call.status == 200 for call in crowd.of(key)), 20, "the key is in use")
            status, _ = made.admin("POST", f"/keys/{key['id']}/revoke")
            if status == 200:
                answered[key["id"]] = time.monotonic()
            else:
                assert status == 202, status
                pending += 1
            refused = sum(call.status == 401 for call in crowd.of(key))
            wait_until(lambda: sum(call.status == 401 for call in crowd.of(key)) > refused + chance.randrange(1, 6), 20)
            if waiting:
                used[n % IN_USE] = waiting.popleft()
            elif n >= total - IN_USE and n < total - 1:
                used[n % IN_USE] = used[(n + 1) % IN_USE]
    late = [call for call in crowd.calls if call.began > answered.get(call.key, float("inf"))]
    after = collections.Counter(call.status for call in late)
    assert late and set(after) == {401}, after
    facts = checker.check(crowd.calls, seconds=60)
    note(f"{len(answered)} revocations answered 200, {pending} 202; {len(late)} requests began after the answer,"
         f" all refused; {counts(facts)}")
