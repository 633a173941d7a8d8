"""Stops a single thread of a process, which no signal can do (ptrace(2), PTRACE_SEIZE and PTRACE_INTERRUPT)."""

import contextlib
import ctypes
import os
import pathlib

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def threads(pid):
    """The names of a process's threads by ID."""
    return {int(task.name): (task / "comm").read_text().strip() for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}


def _trace(request, thread):
    if libc.ptrace(request, thread, None, None) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextlib.contextmanager
def held(pid, name):
    """Stops the thread of that name within the block; yields a function that tells if it has died. The process's end
    cannot be observed before calling it. Raises PermissionError where the machine forbids tracing."""
    thread = next(number for number, known in threads(pid).items() if known == name)
    _trace(SEIZE, thread)
    _trace(INTERRUPT, thread)
    os.waitpid(thread, WALL)
    try:
        yield lambda: os.waitpid(thread, WALL | os.WNOHANG)[0] == thread
    finally:
        with contextlib.suppress(OSError):
            _trace(DETACH, thread)
