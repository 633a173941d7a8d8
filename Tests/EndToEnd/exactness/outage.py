"""Two kinds of keys under load while Redis is away, slow or wiped: those with money limits, which are refused rather than
overspent, and those without, which are served anyway."""

import time

from callers import Crowd, volley
from clock import within
from processes import wait_until
from rig import RECOVERED, wait_for
from watcher import Watcher

SHORT = ["plain", "cached", "tool"]
USD = 10**9


class Outage:
    """`with Outage(made, seed) as load:` both keys are known to all workers and asked with all the time; the counters
    of the one with a money limit are watched."""

    def __init__(self, made, seed, usd="5", callers=3, models=SHORT, pause=0.005):
        self.made, self.limit = made, int(float(usd) * USD)
        self.money, self.free = made.new_key(limits={"usd_per_month": usd}), made.new_key()
        # A key that no worker knows cannot be checked while Redis is away.
        first = [volley(made.workers, key, 2 * len(made.workers)) for key in (self.money, self.free)]
        self.before = [call for calls in first for one in calls for call in one]
        assert all(call.whole for call in self.before), self.before
        self.crowds = [Crowd(made.workers, [key], models, callers, seed=f"{seed}.{n}", pause=pause)
                       for n, key in enumerate((self.money, self.free))]
        self.began = time.monotonic()
        self.watcher = Watcher(made, {(self.money["id"], self.money["org_id"]): {"month": self.limit}})

    def __enter__(self):
        self.watcher.__enter__()
        for crowd in self.crowds:
            crowd.__enter__()
        wait_until(lambda: all(crowd.answered > 20 for crowd in self.crowds), 20, "both keys are served")
        return self

    def __exit__(self, *error):
        for crowd in self.crowds:
            crowd.stopping = True
        for crowd in self.crowds:
            crowd.__exit__(*error)
        self.watcher.__exit__(*error)

    @property
    def calls(self):
        return self.before + self.crowds[0].calls + self.crowds[1].calls

    def of(self, crowd, since, until=float("inf")):
        """The calls that began in that time."""
        return [call for call in list(crowd.calls) if since <= call.began <= until]

    def refused(self, since=0, count=3):
        """Waits until keys with money limits are refused."""
        def so_many():
            return sum(call.status == 503 for call in self.of(self.crowds[0], since)) >= count

        wait_until(so_many, 20, "keys with money limits are refused")

    def recovered(self, since, bound=RECOVERED):
        """Seconds from `since`, the end of the fault, until keys with money limits are served again on every worker."""
        workers = {call.worker for call in self.before}

        def passed():
            first = {}
            for call in list(self.crowds[0].calls):
                if call.whole and call.began >= since:
                    first[call.worker] = min(call.ended, first.get(call.worker, call.ended))
            return first if first.keys() == workers else None

        took = max(wait_for(passed, bound + 20, "keys with money limits pass again", 0.05).values()) - since
        within(took, bound, "normal again after the fault was over")
        before = [crowd.answered for crowd in self.crowds]
        wait_until(lambda: all(c.answered > n + 10 for c, n in zip(self.crowds, before)), 10, "both keys are served")
        return took

    def judge_answers(self, free_too=True):
        """Only answers and `limiter_unavailable`, which says when to retry; no connection broke."""
        odd = [c for c in self.calls if not c.whole and (c.status, c.type) != (503, "limiter_unavailable")]
        assert odd == [], odd[:3]
        assert [c for c in self.calls if c.status == 503 and not c.retry_after] == [], "it says when to come again"
        if free_too:
            failed = [call for call in self.crowds[1].calls if not call.whole]
            when = sorted(round(call.began - self.began, 1) for call in failed)
            assert failed == [], f"{len(failed)} requests without money limits failed, at {when} s: {failed[:2]}"


def percentile(calls, share):
    times = sorted(call.seconds for call in calls)
    return times[min(len(times) - 1, int(len(times) * share))] * 1000 if times else 0
