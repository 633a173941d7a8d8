"""A row of the hardening table: one weakness, attacked in many variants of shape, spelling and place.

`AIHUB_SEED` repeats a run. Against an older build (`make hardening AT=…`) the same row must be red: `AIHUB_EXPECT=red`.
Tests beside the rows run there, too, but those that ask for what did not exist (`only_now`)."""

import concurrent.futures
import itertools
import os
import random

import pytest

VARIANTS_MIN = 20
EXPECTS_RED = os.environ.get("AIHUB_EXPECT") == "red"


def only_now(reason):
    """Marks a test beside a row that says nothing about an older build, and why."""
    return pytest.mark.skipif(EXPECTS_RED, reason=reason)


def seed():
    return int(os.environ.get("AIHUB_SEED") or random.SystemRandom().randrange(1 << 32))


def each_of(kinds):
    """Gives every kind in turn, so that no seed leaves one out."""
    endless = itertools.cycle(kinds)
    return lambda: next(endless)


def attack(row, generate, check, variants=VARIANTS_MIN, at_once=1):
    """Runs `check(variant)` on variants made by `generate(random)`, some of them at once; a check fails by
    AssertionError.

    Every variant must hold. Against an older build most of them must not: a row that was never red proves nothing."""
    assert variants >= VARIANTS_MIN, f"{row}: a row needs at least {VARIANTS_MIN} variants"
    chosen = seed()
    source = random.Random(chosen)

    def judge(variant):
        try:
            check(variant)
        except AssertionError as error:
            return f"{str(variant)[:200]}: {str(error)[:300]}"

    if at_once == 1:
        judged = [judge(generate(source)) for _ in range(variants)]
    else:
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            judged = list(pool.map(judge, [generate(source) for _ in range(variants)]))
    failures = [f"variant {number}: {failure}" for number, failure in enumerate(judged) if failure]
    print(f"{row}: seed {chosen}, {variants} variants, {len(failures)} red")
    if EXPECTS_RED:
        assert len(failures) * 2 > variants, f"{row} (seed {chosen}) is not red there: {len(failures)} of {variants}"
    else:
        assert not failures, f"{row} (seed {chosen}):\n" + "\n".join(failures)
