"""Injects and repairs faults; a seed alone determines which and when.

Each fault is a context manager: entering it breaks something, leaving it repairs it or begins to.
"""

import collections
import contextlib
import random
import signal
import time

from processes import wait_until
from rig import SILENCE, http_ok


@contextlib.contextmanager
def frozen(process):
    """SIGSTOP, and SIGCONT whatever happens in between."""
    process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.signal(signal.SIGCONT)


class Nemesis:
    #: Name -> relative frequency.
    FAULTS = {"kill worker": 45, "freeze worker": 5, "kill redis": 10, "freeze redis": 6, "cut redis": 8,
              "kill control": 12, "freeze control": 4, "stop postgres": 8, "flush": 7, "fail over": 8}
    #: Faults of Redis, which must not overlap.
    OF_REDIS = {"kill redis", "freeze redis", "flush", "fail over"}
    #: They count as kills: a process ended without notice.
    KILLS = ("kill worker", "kill redis", "kill control", "stop postgres", "fail over")

    def __init__(self, stack, seed, **weights):
        self.stack, self.chance, self.weights = stack, random.Random(seed), {**self.FAULTS, **weights}
        self.counts, self.journal = collections.Counter(), []
        print(f"\nnemesis with seed {seed}")

    @property
    def kills(self):
        return sum(self.counts[name] for name in self.KILLS)

    def strike(self, name=None, together=0.15):
        """One fault, or two at once, for a random time."""
        names = [name or self.pick()]
        if name is None and self.chance.random() < together:
            second = self.pick()
            if second.split()[-1] != names[0].split()[-1] and not {second, names[0]} <= self.OF_REDIS:
                names.append(second)
        with contextlib.ExitStack() as broken:
            for name in names:
                self.counts[name] += 1
                self.journal.append((time.monotonic(), name))
                broken.enter_context(getattr(self, name.replace(" ", "_"))())
            time.sleep(self.chance.uniform(0, 0.6))  # the fault's length

    def pick(self):
        return self.chance.choices(list(self.weights), list(self.weights.values()))[0]

    def ready(self, port):
        return http_ok(f"http://127.0.0.1:{port}/readyz")

    # Faults

    @contextlib.contextmanager
    def kill_worker(self):
        worker = self.chance.choice(self.stack.workers)
        self.stack.kill(worker, restart=False)
        yield
        # Readiness is checked at the next strike or at the end, so it may also be killed while it starts.
        worker.process.start()

    @contextlib.contextmanager
    def freeze_worker(self):
        with frozen(self.chance.choice(self.stack.workers).process):
            if self.chance.random() < 0.3:
                time.sleep(min(SILENCE * 1.5, 3))  # long enough for the others to give it up
            yield

    @contextlib.contextmanager
    def kill_redis(self):
        self.stack.kill_redis()
        yield
        self.stack.start_redis()

    @contextlib.contextmanager
    def freeze_redis(self):
        with frozen(self.stack.state.process):
            yield

    @contextlib.contextmanager
    def cut_redis(self):
        """Loses replies to calls that were executed."""
        self.stack.front.hold("down")
        time.sleep(self.chance.uniform(0, 0.05))
        self.stack.front.cut(self.chance.choice(["rst", "fin"]))
        self.stack.front.release()
        yield

    @contextlib.contextmanager
    def kill_control(self):
        self.stack.control.kill()
        yield
        self.stack.control.start()

    @contextlib.contextmanager
    def freeze_control(self):
        with frozen(self.stack.control):
            yield

    @contextlib.contextmanager
    def stop_postgres(self):
        """Like a crash. A control plane that exited meanwhile is started again."""
        self.stack.postgres.stop_now()
        yield
        self.stack.postgres.start()
        if not self.stack.control.running:
            self.stack.control.start()

    @contextlib.contextmanager
    def flush(self):
        self.stack.redis().flushall()
        if self.chance.random() < 0.3:
            self.stack.redis().function_flush()
        yield

    @contextlib.contextmanager
    def fail_over(self):
        self.stack.fail_over(self.chance.uniform(0.05, 0.5))
        yield

    # Between strikes

    def breathe(self):
        """Waits until restarted processes are ready and can be killed again; then pauses for a random time."""
        stack = self.stack
        for process in (stack.control, *(worker.process for worker in stack.workers)):
            if not process.running:
                process.start()
        wait_until(lambda: self.ready(stack.control_operations), 30, "the control plane is ready")
        wait_until(lambda: any(self.ready(worker.operations) for worker in stack.workers), 30, "a worker is ready")
        time.sleep(self.chance.uniform(0.05, 0.8))
