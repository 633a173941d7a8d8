"""Who may do what in the admin API: every cell of admin_access.csv on the real programs, and the two locks between orgs."""

import json
import pathlib
import socket
import urllib.error
import urllib.request

import psycopg2
import pytest

from clock import patience
from processes import wait_until
from raw import ask
from stack import Stack

LINES = (pathlib.Path(__file__).parent / "admin_access.csv").read_text().splitlines()
ROLES = LINES[0].split(",")[3:-1]
#: Method, path, whose object it is, statuses by role, body.
ROWS = [(method, path, of, dict(zip(ROLES, map(int, rest.split(",", len(ROLES))))), rest.split(",", len(ROLES))[-1])
        for method, path, of, rest in (line.split(",", 3) for line in LINES[1:])]
OTHERS = [row for row in ROWS if row[2] == "other"]
CONFINED = ("org", "api_key", "admin_key")


def named(row):
    return " ".join(part for part in (row[0], row[1], row[2], row[4]) if part)


class Scene:
    """Two orgs, and a credential of every role: of the first org where the role belongs to one."""

    def __init__(self, stack):
        self.stack = stack
        self.own, self.other = (stack.admin("POST", "/orgs", {"name": name, "plan": "unlimited"}, expect=201)["id"] for name in ("own", "other"))
        self.keys = {role: self.new_admin_key(role) for role in ROLES if role != "token"}

    def new_admin_key(self, role, org=None, token=None, **draft):
        whole = role in ("operator", "support")
        return self.stack.admin("POST", "/admin-keys", {
            "name": role, "role": role, **({} if whole else {"org_id": org or self.own}), **draft}, token=token, expect=201)

    def token(self, role):
        return None if role == "token" else self.keys[role]["key"]

    def objects(self, path, of):
        """New ones, so that one request does not change what the next one finds."""
        org = self.own if of == "own" else self.other
        found = {"{org}": org, "{model}": "plain"}
        if "{key}" in path:
            found["{key}"] = self.stack.new_key(org=org)["id"]
        for role in ("viewer", "owner", "operator"):
            if f"{{{role}_key}}" in path:
                found[f"{{{role}_key}}"] = self.new_admin_key(role, org)["id"]
        return found

    def send(self, method, path, body, objects, role):
        """Status, and the answer's bytes with the names of the objects in place of their ids."""
        for name, id in objects.items():
            path, body = path.replace(name, id), body.replace(name, id)
        token = self.token(role) or (self.stack.secrets / "admin-token").read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.stack.admin_port}/admin/v1{path}", method=method, data=body.encode() or None,
            headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=patience(10)) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        for name, id in objects.items():
            text = text.replace(id, name)
        # Stored, but perhaps not yet in force on every worker: as good as in force here.
        return 200 if status == 202 else status, text


@pytest.fixture(scope="module")
def scene():
    made = Scene(Stack(workers=1))
    yield made
    made.stack.close()


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_every_role_may_do_what_the_file_says(scene, row):
    check(scene, row)


def check(scene, row):
    method, path, of, expected, body = row
    got, texts = {}, {}
    for role in ROLES:
        objects = scene.objects(path, of)
        got[role], texts[role] = scene.send(method, path, body, objects, role)
        if got[role] == 404 and of == "other":
            missing = {name: id[:4] + "0" * (len(id) - 4) if "_" in id else id for name, id in objects.items()}
            assert scene.send(method, path, body, missing, role) == (404, texts[role]), "told from what does not exist"
    assert got == expected, texts
    assert all(json.loads(texts[role])["error"]["type"] == "insufficient_permission" for role in ROLES if got[role] == 403)


def test_the_statements_alone_keep_orgs_apart(scene):
    """The first lock without the second."""
    try:
        for table in CONFINED:
            scene.stack.sql(f"alter table {table} disable row level security")
        for row in OTHERS:
            check(scene, row)
        for role in ("owner", "viewer"):
            check_lists(scene, role)
    finally:
        for table in CONFINED:
            scene.stack.sql(f"alter table {table} enable row level security")


def check_lists(scene, role):
    for path in ["/orgs", "/keys", "/keys?org_id={org}"] + ["/admin-keys", "/admin-keys?org_id={org}"] * (role == "owner"):
        for org in (scene.own, scene.other):
            page = scene.stack.admin("GET", path.replace("{org}", org), token=scene.token(role), expect=200)
            seen = {item["id"] if path == "/orgs" else item["org_id"] for item in page["data"]}
            assert seen == (set() if "{org}" in path and org == scene.other else {scene.own}), (path, org)


def test_lists_show_the_callers_org_alone(scene):
    for org in (scene.own, scene.other):
        scene.stack.new_key(org=org)
        scene.new_admin_key("viewer", org)
    check_lists(scene, "owner")
    check_lists(scene, "viewer")


def as_org(scene, org, statement):
    """What the role of org-scoped access gets from a statement without any condition; with `org` None, it was forgotten."""
    confine = "" if org is None else f"select set_config('aihub.org', '{org}', true);"
    return scene.stack.sql(f"set local role gw_org; {confine} {statement}")


@pytest.mark.parametrize("table, org_column", [("org", "id"), ("api_key", "org_id"), ("admin_key", "org_id")])
def test_row_level_security_alone_keeps_orgs_apart(scene, table, org_column):
    """The second lock without the first."""
    for org in (scene.own, scene.other):
        scene.stack.new_key(org=org)
        scene.new_admin_key("viewer", org)
    seen = f"select coalesce(array_agg(distinct {org_column}), '{{}}') from {table}"
    assert as_org(scene, None, seen) == [([],)], "a forgotten org shows something"
    assert as_org(scene, scene.own, seen) == [([scene.own],)]
    column = "revoked_at" if table == "admin_key" else "name"
    change = f"update {table} set {column} = {column} where {org_column} = '{scene.other}' returning 1"
    assert as_org(scene, None, change) == [] and as_org(scene, scene.own, change) == []


def test_the_program_confines_itself_for_an_orgs_admin_key(scene):
    """When the policies of gw_org let nothing through, an org's admin key reaches nothing, and an operator's still does all."""
    try:
        for table in CONFINED:
            scene.stack.sql(f'alter policy "what is done for an org sees that org" on {table} using (false)')
        for method, path, of, expected, body in ROWS:
            if of == "own" and path.startswith(("/orgs/", "/keys/", "/admin-keys/")) and expected["owner"] == 200:
                got = {role: scene.send(method, path, body, scene.objects(path, of), role)[0] for role in ("operator", "owner")}
                assert got == {"operator": 200, "owner": 404}, (method, path)
        for path in ("/orgs", "/keys", "/admin-keys"):
            assert scene.stack.admin("GET", path, token=scene.token("owner"), expect=200)["data"] == []
            assert scene.stack.admin("GET", path, token=scene.token("operator"), expect=200)["data"] != []
    finally:
        for table in CONFINED:
            column = "id" if table == "org" else "org_id"
            scene.stack.sql(
                f'alter policy "what is done for an org sees that org" on {table} using ({column} = current_setting(\'aihub.org\', true))')


@pytest.mark.parametrize("table", CONFINED)
def test_row_level_security_holds_for_the_owner_of_the_table(scene, table):
    """Unless it is a member of gw_cp, or a superuser."""
    connection = psycopg2.connect(scene.stack.postgres.url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                f"create role test_owner; alter table {table} owner to test_owner; set local role test_owner; select count(*) from {table}")
            seen = cursor.fetchone()[0]
    finally:
        # Rolls back, and lets the others at the table again.
        connection.close()
    assert seen == 0


def test_no_row_can_be_written_for_another_org(scene):
    for statement in [
        "insert into api_key (id, org_id, name, digest, display) values ('key_' || repeat('x', 16), '{}', 'x', repeat('0', 64), '')",
        "insert into admin_key (id, org_id, name, role, digest, display, created_by)"
        " values ('adm_' || repeat('x', 16), '{}', 'x', 'owner', repeat('0', 64), '', 'x')",
        "update org set id = '{}'", "update api_key set org_id = '{}'",
    ]:
        with pytest.raises(Exception, match="row-level security"):
            as_org(scene, scene.own, statement.format(scene.other))
    with pytest.raises(Exception, match="permission denied"):
        as_org(scene, scene.own, "insert into org (id, name, plan) values ('org_' || repeat('x', 16), 'x', 'free')")


def test_only_what_is_needed_of_an_admin_key_can_be_changed_or_read(scene):
    for role, statement in [
        ("gw_cp", "update admin_key set role = 'operator'"), ("gw_cp", "update admin_key set expires_at = null"),
        ("gw_cp", "delete from admin_key"), ("gw_org", "update admin_key set role = 'operator'"),
        ("gw_org", "select * from admin_token"), ("gw_org", "select * from credential"),
        ("gw_ro", "select digest from admin_key"), ("gw_ro", "update admin_key set revoked_at = null"),
    ]:
        with pytest.raises(Exception, match="permission denied"):
            scene.stack.sql(f"set role {role}; {statement}")
    assert scene.stack.sql("set role gw_ro; select count(id) > 0 from admin_key") == [(True,)]


def test_the_audit_log_says_which_admin_key_acted(scene):
    admin, stack = scene.keys["admin"], scene.stack
    key = stack.admin("POST", "/keys", {"org_id": scene.own, "name": "audited"}, token=admin["key"], expect=201)
    made = scene.new_admin_key("viewer", token=admin["key"])
    stack.admin("DELETE", f"/admin-keys/{made['id']}", token=scene.token("owner"), expect=200)
    rows = "select actor, action from audit_log where subject = %s and subject_id = %s order by id"
    assert stack.sql(rows, "api_key", key["id"]) == [(admin["id"], "insert")]
    assert stack.sql(rows, "admin_key", made["id"]) == [(admin["id"], "insert"), (scene.keys["owner"]["id"], "update")]
    assert made["created_by"] == admin["id"] and stack.sql(rows, "admin_key", admin["id"])[0] == ("admin", "insert")
    digests = [digest for (digest,) in stack.sql("select digest from admin_key")]
    kept = str(stack.sql("select audit_log::text from audit_log")) + stack.control.log()
    assert not any(secret in kept for secret in digests + [key["key"] for key in scene.keys.values()])


def test_a_use_is_noted_once_a_minute_and_not_audited(scene):
    key, stack = scene.new_admin_key("viewer"), scene.stack

    def noted():
        assert stack.admin("GET", "/me", token=key["key"], expect=200)["admin_key"]["id"] == key["id"]
        return stack.sql("select last_used_at from admin_key where id = %s", key["id"])[0][0]
    first = noted()
    stack.sql("update admin_key set last_used_at = last_used_at - interval '59 seconds' where id = %s", key["id"])
    within = stack.sql("select last_used_at, last_used_at > now() - interval '1 minute' from admin_key where id = %s", key["id"])[0]
    assert noted() == within[0] or not within[1], "noted again within the minute"
    stack.sql("update admin_key set last_used_at = last_used_at - interval '1 minute' where id = %s", key["id"])
    assert noted() >= first
    assert stack.sql("select action from audit_log where subject = 'admin_key' and subject_id = %s", key["id"]) == [("insert",)]


def test_a_key_ends_with_its_expiry_and_makes_none_that_outlives_it(scene):
    stack = scene.stack
    short = scene.new_admin_key("owner", expires_at="2999-01-01T00:00:00Z")
    for expiry in ({}, {"expires_at": None}, {"expires_at": "2999-01-01T00:00:01Z"}):
        status, answer = stack.admin("POST", "/admin-keys", {"name": "x", "role": "viewer", **expiry}, token=short["key"])
        assert status == 422 and answer["error"]["param"] == "expires_at", answer
    scene.new_admin_key("viewer", token=short["key"], expires_at="2999-01-01T00:00:00Z")
    assert stack.admin("POST", "/admin-keys", {"name": "x", "role": "support", "expires_at": "2001-01-01T00:00:00Z"})[0] == 422
    stack.sql("update admin_key set created_at = now() - interval '2 days', expires_at = now() where id = %s", short["id"])
    expired = stack.admin("GET", "/me", token=short["key"])
    revoked = scene.new_admin_key("owner")
    stack.admin("DELETE", f"/admin-keys/{revoked['id']}", token=revoked["key"], expect=200)
    assert expired == stack.admin("GET", "/me", token=revoked["key"]) == stack.admin("GET", "/me", token="nonsense")
    assert expired[0] == 401 and expired[1]["error"]["type"] == "invalid_admin_token"


def test_neither_kind_of_key_does_the_work_of_the_other(scene):
    key = scene.stack.new_key(org=scene.own)["key"]
    assert scene.stack.admin("GET", "/me", token=key)[0] == 401
    chat = {"model": "plain", "messages": [{"role": "user", "content": "Hello"}]}
    for role in ("operator", "owner"):
        status, _, body = ask(scene.stack.workers[0], "POST", "/v1/chat/completions", scene.token(role), chat)
        assert status == 401 and scene.token(role)[20:] not in str(body)


def test_a_pepper_is_not_dropped_while_admin_keys_need_it(scene):
    def needed():
        return sum(keys for _, keys in scene.stack.sql("select pepper, keys from keys_of_pepper where pepper <> 'unknown'"))
    before, key = needed(), scene.new_admin_key("support")
    assert needed() == before + 1
    scene.stack.admin("DELETE", f"/admin-keys/{key['id']}", expect=200)
    assert needed() == before


def test_a_body_that_arrives_after_the_revocation_does_nothing(scene):
    made = scene.new_admin_key("owner")
    body = json.dumps({"org_id": scene.own, "name": "late"}).encode()
    with socket.create_connection(("127.0.0.1", scene.stack.admin_port), timeout=patience(30)) as connection:
        connection.sendall(f"POST /admin/v1/keys HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {made['key']}\r\n"
                           f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:5])
        used = "select last_used_at is not null from admin_key where id = %s"
        wait_until(lambda: scene.stack.sql(used, made["id"]) == [(True,)], what="the key was looked up")
        scene.stack.admin("DELETE", f"/admin-keys/{made['id']}", expect=200)
        connection.sendall(body[5:])
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 401 ")
    assert scene.stack.sql("select count(*) from api_key where name = 'late'") == [(0,)]


def test_a_key_is_not_rotated_without_end(scene):
    key = scene.stack.new_key(org=scene.own)["id"]
    statuses = [scene.stack.admin("POST", f"/keys/{key}/rotate", {})[0] for _ in range(52)]
    assert {*statuses[:50]} <= {200, 202} and statuses[50:] == [409, 409]
