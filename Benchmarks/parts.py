"""Scenarios of parts: where a request's cost lies, in the worker and beside it. Each returns {part: {metric: value}}."""

import time

from comparisons import run
from loadgen import Load
from measure import Usage, measured, resident


def waterfall(lab, at):
    """The worker's own parts, each containing the one before, beside a whole request through nginx."""
    bad = lab.limited[:-1] + ("A" if lab.limited[-1] != "A" else "B")
    parts = {
        "nginx: a short request": (lab.nginx, {}),
        "HTTP alone (GET /v1)": (lab.worker, {"path": "/v1", "body": 0}),
        "a mistyped key (401)": (lab.worker, {"path": "/v1/models", "body": 0, "key": bad, "expect": 401}),
        "a key looked up (GET /v1/models)": (lab.worker, {"path": "/v1/models", "body": 0}),
        "a short request, no limits": (lab.worker, {"key": lab.unlimited}),
        "a short request, all limits": (lab.worker, {}),
    }
    return {name: run(lab, subject, "closed", connections=64, warmup=0.4, seconds=1.5, **options)[1]
            for name, (subject, options) in parts.items()}


def memory(count, gap):
    """Growth of fresh processes: memory once taken is seldom given back."""
    def scenario(lab, at):
        rows = {}
        for start in [lab.start_nginx, lab.start_worker]:
            subject = start()
            run(lab, subject, "closed", connections=16, warmup=0.1, seconds=0.5)
            lab.rest()
            before = resident(subject.process)
            load = Load(subject, "streams", model=f"stream-{gap}", connections=count, warmup=2.5, seconds=0.5)
            load.began()
            grown = resident(subject.process) - before
            load.ended()
            load.result()
            rows[subject.name] = {"kb_a_stream": grown / count / 1024, "idle_mb": before / 1048576}
            lab.rest()
            subject.process.stop()
        return rows
    return scenario


def fleet(lab, at):
    """All processes at one rate, from the first request until the last is in the ledger, less what they use idle."""
    processes, rate, seconds = lab.fleet(), 1_000, 4

    def used(wait):
        before, began = {name: Usage(p) for name, p in processes.items()}, time.monotonic()
        wait()
        spent = {name: Usage(p).since(before[name]).cpu for name, p in processes.items()}
        return spent, time.monotonic() - began

    lab.rest()
    idle, idle_seconds = used(lambda: time.sleep(2))
    taken = lab.taken_in()

    def work():
        load = Load(lab.worker, "rate", rate=rate, connections=256, warmup=0, seconds=seconds)
        load.began(), load.ended()
        wanted = taken + load.result()["requests"]
        # Seldom, because asking costs too.
        while lab.taken_in() < wanted:
            time.sleep(0.1)

    busy, busy_seconds = used(work)
    rows = {name: {"cpu_us": (busy[name] - idle[name] / idle_seconds * busy_seconds) / (rate * seconds) / 1000}
            for name in processes}
    rows["all"] = {"cpu_us": sum(row["cpu_us"] for row in rows.values())}
    return {"nginx": {"cpu_us": run(lab, lab.nginx, "rate", rate=rate, connections=256)[1]["cpu_us"]}, **rows}


def ceilings(lab, at):
    """What load generator and upstream reach without a subject between them, both on their one core."""
    rows = {}
    for name, mode, options in [
            ("1 KB", "closed", {"connections": 64, "body": 1_000}), ("10 KB", "closed", {"connections": 64, "body": 10_000}),
            ("200 KB", "closed", {"connections": 16, "body": 200_000}), ("5 MB", "closed", {"connections": 4, "body": 5_000_000}),
            ("800 streams, a chunk each every 10 ms", "streams", {"connections": 800, "model": "stream-10"})]:
        load = Load(lab.direct, mode, warmup=0.7, seconds=1.5, **options)
        result, used = measured(load, load, lab.direct.process)
        count = "chunks" if mode == "streams" else "requests"
        rows[name] = {"per_second": result[count] / result["seconds"],
                      "cpu_us": sum(u.cpu for u in used) / max(1, result[count]) / 1000}
    return rows
