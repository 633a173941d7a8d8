"""Scenarios of nginx beside the worker. Each runs once a round and returns {subject: {metric: value}}."""

from loadgen import Load
from measure import measured

SECONDS = 2.5


def alternating(lab, at):
    """Both subjects, in the other order each round, so that what drifts favours neither."""
    subjects = [lab.nginx, lab.worker]
    return subjects if at % 2 == 0 else subjects[::-1]


def run(lab, subject, mode, count="requests", rests=True, **options):
    """One measured run: the load's result, and what one request or chunk cost the subject."""
    if rests:
        lab.rest()
    result, [used] = measured(Load(subject, mode, **{"seconds": SECONDS, **options}), subject.process)
    units, wall = max(1, result[count]), result["seconds"] * 1e9
    return result, {
        "cpu_us" if count == "requests" else "chunk_us": used.cpu / units / 1000, "per_second": units / wall * 1e9,
        "busy": used.cpu / wall, "others": used.others, "switches": used.switches / units}


def short(body, connections):
    def scenario(lab, at):
        return {s.name: run(lab, s, "closed", body=body, connections=connections, warmup=0.7)[1]
                for s in alternating(lab, at)}
    return scenario


def streams(count, gap):
    def scenario(lab, at):
        rows = {}
        for subject in [lab.direct, *alternating(lab, at)]:
            result, row = run(lab, subject, "streams", count="chunks", model=f"stream-{gap}", connections=count,
                              warmup=1.5)
            latency = {f"{n}_us": result[n] for n in ["first_p50", "first_p99", "delay_p50", "delay_p99"]}
            rows[subject.name] = latency if subject is lab.direct else {**row, **latency}
        return rows
    return scenario


def half_load(lab, at):
    """The same rate for all: half of what the worker can do. The ledger takes it in later."""
    if not lab.half:
        lab.half = int(run(lab, lab.worker, "closed", connections=64, warmup=0.7)[1]["per_second"] / 2)
    rows = {}
    for subject in [lab.direct, *alternating(lab, at)]:
        lab.rest()
        with lab.ledger_paused():
            result, row = run(lab, subject, "rate", rests=False, rate=lab.half, connections=512, warmup=0.5)
        latency = {"p50_us": result["latency_p50"], "p99_us": result["latency_p99"]}
        rows[subject.name] = latency if subject is lab.direct else {**row, **latency}
    return rows
