"""A worker that shuts down, or runs out of memory or file descriptors, degrades gracefully."""

import http.client
import json
import signal
import threading
import time

import pytest

from clock import patience, within
from measuring import cpu_share, memory_mib
from playing import CHAT, body, connect, ledger_rows, raw_request
from processes import http_ok, wait_until
from raw import ask, events
from raw_answers import DONE, answer, delta, event, head, plain, usage_chunk
from raw_upstream import FIN, GONE
from stack import price

A = event(delta("a"))
REST = A + event(delta("", finish="stop")) + event(usage_chunk(7, 2)) + DONE
MIB = 1 << 20


class Reader(threading.Thread):
    """A stream read to its end in the background."""

    def __init__(self, worker, key, script):
        super().__init__()
        self.connection, self.text = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=patience(20)), b""
        self.connection.request("POST", CHAT, json.dumps(body(script)), {
            "Authorization": f"Bearer {key}", "Content-Type": "application/json"})
        self.start()

    def run(self):
        answer = self.connection.getresponse()
        while part := answer.read1(65536):
            self.text += part
        self.connection.close()

    def events(self):
        self.join(patience(20))
        return events(self.text.decode())


# SIGTERM

@pytest.mark.parametrize("signals", [1, 2])
def test_a_worker_that_is_told_to_go(stack, make_worker, key, upstream, signals):
    """Unready at once; still answering while the listener is open; short streams end by themselves, long ones are cut off
    in-band when the time is up or at the second signal; each is settled."""
    worker = make_worker(LISTENER_GRACE_SECONDS=2, DRAIN_SECONDS=4 if signals == 1 else 600)
    upstream.scripts.update({
        "short": [head() + A, 2.6 if signals == 1 else 0.5, REST, FIN], "endless": [head(), *[A, 1] * 600],
        "quick": [plain(answer())]})
    before = {script: len(upstream.of(script)) for script in ("short", "endless")}
    short, endless = ([Reader(worker, key, script) for _ in range(10)] for script in ("short", "endless"))
    wait_until(lambda: all(b'"a"' in reader.text for reader in short + endless), 5, "all streams have begun")
    kept = connect(worker)
    started = time.monotonic()
    worker.process.signal(signal.SIGTERM)
    ready = f"http://127.0.0.1:{worker.operations}/readyz"
    wait_until(lambda: not http_ok(ready), 0.5, "it is not ready any more")
    wait_until(lambda: http_ok(ready.replace("readyz", "livez")), 2, "it lives")
    status, headers, _ = ask(worker, "POST", CHAT, key, body("quick", stream=False))
    assert (status, headers["connection"]) == (200, "close"), "the listener is still open"
    kept.sendall(raw_request(key, "quick", stream=False))
    assert kept.recv(65536)[:12] in (b"HTTP/1.1 200", b""), "an open connection is served or closed"
    wait_until(lambda: is_refused(worker), 2.6, "the listener is closed")
    assert time.monotonic() - started > 1.9, "not before its time"
    if signals == 2:
        worker.process.signal(signal.SIGTERM)
    assert worker.process.wait(15) == 0
    within(time.monotonic() - started, 2 + 4 + 3 if signals == 1 else 2.6 + 3, "ended")
    for reader in short:
        assert reader.events()[-1] == "[DONE]" and b'"error"' not in reader.text, "what fits is not cut"
    for reader in endless:
        assert reader.events()[-1] == "[DONE]" and reader.events()[-2]["error"]["type"] == "server_shutdown"
    rows = {script: ledger_rows(stack, [r.id for r in upstream.of(script)[before[script]:]]) for script in before}
    assert {row["nano_usd"] for row in rows["short"]} == {price({"input": 7, "cached": 0, "output": 2, "reasoning": 0})}
    assert all(row["output_tokens"] + row["reasoning_tokens"] >= 1 for row in rows["endless"]) and len(rows["endless"]) == 10


def is_refused(worker):
    """Whether connections are refused. A reset is not enough: the closing listener resets those it has not accepted."""
    try:
        connect(worker).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        return False
    return False


# Memory

def test_near_its_memory_budget_a_worker_refuses_what_is_new(stack, make_worker, key, upstream):
    """Unfinished bodies fill it: they are refused, running streams continue, and small requests succeed afterwards. Pages of
    files do not count."""
    upstream.scripts.update({"quick": [plain(answer())], "before the flood": [head() + A, 1.5, REST, FIN]})
    budget = int(memory_mib(make_worker(), "RssAnon")) + 90
    worker = make_worker(
        MEMORY_MIB=budget, BODIES_MIB=4096, BODIES_PER_KEY_MIB=4096, BODIES_PER_ADDRESS_MIB=4096)
    assert ask(worker, "POST", CHAT, key, body("quick", stream=False))[0] == 200
    stream = Reader(worker, key, "before the flood")
    start = (f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
             f"Content-Length: {19 * MIB}\r\n\r\n").encode()
    filling = []
    for _ in range(12):
        connection = connect(worker)
        filling.append(connection)
        try:
            connection.sendall(start + b" " * (18 * MIB))
        except OSError:
            pass  # Already refused.
        status, headers, got = ask(worker, "POST", CHAT, key, body("quick", stream=False))
        assert status == 200 or (status, got["error"]["type"], headers["retry-after"]) == (503, "overloaded", "1")
    told = set()

    def refused():
        told.update(connection for connection in filling if connection not in told and is_told(connection))
        return len(told)

    wait_until(lambda: 12 - refused() <= 90 / 18, 5, "those that do not fit are refused")
    peak = memory_mib(worker, "VmHWM") - memory_mib(worker, "RssFile") - memory_mib(worker, "RssShmem")
    print(f"\nbudget {budget} MiB, {refused()} of {len(filling)} bodies refused, at most {peak:.0f} MiB")
    assert peak < budget * 1.1, "it stayed near its budget"
    assert stream.events()[-1] == "[DONE]" and b'"error"' not in stream.text, "what was under way goes on"
    wait_until(lambda: ask(worker, "POST", CHAT, key, body("quick", stream=False))[0] == 200, 3, "small requests go on")
    for connection in filling:
        connection.close()
    assert worker.process.running


def is_told(connection):
    """Whether the refusal has arrived, without waiting for it."""
    connection.setblocking(False)
    try:
        return connection.recv(4096).startswith(b"HTTP/1.1 503")
    except OSError:
        return False


# File descriptors

def test_without_file_descriptors_a_worker_waits_and_recovers(stack, make_worker, key, upstream):
    """No busy loop on a listener it cannot accept from, and answers within a second once descriptors are free."""
    upstream.scripts["quick"] = [plain(answer())]
    worker = make_worker(wrap=["prlimit", "--nofile=64:64"])
    assert ask(worker, "POST", CHAT, key, body("quick", stream=False))[0] == 200
    calm = cpu_share(worker)
    crowd = []
    for _ in range(100):
        crowd.append(connect(worker))
    share = cpu_share(worker, 2)
    print(f"\n{share:.1%} of what a loop gets that never rests while nothing can be accepted, {calm:.1%} at rest")
    assert share - calm < 0.05
    assert worker.process.running
    for connection in crowd:
        connection.close()
    started = time.monotonic()
    wait_until(lambda: answers(worker, key), 5, "it answers again")
    within(time.monotonic() - started, 1, "answered once there is room")
    wait_until(stack.settled, 5)


def answers(worker, key):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=1)
        connection.request("POST", CHAT, json.dumps(body("quick", stream=False)), {
            "Authorization": f"Bearer {key}", "Content-Type": "application/json"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
