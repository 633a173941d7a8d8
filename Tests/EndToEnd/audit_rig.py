"""Shared by the tests of the sealed audit log."""

import subprocess

from clock import patience
from processes import BINARIES, ROOT, Process, free_port, http_ok, wait_until


def verify(stack, *arguments, **env):
    """Runs `aihub-control audit verify`; returns its exit status and output."""
    done = subprocess.run(
        [BINARIES / "aihub-control", "audit", "verify", *arguments], env={**stack.control_env, **env}, cwd=ROOT,
        capture_output=True, text=True, timeout=patience(60))
    assert done.returncode in (0, 1) and not done.stderr, done.stdout + done.stderr
    return done.returncode, done.stdout


def head(stack):
    return stack.sql("select number, seal from audit_seal order by number desc limit 1")[0]


def wait_until_sealed(stack):
    """Waits until every row of the audit log has a seal; returns the number of seals."""
    def sealed():
        rows, seals = stack.sql("select (select count(*) from audit_log), (select count(*) from audit_seal)")[0]
        return rows > 0 and rows == seals and rows
    return wait_until(sealed, what="all rows are sealed")


def make_org(stack, name):
    return stack.admin("POST", "/orgs", {"name": name, "plan": "unlimited"}, expect=201)["id"]


def rows_of(stack, org):
    return [row for row, in stack.sql(
        "select id from audit_log where subject = 'org' and subject_id = %s order by id", org)]


def another_control(stack, name, **env):
    """A second control plane next to the stack's; callers must `kill` it."""
    operations = free_port()
    process = Process(name, [BINARIES / "aihub-control", "serve"], stack.folder, {
        **stack.control_env, "AIHUB_CONTROL_PORT": str(free_port()), "AIHUB_CONTROL_OPERATIONS_PORT": str(operations), **env})
    process.start()
    wait_until(lambda: http_ok(f"http://127.0.0.1:{operations}/livez"), what="the second control plane serves")
    return process
