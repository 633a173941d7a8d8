"""How a worker sends closed requests to Redis, repeatedly until the ledger has them."""

from journal import KEPT_MS, TOMBSTONE_MS
from network import key_of


class SettlementQueue:
    def tick(self):
        if not self.is_alive or self.is_frozen or not self.world.store.up:
            return
        if self.run != self.world.store.run:  # A worker reads it on every new connection.
            self.run, self.opened = self.world.store.run, ()
            self.is_asking = self.has_appended = self.is_greeted = False
        if self.generation:
            self.close_adopted()
            self.send_closed()
        if not self.opened:
            self.recover()
        elif self.world.random.random() < 0.1:
            self.beat()

    def close_admissions(self):
        self.opened, self.is_greeted = (), False

    def close_adopted(self):
        """Closes requests that a previous process of the worker left running, charging what was delivered."""
        for request in self.adopted.values():
            if request.state == "open":
                self.close(request, "S", request.truth)
            else:
                self.close(request, "C", 0)
        self.adopted = {}

    def beat(self):
        def on_reply(reply):
            self.is_greeted = True
            if reply[1].decode() != self.generation:
                self.close_admissions()

        self.send("heartbeat", [key_of("hb")], [self.owner, 0], on_reply)

    def send_closed(self):
        for rid, closed in list(self.closed.items()):
            if self.is_done(closed):
                del self.closed[rid]
            if closed.confirmed == self.target() or closed.is_busy:
                continue
            is_older = closed.generation != self.generation and closed.to == "S"
            if is_older and not self.world.has("settle older generations"):
                if not self.is_final_in_ledger(closed):
                    self.append(closed)
            else:
                self.settle(closed)

    def is_done(self, closed):
        """Only once this Redis process is known to have it: Redis may have lost what the ledger has."""
        is_known = closed.confirmed == self.target() and (closed.is_acknowledged or closed.to == "C")
        return (is_known or self.is_final_in_ledger(closed)) and self.world.store.age_ms - closed.at > KEPT_MS

    def is_final_in_ledger(self, closed):
        """Whether the ledger has this request of an older generation, confirmed in this process.

        Another process may have lost its count.
        """
        return closed.is_acknowledged and closed.generation != self.generation and closed.confirmed[1:] == (self.run,)

    def sending(self, closed, name, keys, args, on_reply):
        target, closed.is_busy = self.target(), True

        def reply(got):
            closed.is_busy = False
            on_reply(target, got)

        def lost():
            closed.is_busy = False

        self.send(name, keys, args, reply, lost)

    def append(self, closed):
        closed.request.is_appended = True
        self.sending(closed, "append", [key_of("u")], [closed.request.rid, closed.event],
                     lambda target, reply: int(reply[0]) == 3 or self.confirm(closed, target, reply[1]))

    def settle(self, closed):
        request, cost = closed.request, closed.cost
        if self.world.has("recompute the cost") and closed.to == "S":
            cost = max(0, cost - self.world.random.randrange(2) * self.world.unit)
            closed.event = request.event(cost, closed.refund, self.clock())
        keys = [key_of("h", request.rid), key_of("o"), key_of("u"), *self.scope_keys(request)]
        args = [request.rid, self.generation, closed.to, cost, self.world.estimate, closed.event, TOMBSTONE_MS,
                request.periods, int(closed.refund)]
        self.sending(closed, "settle", keys, args, lambda target, reply: self.on_settled(closed, target, reply))

    def on_settled(self, closed, target, reply):
        code = int(reply[0])
        if code == 3:
            self.close_admissions()
        elif closed.to == "C" and code == 1 and reply[1] == b"R":
            # It was reaped meanwhile: only a final event of zero cost gives the money back.
            if closed.request.rid in self.closed and closed.to == "C":
                request = closed.request
                closed.to, closed.generation, closed.event = "S", self.generation, request.event(0, True, self.clock())
                closed.refund = True
        else:
            self.confirm(closed, target, reply[-1])

    def confirm(self, closed, target, stream_id):
        closed.confirmed, closed.at = target, self.world.store.age_ms
        if stream_id:
            closed.stream_id = tuple(int(part) for part in stream_id.decode().split("-"))

    def acknowledge(self, generation, run, upto):
        """The ledger has ingested the stream of this generation and process up to `upto`."""
        for closed in self.closed.values():
            if closed.stream_id and closed.stream_id <= upto:
                is_careless = closed.confirmed and self.world.has("acknowledge across processes")
                if closed.confirmed == (generation, run) or is_careless:
                    closed.is_acknowledged = True
