"""Secrets are rotated while requests run, and none fails: real PostgreSQL, Redis, control plane and two workers under
constant load. The provider's bill and the ledger are compared after each rotation."""

import base64
import json
import os

import pytest
import redis

from load import Load
from processes import wait_until
from raw import ask
from rotation_rig import NAMES, Distribution, RotationStack

SHARD = "{s00.31}"
#: Requests that must succeed after the last step.
AFTER = 60


@pytest.fixture(scope="module")
def gateway():
    made = RotationStack()
    made.key = made.new_key()
    yield made
    made.assert_nothing_leaked()
    made.close()


def load(gateway):
    return Load(gateway.workers, gateway.key["key"], ["plain"], threads=4, pause=0.01)


def more_pass(running, count=AFTER):
    wanted = running.completed + count
    wait_until(lambda: running.completed >= wanted or running.failures, what="requests pass")


def assert_none_failed(gateway, running):
    assert (running.failures, running.broken) == ([], 0)
    print(f"\n{running.completed} requests, none failed")
    gateway.assert_exact()


def login(gateway, user, password):
    """Redis's reply to a login."""
    try:
        return redis.Redis(port=gateway.state.port, username=user, password=password).ping()
    except redis.exceptions.AuthenticationError as error:
        return str(error)


def unopened(gateway):
    """How often a credential could not be decrypted so far."""
    logs = [gateway.control.log(), *(worker.process.log() for worker in gateway.workers)]
    return sum(log.count("cannot be opened") for log in logs)


def sealed_in_redis(gateway):
    record = json.loads(gateway.redis().hget("cfg:snap", "record"))
    return {entry["sealed"].split(".")[0] for entry in record["credentials"]}


def assert_new_configuration_is_served(gateway, running, name):
    """A change after the rotation takes effect, with credentials going all the way from PostgreSQL to the provider."""
    gateway.sql(
        "insert into alias (name, position) values (%s, 9);"
        " insert into alias_candidate (alias, model, rank, weight) values (%s, 'plain', 0, 1)", name, name)
    wait_until(
        lambda: all(ask(worker, "GET", f"/v1/models/{name}", gateway.key["key"])[0] == 200 for worker in gateway.workers),
        what="the workers have it")
    running.models.append(name)
    more_pass(running)


def assert_back_with_the_new_one(gateway, user):
    """Processes that lose a connection made with the old password reconnect with the new one."""
    assert gateway.redis().execute_command("CLIENT", "KILL", "USER", user) > 0
    body = {"model": "plain", "messages": [{"role": "user", "content": "hi"}]}
    for worker in gateway.workers:
        wait_until(lambda: ask(worker, "POST", "/v1/chat/completions", gateway.key["key"], body)[0] == 200, what="it is back")
    made = gateway.new_key()
    wait_until(lambda: ask(gateway.workers[0], "GET", "/v1/me", made["key"])[0] == 200, what="the control plane is back")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_replaced_under_load(gateway, name):
    before = gateway.versions(name)
    old = gateway.password(name)
    with load(gateway) as running, Distribution(gateway):
        more_pass(running)
        gateway.rotate(name)
        more_pass(running)
    assert_none_failed(gateway, running)
    assert gateway.versions(name) == [before[0] + 1] and gateway.password(name) != old
    if name == "kek":
        versions = {sealed.split(".")[0] for sealed, in gateway.sql("select sealed from credential")}
        assert versions == {str(before[0] + 1)}
    if name == "seal-key":
        assert sealed_in_redis(gateway) == {str(before[0] + 1)}
    if name.startswith("redis"):
        refusal = str(login(gateway, name[-2:], old))
        assert "WRONGPASS" in refusal or "invalid username" in refusal
        assert login(gateway, name[-2:], gateway.password(name)) is True
        assert_back_with_the_new_one(gateway, name[-2:])


@pytest.mark.parametrize("name", NAMES)
def test_killed_after_any_step_it_goes_on(gateway, name):
    """Kills it after its first line and restarts it, then after its second, and so on."""
    with load(gateway) as running, Distribution(gateway):
        lines = 1
        while True:
            rotation = gateway.rotation(name).read(lines)
            isOver = len(rotation.said) < lines
            rotation.kill()
            gateway.rotate(name)
            assert len(gateway.versions(name)) == 1
            if isOver:
                break
            lines += 1
        more_pass(running)
    assert lines > 3, "it was killed between its steps"
    assert_none_failed(gateway, running)


@pytest.mark.parametrize("name, machine", [
    ("kek", "control-files"), ("seal-key", "worker-2-files"), ("seal-key", "control-files"), ("redis-dp", "worker-2-files"),
    ("redis-cp", "control-files")])
def test_it_waits_for_who_does_not_hold_it(gateway, name, machine):
    """A file missing on one machine pauses the rotation, so no request fails."""
    old, [before] = gateway.password(name), gateway.versions(name)
    used = [before, before + 1] if name.startswith("redis") else [before + 1, before]
    others = {place: files for place, files in Distribution.FILES.items() if place != machine}
    with load(gateway) as running:
        most = Distribution(gateway)
        most.FILES = others
        with most:
            rotation = gateway.rotation(name, wait=3).read_all()
        assert rotation.status() == 1 and "run it again" in rotation.said[-1]
        waited = [line for line in rotation.said if line.startswith("waiting until ")]
        assert ("w-" if machine == "worker-2-files" else "control-") in waited[-1]
        assert gateway.versions(name) == used
        if name.startswith("redis"):
            assert login(gateway, name[-2:], old) is True, "the password that is still needed is still taken"
        more_pass(running)
        with Distribution(gateway):
            gateway.rotate(name)
        more_pass(running)
    assert gateway.versions(name) == [before + 1]
    assert_none_failed(gateway, running)


@pytest.mark.parametrize("name", ["seal-key", "redis-dp"])
def test_a_worker_that_says_nothing_stops_it(gateway, name):
    """Such as one of an older release, which only sends heartbeats."""
    beats = f"hb:{SHARD}"
    with Distribution(gateway):
        # In the future, so that it stays fresh as long as needed.
        gateway.redis().hset(beats, "w-older.0", gateway.redis().time()[0] * 1000 + 60_000)
        rotation = gateway.rotation(name, wait=3).read_all()
        assert rotation.status() == 1 and "waiting until w-older " in rotation.said[-2], rotation.said
        gateway.redis().hdel(beats, "w-older.0")
        gateway.rotate(name)


def test_a_worker_goes_on_with_what_it_can_open(gateway):
    """A control plane was given only the new key, by hand and too early: its configuration waits, callers do not."""
    there = gateway.folder / "control-files" / "seal-key"
    [before] = gateway.versions("seal-key")
    alone = f"{before + 1}:{base64.b64encode(os.urandom(32)).decode()}\n"
    with load(gateway) as running:
        refused = [worker.metrics().get("aihub_worker_snapshots_refused_total", 0) for worker in gateway.workers]
        there.write_text(alone)
        for worker, count in zip(gateway.workers, refused):
            wait_until(lambda: worker.metrics().get("aihub_worker_snapshots_refused_total", 0) > count, what="it is refused")
        more_pass(running)
        (gateway.secrets / "seal-key").write_text((gateway.secrets / "seal-key").read_text() + alone)
        with Distribution(gateway):
            assert_new_configuration_is_served(gateway, running, "after-the-key-came")
            gateway.rotate("seal-key")
        more_pass(running)
    assert gateway.versions("seal-key") == [before + 1]
    assert_none_failed(gateway, running)


def test_killed_while_it_seals_credentials(gateway):
    [before] = gateway.versions("kek")
    with load(gateway) as running, Distribution(gateway):
        with gateway.locked_credentials():
            rotation = gateway.rotation("kek").read_until(f"version {before + 1} in use")
            wait_until(gateway.waits_for_credentials, what="it waits for a credential that somebody else has locked")
            rotation.kill()
        assert gateway.versions("kek") == [before, before + 1]
        gateway.rotate("kek")
        more_pass(running)
    assert_none_failed(gateway, running)
    assert gateway.versions("kek") == [before + 1]


def test_credentials_loaded_meanwhile_are_kept(gateway):
    """Other credentials are loaded repeatedly while the KEK is rotated: each is readable under the new one."""
    before = unopened(gateway)
    with load(gateway) as running, Distribution(gateway):
        rotation = gateway.rotation("kek")
        rounds = 0
        while rotation.child.poll() is None:
            rounds += 1
            gateway.run_control("load", gateway.folder / "scripted.yaml", env={"SCRIPTED_KEY": f"sk-scripted-{rounds}"})
        rotation.read_all()
        assert rotation.status() == 0 and rounds > 0
        gateway.control.stop()
        gateway.start_control()
        assert_new_configuration_is_served(gateway, running, "after-loading")
    assert_none_failed(gateway, running)
    assert unopened(gateway) == before


def test_what_was_replaced_is_needed_by_nobody(gateway):
    """All processes restart with only the new files, Redis with the users it saved itself."""
    before = unopened(gateway)
    with Distribution(gateway):
        for name in NAMES:
            gateway.rotate(name)
    wait_until(gateway.settled, what="all is settled")
    for process in [*(worker.process for worker in gateway.workers), gateway.control]:
        assert process.stop() == 0
    gateway.state.process.stop()
    gateway.state.start()
    gateway.start_control()
    for worker in gateway.workers:
        worker.start()
    with load(gateway) as running:
        assert_new_configuration_is_served(gateway, running, "after-a-start")
    assert_none_failed(gateway, running)
    assert unopened(gateway) == before


def test_only_one_runs(gateway):
    first = gateway.rotation("seal-key", wait=60).read_until("waiting until")
    second = gateway.rotation("kek").read_all()
    assert second.status() == 1 and "another rotation is running" in second.said[-1]
    first.kill()
    with Distribution(gateway):
        gateway.rotate("seal-key")
