"""The owner of the database can rewrite the audit log, but is detected. Each test restores what it changed."""

import pytest

from audit_rig import head, make_org, rows_of, verify, wait_until_sealed
from processes import wait_until
from stack import Stack

TABLES = ("audit_log", "audit_seal", "audit_unsealed")


@pytest.fixture(scope="module")
def log():
    """A stack with a sealed log whose IDs have a gap, without a control plane that would keep sealing."""
    made = Stack(workers=0)
    made.org = make_org(made, "first")
    made.sql("update org set name = 'second' where id = %s returning 1", made.org)
    # A transaction that is rolled back leaves its ID unused.
    with pytest.raises(Exception, match="division by zero"):
        made.sql("update org set name = 'never' where id = %s; select 1 / 0", made.org)
    made.sql("update org set name = 'third' where id = %s returning 1", made.org)
    made.sql("update org set name = 'fourth' where id = %s returning 1", made.org)
    made.count = wait_until_sealed(made)
    made.control.kill()
    for table in TABLES:
        made.sql(f"create table kept_{table} as table {table}")
    for table in TABLES[:2]:
        made.sql(f"alter table {table} disable trigger {table}_is_append_only")
    made.rows = rows_of(made, made.org)
    made.seals = dict(made.sql("select audit_id, number from audit_seal"))
    yield made
    made.close()


@pytest.fixture
def rewritten(log):
    assert verify(log)[0] == 0
    yield log
    for table in TABLES:
        log.sql(f"delete from {table}; insert into {table} overriding system value select * from kept_{table}")
    assert verify(log)[0] == 0


def finds(log, words, *arguments):
    status, said = verify(log, *arguments)
    assert status == 1 and words in said, said


@pytest.mark.parametrize("change", [
    "actor = 'nobody'", "login = null", "login = ''", "at = at + interval '1 microsecond'", "at = 'infinity'", "action = 'delete'",
    "subject = 'plan'", "subject_id = subject_id || ' '", "before = null", "before = before || '{\"name\": \"First\"}'",
    "after = after - 'name'", "before = after, after = before"])
def test_a_row_that_was_changed_is_named(rewritten, change):
    row = rewritten.rows[1]
    rewritten.sql(f"update audit_log set {change} where id = %s", row)
    finds(rewritten, f"row {row} was changed")
    assert f"{rewritten.seals[row] - 1} rows are sealed" in verify(rewritten)[1]


def test_the_first_of_two_is_named(rewritten):
    rewritten.sql("update audit_log set actor = 'nobody' where id in %s", (rewritten.rows[1], rewritten.rows[2]))
    finds(rewritten, f"row {rewritten.rows[1]} was changed")


def test_two_rows_that_changed_places_are_found(rewritten):
    one, two = rewritten.rows[1:3]
    rewritten.sql("delete from audit_seal where audit_id in %s", (one, two))
    rewritten.sql("insert into audit_seal select number, case audit_id when %s then %s else %s end, key, seal"
                  " from kept_audit_seal where audit_id in %s", one, two, one, (one, two))
    finds(rewritten, f"row {two} was changed or inserted: it does not match its seal ({rewritten.seals[one]})")


def test_a_row_that_was_removed_is_named(rewritten):
    row = rewritten.rows[1]
    rewritten.sql("delete from audit_log where id = %s", row)
    finds(rewritten, f"row {row} was removed")


def test_a_row_that_was_removed_with_its_seal_is_named(rewritten):
    row, after = rewritten.rows[1:3]
    rewritten.sql("delete from audit_log where id = %s; delete from audit_seal where audit_id = %s", row, row)
    finds(rewritten, f"seal {rewritten.seals[row]} was removed: the next one, of row {after},")
    # In two steps: no number is there twice in between.
    rewritten.sql("update audit_seal set number = number + 1000000 where number > %s", rewritten.seals[row])
    rewritten.sql("update audit_seal set number = number - 1000001 where number >= 1000000")
    finds(rewritten, f"row {after} was changed or inserted")


def put_in(log):
    row = log.rows[1] + 1
    assert row not in log.rows and row < log.rows[2]
    log.sql("insert into audit_log overriding system value select %s, at, actor, action, subject, subject_id, before, after, login"
            " from audit_log where id = %s", row, log.rows[1])
    return row


def test_a_row_that_was_put_in_between_is_named(rewritten):
    finds(rewritten, f"row {put_in(rewritten)} was inserted")


def test_so_it_is_with_a_seal_of_its_own(rewritten):
    row, number = put_in(rewritten), rewritten.seals[rewritten.rows[1]] + 1
    # In two steps: no number is there twice in between.
    rewritten.sql("update audit_seal set number = number + 1000000 where number >= %s", number)
    rewritten.sql("update audit_seal set number = number - 999999 where number >= 1000000")
    rewritten.sql("insert into audit_seal select %s, %s, key, seal from audit_seal where number = %s", number, row, number - 1)
    finds(rewritten, f"row {row} was changed or inserted: it does not match its seal ({number})")


def test_a_seal_from_before_the_end_was_cut_off_does_not_fit_a_new_end(rewritten):
    """Seals another row in place of one, and restores the seals that followed it."""
    cut, row = rewritten.seals[rewritten.rows[1]], put_in(rewritten)
    rewritten.sql("delete from audit_seal where number >= %s; delete from audit_log where id = %s; insert into audit_unsealed values (%s)",
                  cut, rewritten.rows[1], row)
    rewritten.start_control()
    wait_until(lambda: head(rewritten)[0] == cut, what="the other row is sealed")
    rewritten.control.kill()
    rewritten.sql("insert into audit_seal select * from kept_audit_seal where number > %s", cut)
    finds(rewritten, f"row {rewritten.rows[2]} was changed or inserted: it does not match its seal ({cut + 1})")


def test_seals_cut_off_the_end_leave_rows_that_have_none(rewritten):
    row = rewritten.rows[-1]
    rewritten.sql("delete from audit_seal where number >= %s", rewritten.seals[row])
    finds(rewritten, f"row {row} was inserted, or its seal was removed")


def test_an_end_that_was_cut_off_with_its_rows_is_found_by_the_head_that_was_logged(rewritten):
    (_, seal), row = head(rewritten), rewritten.rows[2]
    number = rewritten.seals[row]
    rewritten.sql("delete from audit_log where id in (select audit_id from audit_seal where number >= %s);"
                  " delete from audit_seal where number >= %s", number, number)
    status, said = verify(rewritten)
    assert status == 0 and f"{number - 1} rows are sealed" in said, said
    finds(rewritten, f"{seal} is not in the chain", "--head", seal)
    before = rewritten.sql("select seal from audit_seal where number = %s", number - 1)[0][0]
    assert verify(rewritten, "--head", before)[0] == 0


def test_a_row_that_was_removed_before_it_was_sealed_is_named(rewritten):
    rewritten.sql("insert into audit_unsealed values (%s)", rewritten.rows[-1] + 1000)
    finds(rewritten, f"row {rewritten.rows[-1] + 1000} was removed before it was sealed")
