"""Each party's view of the same requests: the provider's bill, the ledger, Redis's counters, the callers' log."""

import dataclasses
import functools
import re
import zlib

import redis

from processes import ROOT
from rig import wait_for

#: The shards' hash tags, as in both planes: that of shard n begins with its number.
TAGS = ["{%s}" % tag for tag in re.findall(
    r'"(s\d\d[.\d]*)"', (ROOT / "Sources/Shared/PlaneContract/Shard.swift").read_text())]
assert len(TAGS) == 64 and all(int(tag[2:4]) == n for n, tag in enumerate(TAGS))

COLUMNS = [
    "id", "kind", "key_id", "org_id", "nano_usd", "held_nano_usd", "outcome", "usage_source", "status", "streamed",
    "given_back", "input", "cached", "output", "reasoning", "worker", "model", "admitted_ms"]
#: Counters that are zero while nothing runs.
HELD = ["month_reserved", "day_reserved", "month_before_reserved", "day_before_reserved", "open"]


def tag_of(org):
    return TAGS[zlib.crc32(org.encode()) % len(TAGS)]


def counters_of(stack, scopes):
    """`scopes`: (scope, org) pairs. Returns scope -> counters by name; absent scopes are all zero."""
    pipe = stack.redis().pipeline(transaction=False)
    for scope, org in scopes:
        pipe.execute_command("FCALL_RO", "gw2_inspect", 1, f"b:{tag_of(org)}:{scope}")
    return {scope: {flat[i]: int(flat[i + 1]) for i in range(0, len(flat), 2)}
            for (scope, _), flat in zip(scopes, pipe.execute())}


def scopes_of(stack):
    """Every key and every org, with the org that determines its shard."""
    return stack.sql("select id, org_id from api_key union all select 'o:' || id, id from org")


def open_holds(stack):
    pipe = stack.redis().pipeline(transaction=False)
    for tag in TAGS:
        pipe.zcard(f"o:{tag}")
    return sum(pipe.execute())


@dataclasses.dataclass
class Facts:
    bill: dict
    #: Every row of the ledger, of requests and kinds.
    rows: list
    #: (day as yyyymmdd, key, org, nano, requests)
    spend: list
    counters: dict
    holds: int
    #: Keys that are not revoked.
    active: set
    #: The callers' log, and the times of kills by worker.
    calls: list = dataclasses.field(default_factory=list)
    kills: list = dataclasses.field(default_factory=list)
    #: Earlier requests, which other tests have checked.
    judged: set = dataclasses.field(default_factory=set)
    #: Tokens a provider may have sent beyond a killed worker's last report.
    slack: int = 30

    @functools.cached_property
    def ledger(self):
        """The effective row of each request: the final one if there is one."""
        counting = {}
        for row in self.rows:
            if row["kind"] == "final" or row["id"] not in counting:
                counting[row["id"]] = row
        return counting

    @property
    def new(self):
        return {id: row for id, row in self.ledger.items() if id not in self.judged}

    @property
    def new_bill(self):
        return {id: entry for id, entry in self.bill.items() if id not in self.judged}


def rows_of(stack):
    rows = stack.sql(
        "select id::text, kind, key_id, org_id, nano_usd, held_nano_usd, outcome, usage_source, status, streamed,"
        " given_back, input_tokens, cache_read_tokens, output_tokens, reasoning_tokens, worker, model,"
        " (extract(epoch from admitted_at) * 1000)::bigint from usage_event")
    return [dict(zip(COLUMNS, row)) for row in rows]


def gather(stack, **more):
    scopes = scopes_of(stack)
    active = {id for id, in stack.sql("select id from api_key where status = 'active'")}
    return Facts(
        active=active,
        bill=stack.bill(), rows=rows_of(stack), holds=open_holds(stack), counters=counters_of(stack, scopes),
        spend=stack.sql("select to_char(day, 'YYYYMMDD')::bigint, key_id, org_id, nano_usd, requests from spend"),
        **more)


def is_quiet(stack):
    """No hold is open, nothing is reserved, no request counts as running, and the ledger has ingested everything."""
    try:
        if open_holds(stack):
            return False
        counters = counters_of(stack, scopes_of(stack)).values()
        return not any(c[name] for c in counters for name in HELD) and stack.ledger_is_read()
    except redis.RedisError:
        return False  # no functions loaded yet, or restarting


def wait_quiet(stack, calls=(), seconds=30, killed=lambda call: False):
    """Waits until everything is settled and in the ledger, and each complete answer has its final row."""
    wait_for(lambda: is_quiet(stack), seconds, "all holds are closed and the ledger has read everything", 0.2)
    billed = set(stack.bill())
    whole = {call.id for call in calls if call.whole and not killed(call)}

    def known():
        rows = stack.sql("select id::text, kind from usage_event")
        return billed <= {id for id, _ in rows} and whole <= {id for id, kind in rows if kind == "final"}

    wait_for(known, seconds, "the ledger has every request the provider saw, and the last word on each answer", 0.5)
    wait_for(lambda: is_quiet(stack), seconds, "all holds are still closed", 0.2)
