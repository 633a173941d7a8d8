"""A worker in the admission protocol: admits, reports, closes; `SettlementQueue` and `Recovery` do the rest."""

from journal import TTL_MS, Closed
from network import key_of
from settlement_queue import SettlementQueue
from recovery import Recovery


class Worker(SettlementQueue, Recovery):
    def __init__(self, world, number, skew_ms):
        self.world, self.number, self.skew_ms = world, number, skew_ms
        self.incarnation, self.is_frozen, self.is_alive, self.has_disk = 0, False, False, True
        self.open, self.closed, self.adopted = {}, {}, {}
        self.versions = {}
        self.start()

    def start(self):
        self.incarnation += 1
        self.owner = f"w{self.number}.{self.incarnation}"
        self.is_alive, self.is_frozen, self.is_asking = True, False, False
        self.generation, self.run, self.opened = "", "", ()
        self.is_greeted = self.has_appended = self.is_lost = False
        self.barrier = ""
        for closed in self.closed.values():
            closed.confirmed, closed.is_busy = (), False

    def kill(self, with_disk):
        """Running requests end with what the provider has delivered; the journal has it, if it survives."""
        self.is_alive = False
        self.adopted |= self.open
        self.open = {}
        if not with_disk:
            for held in (*self.adopted.values(), *(closed.request for closed in self.closed.values())):
                held.is_journal_lost = True
                held.state = "closed" if held.state in ("asked", "open") else held.state
            self.adopted, self.closed = {}, {}

    def clock(self):
        return self.world.redis.now_ms + self.skew_ms

    def send(self, name, keys, args, on_reply, on_lost=lambda: None):
        """Drops replies to a previous process of the worker; a frozen worker sees a timeout."""
        incarnation = self.incarnation

        def reply(got):
            if self.incarnation == incarnation and self.is_alive:
                if self.is_frozen:
                    on_lost()
                else:
                    on_reply(got)

        def lost():
            if self.incarnation == incarnation and self.is_alive:
                on_lost()

        self.world.network.send(name, keys, args, reply, lost)

    def scope_keys(self, request):
        return [key_of("b", scope) for scope in request.scopes]

    def target(self):
        return self.generation, self.run

    # Requests.

    def admit(self, request, generation=None):
        self.open[request.rid] = request
        target = self.opened or self.target()
        keys = [key_of("h", request.rid), key_of("o"), *self.scope_keys(request)]
        event = request.event(request.floor, False, self.clock())
        args = [request.rid, *target, self.owner, TTL_MS, self.world.estimate, request.hold, request.hold_min,
                request.floor, event, self.world.limits_for(request, self.versions)]
        self.send("admit", keys, args, lambda reply: self.on_verdict(request, target, reply),
                  lambda: self.on_no_verdict(request))

    def begin(self, request, completes):
        """`completes`: whether the body arrives and is valid."""
        self.open[request.rid], request.is_early = request, True
        keys = [key_of("h", request.rid), key_of("o"), *self.scope_keys(request)]
        args = [request.rid, *(self.opened or self.target()), self.owner, TTL_MS, request.event(0, True, self.clock()),
                self.world.limits_for(request, self.versions)]

        def on_reply(reply):
            code = int(reply[0])
            if request.state != "asked":
                return
            if code in (0, 1):
                return self.admit(request) if completes else self.close(request, "C", 0)
            request.state = "refused"
            del self.open[request.rid]
            if code == 3:
                self.close_admissions()
            if code == 2:
                self.world.learn_versions(self)

        self.send("begin", keys, args, on_reply, lambda: request.state == "asked" and self.close(request, "C", 0))

    def on_verdict(self, request, target, reply):
        code = int(reply[0])
        if request.state != "asked":
            return
        if code in (0, 1):
            request.state, request.at, request.hold = "open", int(reply[1]), int(reply[3])
            request.periods, request.truth, request.confirmed = reply[2].decode(), request.floor, target
            return
        request.state = "refused"
        del self.open[request.rid]
        # The first try may still arrive and be admitted, and what `begin` counted stays.
        if request.retried or request.is_early:
            self.close(request, "C", 0)
        if code == 3:
            self.close_admissions()
        if code == 2:
            self.world.learn_versions(self)

    def on_no_verdict(self, request):
        if request.state != "asked":
            return
        if request.retried:
            return self.close(request, "C", 0)
        request.retried = True
        self.admit(request)

    def progress(self, request, by, more):
        request.truth = min(request.hold, request.truth + by)
        args = [self.generation, self.owner, request.truth, request.event(request.truth, False, self.clock()),
                request.hold + more, self.world.limits_for(request, self.versions)]

        def on_reply(reply):
            if int(reply[0]) == 0 and request.state == "open":
                request.hold, request.reported = max(request.hold, int(reply[1])), max(request.reported, args[2])

        self.send("progress", [key_of("h", request.rid), *self.scope_keys(request)], args, on_reply)

    def close(self, request, to, cost, refund=False):
        """Freezes a request's cost and event and records them; the settlement queue sends them."""
        self.open.pop(request.rid, None)
        request.state = "cancelled" if to == "C" else "closed"
        request.truth = cost
        event = request.event(cost, refund, self.clock())
        self.closed[request.rid] = Closed(request, to, cost, event, refund, self.generation, self.world.store.age_ms)
