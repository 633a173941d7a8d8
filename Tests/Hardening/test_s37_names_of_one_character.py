"""S37: a provider's name for a model was cut by characters, and one character may be megabytes long."""

import json

import pytest

import rows
from processes import wait_until
from raw import ask
from raw_answers import DONE, answer, delta, event, plain, stream, usage_chunk
from raw_upstream import RawUpstream

CHAT = "/v1/chat/completions"
NAME_BYTES_MAX = 128
LINE_BYTES_MAX = 4096
#: A character each, however often its second part is repeated.
CLUSTERS = {
    "accents": ("e", "\u0301"), "underlines": ("x", "\u0332"), "enclosed": ("7", "\u20e3\ufe0f"), "jamo": ("\u1100", "\u1100"),
    "family": ("\U0001f468", "\u200d\U0001f469"), "joined": ("a", "\u200d"), "tags": ("\U0001f3f4", "\U000e0067"),
    "space": (" ", "\u0301"),
}
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def upstream(stack):
    made = RawUpstream()
    path = stack.folder / "raw.yaml"
    path.write_text("\n".join([
        "providers:", f"  - {{id: raw, dialect: vllm, base_url: 'http://127.0.0.1:{made.port}/v1', allowed_networks: ['127.0.0.0/8'],"
        " credential_from_environment: SCRIPTED_KEY}",
        "models:", "  - {name: raw, vendor: raw, max_output_tokens: 400, first_event_ms: 30000, idle_ms: 30000,"
        ' usd_per_million_tokens: {input: "1", output: "1"}}',
        "deployments:", "  - {id: raw-1, model: raw, provider: raw, upstream_model: m}"]) + "\n")
    stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
    made.key = stack.new_key()["key"]
    wait_until(lambda: "raw" in {m["id"] for m in ask(stack.workers[0], "GET", "/v1/models", made.key)[2]["data"]},
               what="the model is known")
    yield made
    made.close()


def generate(source):
    return {"cluster": source.choice(list(CLUSTERS)), "bytes": source.choice([2_000, 70_000, 300_000, 600_000]),
            "place": source.choice(["answer", "stream", "stream, once", "error"]),
            "escaped": source.choice([True, False]), "prefix": source.choice(["", "m-", "vendor/m "])}


def scripted(v):
    first, more = CLUSTERS[v["cluster"]]
    # An escape takes up to three times the bytes, and an event at most a mebibyte.
    name = v["prefix"] + first + more * (v["bytes"] // (3 if v["escaped"] else 1) // len(more.encode()))

    def spelt(value):
        return json.dumps(json.loads(value) if isinstance(value, str) else value, ensure_ascii=v["escaped"])

    if v["place"] == "answer":
        return name, [plain(spelt({**answer(), "model": name}).encode())]
    if v["place"] == "error":
        return name, [plain(spelt({"error": {"message": name, "type": "invalid_request_error"}}).encode(), status="400 Bad Request")]
    named = [spelt({**json.loads(delta("hi")), "model": name})]
    rest = [json.loads(delta("there")), json.loads(delta("", "stop")), json.loads(usage_chunk(7, 2))]
    for chunk in rest:
        if v["place"] == "stream, once":
            del chunk["model"]
        named.append(spelt(chunk))
    return name, [stream(b"".join(event(chunk) for chunk in named) + DONE)]


def test_s37_names_of_one_character(stack, upstream):
    worker = stack.workers[0]
    numbers = iter(range(10_000))

    def check(variant):
        script = f"s{next(numbers)}"
        name, upstream.scripts[script] = scripted(variant)
        read = worker.process.log_path.stat().st_size
        status, headers, text = ask(worker, "POST", CHAT, upstream.key, {
            "model": "raw", "messages": HELLO, "stream": variant["place"].startswith("stream"), "user": script})
        if variant["place"] == "error":
            assert status == 400 and len(json.dumps(text)) < 4 * LINE_BYTES_MAX, (status, len(json.dumps(text)))
            return
        assert status == 200, (status, str(text)[:200])
        if variant["place"] == "stream, once":
            assert len(text) < 2 * len(json.dumps(name)), f"{len(text)} characters of an answer with one long name"
        # Kept in the worker and in Redis until the ledger has it.
        at = f"/v1/me/requests/{headers['x-request-id']}"
        shown = wait_until(lambda: (told := ask(worker, "GET", at, upstream.key))[0] == 200 and told[2]["state"] == "ended"
                           and told[2], what="the request is settled")
        kept = shown["model"].encode()
        assert len(kept) <= NAME_BYTES_MAX, f"{len(kept)} bytes of a name are kept"
        assert name.encode().startswith(kept) and len(kept) > NAME_BYTES_MAX - 4, kept
        with open(worker.process.log_path, "rb") as log:
            log.seek(read)
            longest = max(map(len, log.read().split(b"\n")))
        assert longest <= LINE_BYTES_MAX, f"a log line of {longest} bytes"

    rows.attack("S37", generate, check, variants=24)
    assert worker.metrics().get("aihub_worker_journal_degraded", 0) == 0
