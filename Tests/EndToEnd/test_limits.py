"""Limits hold under parallel requests on both workers, and a refusal names the limit."""

import threading

import pytest

from processes import wait_until
from raw import ask

CHAT = "/v1/chat/completions"
HELLO = {"model": "plain", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 8}
#: The cost of HELLO: 10 and 8 tokens at the test prices, rounded up.
COST = 66_001


def in_parallel(stack, key, count, request=HELLO):
    results = []

    def run(n):
        results.append(ask(stack.workers[n % 2], "POST", CHAT, key, request))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def statuses(results):
    return sorted(status for status, _, _ in results)


def test_requests_per_day_lets_exactly_n_pass(stack):
    key = stack.new_key(limits={"requests_per_day": 10})["key"]
    assert statuses(in_parallel(stack, key, 40)) == [200] * 10 + [402] * 30


def test_the_free_plan_is_50_a_day_for_the_org_however_many_keys(stack):
    org = stack.admin("POST", "/orgs", {"name": "free", "plan": "free"}, expect=201)["id"]
    stack.sql("update plan set org_requests_per_minute = null, key_requests_per_minute = null,"
              " org_concurrent_requests = null where name = 'free'")
    keys = [stack.new_key(org=org)["key"] for _ in range(3)]
    results = [r for key in keys for r in in_parallel(stack, key, 20)]
    assert statuses(results) == [200] * 50 + [402] * 10
    refused = next(body for status, _, body in results if status == 402)["error"]
    assert refused["limit"]["scope"] == "org" and refused["limit"]["limit"] == "50"


def test_requests_per_minute(stack):
    key = stack.new_key(limits={"requests_per_minute": 7})["key"]
    assert statuses(in_parallel(stack, key, 30)) == [200] * 7 + [429] * 23


def test_tokens_per_minute_refuses_what_can_never_fit_for_good(stack):
    key = stack.new_key(limits={"tokens_per_minute": 20})["key"]
    status, headers, body = ask(stack.workers[0], "POST", CHAT, key, {**HELLO, "max_tokens": 400})
    assert status == 429 and headers["x-should-retry"] == "false" and "larger" in body["error"]["message"]


def test_a_budget_is_never_exceeded_by_parallel_requests(stack):
    made = stack.new_key(limits={"usd_per_month": "0.002"})
    results = in_parallel(stack, made["key"], 60)
    assert set(statuses(results)) <= {200, 402}
    wait_until(stack.settled)
    state = stack.redis()
    name = next(state.scan_iter(f"b:*:{made['id']}"))
    spent, passed = stack.scope(name)["month_spent"], statuses(results).count(200)
    assert spent == passed * COST <= 2_000_000
    kinds = {body["error"]["type"] for status, _, body in results if status == 402}
    assert "budget_in_flight" in kinds, "while others run, the rest of the budget is only held"
    for status, headers, body in results:
        if status == 402 and body["error"]["type"] == "budget_in_flight":
            assert headers["x-should-retry"] == "true" and int(headers["retry-after"]) >= 1


def test_concurrent_requests(stack):
    key = stack.new_key(limits={"concurrent_requests": 3})["key"]
    results = in_parallel(stack, key, 12, {**HELLO, "model": "late"})
    assert 3 <= statuses(results).count(200) < 12 and set(statuses(results)) == {200, 429}
    wait_until(stack.settled)
    assert ask(stack.workers[0], "POST", CHAT, key, HELLO)[0] == 200


def test_a_refusal_and_a_provider_failure_consume_nothing(stack):
    key = stack.new_key(limits={"requests_per_day": 2})["key"]
    for model in ["broken", "no-such-model"]:
        assert ask(stack.workers[0], "POST", CHAT, key, {**HELLO, "model": model})[0] != 200
    wait_until(stack.settled)
    assert [ask(stack.workers[0], "POST", CHAT, key, HELLO)[0] for _ in range(3)] == [200, 200, 402]


def test_what_a_provider_refuses_for_its_words_uses_up_a_request(stack):
    key = stack.new_key(limits={"requests_per_day": 2})["key"]
    asked = ["refused", "plain", "plain"]
    assert [ask(stack.workers[0], "POST", CHAT, key, {**HELLO, "model": model})[0] for model in asked] == [400, 200, 402]


def test_me_tells_limits_use_and_remainder(stack):
    made = stack.new_key(limits={"requests_per_day": 10, "usd_per_month": "0.01"})
    ask(stack.workers[0], "POST", CHAT, made["key"], HELLO)
    wait_until(stack.settled)
    _, _, me = ask(stack.workers[1], "GET", "/v1/me", made["key"])
    limits = {limit["name"]: limit for limit in me["limits"]}
    assert (limits["requests_per_day"]["used"], limits["requests_per_day"]["remaining"]) == (1, 9)
    assert limits["usd_per_month"]["used"] == "0.000066001" and limits["usd_per_month"]["remaining"] == "0.009933999"
    assert me["usage"]["usd_today"] == "0.000066001" and me["stale"] is False and me["plan"] == "unlimited"


@pytest.mark.parametrize("limits, status", [({"usd_per_month": "0"}, 402), ({"usd_per_day": "0.0000001"}, 402)])
def test_a_budget_of_nothing_admits_nothing(stack, limits, status):
    key = stack.new_key(limits=limits)["key"]
    answer = ask(stack.workers[0], "POST", CHAT, key, HELLO)
    assert answer[0] == status and answer[2]["error"]["type"] == "insufficient_quota"
