#!/usr/bin/env python3
"""usage: record.py COMMIT: runs `scenario.py` on the binaries of that commit; stores the result in
recordings/COMMIT."""

import datetime
import gzip
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "Tests" / "EndToEnd"), str(ROOT / "Tests" / "Hardening")]
SECRETS = ("pepper", "seal-key", "kek", "admin-token", "audit-key")


def packed(folder, *names):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as tar:
        for name in names:
            tar.add(folder / name, name)
    return data.getvalue()


def record(commit, into):
    from scenario import Scenario
    from upgrade_rig import Gateway
    began = datetime.datetime.now(datetime.UTC)
    gateway = Gateway(tempfile.mkdtemp(prefix="aihub-record-"))
    try:
        gateway.create()
        scenario = Scenario(gateway)
        scenario.play()
        scenario.break_off()
        ended = datetime.datetime.now(datetime.UTC)
        assert began.date() == ended.date(), "a day of UTC ended meanwhile: record again"
        keep(gateway, scenario, commit, ended, into)
    finally:
        gateway.close()


def keep(gateway, scenario, commit, ended, into):
    into.mkdir(parents=True, exist_ok=True)
    (into / "postgres.sql.gz").write_bytes(gzip.compress(gateway.dump().encode(), mtime=0))
    (into / "redis.tar.xz").write_bytes(packed(gateway.folder, "redis-state/appendonlydir"))
    (into / "workers.tar.xz").write_bytes(packed(gateway.folder, "worker-1", "worker-2"))
    files = {name: (gateway.secrets / name).read_text() for name in SECRETS if (gateway.secrets / name).exists()}
    in_ledger = sorted(gateway.ledger())
    (into / "account.json").write_text(json.dumps({
        "commit": commit, "ended": int(ended.timestamp()), "provider_url": gateway.provider_url, "secrets": files, "keys": scenario.keys,
        "requests": scenario.account(), "in_ledger": in_ledger}, indent=1) + "\n")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binaries = subprocess.run([ROOT / "scripts" / "build-at.sh", sys.argv[1]], check=True, capture_output=True, text=True).stdout.strip()
    commit = pathlib.Path(binaries).parents[1].name
    os.environ.update(AIHUB_BINARIES=binaries, AIHUB_TREE=str(pathlib.Path(binaries).parents[1]))
    record(commit, HERE / "recordings" / commit)


if __name__ == "__main__":
    main()
