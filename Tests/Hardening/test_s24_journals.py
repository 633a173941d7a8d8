"""S24: a worker that takes over the journals of a long outage needs little memory, and loses nothing when it is killed
in between.

The journals are modelled on the records of a real worker: many files, the records of one request spread over them,
several dead workers, completed requests among the rest, torn ends. Each request must be in the ledger once, at the cost
in its last record."""

import itertools
import random

import pytest

import rows
from dead_journals import DONE, ENDED, RUNNING, DeadWorker, Models, new_id, shuffled
from processes import wait_until
from raw import ask
from stack import Worker

CHAT = "/v1/chat/completions"
MIB = 1 << 20
#: The peak of a worker with large journals, in peaks of one with small ones.
PEAKS_MAX = 1.6
names = (f"s24-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def stack(own_stack):
    """Its Redis is stopped, and the first request in its ledger is the one that is looked for."""
    return own_stack


@pytest.fixture(scope="module")
def models(stack):
    """From a worker that is killed while one request runs and the ledger has not acknowledged another."""
    key = stack.new_key()["key"]
    worker = Worker("s24-model", stack).start()
    wait_until(lambda: ask(worker, "GET", "/v1/models", key)[0] == 200, what="the key is known")
    assert ask(worker, "POST", CHAT, key, {"model": "plain", "messages": [{"role": "user", "content": "hi"}]})[0] == 200
    worker.process.kill()
    made = Models(worker.folder)
    wait_until(lambda: len(stack.ledger()) == 1, what="the ledger has the request")
    return made


@pytest.fixture(scope="module")
def control(stack, models):
    """The peak of a worker that takes over a few small files."""
    worker = Worker(next(names), stack)
    chance = random.Random(1)
    ids = [new_id(chance) for _ in range(200)]
    DeadWorker(worker.folder, "w-dead").file("loop0", [models.record(ENDED, one) for one in ids])
    return peak_when_taken_over(stack, worker, dict.fromkeys(ids, models.cost(ENDED)))


def rows_of(stack, ids):
    found = stack.sql("select id::text, kind, nano_usd from usage_event where id = any(%s::uuid[])", list(ids))
    return {one: cost for one, _, cost in found}, len(found)


def peak_when_taken_over(stack, worker, costs, none=()):
    worker.start()
    try:
        wait_until(lambda: len(rows_of(stack, costs)[0]) == len(costs), 60, "the ledger has every request")
        wait_until(lambda: len(list((worker.folder / "journal").iterdir())) == 1, 30, "the folders of the dead are gone")
        found, count = rows_of(stack, costs)
        assert found == costs and count == len(costs), "once each, at its last word"
        assert not rows_of(stack, none)[1], "what was done with is not filed again"
        status = (worker.process.child.pid and open(f"/proc/{worker.process.child.pid}/status").read()) or ""
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024
    finally:
        worker.process.kill()


def generate(chance):
    return {
        "dead": chance.randint(1, 3), "loops": chance.randint(1, 2), "files": chance.randint(3, 5), "seed": chance.getrandbits(32),
        "ids": chance.randint(60, 300), "running": chance.random(), "done": chance.choice([0, 0.2, 0.6]),
        "age": chance.choice([0, 0, 30, 700]), "torn": chance.random() < 0.5, "damaged": chance.random() < 0.3,
        "kill": chance.random() < 0.4}


def write(models, worker, variant):
    """Journals of `files` times 16 MiB in all; what each request costs, and which are done with."""
    chance = random.Random(variant["seed"])
    ids = [new_id(chance, variant["age"]) for _ in range(variant["ids"])]
    done = set(chance.sample(ids, int(len(ids) * variant["done"])))
    stays = {one for one in ids if chance.random() < variant["running"]}
    workers = [DeadWorker(worker.folder, f"w-dead{number}") for number in range(variant["dead"])]
    loops = [(dead, f"loop{number}") for dead in workers for number in range(variant["loops"])]
    per_loop = {place: [] for place in range(len(loops))}
    for one in ids:
        per_loop[chance.randrange(len(loops))].append(one)
    files_each = max(1, variant["files"] // len(loops))
    for place, (dead, loop) in enumerate(loops):
        mine = per_loop[place]
        running = {one: models.record(RUNNING, one) for one in mine}
        filler = b"".join(running.values())
        for number in range(files_each):
            # The same words again and again, as progress is told: the bulk of the file.
            records = [filler] * (15 * MIB // len(filler)) if filler else []
            last = number == files_each - 1
            if last:
                records += [models.record(ENDED, one) for one in shuffled(chance, mine) if one not in stays]
                records += [models.done([one]) for one in mine if one in done]
                if variant["damaged"] and mine:
                    spoilt = bytearray(models.record(RUNNING, mine[0]))
                    spoilt[40] ^= 1
                    records.insert(0, bytes(spoilt))
            torn = models.record(ENDED, new_id(chance))[:50] if variant["torn"] and last else b""
            dead.file(loop, records, torn + bytes(4096))
    costs = {one: models.cost(RUNNING if one in stays else ENDED) for one in ids if one not in done}
    return costs, done, chance


def check(stack, models, control, variant):
    worker = Worker(next(names), stack)
    costs, done, chance = write(models, worker, variant)
    if variant["kill"]:
        for _ in range(chance.randint(1, 3)):
            worker.process.start()
            wait_until(lambda: "dead worker adopted" in worker.process.log() or chance.random() < 0.01, what="it takes over")
            worker.process.kill()
    peak = peak_when_taken_over(stack, worker, costs, done)
    assert peak <= PEAKS_MAX * control, f"peak {peak:.0f} MiB, of the control {control:.0f} MiB"


def test_journals_are_taken_over_in_bounded_memory(stack, models, control):
    rows.attack("S24", generate, lambda variant: check(stack, models, control, variant))


@rows.only_now("older builds took over everything at once, which the row above is red for")
def test_killed_in_the_middle_nothing_is_lost_or_doubled(stack, models):
    """Redis is silent, so that no more is taken over than may be under way at once; then the worker is killed."""
    worker = Worker(next(names), stack)
    chance = random.Random(rows.seed())
    ids = [new_id(chance) for _ in range(12_000)]
    dead = DeadWorker(worker.folder, "w-dead")
    for start in range(0, len(ids), 2_000):
        dead.file("loop0", [models.record(ENDED, one) for one in ids[start:start + 2_000]])
    stack.state.process.signal(19)
    try:
        worker.process.start()
        wait_until(lambda: "the rest follows" in worker.process.log(), what="it has taken over what it may")
    finally:
        worker.process.kill()
        stack.state.process.signal(18)
    left = sorted(path.name for path in (worker.folder / "journal" / "w-dead").iterdir())
    assert 1 < len(left) < 7, "files of which all was taken are gone, the others are not"
    peak_when_taken_over(stack, worker, dict.fromkeys(ids, models.cost(ENDED)))
