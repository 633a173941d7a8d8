"""A cache Redis that is slow, full, gone or back: providers answer the requests, slightly later at most."""

import signal
import time

import pytest
import redis as redis_client

from cache_rig import at_once, exchange, hello
from clock import judge, within
from processes import wait_until
from stack import Stack

#: The most a request may take longer than without a cache: the deadline plus a quiet machine's margin.
DEADLINE_MS, ADDED_SECONDS = 50, 1.5


@pytest.fixture(scope="module")
def stack():
    made = Stack(workers=1, cache=True, CACHE_DEADLINE_MS=DEADLINE_MS)
    yield made
    made.close()


@pytest.fixture
def worker(stack):
    return stack.workers[0]


@pytest.fixture
def key(stack):
    return stack.new_key()["key"]


def is_back(worker, key, name):
    """Waits until an answer is stored and returned again."""
    def works():
        request = hello(text=f"{name} {time.monotonic()}")
        return [exchange(worker, key, request).word for _ in range(2)] == ["miss", "hit"]

    wait_until(works, 15, "the cache is used again")


def are_answered(worker, key, name, words):
    """Checks that requests are answered correctly and within the bound."""
    longest = 0
    for n in range(10):
        begun = time.monotonic()
        answer = exchange(worker, key, hello(text=f"{name} {n // 2}"))
        longest = max(longest, time.monotonic() - begun)
        assert answer.status == 200 and answer.word in words, (n, answer.word)
        assert answer.json["choices"][0]["message"]["content"] == "tok " * 8
    within(longest, ADDED_SECONDS, "the longest answer")


def test_stopped(stack, worker, key, request):
    is_back(worker, key, request.node.name)
    stack.cache.process.signal(signal.SIGSTOP)
    try:
        are_answered(worker, key, request.node.name, {"bypass"})
        answers = at_once(40, lambda n: exchange(worker, key, hello(text=request.node.name)))
        assert {(one.status, one.word) for one in answers} == {(200, "bypass")}
        # Once the cache is known to be late, no request waits for it.
        late = worker.metrics()['aihub_worker_cache_errors_total{reason="late"}']
        for n in range(20):
            exchange(worker, key, hello(text=f"quick {n}"))
        waited = worker.metrics()['aihub_worker_cache_errors_total{reason="late"}'] - late
        assert waited < 20, "most did not wait"
        judge(waited <= 5, f"{waited:.0f} of 20 waited")
    finally:
        stack.cache.process.signal(signal.SIGCONT)
    is_back(worker, key, request.node.name)


def test_killed_and_started_again(stack, worker, key, request):
    stack.cache.process.kill()
    are_answered(worker, key, request.node.name, {"bypass"})
    stack.cache.start()
    is_back(worker, key, request.node.name)


def test_full(stack, worker, key, request):
    client = redis_client.Redis(port=stack.cache.port)
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    try:
        before = client.dbsize()
        # Until Redis has refused the write, identical requests still get the answer.
        are_answered(worker, key, request.node.name, {"miss", "hit"})
        assert client.dbsize() == before
    finally:
        client.config_set("maxmemory", 64 << 20)
        client.config_set("maxmemory-policy", "allkeys-lfu")
    is_back(worker, key, request.node.name)


def test_evicting(stack, worker, key, request):
    """A Redis too small for all answers: old ones are evicted, and nothing else happens."""
    client = redis_client.Redis(port=stack.cache.port)
    client.config_set("maxmemory", client.info("memory")["used_memory"] + (1 << 20))
    try:
        for n in range(40):
            assert exchange(worker, key, hello("wide", f"{n}", stream=True, max_tokens=400)).status == 200
        assert client.info("stats")["evicted_keys"] > 0
        are_answered(worker, key, request.node.name, {"miss", "hit"})
    finally:
        client.config_set("maxmemory", 64 << 20)


def test_wiped_while_in_use(stack, worker, key, request):
    client = redis_client.Redis(port=stack.cache.port)
    for n in range(10):
        assert exchange(worker, key, hello(text=request.node.name)).status == 200
        client.flushall()
    is_back(worker, key, request.node.name)


def test_followers_are_answered_when_it_goes_while_they_wait(stack, worker, key, request):
    is_back(worker, key, request.node.name)
    before = worker.metrics().get("aihub_worker_cache_shared_total", 0)

    def run(n):
        if n:
            return exchange(worker, key, hello("slow", request.node.name, max_tokens=30, stream=True))
        wait_until(lambda: worker.metrics().get("aihub_worker_cache_shared_total", 0) > before, 5, "they wait")
        stack.cache.process.kill()

    answers = at_once(10, run)[1:]
    assert {one.status for one in answers} == {200} and len({one.body for one in answers}) == 1
    stack.cache.start()
    is_back(worker, key, request.node.name)
