"""S2: a response from a more expensive model is cut at its first chunk, charged at that price, and its deployment cools
down."""

import json
import urllib.error
import urllib.request

import pytest

from processes import wait_until
from rows import attack

#: How a provider may write the name of a model of the catalogue: nano-USD a token in and out follow.
DEAR = (25_000, 125_000)
SPELLINGS = ["dear-opus-5", "dear-opus-5-2026-01-01", "anthropic/dear-opus-5", "vendor/sub/dear-opus-5-latest", "Dear-Opus-5"]
SHAPES = [(stream, spelling) for stream in (True, False) for spelling in SPELLINGS]


@pytest.fixture(scope="module")
def impostors(stack):
    lines = ["models:", "  - {name: dear-opus-5, vendor: other, max_output_tokens: 400,"
             ' usd_per_million_tokens: {input: "25", output: "125"}}']
    for n in range(len(SPELLINGS)):
        lines.append(f"  - {{name: cheap-{n}, vendor: scripted, max_output_tokens: 400,"
                     ' usd_per_million_tokens: {input: "0.1", output: "0.2"}}')
    lines.append("deployments:")
    for n, spelling in enumerate(SPELLINGS):
        lines.append(f'  - {{id: cheap-{n}-1, model: cheap-{n}, provider: scripted, upstream_model: "script:says={spelling},in=30,out=20"}}')
    path = stack.folder / "impostors.yaml"
    path.write_text("\n".join(lines) + "\n")
    stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
    key = stack.new_key()
    wait_until(lambda: send(stack, key["key"], {"model": "cheap-0", "max_tokens": 1})[0] != 404, what="the models are served")
    return key


def send(stack, key, body):
    request = urllib.request.Request(
        stack.workers[0].base_url + "/chat/completions",
        data=json.dumps({"messages": [{"role": "user", "content": "Hello"}], **body}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers["x-request-id"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["x-request-id"], error.read()


def test_the_dearer_price_is_charged_and_nothing_passes(stack, impostors):
    def check(variant):
        n, stream, tokens = variant
        status, request, body = send(
            stack, impostors["key"], {"model": f"cheap-{n}", "stream": stream, "max_tokens": tokens})
        if status == 503:
            return  # It rests since an earlier variant, so nothing was asked of it.
        assert b"tok " not in body, "the other model's answer was passed on"
        row = wait_until(lambda: stack.ledger().get(request), what="the ledger has the request")
        billed = 30 * DEAR[0] + (0 if stream else min(tokens, 20) * DEAR[1])
        held = stack.sql("select held_nano_usd from usage_event where id = %s", request)[0][0]
        assert row["nano_usd"] >= min(billed, held), f"charged {row['nano_usd']} for {billed}"

    attack("S2 another model", lambda random: (random.randrange(len(SPELLINGS)), random.random() < 0.5, random.randint(5, 60)),
           check, variants=20)
