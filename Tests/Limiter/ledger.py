"""The durable state: PostgreSQL's ledger, as far as the protocol depends on it."""

import dataclasses
import re

from expected_state import demand


@dataclasses.dataclass(slots=True)
class Row:
    cost: int
    scopes: tuple
    periods: tuple  # per scope (month, day)
    refunded: bool
    event: bytes
    saved: int | None = None


class Ledger:
    """Rows by (request, kind), the cursor with its epoch, and the shard's generation. A commit is atomic."""

    def __init__(self):
        self.rows, self.cursor, self.epoch, self.generation, self.versions, self.is_up = {}, (0, 0), 0, 0, {}, True
        #: (request, generation) pairs that were counted in Redis when they were ingested.
        self.counted_late = set()

    def take(self, entries):
        for _, fields in entries:
            named = dict(zip(fields[::2], fields[1::2]))
            rid, kind, event = named[b"id"].decode(), named[b"kind"].decode(), named[b"event"]
            held = self.rows.get((rid, kind))
            if held:
                demand(kind != "final" or held.event == event, "two final events of one request",
                       rid, held.event, event)
                continue
            self.rows[rid, kind] = self.row(event)

    def has_counted(self, rid, generation):
        """Whether the generation's totals included the request's final event, whatever Redis has lost since."""
        return (rid, "final") in self.rows and (rid, generation) not in self.counted_late

    def reaped(self, rid):
        """What a request was charged when it was reaped, as passed to the library; empty if it was not."""
        row = self.rows.get((rid, "reaped"))
        return "" if row is None else row.cost

    @staticmethod
    def row(event):
        f = dict(part.split("=") for part in event.decode().split("|") if "=" in part)
        saved = re.search(r'"saved":(\d+)', event.decode())
        periods = tuple(tuple(map(int, one.split("/"))) for one in f["periods"].split(",")) if f["periods"] else ()
        return Row(int(f["cost"]), tuple(f["scopes"].split()), periods, f["refund"] != "0", event,
                   int(saved[1]) if saved else None)

    def charged(self):
        """The effective row of each request: the final one supersedes a reap."""
        return {rid: self.rows.get((rid, "final"), row) for (rid, _), row in self.rows.items()}

    def totals(self):
        """(scope, period) -> [spent, requests, cached answers, money they saved]"""
        sums = {}
        for row in self.charged().values():
            for scope, periods in zip(row.scopes, row.periods):
                for period in periods:
                    held = sums.setdefault((scope, period), [0, 0, 0, 0])
                    held[0] += row.cost
                    held[1] += not row.refunded
                    held[2] += row.saved is not None
                    held[3] += row.saved or 0
        return sums
