"""The contract of each library function: what a reply promises, and how it changes the expected state."""

import re

from expected_state import ExpectedState, calendar, demand, periods_of


class Contract(ExpectedState):
    def on_begin(self, keys, args, reply, code):
        rid, generation, run, owner, names = args[0], args[1], args[2], args[3], args[-1]
        scopes, now, held = keys[2:], self.redis.now_ms, self.records.get(rid)
        fenced = generation != self.state.get("gen") or run != self.state.get("open")
        demand(fenced == (code == 3), "the fence of begin", code)
        stale = any(name not in self.versions or self.versions[name] > version for name, version in names
                    if not name.startswith("pool:"))
        if code in (0, 2):
            demand(stale == (code == 2), "begun under an old version, or refused under a good one",
                   names, self.versions)
        if code in (0, 1, 8):
            demand(bool(held) == (code != 0), "a request began twice, or its tombstone is gone", rid, held)
        if code in (4, 10):
            self.justify(scopes[int(reply[2]) - 1], code, 0, now, args)
        if code == 0:
            periods = [tuple(map(max, calendar(now), self.newest.get(key, (0, 0)))) for key in scopes]
            for key, own in zip(scopes, periods):
                self.count_in(key, own, rid, now, 0)
            named = ",".join(f"{month}/{day}" for month, day in periods)
            self.put(self.records, rid, {"st": "O", "early": owner, "hold": 0, "cost": 0, "periods": named})

    def count_in(self, key, periods, rid, now, hold):
        """Counts a request's unit, concurrency slot and hold in a scope, and checks the scope's limits."""
        self.add(key, periods, 0, hold, 1)
        self.count_open(key, 1)
        limits = self.limits[key]
        demand(limits["concurrency"] < 0 or self.open[key] <= limits["concurrency"], "too many at once", key)
        if limits["rpm"] >= 0:
            before = self.in_window(key, now)
            at = self.window_clock(key, now)
            seen = (*before, (at, rid))
            self.put(self.window, key, seen)
            self.put(self.latest, key, at)
            recent = [at for at, _ in seen if at >= seen[-1][0] - 60_000]
            demand(len(recent) <= limits["rpm"], "more than the limit within 60 s", key, recent)

    def undo_early_admission(self, rid, scopes, held):
        """Removes what `begin` counted; the admission counts it again, if it succeeds."""
        for i, key in enumerate(scopes):
            self.add(key, periods_of(held["periods"], i), 0, 0, -1)
            self.count_open(key, -1)
            if key in self.window:
                self.put(self.window, key, tuple(one for one in self.window[key] if one[1] != rid))
        self.drop(self.records, rid)

    def on_admit(self, keys, args, reply, code):
        held = self.records.get(args[0])
        if not held or held.get("early") != args[3] or code not in (0, 4, 6, 7, 10, 11):
            return self.judge_admit(keys, args, reply, code)
        tables = self.records, self.totals, self.open, self.window
        before = [dict(table) for table in tables]
        self.undo_early_admission(args[0], keys[2:], held)
        self.judge_admit(keys, args, reply, code)
        if code:  # Refused: what `begin` counted stays.
            for table, was in zip(tables, before):
                for key in {*table, *was}:
                    if table.get(key) != was.get(key):
                        self.put(table, key, was[key])

    def judge_admit(self, keys, args, reply, code):
        rid, generation, run, hold, hold_min, names = args[0], args[1], args[2], args[6], args[7], args[-1]
        scopes, now = keys[2:], self.redis.now_ms
        fenced = generation != self.state.get("gen") or run != self.state.get("open")
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
            demand(self.share_of(today) is None or self.newest.get(key, (0, 0))[1] > today,
                   "a valid share is not recognised")

    def admitted(self, rid, scopes, now, reply, wanted, hold_min, args):
        periods, hold = reply[2].decode(), int(reply[3])
        demand(hold_min <= hold <= wanted, "a hold outside what was asked for", hold)
        for i, key in enumerate(scopes):
            expected = tuple(map(max, calendar(now), self.newest.get(key, (0, 0))))
            demand(periods_of(periods, i) == expected, "not the period of Redis's clock", periods, expected)
            self.count_in(key, expected, rid, now, hold)
            self.require_money_limit(key, expected)
        self.put(self.records, rid, {"st": "O", "hold": hold, "cost": args[8], "periods": periods})

    def justify(self, key, code, hold_min, now, args):
        limits, periods = self.limits[key], tuple(map(max, calendar(now), self.newest.get(key, (0, 0))))
        month, day = (self.totals.get((key, period), (0, 0, 0)) for period in periods)
        reason = {
            4: lambda: len(self.in_window(key, now)) + 1 > limits["rpm"],
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
            demand(held and held["st"] == "O" and not held.get("early"),
                   "progress of a request that is not admitted", rid, held)
        if code == 0:
            hold = int(reply[1])
            demand(held["hold"] <= hold <= max(held["hold"], target), "a hold grew past its target", held, hold, target)
            for i, key in enumerate(keys[1:]):
                periods = periods_of(held["periods"], i)
                self.add(key, periods, 0, hold - held["hold"], 0)
                if hold > held["hold"]:
                    self.require_money_limit(key, periods)
        if code in (0, 2):
            hold = int(reply[1]) if code == 0 else held["hold"]
            self.put(self.records, rid, {**held, "hold": hold, "cost": min(args[2], held["hold"])})

    def on_settle(self, keys, args, reply, code):
        rid, generation, to, cost, named = args[0], args[1], args[2], args[3], args[7]
        refund = args[8] or to == "C"
        demand((generation != self.state.get("gen")) == (code == 3), "the fence of settle", code)
        if code == 3:
            return
        held = self.records.get(rid)
        was = held and held["st"]
        is_early = bool(held and held.get("early"))
        expected = {None: to not in "RB", "O": to != "B" or is_early, "R": to == "S"}.get(was, False)
        demand(expected == (code == 0), "an invalid transition", rid, was, to, code)
        if code:
            return
        if to == "B":
            return self.undo_early_admission(rid, keys[3:], held)
        self.close(rid, keys[3:], held, 0 if to == "C" else cost, named, refund, args[5], to)

    def on_count(self, keys, args, reply, code):
        rid, generation, cost, event, named, refund = args[0], args[1], args[2], args[4], args[6], int(args[7])
        demand((generation != self.state.get("gen")) == (code == 3), "the fence of count", code)
        if code == 3:
            return
        held = self.records.get(rid)
        was = held and held["st"]
        demand((was in (None, "O", "R")) == (code == 0), "counted twice, or not at all", rid, was, code)
        if not held and args[8] != "":
            held = {"st": "R", "cost": args[8], "periods": named}
        if code == 0:
            self.close(rid, keys[2:], held, cost, named, refund, event)

    def close(self, rid, scopes, held, cost, named, refund, event, to="S"):
        """Replaces a hold, or the charge from a reap, by what the request cost."""
        was, periods = held and held["st"], held["periods"] if held else named
        was_early = bool(held and held.get("early"))
        if was_early and to != "C" and named:  # Its admission was lost: charge its periods.
            periods = named
        for i, key in enumerate(scopes):
            if was_early:
                self.add(key, periods_of(held["periods"], i), 0, 0, -1)
            reserved, before = held["hold"] if was == "O" else 0, held["cost"] if was == "R" else 0
            units = (0 if was and not was_early else 1) - (1 if refund else 0)
            self.add(key, periods_of(periods, i), cost - before, -reserved, units)
            if refund == 2:
                self.save(key, periods_of(periods, i), 1, int(re.search(r'"saved":(\d+)', event)[1]))
            if was == "O":
                self.count_open(key, -1)
            if was == "O" and refund and refund != 2 and key in self.window:
                self.put(self.window, key, tuple(one for one in self.window[key] if one[1] != rid))
        self.put(self.charged, rid, cost)
        self.put(self.records, rid, {"st": to, "cost": cost, "periods": periods})

    def on_restore(self, keys, args, reply, code):
        rid, generation, hold, periods = args[0], args[1], args[6], args[9]
        demand((generation != self.state.get("gen")) == (code == 3), "the fence of restore", code)
        if code != 3:
            held = self.records.get(rid)
            demand(bool(held and not held.get("early")) == (code == 1),
                   "restored although its record exists", rid, code)
            if held and code == 0:
                self.undo_early_admission(rid, keys[2:], held)
        if code == 0:
            for i, key in enumerate(keys[2:]):
                self.add(key, periods_of(periods, i), 0, hold, 1)
                self.count_open(key, 1)
            self.put(self.records, rid, {"st": "O", "hold": hold, "cost": args[7], "periods": periods})

    def on_sweep(self, keys, args, reply, code):
        for rid, _, _, cost, hold, _, _, *is_early in reply:
            held = self.records.get(rid.decode())
            demand(bool(held and held.get("early")) == bool(is_early), "early admissions are marked", rid, held)
            demand(held and held["st"] == "O" and held["cost"] == int(cost) and held["hold"] == int(hold),
                   "the sweeper sees other amounts than were reported", rid, cost, hold, held)
            self.swept[rid.decode()] = min(int(cost), self.swept.get(rid.decode(), int(cost)))

    def on_reopen(self, keys, args, reply, code):
        owner, run, generation = args[:3]
        if generation != self.state.get("gen") or self.state.get("open") == run:
            return
        self.put(self.replayed, owner, run)
        since = self.state.get("since")
        if not since or since[0] != run or self.redis.now_ms < since[1]:
            self.put(self.state, "since", (run, self.redis.now_ms))
        self.put(self.seen_owners, owner, True)
        if code == 0:
            # A total loss also loses the heartbeats, so owners that appended for this generation count too.
            known = {key.decode() for key in self.redis.table(keys[1].encode())} | set(self.seen_owners)
            for one in list(self.seen_owners):
                self.drop(self.seen_owners, one)
            patient = self.redis.now_ms - self.state["since"][1] >= self.patience_ms
            replayed = all(self.replayed.get(one) == run for one in known)
            demand(patient or replayed, "opened before all had replayed", known)
            self.put(self.state, "open", run)

    def on_appended(self, keys, args, reply, code):
        self.put(self.seen_owners, args[0], True)

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
            demand(not self.state.get("gen"), "the counters of a live shard are removed", args)
            demand(self.state.get("filling") != args[0], "restored totals are removed", args)
            self.put(self.state, "seeded", frozenset())
            self.clear()

    def on_entomb(self, keys, args, reply, code):
        rid = keys[0].rpartition(":")[2]
        if code == 3:
            return
        demand((rid in self.records) == (code == 1), "a restored reap next to or over a record", rid, code)
        if code == 0:
            self.put(self.records, rid, {"st": "R", "cost": args[1], "periods": args[2]})

    def on_stop(self, keys, args, reply, code):
        if self.state.get("gen") == args[0]:
            self.drop(self.state, "gen")

    def on_live(self, keys, args, reply, code):
        if code == 0:
            missing = set(self.limits) - self.state.get("seeded", frozenset())
            demand(not missing, "a generation was activated without the totals of", missing)
            self.put(self.state, "gen", args[0])
            self.put(self.state, "base", self.bases[args[0]])

    def on_share(self, keys, args, reply, code):
        name, day, version, wanted, _, confirmation, shrinks = args
        was, held, confirmed = self.shares.get(day, (-1, 0, None))
        if code == 1:
            demand(was > version or shrinks and (confirmed != confirmation or was < version - 1),
                   "a share refused without a reason", was, args)
        if code:
            return
        now = int(reply[2])
        demand(was <= version and (now == wanted if version > was and not shrinks else now <= held),
               "an older version of a share is accepted", was, held, args, now)
        if shrinks:
            spent, reserved, _ = self.totals.get((keys[1], day), (0, 0, 0))
            demand(now >= min(held, spent + reserved), "a share is less than what is spent and held",
                   now, spent, reserved)
            demand(self.open_confirmation() == confirmation == confirmed, "reduced while holds may be missing")
        self.put(self.shares, day, (version, now, confirmation))
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
