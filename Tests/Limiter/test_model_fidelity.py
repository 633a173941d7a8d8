"""For the library the model equals Redis: the same calls give the same replies and leave the same state."""

import pathlib
import random
import re
import sys

import msgpack
import pytest
import redis
from lua_host import LuaHost, library
from redis_model import RedisModel

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "EndToEnd"))
from processes import RedisServer  # noqa: E402

CALLS = 4_000
START = 1_798_761_590_000  # Ten seconds before a new year.
# The real Redis reads the time from a key, so that both use the simulation's clock.
CLOCK = "redis.call('HMGET', 'clock', 's', 'us')"


@pytest.fixture
def real(tmp_path):
    server = RedisServer("fidelity", tmp_path).start()
    client = redis.Redis(port=server.port)
    text = library()
    assert "redis.call('TIME')" in text
    assert "redis.call('INFO', 'server')" in text
    text = text.replace("redis.call('INFO', 'server')", "'run_id:p1'")
    client.function_load(text.replace("redis.call('TIME')", CLOCK), replace=True)
    yield client
    client.close()
    server.process.stop()


class Calls:
    """Random calls of every function with few names, so that they interact. Nothing expires, whatever the clock."""

    def __init__(self, seed):
        self.random, self.now, self.rids, self.long = random.Random(seed), START, [], 10**9
        self.periods = "202612/20261231,202701/20270101,202612/20261231"

    def limits(self):
        r, rows = self.random, []
        for name in ("o", r.choice("ab")):
            money = [part for _ in range(2) for part in r.choice(((-1, 0), (0, 400), (1, 5), (8, 0)))]
            rows.append([name, r.randint(8, 12), *(r.choice((-1, -1, 3, 100)) for _ in range(5)), *money])
        if r.random() < 0.4:
            rows.append(["pool:p", 0, -1, -1, -1, -1, -1, *r.choice(((0, 10**6), (0, 10**6), (-1, 0))), -1, 0])
        return rows

    def one(self):
        r = self.random
        rows = self.limits()
        scopes = [f"b:{{s}}:{row[0]}" for row in rows]
        rid = r.choice(self.rids[-12:]) if self.rids and r.random() < 0.7 else f"r{len(self.rids)}"
        self.rids.append(rid)
        hold, gen, run, owner = f"h:{{s}}:{rid}", r.choice("2223"), r.choice(("p1", "p1", "p2")), r.choice("xyz")
        big, event = r.choice((7, 80, 10**15 - 3)), f"event {r.random()}"
        windows = [202612, r.choice((0, 10**15 + 7)), 3, 20261231, r.choice((5, 10**16 + 1)), 2]
        windows += [202611, 9, 1, 20261130, 8, 1]
        packed = msgpack.packb(rows)
        choices = {
            "admit": ([hold, "o:{s}", *scopes], [
                rid, gen, run, owner, self.long, r.choice((1, 60)), big, 5, 3, event, packed]),
            "begin": ([hold, "o:{s}", *scopes], [rid, gen, run, owner, self.long, event, packed]),
            "settle": ([hold, "o:{s}", "u:{s}", *scopes], [
                rid, gen, r.choice("SSCR"), r.choice((1, big)), 9, event, self.long, self.periods, r.choice("01")]),
            "progress": ([hold, *scopes], [gen, owner, r.choice((1, 50)), event, r.choice((90, big)), packed]),
            "restore": ([hold, "o:{s}", *scopes], [
                rid, gen, owner, self.now, self.long, 4, big, 2, event, self.periods]),
            "append": (["u:{s}"], [rid, event]),
            "count": (["c:{s}", hold, "o:{s}", *scopes], [
                rid, gen, r.choice((1, big)), 9, event, self.long, self.periods, r.choice("01"), r.choice(("", 1, big))]),
            "close": (["c:{s}", "run:{s}"], [r.choice("123")]),
            "reopen": (["run:{s}", "hb:{s}"], [owner, run, r.choice(("2", "2", "2", "")), 3000]),
            "appended": (["run:{s}"], [owner, gen]),
            "heartbeat": (["hb:{s}"], [owner, r.choice("01"), r.choice("xyz"), "0"]),
            "farewell": (["hb:{s}"], [owner]),
            "sweep": (["o:{s}", "hb:{s}"], [r.choice((2_000, self.long)), r.randint(1, 4)]),
            "peek": (scopes[:2], [part for row in rows[:2] for part in row[:2]]),
            "pool": (["c:{s}", "b:{s}:pool:p"], ["pool:p"]),
            "share": (["c:{s}", "b:{s}:pool:p"], [
                "pool:p", r.choice((20261231, 20270101)), r.randint(0, 40), r.choice((0, 200, 10**15 + 7)), r.choice("01"),
                r.choice(("p1", "p1", "p2")), r.choice("01")]),
            "find": ([hold, "u:{s}"], [rid, r.choice("oab")]),
            "inspect": (scopes[:1], []),
            "raise": (["c:{s}"], [r.choice("oab"), r.randint(7, 11)]),
            "put_key": (["k:1"], [r.randint(1, 5), event]),
            "barrier": (["c:{s}", "run:{s}"], [r.choice("123")]),
            "seed": (["c:{s}", *scopes[:1]], [gen, *windows]),
            "entomb": (["c:{s}", hold], [gen, big, self.periods, self.long]),
            "clear": (["c:{s}", "run:{s}", hold, scopes[0]], [gen]),
            "live": (["c:{s}"], [gen, run]),
            "stop": (["c:{s}"], [r.choice("123")]),
            "at_least": (["c:{s}", *scopes[:1]], windows[:6]),
        }
        often = {"admit": 8, "begin": 4, "settle": 6, "progress": 4, "restore": 2, "share": 4}
        name = r.choices(list(choices), [often.get(name, 1) for name in choices])[0]
        return name, *choices[name]


class StreamIDs:
    """Replaces stream IDs, which differ between servers, by the order in which they first appear."""

    def __init__(self):
        self.seen = {}

    def plain(self, value):
        if isinstance(value, list):
            return [self.plain(one) for one in value]
        if isinstance(value, bytes) and re.fullmatch(rb"\d+-\d+", value):
            return f"id {self.seen.setdefault(value, len(self.seen))}"
        return value


@pytest.mark.parametrize("seed", range(2))
def test_the_model_answers_as_redis(real, seed):
    model, calls, ours, theirs = RedisModel(START), Calls(seed), StreamIDs(), StreamIDs()
    model.run = b"p1"
    host, answered = LuaHost(model), set()
    loaded = real.function_list(library="gw2", withcode=False)[0]
    assert host.functions == {one[1].decode() for one in loaded[loaded.index(b"functions") + 1]}
    for _ in range(CALLS):
        calls.now += calls.random.choice((0, 3, 900, 2_500, -1_000))
        model.now_ms = calls.now
        real.hset("clock", mapping={"s": calls.now // 1000, "us": calls.now % 1000 * 1000})
        if calls.random.random() < 0.003:  # Starts over with a wiped Redis, or with one whose shard is live.
            model.flush()
            real.flushall()
            ours, theirs = StreamIDs(), StreamIDs()  # A new stream may reuse IDs.
            continue
        if calls.random.random() < 0.01:
            for where in (model.call, real.execute_command):
                where(b"HSET", b"c:{s}", b"gen", b"2", b"o", b"8", b"a", b"8", b"b", b"8")
                where(b"HSET", b"run:{s}", b"open", b"p1")
        name, keys, args = calls.one()
        mine, its = host.fcall("gw2_" + name, keys, args), real.fcall("gw2_" + name, len(keys), *keys, *args)
        assert ours.plain(mine) == theirs.plain(its), (name, keys, args)
        answered.add((name, mine[0] if mine and isinstance(mine[0], int) else None))
    assert {name for name, _ in answered} == {name.removeprefix("gw2_") for name in host.functions}
    assert len(answered) > 35, sorted(answered, key=str)
    assert ours.plain(state_of_model(model)) == theirs.plain(state_of_redis(real))


def state_of_model(model):
    state = {}
    for key, held in model.data.items():
        if key.startswith(b"u:"):
            state[key] = [[name, list(fields)] for name, fields in held.items()]
        elif isinstance(held, tuple):
            state[key] = msgpack.unpackb(held[0], raw=True)
        else:
            state[key] = dict(held)
    return listed(state)


def state_of_redis(client):
    state = {}
    for key in client.keys():
        kind = client.type(key)
        if kind == b"stream":
            entries = client.xrange(key)
            state[key] = [[name, [part for pair in fields.items() for part in pair]] for name, fields in entries]
        elif kind == b"zset":
            state[key] = dict(client.zrange(key, 0, -1, withscores=True))
        elif kind == b"hash":
            state[key] = client.hgetall(key)
        else:
            state[key] = msgpack.unpackb(client.get(key), raw=True)
    state.pop(b"clock", None)
    return listed(state)


def listed(state):
    return [[key, sorted(map(list, value.items())) if isinstance(value, dict) else value]
            for key, value in sorted(state.items())]
