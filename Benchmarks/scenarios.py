"""All that is measured, by name."""

from comparisons import half_load, short, streams
from overload import beside, goodput, greedy, idle_tls, large_bodies, unknown_keys
from parts import ceilings, fleet, memory, waterfall


class Scenario:
    def __init__(self, title, run, rows=None, rounds=None):
        self.title, self.run, self.rounds = title, run, rounds
        #: The title of the rows where they are parts and not metrics; they are compared with nginx's row if there is one.
        self.rows = rows


SCENARIOS = {
    "short-1k": Scenario("Short request, 1 KB, 64 connections", short(1_000, 64)),
    "short-10k": Scenario("Short request, 10 KB, 64 connections", short(10_000, 64)),
    "short-200k": Scenario("Short request, 200 KB, 16 connections", short(200_000, 16)),
    "short-5m": Scenario("Short request, 5 MB, 4 connections", short(5_000_000, 4)),
    "half-load": Scenario("Short request, 1 KB, at half of the worker's peak rate", half_load),
    "streams-64": Scenario("64 streams, a chunk each every 50 ms", streams(64, 50)),
    "streams-800": Scenario("800 streams, a chunk each every 200 ms", streams(800, 200)),
    "memory": Scenario("Memory of 800 streams in a fresh process", memory(800, 200)),
    "waterfall": Scenario("The worker's parts, 64 connections", waterfall, rows="part"),
    "fleet": Scenario("All processes, 1 KB, 1000 requests a second, the ledger included", fleet, rows="process"),
    "overload": Scenario("Best of 32 to 256 connections, and ten times as many, with default settings", goodput, rows="build"),
    "greedy-key": Scenario("A modest caller beside a key that asks for twice the peak", beside(greedy), rows="caller"),
    "unknown-keys": Scenario("A modest caller beside a flood of keys that do not exist", beside(unknown_keys), rows="caller"),
    "large-bodies": Scenario("A modest caller beside 12 bodies of 19 MiB at once", beside(large_bodies), rows="caller"),
    "idle-tls": Scenario("A modest caller beside 3,000 idle TLS connections", beside(idle_tls), rows="caller"),
    "ceilings": Scenario("Load generator and upstream alone, on one core", ceilings, rows="load", rounds=1),
}
#: What `bench.py --overload` runs.
OVERLOAD = ["overload", "greedy-key", "unknown-keys", "large-bodies", "idle-tls"]
QUICK = ["short-1k", "half-load", "streams-800"]
