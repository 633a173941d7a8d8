"""Providers' Server-Sent Events, valid by WHATWG's rules or not: relayed or ended cleanly, never a crash."""

import json
import random

import pytest

from playing import play
from raw_answers import DONE, chunked, delta, event, head, stream, usage_chunk
from raw_upstream import FIN
from stack import price

A, B, END, USAGE = event(delta("a")), event(delta("b")), event(delta("", finish="stop")), event(usage_chunk(7, 2))
REST = END + USAGE + DONE
GOOD = A + B + REST
COST = price({"input": 7, "cached": 0, "output": 2, "reasoning": 0})
AB = ["a", "b"]
LONG = "x" * 1_000_000
TEXT = "é€\U0001f600\u2028"
TEXT_STREAM = b"".join(event(json.dumps(json.loads(delta(c)), ensure_ascii=False)) for c in TEXT) + REST


def lines(data, end):
    return data.replace(b"\n", end)


def in_lines(data):
    """An event whose JSON is spread over several data lines."""
    return "".join(f"data: {line}\n" for line in json.dumps(json.loads(data), indent=1).split("\n")).encode() + b"\n"


#: name -> (the stream, the text, the charge if it is known)
WHOLE = {
    "lf": (GOOD, AB, COST),
    "crlf": (lines(GOOD, b"\r\n"), AB, COST),
    "cr": (lines(GOOD, b"\r"), AB, COST),
    "mixed ends": (A + lines(B, b"\r\n") + lines(END, b"\r") + USAGE + DONE, AB, COST),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, AB, COST),
    "byte order mark later makes another field": (A + b"\xef\xbb\xbf" + B + A + REST, ["a", "a"], COST),
    "characters of several bytes": (TEXT_STREAM, list(TEXT), COST),
    "data over several lines": (in_lines(delta("a")) + B + REST, AB, COST),
    "no space after the colon": (GOOD.replace(b"data: ", b"data:"), AB, COST),
    "two spaces after the colon": (GOOD.replace(b"data: {", b"data:  {"), AB, COST),
    "comments": (b": hi\n\n" + A + b":\n: \x00 {\n" + B + b":x\n\n" * 50 + REST, AB, COST),
    "other fields": (b"id: 1\nretry: 5\nevent: x\nfoo: {\nbar\n" + A + b"event\nid: \x00\n" + B + REST, AB, COST),
    "upper case is another field": (A.upper() + GOOD, AB, COST),
    "an event that was not ended": (A + B + END + USAGE + DONE[:-1], AB, COST),
    "no [DONE]": (A + B + END + USAGE, AB, COST),
    "[DONE] twice": (GOOD + DONE, AB, COST),
    "bytes after [DONE]": (GOOD + A + b"data: {nonsense\n\n" + b"\xff\x00" * 50_000, AB, COST),
    "usage first": (event(usage_chunk(7, 0)) + A + B + REST, AB, COST),
    "usage twice, rising": (A + event(usage_chunk(7, 1)) + B + REST, AB, COST),
    "usage twice, falling": (A + B + END + USAGE + event(usage_chunk(7, 1)) + DONE, AB, COST),
    "a million bytes in an event": (event(delta(LONG)) + REST, [LONG], COST),
    "a million bytes of comment": (A + b":" + b"x" * 1_000_000 + b"\n" + B + REST, AB, COST),
}

#: name -> (the stream, the text before the in-band error)
BROKEN = {
    "no finish reason": (A + B + DONE, AB),
    "end without finish reason": (A + B, AB),
    "last event not ended": (A + B[:-1], ["a"]),
    "no newline": (A + b"data: " + b"x" * 3_000_000, ["a"]),
    "ten million bytes in an event": (A + event(delta("x" * 10_000_000)) + REST, ["a"]),
    "ten million bytes in many lines": (A + b"data: " + b"1\ndata: " * 1_400_000 + REST, ["a"]),
    "NUL": (A + event(delta("b").replace('"b"', '"\x00"')) + REST, ["a"]),
    "no JSON": (A + event("nonsense") + REST, ["a"]),
    "half a JSON": (A + event(delta("b")[:-1]) + REST, ["a"]),
    "two JSON": (A + event(delta("b") * 2) + REST, ["a"]),
    "an array": (A + event("[]") + REST, ["a"]),
    "a number": (A + event("1") + REST, ["a"]),
    "null": (A + event("null") + REST, ["a"]),
    "not UTF-8": (A + event(delta("b")).replace(b'"b"', b'"\xc3"') + REST, ["a"]),
    "nested a hundred thousand deep": (A + event('{"x":' + "[" * 100_000) + REST, ["a"]),
    "an error object": (A + event('{"error":{"message":"no"}}') + REST, ["a"]),
    "usage before the break": (event(usage_chunk(7, 0)) + A + B, AB),
}

#: Nothing was relayed yet, so an error status.
REFUSED = {
    "empty": b"",
    "only comments": b": hi\n\n" * 100,
    "only [DONE]": DONE,
    "error object first": event('{"error":{"message":"no"}}') + GOOD,
    "no JSON first": event("nonsense") + GOOD,
    "ten million bytes first": event(delta("x" * 10_000_000)) + REST,
    "no newline first": b"x" * 3_000_000,
    "first event not ended": A[:-1],
}


@pytest.fixture(scope="module")
def outcomes(stack, worker, key, upstream):
    table = {**{n: c[0] for n, c in WHOLE.items()}, **{n: c[0] for n, c in BROKEN.items()}, **REFUSED}
    start = head("text/event-stream", "transfer-encoding: chunked")

    def script(data):
        # The first event is sent alone: data received together with an oversized event may be dropped with it.
        first, rest = data[:len(A)], data[len(A):]
        return [start, chunked(first)[:-5], 0.02, chunked(rest)] if data.startswith(A) else [start, chunked(data)]

    return play(stack, worker, key, upstream, {name: script(data) for name, data in table.items()})


@pytest.mark.parametrize("name", WHOLE)
def test_a_readable_stream_is_relayed_whole(outcomes, name):
    outcomes[name].is_whole(*WHOLE[name][1:])


@pytest.mark.parametrize("name", BROKEN)
def test_an_unreadable_event_ends_the_stream_in_band(outcomes, name):
    outcomes[name].is_interrupted(BROKEN[name][1])


@pytest.mark.parametrize("name", REFUSED)
def test_an_unreadable_first_event_is_an_error_status(outcomes, name):
    outcomes[name].is_refused()


def test_bytes_may_come_one_by_one(stack, worker, key, upstream):
    """As one-byte chunks in one packet, and as one-byte packets."""
    ones = (bytes([byte]) for byte in TEXT_STREAM)
    for outcome in play(stack, worker, key, upstream, {
            "chunks of one byte": [stream(TEXT_STREAM, size=1)], "packets of one byte": [head(), ones, FIN]}).values():
        outcome.is_whole(list(TEXT), COST)


def test_mutated_streams_end_cleanly(stack, worker, key, upstream):
    """Bytes flipped, dropped, duplicated and inserted, also in HTTP chunks: always one end, one charge, no crash."""
    chance = random.Random(20)
    text = A + b": hi\r\n\r\n" + in_lines(delta("b")) + REST

    def mutated(data):
        data = bytearray(data)
        for _ in range(chance.choice([1, 1, 2, 8])):
            at = chance.randrange(len(data))
            piece = chance.choice([b"", bytes([chance.randrange(256)]), data[at:at + 40] * 2, b"\n\n", b"\r", b"data: ", b'"'])
            data[at:at + chance.choice([0, 1, 1, 30])] = piece
        return bytes(data)

    first = head("text/event-stream", "transfer-encoding: chunked", "connection: close")
    outcomes = play(stack, worker, key, upstream, {
        f"mutated {n}": [first + (chunked(mutated(text)) if n % 2 else mutated(chunked(text, 100))), FIN] for n in range(600)})
    for name, outcome in outcomes.items():
        assert outcome.status in (200, 502) and len(outcome.received) == len(outcome.rows) == 1, (name, outcome)
        if outcome.status == 200:
            assert outcome.stream[-1] == "[DONE]" and outcome.stream.count("[DONE]") == 1 and len(outcome.errors) <= 1
            assert outcome.row["nano_usd"] > 0 and (outcome.row["outcome"] == "completed") == (outcome.errors == [])
        else:
            outcome.is_refused()
    assert 20 < sum(o.status == 200 and o.errors == [] for o in outcomes.values()) < 580, "the mutations matter"
