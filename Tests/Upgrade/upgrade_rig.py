"""A gateway whose parts start one by one, to be recorded or to continue from a recording."""

import os
import pathlib
import subprocess

from processes import BINARIES, PROVIDER, TREE, Postgres, Process, StateRedis, free_port, http_ok, wait_until
from stack import Stack, Worker

HERE = pathlib.Path(__file__).parent
#: Scripts that finish at once, one that stops after four tokens, and a slow one.
SCRIPTS = {"plain": "in=10,out=8", "cached": "in=100,out=20,cached=64,reasoning=7", "slow": "in=21,out=30,gap=50", "stuck": "in=12,out=20,hang=4"}


class Gateway(Stack):
    """The interface of `Stack` for processes that are not started yet. `shift`: seconds to move their clocks by."""

    def __init__(self, folder, shift=0):
        self.folder = pathlib.Path(folder)
        self.folder.chmod(0o755)
        self.secrets = self.folder / "secrets"
        self.secrets.mkdir(mode=0o700)
        self.postgres = Postgres(self.folder)
        self.state = StateRedis(self.folder, "--appendonly", "yes", "--appendfsync", "everysec")
        self.cache, self.workers = None, []
        self.provider_port, self.admin_port, self.control_operations = free_port(), free_port(), free_port()
        self.provider = Process("provider", [PROVIDER, self.provider_port], self.folder)
        self.provider_url = f"http://127.0.0.1:{self.provider_port}"
        self.control_env = {f"AIHUB_CONTROL_{k}": str(v) for k, v in {
            "PORT": self.admin_port, "OPERATIONS_PORT": self.control_operations, "POSTGRES_URL": self.postgres.url,
            "REDIS_URL": self.state.url_of("cp"), "PEPPER_FILE": self.secrets / "pepper",
            "SEAL_KEY_FILE": self.secrets / "seal-key", "KEK_FILE": self.secrets / "kek",
            "SQL_FOLDER": TREE / "sql" / "migrations", "ADMIN_TOKEN_FILE": self.secrets / "admin-token"}.items()}
        self.control = Process("control", [BINARIES / "aihub-control", "serve"], self.folder, self.control_env)
        self.clock = {}
        if shift:
            self.move_clocks(shift)

    def move_clocks(self, shift):
        """Moves the clocks of processes started from now on."""
        self.clock = clock_of(self.folder, shift)
        self.postgres.process.env = self.state.process.env = self.clock
        self.control_env.update(self.clock)

    def start_provider(self):
        self.provider.start()
        wait_until(lambda: http_ok(self.provider_url + "/health"), what="the provider is ready")

    def start_workers(self):
        """Starts workers; those that have run before continue from their disks."""
        self.workers = self.workers or [Worker(name, self) for name in ("worker-1", "worker-2")]
        for worker in self.workers:
            worker.process.env.update(self.clock)
            worker.start()

    def create(self):
        self.postgres.create()
        self.state.start()
        self.start_provider()
        self.run_control("init-secrets", self.secrets)
        self.run_control("migrate")
        self.start_control()
        self.load_models()
        self.start_workers()

    def load_models(self):
        models = [
            f"  - {{name: {name}, vendor: scripted, max_output_tokens: 400, tools: true, first_event_ms: 30000, idle_ms: 60000,"
            ' usd_per_million_tokens: {input: "1.000001", cache_read: "0.3", output: "7.000003", reasoning: "11.5"}}' for name in SCRIPTS]
        deployments = [f'  - {{id: {n}-1, model: {n}, provider: scripted, upstream_model: "script:{s}"}}' for n, s in SCRIPTS.items()]
        path = self.folder / "scripted.yaml"
        path.write_text("\n".join([
            "providers:", f"  - {{id: scripted, dialect: vllm, base_url: '{self.provider_url}/v1', allowed_networks: ['127.0.0.0/8'],"
            " credential_from_environment: SCRIPTED_KEY}", "models:", *models, "deployments:", *deployments, ""]))
        self.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})

    def dump(self):
        """The database with its roles, as SQL for an empty cluster whose owner has the same name."""
        where = ["-h", "127.0.0.1", "-p", str(self.postgres.port), "-U", "aihub"]
        roles, database = (subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout for command in [
            [self.postgres.bin / "pg_dumpall", *where, "--roles-only"], [self.postgres.bin / "pg_dump", *where, "--create", "aihub"]])
        own = ("CREATE ROLE aihub;", "ALTER ROLE aihub ")
        return "\n".join(line for line in roles.splitlines() if not line.startswith(own)) + "\n" + database

    def restore(self, path):
        self.postgres.create_empty()
        self.postgres.run("psql", "-h", "127.0.0.1", "-p", self.postgres.port, "-U", "aihub", "-d", "postgres", "-q", "-v", "ON_ERROR_STOP=1",
                          "-f", path)


def clock_of(folder, shift):
    library = folder / "clock_shift.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, HERE / "clock_shift.c", "-ldl"], check=True)
    os.chmod(library, 0o755)
    return {"LD_PRELOAD": str(library), "AIHUB_CLOCK_SHIFT": str(shift)}
