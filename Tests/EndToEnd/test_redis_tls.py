"""Redis over TLS: both planes reach every Redis with rediss:// URLs, and refuse servers they cannot verify."""

import pytest
import redis as redis_client

from cache_rig import exchange
from load import Load
from processes import BINARIES, Process, free_port, http_ok, wait_until
from raw import ask
from redis_tls_rig import Relay, SecureCacheRedis, SecureRedis, SecureStateRedis, is_all_records
from rotation_rig import Distribution, RotationStack
from stack import Stack, Worker, price
from tls_rig import Pairs

CHAT = "/v1/chat/completions"
#: Requests that must succeed after a change.
AFTER = 60
#: Part of every URL of this file that is to be refused.
PASSWORD = "never-to-be-shown"


class SecureStack(Stack):
    def make_state(self, *options):
        self.pairs = Pairs(self.folder / "redis-tls")
        self.pairs.show(*self.pairs.make("first"))
        return SecureStateRedis(self.folder, self.pairs, *options)

    def make_cache(self):
        return SecureCacheRedis(self.folder, self.pairs)

    def control_settings(self):
        return {"REDIS_CA_FILE": self.pairs.authority.certificate}

    def worker_settings(self, number):
        return {"REDIS_CA_FILE": self.pairs.authority.certificate}

    def assert_exact(self):
        wait_until(lambda: self.settled() and self.ledger_is_read(), what="all is settled and in the ledger")
        ledger, bill = self.ledger(), self.bill()
        assert len(bill) > 0
        assert {id: ledger[id]["nano_usd"] for id in bill} == {id: price(entry) for id, entry in bill.items()}

    def connections(self, user):
        """The IDs of a plane's connections, all of which must be to the TLS port."""
        found = [client for client in self.redis().client_list() if client["user"] == user]
        assert all(client["laddr"].endswith(f":{self.state.tls_port}") for client in found), found
        return {client["id"] for client in found}

    def reconnect(self, user="dp"):
        """Has Redis close a plane's connections."""
        assert self.redis().execute_command("CLIENT", "KILL", "USER", user) > 0

    def close(self):
        super().close()
        for server in (self.state, self.cache):
            if server:
                server.relay.close()


@pytest.fixture(scope="module")
def stack():
    made = SecureStack(cache=True)
    yield made
    made.close()


@pytest.fixture(scope="module")
def limited(stack):
    """A key with a budget: none of its requests is admitted without Redis."""
    return stack.new_key(limits={"usd_per_month": "500"}, cache_seconds=0)["key"]


def more_pass(running, count=AFTER):
    wanted = running.completed + count
    wait_until(lambda: running.completed >= wanted, what="requests pass")


def is_served(worker, key):
    return ask(worker, "POST", CHAT, key, {"model": "plain", "messages": [{"role": "user", "content": "hi"}]})[0] == 200


# Use

def test_requests_are_settled_exactly_and_nothing_is_in_clear(stack, limited):
    stack.clear_bill()
    with Load(stack.workers, limited, ["plain", "slow", "cached"]) as running:
        more_pass(running, 200)
    assert (running.failures, running.broken) == ([], 0)
    stack.assert_exact()
    assert_cached_answers_are_shared(stack)
    assert stack.connections("dp") and stack.connections("cp")
    digests = [digest.encode() for digest, in stack.sql("select digest from api_key")]
    words = [*digests, b"password-of-dp", b"password-of-cp", b"GETRANGE", b"gw2_admit", b"gw2_settle", b"run_id:", b"cfg:snap"]
    for relay in (stack.state.relay, stack.cache.relay):
        kept = relay.kept()
        assert len(kept) > 2 and sum(map(len, kept)) > 100_000
        assert all(map(is_all_records, kept))
        assert not [word for word in words for direction in kept if word in direction]


def assert_cached_answers_are_shared(stack):
    """What one worker stores another reads, though it is longer than a record and than what is read at once."""
    key = stack.new_key()["key"]
    request = {"model": "wide", "messages": [{"role": "user", "content": "much"}]}

    def is_shared():
        one, other = (exchange(worker, key, request) for worker in stack.workers)
        assert len(one.body) > 100_000 and one.json["choices"] == other.json["choices"]
        return (one.word, other.word) == ("hit", "hit")

    wait_until(is_shared, what="both workers have the answer from the cache")


def test_what_the_relay_would_see_in_clear(stack):
    relay = Relay(stack.state.port)
    redis_client.Redis.from_url(f"redis://dp:password-of-dp@127.0.0.1:{relay.port}").ping()
    sent, received = relay.kept()
    assert b"password-of-dp" in sent and b"PONG" in received and not is_all_records(sent) and not is_all_records(received)
    relay.close()


def test_redis_restarts_under_load(stack, limited):
    stack.clear_bill()
    with Load(stack.workers, limited, ["plain"], pause=0.01) as running:
        more_pass(running)
        stack.state.process.kill()
        wait_until(lambda: running.failures, what="requests are refused without it")
        stack.state.start()
        more_pass(running)
    assert {status for status, _ in running.failures} == {503} and running.broken == 0
    stack.assert_exact()


def test_a_new_certificate_is_accepted_and_one_of_another_authority_is_not(stack, limited):
    worker, server = stack.workers[0], stack.redis()

    def reload():
        server.config_set("tls-cert-file", str(stack.pairs.certificate), "tls-key-file", str(stack.pairs.key))

    def show(pair):
        stack.pairs.show(*pair)
        reload()
        before = {user: stack.connections(user) for user in ("dp", "cp")}
        for user in before:
            stack.reconnect(user)
        return before

    before = show(stack.pairs.make("second"))
    wait_until(lambda: all(stack.connections(user) - before[user] for user in before), what="both planes are back")
    wait_until(lambda: is_served(worker, limited), what="requests are served")
    folder = stack.folder / "another"
    show(Pairs(folder).make("third"))
    wait_until(lambda: "local issuer certificate" in worker.process.log(), what="the worker says why")
    wait_until(lambda: "local issuer certificate" in stack.control.log(), what="the control plane says why")
    assert not is_served(worker, limited) and not stack.connections("dp")
    # No connection is left to kill.
    stack.pairs.show(*stack.pairs.make("fourth"))
    reload()
    wait_until(lambda: is_served(worker, limited), what="requests are served again")


def test_a_server_that_asks_for_a_certificate(stack, limited):
    """Workers without one are refused, and say so; one that has one is served."""
    without, server = stack.workers[0], stack.redis()
    certificate, key = stack.pairs.make("a-worker")
    server.config_set("tls-auth-clients", "yes")
    try:
        holder = Worker("worker-known", stack, REDIS_CERTIFICATE_FILE=certificate, REDIS_KEY_FILE=key, **stack.worker_settings(9)).start()
        stack.reconnect()
        wait_until(lambda: is_served(holder, limited), what="the one that has a certificate is served")
        wait_until(lambda: "certificate required" in without.process.log(), what="the other says why it is not")
    finally:
        server.config_set("tls-auth-clients", "no")
    wait_until(lambda: is_served(without, limited), what="it is served again")
    holder.process.kill()


# Refusals

@pytest.fixture(scope="module")
def refused(stack):
    """URLs of servers that are not to be trusted, the relay in front of each, and why."""
    pairs, other = stack.pairs, Pairs(stack.folder / "other")
    pairs.make("own", own=True)
    shown = {"good": pairs.make("good"), "expired": pairs.make("expired", days=-1), "unknown": other.make("unknown"),
             "elsewhere": pairs.make("elsewhere", alternative="IP:127.0.0.9"), "own": (pairs.folder / "own.pem", pairs.folder / "own.key")}
    servers, relays = [], {}
    for name, pair in shown.items():
        one = Pairs(stack.folder / f"redis-{name}-tls")
        one.show(*pair)
        servers.append(SecureRedis(f"redis-{name}", stack.folder, one).start())
        relays[name] = Relay(servers[-1].tls_port)
    relays |= {"plain": Relay(servers[0].port), "mute": Relay(None, mute=True)}
    yield {
        "unknown authority": ("127.0.0.1", relays["unknown"], "unable to get local issuer certificate"),
        "another name": ("localhost", relays["good"], "hostname mismatch"),
        "another address": ("127.0.0.1", relays["elsewhere"], "IP address mismatch"),
        "expired": ("127.0.0.1", relays["expired"], "certificate has expired"),
        "self-signed": ("127.0.0.1", relays["own"], "self-signed certificate"),
        "plain text": ("127.0.0.1", relays["plain"], "its port may not serve TLS"),
        "no answer": ("127.0.0.1", relays["mute"], "did not complete the handshake in time"),
    }
    for relay in relays.values():
        relay.close()
    for server in servers:
        server.process.kill()


REFUSED = ["unknown authority", "another name", "another address", "expired", "self-signed", "plain text", "no answer"]


def says_why(process, operations, relay, reason):
    """Waits for the reason. The process stays alive and is not ready; nothing but TLS was sent, nor the password shown."""
    wait_until(lambda: reason in process.log(), what=f"it says why: {reason}")
    assert process.running and not http_ok(f"http://127.0.0.1:{operations}/readyz")
    assert PASSWORD not in process.log() and "someone" not in process.log()
    sent = [bytes(wire[0]) for wire in relay.wires if wire[0]]
    assert sent and all(is_all_records(wire) and PASSWORD.encode() not in wire for wire in sent)


@pytest.mark.parametrize("case", REFUSED)
def test_a_worker_refuses(stack, refused, case):
    host, relay, reason = refused[case]
    worker = Worker(f"worker-{case.replace(' ', '-')}", stack, **{
        **stack.worker_settings(9), "REDIS_URL": f"rediss://someone:{PASSWORD}@{host}:{relay.port}"})
    worker.process.start()
    try:
        wait_until(lambda: "state Redis cannot be reached" in worker.process.log(), what="it tries")
        says_why(worker.process, worker.operations, relay, reason)
    finally:
        worker.process.kill()


@pytest.mark.parametrize("case", REFUSED)
def test_the_control_plane_refuses(stack, refused, case):
    host, relay, reason = refused[case]
    operations = free_port()
    env = {**stack.control_env, "AIHUB_CONTROL_PORT": str(free_port()), "AIHUB_CONTROL_OPERATIONS_PORT": str(operations),
           "AIHUB_CONTROL_REDIS_URL": f"rediss://someone:{PASSWORD}@{host}:{relay.port}"}
    process = Process(f"control-{case.replace(' ', '-')}", [BINARIES / "aihub-control", "serve"], stack.folder, env).start()
    try:
        says_why(process, operations, relay, reason)
    finally:
        process.kill()


def test_a_cache_that_is_not_to_be_trusted_is_not_used(stack, refused, limited):
    _, relay, reason = refused["unknown authority"]
    worker = Worker("worker-no-cache", stack, **{
        **stack.worker_settings(9), "CACHE_REDIS_URL": f"rediss://someone:{PASSWORD}@127.0.0.1:{relay.port}"}).start()
    try:
        wait_until(lambda: "cache Redis cannot be reached" in worker.process.log() and reason in worker.process.log(), what="it says why")
        wait_until(lambda: is_served(worker, limited), what="requests are served without it")
        assert PASSWORD not in worker.process.log()
    finally:
        worker.process.kill()


@pytest.mark.parametrize("program", ["worker", "control"])
@pytest.mark.parametrize("changed, reason", [
    ({"REDIS_CA_FILE": "/nowhere.pem"}, "/nowhere.pem cannot be used for TLS: No such file or directory"),
    ({"REDIS_KEY_FILE": "/nowhere.key"}, "a certificate and its key belong together"),
    ({"REDIS_URL": f"redis://someone:{PASSWORD}@127.0.0.1:1"}, "no URL begins with rediss://"),
    ({"REDIS_URL": f"redisx://someone:{PASSWORD}@127.0.0.1:1"}, "REDIS_URL (its value is not shown)"),
], ids=["no file", "no certificate", "unused", "scheme"])
def test_settings_that_do_not_fit(stack, program, changed, reason):
    env = dict(stack.control_env) if program == "control" else dict(stack.workers[0].process.env)
    env |= {f"AIHUB_{program.upper()}_{name}": value for name, value in changed.items()}
    if "REDIS_URL" in changed:
        env.pop("AIHUB_WORKER_CACHE_REDIS_URL", None)
    command = [BINARIES / f"aihub-{program}"] + (["serve"] if program == "control" else [])
    process = Process(f"{program}-{len(list(stack.folder.glob('*.log')))}", command, stack.folder, env).start()
    assert process.wait(30) == 64
    assert reason in process.log() and PASSWORD not in process.log(), process.log()


# Passwords that change

class SecureRotationStack(RotationStack):
    def make_state(self, *options):
        self.pairs = Pairs(self.folder / "redis-tls")
        self.pairs.show(*self.pairs.make("first"))
        return SecureStateRedis(self.folder, self.pairs, *options)

    def secured(self, user, settings):
        return {**settings, "REDIS_URL": f"rediss://{user}@127.0.0.1:{self.state.relay.port}",
                "REDIS_CA_FILE": self.pairs.authority.certificate}

    def control_settings(self):
        return self.secured("cp", super().control_settings())

    def worker_settings(self, number):
        return self.secured("dp", super().worker_settings(number))


def test_passwords_are_rotated_over_tls():
    made = SecureRotationStack()
    try:
        key = made.new_key()["key"]
        with Distribution(made), Load(made.workers, key, ["plain"], pause=0.01) as running:
            more_pass(running)
            made.rotate("redis-dp")
            made.rotate("redis-cp")
            more_pass(running)
        assert (running.failures, running.broken) == ([], 0)
        made.assert_exact()
        passwords = {line.split(":")[-1].encode() for line in made.contents}
        kept = made.state.relay.kept()
        assert kept and not [1 for password in passwords for direction in kept if password in direction]
        made.assert_nothing_leaked()
    finally:
        made.close()
        made.state.relay.close()
