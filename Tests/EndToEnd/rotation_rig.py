"""A gateway whose secrets are files on three "machines": the command and worker 1 share one folder; worker 2 and the control
plane have copies of their own, which change only when a test distributes them."""

import base64
import contextlib
import os
import shutil
import signal
import subprocess
import threading

import psycopg2

from clock import patience
from processes import BINARIES, ROOT, wait_until
from stack import Stack, price

NAMES = ["kek", "seal-key", "redis-dp", "redis-cp"]
FILES = NAMES + ["pepper"]


class RotationStack(Stack):
    def __init__(self):
        #: The output of every rotation, and every value a secret file ever had.
        self.said, self.contents = [], set()
        super().__init__(workers=2)
        self.note()
        self.control.stop()
        self.control.env = {**self.control_env, **{
            f"AIHUB_CONTROL_{name}_FILE": str(self.copy("control-files", file)) for name, file in (
                ("KEK", "kek"), ("SEAL_KEY", "seal-key"), ("PEPPER", "pepper"), ("REDIS_PASSWORD", "redis-cp"),
                ("AUDIT_KEY", "audit-key"))}}
        self.start_control()

    def control_settings(self):
        for user in ("dp", "cp", "rotator"):
            shutil.copy(self.folder / "redis-users" / user, self.secrets / f"redis-{user}")
        return {"REDIS_URL": f"redis://cp@127.0.0.1:{self.state.port}", "REDIS_PASSWORD_FILE": self.secrets / "redis-cp"}

    def worker_settings(self, number):
        def place(file):
            return self.secrets / file if number == 1 else self.copy("worker-2-files", file)
        return {"REDIS_URL": f"redis://dp@127.0.0.1:{self.state.port}", "REDIS_PASSWORD_FILE": place("redis-dp"),
                "PEPPER_FILE": place("pepper"), "SEAL_KEY_FILE": place("seal-key"), "HEARTBEAT_MS": 200}

    def copy(self, machine, file):
        """Copies a file to another machine atomically."""
        folder = self.folder / machine
        folder.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(self.secrets / file, folder / (file + ".part"))
        os.replace(folder / (file + ".part"), folder / file)
        return folder / file

    def note(self):
        for name in FILES:
            self.contents |= set((self.secrets / name).read_text().split())

    def versions(self, name):
        """The version numbers in the file, the current one last; 0 is a password without a version."""
        self.note()
        lines = (self.secrets / name).read_text().split()
        return [int(line.split(":")[0]) if ":" in line else 0 for line in lines]

    def password(self, name):
        return (self.secrets / name).read_text().split()[-1].split(":")[-1]

    # The command

    def rotation(self, name, wait=None):
        return Rotation(self, "rotate", name, "--wait", str(wait or int(patience(60))))

    def command(self, *words):
        return Rotation(self, *words).read_all()

    def rotate(self, name):
        rotation = self.rotation(name)
        rotation.read_all()
        assert rotation.status() == 0, rotation.said
        return rotation.said

    @contextlib.contextmanager
    def locked_credentials(self):
        with psycopg2.connect(self.postgres.url) as connection, connection.cursor() as cursor:
            cursor.execute("select id from credential for update")
            yield
            connection.rollback()

    def waits_for_credentials(self):
        return self.sql(
            "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%%from credential%%for update'")

    # Checks at the end

    def assert_exact(self):
        wait_until(lambda: self.settled() and self.ledger_is_read(), what="all is settled and in the ledger")
        ledger, bill = self.ledger(), self.bill()
        assert {id: ledger[id]["nano_usd"] for id in bill} == {id: price(entry) for id, entry in bill.items()}
        assert len(bill) > 0

    def assert_nothing_leaked(self):
        self.note()
        shown = {line.split(":")[-1] for line in self.contents}
        shown |= {base64.b64decode(text).hex() for text in shown if len(text) == 44}
        texts = {path.name: path.read_text(errors="replace") for path in self.folder.glob("*.log")}
        texts["said"] = "\n".join(self.said)
        assert any("secret files changed" in text for text in texts.values()), "the logs were written"
        found = [(name, secret[:6]) for name, text in texts.items() for secret in shown if secret in text]
        assert not found, found
        for name in NAMES:
            if self.versions(name) == [0]:
                continue  # no rotation writes it
            assert (self.secrets / name).stat().st_mode & 0o777 == 0o600, name
            assert not (self.secrets / (name + ".new")).exists()


class Rotation:
    """A running `aihub-control secrets …`."""

    def __init__(self, stack, *words):
        self.stack, self.said = stack, []
        self.child = subprocess.Popen(
            [BINARIES / "aihub-control", "secrets", *words], env=stack.control_env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def read(self, lines):
        """The next lines; fewer at the end of the output."""
        for _ in range(lines):
            line = self.child.stdout.readline()
            if not line:
                break
            self.said.append(line.strip())
            self.stack.said.append(line.strip())
            self.stack.note()
        return self

    def read_until(self, words):
        while not (self.said and words in self.said[-1]):
            before = len(self.said)
            self.read(1)
            assert len(self.said) > before, self.said
        return self

    def read_all(self):
        return self.read(1_000)

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.status()

    def status(self):
        return self.child.wait(patience(60))


class Distribution:
    """Within its block, files the command writes are copied to the other machines."""

    FILES = {"worker-2-files": ["seal-key", "redis-dp", "pepper"], "control-files": ["kek", "seal-key", "redis-cp", "pepper"]}

    def __init__(self, stack):
        self.stack, self.ending = stack, threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()

    def _run(self):
        while not self.ending.wait(0.05):
            for machine, files in self.FILES.items():
                for file in files:
                    there = self.stack.folder / machine / file
                    if there.read_bytes() != (self.stack.secrets / file).read_bytes():
                        self.stack.copy(machine, file)
