"""The one place where a test judges the clock.

A machine may be slow or busy, and no test fails for that. What a test measures is printed everywhere. It is judged only where
nothing else runs, as under `make faults` (AIHUB_FAULTS=real). Everywhere else a wait has one generous bound, beyond which the
gateway hangs.
"""

import os

JUDGED = os.environ.get("AIHUB_FAULTS") == "real"
#: Nothing that a test waits for takes as long as this, on any machine.
HANG_SECONDS = 60


def patience(seconds):
    """How long to wait for what a quiet machine does within `seconds`."""
    return seconds if JUDGED else max(seconds, HANG_SECONDS)


def within(seconds, bound, what):
    """Prints how long something took and returns it; fails when it was longer than `bound`, where the clock is judged."""
    told = f"{what}: {seconds:.3f} s, at most {bound:g} s on a quiet machine"
    print(f"\n{told}")
    assert seconds <= patience(bound), told
    return seconds


def judge(holds, told):
    """Prints what was measured; fails when it does not hold, where the clock is judged."""
    print(f"\n{told}")
    assert holds or not JUDGED, told
