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
                   if closed.confirmed != self.target() and not self.is_filed_for_good(closed)]
        unheld = [held for held in self.open.values() if held.state == "open" and held.confirmed != self.target()]
        if self.is_lost:
            return self.file(waiting, done)
        if waiting or unheld:
            for held in unheld:
                self.restore(held)
            return done()
        self.reopen(self.gen, done)

    def on_greeted(self, reply):
        self.is_greeted = True
        gen = reply[1].decode()
        if gen:
            if int(gen) >= int(self.gen or 0):
                self.gen, self.is_lost = gen, False
            else:  # A failover brought back an older generation: the control plane will stop it.
                self.is_greeted = False
        else:
            self.is_lost = True

    def file(self, waiting, done):
        """Counters are lost: appends closed requests for the ledger before the next generation begins."""
        older = [closed for closed in waiting if closed.to == "S" and closed.gen != self.gen]
        if self.gen and not older and not self.is_filed and self.barrier == self.gen:
            def filed(*_):
                done()
                self.is_filed = True
            return self.send("appended", [key_of("run")], [self.owner, self.gen], filed, done)
        self.is_greeted = False  # The next heartbeat checks again.
        # Names no generation, so that it cannot mean "I have replayed".
        self.reopen("", done)

    def reopen(self, gen, done):
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
                if named and int(named) > int(self.gen or 0):
                    self.gen, self.is_filed = named, False
                self.barrier = named

        self.send("reopen", [key_of("run"), key_of("hb")], [self.owner, self.run, gen, PATIENCE_MS], on_reply, done)

    def restore(self, held):
        target = self.target()

        def on_reply(reply):
            if int(reply[0]) in (0, 1):
                held.confirmed = target

        args = [held.rid, self.gen, self.owner, held.at, TTL_MS, self.world.estimate, held.hold, held.truth,
                held.event(held.truth, False, self.clock()), held.periods]
        self.send("restore", [key_of("h", held.rid), key_of("o"), *self.scope_keys(held)], args, on_reply)
