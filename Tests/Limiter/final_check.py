"""The end of a run: faults stop, everything is retried until idle, then all records are compared."""

import collections

import msgpack
from expected_state import BASE, OPEN, PERIODS, SAVED, demand, periods_of
from network import key_of


def run_until_idle(world):
    world.network.is_faulty, world.store.up, world.ledger.is_up = False, True, True
    plane, other = world.planes
    other.die()
    for worker in world.workers:
        worker.is_frozen = False
        if not worker.is_alive:
            worker.start()
        world.learn_versions(worker)
    for round_ in range(200):
        world.network.settle_down()
        plane.look()
        while plane.rebuilding:
            for worker in world.workers:
                worker.tick()
            world.network.settle_down()
            plane.look()
        plane.sweep()
        for worker in world.workers:
            for request in [held for held in worker.open.values() if held.state == "open"]:
                worker.close(request, "S", request.truth)
            worker.tick()
            if worker.opened:
                worker.beat()
        world.network.settle_down()
        for _ in range(6):
            plane.ingest()
        if is_idle(world, plane):
            return
        # Holds of an owner not known to be silent are reaped only at their deadline.
        world.pass_time(2_000 if round_ < 40 else 60_000)
    states = [(w.owner, w.opened, w.generation, len(w.open), len(w.closed)) for w in world.workers]
    demand(False, "the system does not become idle", states, list(world.redis.table(key_of("o").encode()))[:5])


def is_idle(world, plane):
    redis = world.redis
    if redis.table(key_of("o").encode()) or world.network.pending or not plane.is_reader:
        return False
    if redis.stream_after(key_of("u").encode(), plane.cursor, 1):
        return False
    for worker in world.workers:
        if worker.open or worker.adopted or not worker.opened:
            return False
        for closed in worker.closed.values():
            if not closed.is_acknowledged and not (closed.to == "C" and closed.confirmed == worker.target()):
                return False
    return True


def compare(world):
    contract, charged = world.store.contract, world.ledger.charged()
    require_nothing_held(world)
    unclean, forgotten = set(), collections.Counter()
    for rid, request in world.requests.items():
        row = charged.get(rid)
        if request.is_journal_lost:
            require_bounded(world, request, row)
        else:
            require_exact(world, request, row)
        was_reaped = request.state == "cancelled" and row and world.counts["lost tails"]
        has_forgotten = was_reaped and contract.records.get(rid, {}).get("st") != "R" \
            and rid not in contract.state.get("base", {})
        if (row.cost if row else 0) != contract.charge_of(rid):
            is_excused = request.is_journal_lost or was_reaped
            demand(is_excused, "Redis and the ledger differ", rid, row, request, contract.charge_of(rid))
            unclean |= set(request.scopes)
        elif has_forgotten and (rid, "final") not in world.ledger.rows:
            # Redis forgot a reap that cost nothing. The ledger still has its unit, which no restored totals include.
            forgotten.update((scope, period) for scope, periods in zip(row.scopes, row.periods) for period in periods)
        if request.is_journal_lost and {(rid, "reaped"), (rid, "final")} <= world.ledger.rows.keys():
            # Redis and its worker both lost its final event: the reap stands, with a unit the event may have refunded.
            unclean |= set(request.scopes)
    require_counters_match(world, unclean, forgotten)
    if not any(world.counts[what] for what in ("lost tails", "flushed")) and not contract.swept:
        require_bill_within_limits(world)


def require_bill_within_limits(world):
    """If nothing was lost and no final event came after a sweep, the provider's bill itself obeys every limit."""
    bill = {}
    for request in world.requests.values():
        for scope, periods in zip(request.scopes, all_periods(request)):
            for period, kind in zip(periods, ("month", "day")):
                bill[scope, period, kind] = bill.get((scope, period, kind), 0) + request.truth
    for (scope, period, kind), nano in bill.items():
        limit = world.limits[key_of("b", scope)][kind]
        demand(limit < 0 or nano <= limit, "the provider's bill is larger than the limit", scope, period, nano, limit)


def all_periods(request):
    return [periods_of(request.periods, i) for i in range(len(request.scopes))]


def require_nothing_held(world):
    for scope in world.scopes:
        held = world.redis.alive(key_of("b", scope).encode())
        s = msgpack.unpackb(held[0]) if held else [0] * (OPEN + 1)
        demand(s[OPEN] == 0 and all(s[w + 3] == 0 for w in PERIODS),
               "money or a concurrency slot is still held", scope, s)
    still = [rid for rid, record in world.store.contract.records.items() if record["st"] == "O"]
    demand(not still, "open at the end", still)


def require_exact(world, request, row):
    if request.state == "closed":
        demand((request.rid, "final") in world.ledger.rows, "lost", request)
        demand(row.cost == request.truth, "the ledger has another cost than the provider", request, row)
    elif not world.counts["lost tails"]:
        # A cancel leaves no event: if Redis forgot a reap that the ledger has, the reap stands.
        demand(not row or row.cost == 0, "charged for what never reached a provider", request, row)


def require_bounded(world, request, row):
    if row:
        demand(row.cost <= request.hold, "charged more than was held", request, row)
    has_lost = world.counts["lost tails"] or world.counts["flushed"]
    if request.reported and request.state == "closed" and not has_lost:
        demand(row, "lost, although Redis lost nothing", request)
        if (request.rid, "final") not in world.ledger.rows:
            # Excludes reports between the sweep and the settle of an owner presumed dead.
            least = min(request.reported, world.store.contract.swept.get(request.rid, 0))
            demand(row.cost >= least, "charged less than was reported", request, row)


def require_counters_match(world, unclean, forgotten):
    totals, contract = world.ledger.totals(), world.store.contract
    for turn in ("before", "after"):
        for scope in world.scopes:
            held = world.redis.alive(key_of("b", scope).encode())
            s = msgpack.unpackb(held[0]) if held else [0] * (OPEN + 1)
            for at in range(SAVED, len(s), 3):
                appended = tuple(totals.get((scope, s[at]), (0, 0, 0, 0))[2:])
                demand((s[at + 1], s[at + 2]) == appended if not world.counts["flushed"] else s[at + 1] <= appended[0],
                       "Redis's savings differ from the ledger", scope, s[at:], appended)
            for w in PERIODS:
                spent, (owed, units) = s[w + 2] * BASE + s[w + 1], totals.get((scope, s[w]), (0, 0))[:2]
                if s[w] and scope not in unclean:
                    lacks = {forgotten[scope, s[w]], 0} if turn == "after" else {forgotten[scope, s[w]]}
                    demand(spent == owed and units - s[w + 4] in lacks,
                           "Redis's counters differ from the ledger", scope, s[w], spent, owed, s[w + 4], units)
                named = world.planes[0].period_totals(scope, totals, world.redis.now_ms)[w // 5 * 3]
                if turn == "after" and w < 10 and s[w] == named:
                    demand(spent >= owed, "Redis has less than the ledger after it was raised", scope, named, spent)
        if turn == "before":
            added = world.planes[0].reconcile()
            demand(not added or unclean, "something was missing that nobody appended", added)
