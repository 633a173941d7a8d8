"""Hundreds of thousands of real requests on four workers, with random kills, wipes and failovers of everything.

`marathon.py --requests 100000 --kills 100 --seed 1` prints a summary and the checker's verdict; its exit status is 0
if nothing was lost or duplicated, every charge is exact and no hold is open.
"""

import argparse
import collections
import pathlib
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from callers import Crowd  # noqa: E402
from checker import Checker, counts  # noqa: E402
from facts import is_quiet  # noqa: E402
from nemesis import Nemesis  # noqa: E402
from rig import FaultStack  # noqa: E402
from stack import price  # noqa: E402
from watcher import Watcher  # noqa: E402

MODELS = ["plain"] * 8 + ["cached", "tool", "late", "slow", "groq", "twice"]
FLUSHES, FAILOVERS = 10, 10
CALLERS = 16
USD = 10**9
#: Key budgets: some never end, some end on the way, so that keys also compete for the last cent under faults.
BUDGETS = [None, None, "100", "100", "0.05", "0.05", "0.2"]


class Marathon:
    def __init__(self, stack, options):
        self.stack, self.options, self.started = stack, options, time.monotonic()
        self.keys = [stack.new_key(limits={"usd_per_month": usd} if usd else {}) for usd in BUDGETS]
        self.limits = {(key["id"], key["org_id"]): {"month": int(float(usd) * USD)}
                       for key, usd in zip(self.keys, BUDGETS) if usd}
        self.nemesis, self.checker = Nemesis(stack, options.seed), Checker(stack)
        # Most callers have money; refusing those whose budget has ended costs the run little.
        self.crowd = Crowd(stack.workers, self.keys[:4] * 4 + self.keys[4:], MODELS, CALLERS, options.seed, pause=0.002)
        self.watcher = Watcher(stack, self.limits, raises=False)

    def enough(self):
        counted = self.nemesis.counts
        return (self.crowd.answered >= self.options.requests and self.nemesis.kills >= self.options.kills
                and counted["flush"] >= self.options.flushes and counted["fail over"] >= self.options.failovers)

    def over(self):
        return time.monotonic() - self.started > self.options.seconds

    def run(self):
        told = 0
        with self.watcher, self.crowd:
            while not self.enough() and not self.over():
                self.nemesis.strike(self.owed())
                self.nemesis.breathe()
                if time.monotonic() - told > 10:
                    told = time.monotonic()
                    print(f"{told - self.started:6.0f} s {len(self.crowd.calls):8} requests, {self.crowd.answered:8}"
                          f" answered, {self.nemesis.kills:5} kills {dict(self.nemesis.counts)}", flush=True)
            done = self.enough()
        self.stack.whole()
        if not done:
            print("BROKEN the time was over before all was done")
        return self.verdict() and done

    def owed(self):
        """A fault that is behind its schedule or, at the end of the requests, still missing; else None."""
        share = self.crowd.answered / self.options.requests
        for name, wanted in (("flush", self.options.flushes), ("fail over", self.options.failovers)):
            had = self.nemesis.counts[name]
            if had < wanted * min(1, share) - 1 or share >= 1 and had < wanted:
                return name
        return "kill worker" if share >= 1 and self.nemesis.kills < self.options.kills else None

    def verdict(self):
        calls, what = self.crowd.calls, self.nemesis.counts
        print(f"\n{len(calls)} requests, {self.nemesis.kills} kills, {what['flush']} flushes,"
              f" {what['fail over']} failovers, seed {self.options.seed}: {dict(what)};"
              f" {self.watcher.looks} looks at budgets")
        facts = self.checker.facts(calls, seconds=180)
        flaws = self.checker.flaws(facts, secrets=[key["key"] for key in self.keys])
        print(counts(facts))
        completed = {id: row for id, row in facts.new.items() if row["outcome"] == "completed"}
        difference = sum(abs(row["nano_usd"] - price(facts.bill[id])) for id, row in completed.items()
                         if id in facts.bill and facts.bill[id]["complete"])
        lost = len(facts.new_bill.keys() - facts.ledger.keys())
        doubled = sum(count > 1 for count in collections.Counter((r["id"], r["kind"]) for r in facts.rows).values())
        doubled += sum(entry["received"] > 1 for entry in facts.new_bill.values())
        if self.watcher.over:
            flaws["i3_within_the_limits"] = [
                f"{scope}: {max(now for s, _, now, _ in self.watcher.over if s == scope)} of {limit}"
                for scope, limit in {(s, limit) for s, _, _, limit in self.watcher.over}]
        print(f"lost {lost}, doubled {doubled}, difference {difference} nano, open holds {facts.holds}")
        for name, found in flaws.items():
            print(f"BROKEN {name}: {len(found)}", *found[:10], sep="\n    ")
        return not flaws and not any((lost, doubled, difference, facts.holds))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--requests", type=int, default=100_000)
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--flushes", type=int, default=FLUSHES)
    options.add_argument("--failovers", type=int, default=FAILOVERS)
    options.add_argument("--seconds", type=float, default=3600, help="the most the load goes on for")
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    stack, holds = FaultStack(workers=4), False
    try:
        stack.add_replica()
        holds = Marathon(stack, options).run()
    except AssertionError:
        traceback.print_exc()
        print("BROKEN", "all is quiet" if is_quiet(stack) else "it never became quiet")
    finally:
        stack.spoilt = not holds
        stack.close()
    print("holds" if holds else "BROKEN", "nothing lost, nothing doubled, no nano differs, no hold is open")
    sys.exit(not holds)


if __name__ == "__main__":
    main()
