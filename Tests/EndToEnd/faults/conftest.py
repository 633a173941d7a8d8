import pytest

from playing import load_models
from processes import http_ok, wait_until
from raw import ask
from raw_upstream import RawUpstream
from stack import Worker


@pytest.fixture(scope="session")
def upstream(stack):
    """Model `raw` has long deadlines, `hasty` gives up after a second; `spare` falls back from `hasty` to `plain`."""
    made = RawUpstream(send_buffer=64 << 10)
    url = f"http://127.0.0.1:{made.port}/v1"
    load_models(
        stack, {"raw": (url, 5000, "127.0.0.0/8"), "hasty": (url, 1000, "127.0.0.0/8")}, {"spare": ["hasty", "plain"]})
    yield made
    made.close()


@pytest.fixture(scope="session")
def key(stack):
    """A key that is refused when its limits cannot be checked, so that tests notice that."""
    return stack.new_key(outage_policy="deny")["key"]


@pytest.fixture(scope="module")
def make_worker(stack, upstream, key, request):
    """A module's own workers on the shared stack, so that faults in them affect no other test. They know the key
    and reach Redis when they are handed out."""
    made = []

    def make(wrap=(), **settings):
        worker = Worker(f"{request.module.__name__}-{len(made)}", stack, **settings)
        worker.process.command = [*wrap, *worker.process.command]
        made.append(worker)
        worker.process.start()
        wait_until(lambda: not worker.process.running or http_ok(f"http://127.0.0.1:{worker.operations}/readyz"))
        assert worker.process.running, worker.process.log()
        wait_until(lambda: ask(worker, "GET", "/v1/models", key)[0] == 200)
        return worker

    yield make
    for worker in made:
        worker.process.kill()


@pytest.fixture(scope="module")
def worker(make_worker):
    return make_worker()
