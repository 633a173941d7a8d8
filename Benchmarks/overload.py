"""Scenarios of too much: more than the worker can serve, and callers who would take what others need. Each returns
{row: {metric: value}}; every figure that counts is a ratio to one of the same round."""

import asyncio
import contextlib
import json
import random
import ssl
import sys
import tempfile
import zlib

from lab import ROOT, at_once
from loadgen import Load

sys.path.insert(0, str(ROOT / "Tests" / "Hardening"))
from addresses import random_key  # noqa: E402

CONNECTIONS = (32, 64, 128, 256)
SECONDS, WARMUP = 2.0, 1.0
SHEDS = "429,503"
#: A caller like most: few connections, and far from what the worker can do.
MODEST = {"mode": "rate", "rate": 100, "connections": 16, "seconds": 3 * SECONDS, "warmup": WARMUP}
#: Loads that run together come from different addresses.
ELSEWHERE = 1_000


def closed(subject, connections, **options):
    load = Load(subject, "closed", connections=connections, sheds=SHEDS, seconds=SECONDS, warmup=WARMUP, **options)
    load.began(), load.ended()
    return load.result()


def goodput(lab, at):
    """The best of some numbers of connections, and what is left of it at ten times as many."""
    with lab.served_at_once():
        return compare_goodput(lab, at)


def compare_goodput(lab, at):
    rows = {}
    subjects = [lab.default_worker(), *([lab.default_worker(lab.at)] if lab.at else [])]
    for subject in subjects if at % 2 == 0 else subjects[::-1]:
        found = {}
        for connections in CONNECTIONS:
            found[connections] = closed(subject, connections)["requests"] / SECONDS
        best = max(found, key=found.get)
        many = closed(subject, best * 10)
        shed = {status: many[f"shed_{status}"] for status in SHEDS.split(",")}
        rows[subject.name] = {
            "peak": found[best], "peak_at": best, "tenfold": many["requests"] / SECONDS,
            "kept": many["requests"] / SECONDS / found[best], **{f"shed_{status}": count for status, count in shed.items()},
            "hinted": many["hinted"] / max(1, sum(shed.values())), "shed_p99_us": many["shed_p99"],
            "p99_us": many["latency_p99"]}
        lab.peak = found[best]
        lab.rest()
    if lab.at:
        rows["worker"]["of_other"] = rows["worker"]["peak"] / rows["other build"]["peak"]
    return rows


def modest(lab, subject):
    load = Load(subject, key=lab.unlimited, sheds=SHEDS, **MODEST)
    load.began()
    # It measures: what other callers cost the core they share with it is not the worker's doing.
    with at_once(load):
        load.ended()
    return load.result()


def beside(noise):
    """A modest caller alone, and then beside `noise(lab, subject)`, a context that lasts."""
    def scenario(lab, at):
        subject = lab.default_worker()
        with lab.served_at_once():
            alone = modest(lab, subject)
            with noise(lab, subject) as told:
                crowded = modest(lab, subject)
        lab.rest()
        served = max(1, crowded["requests"])
        return {"a modest caller": {
            "idle_p99_us": alone["latency_p99"], "p99_us": crowded["latency_p99"],
            "slowed": crowded["latency_p99"] / alone["latency_p99"],
            "refused": sum(crowded[f"shed_{status}"] for status in SHEDS.split(",")) / served, **told}}
    return scenario


@contextlib.contextmanager
def load_beside(subject, mode, **options):
    """A load that runs until the block ends, or a little longer; what it got is in the dictionary that is given."""
    told = {}
    load = Load(subject, mode, sheds=options.pop("sheds", SHEDS), seconds=3 * SECONDS + WARMUP + 1.5, warmup=0.2,
                **{"from": ELSEWHERE}, **options)
    load.began()
    yield told
    load.ended()
    result = load.result()
    told |= {"noise": result["requests"], **{f"noise_{name}": result[name] for name in result if name.startswith("shed_4") or name.startswith("shed_5")}}


@contextlib.contextmanager
def greedy(lab, subject):
    """One key that asks for twice what the machine can do."""
    peak = lab.peak or closed(subject, 64)["requests"] / SECONDS
    with load_beside(subject, "rate", rate=int(2 * peak), connections=512, key=lab.limited) as told:
        yield told


@contextlib.contextmanager
def unknown_keys(lab, subject):
    """Well-formed keys that do not exist, as fast as 64 connections get their answers."""
    with tempfile.NamedTemporaryFile("w") as file:
        source = random.Random(1)
        file.write("\n".join(random_key(source) for _ in range(20_000)))
        file.flush()
        with load_beside(subject, "closed", connections=64, keys=file.name, body=0, path="/v1/models", expect=401, sheds="429") as told:
            yield told


@contextlib.contextmanager
def large_bodies(lab, subject):
    """Twelve bodies of 19 MiB at once, again and again."""
    with load_beside(subject, "closed", connections=12, body=19 << 20, key=lab.limited) as told:
        yield told


@contextlib.contextmanager
def idle_tls(lab, subject, count=3_000):
    """Connections whose TLS stands and that ask nothing."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    loop = asyncio.new_event_loop()

    async def connect(number):
        # Not more from one address than a caller may have.
        return await asyncio.open_connection(
            "127.0.0.1", subject.tls_port, ssl=context, local_addr=(f"127.0.6.{1 + number // 100}", 0))

    async def connect_all():
        made = []
        for first in range(0, count, 100):
            made += await asyncio.gather(*(connect(number) for number in range(first, first + 100)))
        return made

    writers = [writer for _, writer in loop.run_until_complete(connect_all())]
    try:
        yield {"noise": len(writers)}
    finally:
        for writer in writers:
            writer.transport.abort()
        loop.run_until_complete(asyncio.sleep(0.1))
        loop.close()
