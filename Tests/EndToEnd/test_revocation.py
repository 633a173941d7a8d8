"""Whatever ends a key takes effect on every worker before the answer confirms it: revocation, rotation, expiry, suspension.
An answer that cannot confirm it yet names what is pending."""

import time

import psycopg2
import pytest

from processes import wait_until
from raw import ask
from stack import Stack

CHAT = "/v1/chat/completions"
BODY = {"model": "plain", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
HEARTBEATS = "hb:{s00.31}"


def statuses(stack, key):
    """Each worker's status for a billable request and for `GET /v1/me`."""
    return {(ask(worker, "POST", CHAT, key, BODY)[0], ask(worker, "GET", "/v1/me", key)[0]) for worker in stack.workers}


LETS_IN, REFUSES = {(200, 200)}, {(401, 401)}


def at(stack, seconds):
    """The time `seconds` from now by PostgreSQL's clock."""
    return stack.sql("select to_char((now() + %s * interval '1 s') at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
                     seconds)[0][0]


@pytest.fixture
def made(stack):
    """A key that all workers have served and know."""
    made = stack.new_key()
    assert statuses(stack, made["key"]) == LETS_IN
    return made


def rotate(stack, made, body=None, expect=200):
    return stack.admin("POST", f"/keys/{made['id']}/rotate", body, expect=expect)


# Revocation

def test_a_revoked_key_is_refused_at_once_and_for_ever(stack, made):
    revoked = stack.admin("POST", f"/keys/{made['id']}/revoke", expect=200)
    assert statuses(stack, made["key"]) == REFUSES
    assert revoked["status"] == "revoked" and "pending" not in revoked
    assert stack.admin("POST", f"/keys/{made['id']}/revoke", expect=200) == revoked, "once more changes nothing"
    with pytest.raises(psycopg2.Error, match="stays so"):
        stack.sql("update api_key set status = 'active' where id = %s", made["id"])
    error = rotate(stack, made, expect=409)["error"]
    assert error["type"] == "conflict" and "revoked" in error["message"]


def test_a_key_revoked_in_psql_is_refused_everywhere(stack, made):
    stack.sql("select revoke_key(%s)", made["id"])
    wait_until(lambda: statuses(stack, made["key"]) == REFUSES, 5, "refused everywhere")
    assert stack.admin("GET", "/propagation", expect=200) == {"object": "propagation", "pending": None}


# Rotation

def test_without_an_overlap_the_old_secret_stops_at_once(stack, made):
    new = rotate(stack, made)
    assert statuses(stack, made["key"]) == REFUSES and statuses(stack, new["key"]) == LETS_IN
    assert new["id"] == made["id"] and new["key"] != made["key"] and new["overlap_ends_at"] is None
    assert new["display"] == new["key"][:11] + "…" + new["key"][-4:]


def test_with_an_overlap_both_secrets_work_until_it_ends(stack, made):
    started = time.monotonic()
    new = rotate(stack, made, {"overlap_seconds": 4})
    assert statuses(stack, made["key"]) == statuses(stack, new["key"]) == LETS_IN
    assert new["overlap_ends_at"] is not None
    wait_until(lambda: statuses(stack, made["key"]) == REFUSES, 10, "the overlap ends")
    assert time.monotonic() - started > 3.9, "not before its time"
    assert statuses(stack, new["key"]) == LETS_IN
    assert stack.admin("GET", f"/keys/{made['id']}", expect=200)["overlap_ends_at"] is None


def test_both_secrets_are_one_key(stack):
    made = stack.new_key(limits={"requests_per_day": 3})
    new = rotate(stack, made, {"overlap_seconds": 600})
    worker = stack.workers[0]
    got = [ask(worker, "POST", CHAT, key, BODY)[0] for key in [made["key"], new["key"], made["key"], new["key"]]]
    assert got == [200, 200, 200, 402], "one count for both"


def test_a_rotation_ends_the_overlaps_before_it(stack, made):
    second = rotate(stack, made, {"overlap_seconds": 600})
    third = rotate(stack, made, {"overlap_seconds": 300})
    assert statuses(stack, made["key"]) == statuses(stack, second["key"]) == statuses(stack, third["key"]) == LETS_IN
    ends = stack.sql("select max(valid_until) - min(valid_until), max(valid_until) < now() + interval '301 s'"
                     " from retired_digest where key_id = %s", made["id"])[0]
    assert ends[0].total_seconds() == 0 and ends[1]
    fourth = rotate(stack, made)
    for old in (made, second, third):
        assert statuses(stack, old["key"]) == REFUSES
    assert statuses(stack, fourth["key"]) == LETS_IN


def test_an_overlap_is_ended_early_in_psql(stack, made):
    new = rotate(stack, made, {"overlap_seconds": 600})
    assert statuses(stack, made["key"]) == LETS_IN
    stack.sql("select end_overlap(%s)", made["id"])
    wait_until(lambda: statuses(stack, made["key"]) == REFUSES, 5, "refused everywhere")
    assert statuses(stack, new["key"]) == LETS_IN


def test_revocation_ends_every_secret(stack, made):
    new = rotate(stack, made, {"overlap_seconds": 600})
    assert statuses(stack, made["key"]) == statuses(stack, new["key"]) == LETS_IN
    stack.admin("POST", f"/keys/{made['id']}/revoke", expect=200)
    assert statuses(stack, made["key"]) == statuses(stack, new["key"]) == REFUSES


def test_an_overlap_does_not_outlive_the_key(stack, made):
    new = rotate(stack, made, {"overlap_seconds": 600})
    stack.admin("PATCH", f"/keys/{made['id']}", {"expires_at": at(stack, -1)}, expect=200)
    assert statuses(stack, made["key"]) == statuses(stack, new["key"]) == REFUSES


@pytest.mark.parametrize("body, param", [
    ({"overlap_seconds": -1}, "overlap_seconds"), ({"overlap_seconds": 604801}, "overlap_seconds"),
    ({"overlap_seconds": 1.5}, "overlap_seconds"), ({"overlap_seconds": "60"}, "overlap_seconds"),
    ({"overlap_seconds": None}, "overlap_seconds"), ({"overlap": 60}, "overlap"), ([], None),
])
def test_a_bad_rotation_is_refused_and_changes_nothing(stack, key, made, body, param):
    error = rotate(stack, made, body, expect=422)["error"]
    assert error.get("param") == param
    assert statuses(stack, made["key"]) == LETS_IN


def test_a_rotation_is_audited_and_no_digest_is_written_there(stack, made):
    rotate(stack, made, {"overlap_seconds": 60})
    rows = stack.sql("select actor, action, subject, before, after from audit_log where subject_id = %s order by id", made["id"])
    assert [row[:3] for row in rows] == [
        ("admin", "insert", "api_key"), ("admin", "insert", "retired_digest"), ("admin", "update", "api_key")]
    assert "digest" not in str([row[3:] for row in rows])
    assert rows[2][3]["display"] != rows[2][4]["display"]


@pytest.mark.parametrize("statement, words", [
    ("update retired_digest set valid_until = now() + interval '1 h' where key_id = %s", "only ever shortened"),
    ("delete from retired_digest where key_id = %s", "never deleted"),
    ("update api_key set digest = (select digest from retired_digest r where r.key_id = api_key.id) where id = %s", "was retired"),
    ("insert into retired_digest select digest, id, now() + interval '8 days' from api_key where id = %s", "seven days at most"),
])
def test_a_retired_secret_is_not_revived_in_psql(stack, made, statement, words):
    rotate(stack, made)
    with pytest.raises(psycopg2.Error, match=words):
        stack.sql(statement, made["id"])


def test_a_digest_replaced_in_psql_is_retired_too(stack, made):
    stack.sql("update api_key set digest = md5(random()::text) || md5(random()::text) where id = %s", made["id"])
    wait_until(lambda: statuses(stack, made["key"]) == REFUSES, 5, "the old secret stops")


# Expiry

def test_an_expiry_that_has_passed_ends_the_key_at_once_and_can_be_lifted(stack, made):
    path = f"/keys/{made['id']}"
    stack.admin("PATCH", path, {"expires_at": at(stack, 0)}, expect=200)
    assert statuses(stack, made["key"]) == REFUSES
    stack.admin("PATCH", path, {"expires_at": None}, expect=200)
    assert statuses(stack, made["key"]) == LETS_IN


def test_a_key_works_until_it_expires(stack, made):
    stack.admin("PATCH", f"/keys/{made['id']}", {"expires_at": at(stack, 4)}, expect=200)
    assert statuses(stack, made["key"]) == LETS_IN
    wait_until(lambda: statuses(stack, made["key"]) == REFUSES, 10, "it expires by itself")
    assert stack.sql("select status from key_status where id = %s", made["id"]) == [("expired",)]


def test_a_key_is_expired_in_psql(stack, made):
    stack.sql("select expire_key(%s)", made["id"])
    wait_until(lambda: statuses(stack, made["key"]) == REFUSES, 5, "refused everywhere")
    stack.sql("select expire_key(%s, null)", made["id"])
    wait_until(lambda: statuses(stack, made["key"]) == LETS_IN, 5, "let in again")


# Suspension

def test_a_suspended_orgs_keys_are_refused_until_it_is_resumed(stack, made):
    sister, stranger = stack.new_key(org=made["org_id"]), stack.new_key()
    rotate(stack, sister, {"overlap_seconds": 600})
    assert statuses(stack, sister["key"]) == statuses(stack, stranger["key"]) == LETS_IN
    path = f"/orgs/{made['org_id']}"
    assert stack.admin("PATCH", path, {"status": "suspended"}, expect=200)["status"] == "suspended"
    assert statuses(stack, made["key"]) == statuses(stack, sister["key"]) == REFUSES
    assert statuses(stack, stranger["key"]) == LETS_IN
    stack.admin("PATCH", path, {"status": "active"}, expect=200)
    assert statuses(stack, made["key"]) == statuses(stack, sister["key"]) == LETS_IN


def test_an_org_is_suspended_and_resumed_in_psql(stack, made):
    stack.sql("select suspend_org(%s)", made["org_id"])
    wait_until(lambda: statuses(stack, made["key"]) == REFUSES, 5, "refused everywhere")
    stack.sql("select resume_org(%s)", made["org_id"])
    wait_until(lambda: statuses(stack, made["key"]) == LETS_IN, 5, "let in again")
    with pytest.raises(psycopg2.Error, match="there is no org 'org_nope'"):
        stack.sql("select suspend_org('org_nope')")


# Outage policies

def record(stack, made):
    client = stack.redis()
    digest = stack.sql("select digest from api_key where id = %s", made["id"])[0][0]
    return client.hget(f"k:{digest}", "record")


@pytest.mark.parametrize("plan, draft, policy", [
    ("unlimited", {}, "allow_local"), ("unlimited", {"limits": {"requests_per_minute": 9}}, "allow_local"),
    ("unlimited", {"limits": {"usd_per_month": "5"}}, "deny"), ("unlimited", {"limits": {"requests_per_day": 9}}, "deny"),
    ("free", {}, "deny"), ("unlimited", {"outage_policy": "allow"}, "allow"),
    ("free", {"outage_policy": "allow_local"}, "allow_local"), ("unlimited", {"outage_policy": "deny"}, "deny"),
])
def test_workers_are_told_what_to_do_in_an_outage(stack, plan, draft, policy):
    made = stack.new_key(plan=plan, **draft)
    assert made["outage_policy"] == draft.get("outage_policy")
    assert f'"outagePolicy":"{policy}"' in record(stack, made).replace(" ", "")


def test_an_outage_policy_is_changed_lifted_and_checked(stack, made):
    path = f"/keys/{made['id']}"
    assert stack.admin("PATCH", path, {"outage_policy": "allow"}, expect=200)["outage_policy"] == "allow"
    assert '"outagePolicy":"allow"' in record(stack, made)
    assert stack.admin("PATCH", path, {"outage_policy": None}, expect=200)["outage_policy"] is None
    assert '"outagePolicy":"allow_local"' in record(stack, made)
    assert "an outage policy is" in stack.admin("PATCH", path, {"outage_policy": "maybe"}, expect=422)["error"]["message"]


# Pending changes

@pytest.mark.parametrize("beat", ["{ahead}!", "{late}"], ids=["lets in without asking", "not heard of"])
def test_a_worker_that_may_let_in_by_itself_is_named(stack, made, beat):
    client = stack.redis()

    def put():
        now = int(client.time()[0]) * 1000
        # In the future, so that the workers' sweepers keep it; the late one must exist only during the call.
        client.hset(HEARTBEATS, "w-cut-off", beat.format(ahead=now + 60_000, late=now - 9_000))

    def revoke():
        put()
        return stack.admin("POST", f"/keys/{made['id']}/revoke")

    try:
        # A sweeper may remove the late one before the call: then try again.
        status, answer = wait_until(lambda: (got := revoke())[0] == 202 and got, 10, "it is awaited")
        assert answer["status"] == "revoked" and answer["pending"] == {"publication": False, "workers": ["w-cut-off"]}
        assert statuses(stack, made["key"]) == REFUSES, "whoever asks knows already"
    finally:
        client.hdel(HEARTBEATS, "w-cut-off")
    assert stack.admin("GET", "/propagation", expect=200)["pending"] is None
    assert "pending" not in stack.admin("POST", f"/keys/{made['id']}/revoke", expect=200)


@pytest.mark.parametrize("owner, ago", [("w-gone", 13_000), ("control-1", 9_000)])
def test_who_has_stopped_and_who_admits_nothing_are_not_awaited(stack, made, owner, ago):
    client = stack.redis()
    client.hset(HEARTBEATS, owner, str(int(client.time()[0]) * 1000 - ago) + "!")
    stack.admin("POST", f"/keys/{made['id']}/revoke", expect=200)
    client.hdel(HEARTBEATS, owner)


@pytest.fixture
def lone_stack():
    made = Stack(workers=1)
    yield made
    made.close()


def test_what_cannot_be_published_is_awaited_and_comes_by_itself(lone_stack):
    stack = lone_stack
    made = stack.new_key()
    assert statuses(stack, made["key"]) == LETS_IN
    stack.state.process.stop()
    status, answer = stack.admin("PATCH", f"/keys/{made['id']}", {"name": "renamed"})
    assert status == 202 and answer["name"] == "renamed" and answer["pending"] == {"publication": True, "workers": []}
    new = rotate(stack, made, expect=202)
    assert new["key"] != made["key"] and new["pending"]["publication"], "the new secret is shown all the same"
    assert stack.sql("select count(*) > 0 from propagation_pending") == [(True,)]
    assert stack.sql("select in_force from key_status where id = %s", made["id"]) == [(False,)]
    stack.state.start()
    wait_until(lambda: stack.admin("GET", "/propagation", expect=200)["pending"] is None, 30, "it is in force")
    assert stack.sql("select count(*) from propagation_pending") == [(0,)]
    wait_until(lambda: statuses(stack, new["key"]) == LETS_IN, 30, "the worker is back")
    assert statuses(stack, made["key"]) == REFUSES
