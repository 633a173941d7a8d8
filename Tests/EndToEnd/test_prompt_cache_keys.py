"""Vendors cache prompt prefixes per account; the key that separates them is the org's own, whatever callers send."""

import json

import pytest

from processes import wait_until
from prompt_cache import name_at_vendors
from raw import ask
from stack import STOPS

CHAT = "/v1/chat/completions"
#: Vendors with a `prompt_cache_key`, and the row for servers that may accept one. All others get none.
ALWAYS, REPLACED = {"openai", "azure", "mistral", "openrouter"}, {"vllm"}
DIALECTS = ["openai", "azure", "mistral", "openrouter", "vllm", "groq", "deepseek", "xai", "together", "qwen", "ollama", "llamacpp",
            "gemini-compat", "anthropic"]


@pytest.fixture(scope="module")
def orgs(stack):
    """Two orgs: their IDs and keys."""
    lines = ["providers:"] + [
        f"  - {{id: named-{d}, dialect: {d}, base_url: '{stack.provider_url}/v1', allowed_networks: ['127.0.0.0/8'],"
        f" credential_from_environment: NAMED_KEY, {STOPS}}}" for d in DIALECTS]
    lines += ["models:"] + [
        f"  - {{name: named-{d}, vendor: named, max_output_tokens: 400, first_event_ms: 5000, idle_ms: 5000,"
        ' usd_per_million_tokens: {input: "1", output: "1"}}' for d in DIALECTS]
    lines += ["deployments:"] + [
        f'  - {{id: named-{d}-1, model: named-{d}, provider: named-{d}, upstream_model: "script:in=10,out=8"}}' for d in DIALECTS]
    path = stack.folder / "named.yaml"
    path.write_text("\n".join(lines) + "\n")
    stack.run_control("load", path, env={"NAMED_KEY": "sk-named"})
    made = [stack.new_key() for _ in range(2)]
    for key in made:
        wait_until(lambda: all(ask(stack.workers[0], "GET", f"/v1/models/named-{d}", key["key"])[0] == 200 for d in DIALECTS),
                   what="the models are known")
    return [(key["org_id"], key["key"]) for key in made]


def name_sent(stack, key, dialect, **own):
    """The `prompt_cache_key` the provider received."""
    status, headers, answer = ask(stack.workers[0], "POST", CHAT, key, {
        "model": f"named-{dialect}", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5, **own})
    assert status == 200, answer
    return json.loads(stack.bill()[headers["x-request-id"]]["body"]).get("prompt_cache_key")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_org_has_names_of_its_own_at_a_vendor(stack, orgs, dialect):
    (one, one_key), (other, other_key) = orgs
    others_name = name_at_vendors(stack, other, "shared")
    got = {
        (org, own): name_sent(stack, key, dialect, **({} if own is None else {"prompt_cache_key": own}))
        for org, key in orgs for own in (None, "shared", "another", others_name)}
    for (org, own), name in got.items():
        named = dialect in ALWAYS or dialect in REPLACED and own is not None
        assert name == (name_at_vendors(stack, org, own) if named else None), (org, own)
    names = [name for name in got.values() if name is not None]
    assert len(set(names)) == len(names) == {True: 8}.get(dialect in ALWAYS, 6 if dialect in REPLACED else 0)
    # `null` counts as absent.
    assert name_sent(stack, one_key, dialect, prompt_cache_key=None) in (None, got[one, None])
