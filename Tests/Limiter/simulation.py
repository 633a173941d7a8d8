"""One seeded run of the whole protocol: random events, every invariant, and an idle system at the end."""

import collections
import datetime
import random

import final_check
from control_plane import ControlPlane
from events import HOUR, SECOND, Events
from journal import PATIENCE_MS
from ledger import Ledger
from lua_host import PACK
from network import Limits, Network, Store, key_of
from pools import POOL, Shares
from protocol import Worker

# Runs begin shortly before one of these.
MIDNIGHTS = [int(datetime.datetime(*day, tzinfo=datetime.UTC).timestamp() * 1000)
             for day in ((2026, 12, 1), (2027, 1, 1), (2028, 2, 29), (2028, 3, 1), (2026, 8, 15))]


class Simulation(Events):
    def __init__(self, seed, text=None, switches=(), emphasis=None, steps=2_000):
        self.seed, self.switches, self.steps, self.random = seed, set(switches), steps, random.Random(seed)
        r = self.random
        self.unit = r.choice((1, 7, 10**9 + 7, 10**12 + 39))
        self.estimate, self.step, self.offset, self.counts = 10, 0, 0, collections.Counter()
        self.scopes = ("o1", "o2", "k1", "k2", "k3", POOL)
        self.limits = {key_of("b", scope): self.some_limits(scope) for scope in self.scopes}
        self.store = Store(self.limits, PATIENCE_MS, r.choice(MIDNIGHTS) - r.randrange(20 * SECOND, 200 * SECOND), text)
        self.redis, self.network, self.ledger = self.store.redis, Network(self.store, r), Ledger()
        self.requests, self.packed = {}, {}
        self.ledger.versions = {name: 8 for name in self.scopes if name not in ("k3", POOL)}
        self.ledger.shares = Shares(self.limits[key_of("b", POOL)]["day"])
        self.store.contract.bound_of = self.ledger.shares.bound
        self.planes = [ControlPlane(self, self.ledger), ControlPlane(self, self.ledger)]
        self.workers = [Worker(self, number, r.choice((0, -HOUR, HOUR, 700))) for number in range(r.randint(2, 4))]
        for worker in self.workers:
            self.learn_versions(worker)
            worker.versions["k3"] = 8  # The workers know it before its version reaches Redis.
        self.events = self.weighted(r.choice((0.3, 1, 1, 3)), emphasis or {})

    def some_limits(self, scope):
        r, whole = self.random, self.unit * 100
        money = whole * r.choice((3, 6, 12, 30))
        limits = {"rpm": -1, "tpm": -1, "concurrency": -1, "rpd": -1, "day": -1, "month": money * 2}
        if scope == POOL:
            return limits | {"day": whole * r.choice((8, 16, 40)), "month": -1}
        if scope[0] == "k":
            limits |= {"rpm": r.choice((-1, 6, 20)), "tpm": r.choice((-1, -1, 200)),
                       "concurrency": r.choice((-1, 3, 8)), "rpd": r.choice((-1, -1, 40)),
                       "day": r.choice((-1, money)), "month": r.choice((-1, money))}
        return limits

    def weighted(self, faults, emphasis):
        common = {self.arrive: 30, self.go_on: 14, self.finish: 14, self.network.deliver: 100, self.work: 40,
                  self.ingest: 14, self.sweep: 2, self.look: 25, self.idle: 0.5, self.share: 12, self.others_move: 1}
        rare = {self.kill: 0.15, self.revive: 1.5, self.freeze: 0.15, self.thaw: 0.7, self.restart: 0.1,
                self.come_up: 3, self.failover: 0.1, self.flush: 0.12, self.wipe_again: 0.1, self.step_clock: 0.2,
                self.ledger_goes: 0.06, self.ledger_comes: 1.5, self.plane_dies: 0.3, self.take_over: 0.2,
                self.raise_version: 0.3, self.learn: 1.5}
        weights = {**common, **{event: weight * faults for event, weight in rare.items()}}
        return list(weights), [weight * emphasis.get(event.__name__, 1) for event, weight in weights.items()]

    def run(self):
        try:
            for self.step in range(self.steps):
                self.pass_time(self.random.choice((0, 1, 40, 200, 400)))
                self.random.choices(*self.events)[0]()
            final_check.run_until_idle(self)
            final_check.compare(self)
        except Exception as error:
            error.add_note(f"step {self.step} of {self.steps}; AIHUB_SIMULATION_SEED={self.seed} replays it")
            error.add_note("\n".join(f"  {at} {' '.join(map(str, call))}" for at, *call in self.store.last_calls))
            raise
        return self

    # The interface for the actors.

    def has(self, switch):
        return switch in self.switches

    def count(self, what):
        self.counts[what] += 1

    def pass_time(self, ms):
        self.store.age_ms += ms
        self.redis.now_ms += ms

    def limits_for(self, request, versions):
        names = tuple((name, 0 if name == POOL else versions.get(name, 8)) for name in request.scopes)
        if names not in self.packed:
            self.packed[names] = PACK([self.row(*one) for one in names])
        return Limits(names, self.packed[names])

    def row(self, name, version):
        limits = self.limits[key_of("b", name)]
        money = [part for period in ("day", "month") for part in
                 (divmod(limits[period], 10**15) if limits[period] >= 0 else (-1, 0))]
        return [name, version, *(limits[what] for what in ("rpm", "tpm", "concurrency", "rpd")), -1, *money]

    def learn_versions(self, worker):
        worker.versions |= self.ledger.versions

    def owners_alive(self):
        return {worker.owner for worker in self.workers if worker.is_alive and not worker.is_frozen}

    def acknowledge(self, generation, run, upto):
        for worker in self.workers:
            if worker.is_alive and not worker.is_frozen:
                worker.acknowledge(generation, run, upto)
