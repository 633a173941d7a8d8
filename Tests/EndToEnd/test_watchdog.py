"""A stuck event loop: reported by /livez, silent to other workers, and finally the end of its process. A worker that was
only stopped by a signal continues."""

import signal
import time
import urllib.error
import urllib.request

import pytest

from one_thread import held, threads
from processes import http_ok, wait_until
from raw import ask
from stack import Stack

STALL_MS = 1_000
HEARTBEATS = "hb:{s00.31}"
STATUS = 70


@pytest.fixture(scope="module")
def stack():
    made = Stack(workers=1, THREADS=2, STALL_MS=STALL_MS, LOG_LEVEL="info")
    yield made
    made.close()


def livez(worker):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{worker.operations}/livez", timeout=2) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def log_of(worker):
    return worker.process.log_path.read_text()


def beats(stack):
    """Each loop's last heartbeat; the control plane is an owner too, but excluded here."""
    return {name: at for name, at in stack.redis().hgetall(HEARTBEATS).items() if name.startswith("w-")}


def test_a_worker_that_was_stopped_goes_on(stack):
    worker, key = stack.workers[0], stack.new_key()["key"]
    assert {"loop0", "loop1", "watchdog"} <= set(threads(worker.process.child.pid).values())
    worker.process.signal(signal.SIGSTOP)
    try:
        # A plain sleep, since there is no event to wait for: the process must stay stopped longer than a loop may stall.
        time.sleep(3 * STALL_MS / 1_000)
    finally:
        worker.process.signal(signal.SIGCONT)
    wait_until(lambda: ask(worker, "GET", "/v1/models", key)[0] == 200, what="the worker answers again")
    # After as many watchdog ticks as would end it, the loop still turns.
    wait_until(lambda: http_ok(f"http://127.0.0.1:{worker.operations}/readyz"), what="the worker is ready")
    assert livez(worker) == (200, "alive\n")
    assert worker.process.child.poll() is None and "is stuck" not in log_of(worker)


def test_a_loop_that_stands_still_for_a_moment_is_forgiven(stack):
    worker = stack.workers[0]
    try:
        with held(worker.process.child.pid, "loop1"):
            status, text = wait_until(lambda: (told := livez(worker))[0] == 503 and told, what="/livez fails")
            assert ".1 has made no progress" in text, text
    except PermissionError:
        pytest.skip("this machine lets nobody trace a thread")
    wait_until(lambda: livez(worker)[0] == 200, what="/livez is well again")
    assert "event loop is running again" in log_of(worker)


def test_a_loop_that_turns_no_more_ends_its_worker(stack):
    worker = stack.workers[0]
    wait_until(lambda: len(beats(stack)) == 2, what="both loops have given signs of life")
    owner = next(name for name in beats(stack) if name.endswith(".0"))
    try:
        with held(worker.process.child.pid, "loop0") as has_died:
            wait_until(lambda: livez(worker)[0] == 503, what="/livez fails")
            last = beats(stack)
            wait_until(has_died, what="the worker ends itself")
            status = wait_until(worker.process.child.poll, what="its end is told")
    except PermissionError:
        pytest.skip("this machine lets nobody trace a thread")
    assert status == STATUS
    # A heartbeat in flight when /livez failed may still arrive, but none after it, while the other loop's continue.
    ended = beats(stack)
    other = owner.removesuffix(".0") + ".1"

    def since(name):
        return int(ended[name].rstrip("!")) - int(last[name].rstrip("!"))

    # It may have been silent so long that its holds have already been reaped.
    assert owner not in ended or since(owner) <= 200, (ended, last)
    assert since(other) > 200, (ended, last)
    log = log_of(worker)
    assert "event loop is stuck" in log and "worker exits" in log and f"loop={owner}" in log
