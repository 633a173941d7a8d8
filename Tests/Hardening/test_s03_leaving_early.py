"""S3: abandoning a response early is never charged less than its provider bills."""

import json
import socket

import pytest

from processes import wait_until
from request_rig import STOPS
from rows import attack

THINKS = "in=20,out=300,reasoning=200,hidden=1,gap=3,first=100"
#: What the provider does when the connection closes: its script, and what is said of the deployment.
CLOSED = {
    "runs_on": (THINKS + ",runson=1", "after_close: runs_on"),
    "stops": (THINKS, STOPS),
}
#: Nano-USD of a million tokens, by what the bill calls them.
PRICES = {"input": 1_000_001_000, "output": 7_000_003_000, "reasoning": 11_500_000_000}


@pytest.fixture(scope="module")
def leavers(stack):
    """Models with hidden reasoning, behind a provider whose bill runs on and one whose bill stops."""
    lines = ["models:"]
    for name in CLOSED:
        lines.append(
            f"  - {{name: leave-{name}, vendor: scripted, max_output_tokens: 400, wants_max_completion_tokens: true,"
            " first_event_ms: 30000, idle_ms: 30000,"
            ' usd_per_million_tokens: {input: "1.000001", cache_read: "0.3", output: "7.000003", reasoning: "11.5"}}')
    lines.append("deployments:")
    for name, (script, closed) in CLOSED.items():
        lines.append(
            f'  - {{id: leave-{name}, model: leave-{name}, provider: scripted, upstream_model: "script:{script}", {closed}}}')
    path = stack.folder / "leavers.yaml"
    path.write_text("\n".join(lines) + "\n")
    stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
    key = stack.new_key()["key"]
    wait_until(lambda: begin(stack, key, {"model": "leave-stops", "max_tokens": 1}, "ready", b"\r\n").startswith(b"HTTP/1.1 200"),
               what="the models are served")
    return key


def billed_to(stack, mark):
    """The entry on the provider's bill for the request that contains the mark."""
    return next(((name, entry) for name, entry in stack.bill().items() if mark in entry["body"]), None)


def begin(stack, key, body, mark, until):
    """Sends a chat request and closes the connection once `until` is in the response, or the provider has the
    request."""
    payload = json.dumps({"messages": [{"role": "user", "content": mark}], **body}).encode()
    with socket.create_connection(("127.0.0.1", stack.workers[0].port), timeout=30) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            + f"Authorization: Bearer {key}\r\nContent-Length: {len(payload)}\r\n\r\n".encode() + payload)
        data = b""
        if until is None:
            wait_until(lambda: billed_to(stack, mark), what="the provider was asked")
        while until is not None and until not in data:
            piece = connection.recv(65536)
            if not piece:
                break
            data += piece
        return data


def leaving(random):
    """One way to leave: before anything came, at the head, in the thinking, in the visible part."""
    streams = random.random() < 0.7
    return {
        "mark": f"leaves {random.getrandbits(64):x}",
        "until": random.choice([None, b"\r\n\r\n", b'"tok '] if streams else [None]),
        "body": {
            "model": random.choice(["leave-runs_on", "leave-runs_on", "leave-stops"]), "stream": streams,
            random.choice(["max_tokens", "max_completion_tokens"]): random.choice([250, 300, 399]),
            **({"stream_options": {"include_usage": True}} if streams and random.random() < 0.5 else {})}}


def test_leaving_early_covers_the_bill(stack, leavers):
    stack.clear_bill()

    def check(variant):
        begin(stack, leavers, variant["body"], variant["mark"], variant["until"])
        request, _ = wait_until(lambda: billed_to(stack, variant["mark"]), what="the provider was asked")
        row = wait_until(lambda: stack.ledger().get(request), what="the ledger has the request")
        entry = stack.bill()[request]
        billed = -(-sum(entry[name] * nano for name, nano in PRICES.items()) // 1_000_000)
        assert row["nano_usd"] >= billed, f"charged {row['nano_usd']} for a bill of {billed} ({row['usage_source']})"
        if row["usage_source"] == "provider":
            assert row["nano_usd"] == billed, f"charged {row['nano_usd']} for a reported {billed}"

    attack("S3", leaving, check, variants=24, at_once=6)
    wait_until(stack.settled, what="no hold stays")
