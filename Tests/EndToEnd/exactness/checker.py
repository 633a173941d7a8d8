"""Waits until all is quiet after a fault, then checks all parties' facts against the invariants."""

import collections

from facts import gather, wait_quiet
from invariants import INVARIANTS, i8_no_secret, was_killed

SHOWN = 5


class Checker:
    """Created before a fault, checked after it. Earlier requests are excluded; sums and counters include all."""

    def __init__(self, stack, slack=30):
        self.stack, self.slack = stack, slack
        self.judged = {id for id, in stack.sql("select distinct id::text from usage_event")} | set(stack.bill())

    def facts(self, calls=(), seconds=30):
        kills = list(self.stack.kills)
        try:
            wait_quiet(self.stack, calls, seconds, lambda call: was_killed(call, kills))
        except AssertionError as late:
            print(f"\n{late}")  # the invariants say what exactly is missing
        return gather(self.stack, calls=list(calls), kills=kills, judged=self.judged, slack=self.slack)

    def check(self, calls=(), seconds=30, secrets=()):
        """Waits until all is quiet; fails on the first violated invariants, or returns the facts."""
        facts = self.facts(calls, seconds)
        flaws = self.flaws(facts, secrets)
        assert not flaws, "\n".join(
            f"{name}: {len(found)} flaws\n  " + "\n  ".join(found[:SHOWN]) for name, found in flaws.items())
        return facts

    def flaws(self, facts, secrets=()):
        found = {invariant.__name__: list(invariant(facts)) for invariant in INVARIANTS}
        found["i8_no_secret"] = list(i8_no_secret(self.stack, secrets)) if secrets else []
        return {name: flaws for name, flaws in found.items() if flaws}


def counts(facts):
    """The counts for the table."""
    outcomes = collections.Counter(row["outcome"] for row in facts.new.values())
    statuses = collections.Counter(call.status for call in facts.calls)
    return (f"{len(facts.new)} in the ledger ({', '.join(f'{n} {name}' for name, n in outcomes.most_common())});"
            f" answers {dict(sorted(statuses.items()))}")
