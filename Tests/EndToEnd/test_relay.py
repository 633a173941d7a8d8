"""Relaying to the provider and back: bytes unchanged, fallback before the first byte, clean ends after it."""

import http.client
import json
import pathlib
import socket
import time

import pytest

from clock import judge, patience, within
from processes import wait_until
from raw import ask, events

CHAT = "/v1/chat/completions"


def body(model, **more):
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}


@pytest.fixture
def worker(stack):
    return stack.workers[1]


def sent(stack, headers):
    return stack.bill()[headers["x-request-id"]]["body"]


def test_number_spelling_and_order_pass_untouched(stack, worker, key):
    text = ('{ "seed": 1234567890123456789, "temperature": 1.0, "model" : "plain", "logit_bias": {"7": 1e1, "8": -0},'
            ' "messages": [{"role":"user","content":"caf\u00e9 \u2028 \\"q\\""}], "tools": [] }')
    status, headers, _ = ask(worker, "POST", CHAT, key, text.encode())
    assert status == 200
    assert sent(stack, headers) == text.replace('"plain"', '"script:in=10,out=8"')


def test_a_stream_asks_the_provider_for_usage(stack, worker, key):
    _, headers, _ = ask(worker, "POST", CHAT, key, body("plain", stream=True))
    assert json.loads(sent(stack, headers))["stream_options"] == {"include_usage": True}
    _, headers, _ = ask(worker, "POST", CHAT, key, body("plain", stream=True, stream_options={"include_usage": False, "x": 1}))
    assert json.loads(sent(stack, headers))["stream_options"] == {"include_usage": True}, "what is not known does not pass"


def test_the_callers_key_does_not_reach_the_provider(stack, worker, key):
    ask(worker, "POST", CHAT, key, body("plain"))
    assert key not in json.dumps(stack.bill())


@pytest.mark.parametrize("stream", [False, True])
def test_an_alias_falls_back_before_the_first_byte(stack, worker, key, stream):
    status, headers, answer = ask(worker, "POST", CHAT, key, body("hop", stream=stream))
    assert status == 200 and headers["x-aihub-deployment"] == "plain-1" and int(headers["x-aihub-attempts"]) >= 1
    chunks = [e for e in events(answer) if e != "[DONE]"] if stream else [answer]
    assert {chunk["model"] for chunk in chunks} == {"script:in=10,out=8"}


def test_a_named_model_never_becomes_another(worker, key):
    assert ask(worker, "POST", CHAT, key, body("broken"))[0] == 502


def test_a_model_name_is_given_where_the_provider_omits_it(worker, key):
    assert ask(worker, "POST", CHAT, key, body("nameless"))[2]["model"] == "script:in=4,out=4,nomodel=1"
    stream = events(ask(worker, "POST", CHAT, key, body("nameless", stream=True))[2])
    assert {e["model"] for e in stream[:-1]} == {"script:in=4,out=4,nomodel=1"}


@pytest.mark.parametrize("model", ["cut", "sour", "stall", "unfinished"])
def test_a_stream_that_breaks_ends_with_one_error_event_and_done(worker, key, model):
    status, headers, text = ask(worker, "POST", CHAT, key, body(model, stream=True))
    assert status == 200
    stream = events(text)
    assert stream[-1] == "[DONE]" and stream.count("[DONE]") == 1
    assert stream[-2]["error"]["code"] in (502, 503) and sum("error" in e for e in stream) == 1


def test_silence_before_the_first_event_times_out(worker, key):
    started = time.monotonic()
    status, _, answer = ask(worker, "POST", CHAT, key, body("hang", stream=True))
    assert (status, answer["error"]["type"]) == (503, "upstream_timeout")
    assert time.monotonic() - started > 1.8, "not before its time"
    within(time.monotonic() - started, 4, "given up")


def test_a_provider_that_never_says_done_still_ends(worker, key):
    stream = events(ask(worker, "POST", CHAT, key, body("undone", stream=True))[2])
    assert stream[-1] == "[DONE]"


def test_a_caller_who_leaves_stops_the_provider(stack, worker, key):
    connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=patience(10))
    connection.request("POST", CHAT, json.dumps(body("long", stream=True)), {
        "Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    answer = connection.getresponse()
    id = answer.getheader("x-request-id")
    answer.read(200)
    answer.close()
    connection.close()
    wait_until(lambda: id in stack.ledger(), 5, "the request is settled soon")
    billed = stack.bill()[id]["output"]
    time.sleep(0.5)  # Long enough for several more chunks: a provider still running would bill more.
    assert stack.bill()[id]["output"] == billed < 300, "it stopped before its end"
    judge(billed < 50, f"it stopped after {billed} of 300 tokens")
    assert stack.ledger()[id]["outcome"] == "cancelled"


def test_trailers_and_usage_tell_the_cost_of_a_stream(stack, worker, key):
    status, headers, text = ask(worker, "POST", CHAT, key, body("cached", stream=True, stream_options={"include_usage": True}))
    usage = events(text)[-2]["usage"]
    wait_until(lambda: headers["x-request-id"] in stack.ledger())
    assert round(usage["cost"] * 1e9) == stack.ledger()[headers["x-request-id"]]["nano_usd"] == 226701


def test_callers_who_do_not_read_make_the_engine_wait_and_hold_little_memory(stack, worker, key):
    """Six streams of 12 MB that nobody reads: without a bound, the worker would buffer what the kernel does not."""
    def resident_kib():
        status = (pathlib.Path("/proc") / str(worker.process.child.pid) / "status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

    before, sockets, stack_bill = resident_kib(), [], stack.bill()
    for _ in range(6):
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", worker.port))
        data = json.dumps(body("flood", stream=True)).encode()
        reader.sendall((f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json"
                        f"\r\nContent-Length: {len(data)}\r\n\r\n").encode() + data)
        sockets.append(reader)
    wait_until(lambda: sum(e["complete"] and "out=60000" in e["model"] for id, e in stack.bill().items()
                           if id not in stack_bill) == 6, 60, "the provider has sent all it can")
    assert ask(worker, "POST", CHAT, key, body("plain"))[0] == 200, "others go on meanwhile"
    growth = resident_kib() - before
    print(f"\nsix unread streams of 12 MB: the worker grew by {growth} KiB")
    for reader in sockets:
        reader.close()
    assert growth < 20 * 1024
    wait_until(stack.settled, what="their holds are settled")
