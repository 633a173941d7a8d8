"""sql/schema.sql is what the migrations add up to, and a database from an older release ends at the same schema."""

import gzip
import pathlib
import re

import psycopg2
import pytest

import schema
from processes import ROOT, Postgres

RECORDINGS = sorted((ROOT / "Tests" / "Upgrade" / "recordings").iterdir())


def query(postgres, statement):
    connection = psycopg2.connect(postgres.url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def started(make, tmp_path):
    # PostgreSQL's own user must reach its folder.
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return make(tmp_path)


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    """A new database with all migrations."""
    made = started(schema.migrated, tmp_path_factory.mktemp("new"))
    yield made
    made.process.kill()


def restored(folder, recording):
    """What an older release left, as its recording has it, and then migrated."""
    dump = pathlib.Path(folder) / "dump.sql"
    dump.write_bytes(gzip.decompress((recording / "postgres.sql.gz").read_bytes()))
    dump.chmod(0o644)
    postgres = Postgres(folder)
    postgres.create_empty()
    postgres.run("psql", "-h", "127.0.0.1", "-p", postgres.port, "-U", "aihub", "-d", "postgres", "-q", "-v", "ON_ERROR_STOP=1", "-f", dump)
    schema.migrate(postgres)
    return postgres


@pytest.fixture(params=RECORDINGS, ids=lambda path: path.name)
def old(request, tmp_path):
    made = started(lambda folder: restored(folder, request.param), tmp_path)
    yield made
    made.process.kill()


def test_the_file_is_what_all_migrations_add_up_to(new):
    assert schema.dump(new) == (ROOT / "sql" / "schema.sql").read_text(), "run scripts/schema.sh"


@pytest.mark.parametrize("change, undo", [
    ("alter table org add column planted text", "alter table org drop column planted"),
    ("create index planted on org (name)", "drop index planted"),
    ("grant delete on api_key to gw_ro", "revoke delete on api_key from gw_ro"),
    ("alter table api_key disable trigger api_key_stays", "alter table api_key enable trigger api_key_stays"),
    ("create view planted as select 1 as one", "drop view planted"),
    ("comment on table org is 'planted'", "comment on table org is null"),
    ("grant execute on function write_audit() to gw_ro", "revoke execute on function write_audit() from gw_ro")])
def test_a_difference_is_seen(new, change, undo):
    query(new, change)
    try:
        assert schema.dump(new) != (ROOT / "sql" / "schema.sql").read_text()
    finally:
        query(new, undo)
    assert schema.dump(new) == (ROOT / "sql" / "schema.sql").read_text()


def test_an_older_release_ends_at_the_same_schema(old):
    assert by_content(schema.dump(old)) == by_content((ROOT / "sql" / "schema.sql").read_text())


def by_content(text):
    """A restored database has its grants in another order, and `between` in a check without its own parentheses."""
    return sorted(re.sub(r"[()]", "", text).splitlines())
