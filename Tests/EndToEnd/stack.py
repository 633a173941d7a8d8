"""A complete gateway: PostgreSQL, Redis, a scripted provider, the control plane and workers, all real."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

import psycopg2
import redis

from clock import patience
from processes import BINARIES, PROVIDER, ROOT, TREE, CacheRedis, Postgres, Process, StateRedis, free_port, http_ok, wait_until


class Worker:
    def __init__(self, name, stack, **settings):
        self.port, self.operations = free_port(), free_port()
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        self.folder = stack.folder / name
        env = {
            "PORT": self.port, "OPERATIONS_PORT": self.operations, "REDIS_URL": stack.state.url_of("dp"), "THREADS": 1,
            "PEPPER_FILE": stack.secrets / "pepper", "SEAL_KEY_FILE": stack.secrets / "seal-key",
            "STATE_FOLDER": self.folder, "LISTENER_GRACE_SECONDS": 0, "DRAIN_SECONDS": 10, "HEARTBEAT_MS": 200,
            "SILENCE_MS": 1000, "LOG_LEVEL": "debug", "REST_MS": 50,
            # A busy machine must not look like a slow Redis; the deadline has its own tests.
            "LIMITER_DEADLINE_MS": 1000,
            "CONNECTIONS_PER_ADDRESS": 10000,
            # Most tests check the refusal, not the wait before it.
            "BUDGET_WAIT_MS": 0,
            # All tests share one address, and many send invalid keys.
            "FAILED_KEYS_PER_MINUTE": 0, **settings}
        env = known_settings(env)
        self.process = Process(
            name, [BINARIES / "aihub-worker"], stack.folder, {f"AIHUB_WORKER_{k}": str(v) for k, v in env.items()})

    def start(self):
        self.process.start()
        wait_until(lambda: http_ok(f"http://127.0.0.1:{self.operations}/readyz"), what=f"{self.process.name} is ready")
        return self

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.operations}/metrics", timeout=patience(5)) as answer:
            lines = answer.read().decode().splitlines()
        return {k: float(v) for k, v in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def known_settings(env):
    """Drops settings that an older build (AIHUB_TREE) does not know and would refuse."""
    if TREE == ROOT:
        return env
    described = (TREE / "docs" / "configuration.md").read_text()
    return {name: value for name, value in env.items() if f"AIHUB_WORKER_{name}`" in described}


class Stack:
    """`cache`: the workers cache answers. Without it every request reaches a provider, as most tests need."""

    def __init__(self, workers=2, cache=False, **worker_settings):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="aihub-test-"))
        self.folder.chmod(0o755)
        self.secrets = self.folder / "secrets"
        self.secrets.mkdir(mode=0o700)
        self.postgres = Postgres(self.folder).create()
        self.state = self.make_state("--appendonly", "yes", "--appendfsync", "everysec").start()
        self.cache = self.make_cache().start() if cache else None
        if cache:
            # As with the limiter's deadline.
            worker_settings = {"CACHE_REDIS_URL": self.cache.url, "CACHE_DEADLINE_MS": 1000, **worker_settings}
        self.provider_port = free_port()
        self.provider = Process("provider", [PROVIDER, self.provider_port], self.folder).start()
        self.provider_url = f"http://127.0.0.1:{self.provider_port}"
        wait_until(lambda: http_ok(self.provider_url + "/health"), what="the provider is ready")
        self.admin_port, self.control_operations = free_port(), free_port()
        self.control_env = {f"AIHUB_CONTROL_{k}": str(v) for k, v in {
            "PORT": self.admin_port, "OPERATIONS_PORT": self.control_operations, "POSTGRES_URL": self.postgres.url,
            "REDIS_URL": self.state.url_of("cp"), "PEPPER_FILE": self.secrets / "pepper",
            "SEAL_KEY_FILE": self.secrets / "seal-key", "KEK_FILE": self.secrets / "kek",
            "SQL_FOLDER": TREE / "sql" / "migrations", "ADMIN_TOKEN_FILE": self.secrets / "admin-token",
            **self.control_settings()}.items()}
        self.control = Process("control", [BINARIES / "aihub-control", "serve"], self.folder, self.control_env)
        self.run_control("init-secrets", self.secrets)
        self.run_control("migrate")
        # Many tests exceed the default concurrency limit of a key.
        self.sql("update plan set key_concurrent_requests = 100000 where name = 'unlimited'")
        self.start_control()
        self.load_scripted_models()
        self.workers = [
            Worker(f"worker-{n}", self, **{**worker_settings, **self.worker_settings(n)}) for n in range(1, workers + 1)]
        for worker in self.workers:
            worker.start()

    # Overridden by other kinds of stacks

    def make_state(self, *options):
        return StateRedis(self.folder, *options)

    def make_cache(self):
        return CacheRedis(self.folder)

    def control_settings(self):
        return {}

    def worker_settings(self, number):
        return {}

    # Control plane

    def run_control(self, *arguments, env=None):
        done = subprocess.run(
            [BINARIES / "aihub-control", *map(str, arguments)], env={**self.control_env, **(env or {})}, cwd=ROOT,
            capture_output=True, text=True, timeout=patience(60))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_control(self):
        self.control.start()
        wait_until(
            lambda: http_ok(f"http://127.0.0.1:{self.control_operations}/readyz"), what="the control plane is ready")

    def admin(self, method, path, body=None, token=None, expect=None):
        token = token or (self.secrets / "admin-token").read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.admin_port}/admin/v1{path}", method=method,
            data=None if body is None else json.dumps(body).encode(), headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=patience(10)) as answer:
                status, data = answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            status, data = error.code, json.load(error)
        if expect is not None:
            assert status == expect, (status, data)
            return data
        return status, data

    def new_key(self, plan="unlimited", org=None, **draft):
        org_id = org or self.admin("POST", "/orgs", {"name": "test", "plan": plan}, expect=201)["id"]
        return self.admin("POST", "/keys", {"org_id": org_id, "name": "test", **draft}, expect=201)

    def load_scripted_models(self):
        """Prices are uneven on purpose, so that a mixed-up counter shows in the sum."""
        models, deployments = [], []
        for name, script in SCRIPTED.items():
            # The provider has one thread: while it floods, other streams may wait for their first chunk.
            first, idle = (30000, 30000) if name == "flood" else (2000, 1500)
            models.append(
                f"  - {{name: {name}, vendor: scripted, max_output_tokens: 400, tools: true, first_event_ms: {first}, idle_ms: {idle},"
                ' usd_per_million_tokens: {input: "1.000001", cache_read: "0.3", output: "7.000003", reasoning: "11.5"}}')
            deployments.append(
                f'  - {{id: {name}-1, model: {name}, provider: scripted, upstream_model: "script:{script}"}}')
        for name, script in EMBEDDERS.items():
            models.append(
                f"  - {{name: {name}, vendor: scripted, kind: embedding, max_output_tokens: 1,"
                ' usd_per_million_tokens: {input: "1.000001", output: "0"}}')
            deployments.append(
                f'  - {{id: {name}-1, model: {name}, provider: scripted, upstream_model: "script:{script}"}}')
        lines = [
            "providers:", f"  - {{id: scripted, dialect: vllm, base_url: '{self.provider_url}/v1', allowed_networks: ['127.0.0.0/8'],"
            f" credential_from_environment: SCRIPTED_KEY, {STOPS}}}",
            "models:", *models, "deployments:", *deployments,
            "aliases:",
            "  - {name: smart, candidates: [{model: plain}]}",
            "  - {name: hop, candidates: [{model: broken}, {model: busy}, {model: plain}]}",
            "  - {name: hopless, candidates: [{model: broken}, {model: busy}]}",
            "  - {name: vision, needs_vision: true, candidates: [{model: plain}]}"]
        path = self.folder / "scripted.yaml"
        path.write_text("\n".join(lines) + "\n")
        self.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})

    # Ground truth

    def bill(self):
        with urllib.request.urlopen(self.provider_url + "/bill", timeout=patience(30)) as answer:
            return {entry["id"]: entry for entry in json.load(answer)}

    def clear_bill(self):
        urllib.request.urlopen(urllib.request.Request(self.provider_url + "/bill", method="DELETE"), timeout=patience(10)).close()

    def sql(self, statement, *values):
        with psycopg2.connect(self.postgres.url) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def sql_alone(self, statement):
        """Runs a statement that is not allowed in a transaction, such as `create database`."""
        connection = psycopg2.connect(self.postgres.url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()

    def redis(self):
        return redis.Redis(port=self.state.port, decode_responses=True)

    def ledger(self):
        """The effective row of each request: the final one if there is one."""
        rows = self.sql(
            "select distinct on (id) id::text, kind, nano_usd, outcome, usage_source, status, input_tokens,"
            " cache_read_tokens, output_tokens, reasoning_tokens, model, key_id, attempts, given_back from usage_event"
            " order by id, kind")
        names = ["id", "kind", "nano_usd", "outcome", "usage_source", "status", "input", "cached", "output", "reasoning",
                 "model", "key_id", "attempts", "given_back"]
        return {row[0]: dict(zip(names, row)) for row in rows}

    def ledger_is_read(self):
        """Whether the ledger has ingested the newest entry of every shard's stream."""
        cursors, client = dict(self.sql("select shard, last_id from ledger_cursor")), self.redis()

        def number(id):
            return tuple(map(int, id.split("-")))

        newest = {name: client.xrevrange(name, count=1) for name in client.scan_iter("u:{*", count=1000)}
        return all(not last or number(last[0][0]) <= number(cursors[int(name[len("u:{s"):][:2])]) for name, last in newest.items())

    def counters(self):
        """Open holds, and the reserved sums and open counts of all scopes."""
        client = self.redis()
        holds = sum(client.zcard(name) for name in client.scan_iter("o:{*", count=1000))
        fields = ("month_reserved", "day_reserved", "month_before_reserved", "day_before_reserved", "open")
        return holds, sum(scope[field] for scope in self.scopes().values() for field in fields)

    def scopes(self):
        """The counters of every scope, as the limiter's inspection function shows them."""
        client = self.redis()
        return {name: self.scope(name) for name in client.scan_iter("b:{*", count=1000)}

    def scope(self, name):
        words = self.redis().fcall_ro("gw2_inspect", 1, name)
        return dict(zip(words[::2], map(int, words[1::2])))

    def settled(self):
        return self.counters() == (0, 0)

    # The end

    def close(self):
        for process in [*(w.process for w in self.workers), self.control, self.provider, self.state.process,
                        self.postgres.process, *([self.cache.process] if self.cache else [])]:
            process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def price(entry):
    """The cost of a bill entry at the test prices, in nano-USD, rounded up once."""
    total = (entry["input"] * 1_000_001_000 + entry["cached"] * 300_000_000 + entry["output"] * 7_000_003_000
             + entry["reasoning"] * 11_500_000_000)
    return -(-total // 1_000_000)


#: The scripted provider stops an answer nobody reads; every file that loads one of its deployments says so.
STOPS = "after_close: stops, after_close_source: 'a server of our own'"

#: Embedding models. One returns only numbers, the other base64 on request.
EMBEDDERS = {"numbers": "in=6,dims=16", "base64": "in=6,dims=16,base64=1"}

SCRIPTED = {
    "plain": "in=10,out=8",
    "slow": "in=21,out=30,gap=50",
    "long": "in=21,out=300,gap=100",
    "flood": "in=5,out=60000",
    "late": "in=5,out=3,first=300",
    "cached": "in=100,out=20,cached=64,reasoning=7",
    "tool": "in=30,out=3,tools=1",
    "broken": "status=500",
    "busy": "status=429,retry=1",
    "refused": "status=400",
    "unpaid": "status=429,quota=1",
    "denied": "status=401",
    "gone": "status=404",
    "cut": "in=12,out=20,cut=6",
    "cutfirst": "in=12,out=20,cut=0",
    "hang": "hang=0",
    "stall": "in=12,out=20,hang=4",
    "sour": "in=12,out=20,error=5",
    "mute": "in=16,out=12,usage=missing",
    "negative": "in=16,out=12,usage=negative",
    "text": "in=16,out=12,usage=text",
    "groq": "in=16,out=12,usage=finish",
    "twice": "in=16,out=12,usage=twice",
    "nameless": "in=4,out=4,nomodel=1",
    "undone": "in=4,out=4,nodone=1",
    "unfinished": "in=4,out=4,nofinish=1",
    "odd": "in=9,out=5,odd=1",
    "filtered": "in=9,out=5,finish=content_filter",
    "wide": "in=9,out=30000",
    "tardy": "in=5,out=3,first=2500",
}
