"""Usage events the ledger rejected: an operator can list them, retry them once the cause is fixed, or dismiss them."""

import json
import uuid

import pytest

from processes import wait_until
from raw import ask
from stack import Stack

CHAT = "/v1/chat/completions"
HELLO = {"model": "plain", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture(scope="module")
def own_stack():
    made = Stack(workers=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def letters(own_stack):
    """One that violates a constraint added to the ledger, one that is not an event; and the first one's event."""
    key = own_stack.new_key()
    wait_until(lambda: ask(own_stack.workers[0], "POST", CHAT, key["key"], HELLO)[0] == 200, what="all is well")
    wait_until(own_stack.ledger, what="a first request is in the ledger")
    client = own_stack.redis()
    name = next(client.scan_iter("u:{*", count=1000))
    event = json.loads(client.xrevrange(name, count=1)[0][1]["event"])
    event |= {"id": str(uuid.UUID(int=uuid.UUID(event["id"]).int ^ 0xffff)), "requested": "odd"}
    own_stack.sql("""alter table usage_event add constraint "nothing odd" check (requested <> 'odd')""")
    for text in (json.dumps(event), "no event at all"):
        client.xadd(name, {"id": "x", "kind": "final", "event": text})

    def kept():
        page = own_stack.admin("GET", "/dead-letters", expect=200)
        return len(page["data"]) == 2 and page["data"]
    return wait_until(kept, what="both are listed"), event


def spent(stack, key):
    return stack.sql("select coalesce(sum(nano_usd), 0)::bigint, coalesce(sum(requests), 0)::bigint from spend where key_id = %s", key)[0]


def audited(stack, letter):
    return stack.sql("select actor, action, after ->> 'resolution', audit_log::text from audit_log"
                     " where subject = 'usage_dead_letter' and subject_id = %s order by id", letter["id"])


def test_they_are_listed_in_pages_with_event_and_reason(own_stack, letters):
    (odd, none), event = sorted(letters[0], key=lambda letter: letter["reason"] == "not a usage event"), letters[1]
    assert json.loads(odd["event"]) == event and none["event"] == "no event at all" and none["reason"] == "not a usage event"
    assert {letter["resolution"] for letter in (odd, none)} == {None}
    first = own_stack.admin("GET", "/dead-letters?limit=1", expect=200)
    second = own_stack.admin("GET", f"/dead-letters?limit=1&after={first['data'][0]['id']}", expect=200)
    assert (first["has_more"], second["has_more"]) == (True, False) and first["data"] + second["data"] == letters[0]
    assert own_stack.admin("GET", "/dead-letters?after=x")[0] == 422
    for id in ("x", "0", "99999999999999999999"):
        assert own_stack.admin("POST", f"/dead-letters/{id}/retry")[0] == 404, id


def test_a_letter_is_retried_once_its_cause_is_mended(own_stack, letters):
    odd, event = next(letter for letter in letters[0] if letter["reason"] != "not a usage event"), letters[1]
    before = spent(own_stack, event["keyID"])
    status, answer = own_stack.admin("POST", f"/dead-letters/{odd['id']}/retry")
    assert status == 422 and "nothing odd" in answer["error"]["message"], answer
    assert spent(own_stack, event["keyID"]) == before and audited(own_stack, odd) == []
    own_stack.sql('alter table usage_event drop constraint "nothing odd"')
    for _ in range(2):
        assert own_stack.admin("POST", f"/dead-letters/{odd['id']}/retry", expect=200)["resolution"] == "retried"
        assert spent(own_stack, event["keyID"]) == (before[0] + event["cost"], before[1] + 1), "counted once"
    assert own_stack.ledger()[event["id"]]["nano_usd"] == event["cost"] > 0
    (actor, action, resolution, row), = audited(own_stack, odd)
    assert (actor, action, resolution) == ("admin", "update", "retried") and event["id"] not in row
    assert own_stack.admin("POST", f"/dead-letters/{odd['id']}/dismiss")[0] == 409


def test_what_is_no_event_is_dismissed(own_stack, letters):
    none = next(letter for letter in letters[0] if letter["reason"] == "not a usage event")
    assert own_stack.admin("POST", f"/dead-letters/{none['id']}/retry")[0] == 422
    for _ in range(2):
        assert own_stack.admin("POST", f"/dead-letters/{none['id']}/dismiss", expect=200)["resolution"] == "dismissed"
    assert none["id"] not in [letter["id"] for letter in own_stack.admin("GET", "/dead-letters", expect=200)["data"]]
    assert own_stack.sql("select event from usage_dead_letter where id = %s", none["id"]) == [("no event at all",)], "it is kept"
    assert [row[:3] for row in audited(own_stack, none)] == [("admin", "update", "dismissed")]
    assert own_stack.admin("POST", f"/dead-letters/{none['id']}/retry")[0] == 409
