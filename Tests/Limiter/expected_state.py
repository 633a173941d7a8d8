"""What the library must have done: its contract in plain dictionaries, updated with every call Redis executed.

Independent of the Lua code: it derives the expected state from the replies, and compares it with Redis's counters after
every call that wrote. A period is a month (yyyymm) or a day (yyyymmdd): both are keys of one dictionary.
"""

import datetime

import msgpack

PERIODS, OPEN, WINDOW, BASE = (0, 5, 10, 15), 20, 21, 10**15
# Index of the savings by cached answers, in scopes that had any: month, requests, nano, day, requests, nano.
SAVED = 48
# Reply codes that promise that nothing was written.
SILENT = {"admit": range(1, 13), "begin": range(1, 13), "settle": (1, 3), "count": (1, 3), "append": (3,),
          "close": (3,), "progress": (3, 8), "restore": (1, 3), "seed": (3,), "share": (1, 2), "live": (3,),
          "entomb": (1, 3), "clear": (3,), "raise": (1,), "barrier": (3,)}


class Violation(AssertionError):
    pass


def demand(holds, text, *details):
    if not holds:
        raise Violation(f"{text} {details if details else ''}".strip())


def calendar(now_ms):
    day = datetime.datetime.fromtimestamp(now_ms // 1000, datetime.UTC)
    return day.year * 100 + day.month, day.year * 10000 + day.month * 100 + day.day


def periods_of(periods, i):
    """The periods of scope `i`; empty for a request cancelled before its admission was known."""
    if not periods:
        return ()
    return tuple(int(part) for part in periods.split(",")[i].split("/"))


class ExpectedState:
    """Kept under the model's undo log, so that the expected state loses what Redis loses."""

    def __init__(self, redis, limits, patience_ms):
        self.redis, self.limits, self.patience_ms = redis, limits, patience_ms
        self.put, self.drop = redis.undo.put, redis.undo.drop
        self.records, self.totals, self.open, self.newest, self.window, self.versions = {}, {}, {}, {}, {}, {}
        #: When a request was last counted in a key's sliding window, by the window's clock; a cancel does not reset it.
        self.latest = {}
        self.charged, self.replayed, self.seen_owners, self.state, self.saved, self.shares = {}, {}, {}, {}, {}, {}
        self.tables = [value for value in vars(self).values() if type(value) is dict and value is not limits]
        # Not part of Redis's state: the seed of each generation of the shard, and the replies seen.
        self.bases, self.reached, self.swept = {}, {}, {}
        #: The ledger's bound on this shard's share of a pool on a day; set by the simulation.
        self.bound_of = lambda day: float("inf")

    def flush(self):
        for table in self.tables:
            for key in list(table):
                self.drop(table, key)

    def clear(self):
        """Requests and counters are removed, whatever else remains."""
        for table in (self.records, self.totals, self.open, self.newest, self.window, self.latest, self.charged,
                      self.saved):
            for key in list(table):
                self.drop(table, key)

    def observe(self, name, keys, args, reply, wrote):
        code = 0 if name in ("sweep", "heartbeat") else int(reply[0])
        self.reached[name, code] = self.reached.get((name, code), 0) + 1
        if code in SILENT.get(name, ()):
            demand(not wrote, f"{name} refused with {code} and wrote something")
        watch = getattr(self, "on_" + name, None)
        if watch:
            watch(keys, args, reply, code)
        if wrote:
            for key in keys:
                if key.startswith("b:") and key.encode() in self.redis.data:
                    self.compare(key)

    def compare(self, key):
        """Compares Redis's counters of a scope with the expected state."""
        s = msgpack.unpackb(self.redis.data[key.encode()][0])
        for w in PERIODS:
            if s[w]:
                held = (s[w + 2] * BASE + s[w + 1], s[w + 3], s[w + 4])
                demand(held == self.totals.get((key, s[w]), (0, 0, 0)),
                       "counters differ from the calls (Redis, expected)", key, s[w], held, self.totals.get((key, s[w])))
                demand(s[w + 3] >= 0, "reserved is below zero", key, s[w])
        for at in range(SAVED, len(s), 3):
            demand((s[at + 1], s[at + 2]) == self.saved.get((key, s[at]), (0, 0)), "savings differ from the calls",
                   key, s[at:])
        demand(min(s[WINDOW:], default=0) >= 0, "a bucket of the sliding window is below zero", key, s[WINDOW:])
        demand(s[OPEN] == self.open.get(key, 0), "open requests are miscounted", key, s[OPEN], self.open.get(key))

    def add(self, key, periods, spent, reserved, requests):
        if not (spent or reserved or requests):
            return
        for period in periods:
            a, b, c = self.totals.get((key, period), (0, 0, 0))
            self.put(self.totals, (key, period), (a + spent, b + reserved, c + requests))
        if periods:
            self.put(self.newest, key, tuple(map(max, periods, self.newest.get(key, (0, 0)))))

    def save(self, key, periods, hits, nano):
        for period in periods:
            a, b = self.saved.get((key, period), (0, 0))
            self.put(self.saved, (key, period), (a + hits, b + nano))

    def charge_of(self, rid):
        """What Redis's counters include for a request in this generation of the shard."""
        return self.charged.get(rid, self.state.get("base", {}).get(rid, 0))

    def count_open(self, key, by):
        self.put(self.open, key, self.open.get(key, 0) + by)

    def require_money_limit(self, key, periods):
        for period, limit in zip(periods, (self.limits[key]["month"], self.limit_of_day(key, periods[1]))):
            spent, reserved, _ = self.totals[key, period]
            demand(limit < 0 or spent + reserved <= limit, "more than the limit on money",
                   key, period, spent, reserved, limit)

    def limit_of_day(self, key, day):
        """The limit of a day; for a pool the shard's share, which never exceeds the ledger's bound."""
        if ":pool:" not in key:
            return self.limits[key]["day"]
        self.judge_share(day)
        share = self.share_of(day)
        return 0 if share is None else share

    def judge_share(self, day):
        """Checks the share of this generation, in force now or once admissions open."""
        _, held, confirmation = self.shares.get(day, (0, 0, None))
        demand(confirmation != self.confirmation() or held <= self.bound_of(day),
               "a share is larger than the ledger's bound", day, held, self.bound_of(day))

    def share_of(self, day):
        """The share in force in this generation; None without one, or while admissions are closed."""
        _, held, confirmation = self.shares.get(day, (0, 0, None))
        return held if confirmation and confirmation == self.open_confirmation() else None

    def confirmation(self):
        """The Redis process and the counters' generation; None while the counters are lost."""
        generation = self.state.get("gen")
        return f"{self.redis.run.decode()}.{generation}" if generation else None

    def open_confirmation(self):
        """Like `life`, but None unless admissions are open."""
        return self.confirmation() if self.redis.run.decode() == self.state.get("open") else None

    def window_clock(self, key, now):
        """Ignores a clock step back of up to two buckets; a larger one resets the window."""
        latest = self.latest.get(key, now)
        return now if latest // 5000 - now // 5000 > 2 else max(now, latest)

    def in_window(self, key, now):
        """Admissions in the sliding window."""
        clock = self.window_clock(key, now)
        if clock < self.latest.get(key, now):
            return ()
        # 75 s: the window, one bucket and the largest tolerated step back.
        return tuple(one for one in self.window.get(key, ()) if clock - 75_000 <= one[0])
