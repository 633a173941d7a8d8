"""S7: an answer over the gateway's own bound is charged, keeps its unit, and is no fault of its deployment."""

import json
import urllib.error
import urllib.request

import pytest

from processes import wait_until
from rows import attack

#: Each is more than 32 MiB as JSON numbers or as text.
SHAPES = [("big-vectors", "embedding", "in=3,dims=65536"), ("big-image", "image", "in=9,out=2,image=30000000"),
          ("big-text", "chat", "in=5,out=9000000")]


@pytest.fixture(scope="module")
def large(stack):
    lines = ["models:"]
    for name, kind, _ in SHAPES:
        lines.append(
            f"  - {{name: {name}, vendor: scripted, kind: {kind}, max_output_tokens: 9000000,"
            ' usd_per_million_tokens: {input: "1", output: "7"}}')
    lines.append("deployments:")
    for name, _, script in SHAPES:
        lines.append(f'  - {{id: {name}-1, model: {name}, provider: scripted, upstream_model: "script:{script}"}}')
    path = stack.folder / "large.yaml"
    path.write_text("\n".join(lines) + "\n")
    stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
    key = stack.new_key()
    body = {"model": "big-text", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
    wait_until(lambda: send(stack, key["key"], "/chat/completions", body)[0] == 200, what="the models are served")
    return key


def send(stack, key, path, body):
    request = urllib.request.Request(
        stack.workers[0].base_url + path, data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.headers["x-request-id"]
    except urllib.error.HTTPError as error:
        error.read()
        return error.code, error.headers["x-request-id"]


def too_large(random):
    name, kind, _ = random.choice(SHAPES[:2] * 4 + SHAPES[2:])
    if kind == "embedding":
        texts = random.choice([f"text {random.random()}" for _ in range(1)] * 1 or [])
        return "/embeddings", {"model": name, "input": [f"{texts} {n}" for n in range(random.randint(60, 90))],
                               "encoding_format": "float"}
    if kind == "image":
        return "/images/generations", {"model": name, "prompt": f"a {random.random()}", "n": random.randint(1, 3)}
    return "/chat/completions", {"model": name, "max_tokens": random.randint(8_900_000, 9_000_000),
                                 "messages": [{"role": "user", "content": f"{random.random()}"}]}


def test_too_large_an_answer_is_charged(stack, large):
    def check(variant):
        path, body = variant
        status, request = send(stack, large["key"], path, body)
        assert status == 502, f"{path} answered {status}"
        row = wait_until(lambda: stack.ledger().get(request), what="the ledger has the request")
        assert row["nano_usd"] > 0, "the answer was free"
        assert not row["given_back"], "its unit was given back"

    attack("S7", too_large, check, variants=20)
    wait_until(stack.settled, what="no hold stays")
