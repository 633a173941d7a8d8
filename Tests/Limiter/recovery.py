"""How a worker recovers after Redis restarted, failed over or was wiped."""

from journal import PATIENCE_MS, TTL_MS
from network import key_of


class Recovery:
    def recover(self):
        """Sends a heartbeat, learns the shard's generation, replays into it, and reports that."""
        if self.is_asking:
            return
        self.is_asking = True

        def done(*_):
            self.is_asking = False

        if not self.is_greeted:
            return self.send("heartbeat", [key_of("hb")], [self.owner, 0],
                             lambda reply: (done(), self.on_greeted(reply)), done)
        waiting = [closed for closed in self.closed.values()
                   if closed.confirmed != self.target() and not self.is_final_in_ledger(closed)]
        unrestored = [held for held in self.open.values() if held.state == "open" and held.confirmed != self.target()]
        if self.is_lost:
            return self.append_all(waiting, done)
        if waiting or unrestored:
            for held in unrestored:
                self.restore(held)
            return done()
        self.reopen(self.generation, done)

    def on_greeted(self, reply):
        self.is_greeted = True
        generation = reply[1].decode()
        if generation:
            if int(generation) >= int(self.generation or 0):
                self.generation, self.is_lost = generation, False
            else:  # A failover brought back an older generation: the control plane will stop it.
                self.is_greeted = False
        else:
            self.is_lost = True

    def append_all(self, waiting, done):
        """Counters are lost: appends closed requests for the ledger before the next generation begins."""
        older = [closed for closed in waiting if closed.to == "S" and closed.generation != self.generation]
        if self.generation and not older and not self.has_appended and self.barrier == self.generation:
            def appended(*_):
                done()
                self.has_appended = True
            return self.send("appended", [key_of("run")], [self.owner, self.generation], appended, done)
        self.is_greeted = False  # The next heartbeat checks again.
        # Names no generation, so that it cannot mean "I have replayed".
        self.reopen("", done)

    def reopen(self, generation, done):
        target = self.target()

        def on_reply(reply):
            done()
            code = int(reply[0])
            if code == 0:
                self.opened = target if target == self.target() else ()
            elif code == 2:
                self.is_greeted = False
            elif code == 3:
                self.opened, self.is_lost = (), True
                named = reply[1].decode()
                if named and int(named) > int(self.generation or 0):
                    self.generation, self.has_appended = named, False
                self.barrier = named

        self.send("reopen", [key_of("run"), key_of("hb")], [self.owner, self.run, generation, PATIENCE_MS],
                  on_reply, done)

    def restore(self, held):
        target = self.target()

        def on_reply(reply):
            if int(reply[0]) in (0, 1):
                held.confirmed = target

        args = [held.rid, self.generation, self.owner, held.at, TTL_MS, self.world.estimate, held.hold, held.truth,
                held.event(held.truth, False, self.clock()), held.periods]
        self.send("restore", [key_of("h", held.rid), key_of("o"), *self.scope_keys(held)], args, on_reply)
