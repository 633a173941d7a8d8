"""A control plane: ingests into the ledger, sweeps, raises versions, and restores lost counters."""

from journal import TOMBSTONE_MS
from ledger import Ledger
from network import key_of
from pools import Sharing
from rebuild import Interrupted, Rebuild
from redis_model import stream_id

SILENT_MS, REREAD_MS = 30_000, 300_000


class ControlPlane(Rebuild, Sharing):
    def __init__(self, world, ledger):
        self.world, self.ledger = world, ledger
        self.read, self.is_reader, self.run, self.rebuilding, self.sharing = None, False, "", None, None

    def die(self):
        self.read, self.is_reader, self.run, self.rebuilding, self.sharing = None, False, "", None, None

    # Ingestion: reading and committing are two steps, and anything may happen between them.

    def take_over(self):
        self.ledger.epoch += 1
        self.epoch, self.is_reader, self.read, self.run = self.ledger.epoch, True, None, ""

    def ingest(self):
        if not self.ledger.is_up or not self.world.store.up:
            self.read = None
        elif not self.is_reader:
            self.take_over()
        elif self.read is None:
            self.read_stream()
        else:
            self.commit()

    def read_stream(self, count=20):
        redis, run = self.world.redis, self.world.store.run
        if run != self.run:
            self.run = run
            self.cursor = self.rewound(self.ledger.cursor)
        generation = redis.do_hget(key_of("c").encode(), b"gen")
        entries = redis.stream_after(key_of("u").encode(), self.cursor, count)
        self.read = (entries, generation and generation.decode(), run)

    def rewound(self, cursor):
        """The cursor moved back: after a failover, new IDs may be below it, by as much as the newest ID shows."""
        newest = self.world.redis.last_ids.get(key_of("u").encode(), (0, 0))
        if not self.world.has("rewind from the cursor alone"):
            cursor = min(cursor, newest)
        return max(0, cursor[0] - REREAD_MS), 0

    def commit(self):
        (entries, generation, run), self.read = self.read, None
        if self.epoch != self.ledger.epoch:
            self.is_reader = False
            return
        try:
            self.count(entries)
        except Interrupted:
            return
        if entries:
            self.ledger.take(entries)
            self.cursor = self.ledger.cursor = stream_id(entries[-1][0])
        if generation:
            self.world.acknowledge(generation, run, self.cursor)

    def count(self, entries):
        """Counts entries that bypassed a live shard's counters, before the ledger commits them."""
        for _, fields in entries:
            named = dict(zip(fields[::2], fields[1::2]))
            rid = named[b"id"].decode()
            if b"life" not in named or self.is_counted(rid, named[b"life"]):
                continue
            self.ledger.counted_late.add((rid, named[b"life"]))
            row = Ledger.row(named[b"event"])
            refund = dict(part.split("=") for part in named[b"event"].decode().split("|") if "=" in part)["refund"]
            scopes = [key_of("b", scope) for scope in row.scopes]
            self.call("count", [key_of("h", rid), key_of("o"), *scopes], rid, named[b"life"].decode(), row.cost,
                      self.world.estimate, named[b"event"].decode(), TOMBSTONE_MS, self.named(row), refund,
                      self.ledger.reaped(rid))

    def is_counted(self, rid, generation):
        if self.world.has("do not count late usage"):
            return True
        if self.world.has("count usage in the totals"):
            return False
        if self.world.has("treat ledger rows as counted"):
            return (rid, "final") in self.ledger.rows
        return self.ledger.has_counted(rid, generation)

    # Calls whose replies are awaited.

    def call(self, name, keys, *args):
        if not self.world.store.up or not self.ledger.is_up:
            raise Interrupted
        fate = self.world.random.random() if self.world.network.is_faulty else 1
        if fate < 0.01:
            raise Interrupted
        if fate < 0.03 and name != "barrier":  # Like a slow call: the same call arrives again later.
            self.world.network.send(name, keys, args)
        reply = self.world.store.call(name, keys, args)
        if 0.03 <= fate < 0.04:
            raise Interrupted
        return reply

    def sweep(self):
        generation = self.world.redis.do_hget(key_of("c").encode(), b"gen")
        if not generation or self.rebuilding:
            return
        try:
            orphans = self.call("sweep", [key_of("o"), key_of("hb")], SILENT_MS, 10)
            for rid, _, _, cost, _, event, periods, *is_early in orphans:
                row = Ledger.row(event)
                scopes = [key_of("b", scope) for scope in row.scopes]
                keys = [key_of("h", rid.decode()), key_of("o"), key_of("u"), *scopes]
                named = dict(part.split("=") for part in event.decode().split("|"))
                named["periods"], named["cost"] = periods.decode(), int(cost)
                self.world.network.send("settle", keys, [
                    rid.decode(), generation.decode(), "B" if is_early else "R", int(cost), self.world.estimate,
                    "|".join(f"{k}={v}" for k, v in named.items()), TOMBSTONE_MS, periods.decode(),
                    1 if is_early else 0])
        except Interrupted:
            pass

    def share(self):
        """One step of dividing the pool."""
        self.sharing = self.sharing or self.share_out()
        try:
            if next(self.sharing, "over") == "over":
                self.sharing = None
        except Interrupted:
            self.sharing = None

    def raise_version(self, name, by=1):
        self.ledger.versions[name] = self.ledger.versions.get(name, 8) + by
        for _ in range(2):  # Pushed at once, and again in the next full round.
            self.world.network.send("raise", [key_of("c")], [name, self.ledger.versions[name]])
