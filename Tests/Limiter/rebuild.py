"""How a control plane restores the totals of a shard that lost its counters."""

from expected_state import calendar
from journal import TOMBSTONE_MS
from network import key_of


class Interrupted(Exception):
    """This control plane abandons its current work: a reply was lost, or it died."""


class Rebuild:
    def look(self):
        """One step of a rebuild, or the check whether one is needed."""
        if not self.world.store.up or not self.ledger.is_up:
            self.rebuilding = None
            return
        try:
            if self.rebuilding is None:
                generation = self.world.redis.do_hget(key_of("c").encode(), b"gen")
                if generation and int(generation) >= self.ledger.generation:
                    return
                self.rebuilding = self.rebuild(self.world.store.run, generation)
            if next(self.rebuilding, "over") == "over":
                self.rebuilding = None
        except Interrupted:
            self.rebuilding = None

    def rebuild(self, run, generation):
        if generation:  # A failover brought back an older generation: stop it, but read its stream.
            self.call("stop", [key_of("c")], generation.decode())
        self.ledger.generation += 1
        generation = str(self.ledger.generation)
        for turn in range(self.world.random.randint(2, 8)):
            yield
            reply = self.call("barrier", [key_of("run")], generation)
            if reply[0] == 3 or (reply[0] == 1 and turn):
                raise Interrupted
            if self.world.owners_alive() <= {owner.decode() for owner in reply[1:]}:
                break
        yield
        if self.call("close", [key_of("run")], generation)[0] == 3:
            raise Interrupted
        self.take_over()
        if not self.world.has("keep the cursor of a lost stream"):
            self.ledger.cursor = self.cursor = (0, 0)  # The new stream's IDs are unrelated to the old one's.
        else:
            self.cursor = self.ledger.cursor
        self.run = self.world.store.run
        while self.read_stream(500) or self.read[0]:
            self.commit()
        self.read = None
        yield
        if not self.clear(generation):
            raise Interrupted
        totals, charged, now = self.ledger.totals(), self.ledger.charged(), self.world.redis.now_ms
        for name, version in self.ledger.versions.items():
            self.call("raise", [key_of("c")], name, version)
        for scope in self.world.scopes:
            yield
            if self.call("seed", [key_of("b", scope)], generation, *self.period_totals(scope, totals, now),
                         *self.savings(scope, totals, now))[0] == 3:
                raise Interrupted
        for rid, row in charged.items():
            if (rid, "final") not in self.ledger.rows:
                if self.call("entomb", [key_of("h", rid)], generation, row.cost, self.named(row), TOMBSTONE_MS)[0] == 3:
                    raise Interrupted
        yield
        self.world.store.contract.bases[generation] = {rid: row.cost for rid, row in charged.items()}
        if self.call("live", [key_of("c")], generation, run)[0] == 0:
            self.world.count("rebuilt")

    def clear(self, generation):
        left = [key.decode() for key in self.world.redis.data if key[:2] in (b"h:", b"b:", b"o:")]
        return not left or self.call("clear", [key_of("run"), *left], generation)[0] == 0

    @staticmethod
    def named(row):
        return ",".join("/".join(map(str, one)) for one in row.periods)

    def period_totals(self, scope, totals, now):
        """[month, spent, requests, day, …] of the current and previous periods, never older than the ledger's."""
        values, before = [], []
        for place in (0, 1):
            size = (6, 8)[place]
            known = sorted({calendar(now)[place]} | {p for s, p in totals if s == scope and len(str(p)) == size})
            current, previous = known[-1], known[-2] if len(known) > 1 else 0
            values += [current, *totals.get((scope, current), (0, 0))[:2]]
            before += [previous, *totals.get((scope, previous), (0, 0))[:2]]
        return values + before

    def savings(self, scope, totals, now):
        """Cached answers and their savings, for the month and the day."""
        period_totals = self.period_totals(scope, totals, now)
        return [part for period in (period_totals[0], period_totals[3])
                for part in totals.get((scope, period), (0, 0, 0, 0))[2:]]

    def reconcile(self):
        """Raises Redis to the ledger, for usage that bypassed the counters. Only when nothing waits for a replay."""
        totals, added = self.ledger.totals(), 0
        for scope in self.world.scopes:
            period_totals = self.period_totals(scope, totals, self.world.redis.now_ms)[:6]
            reply = self.call("at_least", [key_of("b", scope)], *period_totals)
            added += sum(map(int, reply[1:]))
        return added
