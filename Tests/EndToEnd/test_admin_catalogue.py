"""Plans and the catalogue over the admin API: a gateway set up without YAML or SQL, and rules that are the same by every way."""

import datetime
import http.client
import json
import subprocess

import psycopg2
import pytest
from openai import NotFoundError, OpenAI

from clock import patience
from processes import BINARIES, wait_until
from stack import Stack

HELLO = [{"role": "user", "content": "Count this, please. " + "It is long enough to be held for. " * 12}]
SCRIPT = "script:in=10,out=8"
SECRET = "sk-over-rest-0123456789"


class EmptyStack(Stack):
    """A gateway as it is installed, without a catalogue."""

    def load_scripted_models(self):
        pass


@pytest.fixture(scope="module")
def gateway():
    """Everything a request needs, made by the admin API alone."""
    made = EmptyStack(workers=1)
    try:
        assert made.admin("GET", "/models", expect=200)["data"] == []
        for path, body in [
            ("/providers", {"id": "house", "dialect": "vllm", "base_url": f"{made.provider_url}/v1",
                            "allowed_networks": ["127.0.0.0/8"]}),
            ("/credentials", {"id": "house", "provider": "house", "secret": SECRET}),
            ("/models", {"name": "vendor/small", "vendor": "vendor", "max_output_tokens": 600, "tools": True}),
            ("/prices", {"model": "vendor/small", "usd_per_million_tokens": {"input": "1", "output": "2"}}),
            ("/deployments", {"id": "house/small", "model": "vendor/small", "provider": "house", "credential": "house",
                              "upstream_model": SCRIPT}),
            ("/aliases", {"name": "fast", "candidates": [{"model": "vendor/small"}]}),
        ]:
            answer = made.admin("POST", path, body, expect=201)
            assert "pending" not in answer and SECRET not in json.dumps(answer), answer
        made.admin("POST", "/models", {"name": "unpriced", "vendor": "vendor", "max_output_tokens": 1}, expect=201)
        made.admin("POST", "/providers", {"id": "other", "base_url": "https://other.example/v1"}, expect=201)
        made.admin("POST", "/credentials", {"id": "other", "provider": "other", "secret": SECRET}, expect=201)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def client(gateway):
    return OpenAI(base_url=gateway.workers[0].base_url, api_key=gateway.new_key()["key"], max_retries=0)


def cost(client, model):
    answer = client.chat.completions.with_raw_response.create(model=model, messages=HELLO, max_tokens=400)
    return answer.headers["x-aihub-cost-usd"], answer.headers["x-aihub-deployment"]


def send(gateway, method, path, body=None, **headers):
    """Returns status, headers and body."""
    token = (gateway.secrets / "admin-token").read_text().strip()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=patience(10))
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, "/admin/v1" + path, body=None if body is None else json.dumps(body),
                       headers={"Authorization": f"Bearer {token}", **names})
    answer = connection.getresponse()
    result = answer.status, answer.headers, json.loads(answer.read())
    connection.close()
    return result


def test_what_the_api_alone_set_up_serves_at_its_price(gateway, client):
    wait_until(lambda: not is_refused(client, "fast"), what="the worker has the alias")
    assert cost(client, "fast") == cost(client, "vendor/small") == ("0.000026", "house/small")
    wait_until(lambda: len(gateway.sql("select 1 from usage_event where kind = 'final'")) >= 3, what="the ledger has all")
    assert set(gateway.sql("select nano_usd, price_id from usage_event where kind = 'final'")) == {
        (26_000, int(gateway.admin("GET", "/prices", expect=200)["data"][0]["id"]))}
    assert {model.id for model in client.models.list()} == {"fast", "vendor/small"}


def test_a_price_applies_from_its_instant_on_and_earlier_ones_stay(gateway, client):
    instant = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)).replace(microsecond=0)
    text = instant.strftime("%Y-%m-%dT%H:%M:%SZ")
    first, = gateway.admin("GET", "/prices?model=vendor/small", expect=200)["data"]
    later = gateway.admin("POST", "/prices", {
        "model": "vendor/small", "effective_from": text,
        "usd_per_million_tokens": {"input": "3", "output": "5", "tiers": [
            {"above_input_tokens": 2000, "input": "6", "output": "8"}]}}, expect=201)
    assert (first["state"], later["state"]) == ("in force", "later")
    costs = set()
    wait_until(lambda: costs.add(cost(client, "fast")[0]) or len(costs) == 2, what="both prices were charged")
    assert costs == {"0.000026", "0.00007"}
    wait_until(lambda: gateway.admin("GET", f"/prices/{later['id']}", expect=200)["state"] == "in force", what="it is in force")
    assert gateway.admin("GET", f"/prices/{first['id']}", expect=200)["state"] == "past"
    at = {when: [price["id"] for price in gateway.admin("GET", f"/prices?at={when}", expect=200)["data"]]
          for when in (text, "2999-01-01T00:00:00Z", (instant - datetime.timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                       "2001-01-01T00:00:00Z")}
    assert list(at.values()) == [[later["id"]], [later["id"]], [first["id"]], []]
    assert later["usd_per_million_tokens"]["tiers"][0]["input"] == "6" and later["usd_per_million_tokens"]["cache_read"] == "3"
    status, _, answer = send(gateway, "POST", "/prices", {
        "model": "vendor/small", "effective_from": text, "usd_per_million_tokens": {"input": "1", "output": "1"}})
    assert status in (409, 422), answer
    assert gateway.admin("GET", f"/prices/{later['id']}", expect=200)["usd_per_million_tokens"]["input"] == "3"


def test_what_is_retired_is_refused_until_it_is_back(gateway, client):
    for path, name in [("/aliases/fast", "fast"), ("/models/vendor%2Fsmall", "fast"), ("/models/vendor%2Fsmall", "vendor/small"),
                       ("/deployments/house%2Fsmall", "fast"), ("/providers/house", "fast")]:
        assert gateway.admin("PATCH", path, {"enabled": False}, expect=200)["enabled"] is False
        wait_until(lambda: is_refused(client, name), what="the worker has the change")
        assert gateway.admin("PATCH", path, {"enabled": True}, expect=200)["enabled"] is True
        wait_until(lambda: not is_refused(client, name), what="it is back")


def is_refused(client, name):
    try:
        return cost(client, name)[1] != "house/small"
    except NotFoundError:
        return True


def test_two_edits_of_one_version_do_not_overwrite_each_other(gateway):
    _, headers, alias = send(gateway, "GET", "/aliases/fast")
    tag = headers["ETag"]
    assert tag == f'"{alias["version"]}"'
    status, headers, edited = send(gateway, "PATCH", "/aliases/fast", {"position": 7}, If_Match=tag)
    assert status == 200 and edited["position"] == 7 and edited["version"] > alias["version"]
    status, _, answer = send(gateway, "PATCH", "/aliases/fast", {"position": 8}, If_Match=tag)
    assert status == 412 and answer["error"]["type"] == "precondition_failed"
    assert gateway.admin("GET", "/aliases/fast", expect=200) == edited
    gateway.sql("update alias_candidate set weight = 2 where alias = 'fast'")
    status, _, _ = send(gateway, "PATCH", "/aliases/fast", {"position": 8}, If_Match=headers["ETag"])
    assert status == 412, "a candidate that was changed in psql is a change of its alias"
    changed = gateway.admin("GET", "/aliases/fast", expect=200)
    assert changed["candidates"] == [{"model": "vendor/small", "rank": 0, "weight": 2}]


def test_an_edit_keeps_what_it_does_not_name(gateway):
    before = gateway.admin("GET", "/models/unpriced", expect=200)
    edited = gateway.admin("PATCH", "/models/unpriced", {"context_window": 4096, "vision": True}, expect=200)
    assert edited == {**before, "context_window": 4096, "vision": True, "version": edited["version"]}
    assert gateway.admin("PATCH", "/models/unpriced", {"context_window": None}, expect=200)["context_window"] is None
    alias = {"name": "many", "objective": {"latency": 6, "cost": 0.5}, "max_usd_per_million_tokens": "2.5",
             "candidates": [{"model": "unpriced", "weight": 3}, {"model": "vendor/small"}]}
    made = gateway.admin("POST", "/aliases", alias, expect=201)
    assert made["objective"] == {"latency": 6, "speed": 0, "cost": 0.5, "uptime": 0}
    assert made["max_usd_per_million_tokens"] == "2.5"
    assert made["candidates"] == [{"model": "unpriced", "rank": 0, "weight": 3}, {"model": "vendor/small", "rank": 0, "weight": 1}]
    edited = gateway.admin("PATCH", "/aliases/many", {"candidates": [{"model": "vendor/small", "rank": 4}]}, expect=200)
    assert edited["candidates"] == [{"model": "vendor/small", "rank": 4, "weight": 1}]
    plan = gateway.admin("POST", "/plans", {"name": "pro", "models": ["fast"], "key_limits": {"usd_per_month": "0.000000001"}},
                         expect=201)
    assert plan["key_limits"]["usd_per_month"] == "0.000000001" and plan["org_limits"]["usd_per_day"] is None
    gateway.new_key(plan="pro")
    plan = gateway.admin("PATCH", "/plans/pro", {"org_limits": {"requests_per_day": 9}, "models": None}, expect=200)
    assert plan["models"] is None and plan["key_limits"]["usd_per_month"] and plan["org_limits"]["requests_per_day"] == 9


def test_lists_have_pages_and_filters(gateway):
    seen, after = [], ""
    while True:
        page = gateway.admin("GET", f"/models?limit=1{after}", expect=200)
        seen += [model["name"] for model in page["data"]]
        if not page["has_more"]:
            break
        after = "&after=" + seen[-1]
    assert seen == ["unpriced", "vendor/small"]
    assert [p["id"] for p in gateway.admin("GET", "/providers?q=OTH&enabled=true", expect=200)["data"]] == ["other"]
    assert [c["id"] for c in gateway.admin("GET", "/credentials?provider=house", expect=200)["data"]] == ["house"]
    assert [d["id"] for d in gateway.admin("GET", "/deployments?model=vendor/small", expect=200)["data"]] == ["house/small"]
    assert gateway.admin("GET", "/models?kind=image", expect=200)["data"] == []


def test_a_credential_is_sealed_and_never_shown(gateway, client):
    shown = gateway.admin("GET", "/credentials/house", expect=200)
    assert set(shown) == {"id", "object", "provider", "created_at", "version"}
    (old,), = gateway.sql("select sealed from credential where id = 'house'")
    edited = gateway.admin("PATCH", "/credentials/house", {"secret": SECRET + "-2"}, expect=200)
    (new,), = gateway.sql("select sealed from credential where id = 'house'")
    assert edited["version"] > shown["version"] and new != old and SECRET not in new
    assert cost(client, "fast")[1] == "house/small", "it is opened and sealed for the workers"
    audit = gateway.sql("select actor, action, audit_log::text from audit_log where subject = 'credential' and subject_id = 'house'")
    assert [row[:2] for row in audit] == [("admin", "insert"), ("admin", "update")]
    assert SECRET not in str(audit) + gateway.control.log() and new not in str(audit)


#: What is wrong, the request that asks for it, the member at fault, the same in psql, and in a catalogue file where it can be.
MISTAKES = {
    "provider id": (
        "POST /providers", {"id": "House!", "base_url": "https://h.example/v1"}, "id",
        "insert into provider (id, base_url) values ('House!', 'https://h.example/v1')",
        "providers: [{id: House!, base_url: 'https://h.example/v1'}]"),
    "base url": (
        "PATCH /providers/other", {"base_url": "ftp://h"}, "base_url", "update provider set base_url = 'ftp://h' where id = 'other'",
        "providers: [{id: other, base_url: 'ftp://h'}]"),
    "no base url": (
        "PATCH /providers/other", {"base_url": None}, "base_url", "update provider set base_url = null where id = 'other'", None),
    "plain http": (
        "POST /providers", {"id": "plain", "base_url": "http://h.example/v1"}, "base_url",
        "insert into provider (id, base_url) values ('plain', 'http://h.example/v1')",
        "providers: [{id: plain, base_url: 'http://h.example/v1'}]"),
    "dialect": (
        "PATCH /providers/other", {"dialect": "latin"}, "dialect", "update provider set dialect = 'latin' where id = 'other'",
        "providers: [{id: other, base_url: 'https://other.example/v1', dialect: latin}]"),
    "network": (
        "PATCH /providers/other", {"allowed_networks": ["300.0.0.0/8"]}, None,
        "update provider set allowed_networks = '{300.0.0.0/8}' where id = 'other'",
        "providers: [{id: other, base_url: 'https://other.example/v1', allowed_networks: [300.0.0.0/8]}]"),
    "credential of no provider": (
        "POST /credentials", {"id": "c", "provider": "none", "secret": "s"}, "provider",
        "insert into credential (id, provider_id, sealed) values ('c', 'none', 's')", None),
    "model kind": (
        "PATCH /models/unpriced", {"kind": "video"}, "kind", "update model set kind = 'video' where name = 'unpriced'",
        "models: [{name: unpriced, vendor: vendor, max_output_tokens: 1, kind: video}]"),
    "no output": (
        "PATCH /models/unpriced", {"max_output_tokens": 0}, "max_output_tokens",
        "update model set max_output_tokens = 0 where name = 'unpriced'",
        "models: [{name: unpriced, vendor: vendor, max_output_tokens: 0}]"),
    "model named as an alias": (
        "POST /models", {"name": "fast", "vendor": "vendor", "max_output_tokens": 1}, "name",
        "insert into model (name, vendor, max_output_tokens) values ('fast', 'vendor', 1)",
        "models: [{name: fast, vendor: vendor, max_output_tokens: 1}]"),
    "deployment of no model": (
        "POST /deployments", {"id": "d", "model": "none", "provider": "house"}, "model",
        "insert into deployment (id, model, provider_id, upstream_model) values ('d', 'none', 'house', 'none')",
        "deployments: [{id: d, model: none, provider: house}]"),
    "deployment without a price": (
        "POST /deployments", {"id": "d", "model": "unpriced", "provider": "house"}, "model",
        "insert into deployment (id, model, provider_id, upstream_model) values ('d', 'unpriced', 'house', 'x')",
        "deployments: [{id: d, model: unpriced, provider: house}]"),
    "credential of another provider": (
        "PATCH /deployments/house%2Fsmall", {"credential": "other"}, "credential",
        "update deployment set credential_id = 'other' where id = 'house/small'",
        f"deployments: [{{id: house/small, model: vendor/small, provider: house, credential: other, upstream_model: '{SCRIPT}'}}]"),
    "weight": (
        "PATCH /deployments/house%2Fsmall", {"weight": 0}, "weight", "update deployment set weight = 0 where id = 'house/small'",
        "deployments: [{id: house/small, model: vendor/small, provider: house, weight: 0}]"),
    "stops without a source": (
        "PATCH /deployments/house%2Fsmall", {"after_close": "stops"}, "after_close",
        "update deployment set after_close = 'stops' where id = 'house/small'",
        "deployments: [{id: house/small, model: vendor/small, provider: house, after_close: stops}]"),
    "alias of nothing": (
        "POST /aliases", {"name": "empty", "candidates": []}, "candidates", "insert into alias (name) values ('empty')",
        "aliases: [{name: empty, candidates: []}]"),
    "candidate that is no model": (
        "PATCH /aliases/fast", {"candidates": [{"model": "none"}]}, "candidates",
        "insert into alias_candidate (alias, model) values ('fast', 'none')",
        "aliases: [{name: fast, candidates: [{model: none}]}]"),
    "objective": (
        "PATCH /aliases/fast", {"objective": {"speed": 1001}}, "objective.speed",
        "update alias set speed_weight = 1001 where name = 'fast'",
        "aliases: [{name: fast, objective: {speed: 1001}, candidates: [{model: vendor/small}]}]"),
    "price of no model": (
        "POST /prices", {"model": "none", "usd_per_million_tokens": {"input": "1", "output": "1"}}, "model",
        "insert into price (model, input, cache_read, cache_write, output, reasoning) values ('none', 1, 1, 1, 1, 1)", None),
    "price in the past": (
        "POST /prices", {"model": "vendor/small", "effective_from": "2020-01-01T00:00:00Z",
                         "usd_per_million_tokens": {"input": "1", "output": "1"}}, "effective_from",
        "insert into price (model, effective_from, input, cache_read, cache_write, output, reasoning)"
        " values ('vendor/small', '2020-01-01', 1, 1, 1, 1, 1)", None),
    "plan of no model": (
        "PATCH /plans/free", {"models": ["none"]}, "models", "update plan set models = '{none}' where name = 'free'", None),
    "limit of a plan": (
        "PATCH /plans/free", {"key_limits": {"requests_per_day": 0}}, None,
        "update plan set key_requests_per_day = 0 where name = 'free'", None),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_in_the_same_words_by_the_api_psql_and_a_file(gateway, mistake):
    asked, body, param, statement, text = MISTAKES[mistake]
    before = gateway.sql("select count(*), max(id) from audit_log")
    with pytest.raises(psycopg2.Error) as refused:
        gateway.sql(statement)
    words = refused.value.diag.message_primary
    assert len(words) > 20
    status, answer = gateway.admin(*asked.split(), body)
    error = answer["error"]
    assert status == 422 and error["type"] == "unprocessable_entity", answer
    assert error["message"].startswith(words) and refused.value.diag.message_hint in (None, *hints(error["message"], words)), answer
    assert error.get("param") == param, answer
    assert error["errors"] == [{"param": param, "message": error["message"]}]
    if text:
        assert words in loaded(gateway, text)
    assert gateway.sql("select count(*), max(id) from audit_log") == before, "nothing was changed"


def hints(message, words):
    """What follows the words, which may begin with the key that is missing."""
    rest = message.removeprefix(words)
    return [rest[at + 1:] for at in range(len(rest)) if rest[at] == " "]


def loaded(gateway, text):
    path = gateway.folder / "mistake.yaml"
    path.write_text(text)
    done = subprocess.run([BINARIES / "aihub-control", "load", path], env=gateway.control_env, capture_output=True, text=True,
                          timeout=patience(60))
    assert done.returncode != 0, done.stdout
    return done.stderr


@pytest.mark.parametrize("path, body", [
    ("/providers", {"id": "house", "base_url": "https://h.example/v1"}),
    ("/credentials", {"id": "house", "provider": "house", "secret": "s"}),
    ("/models", {"name": "vendor/small", "vendor": "vendor", "max_output_tokens": 1}),
    ("/deployments", {"id": "house/small", "model": "vendor/small", "provider": "house"}),
    ("/aliases", {"name": "fast", "candidates": [{"model": "vendor/small"}]}), ("/plans", {"name": "free"}),
])
def test_what_exists_is_not_created_again(gateway, path, body):
    status, answer = gateway.admin("POST", path, body)
    assert status == 409 and answer["error"]["type"] == "conflict", answer
    assert next(iter(body.values())) in answer["error"]["message"] and "sealed" not in answer["error"]["message"]


TABLES = {"provider": "id", "model": "name", "deployment": "id", "alias": "name", "alias_candidate": "alias || model"}


def state(query):
    """The catalogue without what another database has of its own: versions, times and numbers."""
    rows = {table: query(f"select to_jsonb(t) - 'version' - 'created_at' from {table} t order by {key}")
            for table, key in TABLES.items()}
    rows["price"] = query("select model, price_sheet(p), case when effective_from > now() then effective_from::text end from price p"
                          " where effective_from > now() or not exists (select from price q where q.model = p.model"
                          " and q.effective_from > p.effective_from and q.effective_from <= now()) order by model, effective_from")
    return rows


def export(gateway):
    return raw(gateway, "GET", "/catalogue:export")[1]


def raw(gateway, method, path, text=None):
    token = (gateway.secrets / "admin-token").read_text().strip()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=patience(10))
    body = text.encode() if isinstance(text, str) else text
    connection.request(method, "/admin/v1" + path, body=body, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    result = answer.status, answer.read().decode()
    connection.close()
    return result


def load(gateway, text, query=""):
    status, answer = raw(gateway, "POST", "/catalogue:load" + query, text)
    return status, json.loads(answer)


@pytest.fixture(scope="module")
def rich(gateway):
    """The catalogue with an entry for each way in which one can differ from the defaults."""
    for path, body in [
        ("/models", {"name": "pictures", "vendor": "é \"quoted\" \\ : # &co *x", "kind": "image", "max_output_tokens": 1, "cache_seconds": 0}),
        ("/prices", {"model": "pictures", "usd_per_image": [{"quality": "hd", "usd": "0.08"}, {"usd": "0.000000001"}]}),
        ("/prices", {"model": "pictures", "effective_from": "2999-01-01T00:00:00.25Z", "usd_per_image": [{"usd": "1"}]}),
        ("/prices", {"model": "pictures", "effective_from": "2999-01-01T00:00:00Z",
                     "usd_per_million_tokens": {"input": "1", "output": "2", "tiers": [
                         {"above_input_tokens": 9, "input": "3", "output": "4", "reasoning": "5"}]}}),
        ("/deployments", {"id": "off", "model": "pictures", "provider": "house", "enabled": False, "rank": -3, "weight": 7,
                          "after_close": "stops", "after_close_source": "https://h.example, 2026-11-29"}),
        ("/aliases", {"name": "draw", "position": 3, "enabled": False, "objective": {"cost": 0.1, "uptime": 1000},
                      "max_usd_per_million_tokens": "0.5", "needs_tools": True, "context_window_min": 5,
                      "candidates": [{"model": "pictures", "rank": 2, "weight": 9}, {"model": "unpriced"}]}),
    ]:
        gateway.admin("POST", path, body, expect=201)
    return gateway


def test_what_is_exported_loads_back_to_the_same_state(rich):
    text = export(rich)
    assert SECRET not in text and "sealed" not in text
    before = state(rich.sql)
    status, answer = load(rich, text)
    assert (status, answer["changes"]) == (200, []), answer
    rich.admin("PATCH", "/aliases/draw", {"enabled": True, "position": 4, "candidates": [{"model": "unpriced"}]}, expect=200)
    rich.admin("PATCH", "/deployments/off", {"credential": "house", "weight": 1}, expect=200)
    rich.sql("delete from price where effective_from > now()")
    assert state(rich.sql) != before
    status, answer = load(rich, text)
    assert status == 200 and answer["changes"]
    assert state(rich.sql) == before and export(rich) == text
    path = rich.folder / "export.yaml"
    path.write_text(text)
    audited = rich.sql("select count(*) from audit_log")
    rich.run_control("load", path)
    assert rich.sql("select count(*) from audit_log") == audited, "the command reads it as the API does"


def test_a_catalogue_that_is_not_utf8_is_refused(rich):
    before = state(rich.sql)
    status, answer = load(rich, "models: [{name: caf\u00e9, vendor: v, max_output_tokens: 1}]".encode("latin-1"))
    assert status == 422 and "UTF-8" in answer["error"]["message"] and state(rich.sql) == before


@pytest.mark.parametrize("text", ["models: &m []", "models:\n  - &a {name: x}\n  - *a", "? *z\n: 1", "{a: [b,*b]}", "&a models: []"])
def test_a_catalogue_with_aliases_is_refused_unread(rich, text):
    status, answer = load(rich, text, "?dry_run=true")
    assert status == 422 and "aliases" in answer["error"]["message"], answer


def test_what_is_exported_makes_the_same_catalogue_in_an_empty_database(rich):
    text = export(rich)
    rich.sql_alone("create database copy")
    url = rich.postgres.url.rpartition("/")[0] + "/copy"
    env = {"AIHUB_CONTROL_POSTGRES_URL": url}

    def query(statement):
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    rich.run_control("migrate", env=env)
    path = rich.folder / "copy.yaml"
    path.write_text(text[:text.index("models:")])
    rich.run_control("load", path, env=env)
    query("insert into credential (id, provider_id, sealed) values ('house', 'house', 'x'), ('other', 'other', 'x')")
    path.write_text(text)
    rich.run_control("load", path, env=env)
    assert state(query) == state(rich.sql)


def test_a_dry_run_says_what_a_load_then_changes(rich):
    text = ("models: [{name: dry, vendor: vendor, max_output_tokens: 5, usd_per_million_tokens: {input: '1', output: '2'}}]\n"
            "aliases: [{name: draw, candidates: [{model: dry}, {model: pictures}]}]\n")
    before = rich.sql("select count(*), max(id) from audit_log"), rich.sql("select count(*) from config_change"), export(rich)
    status, planned = load(rich, text, "?dry_run=true")
    assert status == 200 and planned["dry_run"] is True
    assert (rich.sql("select count(*), max(id) from audit_log"), rich.sql("select count(*) from config_change"), export(rich)) == before
    status, done = load(rich, text)
    assert status == 200 and done["dry_run"] is False
    kinds = [[(c["action"], c["subject"], c["subject_id"]) for c in answer["changes"] if c["subject"] != "price"]
             for answer in (planned, done)]
    assert kinds[0] == kinds[1] and ("insert", "model", "dry") in kinds[0] and ("delete", "alias_candidate", "draw") in kinds[0]
    assert rich.sql("select distinct actor from audit_log where subject_id = 'dry'") == [("admin",)]


@pytest.mark.parametrize("text, words", [
    ("models: [{name: x, vendor: v, max_output_tokens: 0}]", "max_output_tokens is 1 or more"),
    ("aliases: [{name: vendor/small, candidates: [{model: unpriced}]}]", "has the name of a model"),
    ("providers: [{id: house, base_url: 'https://h.example', credential_from_environment: HOME}]", "aihub-control load"),
    ("models: [{name: x, vendor: v, max_output_tokens: 1, usd_per_million_tokens: {input: 1e9, output: x}}]", "is not a price"),
    ("models: 7", "not a catalogue file"), ("a: [", "not a catalogue file"), ("", "not a catalogue file"),
])
@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_a_file_that_breaks_a_rule_is_refused_whole(gateway, text, words, query):
    before = gateway.sql("select count(*) from audit_log")
    good = "models: [{name: 'good', vendor: v, max_output_tokens: 1}]\n" if text.startswith("aliases") else ""
    status, answer = load(gateway, good + text, query)
    assert status == 422 and words in answer["error"]["message"], answer
    assert gateway.sql("select count(*) from audit_log") == before
