"""Providers with other formats, through OpenAI's client: Anthropic Messages, and members that dialects drop."""

import json

import openai
import pytest
from openai import OpenAI

from processes import wait_until
from prompt_cache import name_at_vendors
from raw import ask
from stack import STOPS, price

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"type": "function", "function": {
    "name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
SCRIPTED = {
    "claude": "in=10,out=8",
    "claude-cached": "in=100,out=20,cached=64,reasoning=7",
    "claude-tool": "in=30,out=3,tools=1",
    "claude-busy": "status=429,retry=1",
    "claude-overloaded": "status=529",
    "claude-refused": "status=400",
    "claude-denied": "status=401",
    "claude-gone": "status=404",
    "claude-sour": "in=12,out=20,error=5",
    "claude-sour-first": "in=12,out=20,error=0",
    "claude-cut": "in=12,out=20,cut=6",
    "claude-undone": "in=4,out=4,nodone=1",
    "claude-unfinished": "in=4,out=4,nofinish=1",
}


@pytest.fixture(scope="module")
def claude(stack):
    """The scripted provider again, as Anthropic and as OpenAI itself."""
    lines = ["providers:"]
    for name, dialect in [("scripted-claude", "anthropic"), ("scripted-strict", "openai")]:
        lines += [f"  - {{id: {name}, dialect: {dialect}, base_url: '{stack.provider_url}/v1',"
                  " allowed_networks: ['127.0.0.0/8'], credential_from_environment: SCRIPTED_KEY,"
                  f" {STOPS}}}"]
    prices = 'usd_per_million_tokens: {input: "1.000001", cache_read: "0.3", output: "7.000003", reasoning: "11.5"}'
    models = {name: ("scripted-claude", script) for name, script in SCRIPTED.items()}
    models["strict"] = ("scripted-strict", "in=10,out=8")
    models["reasoner"] = ("scripted-strict", "in=10,out=8")
    lines += ["models:"] + [
        f"  - {{name: {name}, vendor: scripted, max_output_tokens: 400, tools: true, first_event_ms: 2000, idle_ms: 1500,"
        f" wants_max_completion_tokens: {str(name == 'reasoner').lower()}, {prices}}}" for name in models]
    lines += ["deployments:"] + [
        f'  - {{id: {name}-1, model: {name}, provider: {provider}, upstream_model: "script:{script}"}}'
        for name, (provider, script) in models.items()]
    lines += ["aliases:", "  - {name: claude-first, candidates: [{model: claude-overloaded}, {model: plain}]}",
              "  - {name: claude-sour-then-plain, candidates: [{model: claude-sour-first}, {model: plain}]}",
              "  - {name: claude-or-plain, candidates: [{model: claude}, {model: plain}]}"]
    path = stack.folder / "claude.yaml"
    path.write_text("\n".join(lines) + "\n")
    stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
    key = stack.new_key()["key"]
    clients = [OpenAI(base_url=w.base_url, api_key=key, max_retries=0) for w in stack.workers]
    for client in clients:
        wait_until(lambda: {"claude", "claude-or-plain"} <= {m.id for m in client.models.list()}, what="the models are known")
    return clients[0]


def entry_of(stack, request_id):
    """The provider's bill for a request, once the ledger has it, with the ledger's row."""
    wait_until(lambda: request_id in stack.ledger(), what="the ledger has the request")
    return stack.bill()[request_id], stack.ledger()[request_id]


@pytest.mark.parametrize("model", ["claude", "claude-cached", "claude-tool"])
@pytest.mark.parametrize("stream", [False, True])
def test_the_ledger_has_what_the_provider_billed(stack, claude, model, stream):
    raw = claude.chat.completions.with_raw_response.create(
        model=model, messages=HELLO, tools=[WEATHER], stream=stream)
    answer = raw.parse()
    if stream:
        for _ in answer:
            pass
    bill, row = entry_of(stack, raw.headers["x-request-id"])
    assert bill["complete"] and bill["received"] == 1
    assert row["nano_usd"] == price(bill) and row["usage_source"] == "provider"
    assert (row["input"], row["cached"], row["output"], row["reasoning"]) == (
        bill["input"], bill["cached"], bill["output"], bill["reasoning"])


def test_a_plain_answer(claude):
    answer = claude.chat.completions.create(model="claude-cached", messages=HELLO)
    assert answer.id.startswith("chatcmpl-") and answer.object == "chat.completion"
    assert answer.model == "script:in=100,out=20,cached=64,reasoning=7"
    assert answer.choices[0].message.content == "tok " * 20 and answer.choices[0].finish_reason == "stop"
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (100, 20, 120)
    assert usage.prompt_tokens_details.cached_tokens == 64
    assert usage.completion_tokens_details.reasoning_tokens == 7


def test_a_stream(claude):
    chunks = list(claude.chat.completions.create(model="claude", messages=HELLO, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "tok " * 8
    assert [c.choices[0].delta.role for c in chunks if c.choices[0].delta.role] == ["assistant"]
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["stop"]
    assert len({(c.id, c.created, c.model) for c in chunks}) == 1 and all(c.usage is None for c in chunks)
    with claude.chat.completions.stream(model="claude", messages=HELLO, stream_options={"include_usage": True}) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "tok " * 8 and final.choices[0].message.role == "assistant"
    assert (final.usage.prompt_tokens, final.usage.completion_tokens) == (10, 8)


def test_tools_plain_and_streamed(claude):
    answer = claude.chat.completions.create(model="claude-tool", messages=HELLO, tools=[WEATHER])
    call = answer.choices[0].message.tool_calls[0]
    assert answer.choices[0].finish_reason == "tool_calls" and answer.choices[0].message.content is None
    assert (call.id, call.function.name, json.loads(call.function.arguments)) == ("toolu_1", "get_weather", {"city": "Bonn"})
    pieces = [c.choices[0].delta.tool_calls for c in claude.chat.completions.create(
        model="claude-tool", messages=HELLO, tools=[WEATHER], stream=True)]
    pieces = [p[0] for p in pieces if p]
    assert pieces[0].id == "toolu_1" and all(p.id is None and p.index == 0 for p in pieces[1:])
    assert json.loads("".join(p.function.arguments for p in pieces)) == {"city": "Bonn"}


def test_the_request_is_one_of_anthropics(stack, claude):
    raw = claude.chat.completions.with_raw_response.create(
        model="claude", max_completion_tokens=5, temperature=0.3, tools=[WEATHER], user="somebody", messages=[
            {"role": "system", "content": "Be kind."}, {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Bonn"}'}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "rain"}])
    assert raw.parse().choices[0].finish_reason == "length"
    sent = json.loads(stack.bill()[raw.headers["x-request-id"]]["body"])
    assert sent == {
        "model": "script:in=10,out=8", "max_tokens": 5, "system": [{"type": "text", "text": "Be kind."}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Bonn"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "rain"}]}]}],
        "tools": [{"name": "get_weather", "input_schema": WEATHER["function"]["parameters"]}], "service_tier": "standard_only"}


@pytest.mark.parametrize("model, status, type_", [
    ("claude-refused", 400, "invalid_request_error"), ("claude-busy", 429, "rate_limit_exceeded"),
    ("claude-overloaded", 503, "no_provider_available"), ("claude-denied", 503, "no_provider_available"),
    ("claude-gone", 503, "no_provider_available"),
])
@pytest.mark.parametrize("stream", [False, True])
def test_each_error_has_its_meaning_and_costs_nothing(stack, claude, model, status, type_, stream):
    with pytest.raises(openai.APIStatusError) as raised:
        claude.chat.completions.create(model=model, messages=HELLO, stream=stream)
    assert raised.value.status_code == status and raised.value.body["type"] == type_
    _, row = entry_of(stack, raised.value.response.headers["x-request-id"])
    # An error that only repeats the caller's own text still uses a unit of the request limits.
    assert row["nano_usd"] == 0 and row["given_back"] == (status != 400)


@pytest.mark.parametrize("model", ["claude-sour", "claude-cut", "claude-undone", "claude-unfinished"])
def test_a_stream_without_its_end_is_no_success(stack, claude, model):
    raw = claude.chat.completions.with_raw_response.create(model=model, messages=HELLO, stream=True)
    with pytest.raises(openai.APIError):
        for _ in raw.parse():
            pass
    _, row = entry_of(stack, raw.headers["x-request-id"])
    assert row["outcome"] == "failed" and row["nano_usd"] > 0, "what was relayed is charged"


@pytest.mark.parametrize("alias", ["claude-first", "claude-sour-then-plain"])
def test_an_engine_of_another_format_steps_in(claude, alias):
    chunks = list(claude.chat.completions.create(model=alias, messages=HELLO, stream=True))
    assert {c.model for c in chunks} == {"script:in=10,out=8"}
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "tok " * 8


def test_what_one_engine_lacks_the_next_may_have(claude):
    with pytest.raises(openai.BadRequestError) as raised:
        claude.chat.completions.create(model="claude", messages=HELLO, n=2)
    assert raised.value.body["param"] == "n"
    raw = claude.chat.completions.with_raw_response.create(model="claude-or-plain", messages=HELLO, n=2)
    assert raw.headers["x-aihub-deployment"] == "plain-1"


def test_openai_itself_gets_no_field_it_does_not_know(stack, claude):
    worker = stack.workers[0]
    made = stack.new_key()
    key, named = made["key"], {"prompt_cache_key": name_at_vendors(stack, made["org_id"])}
    body = {"model": "strict", "top_k": 5, "temperature": 0.5, "stream": True, "x_vendor": 1, "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "content": "Hello", "reasoning_content": "They greet."}, {"role": "user", "content": "Go on"}]}
    status, headers, _ = ask(worker, "POST", CHAT, key, body)
    assert status == 200
    assert json.loads(stack.bill()[headers["x-request-id"]]["body"]) == {
        "model": "script:in=10,out=8", "temperature": 0.5, "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False}, "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]}, {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Go on"}], "store": False, "service_tier": "default", **named}
    status, headers, _ = ask(worker, "POST", CHAT, key, {
        "model": "reasoner", "messages": HELLO, "temperature": 0, "max_tokens": 5, "logprobs": True})
    assert status == 200
    assert json.loads(stack.bill()[headers["x-request-id"]]["body"]) == {
        "model": "script:in=10,out=8", "messages": HELLO, "max_completion_tokens": 5, "store": False, "service_tier": "default",
        **named}


def test_an_endpoint_its_vendor_has_not_is_said_so(stack, claude):
    status, _, answer = ask(stack.workers[0], "POST", "/v1/completions", stack.new_key()["key"], {"model": "claude", "prompt": "Hi"})
    assert status == 400 and "/completions" in answer["error"]["message"]


def test_a_dialect_nobody_speaks_is_refused_by_the_database(stack):
    with pytest.raises(Exception, match="a dialect is one the workers speak"):
        stack.sql("insert into provider (id, base_url, dialect) values ('x', 'https://x/v1', 'klingon')")
