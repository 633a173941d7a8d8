#!/usr/bin/env python3
"""Where a worker spends its time: `perf` (Debian: linux-perf) watches one under the load of a benchmark. `make profile` runs it.

Writes flame.svg and report.txt to Benchmarks/.build/profile, and prints the dearest functions. The clock is the CPU's time, since
virtual machines seldom have counters."""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from flame import stacks, svg, tree  # noqa: E402
from lab import Lab  # noqa: E402
from loadgen import Load  # noqa: E402


def record(pid, seconds, data):
    subprocess.run(
        ["perf", "record", "--event", "cpu-clock", "--freq", "997", "--call-graph", "fp", "--pid", str(pid), "--output", data, "--quiet",
         "--", "sleep", str(seconds)], check=True)


def perf(*arguments):
    """What perf prints, with Swift's names as they are written."""
    text = subprocess.run(["perf", *arguments], capture_output=True, text=True, check=True).stdout
    return subprocess.run(["swift", "demangle", "--simplified", "--compact"], input=text, capture_output=True, text=True, check=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--body", type=int, default=1_000, help="bytes of a request")
    parser.add_argument("--streams", action="store_true", help="streams with a chunk each every 50 ms in place of short requests")
    parser.add_argument("--output", type=pathlib.Path, default=HERE / ".build" / "profile")
    arguments = parser.parse_args()
    if not shutil.which("perf"):
        sys.exit("perf is missing: install Debian's package linux-perf")
    arguments.output.mkdir(parents=True, exist_ok=True)
    data = arguments.output / "perf.data"
    mode, options = ("streams", {"model": "stream-50"}) if arguments.streams else ("closed", {"body": arguments.body})
    lab = Lab()
    try:
        lab.start(beside_nginx=False)
        worker = lab.start_worker()
        load = Load(worker, mode, connections=arguments.connections, warmup=1, seconds=arguments.seconds + 2, **options)
        load.began()
        record(worker.process.child.pid, arguments.seconds, data)
        load.ended()
        # On a busy machine some are refused; that is part of what the worker does.
        result = json.loads(load.line())
        print(f"{result['requests']} requests, {result['errors']} errors")
    finally:
        lab.close()
    report = perf("report", "--input", data, "--stdio", "--no-children", "--call-graph", "none", "--percent-limit", "0.3")
    (arguments.output / "report.txt").write_text(report)
    root = tree(stacks(perf("script", "--input", data, "--fields", "comm,ip,sym")))
    (arguments.output / "flame.svg").write_text(svg(root, f"{mode}, {arguments.connections} connections, {root[0]} samples"))
    print("\n".join([line for line in report.splitlines() if line and not line.startswith("#")][:25]))
    print(f"written: {arguments.output}/flame.svg, report.txt")


if __name__ == "__main__":
    main()
