"""The answer cache: identical requests of an org are answered by a provider once, then byte for byte from the cache."""

import json
import random
import socket

import pytest
import redis as redis_client

from cache_rig import at_once, exchange, hello
from processes import wait_until
from raw import ask
from stack import Stack, price


@pytest.fixture(scope="module")
def stack():
    made = Stack(cache=True, THREADS=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def key(stack):
    return stack.new_key()["key"]


@pytest.fixture
def worker(stack):
    return stack.workers[0]


@pytest.fixture
def text(request):
    """A text no other test uses, so that tests do not share cached answers."""
    return request.node.name


def cache_of(stack):
    return redis_client.Redis(port=stack.cache.port)


def is_kept(stack, count):
    return wait_until(lambda: cache_of(stack).dbsize() >= count, 5, f"{count} answers kept")


def calls(stack, since):
    return sum(entry["received"] for name, entry in stack.bill().items() if name not in since)


# Repetitions

MODELS = ["plain", "cached", "tool", "odd", "nameless", "mute", "groq", "smart", "twice", "undone"]
MEMBERS = [
    {}, {"temperature": 0.7}, {"top_p": 1, "seed": 7}, {"user": "ü-1"}, {"max_tokens": 3}, {"max_completion_tokens": 4},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
    {"response_format": {"type": "json_object"}}, {"stop": ["\n", "é☃"]}, {"x_unknown": {"b": [1, 1.0, None], "a": "😀"}},
    {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}, {"stream": True, "max_tokens": 2},
]
REQUESTS = [hello(model, "recorded", **members) for model in MODELS for members in MEMBERS]
REQUESTS += [{**request, "seed": 99} for request in REQUESTS[:80]]


def test_a_repetition_equals_its_answer_byte_for_byte(stack, key):
    """At least 200 answers, plain and streamed; requested from one worker, repeated on the other and on the same."""
    assert len(REQUESTS) >= 200
    cache_of(stack).flushall()
    before = set(stack.bill())
    first = [exchange(stack.workers[n % 2], key, request) for n, request in enumerate(REQUESTS)]
    assert {(one.status, one.word) for one in first} == {(200, "miss")}
    is_kept(stack, len(REQUESTS))
    assert calls(stack, before) == len(REQUESTS)
    for shift in (1, 0):
        for n, (request, answer) in enumerate(zip(REQUESTS, first)):
            again = exchange(stack.workers[(n + shift) % 2], key, request)
            assert (again.status, again.word) == (200, "hit"), request
            assert again.body == answer.body and again.lasting == answer.lasting, request
            assert int(again.headers["age"]) >= 0 and again.id != answer.id
    assert calls(stack, before) == len(REQUESTS), "no engine was asked again"


def test_every_field_counts_and_order_and_space_do_not(stack, worker, key, text):
    asked = {**hello(text=text), "temperature": 1, "stream": False, "metadata": {"b": 1, "a": [True, "x"]}}
    assert exchange(worker, key, asked).word == "miss"
    turned = json.dumps(dict(reversed(asked.items())), indent=3).replace('"b": 1', '"b"  :\t1').encode()
    same = [turned, json.dumps({**asked, "metadata": {"a": [True, "x"], "b": 1}}, separators=(",", ":")).encode()]
    assert [exchange(worker, key, one).word for one in same] == ["hit", "hit"]
    others = [{**asked, **change} for change in (
        {"temperature": 1.0}, {"temperature": 2}, {"user": "u"}, {"stream": True}, {"max_tokens": 21}, {"seed": None},
        {"metadata": {"b": 1, "a": ["x", True]}}, {"model": "odd"}, {"messages": [*asked["messages"], *asked["messages"]]})]
    others.append({**asked, "messages": [{"role": "user", "content": text + " "}]})
    others.append({name: value for name, value in asked.items() if name != "temperature"})
    assert [exchange(worker, key, one).word for one in others] == ["miss"] * len(others)
    escaped = json.dumps(asked).replace("hi", "h\\u0069").replace(text[0], f"\\u{ord(text[0]):04x}", 1).encode()
    assert exchange(worker, key, escaped).word == "miss", "scalars count byte for byte"


def test_another_org_never_gets_it_and_another_key_of_the_org_does(stack, worker, text):
    org = stack.admin("POST", "/orgs", {"name": "a", "plan": "unlimited"}, expect=201)["id"]
    one, other = stack.new_key(org=org)["key"], stack.new_key(org=org)["key"]
    answer = exchange(worker, one, hello(text=text))
    assert answer.word == "miss"
    again = exchange(worker, other, hello(text=text))
    assert again.word == "hit" and again.body == answer.body
    foreign = exchange(worker, stack.new_key()["key"], hello(text=text))
    assert foreign.word == "miss" and foreign.json["id"] != answer.json["id"]


def test_an_answer_is_not_kept_unless_it_is_whole_and_good(stack, worker, key, text):
    for request in (hello("filtered", text), hello("filtered", text, stream=True), hello(text=text, n=2)):
        assert [exchange(worker, key, request).word for _ in range(2)] == ["miss", "miss"], request
    for model, stream in (("broken", False), ("broken", True), ("cut", False), ("cut", True), ("sour", True),
                          ("unfinished", True), ("refused", False)):
        answers = [exchange(worker, key, hello(model, text, stream=stream)) for _ in range(2)]
        assert "hit" not in {one.word for one in answers}, model


def test_an_answer_made_smaller_for_lack_of_money_is_not_kept(stack, worker, text):
    made = stack.new_key(limits={"usd_per_month": "0.0015"})
    request = hello("wide", text, max_tokens=300)
    answer = exchange(worker, made["key"], request)
    assert answer.status == 200 and answer.headers["x-aihub-capped-by"] == "budget"
    stack.admin("PATCH", f"/keys/{made['id']}", {"limits": {"usd_per_month": None}}, expect=200)
    again = exchange(worker, made["key"], request)
    assert again.word == "miss" and "x-aihub-capped-by" not in again.headers


def test_an_answer_too_large_is_given_and_not_kept(stack, worker, key, text):
    wide = hello("wide", text, stream=True, max_tokens=400)
    del wide["max_tokens"]
    for request in ({**wide, "stream": True}, {**wide, "stream": False}):
        first = exchange(worker, key, request)
        assert first.status == 200
        again = exchange(worker, key, request)
        assert again.word == ("miss" if len(first.body) > 1 << 20 else "hit")


# Controls

def test_no_store_and_no_cache_and_max_age_of_the_request(stack, worker, key, text):
    def word(value, body=text):
        return exchange(worker, key, hello(text=body), cache_control=value).word

    assert word("no-store") == "bypass" and word("no-store") == "bypass"
    assert exchange(worker, key, hello(text=text)).word == "miss", "no-store kept nothing"
    kept = exchange(worker, key, hello(text=text))
    assert kept.word == "hit" and word("no-store") == "bypass"
    fresh = exchange(worker, key, hello(text=text), cache_control="No-Cache")
    assert fresh.word == "miss" and fresh.body != kept.body
    wait_until(lambda: exchange(worker, key, hello(text=text)).body == fresh.body, 5, "no-cache kept its answer")
    assert word("max-age=1000, private") == "hit" and word("max-age=0") == "miss"


def test_answers_expire_by_the_key_the_alias_and_the_shorter_of_both(stack, worker, text):
    made = stack.new_key(cache_seconds=2)
    request = hello(text=text)
    first = exchange(worker, made["key"], request)
    assert first.word == "miss" and exchange(worker, made["key"], request).word == "hit"
    wait_until(lambda: exchange(worker, made["key"], request).word == "miss", 10, "the answer is too old")
    stack.admin("PATCH", f"/keys/{made['id']}", {"cache_seconds": 0}, expect=200)
    assert [exchange(worker, made["key"], request).word for _ in range(2)] == ["bypass", "bypass"]
    stack.sql("update api_key set cache_seconds = null where id = %s", made["id"])
    wait_until(lambda: exchange(worker, made["key"], request).word == "hit", 5, "the change in psql is in force")


def test_a_reader_takes_no_answer_older_than_it_would_keep_one(stack, worker, text):
    org = stack.admin("POST", "/orgs", {"name": "a", "plan": "unlimited"}, expect=201)["id"]
    patient, strict = stack.new_key(org=org)["key"], stack.new_key(org=org, cache_seconds=1)["key"]
    assert exchange(worker, patient, hello(text=text)).word == "miss"
    wait_until(lambda: exchange(worker, patient, hello(text=text)).headers["age"] >= "1", 5, "a second has passed")
    assert exchange(worker, strict, hello(text=text)).word == "miss"


def test_a_changed_alias_is_a_miss_and_an_unrelated_change_is_not(stack, worker, key, text):
    request = hello("smart", text)

    def change(statement, word="hit"):
        version = worker.metrics()["aihub_worker_config_version"]
        stack.sql(statement)
        wait_until(lambda: worker.metrics()["aihub_worker_config_version"] > version, 5, "the change is in force")
        wait_until(lambda: exchange(worker, key, request).word == word, 5, f"it is a {word}")

    assert exchange(worker, key, request).word == "miss"
    change("update alias set position = 7 where name = 'smart'")
    change("update alias_candidate set weight = weight + 1 where alias = 'hop' and model = 'busy'")
    change("update model set first_event_ms = first_event_ms + 1 where name = 'plain'")
    assert exchange(worker, key, request).word == "hit"
    change("update alias_candidate set weight = weight + 1 where alias = 'smart'", "miss")
    change("update alias set cache_seconds = 0 where name = 'smart'", "bypass")
    change("update alias set cache_seconds = null where name = 'smart'")


def test_the_admin_api_checks_and_shows_the_time(stack):
    made = stack.new_key(cache_seconds=60)
    assert made["cache_seconds"] == 60
    assert stack.admin("GET", f"/keys/{made['id']}", expect=200)["cache_seconds"] == 60
    assert stack.admin("PATCH", f"/keys/{made['id']}", {"name": "n"}, expect=200)["cache_seconds"] == 60
    assert stack.admin("PATCH", f"/keys/{made['id']}", {"cache_seconds": None}, expect=200)["cache_seconds"] is None
    for wrong in (-1, 86401, "60", 1.5, True):
        error = stack.admin("PATCH", f"/keys/{made['id']}", {"cache_seconds": wrong}, expect=422)["error"]
        assert error["param"] == "cache_seconds"


# Access to cached answers

def test_a_hit_needs_a_key_that_stands_and_may_call_the_model(stack, worker, text):
    org = stack.admin("POST", "/orgs", {"name": "a", "plan": "unlimited"}, expect=201)["id"]
    made, narrow = stack.new_key(org=org), stack.new_key(org=org, allowed_models=["odd"])
    assert exchange(worker, made["key"], hello(text=text)).word == "miss"
    assert exchange(worker, narrow["key"], hello(text=text)).status == 404
    stack.admin("POST", f"/keys/{made['id']}/revoke", expect=200)
    assert exchange(worker, made["key"], hello(text=text)).status == 401


def test_a_hit_counts_in_the_minute(stack, worker, text):
    made = stack.new_key(limits={"requests_per_minute": 4})
    answers = [exchange(worker, made["key"], hello(text=text)) for _ in range(6)]
    assert [one.status for one in answers] == [200] * 4 + [429] * 2
    assert [one.word for one in answers[:4]] == ["miss", "hit", "hit", "hit"]
    assert [one.headers["x-ratelimit-remaining-requests"] for one in answers[:4]] == ["3", "2", "1", "0"]


@pytest.mark.parametrize("limits", [
    {"usd_per_month": "0.001"}, {"usd_per_day": "0.001"}, {"requests_per_day": 1}, {"requests_per_month": 1},
    {"tokens_per_minute": 70}], ids=lambda limits: next(iter(limits)))
def test_a_hit_needs_neither_money_nor_tokens_nor_quota(stack, worker, text, limits):
    made = stack.new_key(limits=limits)
    request = hello(text=text, stream="usd" in str(limits))
    answer = exchange(worker, made["key"], request)
    assert answer.word == "miss"
    others = (exchange(worker, made["key"], hello(text=f"{text} {n}")) for n in range(200))
    refused = next(one for one in others if one.status != 200 and b"budget_in_flight" not in one.body)
    assert refused.status in (402, 429)
    for _ in range(5):
        again = exchange(worker, made["key"], request)
        assert (again.status, again.word) == (200, "hit") and again.body == answer.body
    assert exchange(worker, made["key"], hello(text=f"{text} new")).status == refused.status
    wait_until(stack.settled, what="nothing is held")


def test_a_hit_uses_nothing_of_the_day(stack, worker, text):
    made = stack.new_key(limits={"requests_per_day": 3})
    words = [exchange(worker, made["key"], hello(text=text)).word for _ in range(10)]
    assert words == ["miss"] + ["hit"] * 9
    wait_until(stack.settled, what="nothing is held")
    assert [exchange(worker, made["key"], hello(text=f"{text} {n}")).status for n in range(3)] == [200, 200, 402]


# How a cached answer is reported

def test_hits_are_in_the_ledger_and_in_me(stack, worker, text):
    made = stack.new_key()
    request = hello("cached", text)
    answer = exchange(worker, made["key"], request)
    hits = [exchange(worker, made["key"], request) for _ in range(3)]
    cost = price(stack.bill()[answer.id])
    ids = {answer.id, *(hit.id for hit in hits)}
    wait_until(lambda: ids <= set(stack.ledger()), what="all is in the ledger")
    rows = stack.sql("select id::text, nano_usd, saved_nano_usd, outcome, given_back, model, input_tokens, output_tokens,"
                     " status from usage_event where key_id = %s", made["id"])
    model = "script:in=100,out=20,cached=64,reasoning=7"
    assert {row[0]: row[1:] for row in rows}.pop(answer.id)[:3] == (cost, None, "completed")
    assert {row[1:] for row in rows if row[0] != answer.id} == {(0, cost, "completed", True, model, 0, 0, 200)}
    assert stack.sql("select nano_usd, requests, cache_hits, saved_nano_usd from spend where key_id = %s", made["id"]) == [
        (cost, 1, 3, 3 * cost)]
    assert stack.sql("select cache_hits, usd_saved * 1000000000 from cache_savings where key_id = %s", made["id"]) == [
        (3, 3 * cost)]
    wait_until(stack.settled, what="nothing is held")
    _, _, me = ask(worker, "GET", "/v1/me", made["key"])
    assert (me["usage"]["requests_today"], float(me["usage"]["usd_today"]) * 1e9) == (1, pytest.approx(cost))
    usage = me["usage"]
    assert (usage["cache_hits_today"], usage["cache_hits_this_month"]) == (3, 3)
    assert usage["usd_saved_today"] == usage["usd_saved_this_month"] and float(usage["usd_saved_today"]) * 1e9 == pytest.approx(3 * cost)
    _, _, seen = ask(worker, "GET", f"/v1/me/requests/{hits[0].id}", made["key"])
    assert (seen["cached"], float(seen["saved_usd"]) * 1e9, float(seen["cost_usd"])) == (True, pytest.approx(cost), 0)
    _, _, seen = ask(worker, "GET", f"/v1/me/requests/{answer.id}", made["key"])
    assert seen["cached"] is False and "saved_usd" not in seen
    assert answer.headers["x-aihub-cost-usd"] != "0" and float(hits[0].headers["x-aihub-cost-usd"]) == 0


# Concurrent requests

@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_hundred_at_once_are_one_call_and_one_charge(stack, worker, text, stream):
    made = stack.new_key()
    before = set(stack.bill())
    request = hello("late", text, stream=stream)
    answers = at_once(100, lambda n: exchange(worker, made["key"], request))
    assert {one.status for one in answers} == {200} and len({one.body for one in answers}) == 1
    assert sorted(one.word for one in answers) == ["hit"] * 99 + ["miss"]
    assert calls(stack, before) == 1
    ids = {one.id for one in answers}
    wait_until(lambda: ids <= set(stack.ledger()), what="all is in the ledger")
    charges = stack.sql("select nano_usd > 0, count(*) from usage_event where key_id = %s group by 1", made["id"])
    assert dict(charges) == {True: 1, False: 99}
    wait_until(stack.settled, what="nothing is held")


def test_a_leader_that_fails_leaves_the_others_to_themselves(stack, worker, text):
    made = stack.new_key()
    before = set(stack.bill())
    answers = at_once(8, lambda n: exchange(worker, made["key"], hello("filtered", text)))
    assert {one.status for one in answers} == {200} and {one.word for one in answers} == {"miss"}
    assert calls(stack, before) == 8
    wait_until(stack.settled, what="nothing is held")


def test_a_leader_that_leaves_is_read_on_for_those_who_wait(stack, worker, text):
    """A plain answer is billed in full whether its caller waits or not, so it is read on and not requested again."""
    made = stack.new_key()
    body = json.dumps(hello("tardy", text)).encode()
    leader = socket.create_connection(("127.0.0.1", worker.port))
    leader.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer "
                   + made["key"].encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    before = worker.metrics().get("aihub_worker_cache_shared_total", 0)
    wait_until(lambda: any(text in entry["body"] for entry in stack.bill().values()), 5, "it leads")

    def run(n):
        if n == 0:
            wait_until(lambda: worker.metrics().get("aihub_worker_cache_shared_total", 0) >= before + 1, 5, "they follow")
            leader.close()
            return None
        return exchange(worker, made["key"], body)

    answers = at_once(6, run)[1:]
    assert {one.status for one in answers} == {200} and len({one.body for one in answers}) == 1
    assert [one.word for one in answers] == ["hit"] * 5
    wait_until(stack.settled, what="nothing is held")
    assert sum(text in entry["body"] for entry in stack.bill().values()) == 1, "asked for once"


def test_followers_of_a_revoked_leader_are_answered(stack, worker, text):
    """The limiter refuses the leader: one of the waiting requests takes its place."""
    org = stack.admin("POST", "/orgs", {"name": "a", "plan": "unlimited"}, expect=201)["id"]
    poor, rich = stack.new_key(org=org, limits={"usd_per_month": "0.00000001"})["key"], stack.new_key(org=org)["key"]
    answers = at_once(12, lambda n: exchange(worker, rich if n % 2 else poor, hello("late", text)))
    assert {one.status for one in answers[1::2]} == {200} and {one.status for one in answers[::2]} <= {200, 402}
    assert len({one.body for one in answers if one.status == 200}) == 1


# A cache with false values

def test_what_was_planted_is_never_given(stack, worker, key, text):
    cache = cache_of(stack)
    cache.flushall()
    exchange(worker, key, hello(text=text))
    is_kept(stack, 1)
    name, = cache.keys("*")
    sealed = cache.get(name)
    exchange(worker, key, hello("odd", text))
    is_kept(stack, 2)
    other = cache.get(next(one for one in cache.keys("*") if one != name))
    turn = random.Random(5)
    planted = [b"", b"x", b"garbage " * 50, other, sealed[:-1], sealed[:20], sealed + b"\0", sealed[1:], b"\xff" * 200,
               json.dumps({"choices": []}).encode(), b"y" * (3 << 20)]
    for _ in range(20):
        at = turn.randrange(len(sealed))
        planted.append(sealed[:at] + bytes([sealed[at] ^ 1 << turn.randrange(8)]) + sealed[at + 1:])
    def counted(what):
        return worker.metrics().get(f"aihub_worker_cache_{what}_total", 0)

    misses = 0
    for value in planted:
        shared, kept = counted("shared"), counted("kept")
        cache.set(name, value)
        # The provider's answer overwrites it.
        answer = exchange(worker, key, hello(text=text))
        # If read too late it is ignored, and the answer may be stored only while the next value is tested.
        assert answer.status == 200 and answer.word in ("miss", "bypass", "hit"), value[:40]
        assert answer.json["choices"][0]["message"]["content"] == "tok " * 8
        if answer.word == "miss":
            # The worker shares the answer until Redis has confirmed that it is stored.
            wait_until(lambda: cache.get(name) != value and counted("kept") > kept, what="the answer is kept over what was planted")
            misses += 1
        elif answer.word == "hit" and counted("shared") == shared and cache.get(name) == value:
            wait_until(lambda: counted("kept") > kept, what=f"an answer of before was given, and not {value[:40]}")
    assert misses > len(planted) / 2
    cache.delete(name)
    cache.rpush(name, "a list")
    assert exchange(worker, key, hello(text=text)).word == "bypass"
    cache.delete(name)
    cache.set(name, sealed)
    assert exchange(worker, key, hello(text=text)).word == "hit", "and what was sealed there before still opens"


def test_a_worker_without_a_cache_says_nothing_of_one(own_stack):
    made = own_stack.new_key()
    answers = [exchange(own_stack.workers[0], made["key"], hello()) for _ in range(2)]
    assert [one.word for one in answers] == [None, None] and answers[0].body != answers[1].body


def test_what_was_saved_outlives_the_counters():
    own = Stack(workers=1, cache=True)
    try:
        made, worker = own.new_key(), own.workers[0]
        answers = [exchange(worker, made["key"], hello()) for _ in range(4)]
        assert [one.word for one in answers] == ["miss", "hit", "hit", "hit"]
        ids = {one.id for one in answers}
        wait_until(lambda: ids <= set(own.ledger()), what="all is in the ledger")
        wait_until(own.settled, what="nothing is held")
        before = ask(worker, "GET", "/v1/me", made["key"])[2]["usage"]
        assert before["cache_hits_this_month"] == 3

        def usage():
            return ask(worker, "GET", "/v1/me", made["key"])[2].get("usage") or {}

        own.redis().flushall()
        wait_until(lambda: usage().get("usd_this_month") == before["usd_this_month"], 30, "the counters are back")
        wait_until(lambda: exchange(worker, made["key"], hello()).word == "hit", 30, "it serves again")
        wait_until(lambda: own.settled() and usage()["cache_hits_this_month"] >= 4, what="nothing is held")
        after = usage()
        hits = after["cache_hits_this_month"]
        assert hits >= 4 and after["cache_hits_today"] == hits
        assert float(after["usd_saved_today"]) == pytest.approx(float(before["usd_saved_today"]) / 3 * hits)
        assert after["usd_this_month"] == before["usd_this_month"] and after["requests_today"] == 1
    finally:
        own.close()
