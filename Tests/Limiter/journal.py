"""A worker's state of a request, and the records of its journal."""

import dataclasses

# A tombstone outlives the largest step of Redis's clock and every replay.
TTL_MS, TOMBSTONE_MS, PATIENCE_MS = 600_000, 9_000_000, 3_000
# How long a request is kept for replay after the ledger has it: longer than any tail Redis can lose.
KEPT_MS = 60_000


@dataclasses.dataclass(slots=True, eq=False)
class Request:
    """One request and what really happened: `truth` is what the provider bills for it."""

    rid: str
    owner: str
    scopes: tuple
    floor: int
    hold: int
    hold_min: int
    state: str = "asked"  # asked, open, closed, cancelled, refused
    truth: int = 0
    reported: int = 0
    periods: str = ""
    at: int = 0
    retried: bool = False
    is_early: bool = False  # `begin` reserved its unit and concurrency slot before its body was read.
    confirmed: tuple = ()  # (gen, run) in which Redis is known to have the hold
    is_journal_lost: bool = False
    is_appended: bool = False

    def event(self, cost, refund, clock):
        fields = {"id": self.rid, "scopes": " ".join(self.scopes), "cost": cost, "periods": self.periods,
                  "refund": int(refund), "clock": clock}
        saved = f'|"saved":{self.hold}' if refund == 2 else ""
        return "|".join(f"{name}={value}" for name, value in fields.items()) + saved


@dataclasses.dataclass(slots=True, eq=False)
class Closed:
    """A journal record of a closed request: cost and event are frozen before they are sent."""

    request: Request
    to: str
    cost: int
    event: str
    refund: int  # Refund of the request unit: 0 no, 1 everywhere, 2 everywhere but in the sliding window.
    generation: str
    at: int
    confirmed: tuple = ()  # (gen, run) in which Redis is known to have it
    stream_id: tuple = ()
    is_acknowledged: bool = False
    is_busy: bool = False
