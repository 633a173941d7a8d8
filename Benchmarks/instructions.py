#!/usr/bin/env python3
"""How many instructions a request takes in the whole worker, counted by callgrind (Debian: valgrind).

usage: Benchmarks/instructions.py [BINARIES TREE]

Prints a line for each kind of request. With BINARIES and TREE (scripts/build-at.sh makes both) that build is measured instead, with
its own control plane, migrations and settings. What is counted is what the worker's loop does between the request before and this
one: reading, admitting through Redis, calling the provider, answering, settling. The rest of the process is left out."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
if len(sys.argv) == 3:
    os.environ["AIHUB_BINARIES"], os.environ["AIHUB_TREE"] = sys.argv[1:]
elif len(sys.argv) != 1:
    sys.exit(__doc__)
sys.path.insert(0, str(HERE.parent / "Tests" / "EndToEnd"))
import stack as stacks  # noqa: E402
from processes import http_ok, wait_until  # noqa: E402

#: Requests before those that count: caches are filled and pools have grown.
WARMUP = 300
MEASURED = 1_000
#: Under callgrind everything takes some fifty times as long: no deadline may decide what the worker does.
SETTINGS = {
    "LIMITER_DEADLINE_MS": 5_000, "HEARTBEAT_MS": 5_000, "SILENCE_MS": 30_000, "LOG_LEVEL": "warning", "REST_MS": 5_000,
}
KINDS = {
    "plain, 100 bytes": {"stream": False, "content": "hi"},
    "plain, 4 KiB": {"stream": False, "content": "word " * 800},
    "streamed, 20 chunks": {"stream": True, "content": "hi"},
}
stacks.SCRIPTED["short"] = "in=5,out=20,gap=0"


def ask(connection, key, kind):
    body = json.dumps(
        {"model": "short", "messages": [{"role": "user", "content": kind["content"]}], "stream": kind["stream"]}).encode()
    connection.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: worker\r\nAuthorization: Bearer " + key.encode()
        + b"\r\nContent-Type: application/json\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
    answer = b""
    while not whole(answer):
        received = connection.recv(1 << 16)
        assert received, answer
        answer += received
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:500]


def whole(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return len(body) >= int(length[1]) if length else body.endswith(b"\r\n\r\n") and b"\r\n0\r\n" in body


def control(pid, *arguments):
    subprocess.run(["callgrind_control", *arguments, str(pid)], check=True, capture_output=True)


def loop_instructions(folder, pid):
    """The total of the thread that ran most: the event loop. Each dump has a file for each thread."""
    totals = []
    for part in folder.glob(f"callgrind.out.{pid}.*"):
        found = re.search(r"^(?:summary|totals): (\d+)", part.read_text(errors="replace"), re.M)
        totals.append(int(found[1]) if found else 0)
        part.unlink()
    return max(totals)


def main():
    stack = stacks.Stack(workers=0)
    try:
        worker = stacks.Worker("worker-counted", stack, **SETTINGS)
        out = stack.folder / "callgrind"
        out.mkdir()
        # Valgrind does not understand the debug information of Swift's static runtime.
        program = stack.folder / "aihub-worker"
        subprocess.run(["strip", "--strip-debug", "-o", program, worker.process.command[0]], check=True)
        worker.process.command = [
            "valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={out}/callgrind.out.%p", str(program)]
        worker.process.start()
        wait_until(lambda: http_ok(f"http://127.0.0.1:{worker.operations}/readyz"), seconds=60, what="the worker is ready")
        pid, key = worker.process.child.pid, stack.new_key()["key"]
        for name, kind in KINDS.items():
            with socket.create_connection(("127.0.0.1", worker.port)) as connection:
                for _ in range(WARMUP):
                    ask(connection, key, kind)
                control(pid, "--zero")
                for _ in range(MEASURED):
                    ask(connection, key, kind)
                control(pid, "--dump")
            print(f"{name:24} {loop_instructions(out, pid) / MEASURED:10,.0f} instructions a request", flush=True)
    except BaseException:
        print(worker.process.log()[-3000:], file=sys.stderr)
        raise
    finally:
        worker.process.stop()
        stack.close()


if __name__ == "__main__":
    main()
