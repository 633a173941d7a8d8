"""Starts and stops the real processes a test needs, on private ports and folders, by PID and never by name."""

import itertools
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from clock import patience

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("AIHUB_BINARIES", ROOT / ".build" / "release"))
#: The migrations that belong to those binaries.
TREE = pathlib.Path(os.environ.get("AIHUB_TREE", ROOT))
#: The provider is a test tool, so it comes from this tree, whatever build is tested.
PROVIDER = ROOT / ".build" / "release" / "scripted-provider"
START_SECONDS = 30
STOP_SECONDS = 15


#: Below the range from which Linux gives outgoing connections theirs (`ip_local_port_range`): none of those takes a port between its draw and
#: the server that is to listen on it. Each process begins somewhere else.
PORTS = range(10_000, 32_000)
_ports = itertools.cycle(PORTS)
for _ in range(secrets.randbelow(len(PORTS))):
    next(_ports)


def free_port():
    """A port nobody listens on, and none that was given out lately."""
    for port in itertools.islice(_ports, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("no port is free")


def wait_until(condition, seconds=START_SECONDS, what="condition", every=0.01):
    """Polls `condition()` until truthy and returns it; fails after `patience(seconds)`."""
    seconds = patience(seconds)
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)
    return value


def http_ok(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


class Process:
    """One child process with its log; `stop` and `kill` affect only this PID."""

    def __init__(self, name, command, log_folder, env=None, user=None):
        self.name, self.command, self.env, self.user = name, [str(c) for c in command], env, user
        self.log_path = pathlib.Path(log_folder) / f"{name}.log"
        self.child = None

    def start(self):
        command = self.command
        if self.user:
            command = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"] + command
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(self.env or {})}, cwd=ROOT)
        return self

    @property
    def running(self):
        return self.child is not None and self.child.poll() is None

    def signal(self, number):
        self.child.send_signal(number)

    def kill(self):
        if self.running:
            self.child.kill()
            self.wait()

    def wait(self, seconds=STOP_SECONDS):
        """Waits for the process to end; returns its exit status."""
        return self.child.wait(patience(seconds))

    def stop(self, seconds=STOP_SECONDS):
        """Ends the process with SIGTERM; returns its exit status."""
        if self.running:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return self.child.returncode if self.child else None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""


def server_user():
    """The user for PostgreSQL, which refuses to run as root: its own user then, else the current one."""
    return "postgres" if os.geteuid() == 0 else None


class Postgres:
    def __init__(self, folder):
        self.folder, self.port, self.user = pathlib.Path(folder) / "postgres", free_port(), server_user()
        self.bin = max(pathlib.Path("/usr/lib/postgresql").iterdir(), key=lambda p: int(p.name)) / "bin"
        self.url = f"postgresql://aihub@127.0.0.1:{self.port}/aihub"
        self.folder.mkdir()
        if self.user:
            shutil.chown(self.folder, self.user, pwd.getpwnam(self.user).pw_gid)
        self.process = Process("postgres", [
            self.bin / "postgres", "-D", self.folder / "data", "-p", self.port, "-c", "listen_addresses=127.0.0.1",
            "-c", f"unix_socket_directories={self.folder}", "-c", "fsync=off", "-c", "max_connections=60"],
            folder, user=self.user)

    def create(self):
        self.create_empty()
        self.run("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "aihub", "aihub")
        return self

    def create_empty(self):
        """Creates and starts a cluster without the gateway's database."""
        self.run("initdb", "-D", self.folder / "data", "-U", "aihub", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        self.start()

    def run(self, program, *arguments):
        done = Process(program, [self.bin / program, *arguments], self.folder.parent, user=self.user).start()
        assert done.wait(60) == 0, done.log()

    def start(self):
        self.process.start()
        ready = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        wait_until(lambda: subprocess.run(ready).returncode == 0, what="PostgreSQL is ready")
        return self

    def stop_now(self):
        """Stops at once, as in a crash."""
        self.process.signal(signal.SIGQUIT)
        self.process.wait()


class RedisServer:
    def __init__(self, name, folder, *options):
        self.port = free_port()
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process = Process(name, [
            "redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
            "--maxmemory-policy", "noeviction", *options], folder)

    def start(self):
        self.process.start()
        wait_until(lambda: self._pings(), what="Redis is ready")
        return self

    def url_of(self, user):
        """The URL for this user; a proxy that a test has put in front is used unchanged."""
        return self.url

    def _pings(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


class CacheRedis(RedisServer):
    """A cache Redis with the settings the gateway ships, but smaller."""

    def __init__(self, folder):
        super().__init__("redis-cache", folder, "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lfu")
        self.process.command.insert(1, str(ROOT / "deploy" / "redis" / "cache.conf"))


class StateRedis(RedisServer):
    """A state Redis with the shipped users. `default`: connections without a user may do everything, as tests need."""

    def __init__(self, folder, *options, default=True):
        secrets = pathlib.Path(folder) / "redis-users"
        secrets.mkdir(mode=0o700)
        for user in ("dp", "cp", "rotator"):
            (secrets / user).write_text(f"password-of-{user}\n")
        users = subprocess.run(
            [ROOT / "deploy" / "redis" / "users.sh", secrets / "dp", secrets / "cp", secrets / "rotator"], check=True, capture_output=True,
            text=True).stdout
        if default:
            users = users.replace("user default off resetpass resetkeys resetchannels -@all", "user default on nopass ~* &* +@all")
        (secrets / "users.acl").write_text(users)
        super().__init__("redis-state", folder, "--aclfile", secrets / "users.acl", *options)

    def url_of(self, user):
        own = f"redis://127.0.0.1:{self.port}"
        return self.url.replace("//", f"//{user}:password-of-{user}@") if self.url == own else self.url
