"""Every row of the audit log gets a seal in one chain, whoever wrote it and however late it was committed."""

import re
import shutil
import threading

import psycopg2
import pytest

from audit_rig import another_control, head, make_org, rows_of, verify, wait_until_sealed
from processes import ROOT, StateRedis, wait_until
from stack import Stack
from test_admin import migrate_with

MIGRATION = "0074_seal_the_audit_log.sql"


@pytest.fixture(scope="module")
def stack():
    made = Stack(workers=0)
    yield made
    made.close()


def numbers(stack):
    return [number for number, in stack.sql("select number from audit_seal order by number")]


def test_new_rows_are_sealed_and_the_head_is_logged(stack):
    make_org(stack, "sealed")
    count = wait_until_sealed(stack)
    status, said = verify(stack)
    assert status == 0 and f"{count} rows are sealed\nhead: {head(stack)[1]}\n0 rows are waiting" in said, said
    logged = wait_until(
        lambda: re.search(r"audit log sealed number=\d+ seal=([0-9a-f]{64})", stack.control.log()), what="a head is logged")
    status, said = verify(stack, "--head", logged[1])
    assert status == 0 and f"{logged[1]} is in the chain" in said, said
    assert (stack.secrets / "audit-key").stat().st_mode & 0o777 == 0o600


def test_a_transaction_that_commits_after_later_ones_were_sealed_is_sealed_too(stack):
    org, other = make_org(stack, "late"), make_org(stack, "early")
    late = psycopg2.connect(stack.postgres.url)
    late.cursor().execute("update org set name = 'later' where id = %s", (org,))
    stack.sql("update org set name = 'earlier' where id = %s returning 1", other)
    passed = rows_of(stack, other)[-1]
    wait_until(lambda: stack.sql("select 1 from audit_seal where audit_id = %s", passed), what="the other one is sealed")
    late.commit()
    late.close()
    wait_until_sealed(stack)
    row = rows_of(stack, org)[-1]
    seals = dict(stack.sql("select audit_id, number from audit_seal where audit_id in (%s, %s)", row, passed))
    assert row < passed and seals[row] > seals[passed]
    assert verify(stack)[0] == 0


def test_two_control_planes_make_one_chain_and_either_goes_on_alone(stack):
    second = another_control(stack, "second")
    org = make_org(stack, "both")

    def change():
        for turn in range(150):
            stack.sql("update org set name = %s where id = %s returning 1", f"{threading.get_ident()}-{turn}", org)
    writers = [threading.Thread(target=change) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    wait_until_sealed(stack)
    stack.control.kill()
    stack.sql("update org set name = 'alone' where id = %s returning 1", org)
    count = wait_until_sealed(stack)
    assert numbers(stack) == list(range(1, count + 1))
    assert verify(stack)[0] == 0
    second.kill()
    stack.start_control()


#: From docs/audit.md, for a lost key.
NEW_CHAIN = ("truncate audit_seal, audit_unsealed;"
             " update audit_seal_backlog set after = 0, up_to = (select max(id) from audit_log)")


def test_a_control_plane_with_another_key_leaves_the_chain_alone_until_it_may_make_its_own(stack):
    wait_until_sealed(stack)
    stack.control.kill()
    before = head(stack)
    folder = stack.folder / "others"
    folder.mkdir(mode=0o700)
    stack.run_control("init-secrets", folder)
    other = another_control(stack, "other", AIHUB_CONTROL_AUDIT_KEY_FILE=str(folder / "audit-key"))
    stack.sql("update org set name = 'waits'")
    wait_until(lambda: "all control planes need the same file" in other.log(), what="it says why")
    assert head(stack) == before
    status, said = verify(stack, AIHUB_CONTROL_AUDIT_KEY_FILE=str(folder / "audit-key"))
    assert status == 1 and "under a key that is not in the audit key file" in said, said
    assert verify(stack)[0] == 0
    assert NEW_CHAIN in (ROOT / "docs" / "audit.md").read_text()
    stack.sql(NEW_CHAIN)
    wait_until_sealed(stack)
    assert verify(stack, AIHUB_CONTROL_AUDIT_KEY_FILE=str(folder / "audit-key"))[0] == 0
    other.kill()
    stack.sql(NEW_CHAIN)
    stack.start_control()
    wait_until_sealed(stack)
    assert verify(stack)[0] == 0


def test_no_role_may_rewrite_rows_or_seals(stack):
    tables = ("audit_log", "audit_seal", "audit_unsealed", "audit_seal_backlog")
    granted = {(role, table, right) for role in ("gw_cp", "gw_ingest", "gw_ro") for table in tables
               for right in ("insert", "update", "delete", "truncate")
               if stack.sql("select has_table_privilege(%s, %s, %s)", role, table, right)[0][0]}
    assert granted == {
        ("gw_ingest", "audit_seal", "insert"), ("gw_ingest", "audit_unsealed", "insert"),
        ("gw_ingest", "audit_unsealed", "delete"), ("gw_ingest", "audit_seal_backlog", "update")}
    for statement in ("update audit_seal set seal = ''", "delete from audit_seal"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="append-only"):
            stack.sql(statement)


def test_rows_from_before_the_seals_are_sealed_in_pages(stack, tmp_path):
    """A database at the previous migration, with more rows than one sealing round or one page of the check."""
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    older = tmp_path / "sql" / "migrations"
    for file in older.iterdir():
        if file.name >= MIGRATION:
            file.unlink()
    stack.sql_alone("create database older")
    url = stack.postgres.url.rsplit("/", 1)[0] + "/older"
    redis = StateRedis(tmp_path).start()
    old = Stack.__new__(Stack)
    old.folder, old.postgres = tmp_path, type("Postgres", (), {"url": url})
    old.control_env = {**stack.control_env, "AIHUB_CONTROL_POSTGRES_URL": url, "AIHUB_CONTROL_REDIS_URL": redis.url_of("cp")}
    migrate_with(old, older, fails=False)
    old.sql("insert into org (id, name, plan) select 'org_' || lpad(n::text, 16, '0'), 'old', 'unlimited' from generate_series(1, 2300) n returning 1")
    assert MIGRATION in migrate_with(old, ROOT / "sql" / "migrations", fails=False)
    assert old.sql("select count(*) from audit_unsealed") == [(0,)]
    status, said = verify(old)
    rows = old.sql("select count(*) from audit_log")[0][0]
    assert status == 0 and f"0 rows are sealed\nhead: none\n{rows} rows are waiting" in said, said
    control = another_control(old, "older-control")
    # And the row of the admin token that the first start makes.
    assert wait_until_sealed(old) == rows + 1 > 2300
    status, said = verify(old)
    assert status == 0 and f"{rows + 1} rows are sealed" in said, said
    control.kill()
    redis.process.kill()
