"""A process's resource usage, from /proc."""

import os
import pathlib
import time


def memory_mib(worker, field="VmRSS"):
    """`VmRSS` is the current value, `VmHWM` the maximum."""
    status = (pathlib.Path("/proc") / str(worker.process.child.pid) / "status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(field))) / 1024


def bytes_read(worker):
    """All bytes it has read with read(2), including from sockets."""
    return int((pathlib.Path("/proc") / str(worker.process.child.pid) / "io").read_text().split()[1])


def cpu_share(worker, seconds=1.0):
    """Its CPU time during `seconds`, relative to a busy loop running at the same time."""
    def ticks():
        fields = (pathlib.Path("/proc") / str(worker.process.child.pid) / "stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    before, started, over = ticks(), time.thread_time(), time.monotonic() + seconds
    while time.monotonic() < over:
        pass
    return (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.thread_time() - started)
