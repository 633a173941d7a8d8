"""Answers that are too large, not HTTP, compressed, or with impossible usage: refused or counted, in bounded memory."""

import itertools
import json
import zlib

import pytest

from clock import within
from measuring import memory_mib
from playing import play
from processes import wait_until
from raw_answers import DONE, answer, chunked, delta, event, head, plain, stream, usage
from raw_upstream import FIN, GONE
from stack import price

COST = price({"input": 7, "cached": 0, "output": 2, "reasoning": 0})
OK = plain(answer())
JSON = json.dumps(answer()).encode()
MIB = b"x" * (1 << 20)
#: 128 MiB of zeros in 128 kB.
BOMB = zlib.compress(b"\0" * (128 << 20), 9, 31)


def fields(count, size):
    return [f"x-{n}: {'x' * (size - 8)}" for n in range(count)]


#: Unusual but valid answers.
TAKEN = {
    "twenty interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + OK,
    "early hints": b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\ncontent-type: text/html\r\n\r\n" + OK,
    "60 kB of fields": plain(answer(), *fields(60, 1000)),
    "identity encoding": plain(answer(), "content-encoding: identity"),
    "chunk extensions": head("application/json", "transfer-encoding: chunked") + b"%x;a=b\r\n%b\r\n0\r\n\r\n" % (len(JSON), JSON),
    "trailers": head("application/json", "transfer-encoding: chunked") + chunked(JSON)[:-2] + b"x-t: 1\r\n\r\n",
    "no reason phrase": OK.replace(b"200 OK", b"200 "),
    "bytes after the answer": OK + b"HTTP/1.1 500 Oops\r\n\r\n",
}
REFUSED = {
    "ten thousand interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000 + OK,
    "70 kB of fields": plain(answer(), *fields(70, 1000)),
    "one field of 200 kB": plain(answer(), *fields(1, 200_000)),
    "100,000 fields": plain(answer(), *fields(100_000, 12)),
    "a head without end": itertools.repeat(b"x: y\r\n" * 1000, 10_000),
    "a line without end": itertools.chain([b"HTTP/1.1 200 "], itertools.repeat(MIB, 64)),
    "trailers without end": itertools.chain([head("application/json", "transfer-encoding: chunked") + chunked(JSON)[:-2]],
                                            itertools.repeat(b"x: y\r\n" * 1000, 10_000)),
    "gzip": plain(zlib.compress(JSON, 9, 31), "content-encoding: gzip"),
    "gzip bomb": plain(BOMB, "content-encoding: gzip"),
    "gzip bomb as transfer encoding": head("application/json", "transfer-encoding: gzip, chunked") + chunked(BOMB),
    "brotli": plain(JSON, "content-encoding: br"),
    "33 MiB": itertools.chain([head("application/json", f"content-length: {33 << 20}")], itertools.repeat(MIB, 33)),
    "a terabyte announced": itertools.chain([head("application/json", f"content-length: {1 << 40}")], itertools.repeat(MIB)),
    "chunks without end": itertools.chain([head("application/json", "transfer-encoding: chunked")],
                                          itertools.repeat(b"100000\r\n" + MIB + b"\r\n")),
    "negative length": head("application/json", "content-length: -1") + JSON,
    "two lengths": head("application/json", "content-length: 5", f"content-length: {len(JSON)}") + JSON,
    "a chunk of 2^64": head("application/json", "transfer-encoding: chunked") + b"10000000000000000\r\n" + JSON,
    "a chunk of nonsense": head("application/json", "transfer-encoding: chunked") + b"xyz\r\n" + JSON,
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/0.9": JSON,
    "status 999": OK.replace(b"200 OK", b"999 ?"),
    "status 2x0": OK.replace(b"200 OK", b"2x0 ?"),
    "status 204": head(status="204 No Content"),
    "status 206": OK.replace(b"200 OK", b"206 Partial"),
    "empty": plain(b""),
    "no JSON": plain(b"<html>"),
    "half a JSON": plain(JSON[:-1]),
    "an array": plain([answer()]),
    "no choices": plain({**answer(), "choices": []}),
    "choices that are none": plain({**answer(), "choices": "x"}),
    "an error object": plain({"error": {"message": "no"}}),
    "nested a hundred thousand deep": plain(b'{"x":' + b"[" * 100_000),
    "not UTF-8": plain(JSON.replace(b"hello", b"\xff\xfe")),
}
#: These leave open where the answer ends, or libcurl closes in the middle of it. After all others the connection stays: if it were closed,
#: the next request could be sent on it before the worker has heard of that, and be lost.
ENDED = {"no HTTP", "HTTP/0.9", "negative length", "two lengths", "a chunk of 2^64", "a chunk of nonsense", "status 2x0",
         "gzip bomb as transfer encoding"}
HUGE_STREAM = itertools.chain([head()], itertools.repeat(event(delta("x" * 900_000)), 100))


@pytest.fixture(scope="module")
def outcomes(stack, worker, key, upstream):
    """Runs them one after the other, so that the worker's peak memory is that of a single one."""
    before, files = memory_mib(worker), memory_mib(worker, "RssFile")
    scripts = {name: [script, *([FIN] if name in ENDED else [])] for name, script in {**TAKEN, **REFUSED}.items()}
    made = play(stack, worker, key, upstream, scripts, threads=1, stream=False)
    # Pages of the executable that are loaded only now do not count as an answer's memory.
    made["growth"] = memory_mib(worker, "VmHWM") - before - (memory_mib(worker, "RssFile") - files)
    return made


@pytest.mark.parametrize("name", TAKEN)
def test_an_unusual_answer_is_taken(outcomes, name):
    outcome = outcomes[name]
    assert outcome.status == 200 and outcome.body["choices"][0]["message"]["content"] == "hello", outcome
    assert outcome.row["nano_usd"] == COST and len(outcome.received) == 1


@pytest.mark.parametrize("name", REFUSED)
def test_an_impossible_answer_is_refused_and_not_asked_for_twice(outcomes, name):
    outcomes[name].is_refused()
    within(outcomes[name].seconds, 3, "refused")
    assert outcomes[name].row["nano_usd"] <= outcomes[name].row["held_nano_usd"]


def test_no_answer_makes_the_worker_grow_beyond_its_bounds(outcomes):
    """An answer may have 32 MiB, and the worker may use three times that while it grows."""
    print(f"\nthe worker grew by {outcomes['growth']:.1f} MiB")
    assert outcomes["growth"] < 96


def test_a_stream_of_more_than_64_mib_is_cut(stack, worker, key, upstream):
    outcome = play(stack, worker, key, upstream, {"huge": [HUGE_STREAM, GONE]})["huge"]
    outcome.is_interrupted(outcome.said)
    assert 64 < len(outcome.said) < 75 and outcome.row["nano_usd"] <= outcome.row["held_nano_usd"]
    assert wait_until(lambda: outcome.received[0].gone_at, 1, "the provider was hung up on")


def test_nothing_is_asked_for_compressed(outcomes):
    assert not {"accept-encoding", "te", "expect", "cookie"} & outcomes["gzip"].received[0].headers.keys()


COUNTED = {
    "null": None, "empty": {}, "text": "12", "array": [1], "negative": usage(-7, 2), "negative output": usage(7, -2),
    "fraction": usage(7.5, 2), "strings": {"prompt_tokens": "7", "completion_tokens": "2"}, "1e308": usage(1e308, 1e300),
    "no completion": {"prompt_tokens": 7}, "2^63": usage(2**63, 2**63), "-2^63": usage(-(2**63), 2),
    "booleans": {"prompt_tokens": True, "completion_tokens": False},
    "parts larger than the whole": usage(7, 2, prompt_tokens_details={"cached_tokens": 8}),
    "more reasoning than output": usage(7, 2, completion_tokens_details={"reasoning_tokens": 3}),
    "zero": usage(0, 0),
}
#: Far above the window and the hold.
BOUNDED = {"a million": usage(1_000_000, 2), "a billion of output": usage(7, 10**9), "a billion": usage(10**9, 10**9)}


@pytest.fixture(scope="module")
def metered(stack, worker, key, upstream):
    """Every usage, in a plain answer and in a stream of two pieces."""
    def streamed(tokens):
        last = event(json.dumps({**json.loads(delta("")), "choices": [], "usage": tokens}))
        return stream(event(delta("he")) + event(delta("llo")) + event(delta("", finish="stop")) + last + DONE)

    table = {**COUNTED, **BOUNDED}
    plainly = {n: [plain({**answer(), "usage": u})] for n, u in table.items()}
    return {False: play(stack, worker, key, upstream, plainly, stream=False),
            True: play(stack, worker, key, upstream, {n: [streamed(u)] for n, u in table.items()})}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", COUNTED)
def test_usage_that_cannot_be_is_bounded_never_free(metered, name, streamed):
    row = metered[streamed][name].row
    assert metered[streamed][name].status == 200 and row["outcome"] == "completed"
    assert 0 < row["nano_usd"] <= row["held_nano_usd"] and row["usage_source"] == "bounded"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", BOUNDED)
def test_usage_above_what_was_held_costs_what_was_held(metered, name, streamed):
    row = metered[streamed][name].row
    assert metered[streamed][name].status == 200 and row["outcome"] == "completed"
    assert row["nano_usd"] == row["held_nano_usd"] and row["usage_source"] == "bounded"
