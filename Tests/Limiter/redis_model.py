"""A model of the Redis commands the limiter's library uses: small enough to review, fast enough for a simulation.

Every change goes through an undo log, so that losing the last calls (a truncated append-only file, a replica that
lagged) is a rewind, not a copy of the state.
"""

MISSING = object()


class Undo:
    """Records the previous value of each change to a dictionary."""

    KEPT = 60_000

    def __init__(self):
        self.log, self.base = [], 0

    def put(self, table, key, value):
        self.log.append((table, key, table.get(key, MISSING)))
        table[key] = value

    def drop(self, table, key):
        if key in table:
            self.log.append((table, key, table[key]))
            del table[key]

    def snapshot(self):
        if len(self.log) > 2 * self.KEPT:
            self.base += len(self.log) - self.KEPT
            del self.log[:-self.KEPT]
        return self.base + len(self.log)

    def restore(self, mark):
        assert mark >= self.base, "that far back nothing is remembered"
        while self.base + len(self.log) > mark:
            table, key, old = self.log.pop()
            if old is MISSING:
                table.pop(key, None)
            else:
                table[key] = old


def raw(value):
    """An argument as Redis sees it: Lua numbers become text."""
    return value if isinstance(value, bytes) else b"%d" % value if isinstance(value, int) else b"%.17g" % value


def stream_id(text):
    ms, _, sequence = text.partition(b"-")
    return int(ms), int(sequence or 0)


class RedisModel:
    """Strings are (value, expiry); hashes, sorted sets and streams are dictionaries; last stream IDs are kept apart."""

    def __init__(self, now_ms=0):
        self.now_ms, self.data, self.last_ids, self.undo, self.writes = now_ms, {}, {}, Undo(), 0
        self.snapshot, self.restore = self.undo.snapshot, self.undo.restore
        self.commands = {name[3:].upper().encode(): getattr(self, name) for name in dir(self) if name.startswith("do_")}

    def call(self, name, *arguments):
        return self.commands[name](*map(raw, arguments))

    def flush(self):
        for table in (self.data, self.last_ids):
            for key in list(table):
                self.undo.drop(table, key)

    def alive(self, key):
        """A string's (value, expiry), or None. An expired one is deleted when read, and stays deleted."""
        held = self.data.get(key)
        if held is not None and held[1] is not None and held[1] <= self.now_ms:
            self.undo.drop(self.data, key)
            return None
        return held

    def table(self, key, create=False):
        held = self.data.get(key)
        if held is None:
            held = {}
            if create:
                self.undo.put(self.data, key, held)
        return held

    def changed(self, key):
        """To be called after a removal: deletes the key if it is now empty."""
        self.writes += 1
        if not self.data.get(key, True):
            self.undo.drop(self.data, key)

    def do_info(self, section):
        return b"run_id:" + self.run + b"\r\n"

    def do_time(self):
        return [b"%d" % (self.now_ms // 1000), b"%d" % (self.now_ms % 1000 * 1000)]

    def do_get(self, key):
        held = self.alive(key)
        return held[0] if held else False

    def do_set(self, key, value, *options):
        held, expiry = self.alive(key), None
        if options[:1] == (b"PX",):
            expiry = self.now_ms + int(options[1])
        elif options == (b"KEEPTTL",):
            expiry = held and held[1]
        else:
            assert not options
        self.writes += b":refused:" not in key  # Recording a refusal does not change the counters.
        self.undo.put(self.data, key, (value, expiry))
        return {"ok": b"OK"}

    def do_exists(self, key):
        held = self.data.get(key)
        return int(held is not None and (not isinstance(held, tuple) or self.alive(key) is not None))

    def do_del(self, *keys):
        self.writes += 1
        there = [key for key in keys if self.do_exists(key)]
        for key in there:
            self.undo.drop(self.data, key)
        return len(there)

    def do_hget(self, key, field):
        return self.table(key).get(field, False)

    def do_hmget(self, key, *fields):
        held = self.table(key)
        return [held.get(field, False) for field in fields]

    def do_hset(self, key, *pairs):
        held, before = self.table(key, create=True), len(self.table(key))
        self.writes += 1
        for field, value in zip(pairs[::2], pairs[1::2], strict=True):
            self.undo.put(held, field, value)
        return len(held) - before

    def do_hdel(self, key, *fields):
        held = self.table(key)
        before = len(held)
        for field in fields:
            self.undo.drop(held, field)
        self.changed(key)
        return before - len(held)

    do_zrem = do_hdel

    def do_hkeys(self, key):
        return list(self.table(key))

    def do_hgetall(self, key):
        return [part for pair in self.table(key).items() for part in pair]

    def do_zadd(self, key, score, member):
        held = self.table(key, create=True)
        self.writes += 1
        added = int(member not in held)
        self.undo.put(held, member, float(score))
        return added

    def do_zrange(self, key, start, stop, *options):
        ordered = sorted((score, member) for member, score in self.table(key).items())
        if b"BYSCORE" in options:
            ordered = [pair for pair in ordered if float(start) <= pair[0] <= float(stop)]
            if b"LIMIT" in options:
                offset, count = (int(text) for text in options[options.index(b"LIMIT") + 1:][:2])
                ordered = ordered[offset:offset + count if count >= 0 else None]
        else:
            assert (start, stop) == (b"0", b"-1")
        if b"WITHSCORES" not in options:
            return [member for _, member in ordered]
        return [part for score, member in ordered for part in (member, b"%.17g" % score)]

    def do_xadd(self, key, wanted, *pairs):
        assert wanted == b"*"
        last = self.last_ids.get(key, (0, -1))
        new = (self.now_ms, 0) if self.now_ms > last[0] else (last[0], last[1] + 1)
        self.writes += 1
        self.undo.put(self.last_ids, key, new)
        self.undo.put(self.table(key, create=True), b"%d-%d" % new, pairs)
        return b"%d-%d" % new

    def do_xrange(self, key, first, last):
        held = self.table(key)
        return [[name, list(held[name])] for name in held if stream_id(first) <= stream_id(name) <= stream_id(last)]

    def stream_after(self, key, after, count):
        """Up to `count` (ID, fields) after the ID `after`, a pair of numbers."""
        found = []
        for name in reversed(self.table(key)):
            if stream_id(name) <= after:
                break
            found.append((name, self.data[key][name]))
        return found[::-1][:count]
