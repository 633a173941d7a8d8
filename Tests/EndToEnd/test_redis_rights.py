"""What the planes may do in the state Redis: their own functions and nothing else. No gateway runs here: only the
shipped users and the shipped library, on a real redis-server."""

import pathlib
import re
import shutil
import struct
import tempfile

import pytest
import redis

from processes import ROOT, StateRedis

SCRIPTS = ROOT / "Sources" / "Shared" / "LimitScripts"
SHARD, TAG, OTHER = "{s00.31}", "{s00.31}:", "{s01.18}"
KEY, ORG = "key_0000000000000000", "o:org_0000000000000000"
SCOPES = [f"b:{TAG}{KEY}", f"b:{TAG}{ORG}"]
POOL = f"b:{TAG}pool:p"
OPEN, STREAM, BEATS, PROCESSES = f"o:{SHARD}", f"u:{SHARD}", f"hb:{SHARD}", f"run:{SHARD}"
PERIODS = "209901/20990101,209901/20990101"


def library():
    """The text for FUNCTION LOAD, with the files joined in the gateway's order."""
    names = re.findall(r"PackageResources\.(\w+)_lua", (SCRIPTS / "LimitLibrary.swift").read_text())
    return "\n".join((SCRIPTS / "Lua" / f"{name}.lua").read_text() for name in names)


REVISION = int(re.search(r"^local REVISION = (\d+)$", library(), re.M)[1])


def prefix():
    return re.search(r'static let name = "(\w+)"', (SCRIPTS / "LimitLibrary.swift").read_text())[1]


def packed(name, version):
    """A scope without limits, as MessagePack: [name, version, -1 …]."""
    text = name.encode()
    return bytes([0x9b, 0xa0 | len(text)]) + text + b"\xd3" + struct.pack(">q", version) + b"\xff" * 9


LIMITS = b"\x92" + packed(KEY, 1) + packed(ORG, 1)


@pytest.fixture(scope="module")
def server():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="aihub-test-"))
    # Commands the server could disable are enabled, since this tests the users' rights.
    made = StateRedis(
        folder, "--enable-debug-command", "yes", "--enable-module-command", "yes", default=False).start()
    yield made
    made.process.kill()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def cp(server):
    client = redis.Redis.from_url(server.url_of("cp"))
    client.execute_command("FUNCTION", "LOAD", "REPLACE", library())
    call(client, "raise", [f"c:{SHARD}"], KEY, 1)
    call(client, "raise", [f"c:{SHARD}"], ORG, 1)
    call(client, "barrier", [PROCESSES], 1)
    call(client, "close", [PROCESSES], 1)
    call(client, "live", [f"c:{SHARD}"], 1, client.info("server")["run_id"])
    client.hset(PROCESSES, "open", "run-1")
    return client


@pytest.fixture(scope="module")
def dp(server, cp):
    return redis.Redis.from_url(server.url_of("dp"))


#: Control plane functions whose keys a worker may access; they take the shard's c: as their first key.
FENCED = ["count", "barrier", "close", "clear", "seed", "entomb", "at_least"]


def call(client, function, keys, *arguments):
    if function in FENCED:
        keys = ["c:" + re.search(r"\{.*?\}", keys[0])[0], *keys]
    return client.execute_command("FCALL", f"{prefix()}_{function}", len(keys), *keys, *arguments)


def hold(request):
    return f"h:{TAG}{request}"


def own(client, request):
    """A request ID specific to the client's user."""
    return f"{client.connection_pool.connection_kwargs['username']}-{request}"


def admit(client, request, owner="w-1"):
    return call(client, "admit", [hold(request), OPEN, *SCOPES],
                request, 1, "run-1", owner, 60000, 10, 500, 100, 50, "{}", LIMITS)


def settle(client, request, to="S"):
    return call(client, "settle", [hold(request), OPEN, STREAM, *SCOPES],
                request, 1, to, 40, 10, "{}", 60000, PERIODS, 0)


# Each function on the path with the most writes, so that every command in it is used.
def run_admit(client):
    assert admit(client, own(client, "admitted"))[0] == 0


def run_begin(client):
    assert call(client, "begin", [hold(own(client, "begun")), OPEN, *SCOPES],
                own(client, "begun"), 1, "run-1", "w-1", 60000, "{}", LIMITS)[0] in (0, 1)
    assert settle(client, own(client, "begun"), "B") == [0, b""]


def run_settle(client):
    for request, to in [(own(client, "settled"), "S"), (own(client, "cancelled"), "C")]:
        admit(client, request)
        assert settle(client, request, to)[0] == 0


def run_progress(client):
    request = own(client, "grown")
    admit(client, request)
    assert call(client, "progress", [hold(request), *SCOPES], 1, "w-1", 60, "{}", 900, LIMITS) == [0, b"900"]


def run_restore(client):
    request = own(client, "restored")
    assert call(client, "restore", [hold(request), OPEN, *SCOPES],
                request, 1, "w-1", 1, 60000, 10, 500, 50, "{}", PERIODS) == [0]


def run_append(client):
    assert call(client, "append", [STREAM], "appended", "{}")[0] == 0


def run_reopen(client):
    keys = [f"run:{OTHER}", f"hb:{OTHER}"]
    assert call(client, "reopen", keys, "w-1", "run-2", 1, 0)[0] == 3, "a shard without a life"
    call(client, "heartbeat", [BEATS], "w-1", 0)
    assert call(client, "reopen", [PROCESSES, BEATS], "w-1", "run-1", 1, 0) == [0]
    assert call(client, "reopen", [PROCESSES, BEATS], "w-1", "run-2", 1, 0) == [0]
    assert call(client, "reopen", [PROCESSES, BEATS], "w-1", "run-1", 1, 0) == [0]


def run_appended(client):
    assert call(client, "appended", [f"run:{OTHER}"], "w-1", 1) == [0]


def run_heartbeat(client):
    assert call(client, "heartbeat", [BEATS], "w-1", 0, "w-2", 1)[1:] == [b"1", REVISION]


def run_farewell(client):
    assert call(client, "farewell", [BEATS], "w-1", "w-2") == [0]


def run_sweep(client):
    orphan = own(client, "orphan")
    admit(client, orphan, owner="w-dead")
    call(client, "heartbeat", [BEATS], "w-dead", 0, "w-idle", 0)
    found = call(client, "sweep", [OPEN, BEATS], -1, 100)
    assert orphan.encode() in [row[0] for row in found]


def run_peek(client):
    assert call(client, "peek", SCOPES, KEY, 1, ORG, 1)[0] == 0


def run_inspect(client):
    assert call(client, "inspect", SCOPES[:1])[0] == b"month"


def run_find(client):
    request = own(client, "found")
    admit(client, request)
    assert call(client, "find", [hold(request), STREAM])[0] == b"O"
    settle(client, request)
    assert call(client, "find", [hold(request), STREAM]) == [b"S", b"{}"]


def run_raise(client):
    assert call(client, "raise", [f"c:{OTHER}"], "key_1", 7) == [0]


def run_put_key(client):
    assert call(client, "put_key", ["k:" + "a" * 64], 1, "{}") == [0]
    assert call(client, "put_key", ["cfg:snap"], 1, "{}") == [0]


def run_count(client):
    keys, request = [hold("late"), OPEN, *SCOPES], ["late", 1, 5, 10, "{}", 60000, PERIODS, 0, ""]
    assert call(client, "count", keys, *request) == [0]
    assert call(client, "count", keys, *request) == [1, b"S"], "and no second time"


def run_barrier(client):
    assert [call(client, "barrier", [f"run:{OTHER}"], 7)[0] for _ in range(2)] == [1, 0]


def run_close(client):
    call(client, "barrier", [f"run:{OTHER}"], 8)
    assert call(client, "close", [f"run:{OTHER}"], 8) == [0]


def run_seed(client):
    run_close(client)
    assert call(client, "seed", [f"b:{OTHER}:key_1"], 8, *[209901, 5, 1, 20990101, 5, 1, 0, 0, 0, 0, 0, 0]) == [0]


def run_entomb(client):
    run_close(client)
    assert call(client, "entomb", [f"h:{OTHER}:gone"], 8, 5, PERIODS, 60000) == [0]


def run_clear(client):
    other = "{s04.20}"
    call(client, "barrier", [f"run:{other}"], 8)
    call(client, "close", [f"run:{other}"], 8)
    assert call(client, "clear", [f"run:{other}", f"h:{other}:left", f"o:{other}"], 8) == [0]
    assert call(client, "seed", [f"b:{other}:key_1"], 8, *[209901, 5, 1, 20990101, 5, 1, 0, 0, 0, 0, 0, 0]) == [0]
    assert call(client, "clear", [f"run:{other}", f"b:{other}:key_1"], 8) == [3], "not what is back"


def run_live(client):
    call(client, "barrier", ["run:{s02.60}"], 1)
    call(client, "close", ["run:{s02.60}"], 1)
    assert call(client, "live", ["c:{s02.60}"], 1, "another-process")[0] == 3
    assert call(client, "live", ["c:{s02.60}"], 1, client.info("server")["run_id"]) == [0]


def run_stop(client):
    assert call(client, "stop", ["c:{s03.13}"], 1) == [0]


def run_at_least(client):
    assert call(client, "at_least", [f"b:{OTHER}:key_1"], 209901, 9, 1, 20990101, 9, 1)[0] == 0


def run_share(client):
    life = f"{client.info('server')['run_id']}.{client.hget(f'c:{SHARD}', 'gen').decode()}"
    assert call(client, "share", [f"c:{SHARD}", POOL], "pool:p", 20990101, 1, 500, 0, life, 0)[0] in (0, 1)


def run_pool(client):
    assert len(call(client, "pool", [f"c:{SHARD}", POOL], "pool:p")) == 12


WORKER = ["admit", "begin", "settle", "progress", "restore", "append", "reopen", "appended", "heartbeat", "farewell", "sweep", "peek", "find",
          "inspect"]
CONTROL = ["raise", "put_key", "count", "stop", "barrier", "close", "clear", "seed", "entomb", "live", "at_least", "share", "pool"]


def test_every_function_is_tried_here():
    named = set(re.findall(r'= "\w+?_(\w+)"', (SCRIPTS / "LimitLibrary.swift").read_text()))
    assert named == {*WORKER, *CONTROL}


@pytest.mark.parametrize("function", WORKER)
def test_a_worker_runs(dp, function):
    globals()[f"run_{function}"](dp)


@pytest.mark.parametrize("function", WORKER + CONTROL)
def test_the_control_plane_runs(cp, function):
    globals()[f"run_{function}"](cp)


@pytest.mark.parametrize("function, keys, arguments", [
    ("raise", [f"c:{SHARD}"], [KEY, 99]), ("put_key", ["k:" + "b" * 64], [1, "{}"]), ("put_key", ["cfg:snap"], [9, "{}"]),
    ("live", [f"c:{SHARD}"], [9, "run-1"]), ("share", [f"c:{SHARD}", POOL], ["pool:p", 20990101, 9, 10**12, 0, "run-1", 0]),
])
def test_a_worker_cannot_run_what_writes_configuration(dp, function, keys, arguments):
    refused(dp, "FCALL", f"{prefix()}_{function}", len(keys), *keys, *arguments)


@pytest.mark.parametrize("fence", [[], ["c:{s01.18}"], ["run:{s01.18}"]], ids=["as a worker would", "with the key of a shard", "another"])
@pytest.mark.parametrize("function, keys, arguments", [
    ("barrier", ["run:{s01.18}"], [10**15]), ("close", ["run:{s01.18}"], [8]), ("clear", ["run:{s01.18}", "b:{s01.18}:key_1"], [8]),
    ("seed", ["b:{s01.18}:key_1"], [8, *[0] * 12]), ("entomb", ["h:{s01.18}:gone"], [8, 5, PERIODS, 60000]),
    ("at_least", ["b:{s01.18}:key_1"], [209901, 9, 1, 20990101, 9, 1]),
    ("count", [f"h:{TAG}late", OPEN, *SCOPES], ["late", 1, 5, 10, "{}", 60000, PERIODS, 0, ""]),
], ids=FENCED[1:] + FENCED[:1])
def test_a_worker_cannot_run_what_rebuilds_counters(dp, function, keys, arguments, fence):
    # redis-py maps NOPERM errors of the server and of the library to the same exception.
    refused(dp, "FCALL", f"{prefix()}_{function}", len(fence) + len(keys), *fence, *keys, *arguments)


@pytest.mark.parametrize("command", [
    f"HGET k:{'a' * 64} record", "HMGET cfg:snap v record", f"HMGET c:{SHARD} gen {KEY}", f"GET ack:{SHARD}", "EXISTS cfg:keys",
    f"HLEN {BEATS}", f"HGET {PROCESSES} open", "INFO server", "TIME", "PING", "HGETALL health:deployments",
])
def test_a_worker_reads(dp, command):
    dp.execute_command(*command.split())


@pytest.mark.parametrize("command", [
    "HSET health:deployments d 1", "HDEL health:deployments d", "PEXPIRE health:deployments 600000",
])
def test_a_worker_tells_what_it_measured(dp, command):
    dp.execute_command(*command.split())


def test_the_doorbell_rings_for_workers(cp, dp):
    with dp.pubsub() as listener:
        listener.subscribe("cfg")
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        assert cp.publish("cfg", "config 1") == 1
        assert listener.get_message(timeout=5)["data"] == b"config 1"


@pytest.mark.parametrize("command", [
    "HGET k:x v", f"XRANGE {STREAM} - +", f"XTRIM {STREAM} MINID 0",
    f"HGETALL {BEATS}", "HGETALL health:deployments", "TIME", "INFO server", "FUNCTION LIST", "EXISTS cfg:snap cfg:keys", "HSET cfg:keys:1 keys 1", "PERSIST cfg:keys:1", "RENAME cfg:keys:1 cfg:keys", f"SET ack:{SHARD} 1", "SCAN 0",
    f"DEL b:{OTHER}:gone",
])
def test_the_control_plane_may(cp, command):
    cp.execute_command(*command.split())


@pytest.mark.parametrize("to", ["S", "R"])
def test_what_cannot_be_filed_is_not_counted(dp, to):
    # A stream with the largest ID accepts no more entries.
    request, stream = own(dp, f"unfiled-{to}"), f"u:{{s02.18}}{to}"
    assert admit(dp, request)[0] == 0
    dp.xadd(stream, {"id": "forged"}, id=f"{2**64 - 1}-{2**64 - 1}")
    before = [call(dp, "inspect", [scope]) for scope in SCOPES]
    for _ in range(2):
        with pytest.raises(redis.exceptions.ResponseError):
            call(dp, "settle", [hold(request), OPEN, stream, *SCOPES], request, 1, to, 40, 10, "{}", 60000, PERIODS, 0)
    assert [call(dp, "inspect", [scope]) for scope in SCOPES] == before
    assert settle(dp, request, to)[0] == 0, "its hold stood, and is given back once it can be filed"
    assert [call(dp, "inspect", [scope]) for scope in SCOPES] != before


def refused(client, *words):
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*words)


SERVER = [
    "EVAL return(1) 0", "EVAL_RO return(1) 0", "EVALSHA 0 0", "SCRIPT LOAD return(1)", "SCRIPT FLUSH", "SCRIPT KILL",
    "FUNCTION DUMP", "FUNCTION FLUSH", "FUNCTION KILL", "FUNCTION RESTORE x", "CONFIG GET *", "CONFIG SET dir /tmp",
    "CONFIG REWRITE", "KEYS *", "RANDOMKEY", "FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "SELECT 1", "DBSIZE", "ACL LIST",
    "ACL WHOAMI", "ACL SETUSER dp +@all", "ACL SETUSER eve on nopass +@all ~*", "DEBUG SLEEP 0", "DEBUG RELOAD", "SHUTDOWN",
    "SAVE", "BGSAVE", "BGREWRITEAOF", "REPLICAOF 127.0.0.1 1", "FAILOVER", "SYNC", "PSYNC ? -1", "MODULE LIST",
    "MODULE LOAD /tmp/x.so", "MONITOR", "CLIENT LIST", "CLIENT KILL 127.0.0.1:1", "CLIENT PAUSE 1", "SLOWLOG GET", "LATENCY RESET",
    "MEMORY DOCTOR", "CLUSTER INFO", "MIGRATE 127.0.0.1 1 x 0 1", "PSUBSCRIBE *", "SUBSCRIBE other", "PUBLISH other x",
    "GET foreign", "SET foreign 1",
]

WORKER_ONLY = [
    "FUNCTION LIST", "FUNCTION LOAD x", f"FUNCTION DELETE {prefix()}", "SCAN 0", "PUBLISH cfg x", "MULTI",
    f"HSET c:{SHARD} {KEY} 0", f"HSET c:{SHARD} gen 9", f"DEL c:{SHARD}", f"HDEL c:{SHARD} {KEY}",
    "HSET k:x record {}", "DEL k:x", "SET k:x 1", "SET cfg:snap 1", "HSET cfg:snap v 9", "DEL cfg:snap", "HSET cfg:keys keys 1", "RENAME cfg:keys:1 cfg:keys",
    f"SET ack:{SHARD} 9", f"DEL ack:{SHARD}", f"XTRIM {STREAM} MAXLEN 0", f"XDEL {STREAM} 0-1", f"DEL {STREAM}",
    f"XREAD STREAMS {STREAM} 0", f"SET {STREAM} 1", f"XGROUP CREATE {STREAM} g 0", f"DEL {SCOPES[0]}",
    f"DEL {OPEN}", f"DEL {BEATS}", "DEL health:deployments", "SET health:deployments 1", "HSET health d 1", f"EXPIRE {SCOPES[0]} 1", f"RENAME {SCOPES[0]} {SCOPES[1]}", f"COPY {SCOPES[0]} {SCOPES[1]}",
    f"DUMP {SCOPES[0]}", f"RESTORE {SCOPES[0]} 0 x", f"SET {OPEN} 1", f"SET {BEATS} 1", f"SET {PROCESSES} 1",
    f"APPEND {SCOPES[0]} x", f"GETDEL {SCOPES[0]}", f"SORT {OPEN} STORE {SCOPES[0]}", f"ZRANGESTORE {OPEN} {OPEN} 0 -1",
]


@pytest.mark.parametrize("command", SERVER + WORKER_ONLY)
def test_a_worker_cannot(dp, command):
    refused(dp, *command.split())


@pytest.mark.parametrize("command", SERVER)
def test_the_control_plane_cannot(cp, command):
    refused(cp, *command.split())


def test_nobody_comes_without_a_name(server):
    with pytest.raises(redis.exceptions.AuthenticationError):
        redis.Redis(port=server.port).ping()
    with pytest.raises(redis.exceptions.AuthenticationError):
        redis.Redis(port=server.port, username="dp", password="guessed").ping()
