"""One worker gets the whole table; each module ends by checking the effects on it."""

import pytest

from processes import wait_until
from raw import ask
from case import CHAT, HELLO
from wire import shows


SIGHTED = """
models:
  - {name: sighted, vendor: scripted, max_output_tokens: 400, vision: true, image_tokens_max: 2000, tools: true,
     usd_per_million_tokens: {input: "1.000001", output: "7.000003"}}
deployments:
  - {id: sighted-1, model: sighted, provider: scripted, upstream_model: "script:in=10,out=8"}
"""


class Watch:
    """What must not change under bad input: the process, the provider's bill, the holds, no keys in logs."""

    def __init__(self, stack, worker, key):
        self.stack, self.worker, self.key = stack, worker, key
        self.pid = worker.process.child.pid
        stack.clear_bill()

    def upstream_calls(self):
        return len(self.stack.bill())

    def check(self):
        assert self.worker.process.running and self.worker.process.child.pid == self.pid
        assert self.upstream_calls() == 0, "a refused request reached the provider"
        assert ask(self.worker, "POST", CHAT, self.key, HELLO)[0] == 200
        assert self.upstream_calls() == 1
        wait_until(self.stack.settled, 10, "no hold is open")
        assert not shows(self.key, self.worker.process.log()), "a part of the key is in the log"


@pytest.fixture(scope="session")
def worker(stack, key):
    """The worker for all cases. It has a vision model too, so that no image is refused for lack of one."""
    path = stack.folder / "sighted.yaml"
    path.write_text(SIGHTED)
    stack.run_control("load", path)
    wait_until(lambda: ask(stack.workers[0], "GET", "/v1/models/sighted", key)[0] == 200, what="the model is known")
    return stack.workers[0]


@pytest.fixture(scope="module")
def watch(stack, worker, key):
    return Watch(stack, worker, key)
