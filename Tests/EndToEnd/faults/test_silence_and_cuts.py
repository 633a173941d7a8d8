"""A provider that falls silent or breaks off: noticed by its deadline, ended in-band, the relayed part charged."""

import pytest

from clock import judge, within
from playing import CHAT, body, play
from raw import ask
from raw_answers import DONE, answer, delta, event, head, plain, stream, usage_chunk
from raw_upstream import FIN, GONE, RST
from stack import price

A, B, END = event(delta("a")), event(delta("b")), event(delta("", finish="stop"))
HEAD = head()
#: A second for model `hasty`, plus a quiet machine's margin.
PATIENCE = (0.95, 2.0)
#: Periodic data continues for minutes: a gateway that took it for a sign of life would hang.
MANY = 2000
LONG_HEAD, LONG_A = HEAD[:-2] + b"x-long: " + b"x" * MANY, event(delta("a" * MANY))


def rest(output):
    return END + event(usage_chunk(7, output)) + DONE


def cost(output):
    return price({"input": 7, "cached": 0, "output": output, "reasoning": 0})


def every(seconds, *pieces):
    """Sends the pieces with pauses in between, then waits."""
    return [step for piece in pieces for step in (piece, seconds)] + [GONE]


SILENT_AT_FIRST = {
    "before the head": [GONE],
    "within the head": [HEAD[:20], GONE],
    "after the head": [HEAD, GONE],
    "comments only": [HEAD] + every(0.1, *[b": alive\n\n"] * MANY),
    "first event by drips": [HEAD] + every(0.05, *[LONG_A[n:n + 1] for n in range(MANY)]),
    "head by drips": every(0.1, *[LONG_HEAD[n:n + 1] for n in range(MANY)]),
}
SILENT_LATER = {
    "nothing": [HEAD + A, GONE],
    "half an event": [HEAD + A + B[:-1], GONE],
    "comments": [HEAD + A] + every(0.1, *[b": alive\n\n"] * MANY),
    "drips": [HEAD + A] + every(0.05, *[LONG_A[n:n + 1] for n in range(MANY)]),
    "empty events": [HEAD + A] + every(0.1, *[b"\n\n"] * MANY),
}


@pytest.fixture(scope="module")
def outcomes(stack, worker, key, upstream):
    return play(stack, worker, key, upstream, {**SILENT_AT_FIRST, **SILENT_LATER}, threads=11, model="hasty")


def judge_patience(seconds):
    assert seconds > PATIENCE[0], "not before its time"
    within(seconds, PATIENCE[1], "given up")


@pytest.mark.parametrize("name", SILENT_AT_FIRST)
def test_silence_before_the_first_event(outcomes, name):
    outcomes[name].is_refused("upstream_timeout", 503)
    judge_patience(outcomes[name].seconds)


@pytest.mark.parametrize("name", SILENT_LATER)
def test_only_events_count_as_signs_of_life(outcomes, name):
    outcomes[name].is_interrupted(["a"], "upstream_timeout")
    judge_patience(outcomes[name].seconds)


def test_events_that_keep_coming_are_no_silence(stack, worker, key, upstream):
    slow = [HEAD] + [step for piece in [A, b": x\n\n", B, b": x\n\n"] * 3 for step in (0.1, piece)] + [rest(6), FIN]
    play(stack, worker, key, upstream, {"slow": slow}, model="hasty")["slow"].is_whole(["a", "b"] * 3, cost(6))


def test_silence_before_the_first_event_falls_back(stack, worker, key, upstream):
    upstream.scripts["silent"] = [HEAD, GONE]
    status, headers, text = ask(worker, "POST", CHAT, key, body("silent", model="spare"))
    assert status == 200 and text.endswith("data: [DONE]\n\n")
    assert headers["x-aihub-deployment"] == "plain-1" and headers["x-aihub-attempts"] == "2"
    assert len(upstream.of("silent")) == 1 and upstream.of("silent")[0].gone_at, "the silent one was hung up on"


def test_the_total_deadline_bounds_streams_and_plain_answers(stack, make_worker, key, upstream):
    """Also with comments that bridge the silence: the status is already sent then, and the error goes in-band."""
    worker = make_worker(TOTAL_MS=1000, PING_MS=100)
    endless = {"endless": [HEAD] + every(0.1, *[A] * MANY)}
    outcome = play(stack, worker, key, upstream, endless)["endless"]
    outcome.is_interrupted(["a"] * len(outcome.said), "upstream_timeout")
    assert len(outcome.said) >= 1 and outcome.seconds > 0.9
    judge(5 <= len(outcome.said) <= 11, f"{len(outcome.said)} pieces in a second")
    within(outcome.seconds, 1.5, "ended")
    outcome = play(stack, worker, key, upstream, {"mute": [GONE]}, stream=False)["mute"]
    outcome.is_refused("upstream_timeout", 503)
    assert outcome.seconds > 0.9 and outcome.headers["x-should-retry"] == "false"
    within(outcome.seconds, 1.5, "ended")
    outcome = play(stack, worker, key, upstream, {"mute": [GONE]})["mute"]
    pings = outcome.body.count(": ping\n")
    assert outcome.status == 200 and pings >= 1 and outcome.stream[-1] == "[DONE]"
    judge(pings >= 3, f"{pings} comments in a second")
    assert [e["type"] for e in outcome.errors] == ["upstream_timeout"] and outcome.row["nano_usd"] > 0


def test_a_stream_cut_anywhere_by_a_fin(stack, worker, key, upstream):
    """At each byte of 4 kB, head and HTTP chunks included: complete events are relayed and charged, once."""
    pieces = [event(delta("x", n=n)) for n in range(22)]
    whole = stream(b"".join(pieces) + rest(22), size=180)
    assert 4000 < len(whole) < 4700
    cuts = {f"cut {at}": [whole[:at], FIN] for at in range(len(whole))}
    judge_cuts(play(stack, worker, key, upstream, cuts, threads=6), 22)


def test_a_stream_cut_by_a_reset(stack, worker, key, upstream):
    whole = stream(b"".join([A, B] * 3) + rest(6), size=50)
    cuts = {f"reset {at}": [whole[:at], 0.01, RST] for at in range(0, len(whole), 7)}
    judge_cuts(play(stack, worker, key, upstream, cuts), 6)


def judge_cuts(outcomes, deltas):
    """With each later cut at least as much arrives, and only [DONE] completes the stream."""
    said, kinds = 0, []
    for name, outcome in outcomes.items():
        if outcome.status == 502:
            outcome.is_refused()
            assert said == 0, name
        elif outcome.errors:
            outcome.is_interrupted(outcome.said)
            assert said <= len(outcome.said) <= min(said + 1, deltas), name
            said = len(outcome.said)
        else:
            outcome.is_whole(outcome.said, cost(deltas))
            assert len(outcome.said) == said == deltas, name
        assert len(outcome.received) == 1, name
        kinds.append("refused" if outcome.status == 502 else "interrupted" if outcome.errors else "whole")
    assert kinds == sorted(kinds, key=["refused", "interrupted", "whole"].index) and len(set(kinds)) == 3


@pytest.mark.parametrize("script", [
    [plain(answer())[:-1], FIN], [plain(answer())[:-1], RST], [b"HTTP/1.1 200", FIN], [FIN], [RST]])
def test_a_plain_answer_that_was_cut(stack, worker, key, upstream, script):
    play(stack, worker, key, upstream, {"plain cut": script}, stream=False)["plain cut"].is_refused()
