"""Callers who disconnect, by FIN or RST, in each phase: noticed at once, charged for what they got, no hold stays."""

import json
import threading
import time

import pytest

from clock import patience, within
from playing import CHAT, body, connect, ledger_rows, raw_request
from processes import wait_until
from raw import ask
from raw_answers import DONE, answer, delta, event, head, plain, usage_chunk
from raw_upstream import FIN, GONE, When, reset
from redis_proxy import RedisProxy
from stack import price

TIMES = 12
A, END, USAGE = event(delta("a")), event(delta("", finish="stop")), event(usage_chunk(7, 3))

#: phase -> (the upstream's script, text the caller waits for before leaving, pieces relayed by then)
PHASES = {
    "before the head of the answer": ([GONE], b"", 0),
    "before the first event": ([head(), GONE], b"", 0),
    "after comments": ([head() + b": hi\n\n", GONE], b"", 0),
    "mid-stream": ([head() + A * 3, GONE], b'"a"', 3),
    "mid-stream after a preview of usage": ([head() + event(usage_chunk(7, 0)) + A * 3, GONE], b'"a"', 3),
    "within an event": ([head() + A * 3 + A[:-9], GONE], b'"a"', 3),
    "after the finish, before usage": ([head() + A * 3 + END, GONE], b'"stop"', 3),
    "after usage, before [DONE]": ([head() + A * 3 + END + USAGE, GONE], b'"stop"', 3),
}


def fin(connection):
    connection.close()


class Caller:
    """One request whose caller disconnects early."""

    def __init__(self, worker, key, script, **more):
        self.connection, self.text = connect(worker), b""
        self.connection.sendall(raw_request(key, script, **more))

    def read_until(self, word, times):
        while self.text.count(word) < times:
            part = self.connection.recv(65536)
            assert part, self.text
            self.text += part


def all_here(upstream, script, before):
    return wait_until(lambda: len(upstream.of(script)) == before + TIMES and upstream.of(script)[before:], 5, "all were sent on")


def judge_departures(stack, requests, left_at, relayed):
    """`requests`: those the upstream received. The usage of an answer that has ended is awaited for a second."""
    wait_until(stack.settled, what="all holds are closed")
    wait_until(lambda: all(r.gone_at for r in requests), what="the upstream was hung up on")
    for row in ledger_rows(stack, [r.id for r in requests]):
        produced = row["output_tokens"] + row["reasoning_tokens"]
        assert row["outcome"] == "cancelled" and produced >= relayed and row["input_tokens"] > 0, row
        counted = {"input": row["input_tokens"], "cached": 0, "output": row["output_tokens"], "reasoning": row["reasoning_tokens"]}
        assert row["nano_usd"] == min(price(counted), row["held_nano_usd"])


@pytest.mark.parametrize("leave", [fin, reset], ids=["fin", "rst"])
@pytest.mark.parametrize("phase", PHASES)
def test_leaving_a_stream(stack, worker, key, upstream, phase, leave):
    upstream.scripts[phase], word, relayed = PHASES[phase]
    before = len(upstream.of(phase))
    callers = [Caller(worker, key, phase) for _ in range(TIMES)]
    for caller in callers if word else []:
        caller.read_until(word, 1 if relayed and word == b'"stop"' else relayed)
    requests, left_at = all_here(upstream, phase, before), time.monotonic()
    for caller in callers:
        leave(caller.connection)
    judge_departures(stack, requests, left_at, relayed)


@pytest.mark.parametrize("leave", [fin, reset], ids=["fin", "rst"])
def test_leaving_before_a_plain_answer(stack, worker, key, upstream, leave):
    """It is billed in full, so it is read to its end and charged as reported."""
    left = threading.Event()
    upstream.scripts["plain answer to come"] = [plain(answer())[:-1], When(left, plain(answer())[-1:]), FIN]
    before = len(upstream.of("plain answer to come"))
    callers = [Caller(worker, key, "plain answer to come", stream=False) for _ in range(TIMES)]
    requests = all_here(upstream, "plain answer to come", before)
    for caller in callers:
        leave(caller.connection)
    # The worker's loop handles events in order, so it notices this one first.
    assert ask(worker, "GET", "/")[0] == 404
    left.set()
    rows = ledger_rows(stack, [r.id for r in requests])
    assert {(row["outcome"], row["usage_source"]) for row in rows} == {("cancelled", "provider")} and len(rows) == TIMES
    assert len({row["nano_usd"] for row in rows}) == 1 and rows[0]["nano_usd"] > 0


@pytest.mark.parametrize("leave", [fin, reset], ids=["fin", "rst"])
def test_leaving_after_the_last_event_changes_nothing(stack, worker, key, upstream, leave):
    upstream.scripts["complete"] = [head() + A * 3 + END + USAGE + DONE, FIN]
    callers = [Caller(worker, key, "complete") for _ in range(TIMES)]
    ids = []
    for caller in callers:
        caller.read_until(b"[DONE]", 1)
        leave(caller.connection)
        ids.append(caller.text.split(b"x-request-id: ")[1].split(b"\r")[0].decode())
    cost = price({"input": 7, "cached": 0, "output": 3, "reasoning": 0})
    assert {(row["outcome"], row["nano_usd"]) for row in ledger_rows(stack, ids)} == {("completed", cost)}


@pytest.mark.parametrize("leave", [fin, reset], ids=["fin", "rst"])
def test_leaving_at_every_byte_of_the_request(stack, worker, key, upstream, leave):
    """Until the request is complete, no provider is called and nothing is charged."""
    upstream.scripts["never whole"] = [plain(answer())]
    request, before = raw_request(key, "never whole", stream=False), len(upstream.of("never whole"))
    for at in range(len(request)):
        connection = connect(worker)
        connection.sendall(request[:at])
        leave(connection)
    assert ask(worker, "POST", CHAT, key, body("never whole", stream=False))[0] == 200, "the next request is fine"
    wait_until(stack.settled, 2, "all holds are closed")
    assert len(upstream.of("never whole")) == before + 1


@pytest.mark.parametrize("leave", [fin, reset], ids=["fin", "rst"])
def test_leaving_as_soon_as_all_is_sent(stack, worker, key, upstream, leave):
    """At any point: either no provider was called, or the request is charged as cancelled, once."""
    upstream.scripts["at once"] = [0.05, head() + A, GONE]
    for _ in range(TIMES * 4):
        leave(Caller(worker, key, "at once").connection)
    left_at = time.monotonic()
    ask(worker, "GET", "/v1/models", key)
    wait_until(stack.settled, 10, "all holds are closed")
    within(time.monotonic() - left_at, 2, "all holds closed after the last caller left")
    requests = upstream.of("at once")
    wait_until(lambda: all(r.gone_at for r in requests), 1, "the upstream was hung up on")
    assert len({r.id for r in requests}) == len(requests)
    assert {row["outcome"] for row in ledger_rows(stack, [r.id for r in requests])} <= {"cancelled"}


@pytest.mark.parametrize("leave", [fin, reset], ids=["fin", "rst"])
def test_leaving_during_admission(stack, make_worker, key, upstream, leave):
    """Redis has admitted, but its reply is in flight: no provider is called, the hold is closed, nothing is charged."""
    upstream.scripts["in admission"] = [head() + A, GONE]
    proxy, admitted, left = RedisProxy(stack.state.port), [], threading.Event()

    def hold_back(words, execute):
        if words[:2] != ["FCALL", "gw2_admit"] or left.is_set():
            return None
        reply = execute()
        admitted.append(json.loads(next(word for word in words if word.startswith('{"')))["id"])
        left.wait(patience(5))
        return [reply]

    worker = make_worker(REDIS_URL=proxy.url, LIMITER_DEADLINE_MS=5000)
    assert ask(worker, "GET", "/v1/me", key)[0] == 200, "the key is known"
    proxy.spoil = hold_back
    callers = [Caller(worker, key, "in admission") for _ in range(TIMES)]
    wait_until(lambda: admitted, 5, "the first one is admitted, the others wait behind it")
    for caller in callers:
        leave(caller.connection)
    # The worker's loop handles events in order, so it notices this before Redis's reply.
    assert ask(worker, "GET", "/")[0] == 404
    left.set()
    wait_until(stack.settled, 2, "all holds are closed")
    assert upstream.of("in admission") == []
    assert stack.sql("select count(*) from usage_event where id = any(%s::uuid[])", admitted)[0][0] == 0
    proxy.close()
