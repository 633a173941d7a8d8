"""A gateway for fault tests: Redis is behind proxies and can fail over to a replica; kills are recorded."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import redis

from clock import JUDGED, patience
from fault_proxy import DOWN, FaultProxy
from processes import RedisServer, http_ok, wait_until
from stack import STOPS, Stack

#: Where durations are judged, the time constants are production's.
REAL = JUDGED
SEEDS = [int(seed) for seed in os.environ.get("AIHUB_FAULT_SEEDS", "1").split(",")]
#: Heartbeat and silence as in production, or at most a tenth of them.
TIMES = {"HEARTBEAT_MS": 5000, "SILENCE_MS": 30000, "REST_MS": 5000, "LIMITER_DEADLINE_MS": 50} if REAL else {
    "HEARTBEAT_MS": 200, "SILENCE_MS": 1000, "LIMITER_DEADLINE_MS": 1000}
SILENCE = TIMES["SILENCE_MS"] / 1000
#: The time until the others close a dead worker's holds: its silence plus their next sweep.
SWEPT = SILENCE + (10 if REAL else 4)
#: The time until requests are admitted again once Redis is back.
RECOVERED = 3.0
REDIS = ["--appendonly", "yes", "--appendfsync", "everysec", "--repl-diskless-sync-delay", "0"]


def often(short, real):
    """Number of repetitions: in the short run, in the real one."""
    return real if REAL else short


def wait_for(condition, seconds, what, every=0.1):
    """`wait_until` for conditions that are expensive to check."""
    return wait_until(condition, seconds, what, every)


def seconds_until(condition, seconds, what):
    started = time.monotonic()
    wait_until(condition, seconds, what)
    return time.monotonic() - started


class FaultStack(Stack):
    """Workers reach Redis over one proxy, the control plane over another. Whichever server is assigned to `state` is
    where both lead, as behind a virtual address: old connections are cut."""

    def __init__(self, workers=2, **settings):
        self.front, self.control_front = FaultProxy(), FaultProxy()
        self.replica, self.link, self.servers = None, None, 1
        #: (when, whose name) of every kill -9 of a worker.
        self.kills = []
        self.spoilt = False
        try:
            super().__init__(workers, **{"REDIS_URL": self.front.url_of("dp"), **TIMES, **settings})
        except BaseException:
            self.close()
            raise

    @property
    def state(self):
        return self._state

    @state.setter
    def state(self, server):
        self._state, server.url = server, self.control_front.url_of("cp")
        for front in (self.front, self.control_front):
            front.lead_to(server.port)
            front.cut("rst")

    # Workers

    def kill(self, worker, restart=True):
        self.kills.append((time.monotonic(), worker.process.name))
        worker.process.kill()
        if restart:
            worker.start()

    def lose_disk(self, worker):
        """Deletes the journal, the snapshot and all other files of a stopped worker."""
        shutil.rmtree(worker.folder)

    # Redis

    def kill_redis(self):
        self.state.process.kill()

    def start_redis(self):
        """Like the start script: repairs the log first."""
        repair_log(self.state)
        self.state.start()

    def add_replica(self):
        """A second server that replicates the first over a link that can be cut."""
        self.link = FaultProxy(self.state.port)
        self.servers += 1
        self.replica = RedisServer(
            f"redis-{self.servers}", self.folder, "--aclfile", self.folder / "redis-users" / "users.acl", *REDIS,
            "--replicaof", "127.0.0.1", self.link.port).start()
        self.wait_for_replica()

    def wait_for_replica(self):
        replica = self.direct(self.replica)
        wait_for(lambda: replica.info("replication")["master_link_status"] == "up", 30, "the replica follows", 0.05)
        self.redis().wait(1, 2_000)  # and has everything written before

    def fail_over(self, gap):
        """Fails over to a replica without Redis's last `gap` seconds."""
        self.cut_off_replica()
        time.sleep(gap)  # the gap itself
        self.promote_replica()

    def cut_off_replica(self):
        if not self.replica:
            self.add_replica()
        self.wait_for_replica()
        self.link.hold(DOWN)

    def promote_replica(self):
        self.kill_redis()
        self.link.cut("rst")
        self.direct(self.replica).execute_command("REPLICAOF", "NO", "ONE")
        # After a restart it is still a primary.
        at = self.replica.process.command.index("--replicaof")
        del self.replica.process.command[at:at + 3]
        self.link.close()
        old, self.state = self.state, self.replica
        self.replica, self.link = None, None
        shutil.rmtree(old.folder)

    def direct(self, server):
        return redis.Redis(port=server.port, decode_responses=True, socket_timeout=patience(5))

    def binary(self, server):
        """A client for binary values."""
        return redis.Redis(port=server.port, socket_timeout=patience(5))

    def redis(self):
        return self.direct(self.state)

    # The end

    def whole(self):
        """Starts everything that is not running, and waits until all of it is ready."""
        for front in (self.front, self.control_front):
            front.well()
        if not self.postgres.process.running:
            self.postgres.start()
        if not self.state.process.running:
            self.start_redis()
        for process in (self.control, *(worker.process for worker in self.workers)):
            if not process.running:
                process.start()
        for port in (self.control_operations, *(worker.operations for worker in self.workers)):
            wait_until(lambda: http_ok(f"http://127.0.0.1:{port}/readyz"), 30, "all of it is ready")
        # Each connection of the control plane's pool may have to detect PostgreSQL's restart itself.
        wait_for(lambda: all(self.admin("GET", "/orgs?limit=1")[0] == 200 for _ in range(8)), 30, "changes can be made")

    def close(self):
        """Also closes a stack whose creation failed halfway."""
        has = vars(self).get
        servers = [server.process for server in (has("_state"), self.replica, has("postgres")) if server]
        others = [process for process in (has("control"), has("provider")) if process]
        for process in [worker.process for worker in has("workers", [])] + others + servers:
            process.kill()
        for proxy in (self.front, self.control_front, self.link):
            if proxy:
                proxy.close()
        if self.spoilt:
            self.keep_logs()
        if has("folder"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def keep_logs(self):
        """Keeps the logs needed to understand a failure."""
        kept = pathlib.Path(tempfile.mkdtemp(prefix="aihub-faults-"))
        for log in self.folder.glob("*.log"):
            shutil.copy(log, kept)
        print(f"\nlogs are in {kept}")


def repair_log(server):
    """`redis-check-aof --fix` removes a truncated tail, after asking for confirmation."""
    folder = server.folder / "appendonlydir"
    if (folder / "appendonly.aof.manifest").exists():
        subprocess.run(["redis-check-aof", "--fix", "appendonly.aof.manifest"], cwd=folder, input="y\n", text=True,
                       capture_output=True, timeout=60, check=True)


def load_model(stack, name, script, output_tokens):
    """A separate scripted model, which may have longer answers than the others."""
    path = stack.folder / f"{name}.yaml"
    path.write_text(
        "models:\n"
        f"  - {{name: {name}, vendor: scripted, max_output_tokens: {output_tokens}, first_event_ms: 30000,"
        ' idle_ms: 30000, usd_per_million_tokens:'
        ' {input: "1.000001", cache_read: "0.3", output: "7.000003", reasoning: "11.5"}}\n'
        "deployments:\n"
        f'  - {{id: {name}-1, model: {name}, provider: scripted, upstream_model: "script:{script}",'
        f' {STOPS}}}\n')
    stack.run_control("load", path)
