"""Migrations while programs run: older programs keep working on a newer schema, and no lock blocks others."""

import re
import shutil
import threading

import psycopg2
import pytest

from processes import ROOT, wait_until
from test_admin import migrate_with

SHIPPED = sorted((ROOT / "sql" / "migrations").iterdir())
NUMBERS = [int(file.name[:4]) for file in SHIPPED]


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    return tmp_path / "sql" / "migrations"


@pytest.fixture
def added(own_stack):
    """A stack whose database forgets the migrations that a test added."""
    yield own_stack
    own_stack.sql("delete from schema_migration where number > %s returning 1", NUMBERS[-1])


def test_an_older_program_runs_on_a_newer_schema_that_says_it_may(added, folder):
    newer = folder / f"{NUMBERS[-1] + 1:04}_add_a_column.sql"
    newer.write_text(f"-- runs with: {NUMBERS[-1]:04}\nalter table org add column shoe_size integer;\n")
    assert newer.name in migrate_with(added, folder, fails=False)
    assert "up to date" in added.run_control("migrate")
    added.control.kill()
    added.start_control()
    assert added.admin("POST", "/orgs", {"name": "older", "plan": "unlimited"})[0] == 201


def test_and_not_on_one_that_does_not(added, folder):
    newer = folder / f"{NUMBERS[-1] + 1:04}_turn_all_around.sql"
    newer.write_text(f"-- runs with: {NUMBERS[-1] + 1:04}\nselect 1;\n")
    migrate_with(added, folder, fails=False)
    assert "run a newer aihub-control" in migrate_with(added, ROOT / "sql" / "migrations")


def test_every_mark_names_a_file_before_its_own():
    for file in SHIPPED:
        marks = re.findall(r"^-- runs with: (.*)$", file.read_text(), re.M)
        assert all(re.fullmatch(r"\d{4}", mark) and int(mark) in NUMBERS and int(mark) < int(file.name[:4]) for mark in marks), file.name


def test_a_migration_that_meets_a_long_statement_lets_others_pass(added, folder):
    """It needs a lock that a reader holds; while it waits, other readers would queue behind it."""
    newer = folder / f"{NUMBERS[-1] + 1:04}_needs_a_lock.sql"
    newer.write_text("alter table spend add column shoe_size integer;\n")
    reader = psycopg2.connect(added.postgres.url)
    reader.cursor().execute("select * from spend limit 1")
    said = []
    migrating = threading.Thread(target=lambda: said.append(migrate_with(added, folder, fails=False)))
    migrating.start()

    def waits():
        return added.sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like %s", "%shoe_size%")[0][0]
    wait_until(waits, what="the migration waits for the lock")
    # Without a bound on the migration's wait, this would never return.
    assert added.sql("select count(*) >= 0 from spend") == [(True,)]
    reader.close()
    migrating.join()
    assert newer.name in said[0]


def test_what_runs_with_its_owners_rights_is_pinned_and_not_for_everybody(stack):
    loose = stack.sql("""
        select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'public' and p.prosecdef and (
            not exists (select from unnest(p.proconfig) c where c = 'search_path=public, pg_temp')
            or has_function_privilege('gw_ro', p.oid, 'execute'))""")
    assert loose == []
    # At least two of them exist.
    assert stack.sql("select count(*) > 1 from pg_proc where prosecdef")[0][0]
    assert stack.sql("select has_database_privilege('gw_ro', current_database(), 'temporary')") == [(False,)]


def test_the_ledger_makes_its_partitions_with_its_own_rights(own_stack):
    own_stack.sql("set role gw_ingest; select create_usage_partitions(9)")
    made = own_stack.sql("select n.nspname, count(*) from pg_inherits i join pg_class c on c.oid = i.inhrelid"
                         " join pg_namespace n on n.oid = c.relnamespace where i.inhparent = 'usage_event'::regclass group by 1")
    # This month and nine more, and the default partition.
    assert made == [("public", 11)]


def test_what_was_published_long_ago_is_taken_out(own_stack):
    own_stack.new_key()
    own_stack.control.kill()
    own_stack.sql("update config_change set published_at = now() - interval '31 days' where subject = 'key'; select 1")
    own_stack.sql("update config_change set published_at = now() - interval '29 days' where subject = 'org'; select 1")
    own_stack.sql("insert into config_change (subject, subject_id) values ('key', 'key_waiting'); select 1")
    with pytest.raises(psycopg2.Error, match="not published yet stays"):
        own_stack.sql("delete from config_change where published_at is null")
    left = own_stack.sql("select count(*) from config_change where subject <> 'key'")
    own_stack.start_control()
    old = "select count(*) from config_change where published_at < now() - interval '30 days'"
    wait_until(lambda: own_stack.sql(old) == [(0,)], what="the oldest are gone")
    assert own_stack.sql("select count(*) from config_change where subject <> 'key'") == left != [(0,)]
    assert own_stack.sql("select count(*) from config_change where subject_id = 'key_waiting'") == [(1,)]


def test_a_reader_cannot_have_the_owner_run_what_they_wrote(own_stack):
    own_stack.sql("create role analyst login in role gw_ro; select 1")
    connection = psycopg2.connect(own_stack.postgres.url.replace("//aihub@", "//analyst@"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        for attempt in [
                "create temp table config_change (subject text, subject_id text)", "select ring_config_change('key', 'x')",
                "select create_usage_partitions(1)", "create function public.now() returns int language sql as 'select 1'"]:
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(attempt)


def test_the_audit_log_has_the_login_beside_the_name_that_was_given(stack):
    org = stack.admin("POST", "/orgs", {"name": "audited", "plan": "unlimited"}, expect=201)["id"]
    stack.sql("set aihub.actor = 'admin'; update org set name = 'renamed' where id = %s returning 1", org)
    rows = stack.sql("select actor, login from audit_log where subject = 'org' and subject_id = %s order by id", org)
    assert [actor for actor, _ in rows] == ["admin", "admin"]
    assert all(login for _, login in rows)
