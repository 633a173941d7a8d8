"""How real clients behave: each habit as bytes on the wire, against the real binaries."""

import base64
import json
import struct

import openai
import pytest
from openai import OpenAI
from openai.types import Completion, CreateEmbeddingResponse, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from client_rig import CHAT, gateway, loads, text_of, vector  # noqa: F401
from processes import wait_until
from raw import ask, events, send

HELLO = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
NESTED = {"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": SCHEMA}}
FLAT = {"type": "function", "name": "get_weather", "description": "Weather", "parameters": SCHEMA, "strict": False}
OF_ANTHROPIC = {"name": "get_weather", "description": "Weather", "input_schema": SCHEMA}


def sent(gateway, headers):
    return json.loads(gateway.sent(headers))


# openai-python

@pytest.fixture
def client(gateway):
    return OpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0)


def test_openai_python_merges_extra_body_at_the_top(gateway, client):
    raw = client.chat.completions.with_raw_response.create(
        model="smart", messages=HELLO, extra_body={"top_k": 5, "thinking": {"type": "enabled"}})
    assert {"top_k": 5, "thinking": {"type": "enabled"}}.items() <= sent(gateway, raw.headers).items()


def test_openai_python_decodes_the_embeddings_it_asks_for_as_base64(gateway, client):
    for model, size in [("numbers", 16), ("base64", 16), ("gemini-embedding-001", 12)]:
        raw = client.embeddings.with_raw_response.create(model=model, input=["one", "two"])
        assert sent(gateway, raw.headers)["encoding_format"] == "base64", "what the SDK does by itself"
        assert {type(item["embedding"]) for item in json.loads(raw.text)["data"]} == {str}
        assert [item.embedding for item in raw.parse().data] == [vector("one", size), vector("two", size)]


def test_openai_python_stream_helper_with_tools(client):
    with client.chat.completions.stream(model="tool", messages=HELLO, tools=[NESTED]) as stream:
        kinds = {event.type for event in stream}
        message = stream.get_final_completion().choices[0].message
    call, = message.tool_calls
    assert (message.role, call.id, call.function.name) == ("assistant", "call_1", "get_weather"), "nothing was doubled"
    assert json.loads(call.function.arguments) == {"city": "Bonn"} and "tool_calls.function.arguments.done" in kinds


def test_openai_python_async_iteration_stops_at_done(gateway):
    import asyncio

    async def run():
        async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0) as client:
            return [c async for c in await client.chat.completions.create(model="smart", messages=HELLO, stream=True)]

    chunks = asyncio.run(run())
    assert chunks[-1].choices[0].finish_reason == "stop"


def strictly(kind, text):
    return kind.model_validate_json(text, strict=True)


def test_answers_pass_the_strict_validation_of_openais_models(gateway, client):
    chat = client.chat.completions.with_raw_response
    for model in ["smart", "tool", "cached", "thinker", "openai/gpt-oss-120b"]:
        strictly(ChatCompletion, chat.create(model=model, messages=HELLO).text)
        for options in [{}, {"stream_options": {"include_usage": True}}]:
            text = chat.create(model=model, messages=HELLO, stream=True, **options).http_response.read().decode()
            for chunk in text.split("\n\n")[:-2]:
                strictly(ChatCompletionChunk, chunk.removeprefix("data: "))
    for encoding in ["float", "base64"]:
        raw = client.embeddings.with_raw_response.create(model="numbers", input="x", encoding_format=encoding)
        # The SDK's type is a list of numbers for both, since it decodes base64 first.
        if encoding == "float":
            strictly(CreateEmbeddingResponse, raw.text)
    completions = client.completions.with_raw_response
    strictly(Completion, completions.create(model="smart", prompt="x").text)
    text = completions.create(model="smart", prompt="x", stream=True).http_response.read().decode()
    for chunk in text.split("\n\n")[:-2]:
        # OpenAI streams null here until the end, which its SDK's type does not allow.
        strictly(Completion, chunk.removeprefix("data: ").replace('"finish_reason":null', '"finish_reason":"stop"'))
    for item in json.loads(client.models.with_raw_response.list().text)["data"]:
        strictly(Model, json.dumps(item))
    strictly(Model, client.models.with_raw_response.retrieve("openai/gpt-oss-120b").text)


# openai-node

def test_openai_node_headers_and_models_with_a_slash(gateway):
    headers = {"User-Agent": "OpenAI/JS 7.5.0", "X-Stainless-Lang": "js", "X-Stainless-Retry-Count": "0",
               "X-Stainless-Timeout": "600", "X-Stainless-Helper-Method": "stream", "Accept": "application/json",
               "OpenAI-Organization": "org-x", "OpenAI-Project": "proj_x", "OpenAI-Beta": "assistants=v2"}
    status, answered, text = gateway.chat({"model": "openai/gpt-oss-120b", "messages": HELLO, "stream": True}, headers)
    assert status == 200 and answered["content-type"].startswith("text/event-stream"), "whatever Accept says"
    chunks = events(text)[:-1]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant" and chunks[-1]["choices"][0]["finish_reason"] == "stop"
    for path in ["openai%2Fgpt-oss-120b", "openai/gpt-oss-120b"]:
        assert gateway.ask("GET", f"/v1/models/{path}")[2]["id"] == "openai/gpt-oss-120b"


def test_a_browser_gets_cors_on_answers_streams_and_errors(gateway):
    origin = {"Origin": "https://app.example"}
    for body in [{"model": "smart", "messages": HELLO}, {"model": "smart", "messages": HELLO, "stream": True},
                 {"model": "no-such", "messages": HELLO}]:
        _, headers, _ = gateway.chat(body, origin)
        assert headers["access-control-allow-origin"] == "*"
        assert "x-request-id" in headers["access-control-expose-headers"]


# @ai-sdk/openai-compatible, opencode

def test_ai_sdk_needs_of_a_stream(gateway):
    body = {"model": "tool", "max_tokens": 64, "messages": [{"role": "system", "content": "s"}, *HELLO], "tools": [NESTED],
            "tool_choice": "auto", "stream": True}
    headers = {"User-Agent": "ai-sdk/openai-compatible/3.0.35"}
    chunks = events(gateway.chat(body, headers)[2])[:-1]
    calls = [c["choices"][0]["delta"]["tool_calls"][0] for c in chunks if "tool_calls" in c["choices"][0]["delta"]]
    assert calls[0]["id"] and calls[0]["function"]["name"] == "get_weather" and calls[0]["index"] == 0
    assert all("id" not in call and call["index"] == 0 for call in calls[1:])
    assert "".join(call["function"]["arguments"] for call in calls) == '{"city":"Bonn"}'
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"][0]["finish_reason"]] == ["tool_calls"]


def test_ai_sdk_echoes_what_it_was_told_in_its_history(gateway):
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": "c2ln"}}}
    message = {"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": [call]}
    body = {"model": "smart", "messages": [*HELLO, message, {"role": "tool", "tool_call_id": "call_1", "content": "12"}]}
    status, headers, _ = gateway.chat(body)
    assert status == 200 and sent(gateway, headers)["messages"] == body["messages"]


def test_ai_sdk_embeddings_are_lists_of_numbers(gateway):
    for model in ["numbers", "base64"]:
        body = {"model": model, "input": ["a"], "encoding_format": "float"}
        _, _, answer = gateway.ask("POST", "/v1/embeddings", body)
        assert answer["data"][0]["embedding"] == vector("a", 16)


def test_ai_sdk_reads_a_message_out_of_every_error(gateway):
    for path, body in [(CHAT, {"model": "no-such", "messages": HELLO}), (CHAT, {"model": "smart"}),
                       ("/v1/embeddings", {"model": "smart", "input": "x"})]:
        _, _, answer = gateway.ask("POST", path, body)
        assert isinstance(answer["error"]["message"], str) and answer["error"]["message"]


def test_opencode_sends_long_tool_lists_and_many_results_in_a_row(gateway):
    tools = [{"type": "function", "function": {"name": f"tool_{n}", "parameters": SCHEMA}} for n in range(120)]
    calls = [{"id": f"c{n}", "type": "function", "function": {"name": f"tool_{n}", "arguments": "{}"}} for n in range(60)]
    results = [{"role": "tool", "tool_call_id": f"c{n}", "content": "x" * 500} for n in range(60)]
    body = {"model": "smart", "stream": True, "stream_options": {"include_usage": True}, "tools": tools, "max_tokens": 64,
            "messages": [*HELLO, {"role": "assistant", "content": None, "tool_calls": calls}, *results]}
    status, headers, text = gateway.chat(body)
    chunks = events(text)[:-1]
    assert status == 200 and chunks[-1]["choices"] == [] and chunks[-1]["usage"]["total_tokens"] == 18
    assert sent(gateway, headers)["messages"] == body["messages"] and sent(gateway, headers)["tools"] == tools


# Cursor

def test_cursor_verifies_with_a_tiny_completion(gateway):
    status, _, answer = gateway.chat({"model": "gpt-4o", "max_tokens": 1, "messages": [{"role": "user", "content": "Test"}]})
    assert status == 200 and answer["choices"][0]["finish_reason"] == "length"


def test_cursor_asks_for_names_nobody_knows(gateway):
    status, headers, answer = gateway.chat({"model": "gpt-9-turbo", "messages": HELLO, "stream": True})
    assert status == 404 and headers["content-type"] == "application/json"
    assert answer["error"]["type"] == "model_not_found"


RESPONSES = {
    "model": "smart", "stream": True, "max_output_tokens": 64, "instructions": "Be brief.", "store": False,
    "reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"], "truncation": "auto",
    "text": {"verbosity": "low"}, "parallel_tool_calls": True, "tool_choice": {"type": "function", "name": "get_weather"},
    "tools": [FLAT, {"type": "custom", "name": "apply_patch", "description": "d",
                     "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}}],
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Weather in Bonn?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "xyz"},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Bonn"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "12 °C"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "It is 12 °C."}]},
        {"role": "user", "content": "And tomorrow?"}]}


def test_cursor_agent_posts_a_responses_body_and_gets_chat_chunks(gateway):
    status, headers, text = gateway.chat(RESPONSES)
    assert status == 200, text
    chunks = events(text)
    assert text_of(chunks) == "tok " * 8 and {c["object"] for c in chunks[:-1]} == {"chat.completion.chunk"}
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Bonn"}'}}
    assert sent(gateway, headers) == {
        "model": "script:in=10,out=8", "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 64,
        "reasoning_effort": "low", "verbosity": "low", "parallel_tool_calls": True,
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "tools": [
            {"type": "function", "function": {k: v for k, v in FLAT.items() if k != "type"}},
            {"type": "custom", "custom": {"name": "apply_patch", "description": "d", "format": {
                "type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}}}}],
        "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Bonn?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "12 °C"},
            {"role": "assistant", "content": "It is 12 °C."}, {"role": "user", "content": "And tomorrow?"}]}
    row = gateway.charged(headers)
    assert (row["nano_usd"], row["usage_source"], row["input"], row["output"]) == (66_001, "provider", 10, 8)


def test_a_responses_body_reaches_a_reasoning_model_under_its_own_limit(gateway):
    body = {"model": "thinker", "input": "Think.", "max_output_tokens": 50, "reasoning": {"effort": "high"}}
    status, headers, answer = gateway.chat(body)
    assert status == 200 and answer["object"] == "chat.completion"
    assert sent(gateway, headers) == {
        "model": "script:in=9,out=20,reasoning=6", "messages": [{"role": "user", "content": "Think."}],
        "max_completion_tokens": 50, "reasoning_effort": "high"}


def test_cursor_mixes_nested_and_flat_tools(gateway):
    _, headers, _ = gateway.chat({"model": "smart", "messages": HELLO, "tools": [NESTED, FLAT, OF_ANTHROPIC]})
    names = [(tool["type"], tool["function"]["name"], tool["function"]["parameters"]) for tool in sent(gateway, headers)["tools"]]
    assert names == [("function", "get_weather", SCHEMA)] * 3


def test_cursor_speaks_anthropic_to_models_named_claude(gateway):
    picture = base64.b64encode(b"\x89PNG").decode()
    body = {
        "model": "claude-sonnet", "stream": True, "max_tokens": 50, "tools": [OF_ANTHROPIC], "tool_choice": {"type": "auto"},
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [
                {"type": "text", "text": "See", "cache_control": {"type": "ephemeral"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}}]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Bonn"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "12"}]},
                {"type": "text", "text": "So?"}]}]}
    status, headers, text = gateway.chat(body)
    assert status == 200, text
    assert [c["choices"][0]["finish_reason"] for c in events(text)[:-1]][-1] == "tool_calls"
    got = sent(gateway, headers)
    assert got["tool_choice"] == "auto" and got["tools"][0]["function"]["parameters"] == SCHEMA
    assert got["messages"] == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [
            {"type": "text", "text": "See", "cache_control": {"type": "ephemeral"}},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}]},
        {"role": "assistant", "content": "I look.", "tool_calls": [
            {"id": "toolu_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Bonn"}'}}]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "12"}, {"role": "user", "content": "So?"}]


def test_what_was_brought_into_form_is_judged_like_any_other(gateway):
    picture = [{"role": "user", "content": [{"type": "image", "source": {
        "type": "base64", "media_type": "image/png", "data": "AAAA"}}]}]
    for body, param in [
        ({"input": []}, "messages"), ({"input": None}, "messages"), ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": "x", "max_output_tokens": 0}, "max_output_tokens"), ({"input": "x", "temperature": 3}, "temperature"),
        ({"input": "x", "previous_response_id": "resp_1"}, "previous_response_id"), ({"messages": None}, "messages"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "file:///etc/passwd"}]}]}, "input"),
        ({"messages": HELLO, "tools": [{"type": "function", "parameters": {}}]}, "tools[0].name"),
        ({"input": "x", "api_base": "http://169.254.169.254"}, "api_base"),
        # An image is recognised in every form: no model behind this name accepts images.
        ({"messages": picture}, "messages"),
    ]:
        status, _, answer = gateway.chat({"model": "smart", **body})
        assert status == 400 and answer["error"]["type"] == "invalid_request_error", (body, answer)
        assert answer["error"]["param"] == param or param == "messages" and answer["error"]["param"] == "input", (body, answer)


def test_numbers_and_schemas_of_foreign_bodies_keep_their_spelling(gateway):
    text = ('{"model":"smart","seed":9007199254740993,"temperature":1.0,"input":"x","tools":[{"type":"function","name":"f",'
            '"parameters":{"maximum":10000000000000001,"multipleOf":1.0,"default":1e2,"minimum":-0}}]}')
    _, headers, _ = gateway.chat(text)
    got = gateway.sent(headers)
    assert '"seed":9007199254740993,"temperature":1.0' in got
    assert '{"maximum":10000000000000001,"multipleOf":1.0,"default":1e2,"minimum":-0}' in got


def test_a_foreign_body_is_held_for_by_what_is_sent(gateway):
    """The hold covers the body sent to the provider, which the conversion may have made longer."""
    key = gateway.stack.new_key()["key"]
    items = [{"type": "function_call", "call_id": f"c{n}", "name": "f", "arguments": "{}"} for n in range(50)]
    results = [{"type": "function_call_output", "call_id": f"c{n}", "output": {"a": ['"'] * 20}} for n in range(50)]
    body = {"model": "smart", "max_output_tokens": 8, "input": [*items, *results]}
    status, headers, _ = ask(gateway.worker, "POST", CHAT, key, body)
    assert status == 200
    gateway.charged(headers)
    held = gateway.stack.sql("select held_nano_usd from usage_event where id = %s", headers["x-request-id"])[0][0]
    assert held >= len(gateway.sent(headers).encode()) * 1000 + 8 * 7000


# aider, Continue, Open WebUI, LibreChat

def test_aider_continues_after_length_with_an_assistant_prefill(gateway):
    first = gateway.chat({"model": "smart", "messages": HELLO, "max_tokens": 3})[2]["choices"][0]
    assert first["finish_reason"] == "length"
    messages = [*HELLO, {"role": "assistant", "content": first["message"]["content"], "prefix": True}]
    status, headers, _ = gateway.chat({"model": "smart", "messages": messages, "stream": True})
    assert status == 200 and sent(gateway, headers)["messages"] == messages


def test_aider_does_not_retry_what_cannot_pass(gateway, client):
    for model, kind in [("no-such", openai.NotFoundError), ("refused", openai.BadRequestError)]:
        with pytest.raises(kind):
            client.chat.completions.create(model=model, messages=HELLO)


def test_continue_sends_its_key_three_times(gateway):
    headers = {"Authorization": f"Bearer {gateway.key}", "api-key": gateway.key, "x-api-key": gateway.key}
    body = {"model": "smart", "messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}
    status, _, text = ask(gateway.worker, "POST", CHAT, None, body, headers)
    chunks = events(text)
    assert status == 200 and chunks[-1] == "[DONE]" and chunks[-2]["usage"] and chunks[-2]["choices"] == []
    assert ask(gateway.worker, "GET", "/v1/models", None, None, headers)[0] == 200


@pytest.mark.parametrize("name", ["api-key", "x-api-key", "API-KEY"])
def test_azure_style_clients_send_their_key_in_a_header_of_its_own(gateway, name):
    status, _, answer = ask(gateway.worker, "POST", CHAT + "?api-version=2024-10-21", None,
                            {"model": "smart", "messages": HELLO}, {name: gateway.key})
    assert status == 200 and answer["choices"]
    assert ask(gateway.worker, "GET", "/v1/me", None, None, {name: gateway.key})[0] == 200
    status, _, refused = ask(gateway.worker, "GET", "/v1/me", None, None, {name: "sk-other"})
    assert status == 401 and "start with sk-hub-" in refused["error"]["message"]
    assert ask(gateway.worker, "GET", "/v1/me", None, None, {name: ""})[0] == 401


def test_two_different_keys_are_refused_and_keys_of_others_ignored(gateway):
    other = gateway.stack.new_key()["key"]
    for headers in [{"Authorization": f"Bearer {gateway.key}", "api-key": other}, {"api-key": gateway.key, "x-api-key": other},
                    {"Authorization": f"Bearer {gateway.key}", "x-api-key": gateway.key[:-1]}]:
        status, _, answer = ask(gateway.worker, "GET", "/v1/me", None, None, headers)
        assert status == 401 and "two different keys" in answer["error"]["message"], headers
        assert gateway.key not in answer["error"]["message"]
    # If the second is not one of this gateway's keys, it is clear whose budget pays.
    headers = {"Authorization": f"Bearer {gateway.key}", "x-api-key": "key-of-a-proxy"}
    assert ask(gateway.worker, "GET", "/v1/me", None, None, headers)[0] == 200
    status, _, answer = ask(gateway.worker, "GET", "/v1/me", None, None, {"Authorization": "Basic eDp5", "api-key": gateway.key})
    assert status == 401 and "must read" in answer["error"]["message"], "an Authorization that is there counts"


def test_one_connection_may_change_its_key_and_its_header(gateway):
    """A connection caches the work done for a key: only for the same key in the same header."""
    made = gateway.stack.new_key()
    fields = [f"Authorization: Bearer {gateway.key}", f"api-key: {made['key']}", f"x-api-key: {made['key']}",
              f"Authorization: Bearer {gateway.key}", "X-Nothing: 1", f"api-key: {gateway.key}\r\nx-api-key: {made['key']}"]
    data = "".join(f"GET /v1/me HTTP/1.1\r\nHost: x\r\n{field}\r\n" + ("Connection: close\r\n" if at == 5 else "") + "\r\n"
                   for at, field in enumerate(fields))
    text = send(gateway.worker, data.encode())
    assert [int(part[:3]) for part in text.split("HTTP/1.1 ")[1:]] == [200, 200, 200, 200, 401, 401]
    mine = gateway.ask("GET", "/v1/me")[2]["id"]
    assert [text.count(f'"id":"{id}"') for id in (mine, made["id"])] == [2, 2]


def test_the_keys_do_not_reach_the_provider(gateway):
    gateway.stack.clear_bill()
    _, headers, _ = ask(gateway.worker, "POST", CHAT, None, {"model": "smart", "messages": HELLO}, {"x-api-key": gateway.key})
    assert gateway.key not in json.dumps(gateway.stack.bill()[headers["x-request-id"]])


def test_open_webui_lists_models_fast_and_finds_no_null_names(gateway):
    headers = {"X-OpenWebUI-User-Name": "Zoë", "X-OpenWebUI-User-Email": "z@example.org", "X-OpenWebUI-User-Role": "user"}
    status, _, listed = gateway.ask("GET", "/v1/models", headers={**headers, "X-OpenWebUI-User-Name": "Zoe"})
    assert status == 200 and all(item["id"] and None not in item.values() for item in listed["data"])
    body = {"model": "smart", "messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}
    assert gateway.chat(body, {**headers, "X-OpenWebUI-User-Name": "Zoe"})[0] == 200


@pytest.mark.parametrize("path", ["/v1/models/", "/v1//models", "//v1/models", "//v1//models//"])
def test_slashes_too_many_are_no_fault(gateway, path):
    assert gateway.ask("GET", path)[2]["object"] == "list"
    chat = path.replace("models", "chat/completions")
    assert gateway.ask("POST", chat, {"model": "smart", "messages": HELLO})[0] == 200


def test_health_probes(gateway):
    status, headers, body = gateway.ask("HEAD", "/v1/models")
    assert (status, body) == (200, "") and int(headers["content-length"]) > 10
    for path in ["/v1", "/v1/"]:
        assert ask(gateway.worker, "GET", path)[0] == 200, "no key is asked for"
        assert ask(gateway.worker, "HEAD", path)[0] == 200


def test_a_title_is_asked_for_with_few_tokens(gateway):
    body = {"model": "smart", "max_tokens": 8, "temperature": 0.2, "stream": False, "n": 1, "presence_penalty": 0,
            "messages": [{"role": "system", "content": "Give a title."}, *HELLO]}
    assert gateway.chat(body)[2]["choices"][0]["message"]["content"] == "tok " * 8


def test_the_id_of_the_client_is_in_the_log_of_what_failed(gateway):
    _, headers, _ = gateway.chat({"model": "no-such", "messages": HELLO}, {"X-Client-Request-Id": "mine-4711"})
    line = lambda: [l for l in gateway.worker.process.log().splitlines() if headers["x-request-id"] in l]  # noqa: E731
    wait_until(line, 5, "the failure is logged")
    assert "client=mine-4711" in line()[0]
    gateway.chat({"model": "no-such", "messages": HELLO}, {"X-Client-Request-Id": f"x {gateway.key} y" + "z" * 500})
    assert gateway.key not in gateway.worker.process.log() and "z" * 200 not in gateway.worker.process.log()


# Codex

def test_a_client_of_responses_alone_gets_a_404_it_can_read(gateway):
    client = OpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0)
    with pytest.raises(openai.NotFoundError) as refused:
        client.responses.create(model="smart", input="x")
    assert refused.value.body["type"] == "not_found" and "/v1/chat/completions" in refused.value.body["message"]


# LangChain

def test_langchain_embeddings_of_token_ids_are_told_what_to_do(gateway):
    """OpenAIEmbeddings tokenises by default; IDs of one vocabulary mean nothing in another."""
    for ids in [[9906, 1917], [[9906], [1917, 0]]]:
        body = {"model": "gemini-embedding-001", "input": ids, "encoding_format": "base64"}
        status, _, answer = gateway.ask("POST", "/v1/embeddings", body)
        assert status == 400 and answer["error"]["param"] == "input"
        assert "check_embedding_ctx_length=False" in answer["error"]["message"]


def test_langchain_takes_the_engine_from_the_finish_chunk_and_wants_no_usage(gateway):
    body = {"model": "smart", "messages": HELLO, "stream": True, "n": 1, "temperature": 0.7, "stop": None}
    chunks = events(gateway.chat(body)[2])[:-1]
    finish = next(chunk for chunk in chunks if chunk["choices"][0]["finish_reason"])
    assert finish["model"] == "script:in=10,out=8" and all("usage" not in chunk for chunk in chunks)


# Forms the reference calls lenient

def test_lenient_forms_of_messages(gateway):
    messages = [
        {"role": "user", "name": None, "content": [{"type": "image_url", "image_url": "https://example.org/a.png"}]},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{"}}], "name": None, "refusal": None,
         "audio": None, "function_call": None, "annotations": [], "reasoning": "r", "reasoning_content": "r",
         "reasoning_details": [{"type": "reasoning.text", "text": "r"}], "x_vendor": {"a": 1}},
        {"role": "tool", "tool_call_id": "c", "content": "1", "name": None},
        {"role": "assistant", "content": "done", "tool_calls": None},
        {"role": "user", "content": "go on", "tool_calls": None, "tool_call_id": None}]
    status, headers, answer = gateway.chat({"model": "gpt-4o", "messages": messages})
    assert status == 200, answer
    kept = {"role", "content", "name", "tool_calls", "tool_call_id", "refusal", "function_call", "reasoning", "reasoning_content",
            "reasoning_details"}
    assert sent(gateway, headers)["messages"] == [{name: m[name] for name in m if name in kept} for m in messages]


NULLABLE = ["tools", "tool_choice", "parallel_tool_calls", "response_format", "stream", "stream_options", "max_tokens",
            "max_completion_tokens", "n", "temperature", "top_p", "frequency_penalty", "presence_penalty", "stop", "seed",
            "logit_bias", "logprobs", "top_logprobs", "reasoning_effort", "verbosity", "modalities", "audio", "prediction",
            "web_search_options", "service_tier", "store", "metadata", "prompt_cache_key", "prompt_cache_options",
            "prompt_cache_retention", "safety_identifier", "user", "moderation", "functions", "function_call", "input",
            "instructions", "max_output_tokens", "reasoning", "text", "top_k"]


def test_null_counts_as_absent_everywhere(gateway):
    for name in NULLABLE:
        assert gateway.chat({"model": "smart", "messages": HELLO, name: None})[0] == 200, name
    assert gateway.chat({"model": "smart", "messages": HELLO, **dict.fromkeys(NULLABLE)})[0] == 200
    names = ["suffix", "max_tokens", "echo", "best_of", "logprobs", "n", "stop", "temperature", "top_p", "logit_bias", "seed",
             "stream", "stream_options", "user"]
    assert gateway.ask("POST", "/v1/completions", {"model": "smart", "prompt": "x", **dict.fromkeys(names)})[0] == 200
    names = ["encoding_format", "dimensions", "user"]
    assert gateway.ask("POST", "/v1/embeddings", {"model": "numbers", "input": "x", **dict.fromkeys(names)})[0] == 200


# Embeddings and completions, and their cost

def test_embeddings_in_base64_are_little_endian_single_precision(gateway):
    body = {"model": "numbers", "input": "x", "encoding_format": "base64"}
    _, headers, answer = gateway.ask("POST", "/v1/embeddings", body)
    data = base64.b64decode(answer["data"][0]["embedding"], validate=True)
    assert list(struct.unpack(f"<{len(data) // 4}f", data)) == vector("x", 16)
    row = gateway.charged(headers)
    assert (row["input"], row["output"], row["nano_usd"], row["usage_source"]) == (6, 0, 6001, "provider")


@pytest.mark.parametrize("options, choices, output", [
    ({}, 1, 8), ({"n": 3}, 3, 24), ({"best_of": 4}, 1, 32), ({"max_tokens": 2}, 1, 2), ({"prompt": ["a", "b"], "n": 2}, 4, 32)],
    ids=str)
def test_completions_cost_what_the_provider_billed(gateway, options, choices, output):
    for stream in [False, True]:
        body = {"model": "smart", "prompt": "x", "stream": stream, **options}
        status, headers, answer = gateway.ask("POST", "/v1/completions", body)
        chunks = events(answer)[:-1] if stream else [answer]
        assert status == 200 and {chunk["object"] for chunk in chunks} == {"text_completion"}
        texts = {}
        for chunk in chunks:
            for choice in chunk["choices"]:
                texts[choice["index"]] = texts.get(choice["index"], "") + choice["text"]
        assert len(texts) == choices and set(texts.values()) == {"tok " * min(8, options.get("max_tokens", 8))}
        row, bill = gateway.charged(headers), gateway.stack.bill()[headers["x-request-id"]]
        assert (row["output"], row["input"]) == (bill["output"], bill["input"]) and bill["output"] == output
        assert row["usage_source"] == "provider"
