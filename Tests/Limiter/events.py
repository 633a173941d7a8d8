"""The events of a simulation step."""

from journal import Request
from pools import POOL

SECOND, HOUR = 1_000, 3_600_000
# The keys and the scopes each is counted in.
SCOPES = {"k1": ("o1", "k1", POOL), "k2": ("o1", "k2"), "k3": ("o2", "k3", POOL)}


class Events:
    def idle(self):
        self.pass_time(self.random.choice((500, 2_000, 8_000)))

    def some(self, workers):
        workers = list(workers)
        return self.random.choice(workers) if workers else None

    def ready(self):
        return self.some(w for w in self.workers if w.is_alive and not w.is_frozen)

    def arrive(self):
        worker = self.ready()
        if not worker or not worker.opened:
            return
        r, rid = self.random, f"r{len(self.requests)}"
        floor = self.unit * r.randrange(0, 10)
        request = Request(rid, worker.owner, SCOPES[r.choice(("k1", "k1", "k2", "k3"))], floor,
                          hold=self.unit * r.randint(60, 100), hold_min=self.unit * r.randint(10, 30))
        self.requests[rid] = request
        if r.random() < 0.3:
            worker.begin(request, completes=r.random() < 0.7)
        else:
            worker.admit(request)

    def running(self):
        worker = self.ready()
        return worker, self.some(q for q in worker.open.values() if q.state == "open") if worker else None

    def go_on(self):
        worker, request = self.running()
        if request:
            more = self.unit * self.random.choice((0, 0, 30, 60))
            worker.progress(request, self.unit * self.random.randrange(30), more)

    def finish(self):
        worker, request = self.running()
        if not request:
            return
        end = self.random.random()
        if end < 0.1:
            worker.close(request, "C", 0)
        elif end < 0.2:  # The provider refused: a free event, and the unit is refunded.
            worker.close(request, "S", 0, refund=True)
        elif end < 0.27:  # Answered from the cache: free, counted only in the sliding window.
            worker.close(request, "S", 0, refund=2)
        elif end < 0.35:  # Cheaper than last reported: its input was cached.
            worker.close(request, "S", request.truth // 2)
        else:
            cost = min(request.hold, request.truth + self.unit * self.random.randrange(40) + self.random.randrange(2))
            worker.close(request, "S", cost)

    def work(self):
        self.random.choice(self.workers).tick()

    def ingest(self):
        self.random.choice(self.planes).ingest() if self.random.random() < 0.1 else self.planes[0].ingest()

    def sweep(self):
        self.random.choice(self.planes).sweep()

    def look(self):
        self.planes[self.random.random() < 0.15].look()

    def share(self):
        self.planes[self.random.random() < 0.3].share()

    def others_move(self):
        self.ledger.shares.others_move(self.random)

    def kill(self):
        worker = self.ready()
        if worker:
            worker.kill(with_disk=self.random.random() < 0.7)

    def revive(self):
        worker = self.some(w for w in self.workers if not w.is_alive)
        if worker:
            worker.start()
            self.learn_versions(worker)

    def freeze(self):
        worker = self.ready()
        if worker:
            worker.is_frozen = True

    def thaw(self):
        worker = self.some(w for w in self.workers if w.is_frozen)
        if worker:
            worker.is_frozen = False

    def restart(self):
        self.store.up = False

    def come_up(self):
        if not self.store.up:
            self.store.up = True
            self.lose(self.random.choice((0, 0, 3, 10, 40)))

    def failover(self):
        if self.random.random() < 0.2:  # Another machine with another clock.
            self.step_clock()
        self.lose(self.random.choice((0, 1, 5, 20, 60)))

    def lose(self, calls):
        self.store.begin_process(calls)
        self.count("lost tails" if calls else "new processes")

    def flush(self):
        self.store.flush()
        self.count("flushed")

    def wipe_again(self):
        """Another wipe while a control plane restores the totals."""
        if any(plane.rebuilding for plane in self.planes):
            self.flush()

    def step_clock(self):
        steps = [self.offset + seconds * SECOND for seconds in (1, -1, -12)]
        wanted = self.random.choice((0, 0, HOUR, -HOUR, *steps))
        self.redis.now_ms += wanted - self.offset
        self.offset = wanted
        self.count("clock steps")

    def ledger_goes(self):
        self.ledger.is_up = False

    def ledger_comes(self):
        self.ledger.is_up = True

    def plane_dies(self):
        self.random.choice(self.planes).die()

    def take_over(self):
        self.random.choice(self.planes).take_over()

    def raise_version(self):
        name = "k3" if "k3" not in self.ledger.versions else self.random.choice(self.scopes[:-1])
        self.planes[0].raise_version(name)
        self.count("raised")

    def learn(self):
        worker = self.ready()
        if worker:
            self.learn_versions(worker)
