"""Restores a recording and upgrades it to today's release, by the steps of docs/upgrading.md."""

import gzip
import json
import pathlib
import tarfile
import time

from facts import gather, wait_quiet
from processes import wait_until
from raw import ask
from upgrade_rig import Gateway


def ended(recording):
    return json.loads((recording / "account.json").read_text())["ended"]


#: The oldest first.
RECORDINGS = sorted((pathlib.Path(__file__).parent / "recordings").iterdir(), key=ended)


class Restored(Gateway):
    """`days`: how long after the end of the recording it continues."""

    def __init__(self, folder, recording, days=0):
        self.recording = recording
        self.recorded = json.loads((recording / "account.json").read_text())
        super().__init__(folder, shift=self.recorded["ended"] + days * 86400 - int(time.time()))
        for name, text in self.recorded["secrets"].items():
            (self.secrets / name).write_text(text)
            (self.secrets / name).chmod(0o600)

    def put_back(self):
        dump = self.folder / "dump.sql"
        dump.write_bytes(gzip.decompress((self.recording / "postgres.sql.gz").read_bytes()))
        dump.chmod(0o644)
        for name in ("redis.tar.xz", "workers.tar.xz"):
            with tarfile.open(self.recording / name) as tar:
                tar.extractall(self.folder)
        self.restore(dump)
        self.state.start()
        self.start_provider()

    def upgrade(self):
        self.run_control("init-secrets", self.secrets)
        self.run_control("migrate")
        # No step of an upgrade: this provider listens on another port than the recorded one.
        self.sql("update provider set base_url = %s", self.provider_url + "/v1")
        self.start_control()
        wait_until(lambda: f":{self.provider_port}" in (self.redis().hget("cfg:snap", "record") or ""), what="the provider's new port is published")
        self.start_workers()
        wait_until(lambda: all(self.is_up_to_date(worker) for worker in self.workers), what="the workers know it, too")
        wait_quiet(self)
        self.found = gather(self)

    def is_up_to_date(self, worker):
        headers = ask(worker, "GET", "/v1/models", self.recorded["keys"]["unused"]["secrets"][0][0])[1]
        return headers.get("x-aihub-config") == self.redis().hget("cfg:snap", "v")

    def spent(self, name):
        """What the recording says that this key has spent, in nano-USD."""
        return sum(one["nano_usd"] for one in self.recorded["requests"].values() if one["key"] == name)
