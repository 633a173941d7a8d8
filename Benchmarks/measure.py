"""What a process has used: CPU of its threads, context switches, memory; and what others took of its core meanwhile."""

import pathlib
import time

from lab import SUBJECT_CORE, tree

#: /proc/stat counts in hundredths of a second.
TICK = 10_000_000


def idle_time():
    """Nanoseconds the subject's core had nothing to do."""
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{SUBJECT_CORE} "):
            return sum(map(int, line.split()[4:6])) * TICK
    raise AssertionError(f"there is no core {SUBJECT_CORE}")


class Usage:
    """Sums from a process's start until now, in nanoseconds; `since` makes them those of a span."""

    def __init__(self, process):
        self.wall, self.idle = time.monotonic_ns(), idle_time()
        self.cpu = self.switches = 0
        for pid in tree(process.child.pid):
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                try:
                    self.cpu += int((task / "schedstat").read_text().split()[0])
                    status = (task / "status").read_text()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                self.switches += sum(
                    int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line)

    def since(self, before):
        for name in ["wall", "idle", "cpu", "switches"]:
            setattr(self, name, getattr(self, name) - getattr(before, name))
        return self

    @property
    def others(self):
        """The share of the core that was neither idle nor this process's."""
        return max(0, self.wall - self.idle - self.cpu) / self.wall


def resident(process):
    """Bytes in memory."""
    lines = [line for pid in tree(process.child.pid)
             for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss:"))


def measured(load, *processes):
    """Runs a load to its end; returns its result and what each process used in the measured time."""
    load.began()
    before = [Usage(process) for process in processes]
    load.ended()
    used = [Usage(process).since(earlier) for process, earlier in zip(processes, before)]
    return load.result(), used
