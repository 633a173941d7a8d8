"""The admin API against its own description, and the commands of aihub-control."""

import hashlib
import pathlib
import re
import shutil
import subprocess
import urllib.request

import pytest
import yaml

from processes import BINARIES, ROOT


def test_create_read_list_edit_revoke(stack):
    org = stack.admin("POST", "/orgs", {"name": "acme", "plan": "unlimited", "limits": {"usd_per_month": "100"}}, expect=201)
    assert org["limits"]["usd_per_month"] == "100" and org["plan"] == "unlimited"
    assert stack.admin("GET", f"/orgs/{org['id']}", expect=200) == org
    made = [stack.admin("POST", "/keys", {"org_id": org["id"], "name": f"k{n}"}, expect=201) for n in range(3)]
    assert all(key["key"].startswith("sk-hub-") and len(key["key"]) == 56 for key in made)
    shown = stack.admin("GET", f"/keys/{made[0]['id']}", expect=200)
    assert "key" not in shown and shown["display"] == made[0]["key"][:11] + "…" + made[0]["key"][-4:]
    page = stack.admin("GET", f"/keys?org_id={org['id']}&limit=2", expect=200)
    rest = stack.admin("GET", f"/keys?org_id={org['id']}&limit=2&after={page['data'][-1]['id']}", expect=200)
    assert page["has_more"] and not rest["has_more"]
    assert sorted(k["id"] for k in page["data"] + rest["data"]) == sorted(k["id"] for k in made)
    edited = stack.admin("PATCH", f"/keys/{made[0]['id']}", {
        "name": "renamed", "limits": {"requests_per_minute": 5, "usd_per_day": "0.5"}}, expect=200)
    assert edited["limits"]["requests_per_minute"] == 5 and edited["version"] > shown["version"]
    lifted = stack.admin("PATCH", f"/keys/{made[0]['id']}", {"limits": {"usd_per_day": None}}, expect=200)
    assert lifted["limits"]["usd_per_day"] is None and lifted["limits"]["requests_per_minute"] == 5
    revoked = stack.admin("POST", f"/keys/{made[0]['id']}/revoke", expect=200)
    assert revoked["status"] == "revoked" and revoked["revoked_at"]
    assert stack.admin("PATCH", f"/orgs/{org['id']}", {"status": "suspended"}, expect=200)["status"] == "suspended"
    audit = stack.sql("select actor, action from audit_log where subject = 'api_key' and subject_id = %s order by id", made[0]["id"])
    assert audit[0] == ("admin", "insert") and {actor for actor, _ in audit} == {"admin"} and len(audit) == 4
    assert stack.sql("select count(*) from audit_log where before::text like '%%digest%%' or after::text like '%%digest%%'") == [(0,)]


@pytest.mark.parametrize("method, path, body, status, param", [
    ("POST", "/orgs", {"name": "ab\0cd", "plan": "unlimited"}, 422, "name"),
    ("POST", "/orgs", {}, 422, "name"), ("POST", "/orgs", {"name": ""}, 422, None),
    ("POST", "/orgs", {"name": "x", "plan": "no-such"}, 422, None), ("POST", "/orgs", [], 422, None),
    ("POST", "/orgs", {"name": "x", "spent": 0}, 422, "spent"),
    ("POST", "/orgs", {"name": "x", "limits": {"requests_per_minit": 1}}, 422, "limits.requests_per_minit"),
    ("POST", "/orgs", {"name": "x", "limits": {"requests_per_minute": 0}}, 422, "limits.requests_per_minute"),
    ("POST", "/orgs", {"name": "x", "limits": {"usd_per_month": 10}}, 422, "limits.usd_per_month"),
    ("POST", "/orgs", {"name": "x", "limits": {"usd_per_month": "-1"}}, 422, "limits.usd_per_month"),
    ("POST", "/orgs", {"name": "x", "limits": {"usd_per_month": "1e9"}}, 422, "limits.usd_per_month"),
    ("POST", "/orgs", {"name": "x", "limits": {"usd_per_month": "9000001"}}, 422, "limits.usd_per_month"),
    ("POST", "/keys", {"org_id": "org_nope", "name": "x"}, 404, None),
    ("GET", "/keys/key_nope", None, 404, None), ("GET", "/orgs?limit=0", None, 422, "limit"),
    ("GET", "/no-such-path", None, 404, None), ("POST", "/keys/key_nope/revoke", None, 404, None),
])
def test_bad_requests_are_refused_in_shape(stack, method, path, body, status, param):
    got, answer = stack.admin(method, path, body)
    assert got == status and answer["error"]["code"] == status and answer["error"].get("param") == param, answer


def test_only_the_admin_gets_in(stack):
    for token in ["nonsense", "aihub-admin-" + "0" * 48]:
        status, answer = stack.admin("GET", "/orgs", token=token)
        assert status == 401 and answer["error"]["type"] == "invalid_admin_token"


def test_the_description_matches_what_is_served(stack):
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.admin_port}/admin/v1/openapi.yaml") as answer:
        served = yaml.safe_load(answer.read())
    assert served["openapi"].startswith("3.1")
    for path, operations in served["paths"].items():
        for method in operations.keys() & {"get", "post", "patch", "delete"}:
            status, answer = stack.admin(method.upper(), path.replace("{id}", "x"), {} if method != "get" else None) \
                if "application/yaml" not in str(operations[method]["responses"].get("200")) else (200, None)
            described = {int(code) for code in operations[method]["responses"]}
            assert status in described, (method, path, status, answer)


def test_the_description_has_the_members_that_bodies_and_answers_have(stack):
    """Every body that refuses unknown members lists the others; every kind of list has an item with all that it must have."""
    described = yaml.safe_load((ROOT / "Sources/ControlPlane/AdminHTTP/openapi.yaml").read_text())
    schemas, compared = described["components"]["schemas"], set()
    stack.admin("POST", "/plans", {"name": "described"})
    for path, operations in described["paths"].items():
        for method in operations.keys() & {"post", "patch"}:
            if "application/json" not in str(operations[method].get("requestBody")):
                continue
            schema = schema_of(schemas, operations[method]["requestBody"])
            status, answer = stack.admin(method.upper(), path.replace("{id}", "x"), {"?": 1})
            accepted = re.search(r"'\?' is not a member of this request\. Valid members: ([^.]+)\.", answer["error"]["message"])
            assert status == 422 and set(accepted[1].split(", ")) == set(schema["properties"]), (method, path, answer)
            compared.add((method, path))
        if "get" in operations and path + "/{id}" in described["paths"] and "get" in described["paths"][path + "/{id}"]:
            page = stack.admin("GET", path + "?limit=1", expect=200)
            schema = schema_of(schemas, described["paths"][path + "/{id}"]["get"]["responses"]["200"])
            for item in page["data"]:
                assert set(schema["required"]) <= set(item) <= set(schema["properties"]), (path, item)
                compared.add(("get", path))
    catalogue = {"/providers", "/credentials", "/models", "/deployments", "/aliases", "/plans", "/prices"}
    assert {(method, path) for path in catalogue for method in ("get", "post")} <= compared


def schema_of(schemas, part):
    return schemas[part["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]]


def test_the_admin_token_can_be_reset(stack):
    old = (stack.secrets / "admin-token").read_text().strip()
    audited = token_rows(stack)
    assert audited[0][:2] == ("insert", "aihub-control serve"), "the first one was made at the first start"
    new = stack.run_control("admin-token", "--reset").strip()
    row, = token_rows(stack)[len(audited):]
    assert row[:2] == ("update", "aihub-control admin-token --reset")
    assert not any(word in row[2] for token in (old, new) for word in (token, hashlib.sha256(token.encode()).hexdigest())), row
    assert new != old and (stack.secrets / "admin-token").stat().st_mode & 0o777 == 0o600
    assert stack.admin("GET", "/orgs", token=old)[0] == 401
    assert stack.admin("GET", "/orgs", token=new)[0] == 200


def token_rows(stack):
    return stack.sql("select action, actor, audit_log::text from audit_log where subject = 'admin_token' order by id")


def test_migrating_twice_does_nothing_and_a_changed_or_newer_schema_is_refused(stack, tmp_path):
    assert "up to date" in stack.run_control("migrate")
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    folder = tmp_path / "sql" / "migrations"
    first = sorted(folder.iterdir())[0]
    first.write_text(first.read_text() + "-- changed\n")
    assert f"migration {first.name} was changed after it had run" in migrate_with(stack, folder)
    shutil.rmtree(folder)
    folder.mkdir()
    for file in sorted((ROOT / "sql" / "migrations").iterdir())[:1]:
        shutil.copy(file, folder)
    assert "run a newer aihub-control" in migrate_with(stack, folder)


def migrate_with(stack, folder, fails=True):
    done = subprocess.run([BINARIES / "aihub-control", "migrate"], capture_output=True, text=True, timeout=120,
                          env={**stack.control_env, "AIHUB_CONTROL_SQL_FOLDER": str(folder)})
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stderr if fails else done.stdout


def test_loading_the_same_file_twice_changes_nothing(stack):
    before = stack.sql("select count(*) from audit_log"), stack.sql("select max(id) from price")
    stack.run_control("load", stack.folder / "scripted.yaml", env={"SCRIPTED_KEY": "sk-scripted"})
    assert (stack.sql("select count(*) from audit_log"), stack.sql("select max(id) from price")) == before


def test_every_file_of_the_shipped_catalogue_loads(own_stack):
    files = sorted((ROOT / "deploy" / "catalogue").glob("*.yaml"), key=lambda f: f.name != "models.yaml")
    local = own_stack.folder / "local.yaml"
    local.write_text((ROOT / "deploy/catalogue/local.yaml").read_text().replace("@LOCAL_MODEL_PORT@", "1").replace("@LOCAL_EMBEDDING_PORT@", "2"))
    files = [f for f in files if f.name != "local.yaml"] + [local]
    keys = dict.fromkeys(re.findall(r"credential_from_environment: (\w+)", "".join(f.read_text() for f in files)), "sk-test")
    own_stack.run_control("load", *files, env=keys)
    assert own_stack.sql("select count(*) from model")[0][0] > 50
    sealed = own_stack.sql("select sealed from credential")
    assert len(sealed) > 5 and not any("sk-test" in value for (value,) in sealed)


def test_no_secret_is_kept_in_the_clear(stack, key):
    assert key not in str(stack.sql("select * from api_key")) + str(stack.sql("select * from audit_log"))
    state = stack.redis()
    dump = " ".join(str(state.hgetall(name)) for pattern in ("k:*", "cfg:*") for name in state.scan_iter(pattern))
    assert key not in dump and "sk-scripted" not in dump
    for worker in stack.workers:
        snapshot = pathlib.Path(worker.folder) / "snapshot.json"
        assert "sk-scripted" not in snapshot.read_text() and snapshot.stat().st_mode & 0o777 == 0o600
        assert key not in worker.process.log()


def test_settings_are_checked_all_at_once():
    done = subprocess.run([BINARIES / "aihub-worker"], capture_output=True, text=True, timeout=10, env={
        "AIHUB_WORKER_PORT": "eighty", "AIHUB_WORKER_THREADS": "0", "AIHUB_WORKER_PROT": "1"})
    assert done.returncode == 64
    for words in ["AIHUB_WORKER_PORT=eighty", "AIHUB_WORKER_THREADS=0", "AIHUB_WORKER_PROT is not a setting",
                  "AIHUB_WORKER_PEPPER_FILE is required"]:
        assert words in done.stderr


def test_roles_cannot_rewrite_the_ledger_or_the_audit_log(stack):
    for role, statement in [
        ("gw_cp", "update usage_event set nano_usd = 0"), ("gw_cp", "delete from audit_log"),
        ("gw_ingest", "delete from usage_event"), ("gw_ingest", "update api_key set name = 'x'"),
        ("gw_ingest", "select * from credential"), ("gw_ro", "select * from credential"),
        ("gw_ro", "select * from admin_token"), ("gw_ro", "insert into plan (name) values ('x')"),
    ]:
        with pytest.raises(Exception, match="permission denied"):
            stack.sql(f"set role {role}; {statement}")
