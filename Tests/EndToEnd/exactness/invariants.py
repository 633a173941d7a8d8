"""The invariants, checked against the parties' facts once all is quiet. Each returns its violations.

    I1  the ledger is the provider's bill: to the nano for what was completed, within bounds for what was interrupted
    I2  Redis has spent what the ledger says and reserves nothing
    I3  spent and reserved never exceed a limit: `watcher.Watcher`, while it happens
    I4  one event per answer, none twice, none without a request at the provider; a refusal costs nothing
    I5  no admission after a revocation was answered: `test_revocation_under_load.py`; no key in force is called unknown
    I6  no minute holds more than its limit: `test_windows.py`
    I7  a worker's configuration never goes back
    I8  no secret in any log, journal or store
    I9  no request crosses tenants
"""

import collections
import decimal

from stack import price

#: A kill this close to the end of an answer may have come just before or after the worker recorded that end.
NEAR_SECONDS = (0.25, 0.5)


def was_killed(call, kills):
    """Whether the worker may have died before it recorded that this answer had ended."""
    return any(name == call.worker and at - NEAR_SECONDS[0] <= call.ended <= at + NEAR_SECONDS[1] for at, name in kills)


def i1_ledger_is_bill(facts):
    for id, row in facts.new.items():
        entry = facts.bill.get(id)
        # An answer that the gateway ended because of the budget is complete only for its caller.
        ended_here = entry and not entry["complete"] and row["usage_source"] != "provider"
        if row["outcome"] == "completed" and not ended_here:
            if not entry or not entry["complete"] or row["nano_usd"] != price(entry):
                yield f"{id}: completed for {row['nano_usd']}, the provider says {entry and price(entry)} ({entry})"
        elif entry and entry["status"] == 200:
            yield from partial(facts, id, row, entry)
    for id in facts.new_bill.keys() - facts.ledger.keys():
        yield f"{id}: lost, the provider billed it and the ledger does not know it"


def partial(facts, id, row, entry):
    """Interrupted, cancelled or failed requests: charged at least the provider's bill, at most the hold."""
    if row["nano_usd"] > row["held_nano_usd"] > 0:
        yield f"{id}: {row['outcome']} for {row['nano_usd']}, more than the {row['held_nano_usd']} held"
    if row["outcome"] == "interrupted" and row["nano_usd"] <= 0:
        yield f"{id}: interrupted and free of charge"
    # A plain answer whose connection broke before a head is not charged: it may never have been processed.
    if row["outcome"] == "failed" and not row["streamed"] and row["nano_usd"] == 0:
        return
    billed = min(price(entry), row["held_nano_usd"])
    if row["nano_usd"] < billed:
        yield f"{id}: {row['outcome']}, {billed} were billed and {row['nano_usd']} charged ({row['usage_source']})"


def i2_redis_is_ledger(facts):
    if facts.holds:
        yield f"{facts.holds} holds are open"
    spent, requests = collections.Counter(), collections.Counter()
    for day, key, org, nano, count in facts.spend:
        for scope in (key, f"o:{org}"):
            for period in (day, day // 100):
                spent[scope, period] += nano
                requests[scope, period] += count
    for scope, c in facts.counters.items():
        reserved = {name: c[name] for name in c if name.endswith("_reserved") or name == "open"}
        if any(reserved.values()):
            yield f"{scope}: {reserved}"
        for window in ("month", "day"):
            at = scope, c[window]
            if c[window] and (c[f"{window}_spent"], c[f"{window}_requests"]) != (spent[at], requests[at]):
                yield (f"{scope} {window} {c[window]}: Redis has {c[f'{window}_spent']} nano, {c[f'{window}_requests']}"
                       f" requests, the ledger {spent[at]}, {requests[at]}")
    names = ("month", "day", "month_before", "day_before")
    windows = {(scope, c[name]) for scope, c in facts.counters.items() for name in names}
    yield from (f"{scope}: the ledger has {nano} nano in {period}, of which Redis knows nothing"
                for (scope, period), nano in spent.items() if nano and (scope, period) not in windows)


def i2_sums_are_rows(facts):
    sums = collections.Counter()
    for _, key, _, nano, count in facts.spend:
        sums[key] += nano
        sums[key, "requests"] += count
    for row in facts.ledger.values():
        sums[row["key_id"]] -= row["nano_usd"]
        sums[row["key_id"], "requests"] -= not row["given_back"]
    for key, difference in sums.items():
        if difference:
            yield f"{key}: the sums of the ledger differ from its rows by {difference}"


def i4_one_event_per_answer(facts):
    seen = collections.Counter((row["id"], row["kind"]) for row in facts.rows)
    yield from (f"{id}: {count} rows of kind {kind}" for (id, kind), count in seen.items() if count > 1)
    for id, entry in facts.new_bill.items():
        if entry["received"] != 1:
            yield f"{id}: sent to the provider {entry['received']} times"
    for id, row in facts.new.items():
        if row["outcome"] == "completed" and id not in facts.bill:
            yield f"{id}: in the ledger as completed, but no provider knows it"
    answers = collections.Counter(call.id for call in facts.calls if call.id)
    yield from (f"{id}: the id of {count} answers" for id, count in answers.items() if count > 1)
    for call in facts.calls:
        row = facts.ledger.get(call.id)
        if call.status == 200 and not row:
            yield f"{call.id}: answered 200 by {call.worker}, not in the ledger"
        elif call.status >= 400 and row and row["nano_usd"]:
            yield f"{call.id}: answered {call.status}, charged {row['nano_usd']}"
        elif call.whole and not (row["outcome"] == "completed" or was_killed(call, facts.kills)):
            yield f"{call.id}: the caller has the whole answer, the ledger says {row['outcome']}"
        elif call.whole and row["outcome"] == "completed":
            if call.cost is None or decimal.Decimal(call.cost) * 10**9 != row["nano_usd"]:
                yield f"{call.id}: the caller was told {call.cost}, the ledger has {row['nano_usd']} nano"


def i5_keys_in_force_are_known(facts):
    for call in facts.calls:
        if call.status == 401 and call.key in facts.active:
            yield f"{call.id}: {call.worker} says that {call.key} is unknown, at {call.began:.3f}"


def i7_configuration_only_rises(facts):
    last = {}
    for call in sorted(facts.calls, key=lambda call: call.began):
        if call.config and call.config.isdigit():
            if int(call.config) < last.get(call.connection, 0):
                yield f"{call.worker}: configuration {call.config} after {last[call.connection]}"
            last[call.connection] = int(call.config)


def i8_no_secret(stack, secrets):
    """No secret in any file: logs, journals, snapshots, Redis's log, the database."""
    wanted = [secret.encode() for secret in secrets]
    for path in stack.folder.rglob("*"):
        if path.is_file() and stack.secrets not in path.parents and path.stat().st_size < 256 << 20:
            data = path.read_bytes()
            yield from (f"{path.relative_to(stack.folder)}: has a secret in it" for secret in wanted if secret in data)


def i9_no_crossing(facts):
    for id, entry in facts.new_bill.items():
        row = facts.ledger.get(id)
        if row and "canary-" in entry["body"] and f"canary-{row['key_id']}" not in entry["body"]:
            yield f"{id}: charged to {row['key_id']}, but it asked {entry['body'][:300]}"
    for call in facts.calls:
        if call.inside - {call.id and call.id.encode()}:
            yield f"{call.id}: its answer has parts of {call.inside}"
        if (row := facts.ledger.get(call.id)) and row["key_id"] != call.key:
            yield f"{call.id}: asked by {call.key}, charged to {row['key_id']}"


INVARIANTS = [
    i1_ledger_is_bill, i2_redis_is_ledger, i2_sums_are_rows, i4_one_event_per_answer, i5_keys_in_force_are_known,
    i7_configuration_only_rises, i9_no_crossing]
