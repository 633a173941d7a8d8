"""What the planes check in the state Redis before trusting it with money, and what they keep there."""

import json
import re
import uuid

import pytest

from processes import wait_until
from raw import ask
from stack import Stack

CHAT = "/v1/chat/completions"
HELLO = {"model": "plain", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def stack():
    made = Stack(workers=1)
    yield made
    made.close()


@pytest.mark.parametrize("policy", ["volatile-lru", "allkeys-lru", "volatile-ttl"])
def test_one_that_may_evict_holds_is_not_used(stack, policy):
    key, worker = stack.new_key(limits={"usd_per_month": "5"})["key"], stack.workers[0]
    wait_until(lambda: ask(worker, "POST", CHAT, key, HELLO)[0] == 200, what="all is well")
    stack.redis().config_set("maxmemory-policy", policy)
    try:
        # The worker checks this when it connects.
        stack.redis().execute_command("CLIENT", "KILL", "TYPE", "normal")
        wait_until(lambda: "may evict limits" in worker.process.log(), what="the worker says why")
        wait_until(lambda: ask(worker, "POST", CHAT, key, HELLO)[0] == 503, what="a key with a budget is refused")
        wait_until(lambda: f"maxmemory-policy is {policy}" in stack.control.log(), what="the control plane says why")
    finally:
        stack.redis().config_set("maxmemory-policy", "noeviction")
    wait_until(lambda: ask(worker, "POST", CHAT, key, HELLO)[0] == 200, what="it is used again")


def test_an_event_the_ledger_cannot_take_stops_nothing_and_is_kept(stack):
    """Valid events that conflict, one that violates a constraint of the ledger, and a non-event with a NUL."""
    key = stack.new_key()
    wait_until(lambda: ask(stack.workers[0], "POST", CHAT, key["key"], HELLO)[0] == 200, what="all is well")
    wait_until(lambda: stack.ledger(), what="a first request is in the ledger")
    client = stack.redis()
    name = next(client.scan_iter("u:{*", count=1000))
    good = client.xrevrange(name, count=1)[0][1]

    def event(**changed):
        made = json.loads(good["event"])
        made["id"] = str(uuid.UUID(int=(uuid.UUID(made["id"]).int & ~0xffff) + len(changed) * 7 + 1))
        return json.dumps({**made, **changed})

    together = [event(orgID="org_one", status=201), event(orgID="org_two", status=201, attempts=2)]
    with client.pipeline(transaction=True) as at_once:
        for text in [*together, event(outcome="unheard of"), "no event \0 at all"]:
            at_once.xadd(name, {"id": "x", "kind": "final", "event": text})
        at_once.execute()
    after = ask(stack.workers[0], "POST", CHAT, key["key"], HELLO)
    assert after[0] == 200
    wait_until(lambda: after[1]["x-request-id"] in stack.ledger(), what="what came after them is taken in")
    # The valid events of a batch are ingested first.
    wait_until(lambda: stack.sql("select count(*) from usage_dead_letter") == [(2,)], what="what does not is kept")
    dead = stack.sql("select event, reason from usage_dead_letter order by id")
    assert len(dead) == 2 and "unheard of" in dead[1][0] + dead[0][0], dead
    assert any("not a usage event" in reason for _, reason in dead)
    orgs = {row[0] for row in stack.sql("select org_id from usage_event where org_id like 'org_%%' and status = 201")}
    assert orgs == {"org_one", "org_two"}


@pytest.mark.parametrize("way", ["API", "psql"])
def test_a_revocation_waits_for_no_bulk_change(stack, way):
    """Changing a plan publishes all its orgs. A revocation made meanwhile takes effect before they are all done."""
    key, worker = stack.new_key(), stack.workers[0]
    assert ask(worker, "GET", "/v1/models", key["key"])[0] == 200
    stack.sql(f"insert into org (id, name, plan) select 'org_{way.lower()}' || lpad(n::text, {16 - len(way)}, '0'), 'bulk', 'unlimited'"
              " from generate_series(1, 20000) n returning 1")
    stack.sql("update plan set key_requests_per_minute = coalesce(key_requests_per_minute, 1000000) - 1 where name = 'unlimited' returning 1")
    if way == "API":
        stack.admin("POST", f"/keys/{key['id']}/revoke", expect=200)
    else:
        stack.sql("update api_key set status = 'revoked' where id = %s returning 1", key["id"])
        wait_until(lambda: ask(worker, "GET", "/v1/models", key["key"])[0] == 401, what="it is in force")
    left = stack.sql("select count(*) from config_change where published_at is null")[0][0]
    assert ask(worker, "GET", "/v1/models", key["key"])[0] == 401
    assert left > 0, "the bulk change was through before the revocation: nothing was shown"
    wait_until(lambda: stack.sql("select count(*) from config_change where published_at is null")[0][0] == 0, 120, "all is published")


def loaded(stack):
    """The source of the limiter's library as loaded in Redis."""
    listed = stack.redis().execute_command("FUNCTION", "LIST", "LIBRARYNAME", "gw2", "WITHCODE")[0]
    named = listed if isinstance(listed, dict) else dict(zip(listed[::2], listed[1::2]))
    return named["library_code"]


def load(stack, text):
    stack.redis().execute_command("FUNCTION", "LOAD", "REPLACE", text)


def with_revision(text, by):
    changed = re.sub(r"^local REVISION = (\d+)$", lambda found: f"local REVISION = {int(found[1]) + by}", text, flags=re.M)
    assert changed != text
    return changed


def test_a_library_that_was_changed_by_hand_is_put_right(stack):
    whole = loaded(stack)
    load(stack, whole.replace("if s[OPEN]", "if false and s[OPEN]") + "\n-- changed")
    wait_until(lambda: loaded(stack) == whole, what="the library is as it was")


def test_a_newer_library_stays_and_an_older_one_does_not(stack):
    key, worker = stack.new_key(limits={"usd_per_month": "5"})["key"], stack.workers[0]
    whole = loaded(stack)
    newer = with_revision(whole, 1)
    load(stack, newer)
    stack.control.kill()
    stack.start_control()
    wait_until(lambda: ask(worker, "POST", CHAT, key, HELLO)[0] == 200, what="this release runs on the newer library")
    assert loaded(stack) == newer
    stack.control.kill()
    load(stack, with_revision(whole, -1))
    wait_until(lambda: "library is older than this worker" in worker.process.log(), what="the worker says so")
    stack.start_control()
    wait_until(lambda: loaded(stack) == whole, what="the control plane loads its own")
    wait_until(lambda: ask(worker, "POST", CHAT, key, HELLO)[0] == 200, what="and the worker goes on")


def test_what_redis_lost_before_its_last_mark_is_pushed_again(own_stack):
    """A revocation from ten minutes ago, in a Redis restored to its state of a quarter of an hour ago."""
    key, client = own_stack.new_key(), own_stack.redis()
    name = "k:" + own_stack.sql("select digest from api_key where id = %s", key["id"])[0][0]
    wait_until(lambda: client.exists(name) and client.hlen("cfg:seen"), what="the key is pushed, and the mark is left")
    before = client.hgetall(name)
    own_stack.admin("POST", f"/keys/{key['id']}/revoke")
    wait_until(lambda: client.hgetall(name) != before, what="the revocation is pushed")
    own_stack.control.kill()
    own_stack.sql("update config_change set published_at = now() - interval '10 minutes'; select 1")
    client.hset(name, mapping=before)
    for owner, mark in client.hgetall("cfg:seen").items():
        client.hset("cfg:seen", owner, int(mark) - 900_000)
    own_stack.start_control()
    wait_until(lambda: int(client.hgetall(name)["v"]) > int(before["v"]), what="the revocation is pushed again")
