"""Functions have the text of sql/functions, whatever release a database comes from; an older release leaves newer ones alone."""

import re
import shutil

import pytest

import schema
from processes import ROOT
from test_schema import new, old, query  # noqa: F401

FOLDER = ROOT / "sql" / "functions"
DEFINITIONS = ("select p.oid::regprocedure::text, pg_get_functiondef(p.oid), p.proacl::text from pg_proc p"
               " where p.pronamespace = 'public'::regnamespace order by 1")
CREATES = re.compile(r"^create or replace function (\w+)", re.M)


def definitions(postgres):
    """Every function with its whole text and the rights on it."""
    return {name: (text, acl and "".join(sorted(acl))) for name, text, acl in query(postgres, DEFINITIONS)}


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    return tmp_path / "sql" / "functions"


@pytest.fixture
def own(new):  # noqa: F811
    """A database of a test's own in the same PostgreSQL."""
    name = "own"
    for statement in (f"drop database if exists {name}", f"create database {name}"):
        query(new, statement)
    made = type("Postgres", (), {"url": new.url.rpartition("/")[0] + "/" + name, "bin": new.bin})
    schema.migrate(made)
    return made


def change(file, old_text, new_text, revision):
    text = file.read_text()
    assert old_text in text
    file.write_text(re.sub(r"^-- revision: \d+", f"-- revision: {revision}", text.replace(old_text, new_text)))


def replayed(postgres, file):
    return query(postgres, f"select revision from schema_function where file = '{file.name}'")[0][0]


def test_every_function_is_in_one_file_and_nowhere_else(new):  # noqa: F811
    in_files = sorted(name for file in FOLDER.iterdir() for name in CREATES.findall(file.read_text()))
    assert in_files == sorted(name.partition("(")[0] for name in definitions(new))
    assert len(in_files) > 40


def test_replaying_all_files_changes_nothing(new):  # noqa: F811
    before = definitions(new)
    query(new, "begin; set local check_function_bodies = off;" + "".join(file.read_text() for file in FOLDER.iterdir()) + "commit;")
    assert definitions(new) == before


def test_an_older_release_ends_with_the_same_functions(old, new):  # noqa: F811
    assert definitions(old) == definitions(new)


def test_a_changed_function_is_replayed_once_when_its_revision_is_raised(own, folder):
    change(folder / "usd.sql", "1000000000.0::numeric", "1000000000.00::numeric", 2)
    assert schema.migrate(own, folder.parent / "migrations").splitlines() == ["ran functions/usd.sql"]
    assert "1000000000.00::" in definitions(own)["usd(bigint)"][0]
    assert "up to date" in schema.migrate(own, folder.parent / "migrations")


def test_an_older_release_leaves_a_newer_function_alone(own, folder):
    change(folder / "usd.sql", "1000000000.0::numeric", "1000000000.00::numeric", 2)
    schema.migrate(own, folder.parent / "migrations")
    newer = definitions(own)
    assert "up to date" in schema.migrate(own)
    assert definitions(own) == newer
    assert replayed(own, folder / "usd.sql") == 2


def test_another_text_of_the_same_revision_is_refused(own, folder):
    before = definitions(own)
    change(folder / "usd.sql", "1000000000.0::numeric", "1000000000.00::numeric", 1)
    assert "functions/usd.sql was changed after this revision" in schema.migrate(own, folder.parent / "migrations", fails=True)
    assert definitions(own) == before


@pytest.mark.parametrize("wrong, reason", [
    ("select no_such_column from org", "no_such_column"), ("select 1 1", "syntax error")])
def test_a_function_that_cannot_work_leaves_all_as_they_were(own, folder, wrong, reason):
    """Its body is found wrong although the file before it was fine, and the text alone could be stored."""
    before = definitions(own)
    change(folder / "key_limits.sql", "select 64::bigint", "select 65::bigint", 2)
    change(folder / "usd.sql", "select trim_scale(nano / 1000000000.0::numeric)", wrong, 2)
    said = schema.migrate(own, folder.parent / "migrations", fails=True)
    assert "the body of function usd(bigint) is wrong" in said and reason in said
    assert definitions(own) == before
    assert replayed(own, folder / "key_limits.sql") == 1


def test_files_need_no_order_among_themselves(own, folder):
    """The first function uses the last, and neither exists before."""
    (folder / "aa_first.sql").write_text(
        "-- revision: 1\ncreate or replace function aa_first() returns bigint language sql as $$ select zz_last() $$;\n")
    (folder / "zz_last.sql").write_text(
        "-- revision: 1\ncreate or replace function zz_last() returns bigint language sql as $$ select 1::bigint $$;\n")
    assert schema.migrate(own, folder.parent / "migrations").splitlines() == ["ran functions/aa_first.sql", "ran functions/zz_last.sql"]
    assert query(own, "select aa_first()") == [(1,)]


def test_another_signature_drops_the_old_one_and_keeps_its_rights_in_the_file(own, folder):
    file = folder / "resolve_dead_letter.sql"
    text = file.read_text().replace("letter bigint, how text)", "letter bigint, how text, note text)").replace(
        "(bigint, text)", "(bigint, text, text)")
    file.write_text("-- revision: 2\ndrop function if exists resolve_dead_letter(bigint, text);\n" + text)
    schema.migrate(own, folder.parent / "migrations")
    assert query(own, "select oid::regprocedure::text, prosecdef, has_function_privilege('gw_cp', oid, 'execute'),"
                      " has_function_privilege('gw_ro', oid, 'execute') from pg_proc where proname = 'resolve_dead_letter'") == [
        ("resolve_dead_letter(bigint,text,text)", True, True, False)]
