"""The load generator as a child process."""

import json
import select
import subprocess

from lab import TOOLS


class Load:
    """One run of the load generator: `began` and `ended` return as the measured time begins and ends."""

    def __init__(self, subject, mode, model="short", key=None, **options):
        options = {"port": subject.port, "key": key or subject.key, "model": subject.model(model), **options}
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        self.child = subprocess.Popen([TOOLS / "bench-load", mode, *arguments], stdout=subprocess.PIPE, text=True)

    def line(self):
        # select(2) knows no descriptor above 1,023, and a scenario may hold thousands.
        poll = select.poll()
        poll.register(self.child.stdout, select.POLLIN | select.POLLHUP)
        assert poll.poll(120_000), "the load generator hangs"
        line = self.child.stdout.readline().strip()
        assert line, f"the load generator ended with {self.child.wait()}"
        return line

    def began(self):
        assert self.line() == "begin"

    def ended(self):
        assert self.line() == "end"

    def result(self):
        result = json.loads(self.line())
        assert self.child.wait(60) == 0
        assert result["errors"] == 0, result
        return result
