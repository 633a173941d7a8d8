"""The contract of each library function: what a reply promises, and how it changes the books."""

import re

from books import Books, calendar, demand, windows_of


class Accounts(Books):
    def on_begin(self, keys, args, reply, code):
        rid, gen, run, owner, names = args[0], args[1], args[2], args[3], args[-1]
        scopes, now, held = keys[2:], self.redis.now_ms, self.records.get(rid)
        fenced = gen != self.state.get("gen") or run != self.state.get("open")
        demand(fenced == (code == 3), "the fence of begin", code)
        stale = any(name not in self.versions or self.versions[name] > version for name, version in names
                    if not name.startswith("pool:"))
        if code in (0, 2):
            demand(stale == (code == 2), "begun under an old version, or refused under a good one", names, self.versions)
        if code in (0, 1, 8):
            demand(bool(held) == (code != 0), "a request began twice, or its tombstone is gone", rid, held)
        if code in (4, 10):
            self.justify(scopes[int(reply[2]) - 1], code, 0, now, args)
        if code == 0:
            periods = [tuple(map(max, calendar(now), self.newest.get(key, (0, 0)))) for key in scopes]
            for key, own in zip(scopes, periods):
                self.count_in(key, own, rid, now, 0)
            named = ",".join(f"{month}/{day}" for month, day in periods)
            self.put(self.records, rid, {"st": "O", "begun": owner, "hold": 0, "cost": 0, "periods": named})

    def count_in(self, key, periods, rid, now, hold):
        """Counts a request's unit, concurrency slot and hold in a scope, and checks the scope's limits."""
        self.add(key, periods, 0, hold, 1)
        self.count_open(key, 1)
        limits = self.limits[key]
        demand(limits["concurrency"] < 0 or self.open[key] <= limits["concurrency"], "too many at once", key)
        if limits["rpm"] >= 0:
            before = self.in_minute(key, now)
            at = self.clock_of_minute(key, now)
            seen = (*before, (at, rid))
            self.put(self.minute, key, seen)
            self.put(self.latest, key, at)
            recent = [at for at, _ in seen if at >= seen[-1][0] - 60_000]
            demand(len(recent) <= limits["rpm"], "more than the limit within 60 s", key, recent)

    def unbegin(self, rid, scopes, held):
        """Removes what `begin` counted; the admission counts it again, if it succeeds."""
        for i, key in enumerate(scopes):
            self.add(key, windows_of(held["periods"], i), 0, 0, -1)
            self.count_open(key, -1)
            if key in self.minute:
                self.put(self.minute, key, tuple(one for one in self.minute[key] if one[1] != rid))
        self.drop(self.records, rid)

    def on_admit(self, keys, args, reply, code):
        held = self.records.get(args[0])
        if not held or held.get("begun") != args[3] or code not in (0, 4, 6, 7, 10, 11):
            return self.judge_admit(keys, args, reply, code)
        tables = self.records, self.totals, self.open, self.minute
        before = [dict(table) for table in tables]
        self.unbegin(args[0], keys[2:], held)
        self.judge_admit(keys, args, reply, code)
        if code:  # Refused: what `begin` counted stays.
            for table, was in zip(tables, before):
                for key in {*table, *was}:
                    if table.get(key) != was.get(key):
                        self.put(table, key, was[key])

    def judge_admit(self, keys, args, reply, code):
        rid, gen, run, hold, hold_min, names = args[0], args[1], args[2], args[6], args[7], args[-1]
        scopes, now = keys[2:], self.redis.now_ms
        fenced = gen != self.state.get("gen") or run != self.state.get("open")
        demand(fenced == (code == 3), "the fence of admit", code)
        stale = any(name not in self.versions or self.versions[name] > version for name, version in names
                    if not name.startswith("pool:"))
        if code in (0, 2):
            demand(stale == (code == 2), "admitted under an old version, or refused under a good one",
                   names, self.versions)
        if code in (0, 1, 8):
            held = self.records.get(rid)
            demand(bool(held) == (code != 0), "a request was admitted twice, or its tombstone is gone", rid, held)
        if code == 0:
            self.admitted(rid, scopes, now, reply, hold, hold_min, args)
        elif code in (4, 6, 7, 10, 11):
            self.justify(scopes[int(reply[2]) - 1], code, hold_min, now, args)
        elif code == 12:
            today = calendar(now)[1]
            key = next(key for key in scopes if ":pool:" in key)
            demand(self.share_of(today) is None or self.newest.get(key, (0, 0))[1] > today, "a share that holds is not known")

    def admitted(self, rid, scopes, now, reply, wanted, hold_min, args):
        periods, hold = reply[2].decode(), int(reply[3])
        demand(hold_min <= hold <= wanted, "a hold outside what was asked for", hold)
        for i, key in enumerate(scopes):
            expected = tuple(map(max, calendar(now), self.newest.get(key, (0, 0))))
            demand(windows_of(periods, i) == expected, "not the period of Redis's clock", periods, expected)
            self.count_in(key, expected, rid, now, hold)
            self.within_money(key, expected)
        self.put(self.records, rid, {"st": "O", "hold": hold, "cost": args[8], "periods": periods})

    def justify(self, key, code, hold_min, now, args):
        limits, periods = self.limits[key], tuple(map(max, calendar(now), self.newest.get(key, (0, 0))))
        month, day = (self.totals.get((key, period), (0, 0, 0)) for period in periods)
        reason = {
            4: lambda: len(self.in_minute(key, now)) + 1 > limits["rpm"],
            6: lambda: day[2] >= limits["rpd"] >= 0,
            7: lambda: min(left(self.limit_of_day(key, periods[1]), day), left(limits["month"], month)) < hold_min,
            10: lambda: self.open.get(key, 0) >= limits["concurrency"]}
        reason[11] = reason[7]
        demand(reason[code](), "refused without a reason", key, code, limits, month, day)

    def on_progress(self, keys, args, reply, code):
        rid, target = keys[0].rpartition(":")[2], args[4]
        held = self.records.get(rid)
        demand((args[0] != self.state.get("gen")) == (code == 3), "the fence of progress", code)
        if code in (0, 2):
            demand(held and held["st"] == "O" and not held.get("begun"), "progress of what is not admitted", rid, held)
        if code == 0:
            hold = int(reply[1])
            demand(held["hold"] <= hold <= max(held["hold"], target), "a hold grew past its target", held, hold, target)
            for i, key in enumerate(keys[1:]):
                periods = windows_of(held["periods"], i)
                self.add(key, periods, 0, hold - held["hold"], 0)
                if hold > held["hold"]:
                    self.within_money(key, periods)
        if code in (0, 2):
            hold = int(reply[1]) if code == 0 else held["hold"]
            self.put(self.records, rid, {**held, "hold": hold, "cost": min(args[2], held["hold"])})

    def on_settle(self, keys, args, reply, code):
        rid, gen, to, cost, named, back = args[0], args[1], args[2], args[3], args[7], args[8] or args[2] == "C"
        demand((gen != self.state.get("gen")) == (code == 3), "the fence of settle", code)
        if code == 3:
            return
        held = self.records.get(rid)
        was = held and held["st"]
        expected = {None: to not in "RB", "O": to != "B" or bool(held and held.get("begun")), "R": to == "S"}.get(was, False)
        demand(expected == (code == 0), "a transition that does not exist", rid, was, to, code)
        if code:
            return
        if to == "B":
            return self.unbegin(rid, keys[3:], held)
        self.close(rid, keys[3:], held, 0 if to == "C" else cost, named, back, args[5], to)

    def on_count(self, keys, args, reply, code):
        rid, gen, cost, event, named, back = args[0], args[1], args[2], args[4], args[6], int(args[7])
        demand((gen != self.state.get("gen")) == (code == 3), "the fence of count", code)
        if code == 3:
            return
        held = self.records.get(rid)
        was = held and held["st"]
        demand((was in (None, "O", "R")) == (code == 0), "counted twice, or not at all", rid, was, code)
        if not held and args[8] != "":
            held = {"st": "R", "cost": args[8], "periods": named}
        if code == 0:
            self.close(rid, keys[2:], held, cost, named, back, event)

    def close(self, rid, scopes, held, cost, named, back, event, to="S"):
        """Replaces a hold, or the charge from a reap, by what the request cost."""
        was, periods, has_begun = held and held["st"], held["periods"] if held else named, bool(held and held.get("begun"))
        if has_begun and to != "C" and named:  # Its admission was lost: charge the windows of that admission.
            periods = named
        for i, key in enumerate(scopes):
            if has_begun:
                self.add(key, windows_of(held["periods"], i), 0, 0, -1)
            reserved, before = held["hold"] if was == "O" else 0, held["cost"] if was == "R" else 0
            self.add(key, windows_of(periods, i), cost - before, -reserved, (0 if was and not has_begun else 1) - (1 if back else 0))
            if back == 2:
                self.save(key, windows_of(periods, i), 1, int(re.search(r'"saved":(\d+)', event)[1]))
            if was == "O":
                self.count_open(key, -1)
            if was == "O" and back and back != 2 and key in self.minute:
                self.put(self.minute, key, tuple(one for one in self.minute[key] if one[1] != rid))
        self.put(self.charged, rid, cost)
        self.put(self.records, rid, {"st": to, "cost": cost, "periods": periods})

    def on_restore(self, keys, args, reply, code):
        rid, gen, hold, periods = args[0], args[1], args[6], args[9]
        demand((gen != self.state.get("gen")) == (code == 3), "the fence of restore", code)
        if code != 3:
            held = self.records.get(rid)
            demand(bool(held and not held.get("begun")) == (code == 1), "restored beside its record", rid, code)
            if held and code == 0:
                self.unbegin(rid, keys[2:], held)
        if code == 0:
            for i, key in enumerate(keys[2:]):
                self.add(key, windows_of(periods, i), 0, hold, 1)
                self.count_open(key, 1)
            self.put(self.records, rid, {"st": "O", "hold": hold, "cost": args[7], "periods": periods})

    def on_sweep(self, keys, args, reply, code):
        for rid, _, _, cost, hold, _, _, *only_began in reply:
            held = self.records.get(rid.decode())
            demand(bool(held and held.get("begun")) == bool(only_began), "what only began is told apart", rid, held)
            demand(held and held["st"] == "O" and held["cost"] == int(cost) and held["hold"] == int(hold),
                   "the sweeper is told something else than was reported", rid, cost, hold, held)
            self.swept[rid.decode()] = min(int(cost), self.swept.get(rid.decode(), int(cost)))

    def on_reopen(self, keys, args, reply, code):
        owner, run, gen = args[:3]
        if gen != self.state.get("gen") or self.state.get("open") == run:
            return
        self.put(self.replayed, owner, run)
        since = self.state.get("since")
        if not since or since[0] != run or self.redis.now_ms < since[1]:
            self.put(self.state, "since", (run, self.redis.now_ms))
        self.put(self.spoke, owner, True)
        if code == 0:
            # A total loss also loses the heartbeats, so owners that filed for this generation must be waited for too.
            known = {key.decode() for key in self.redis.table(keys[1].encode())} | set(self.spoke)
            for one in list(self.spoke):
                self.drop(self.spoke, one)
            patient = self.redis.now_ms - self.state["since"][1] >= self.patience_ms
            replayed = all(self.replayed.get(one) == run for one in known)
            demand(patient or replayed, "opened before all had replayed", known)
            self.put(self.state, "open", run)

    def on_appended(self, keys, args, reply, code):
        self.put(self.spoke, args[0], True)

    def on_raise(self, keys, args, reply, code):
        self.put(self.versions, args[0], max(args[1], self.versions.get(args[0], -1)))

    def on_seed(self, keys, args, reply, code):
        if code:
            return
        key, values = keys[0], args[1:]
        self.put(self.state, "filling", args[0])
        for one in [one for one in self.totals if one[0] == key]:
            self.drop(self.totals, one)
        for i in (0, 3, 6, 9):
            self.put(self.totals, (key, values[i]), (values[i + 1], 0, values[i + 2]))
        for one in [one for one in self.saved if one[0] == key]:
            self.drop(self.saved, one)
        for period, hits, nano in ((values[0], *values[12:14]), (values[3], *values[14:16])):
            self.put(self.saved, (key, period), (hits, nano))
        self.put(self.newest, key, (values[0], values[3]))
        self.put(self.open, key, 0)
        self.put(self.state, "seeded", self.state.get("seeded", frozenset()) | {key})

    def on_clear(self, keys, args, reply, code):
        if code == 0:
            demand(not self.state.get("gen"), "what a shard that lives has is removed", args)
            demand(self.state.get("filling") != args[0], "totals that are back are removed", args)
            self.put(self.state, "seeded", frozenset())
            self.clear()

    def on_entomb(self, keys, args, reply, code):
        rid = keys[0].rpartition(":")[2]
        if code == 3:
            return
        demand((rid in self.records) == (code == 1), "a tomb beside or over a record", rid, code)
        if code == 0:
            self.put(self.records, rid, {"st": "R", "cost": args[1], "periods": args[2]})

    def on_stop(self, keys, args, reply, code):
        if self.state.get("gen") == args[0]:
            self.drop(self.state, "gen")

    def on_live(self, keys, args, reply, code):
        if code == 0:
            missing = set(self.limits) - self.state.get("seeded", frozenset())
            demand(not missing, "a shard lives again without the totals of", missing)
            self.put(self.state, "gen", args[0])
            self.put(self.state, "base", self.bases[args[0]])

    def on_share(self, keys, args, reply, code):
        name, day, version, wanted, _, life, shrinks = args
        was, held, confirmed = self.shares.get(day, (-1, 0, None))
        if code == 1:
            demand(was > version or shrinks and (confirmed != life or was < version - 1), "a share refused without a reason", was, args)
        if code:
            return
        now = int(reply[2])
        demand(was <= version and (now == wanted if version > was and not shrinks else now <= held), "an older word on a share counts",
               was, held, args, now)
        if shrinks:
            spent, reserved, _ = self.totals.get((keys[1], day), (0, 0, 0))
            demand(now >= min(held, spent + reserved), "a share is less than what is spent and held", now, spent, reserved)
            demand(self.life_open() == life == confirmed, "shrunk where holds may be missing")
        self.put(self.shares, day, (version, now, life))
        self.judge_share(day)

    def on_at_least(self, keys, args, reply, code):
        if code != 0:
            return
        for place, i, added in ((0, 0, int(reply[1])), (1, 3, int(reply[2]))):
            if args[i] == self.newest.get(keys[0], (0, 0))[place]:
                spent, reserved, requests = self.totals.get((keys[0], args[i]), (0, 0, 0))
                self.put(self.totals, (keys[0], args[i]), (spent + added, reserved, max(requests, args[i + 2])))


def left(limit, total):
    return limit - total[0] - total[1] if limit >= 0 else float("inf")
