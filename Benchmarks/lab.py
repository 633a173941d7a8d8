"""Starts what is measured: the worker and nginx on one core, all they talk to and the load generator on the other."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Tests" / "EndToEnd"))
from processes import Process, free_port, http_ok, wait_until  # noqa: E402
from stack import STOPS, Stack, Worker  # noqa: E402

TOOLS = pathlib.Path(os.environ.get("AIHUB_BENCH_TOOLS", ROOT / "Benchmarks" / ".build" / "release"))
#: The subject's core, and everybody else's.
SUBJECT_CORE, OTHER_CORE = 1, 0
#: What a worker is told; everything else has its default. It ends at once, for no load balancer has to be told. Redis shares
#: its core with three others here and may be late without being ill.
SETTINGS = {f"AIHUB_WORKER_{name}" for name in [
    "PORT", "OPERATIONS_PORT", "REDIS_URL", "PEPPER_FILE", "SEAL_KEY_FILE", "STATE_FOLDER", "THREADS",
    "LISTENER_GRACE_SECONDS", "LIMITER_DEADLINE_MS"]}
#: Every limit there is, none of them in reach.
ALL_LIMITS = {
    "requests_per_minute": 1_000_000_000, "tokens_per_minute": 1_000_000_000_000, "concurrent_requests": 1_000_000,
    "requests_per_day": 1_000_000_000_000, "requests_per_month": 1_000_000_000_000,
    "usd_per_day": "9000000", "usd_per_month": "9000000"}
#: Models of the catalogue and how the upstream is to answer them.
MODELS = {
    "short": "bench", "stream-50": "bench:gap=50,count=100000", "stream-200": "bench:gap=200,count=100000",
    "stream-10": "bench:gap=10,count=100000"}
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
    access_log off; keepalive_requests 1000000000; client_max_body_size 20m; client_body_buffer_size 1m;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream provider {{ server 127.0.0.1:{upstream}; keepalive 2048; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 600s;
        }}
    }}
}}
"""


def tree(pid):
    """A process and its descendants."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(p for child in children for p in tree(int(child)))]


def pinned(process):
    """Starts a process on the subject's core."""
    process.command = ["taskset", "--cpu-list", str(SUBJECT_CORE), *process.command]
    return process


def in_leisure(*processes):
    """Lets processes, and what they start, run only while nobody else on their core wants to."""
    for process in processes:
        for pid in tree(process.child.pid):
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                os.sched_setscheduler(int(task.name), os.SCHED_IDLE, os.sched_param(0))


def tasks(process):
    return [int(task.name) for task in pathlib.Path(f"/proc/{process.child.pid}/task").iterdir()]


@contextlib.contextmanager
def at_once(*processes):
    """Processes that run whenever they want to, whatever else their core does, until the block ends: as if it were theirs alone. They
    leave it most of its time; what they fork, as Redis does to rewrite its log, comes with the others."""
    for process in processes:
        for task in tasks(process):
            os.sched_setscheduler(task, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    try:
        yield
    finally:
        for process in processes:
            if process.child.poll() is None:
                for task in tasks(process):
                    os.sched_setscheduler(task, os.SCHED_OTHER, os.sched_param(0))


def kept_awake():
    """As long as the file is open, idle cores poll instead of halting, where the kernel lets us: waking a halted guest's core takes
    longer than a request does, and every process a request passes through pays for it."""
    try:
        file = open("/dev/cpu_dma_latency", "wb", buffering=0)
        file.write((0).to_bytes(4, "little"))
        return file
    except OSError as error:
        print(f"cores may halt: {error}")
        return None


class Catalogued(Stack):
    """A stack whose only provider is the benchmark's upstream."""

    def load_scripted_models(self):
        self.upstream_port = free_port()
        self.upstream = Process("upstream", [TOOLS / "bench-upstream", self.upstream_port], self.folder).start()
        url = f"http://127.0.0.1:{self.upstream_port}/v1"
        models = [
            f"  - {{name: {name}, vendor: bench, max_output_tokens: 400, vision: true, tools: true,"
            ' usd_per_million_tokens: {input: "2", cache_read: "0.5", output: "8"}}' for name in MODELS]
        deployments = [
            f"  - {{id: {name}-1, model: {name}, provider: bench, upstream_model: '{script}'}}"
            for name, script in MODELS.items()]
        path = self.folder / "bench.yaml"
        path.write_text("\n".join([
            "providers:", f"  - {{id: bench, base_url: '{url}', allowed_networks: ['127.0.0.0/8'],"
            f" credential_from_environment: BENCH_KEY, {STOPS}}}",
            "models:", *models, "deployments:", *deployments]) + "\n")
        self.run_control("load", path, env={"BENCH_KEY": "sk-bench"})

    def close(self):
        self.upstream.kill()
        super().close()


class Subject:
    """What stands between load generator and upstream, and how to ask it."""

    def __init__(self, name, process, port, key="none", models=None):
        self.name, self.process, self.port, self.key, self.models = name, process, port, key, models

    def model(self, name):
        return name if self.models is None else self.models[name]


class Lab:
    """`start` and `close` are apart so that what was started before a failure is ended too."""

    def __init__(self):
        os.sched_setaffinity(0, {OTHER_CORE})
        self.awake = kept_awake()
        self.started = []
        #: Half of the worker's peak rate, when it was measured.
        self.half = None
        #: What it can do with its defaults alone, when that was measured; those workers, by their name; another build's binaries.
        self.peak, self.defaults, self.at = None, {}, os.environ.get("AIHUB_AT_BINARIES")
        self.stack = Catalogued(workers=0)

    def start(self, beside_nginx=True):
        self.stack.provider.kill()
        in_leisure(self.stack.postgres.process, self.stack.control)
        self.limited = self.stack.new_key(limits=ALL_LIMITS)["key"]
        self.unlimited = self.stack.new_key()["key"]
        if beside_nginx:
            self.worker, self.nginx = self.start_worker(), self.start_nginx()
        self.direct = Subject("direct", self.stack.upstream, self.stack.upstream_port, models=MODELS)

    def start_worker(self):
        worker = Worker(f"worker-{len(self.started)}", self.stack)
        worker.process.env = {name: value for name, value in worker.process.env.items() if name in SETTINGS}
        self.started.append(pinned(worker.process))
        worker.start()
        return Subject("worker", worker.process, worker.port, self.limited)

    def default_worker(self, binaries=None):
        """A worker with its defaults, the limiter's deadline among them, that serves TLS beside; or one of another build."""
        name = "other build" if binaries else "worker"
        if name not in self.defaults:
            certificate, key = self.certificate()
            tls_port = free_port()
            worker = Worker(f"default-{len(self.started)}", self.stack, TLS_CERTIFICATE_FILE=certificate, TLS_KEY_FILE=key, TLS_PORT=tls_port)
            kept = SETTINGS - {"AIHUB_WORKER_LIMITER_DEADLINE_MS"} | {
                f"AIHUB_WORKER_{name}" for name in ["TLS_CERTIFICATE_FILE", "TLS_KEY_FILE", "TLS_PORT"]}
            worker.process.env = {name: value for name, value in worker.process.env.items() if name in kept}
            if binaries:
                worker.process.command = [pathlib.Path(binaries) / "aihub-worker"]
            self.started.append(pinned(worker.process))
            worker.start()
            self.defaults[name] = Subject(name, worker.process, worker.port, self.limited)
            self.defaults[name].tls_port = tls_port
        return self.defaults[name]

    def certificate(self):
        """A certificate of its own making, and its key."""
        files = self.stack.folder / "bench.crt", self.stack.folder / "bench.key"
        if not files[0].exists():
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", "/CN=localhost", "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
        return files

    def start_nginx(self):
        port, folder = free_port(), self.stack.folder / f"nginx-{len(self.started)}"
        folder.mkdir()
        folder.chmod(0o777)
        (folder / "nginx.conf").write_text(
            NGINX.format(folder=folder, port=port, upstream=self.stack.upstream_port))
        process = Process(folder.name, ["nginx", "-e", folder / "error.log", "-c", folder / "nginx.conf"], folder)
        self.started.append(pinned(process).start())
        # Any answer will do: the upstream answers everything.
        wait_until(lambda: http_ok(f"http://127.0.0.1:{port}/"), what="nginx is ready")
        return Subject("nginx", process, port, models=MODELS)

    @contextlib.contextmanager
    def ledger_paused(self):
        """No caller waits for the ledger, but on one core with Redis its writes to disk, which nothing preempts, delay Redis by
        milliseconds."""
        self.stack.control.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.stack.control.signal(signal.SIGCONT)

    def served_at_once(self):
        """Redis and the provider are not slowed by callers, who elsewhere have machines of their own. Of the requests' cost nothing is
        left out."""
        return at_once(self.stack.state.process, self.stack.upstream)

    def fleet(self):
        """The processes that serve a request of the worker's, by name."""
        return {"worker": self.worker.process, "redis": self.stack.state.process, "control": self.stack.control,
                "postgres": self.stack.postgres.process}

    def taken_in(self):
        """How many usage events are in the ledger."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.stack.control_operations}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(float(line.split()[1])) for line in lines if line.startswith("aihub_control_events_taken_in_total "))

    def rest(self):
        """Waits until every request is settled and in the ledger, so that the next run pays for nothing of the last."""
        wait_until(self.stack.settled, 60, "all requests are settled")
        redis = self.stack.redis()
        streams = list(redis.scan_iter(count=10_000, _type="stream"))
        wait_until(lambda: sum(map(redis.xlen, streams)) == self.taken_in(), 120, "all usage is in the ledger")

    def logs(self):
        processes = [*self.started, self.stack.control, self.stack.upstream]
        return "\n".join(f"{process.name}: {process.log()[-1000:]}" for process in processes)

    def close(self):
        # Not killed: nginx's master has to end its worker.
        for process in self.started:
            process.stop()
        self.stack.close()
