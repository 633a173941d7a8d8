"""S17: a settle that names its own periods begins none that is ahead of Redis's clock, so that a worker with a fast
clock, or a hostile one, can neither reset a budget nor freeze it in a future year."""

import datetime
import itertools

import msgpack
import pytest
import redis

import rows
from processes import wait_until
from raw import ask

COST = 7_000_000
TOMBSTONE_MS = 900_000
numbers = itertools.count()


@pytest.fixture(scope="module")
def spender(own_stack):
    """A key that has spent something, and the shard it counts in."""
    key = own_stack.new_key(limits={"usd_per_month": "50", "usd_per_day": "20"})
    body = {"model": "plain", "messages": [{"role": "user", "content": "hi"}]}
    wait_until(lambda: ask(own_stack.workers[0], "POST", "/v1/chat/completions", key["key"], body)[0] == 200, what="it has spent")
    wait_until(own_stack.settled, what="it is settled")
    client = own_stack.redis()
    name = next(client.scan_iter(f"b:*:{key['id']}", count=1000))
    return own_stack, key, name.split(":")[1]


def named(month, day):
    return f"{month}/{day},{month}/{day}"


def generate(random):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    ahead = today + datetime.timedelta(days=random.choice([1, 2, 31, 400, 1500, 40_000]))
    kind = random.choice(["both", "month alone", "day alone", "absurd"])
    now, later = (int(f"{today:%Y%m}"), int(f"{today:%Y%m%d}")), (int(f"{ahead:%Y%m}"), int(f"{ahead:%Y%m%d}"))
    next_month = int(f"{(today.replace(day=1) + datetime.timedelta(days=32)):%Y%m}")
    periods = {"both": later, "month alone": (max(later[0], next_month), now[1]), "day alone": (now[0], later[1]),
               "absurd": (random.choice([999_912, 203_001]), random.choice([99_991_231, 20_300_101]))}[kind]
    return {"kind": kind, "periods": periods, "by": random.choice(["settle", "restored and settled"])}


def counted(stack, shard, key):
    return [{field: stack.scope(f"b:{shard}:{scope}")[field] for field in
             ("month", "day", "month_spent", "day_spent", "month_reserved", "day_reserved")}
            for scope in (key["id"], f"o:{key['org_id']}")]


def check(spender, variant):
    stack, key, shard = spender
    client, rid, periods = stack.redis(), f"s17-{next(numbers)}", named(*variant["periods"])
    keys = [f"h:{shard}:{rid}", f"o:{shard}", f"b:{shard}:{key['id']}", f"b:{shard}:o:{key['org_id']}"]
    gen, event = client.hget(f"c:{shard}", "gen"), "{}"
    before = counted(stack, shard, key)
    if variant["by"] != "settle":
        assert client.fcall("gw2_restore", 4, *keys, rid, gen, "s17", 0, 60_000, 10, 2 * COST, 1, event, periods)[0] == 0
        kept = msgpack.unpackb(redis.Redis(port=stack.state.port).get(keys[0]))["periods"]
        assert kept == named(before[0]["month"], before[0]["day"]), f"kept as of {kept}"
    reply = client.fcall("gw2_settle", 5, *keys[:2], f"u:{shard}", *keys[2:], rid, gen, "S", COST, 10, event, TOMBSTONE_MS, periods, 0)
    assert reply[0] == 0
    expected = [{**scope, "month_spent": scope["month_spent"] + COST, "day_spent": scope["day_spent"] + COST} for scope in before]
    assert counted(stack, shard, key) == expected, f"{before} -> {counted(stack, shard, key)}"


def test_a_worker_begins_no_period_that_lies_ahead(spender):
    rows.attack("S17", generate, lambda variant: check(spender, variant), variants=24)
