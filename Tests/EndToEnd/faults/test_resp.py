"""A Redis that replies nonsense: the worker never crashes, refuses with `limiter_unavailable`, recovers at once."""

import queue

import pytest

from clock import within
from playing import ledger_rows
from processes import wait_until
from raw_answers import answer, plain
from raw_upstream import FIN, RST
from redis_rig import Rig, calls, try_all
from resp_replies import BROKEN, WAITING, WHOLE, label

#: The deadline of a call to Redis, plus a margin.
REFUSED_SECONDS = 1.2


@pytest.fixture(scope="module")
def rigs(stack, make_worker, upstream):
    upstream.scripts["fine"] = [plain(answer())]
    waiting, made = queue.Queue(), [Rig(stack, make_worker) for _ in range(4)]
    for rig in made:
        waiting.put(rig)
    yield waiting
    for rig in made:
        rig.proxy.close()


def judge(tried, recovery=1.0):
    assert not tried.crashed, "the worker crashed"
    assert (tried.status, tried.type) == (503, "limiter_unavailable"), tried
    assert tried.recovered is not None, tried
    within(tried.seconds, REFUSED_SECONDS, "refused")
    within(tried.recovered, recovery, "answered again")


@pytest.fixture(scope="module")
def admits(rigs, key):
    replies = WAITING + WHOLE + BROKEN
    return dict(zip(replies, try_all(rigs, key, [(calls("admit"), lambda _, r=r: [r]) for r in replies])))


@pytest.mark.parametrize("reply", WHOLE + BROKEN, ids=label)
def test_a_useless_reply_to_admit(admits, reply):
    judge(admits[reply])


@pytest.mark.parametrize("reply", WAITING, ids=label)
def test_a_reply_that_never_ends(admits, reply):
    """Three calls without a reply close the connection; the deadline of each is one second."""
    judge(admits[reply], recovery=2.5)


@pytest.mark.parametrize("end", [FIN, RST])
def test_a_reply_cut_at_every_byte(stack, rigs, key, end):
    """Redis did admit: its hold is closed again, and the request was never dispatched."""
    whole = {}
    try_all(rigs, key, [(calls("admit"), lambda reply: whole.update(it=reply) or [reply], True)])
    step = 1 if end is FIN else 5
    cases = [(calls("admit"), lambda reply, at=at: [reply[:at], end], True) for at in range(0, len(whole["it"]), step)]
    for tried in try_all(rigs, key, cases):
        judge(tried)
    wait_until(stack.settled, 5, "every hold is closed")


def test_a_useless_reply_to_settle_charges_once(stack, rigs, key, upstream):
    """The caller has their answer; the worker repeats the settle until Redis confirms it."""
    well = [b"*1\r\n:0\r\n", b"*10\r\n$1\r\n0\r\n" + b"*0\r\n" * 9, b"*200000\r\n" + b":1\r\n" * 200_000]
    replies = [reply for reply in WHOLE + BROKEN if len(reply) < 100 and reply not in well]
    cases = [(calls("settle"), lambda _, r=r: [r], n % 2 == 0) for n, r in enumerate(replies)]
    before = {request.id for request in upstream.of("fine")}
    tried = try_all(rigs, key, cases)
    assert [t for t in tried if t.crashed or t.status != 200] == []
    sent = {request.id for request in upstream.of("fine")} - before
    assert {row["outcome"] for row in ledger_rows(stack, list(sent), 20)} == {"completed"}


NO_RECORD = [b":1\r\n", b"*0\r\n", b"$5\r\nhello\r\n", b"$2\r\n{}\r\n", b"$-5\r\n", b"\0\0\r\n"]
NO_GREETING = [b"-LOADING x\r\n", b"$0\r\n\r\n", b"$-1\r\n", b":1\r\n", b"*0\r\n", b"$-5\r\n", b"*1\r\n" * 10_000]


@pytest.mark.parametrize("reply", WHOLE[:13] + NO_RECORD, ids=label)
def test_a_useless_reply_to_the_look_up_of_a_key(stack, rigs, reply):
    """The key is not known to be unknown: 503, not 401. Each case uses a new key, which must be looked up."""
    fresh = stack.new_key()["key"]
    rig = rigs.get()
    try:
        told = []

        def spoil(words, execute):
            if told or words[0] != "HGET" or not words[1].startswith("k:"):
                return None
            told.append(words)
            return [reply]

        rig.proxy.spoil = spoil
        status, _, got, seconds = rig.ask(fresh)
        assert told and (status, got["error"]["type"]) == (503, "limiter_unavailable"), got
        within(seconds, REFUSED_SECONDS, "refused")
        wait_until(lambda: rig.ask(fresh)[0] == 200, 1, "the next look-up is answered")
    finally:
        rig.proxy.spoil = lambda words, execute: None
        rigs.put(rig)


@pytest.mark.parametrize("reply", NO_GREETING, ids=label)
def test_a_useless_greeting(stack, rigs, key, reply):
    """Each new connection asks for Redis's identity; until it is known, nothing is admitted."""
    rig = rigs.get()
    try:
        assert rig.ask(key)[0] == 200
        rig.proxy.spoil = lambda words, _: [reply] if words[0] == "INFO" else [RST] if words[0] == "FCALL" else None
        for _ in range(20):
            status, _, got, seconds = rig.ask(key)
            assert (status, got["error"]["type"]) == (503, "limiter_unavailable"), got
            within(seconds, REFUSED_SECONDS, "refused")
        rig.proxy.spoil = lambda words, execute: None
        wait_until(lambda: rig.ask(key)[0] == 200, 2.2, "it is well again")
    finally:
        rig.proxy.spoil = lambda words, execute: None
        rigs.put(rig)
    wait_until(stack.settled, 5, "every hold is closed")
