"""S25, and the breaker's part of S7: what a caller can provoke (slow prompts, broken streams, failing or too large
answers), however often, takes a deployment out of rotation for their own key at most, and for no other."""

import concurrent.futures
import itertools
import json
import select

import pytest

import rows
from echoing import TEXT, Pairs, messages, send, start_stream
from stack import Stack

VARIANTS = 24


def wait_for_hangup(handler):
    poll = select.poll()
    poll.register(handler.connection, select.POLLRDHUP)
    poll.poll(30_000)
    handler.close_connection = True


def slow(handler, body):
    wait_for_hangup(handler)


def slow_head(handler, body):
    """Headers at once, no event."""
    start_stream(handler)
    wait_for_hangup(handler)


def pings(handler, body):
    start_stream(handler)
    handler.wfile.write(b": thinking\n\n" * 3)
    wait_for_hangup(handler)


def cut(handler, body):
    start_stream(handler)
    handler.wfile.write(TEXT * 2)


def error_within(handler, body):
    start_stream(handler)
    handler.wfile.write(TEXT + b'data: {"error":{"message":"no","code":500}}\n\n')


def empty_stream(handler, body):
    start_stream(handler)
    handler.wfile.write(b"data: [DONE]\n\n")


def huge_event(handler, body):
    start_stream(handler)
    handler.wfile.write(TEXT + b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * (1 << 20) + b'"}}]}\n\n')


def nonsense(handler, body):
    send(handler, 200, b"<html>no</html>", "text/html")


def reset(handler, body):
    handler.close_connection = True


def status(code):
    def script(handler, body):
        send(handler, code, json.dumps({"error": {"message": "it failed", "type": "server_error", "code": None}}).encode())
    script.__name__ = f"status_{code}"
    return script


def in_band(handler, body):
    send(handler, 200, json.dumps({"error": {"message": "it failed"}}).encode())


#: How it fails, and whether only a stream can.
KINDS = [(slow, True), (slow_head, True), (pings, True), (cut, True), (error_within, True), (huge_event, True),
         (empty_stream, True), (nonsense, False), (reset, False), (in_band, False),
         *[(status(code), False) for code in (404, 408, 424, 500, 502, 503, 504, 529)]]


def generate(counter):
    def make(source):
        number = next(counter)
        kind, streams = KINDS[number % len(KINDS)]
        # More than a breaker needs, whatever the plan does with each.
        return {"pair": number, "kind": kind, "stream": streams or source.random() < 0.5, "times": source.randint(6, 12),
                "at once": source.random() < 0.5}
    return make


@pytest.fixture(scope="module")
def pairs():
    # A deployment that is out stays out for as long as a variant takes.
    stack = Stack(workers=1, REST_MS=30_000)
    made = Pairs(stack, VARIANTS, first_event_ms=150)
    yield made
    made.close()
    stack.close()


def test_what_one_key_provokes(pairs):
    def check(variant):
        pairs.upstream.script = variant["kind"]
        pair = variant["pair"]
        body = {"messages": messages("think"), "stream": variant["stream"]}
        with concurrent.futures.ThreadPoolExecutor(12 if variant["at once"] else 1) as pool:
            attacks = [pool.submit(pairs.ask, pair, pairs.stranger, body) for _ in range(variant["times"])]
            for attack in attacks:
                attack.result()
        first = pairs.asked_first(pair, pairs.neighbour)
        assert first == [f"front-{pair}"] * 3, f"a neighbour is sent elsewhere: {first}"
        own = pairs.asked_first(pair, pairs.stranger, 1)
        # An event over the gateway's own bound is nobody's fault; of anything else the key itself is spared.
        expected = f"front-{pair}" if variant["kind"] is huge_event else f"back-{pair}"
        assert own == [expected], f"the key itself is sent to {own}"

    rows.attack("S25", generate(itertools.count()), check, VARIANTS)
