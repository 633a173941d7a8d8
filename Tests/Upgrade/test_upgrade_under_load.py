"""To the next schema and back while requests are served: none fails, and the ledger equals the provider's bill."""

import re
import shutil
import subprocess
import threading

import psycopg2
import pytest

from facts import wait_quiet
from load import Load
from processes import BINARIES, ROOT, Process, free_port, http_ok, wait_until
from raw import ask
from scenario import CHAT, body
from stack import Stack, price
from test_admin import migrate_with

NUMBER = max(int(file.name[:4]) for file in (ROOT / "sql" / "migrations").iterdir())
#: What a release may bring: columns on tables that both write, a table that only the newer one knows, a constraint, an
#: index.
NEXT = {
    "add_a_region": f"""-- runs with: {NUMBER:04}
alter table api_key add column region text not null default 'eu';
alter table org add column region text not null default 'eu';
alter table plan add column region text not null default 'eu';
alter table usage_event add column region text not null default 'eu';
create table region (name text primary key);
insert into region values ('eu');
alter table usage_event add constraint "the region is named" check (length(region) > 0) not valid;
""",
    "index_it": f"""-- runs with: {NUMBER:04}
-- outside a transaction
alter table usage_event validate constraint "the region is named";
drop index concurrently if exists spend_of_org;
create index concurrently spend_of_org on spend (org_id, day);
"""}
#: Answers that must have come before the next step is taken.
SERVED = 40


@pytest.fixture(scope="module")
def own_stack():
    made = Stack()
    yield made
    made.close()


@pytest.fixture
def next_folder(own_stack):
    folder = own_stack.folder / "next" / "migrations"
    shutil.copytree(ROOT / "sql", folder.parent)
    for place, (name, sql) in enumerate(NEXT.items(), 1):
        (folder / f"{NUMBER + place:04}_{name}.sql").write_text(sql)
    yield folder
    shutil.rmtree(folder.parent)


class Next:
    """The control plane of the next release, which knows the newer schema."""

    def __init__(self, stack, folder):
        self.port, self.operations = free_port(), free_port()
        self.process = Process("control-next", [BINARIES / "aihub-control", "serve"], stack.folder, {
            **stack.control_env, "AIHUB_CONTROL_SQL_FOLDER": str(folder), "AIHUB_CONTROL_PORT": str(self.port),
            "AIHUB_CONTROL_OPERATIONS_PORT": str(self.operations)})

    def start(self):
        self.process.start()
        wait_until(lambda: http_ok(f"http://127.0.0.1:{self.operations}/readyz"), what="the next control plane is ready")


def admin_calls_go_on(stack, load, port):
    """A key created by the control plane at this port is served by all workers, and refused once revoked; requests are
    served meanwhile."""
    before, usual = load.completed, stack.admin_port
    stack.admin_port = port
    try:
        made = stack.new_key()
        for worker in stack.workers:
            assert ask(worker, "POST", CHAT, made["key"], body("plain"))[0] == 200
        assert stack.admin("POST", f"/keys/{made['id']}/revoke")[0] == 200
        for worker in stack.workers:
            assert ask(worker, "POST", CHAT, made["key"], body("plain"))[0] == 401
    finally:
        stack.admin_port = usual
    wait_until(lambda: load.completed >= before + SERVED, what="answers come")


def test_to_the_next_schema_and_back(own_stack, next_folder):
    key = own_stack.new_key()["key"]
    newer = Next(own_stack, next_folder)
    with Load(own_stack.workers, key, ["plain", "cached", "slow", "tool"], threads=4) as load:
        admin_calls_go_on(own_stack, load, own_stack.admin_port)
        ran = migrate_with(own_stack, next_folder, fails=False)
        assert all(name in ran for name in NEXT), ran
        admin_calls_go_on(own_stack, load, own_stack.admin_port)
        newer.start()
        for port in (own_stack.admin_port, newer.port):
            admin_calls_go_on(own_stack, load, port)
        assert own_stack.control.stop() == 0
        admin_calls_go_on(own_stack, load, newer.port)
        assert newer.process.stop() == 0
        own_stack.start_control()
        admin_calls_go_on(own_stack, load, own_stack.admin_port)
    assert (load.failures, load.broken) == ([], 0)
    assert load.completed >= 6 * SERVED
    wait_quiet(own_stack)
    bill = own_stack.bill()
    assert {id: row["nano_usd"] for id, row in own_stack.ledger().items()} == {id: price(entry) for id, entry in bill.items()}
    # Two requests with each of the six keys that were made meanwhile.
    assert len(bill) == load.completed + 12
    assert own_stack.sql("select count(*) = count(*) filter (where region = 'eu') from usage_event") == [(True,)]
    assert own_stack.sql("select indisvalid from pg_index where indexrelid = 'spend_of_org'::regclass") == [(True,)]
    assert "rows are sealed" in own_stack.run_control("audit", "verify")


def test_two_that_migrate_at_once_do_not_wait_for_each_other(own_stack, next_folder):
    """One builds an index during a long transaction; the other waits for its turn."""
    file = next_folder / f"{NUMBER + 3:04}_index_more.sql"
    file.write_text(f"-- runs with: {NUMBER:04}\n-- outside a transaction\ncreate index concurrently spend_day on spend (day);\n")
    writer = psycopg2.connect(own_stack.postgres.url)
    writer.cursor().execute("lock table spend in row exclusive mode")
    said = []
    first, second = (threading.Thread(target=lambda: said.append(migrate_with(own_stack, next_folder, fails=False))) for _ in range(2))
    activity = "select count(*) from pg_stat_activity where pid <> pg_backend_pid() and query like %s"
    first.start()
    wait_until(lambda: own_stack.sql(activity, "create index concurrently%")[0][0], what="the index waits for the writer")
    second.start()
    wait_until(lambda: own_stack.sql(activity, "%advisory_lock($1%")[0][0] > 0, what="the other waits for its turn")
    writer.close()
    first.join()
    second.join()
    assert sorted(file.name in text for text in said) == [False, True]
    assert own_stack.sql("select indisvalid from pg_index where indexrelid = 'spend_day'::regclass") == [(True,)]


def test_one_that_may_not_run_there_says_so_and_ends(own_stack, next_folder):
    (next_folder / f"{NUMBER + 9:04}_turn_all_around.sql").write_text("select 1;\n")
    migrate_with(own_stack, next_folder, fails=False)
    own_stack.control.stop()
    done = subprocess.run(own_stack.control.command, env=own_stack.control_env, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert re.search(rf"the database is at migration {NUMBER + 9}, this program knows only {NUMBER}: run a newer aihub-control", done.stderr), done.stderr
    own_stack.sql("delete from schema_migration where number = %s returning 1", NUMBER + 9)
    own_stack.start_control()
