#!/usr/bin/env python3
"""Compares the worker with nginx in front of the same upstream. README.md says how to read it; `make bench` runs it all."""

import argparse
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from lab import Lab  # noqa: E402
from plot import svg  # noqa: E402
from report import table  # noqa: E402
from scenarios import OVERLOAD, QUICK, SCENARIOS  # noqa: E402


def machine():
    """What the figures were measured on."""
    model = next((line.split(": ")[1] for line in open("/proc/cpuinfo") if line.startswith("model name")), "?").strip()
    nginx = "without nginx"
    if shutil.which("nginx"):
        nginx = "nginx " + subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip().rsplit("/")[-1]
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, {nginx}"


def measure(lab, names, count, output):
    results = {}
    print(f"{machine()}; {count} rounds\n")
    for name in names:
        scenario = SCENARIOS[name]
        results[name] = [scenario.run(lab, at) for at in range(min(count, scenario.rounds or count))]
        print(table(name, results[name]), flush=True)
    output.mkdir(parents=True, exist_ok=True)
    text = "\n".join(table(name, rounds) for name, rounds in results.items())
    (output / "report.md").write_text(f"{machine()}; {count} rounds\n\n![worker / nginx](ratios.svg)\n\n{text}")
    (output / "rounds.json").write_text(json.dumps(results, indent=1))
    (output / "ratios.svg").write_text(svg(results))
    print(f"written: {output}/report.md, rounds.json, ratios.svg")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    parser.add_argument("--overload", action="store_true", help=f"only {', '.join(OVERLOAD)}, five rounds")
    parser.add_argument("--only", action="append", choices=SCENARIOS, metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--rounds", type=int, help="default 3, quick 2")
    parser.add_argument("--output", type=pathlib.Path, default=HERE / ".build" / "results")
    arguments = parser.parse_args()
    names = arguments.only or (OVERLOAD if arguments.overload else QUICK if arguments.quick else [name for name in SCENARIOS if name not in OVERLOAD])
    rounds = arguments.rounds or (2 if arguments.quick else 5 if arguments.overload else 3)
    # Ended from outside, what was started is ended as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    lab = Lab()
    try:
        lab.start(beside_nginx=any(name not in OVERLOAD for name in names))
        measure(lab, names, rounds, arguments.output)
    except Exception:
        print(lab.logs(), file=sys.stderr)
        raise
    finally:
        lab.close()


if __name__ == "__main__":
    main()
