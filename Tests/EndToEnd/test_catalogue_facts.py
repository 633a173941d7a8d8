"""Billing after a close, and token bounds of media: set in catalogue files, stored in the database, carried by the
snapshot, and filled in by migrations for existing rows."""

import json
import shutil

import psycopg2
import pytest

from processes import ROOT, wait_until

MODEL = '{name: closing, vendor: x, max_output_tokens: 10, usd_per_million_tokens: {input: "0", output: "0"}}'
PAGE = "https://vendor.example/docs, 2026-11-28"


def load(stack, deployments, provider=""):
    """`deployments`: each one's members other than ID, model and provider."""
    path = stack.folder / "closing.yaml"
    path.write_text("\n".join([
        "providers:", f"  - {{id: closing, dialect: vllm, base_url: 'https://closing.example/v1'{provider}}}",
        "models:", f"  - {MODEL}", "deployments:",
        *(f"  - {{id: {name}, model: closing, provider: closing{more}}}" for name, more in deployments.items())]) + "\n")
    stack.run_control("load", path)


def closings(stack):
    return dict(stack.sql("select id, after_close from deployment where provider_id = 'closing'"))


def snapshot(stack):
    return json.loads(stack.redis().hget("cfg:snap", "record"))


def test_deployments_say_it_or_inherit_it_and_the_snapshot_has_it(stack):
    load(stack, {"closing-silent": "", "closing-loud": f", after_close: stops, after_close_source: '{PAGE}'"})
    assert closings(stack) == {"closing-silent": "runs_on", "closing-loud": "stops"}
    load(stack, {"closing-silent": "", "closing-loud": ", after_close: runs_on"},
         f", after_close: stops, after_close_source: '{PAGE}'")
    assert closings(stack) == {"closing-silent": "stops", "closing-loud": "runs_on"}
    load(stack, {"closing-silent": ""})
    assert closings(stack)["closing-silent"] == "stops", "what a file does not say stays"

    def published():
        entries = {entry["id"]: entry for entry in snapshot(stack)["deployments"]}
        return [entries.get(name, {}).get("afterClose") for name in ("closing-silent", "closing-loud")] == ["stops", "runs_on"]
    wait_until(published, what="the snapshot says so")
    assert {m["name"]: m["tokensPerSecondMax"] for m in snapshot(stack)["models"]}["closing"] == 1000


def test_what_was_said_of_one_provider_is_not_believed_of_another(stack):
    load(stack, {"closing-moved": f", after_close: stops, after_close_source: '{PAGE}'"})
    path = stack.folder / "moved.yaml"
    path.write_text("providers:\n  - {id: elsewhere, dialect: vllm, base_url: 'https://elsewhere.example/v1'}\n"
                    "deployments:\n  - {id: closing-moved, model: closing, provider: elsewhere}\n")
    stack.run_control("load", path)
    assert stack.sql("select after_close, after_close_source from deployment where id = 'closing-moved'") == [("runs_on", None)]


@pytest.mark.parametrize("change", [
    "after_close = 'stops', after_close_source = null", "after_close = 'stops', after_close_source = '  '",
    "after_close = 'perhaps'"])
def test_a_claim_without_a_source_is_refused_with_a_sentence(stack, change):
    load(stack, {"closing-silent": ""})
    with pytest.raises(psycopg2.errors.CheckViolation, match="only with a source|stops or runs_on"):
        stack.sql(f"update deployment set {change} where id = 'closing-silent'")


#: A provider's dialect, base URL and networks, and the expected value of its deployments after the migration.
FOUND = {
    "openai": ("openai", "https://api.openai.com/v1", "{}", "stops"),
    "azure": ("azure", "https://house.openai.azure.com/openai/v1", "{}", "stops"),
    "claude": ("anthropic", "https://api.anthropic.com/v1", "{}", "stops"),
    "xai": ("xai", "https://api.x.ai/v1", "{}", "stops"),
    "deepseek": ("deepseek", "https://api.deepseek.com", "{}", "stops"),
    "vllm": ("vllm", "http://10.0.0.5:8000/v1", "{10.0.0.5/32}", "stops"),
    "groq": ("groq", "https://api.groq.com/openai/v1", "{}", "runs_on"),
    "google": ("gemini-compat", "https://generativelanguage.googleapis.com/v1beta/openai", "{}", "runs_on"),
    "router": ("openrouter", "https://openrouter.ai/api/v1", "{}", "runs_on"),
    "copy": ("openai", "https://api.openai.com.example/v1", "{}", "runs_on"),
    "rented": ("vllm", "https://gpu.example/v1", "{}", "runs_on"),
}


def migrated(stack, name, before, insert):
    """A database at the migrations below `before`, with rows inserted, that then ran all others."""
    folder = stack.folder / name / "migrations"
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "sql" / "functions", folder.parent / "functions")
    files = sorted((ROOT / "sql" / "migrations").glob("*.sql"))
    url = stack.postgres.url.rpartition("/")[0] + "/" + name
    stack.sql_alone(f"create database {name}")
    env = {"AIHUB_CONTROL_SQL_FOLDER": str(folder), "AIHUB_CONTROL_POSTGRES_URL": url}
    for file in files:
        if int(file.name[:4]) < before:
            shutil.copy(file, folder)
    stack.run_control("migrate", env=env)
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        insert(cursor)
    for file in files:
        shutil.copy(file, folder)
    stack.run_control("migrate", env=env)
    return psycopg2.connect(url)


def test_a_migration_tells_deployments_that_were_there_before(stack):
    def insert(cursor):
        cursor.execute("insert into model (name, vendor, max_output_tokens, kind) values ('m', 'x', 10, 'chat')")
        cursor.execute("insert into price (model, input, cache_read, cache_write, output, reasoning) values ('m', 0, 0, 0, 0, 0)")
        for name, (dialect, base, networks, _) in FOUND.items():
            cursor.execute("insert into provider (id, dialect, base_url, allowed_networks) values (%s, %s, %s, %s)",
                           (name, dialect, base, networks))
            cursor.execute("insert into deployment (id, model, provider_id, upstream_model) values (%s, 'm', %s, 'm')", (name, name))

    with migrated(stack, "closing", 66, insert) as connection, connection.cursor() as cursor:
        cursor.execute("select id, after_close, after_close_source from deployment")
        rows = cursor.fetchall()
    assert {name: rule for name, rule, _ in rows} == {name: row[3] for name, row in FOUND.items()}
    assert all((source is not None) == (rule == "stops") for _, rule, source in rows)


BOUNDS = "name, image_tokens_max, document_tokens_max, audio_tokens_max, video_tokens_max"


def test_models_that_were_there_before_get_the_bounds_of_the_catalogue(own_stack):
    stack = own_stack  # The shipped catalogue has aliases with the same names.
    stack.run_control("load", ROOT / "deploy" / "catalogue" / "models.yaml")
    shipped = stack.sql(f"select {BOUNDS} from model where vendor <> 'scripted' and kind = 'chat' order by name")
    described = stack.sql("select name, vendor, kind, context_window, max_output_tokens, vision from model")

    def insert(cursor):
        for row in described:
            cursor.execute("insert into model (name, vendor, kind, context_window, max_output_tokens, vision)"
                           " values (%s, %s, %s, %s, %s, %s)", row)
        cursor.execute("insert into model (name, vendor, kind, max_output_tokens, context_window, vision)"
                       " values ('house/eye', 'house', 'chat', 10, 32000, true), ('house/dark', 'house', 'chat', 10, 32000, false)")

    with migrated(stack, "bounds", 67, insert) as connection, connection.cursor() as cursor:
        cursor.execute(f"select {BOUNDS} from model where vendor not in ('scripted', 'house', 'x') and kind = 'chat' order by name")
        assert cursor.fetchall() == [row for row in shipped if row[0] != "closing"]
        cursor.execute(f"select {BOUNDS} from model where vendor = 'house' order by name")
        assert cursor.fetchall() == [("house/dark", None, None, None, None), ("house/eye", 32000, None, None, None)]
    sighted = stack.sql("select name from model where vision and kind = 'chat' and image_tokens_max is null and vendor <> 'scripted'")
    assert sighted == [], "every model that sees has its own bound"
