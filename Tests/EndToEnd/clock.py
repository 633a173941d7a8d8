"""The one place where tests judge durations.

No test may fail because a machine is slow or busy. Measurements are always printed. They are judged only where
nothing else runs, as under `make faults` (AIHUB_FAULTS=real). Everywhere else each wait has one generous bound, beyond
which the gateway counts as hung.
"""

import os

JUDGED = os.environ.get("AIHUB_FAULTS") == "real"
#: No wait in a test takes this long, on any machine.
HANG_SECONDS = 60


def patience(seconds):
    """How long to wait for something that a quiet machine does within `seconds`."""
    return seconds if JUDGED else max(seconds, HANG_SECONDS)


def within(seconds, bound, what):
    """Prints and returns a duration; where durations are judged, fails if it exceeds `bound`."""
    told = f"{what}: {seconds:.3f} s, at most {bound:g} s on a quiet machine"
    print(f"\n{told}")
    assert seconds <= patience(bound), told
    return seconds


def judge(holds, told):
    """Prints a measurement; where durations are judged, fails unless it holds."""
    print(f"\n{told}")
    assert holds or not JUDGED, told
