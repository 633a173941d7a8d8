"""More load than the limiter can handle: a worker serves what it can, fairly, and refuses the rest before asking Redis.
Nothing here depends on time: the tests count calls, and compare keys within the same run."""

import asyncio
import json
import time
from collections import Counter

import pytest

from processes import wait_until
from redis_proxy import RedisProxy
from stack import Stack, Worker

BODY = json.dumps({"model": "plain", "messages": [{"role": "user", "content": "hi"}]}).encode()
#: Redis's time for an admission, which makes about 250 a second on any machine.
ADMIT_SECONDS = 0.004
#: Connections of the greedy key, far more than that, and the modest key's requests meanwhile.
GREEDY, MODEST, ASKED_EACH = 400, 4, 8


class Calls:
    """The worker's calls to Redis by function, and how often each settle arrived."""

    def __init__(self):
        self.admits, self.settles = 0, Counter()

    def spoil(self, words, execute):
        if words[0] == "FCALL" and words[1] == "gw2_admit":
            self.admits += 1
            time.sleep(ADMIT_SECONDS)
        if words[0] == "FCALL" and words[1] == "gw2_settle":
            self.settles[words[3]] += 1


@pytest.fixture(scope="module")
def crowd():
    made = Stack(workers=0)
    proxy, calls = RedisProxy(made.state.port), Calls()
    url = made.state.url_of("dp").replace(f":{made.state.port}", f":{proxy.url.rsplit(':', 1)[1]}")
    made.workers.append(Worker("crowded", made, REDIS_URL=url).start())
    proxy.spoil = calls.spoil
    yield made, calls
    made.close()
    proxy.close()


async def ask(reader, writer, key):
    """Sends one request on a connection; returns status, headers and body."""
    writer.write((f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
                  f"Content-Length: {len(BODY)}\r\n\r\n").encode() + BODY)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
    body = await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split(" ")[1]), headers, body


async def caller(port, key, answers, until):
    """Sends requests until told to stop, reading each answer completely."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while not until(answers):
        answers.append(await ask(reader, writer, key))
    writer.close()


async def crowd_of(port, greedy, modest):
    """The answers of a key with many concurrent connections, and those of a key with few requests meanwhile."""
    many, few = [], [[] for _ in range(MODEST)]
    stop = False
    greedy_ones = [asyncio.create_task(caller(port, greedy, many, lambda _: stop)) for _ in range(GREEDY)]
    while len(many) < GREEDY:
        await asyncio.sleep(0.01)
    await asyncio.gather(*(caller(port, modest, answers, lambda got: len(got) >= ASKED_EACH) for answers in few))
    stop = True
    await asyncio.gather(*greedy_ones)
    return many, [answer for answers in few for answer in answers]


def test_a_crowd_is_served_as_far_as_it_goes_and_the_rest_is_refused_early(crowd):
    stack, calls = crowd
    worker, greedy, modest = stack.workers[0], stack.new_key()["key"], stack.new_key()["key"]
    many, few = asyncio.run(crowd_of(worker.port, greedy, modest))
    assert Counter(status for status, _, _ in few) == {200: MODEST * ASKED_EACH}, "a modest key was refused for a greedy one"
    statuses = Counter(status for status, _, _ in many)
    assert set(statuses) <= {200, 429, 503} and statuses[200] > 0 and statuses[429] > 0, statuses
    waits = []
    for status, headers, body in many:
        if status != 200:
            error = json.loads(body)["error"]
            assert error["type"] == {429: "rate_limit_exceeded", 503: "overloaded"}[status] and int(headers["retry-after"]) >= 1, error
            waits.append(int(headers["retry-after-ms"]))
    assert len(set(waits)) > len(waits) / 20, "everybody is told to come back at the same moment"
    wait_until(stack.settled, what="all is settled")
    served = statuses[200] + len(few)
    assert calls.admits <= served + 16, f"{calls.admits} admissions asked for {served} answers"
    assert set(calls.settles.values()) == {1}, f"settles repeated: {Counter(calls.settles.values())}"
    wait_until(lambda: len(stack.ledger()) == served, what="a row for each answer, and no other")
