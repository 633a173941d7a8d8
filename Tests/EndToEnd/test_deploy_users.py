"""The user that runs the services of deploy/run: never root. Started by root, they get their own user, created if
missing; started by another user, they run as that user. In a folder open to everybody, and in one only root may enter."""

import hashlib
import os
import pathlib
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile

import pytest

from processes import BINARIES, ROOT, free_port

IS_ROOT = os.geteuid() == 0
PRIVATE = ["secrets/pepper", "secrets/seal-key", "secrets/kek", "secrets/audit-key", "secrets/admin-token", "secrets/first-key",
           "secrets/redis-dp", "secrets/redis-cp", "secrets/local-model", "redis-state/users.acl"]


@pytest.fixture(params=[0o755, 0o700], ids=["open", "closed"])
def tree(request):
    """The files deploy/run needs, in a folder as an earlier start by root may have left it: passwords owned by root."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="aihub-deploy-"))
    folder.chmod(request.param)
    made = folder / "tree"
    for part in ("deploy", "sql"):
        shutil.copytree(ROOT / part, made / part)
    (made / ".build" / "release").mkdir(parents=True)
    for program in ("aihub-worker", "aihub-control", "scripted-provider"):
        shutil.copy(BINARIES / program, made / ".build" / "release" / program)
    (made / ".local" / "secrets").mkdir(parents=True)
    (made / ".local" / "venv").symlink_to(sys.prefix)
    (made / ".local" / "secrets" / "redis-dp").write_text("of-an-earlier-start")
    (made / ".local" / "secrets" / "redis-dp").chmod(0o600)
    yield made
    shutil.rmtree(folder)
    # The location of root's cluster if PostgreSQL's user cannot enter the folder.
    shutil.rmtree(f"/var/lib/postgresql/aihub-{hashlib.sha256(str(made).encode()).hexdigest()[:12]}", ignore_errors=True)


PORTS = ["AIHUB_PORT", "AIHUB_PORT_2", "AIHUB_ADMIN_PORT", "POSTGRES_PORT", "REDIS_STATE_PORT", "REDIS_CACHE_PORT", "LOCAL_MODEL_PORT"]


def free_ports():
    """A distinct port for each name, with three consecutive ones for operations."""
    ports = {"AIHUB_OPERATIONS_PORT": 0}
    while not ports["AIHUB_OPERATIONS_PORT"]:
        first = free_port()
        try:
            with socket.create_server(("127.0.0.1", first)), socket.create_server(("127.0.0.1", first + 1)), \
                    socket.create_server(("127.0.0.1", first + 2)):
                ports["AIHUB_OPERATIONS_PORT"] = first
        except OSError:
            continue
    taken = set(range(first, first + 3))
    for name in PORTS:
        while (port := free_port()) in taken:
            continue
        ports[name] = port
        taken.add(port)
    return ports


class Services:
    def __init__(self, tree):
        ports = free_ports()
        self.script = subprocess.Popen(
            [ROOT / "Tests" / "EndToEnd" / "start_services.sh", tree], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **{name: str(port) for name, port in ports.items()}})
        self.pids = {}
        for line in iter(self.script.stdout.readline, ""):
            if line == "all\n":
                break
            name, pid = line.split()
            self.pids[name] = int(pid)

    def end(self):
        self.script.stdin.close()
        return self.script.wait()


def credentials(pid):
    """A process's real, effective, saved and file-system user, and its capabilities and groups."""
    fields = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    return {int(uid) for uid in fields["Uid"].split()}, int(fields["CapEff"], 16), fields["Groups"].split()


def test_no_service_runs_as_root(tree):
    keys = []
    for start in ("first", "second"):
        services = Services(tree)
        try:
            assert set(services.pids) == {
                "postgres", "redis-state", "redis-cache", "local-model", "control", "worker-1", "worker-2"}, start
            for name, pid in services.pids.items():
                user = pwd.getpwnam("postgres" if name == "postgres" else "aihub").pw_uid if IS_ROOT else os.geteuid()
                uids, capabilities, groups = credentials(pid)
                assert uids == {user}, (start, name, uids)
                assert not IS_ROOT or (capabilities == 0 and groups == []), (start, name, capabilities, groups)
            owner = pwd.getpwnam("aihub").pw_uid if IS_ROOT else os.geteuid()
            for path in PRIVATE:
                found = (tree / ".local" / path).stat()
                assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, owner), (start, path, oct(found.st_mode), found.st_uid)
            for folder in ("secrets", "redis-state", "redis-cache", "worker-1"):
                assert stat.S_IMODE((tree / ".local" / folder).stat().st_mode) == 0o700, folder
            keys.append((tree / ".local" / "secrets" / "first-key").read_text())
        finally:
            assert services.end() == 0, start
    assert keys[0] == keys[1] and keys[0].startswith("sk-hub-"), "a second start finds everything"
