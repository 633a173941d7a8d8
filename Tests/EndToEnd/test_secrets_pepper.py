"""The pepper is rotated while requests run: existing keys stay valid, new ones use the new pepper, and the old one is
dropped when no key needs it any more."""

import secrets
import string
import zlib

import pytest
import redis

from load import Load
from processes import wait_until
from raw import ask
from rotation_rig import Distribution, RotationStack

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase


def base62(number, width):
    return "".join(DIGITS[number // 62 ** place % 62] for place in reversed(range(width)))


def unknown_key():
    """A key that was never issued; its checksum is correct."""
    body = "sk-hub-" + base62(secrets.randbits(250), 43)
    return body + base62(zlib.crc32(body.encode()), 6)


@pytest.fixture
def gateway():
    made = RotationStack()
    made.old = made.new_key()
    yield made
    made.assert_nothing_leaked()
    made.close()


def load(gateway, key):
    return Load(gateway.workers, key["key"], ["plain"], threads=2, pause=0.01)


def more_pass(running):
    wanted = running.completed + 40
    wait_until(lambda: running.completed >= wanted or running.failures, what="requests pass")


def assert_none_failed(*loads):
    for running in loads:
        assert (running.failures, running.broken) == ([], 0)


def status_of(gateway, key, wanted):
    """Both workers' status for the key, once they have checked their files."""
    wait_until(lambda: all(ask(worker, "GET", "/v1/me", key)[0] == wanted for worker in gateway.workers), what=f"{wanted}")


def look_ups(gateway, key):
    """The number of key look-ups in Redis while this key is tried once."""
    client = redis.Redis(port=gateway.state.port)
    with client.monitor() as watched:
        assert ask(gateway.workers[0], "GET", "/v1/me", key)[0] == 401
        gateway.redis().echo("all of it")
        count = 0
        for line in watched.listen():
            count += line["command"].upper().startswith("HGET K:")
            if line["command"] == "ECHO all of it":
                return count


def test_keys_stay_and_the_old_one_goes_when_none_needs_it(gateway):
    [before] = gateway.versions("pepper")
    assert look_ups(gateway, unknown_key()) == 1
    with load(gateway, gateway.old) as old, Distribution(gateway):
        more_pass(old)
        said = gateway.rotate("pepper")
        assert "1 keys are under older ones" in said[-1]
        new = gateway.new_key()
        with load(gateway, new) as newer:
            more_pass(newer)
            more_pass(old)
            assert dict(gateway.sql("select split_part(pepper, '.', 1), keys from keys_of_pepper")) == {
                str(before): 1, str(before + 1): 1}
            assert f"pepper {before}: 1 keys" in gateway.run_control("secrets", "status")
            refused = gateway.command("drop-pepper")
            assert refused.status() == 1 and "1 keys would stop working" in refused.said[-1]
            assert gateway.versions("pepper") == [before, before + 1]
    assert_none_failed(old, newer)
    assert look_ups(gateway, unknown_key()) == 2, "one for each pepper"
    replaced = gateway.admin("POST", f"/keys/{gateway.old['id']}/rotate", {"overlap_seconds": 0}, expect=200)
    with load(gateway, new) as newer, load(gateway, replaced) as old, Distribution(gateway):
        more_pass(newer)
        dropped = gateway.command("drop-pepper")
        assert dropped.status() == 0, dropped.said
        more_pass(newer)
        more_pass(old)
    assert_none_failed(old, newer)
    assert gateway.versions("pepper") == [before + 1]
    gateway.assert_exact()


def test_keys_stop_only_when_that_is_said(gateway):
    with Distribution(gateway):
        gateway.rotate("pepper")
        new = gateway.new_key()
        status_of(gateway, gateway.old["key"], 200)
        dropped = gateway.command("drop-pepper", "--keys-stop-working")
        assert dropped.status() == 0 and "1 keys no longer authenticate" in dropped.said[-1]
        status_of(gateway, gateway.old["key"], 401)
        status_of(gateway, new["key"], 200)


def test_killed_after_any_step_it_goes_on(gateway):
    [before] = gateway.versions("pepper")
    kills = 0
    with load(gateway, gateway.old) as running, Distribution(gateway):
        while gateway.versions("pepper") != [before, before + 1]:
            gateway.rotation("pepper").read(1).kill()
            kills += 1
        gateway.rotate("pepper")
        more_pass(running)
    assert kills > 1
    assert_none_failed(running)
    gateway.assert_exact()


def test_a_worker_that_does_not_hold_it_stops_it(gateway):
    [before] = gateway.versions("pepper")
    rotation = gateway.rotation("pepper", wait=3).read_all()
    assert rotation.status() == 1 and "waiting until" in rotation.said[-2] and "w-" in rotation.said[-2]
    assert gateway.versions("pepper") == [before + 1, before]
    made = gateway.new_key()
    status_of(gateway, made["key"], 200)


def test_a_third_one_is_refused(gateway):
    """A worker looks an unknown key up under each pepper, so a file with more than two is rejected."""
    text = (gateway.secrets / "pepper").read_text()
    other = "".join(f"{number}:{'A' * 43}=\n" for number in (7, 8))
    (gateway.secrets / "pepper").write_text(other + text)
    wait_until(lambda: "more than 2 versions" in gateway.workers[0].process.log(), what="it is refused")
    status_of(gateway, gateway.old["key"], 200)
    (gateway.secrets / "pepper").write_text(text)
    # The check at the end looks for the log line of a worker that loaded a new file.
    with Distribution(gateway):
        gateway.rotate("pepper")
