"""S7: a response over the gateway's own bound is charged, uses a request unit, and does not count against its
deployment."""

import json

import pytest

from processes import wait_until
from raw import ask
from raw_answers import chunked, head, usage
from raw_upstream import RawUpstream
from request_rig import STOPS
from rows import attack

MIB = 1 << 20
ANSWER_MAX = 32 * MIB
PROMPT, OUTPUT_MAX = 3, 9_000_000
FILLER = b"1" * (ANSWER_MAX + 4 * MIB)
#: Each kind's path, what is asked for, and an answer, cut where the filler goes.
KINDS = {
    "chat": ("/v1/chat/completions", lambda output: {"messages": [{"role": "user", "content": "hi"}], "max_tokens": output},
             ['{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"', '"}}]']),
    "embedding": ("/v1/embeddings", lambda _: {"input": "hi there", "encoding_format": "float"},
                  ['{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.', ']}]']),
    "image": ("/v1/images/generations", lambda _: {"prompt": "a cat"}, ['{"created":1,"data":[{"b64_json":"', '"}]']),
}


@pytest.fixture(scope="module")
def large(stack):
    upstream = RawUpstream()
    lines = ["providers:", f"  - {{id: large, dialect: vllm, base_url: 'http://127.0.0.1:{upstream.port}/v1', allowed_networks: ['127.0.0.0/8'],"
             f" credential_from_environment: SCRIPTED_KEY, {STOPS}}}", "models:"]
    for kind in KINDS:
        lines.append(f"  - {{name: large-{kind}, vendor: raw, kind: {kind}, max_output_tokens: {OUTPUT_MAX}, first_event_ms: 30000,"
                     ' idle_ms: 30000, usd_per_million_tokens: {input: "1", output: "7"}}')
    lines.append("deployments:")
    lines += [f"  - {{id: large-{kind}-1, model: large-{kind}, provider: large, upstream_model: m}}" for kind in KINDS]
    path = stack.folder / "large.yaml"
    path.write_text("\n".join(lines) + "\n")
    stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
    upstream.key, upstream.neighbour = (stack.new_key()["key"] for _ in range(2))
    wait_until(lambda: all(ask(stack.workers[0], "GET", f"/v1/models/large-{kind}", key)[0] == 200
                           for kind in KINDS for key in (upstream.key, upstream.neighbour)), what="the models are served")
    yield upstream
    upstream.close()


def answer(variant, filler):
    """The pieces of an answer, with usage before or behind what makes it large, or with none."""
    start, end = KINDS[variant["kind"]][2]
    said = json.dumps(usage(PROMPT, variant["output"]))
    if variant["usage"] == "first":
        start = '{"usage":%s,%s' % (said, start[1:])
    body = [start.encode(), filler, (end + (f',"usage":{said}' if variant["usage"] == "last" else "") + "}").encode()]
    if variant["chunked"]:
        return [head("application/json", "transfer-encoding: chunked"), chunked(b"".join(body))]
    return [head("application/json", f"content-length: {sum(map(len, body))}"), *body]


def too_large(random):
    kind = random.choice(list(KINDS))
    return {"kind": kind, "output": random.randint(8_000_000, OUTPUT_MAX) if kind == "chat" else 0, "name": f"{random.getrandbits(64):x}",
            "bytes": ANSWER_MAX + random.choice([0, 1, random.randrange(4 * MIB)]), "chunked": random.random() < 0.5,
            "usage": random.choice(["first", "last", "none"])}


def test_too_large_an_answer_is_charged(stack, large):
    def send(variant, key, script):
        path, body, _ = KINDS[variant["kind"]]
        body = {"model": f"large-{variant['kind']}", "user": script, **body(max(variant["output"], 1))}
        return ask(stack.workers[0], "POST", path, key, body)

    def check(variant):
        large.scripts[variant["name"]] = answer(variant, FILLER[:variant["bytes"]])
        status, headers, got = send(variant, large.key, variant["name"])
        del large.scripts[variant["name"]]
        assert status == 502, (status, got)
        request = headers["x-request-id"]
        row = wait_until(lambda: stack.ledger().get(request), what="the ledger has the request")
        billed = PROMPT * 1_000 + variant["output"] * 7_000
        assert row["nano_usd"] >= billed, f"charged {row['nano_usd']} for a bill of {billed}"
        assert not row["given_back"], "its unit was given back"
        large.scripts["small"] = answer({**variant, "output": 1, "usage": "last"}, b"1111")
        assert send({**variant, "output": 1}, large.neighbour, "small")[0] == 200, "the deployment is out for a neighbour"

    attack("S7", too_large, check, variants=24)
    wait_until(stack.settled, what="no hold stays")
