"""`GET /v1/me/requests/{id}` shows a key the outcome of its request, and `GET /v1/me` says when it is unknown."""

import signal
import threading
import uuid

from clock import patience
from processes import wait_until
from raw import ask
from test_limits import CHAT, HELLO


def look(worker, key, id):
    return ask(worker, "GET", f"/v1/me/requests/{id}", key)


def test_an_answered_request_is_shown_as_it_is_in_the_ledger(stack):
    worker, key = stack.workers[0], stack.new_key()["key"]
    _, headers, _ = ask(worker, "POST", CHAT, key, HELLO)
    id = headers["x-request-id"]
    wait_until(lambda: look(worker, key, id)[2].get("state") == "ended", 5, "it is settled")
    # Any worker can answer.
    status, _, shown = look(stack.workers[1], key, id)
    assert status == 200 and shown["cost_usd"] == headers["x-aihub-cost-usd"]
    assert (shown["outcome"], shown["status"], shown["attempts"]) == ("completed", 200, 1)
    wait_until(lambda: id in stack.ledger(), 10, "it is in the ledger")
    row = stack.ledger()[id]
    assert round(float(shown["cost_usd"]) * 1e9) == row["nano_usd"] and shown["model"] == row["model"]
    assert (shown["usage"]["input"], shown["usage"]["output"]) == (row["input"], row["output"])


def test_a_running_stream_is_shown_as_such(stack):
    worker, key, ids = stack.workers[0], stack.new_key()["key"], []
    body = {**HELLO, "model": "long", "stream": True, "max_tokens": 60}
    caller = threading.Thread(target=lambda: ids.append(ask(worker, "POST", CHAT, key, body)))
    before = set(stack.bill())
    caller.start()
    wait_until(lambda: set(stack.bill()) - before, 5, "the provider was asked")
    id = (set(stack.bill()) - before).pop()
    wait_until(lambda: look(worker, key, id)[2].get("state") == "running", 5, "it runs")
    assert float(look(worker, key, id)[2]["cost_usd"]) > 0, "its input is owed already"
    caller.join(patience(20))
    wait_until(lambda: look(worker, key, id)[2].get("state") == "ended", 5, "it has ended")


def test_what_is_another_keys_or_nobodys_does_not_exist(stack):
    worker, org = stack.workers[0], stack.admin("POST", "/orgs", {"name": "o", "plan": "unlimited"}, expect=201)["id"]
    mine, other = stack.new_key(org=org)["key"], stack.new_key(org=org)["key"]
    id = ask(worker, "POST", CHAT, mine, HELLO)[1]["x-request-id"]
    wait_until(lambda: look(worker, mine, id)[0] == 200, 5, "its key sees it")
    answers = [look(worker, other, id), look(worker, mine, uuid.uuid4()), look(worker, mine, "x"),
               look(worker, mine, "../../me")]
    assert [status for status, _, _ in answers] == [404] * 4
    assert answers[0][2]["error"]["message"] == answers[1][2]["error"]["message"], "nothing is given away"


def test_me_says_when_it_is_stale(own_stack):
    worker, key = own_stack.workers[0], own_stack.new_key(limits={"requests_per_day": 50})["key"]
    assert ask(worker, "POST", CHAT, key, HELLO)[0] == 200
    fresh = ask(worker, "GET", "/v1/me", key)[2]
    assert fresh["stale"] is False and fresh["usage"]["requests_today"] == 1 and fresh["outage_policy"] == "deny"
    own_stack.state.process.signal(signal.SIGSTOP)
    try:
        status, _, stale = ask(worker, "GET", "/v1/me", key)
        assert status == 200 and stale["stale"] is True
        assert stale["usage"] == fresh["usage"] and stale["limits"] == fresh["limits"], "what was known last"
    finally:
        own_stack.state.process.signal(signal.SIGCONT)
    wait_until(lambda: ask(worker, "GET", "/v1/me", key)[2].get("stale") is False, 10, "it knows again")


def test_a_refused_request_is_shown_with_its_reason(stack):
    worker, key = stack.workers[0], stack.new_key(limits={"requests_per_minute": 2})["key"]
    answers = [ask(worker, "POST", CHAT, key, HELLO) for _ in range(40)]
    refused = [(headers["x-request-id"], body) for status, headers, body in answers if status == 429]
    assert len(refused) == 38
    for id, body in refused[-32:]:
        status, _, shown = look(stack.workers[1], key, id)
        assert (status, shown["state"], shown["status"], shown["cost_usd"]) == (200, "refused", 429, "0")
        assert shown["error"]["limit"] == body["error"]["limit"] and shown["error"]["type"] == "rate_limit_exceeded"
    assert look(worker, key, refused[0][0])[0] == 404, "the newest 32 are kept"
    assert look(worker, stack.new_key()["key"], refused[-1][0])[0] == 404, "nobody else sees it"
