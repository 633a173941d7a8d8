"""Free means bounded: an org's day, the names a plan's keys may call, and how many requests of a key run at once."""

import http.client
import json
import random
import threading

import psycopg2
import pytest

import rows
from free_rig import has_column, load_dear
from processes import wait_until
from raw import ask

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def stack(own_stack):
    """Its free plan is changed."""
    return own_stack


@pytest.fixture(scope="module")
def dear(stack):
    models = load_dear(stack)
    # Money alone shall stop them here.
    stack.sql("update plan set key_requests_per_minute = null, org_requests_per_minute = null, org_requests_per_day = null,"
              " org_concurrent_requests = null where name = 'free'")
    return models


def in_parallel(jobs):
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def spent_by(stack, org):
    """What an org has spent and holds today, by the limiter."""
    for name, scope in stack.scopes().items():
        if name.endswith(f":o:{org}"):
            return scope["day_spent"] + scope["day_reserved"]
    return 0


def test_a_free_org_at_full_tilt_spends_its_daily_dollars_at_most(stack, dear):
    """Whatever is asked for, by however many keys at once, and whether usage comes or not."""
    def generate(source: random.Random):
        return {"keys": source.randint(1, 4), "at once": source.randint(2, 10), "stream": source.random() < 0.5,
                "model": source.choice(dear), "max_tokens": source.choice((None, 1, 60, 400)),
                "words": source.choice((1, 40, 300))}

    most = []

    def check(variant):
        org = stack.admin("POST", "/orgs", {"name": "free", "plan": "free"}, expect=201)["id"]
        keys = [stack.new_key(org=org)["key"] for _ in range(variant["keys"])]
        body = {"model": variant["model"], "messages": [{"role": "user", "content": "word " * variant["words"]}]}
        body |= {"stream": variant["stream"]}
        body |= {"max_tokens": variant["max_tokens"]} if variant["max_tokens"] else {}
        answers, looks = [], []

        def caller(key):
            for _ in range(40):
                status, _, answer = ask(stack.workers[0], "POST", CHAT, key, body)
                answers.append((status, answer))
                if status != 200 and answer["error"]["type"] == "insufficient_quota":
                    return

        in_parallel([lambda key=keys[n % len(keys)]: caller(key) for n in range(variant["at once"])])
        looks.append(spent_by(stack, org))
        wait_until(stack.settled)
        spent = spent_by(stack, org)
        most.append(spent)
        assert max(*looks, spent) <= 250_000_000, (looks, spent)
        refused = [answer["error"] for status, answer in answers if status == 402]
        assert refused and all(error["limit"]["name"] == "usd_per_day" for error in refused), answers[-3:]
        assert any(error["message"].startswith("Free plan: $") for error in refused), refused[0]

    rows.attack("P2 an org's day", generate, check)
    print(f"P2 an org's day: at most {max(most)} of 250000000 nano, {sum(most) / len(most) / 250e4:.1f} % on average")


def opened(worker, key, model):
    connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=20)
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    connection.request("POST", CHAT, json.dumps(body), {
        "Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    return connection, connection.getresponse()


@rows.only_now("plans had no such limit, or nobody could see it")
@pytest.mark.parametrize("plan, own, limit", [
    (None, None, 64), (None, 3, 3), (None, 70, 70), (5, None, 5), (5, 9, 5), (70, None, 70)])
def test_a_key_has_64_requests_at_once_where_nobody_says(stack, plan, own, limit):
    name = f"crowd-{plan}-{own}"
    stack.sql("insert into plan (name, key_concurrent_requests) values (%s, %s)", name, plan)
    made = stack.new_key(plan=name, limits={"concurrent_requests": own} if own else {})
    _, _, me = ask(stack.workers[0], "GET", "/v1/me", made["key"])
    assert [one["limit"] for one in me["limits"] if one["name"] == "concurrent_requests"] == [limit]
    assert stack.sql("select concurrent_requests from key_status where id = %s", made["id"]) == [(limit,)]
    streams = [opened(stack.workers[0], made["key"], "long") for _ in range(limit)]
    assert [answer.status for _, answer in streams] == [200] * limit
    status, headers, answer = ask(stack.workers[0], "POST", CHAT, made["key"], {
        "model": "plain", "messages": [{"role": "user", "content": "hi"}]})
    assert status == 429 and answer["error"]["type"] == "rate_limit_exceeded" and "retry-after" in headers
    assert answer["error"]["limit"]["name"] == "concurrent_requests" and answer["error"]["limit"]["limit"] == str(limit)
    for connection, _ in streams:
        connection.close()


def names_of(stack, key):
    return {model["id"] for model in ask(stack.workers[0], "GET", "/v1/models", key)[2]["data"]}


def test_a_plans_list_of_models_holds_for_its_keys(stack):
    def generate(source: random.Random):
        names = ["plain", "slow", "smart", "cached", "tool"]
        some = lambda: source.sample(names, source.randint(1, 4))  # noqa: E731
        return {"plan": source.choice((None, some(), some(), some())), "key": source.choice((None, some())), "asked": source.choice(names)}

    made = []

    def check(variant):
        plan = f"listed-{len(made)}"
        made.append(plan)
        stack.sql("insert into plan (name) values (%s)", plan)
        if has_column(stack, "models"):
            stack.sql("update plan set models = %s where name = %s", variant["plan"], plan)
        key = stack.new_key(plan=plan, **({"allowed_models": variant["key"]} if variant["key"] else {}))
        lists = [set(names) for names in (variant["plan"], variant["key"]) if names]
        allowed = set.intersection(*lists) if lists else None
        _, _, me = ask(stack.workers[0], "GET", "/v1/me", key["key"])
        assert (set(me["models"]) if "models" in me else None) == allowed
        if has_column(stack, "models"):
            shown = stack.sql("select models from key_status where id = %s", key["id"])[0][0]
            assert (None if shown is None else set(shown)) == allowed
        assert allowed is None or names_of(stack, key["key"]) == allowed
        status, _, answer = ask(stack.workers[0], "POST", CHAT, key["key"], {
            "model": variant["asked"], "messages": [{"role": "user", "content": "hi"}], "max_tokens": 8})
        may = allowed is None or variant["asked"] in allowed
        assert status == (200 if may else 404), answer

    rows.attack("P2 a plan's models", generate, check)


@rows.only_now("plans had no such limit, or nobody could see it")
def test_a_plan_that_changes_reaches_the_keys_of_its_orgs(stack):
    stack.sql("insert into plan (name) values ('turning')")
    key = stack.new_key(plan="turning")["key"]
    assert {"plain", "smart"} <= names_of(stack, key)
    stack.sql("update plan set models = '{plain}' where name = 'turning'")
    wait_until(lambda: names_of(stack, key) == {"plain"}, what="the list is in force")
    stack.sql("update plan set models = null where name = 'turning'")
    wait_until(lambda: "smart" in names_of(stack, key), what="the list is lifted")


@rows.only_now("plans had no such limit, or nobody could see it")
@pytest.mark.parametrize("models, words", [
    (["plain", "no-such-model"], "plan 'free' allows 'no-such-model', which is neither a model nor an alias"),
    ([], "a plan's list of models names at least one; null means all")])
def test_a_list_of_what_does_not_exist_is_refused_with_words(stack, models, words):
    with pytest.raises(psycopg2.errors.CheckViolation) as refused:
        stack.sql("update plan set models = %s::text[] where name = 'free'", models)
    assert words in str(refused.value)


@rows.only_now("plans had no such limit, or nobody could see it")
def test_operators_see_what_a_plan_may_cost(stack):
    row = stack.sql("select usd_per_org_and_day::text, usd_per_day_all_orgs::text, key_concurrent_requests, models"
                    " from plan_limits where plan = 'free'")
    assert row == [("0.25", "25", 64, None)]


@rows.only_now("plans had no such limit, or nobody could see it")
def test_a_caller_sees_the_orgs_day(stack):
    key = stack.new_key(plan="free")["key"]
    _, _, me = ask(stack.workers[0], "GET", "/v1/me", key)
    limits = {(one["scope"], one["name"]): one for one in me["limits"]}
    assert limits["org", "usd_per_day"]["limit"] == "0.25" and limits["org", "usd_per_day"]["used"] == "0"
    assert limits["key", "concurrent_requests"]["limit"] == 64 and limits["key", "concurrent_requests"]["used"] == 0
