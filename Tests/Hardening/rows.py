"""A row of the hardening table: one hole, attacked in many variants of shape, spelling and place.

`AIHUB_SEED` repeats a run. Against an older build (`make hardening AT=…`) the same row must be red: `AIHUB_EXPECT=red`."""

import os
import random

VARIANTS_MIN = 20


def seed():
    return int(os.environ.get("AIHUB_SEED") or random.SystemRandom().randrange(1 << 32))


def attack(row, generate, check, variants=VARIANTS_MIN):
    """Runs `check(variant)` on variants made by `generate(random)`; a check fails by AssertionError.

    Every variant must hold. Against an older build most of them must not: a row that was never red proves nothing."""
    assert variants >= VARIANTS_MIN, f"{row}: a row needs at least {VARIANTS_MIN} variants"
    chosen = seed()
    source = random.Random(chosen)
    failures = []
    for number in range(variants):
        variant = generate(source)
        try:
            check(variant)
        except AssertionError as error:
            failures.append(f"variant {number}: {str(variant)[:200]}: {str(error)[:300]}")
    print(f"{row}: seed {chosen}, {variants} variants, {len(failures)} red")
    if os.environ.get("AIHUB_EXPECT") == "red":
        assert len(failures) * 2 > variants, f"{row} (seed {chosen}) is not red there: {len(failures)} of {variants}"
    else:
        assert not failures, f"{row} (seed {chosen}):\n" + "\n".join(failures)
