"""S3: leaving an answer early is never cheaper than what its provider bills."""

import json
import socket

import pytest

from processes import wait_until
from rows import attack

#: Nano-USD a token, as `stack.price` has them: input, hidden reasoning.
SCRIPTS = {
    # What the provider does when the connection closes, and what it bills by then.
    "runs_on": "in=20,out=300,reasoning=200,hidden=1,runson=1,gap=3",
    "stops": "in=20,out=300,reasoning=200,hidden=1,gap=3",
}


@pytest.fixture(scope="module")
def leavers(stack):
    """Models that think unseen, behind a provider whose bill runs on, and one whose bill stops."""
    lines = ["models:"]
    for name in SCRIPTS:
        lines.append(
            f"  - {{name: leave-{name}, vendor: scripted, max_output_tokens: 400, wants_max_completion_tokens: true,"
            " first_event_ms: 30000, idle_ms: 30000,"
            ' usd_per_million_tokens: {input: "1.000001", cache_read: "0.3", output: "7.000003", reasoning: "11.5"}}')
    lines.append("deployments:")
    for name, script in SCRIPTS.items():
        lines.append(f'  - {{id: leave-{name}, model: leave-{name}, provider: scripted, upstream_model: "script:{script}"}}')
    path = stack.folder / "leavers.yaml"
    path.write_text("\n".join(lines) + "\n")
    stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
    stop = "update deployment set after_close = 'stops', after_close_source = 'the scripted provider' where id = 'leave-stops'"
    if stack.sql("select 1 from information_schema.columns where table_name = 'deployment' and column_name = 'after_close'"):
        stack.sql(stop)
    key = stack.new_key()
    wait_until(lambda: ask(stack, key["key"], {"model": "leave-stops", "max_tokens": 1}, until=b"\r\n").startswith(b"HTTP/1.1 200"),
               what="the models are served")
    return key


def ask(stack, key, body, until=None, reads=1):
    """Sends a chat request and closes the connection after `until` was seen, or after so many reads."""
    payload = json.dumps({"messages": [{"role": "user", "content": "Hello"}], **body}).encode()
    port = stack.workers[0].port
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            + f"Authorization: Bearer {key}\r\nContent-Length: {len(payload)}\r\n\r\n".encode() + payload)
        data = b""
        while reads > 0 and not (until and until in data):
            piece = connection.recv(65536)
            if not piece:
                break
            data += piece
            reads -= 0 if until else 1
        return data


def leaving(random):
    """One way to leave: before anything came, at the head, in the thinking, in the visible part."""
    streams = random.random() < 0.7
    return {
        "model": random.choice(["leave-runs_on", "leave-stops"]),
        "stream": streams,
        random.choice(["max_tokens", "max_completion_tokens"]): random.choice([250, 300, 399]),
        "until": random.choice([None, b"\r\n\r\n", b'"tok '] if streams else [None]),
        "include_usage": streams and random.random() < 0.5,
    }


def test_leaving_early_covers_the_bill(stack, leavers):
    def check(variant):
        stack.clear_bill()
        body = {k: v for k, v in variant.items() if k not in ("until", "include_usage")}
        if variant["include_usage"]:
            body["stream_options"] = {"include_usage": True}
        ask(stack, leavers["key"], body, until=variant["until"], reads=0 if variant["until"] is None else 1)
        bill = wait_until(lambda: {i: e for i, e in stack.bill().items() if e["status"] == 200}, what="the provider was asked")
        (request, _), = bill.items()
        row = wait_until(lambda: stack.ledger().get(request), what="the ledger has the request")
        entry = stack.bill()[request]
        billed = -(-(entry["input"] * 1_000_001_000 + entry["output"] * 7_000_003_000 + entry["reasoning"] * 11_500_000_000) // 1_000_000)
        assert row["nano_usd"] >= billed, f"charged {row['nano_usd']} for a bill of {billed} ({row['usage_source']})"
        if row["usage_source"] == "provider":
            assert row["nano_usd"] == billed, f"charged {row['nano_usd']} for a reported {billed}"

    attack("S3", leaving, check, variants=24)
    wait_until(stack.settled, what="no hold stays")
