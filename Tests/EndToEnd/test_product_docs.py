"""Runs every example of the product's documentation as its reader would, with only base URL and key replaced.
Then reproduces every row of its lists of statuses and of problems."""

import json

import openai
import pytest
from openai import OpenAI

from client_rig import CHAT, gateway, loads, text_of, vector  # noqa: F401
from processes import wait_until
from raw import ask, events

# Quickstart and the starters

NODE_HELLO = """
import OpenAI from "openai";
const client = new OpenAI({
  baseURL: "https://api.tdspro.lol/v1",
  apiKey: process.env.AIHUB_API_KEY, // sk-hub-...
});
const res = await client.chat.completions.create({
  model: "smart", // alias → best model for the job
  messages: [{ role: "user", content: "Hello from TDSPRO!" }],
});
console.log(res.choices[0]?.message.content);
"""

NODE_CODE = """
import OpenAI from "openai";
const client = new OpenAI({
  baseURL: "https://api.tdspro.lol/v1",
  apiKey: process.env.AIHUB_API_KEY,
});
const r = await client.chat.completions.create({
  model: "code", // tuned for programming
  messages: [{ role: "user", content: "Write a debounce() in TypeScript." }],
});
console.log(r.choices[0].message.content);
"""

PYTHON_HELLO = """
from openai import OpenAI
import os
client = OpenAI(
    base_url="https://api.tdspro.lol/v1",
    api_key=os.environ["AIHUB_API_KEY"], # sk-hub-...
)
res = client.chat.completions.create(
    model="smart", # alias → best model for the job
    messages=[{"role": "user", "content": "Hello from TDSPRO!"}],
)
print(res.choices[0].message.content)
"""

CURL_HELLO = r"""
curl https://api.tdspro.lol/v1/chat/completions \
  -H "Authorization: Bearer $AIHUB_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "smart",
    "messages": [{"role": "user", "content": "Hello from TDSPRO!"}]
  }'
"""

PYTHON_STREAM = """
from openai import OpenAI
client = OpenAI(base_url="https://api.tdspro.lol/v1", api_key="sk-hub-...")
stream = client.chat.completions.create(
    model="smart",
    messages=[{"role": "user", "content": "Write a haiku about caching."}],
    stream=True,
)
for chunk in stream:
    delta = chunk.choices[0].delta.content or ""
    print(delta, end="", flush=True)
"""

CURL_MODELS = r"""
curl https://api.tdspro.lol/v1/models \
  -H "Authorization: Bearer sk-hub-..."
"""

CURL_CHAT = r"""
curl https://api.tdspro.lol/v1/chat/completions \
  -H "Authorization: Bearer sk-hub-..." \
  -H "Content-Type: application/json" \
  -d '{
    "model": "smart",
    "messages": [
      { "role": "system", "content": "You are concise." },
      { "role": "user", "content": "Explain HTTP in one sentence." }
    ],
    "temperature": 0.7,
    "max_tokens": 256
  }'
"""

CURL_EMBEDDINGS = r"""
curl https://api.tdspro.lol/v1/embeddings \
  -H "Authorization: Bearer sk-hub-..." \
  -H "Content-Type: application/json" \
  -d '{
    "model": "gemini-embedding-001",
    "input": "The quick brown fox"
  }'
"""

NODE_RETRY = """
async function withRetry(fn, tries = 4) {
  for (let i = 0; i < tries; i++) {
    try {
      return await fn();
    } catch (e) {
      // Retry only on 429 and transient 5xx.
      const status = e?.status ?? e?.response?.status;
      if (![429, 500, 502, 503].includes(status) || i === tries - 1) throw e;
      await new Promise((r) => setTimeout(r, 2 ** i * 500)); // 0.5s, 1s, 2s, 4s
    }
  }
}
"""

OPENCODE = """
{
  "$schema": "https://opencode.ai/config.json",
  "provider": {
    "aihub": {
      "npm": "@ai-sdk/openai-compatible",
      "name": "TDSPRO",
      "options": {
        "baseURL": "https://api.tdspro.lol/v1",
        "apiKey": "sk-hub-..."
      },
      "models": {
        "smart": { "name": "TDSPRO — Flagship" },
        "fast": { "name": "TDSPRO — Fast" },
        "code": { "name": "TDSPRO — Code" }
      }
    }
  },
  "model": "aihub/smart"
}
"""

HELLO = {"model": "smart", "messages": [{"role": "user", "content": "Hello"}]}
ANSWER = "tok " * 8


def test_python_quickstart_and_starter(gateway):
    assert gateway.python(PYTHON_HELLO) == ANSWER + "\n"


@pytest.mark.parametrize("snippet, answer", [(NODE_HELLO, ANSWER), (NODE_CODE, "tok " * 14)], ids=["hello", "code"])
def test_node_quickstart_and_starter(gateway, snippet, answer):
    if not gateway.node('try { await import("openai"); console.log("here") } catch { }'):
        pytest.skip("the npm package openai cannot be had here (npm install openai beside the tests to run this)")
    assert gateway.node(snippet) == answer + "\n"


def test_curl_quickstart_and_starter(gateway):
    answer = loads(gateway.bash(CURL_HELLO))
    assert answer["choices"][0]["message"]["content"] == ANSWER


def test_python_stream_with_the_sdk_reads_choices_without_a_guard(gateway):
    assert gateway.python(PYTHON_STREAM) == ANSWER


def test_the_key_comes_from_the_environment(gateway):
    printed = gateway.bash('export AIHUB_API_KEY="sk-hub-..." # macOS / Linux\n' + CURL_HELLO)
    assert loads(printed)["object"] == "chat.completion"


# Models and the name that answered

def test_the_model_list(gateway):
    listed = loads(gateway.bash(CURL_MODELS))
    assert listed["object"] == "list"
    items = {item["id"]: item for item in listed["data"]}
    assert {"smart", "fast", "code", "reasoning", "creative", "chat", "gpt-4.1", "gpt-4o", "gemini-embedding-001"} <= set(items)
    for item in items.values():
        assert (item["object"], item["owned_by"]) == ("model", "ai-hub") and isinstance(item["created"], int)


@pytest.mark.parametrize("name", ["smart", "fast", "code", "reasoning", "creative", "chat", "gpt-4.1", "gpt-4o"])
def test_each_listed_name_can_be_called_and_the_answer_names_the_engine(gateway, name):
    _, _, listed = gateway.ask("GET", "/v1/models")
    assert name in {item["id"] for item in listed["data"]}
    status, headers, answer = gateway.chat({**HELLO, "model": name})
    sent = json.loads(gateway.sent(headers))["model"]
    assert status == 200 and answer["model"] == sent != name, "the engine that answered, not the alias"
    status, headers, text = gateway.chat({**HELLO, "model": name, "stream": True})
    assert status == 200 and {chunk["model"] for chunk in events(text)[:-1]} == {sent}


# Endpoints

def test_chat_completions(gateway):
    answer = loads(gateway.bash(CURL_CHAT))
    assert answer["id"].startswith("chatcmpl-") and answer["object"] == "chat.completion"
    assert answer["model"] == "script:in=10,out=8", "the real model that answered"
    choice, = answer["choices"]
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    assert choice["message"]["role"] == "assistant" and choice["message"]["content"] == ANSWER
    usage = answer["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (10, 8, 18)


def test_embeddings(gateway):
    answer = loads(gateway.bash(CURL_EMBEDDINGS))
    item, = answer["data"]
    assert answer["object"] == "list" and (item["object"], item["index"]) == ("embedding", 0)
    assert item["embedding"] == vector("The quick brown fox", 12)
    assert answer["model"] == "script:in=4,dims=12" and answer["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


def test_images_generations(gateway):
    """The documentation names the endpoint without an example, so OpenAI's own format is used."""
    answer = loads(gateway.bash(r"""
curl https://api.tdspro.lol/v1/images/generations \
  -H "Authorization: Bearer sk-hub-..." \
  -H "Content-Type: application/json" \
  -d '{ "model": "sketcher", "prompt": "A cat on a mat", "n": 1, "size": "1024x1024" }'
"""))
    assert len(answer["data"][0]["b64_json"]) == 4_000_000
    client = OpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0)
    assert client.images.generate(model="sketcher", prompt="A cat on a mat").data[0].b64_json
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(model="gpt-4o", prompt="A cat on a mat")
    assert refused.value.body["param"] == "model" and "sketcher" in refused.value.body["message"]


def test_me_tells_plan_usage_and_remaining_quota(gateway):
    key = gateway.stack.new_key(limits={"requests_per_day": 50, "usd_per_month": "1"})["key"]
    assert ask(gateway.worker, "POST", CHAT, key, HELLO)[0] == 200
    status, _, me = ask(gateway.worker, "GET", "/v1/me", key)
    assert status == 200 and me["plan"] == "unlimited" and me["usage"]["requests_today"] == 1
    assert {"requests_per_day", "usd_per_month"} <= {limit["name"] for limit in me["limits"]}
    day = next(limit for limit in me["limits"] if limit["name"] == "requests_per_day")
    assert (day["limit"], day["used"], day["remaining"]) == (50, 1, 49)


# Streaming, as bytes

def test_raw_wire_format(gateway):
    _, headers, text = gateway.chat({**HELLO, "stream": True})
    assert headers["content-type"].startswith("text/event-stream")
    blocks = text.split("\n\n")
    assert blocks[-1] == "" and blocks[-2] == "data: [DONE]"
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks[:-1])
    chunks = [loads(block[len("data: "):]) for block in blocks[:-2]]
    assert text_of(chunks) == ANSWER, "concatenated deltas rebuild the message"
    assert chunks[-1]["choices"][0]["delta"] == {} and chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_raw_wire_format_by_nodes_own_fetch(gateway):
    printed = gateway.node("""
const res = await fetch("https://api.tdspro.lol/v1/chat/completions", {
  method: "POST",
  headers: { Authorization: "Bearer sk-hub-...", "Content-Type": "application/json" },
  body: JSON.stringify({ model: "smart", stream: true, messages: [{ role: "user", content: "Hi" }] }),
});
let text = "", done = false, rest = "";
for await (const part of res.body.pipeThrough(new TextDecoderStream())) {
  rest += part;
  for (let at; (at = rest.indexOf("\\n\\n")) >= 0; rest = rest.slice(at + 2)) {
    const data = rest.slice(0, at).replace(/^data: /, "");
    if (data === "[DONE]") done = true; else text += JSON.parse(data).choices[0].delta.content ?? "";
  }
}
console.log(JSON.stringify({ status: res.status, text, done, rest }));
""")
    assert loads(printed) == {"status": 200, "text": ANSWER, "done": True, "rest": ""}


# Errors

def error_of(answer, status):
    got, headers, body = answer
    error = body["error"]
    assert got == status and error["code"] == status and error["message"] and set(body) == {"error"}, body
    return error, headers


def test_the_error_shape_is_the_documents(gateway):
    key = gateway.stack.new_key(limits={"requests_per_minute": 1})["key"]
    assert ask(gateway.worker, "POST", CHAT, key, HELLO)[0] == 200
    error, headers = error_of(ask(gateway.worker, "POST", CHAT, key, HELLO), 429)
    assert error["type"] == "rate_limit_exceeded" and int(headers["retry-after"]) >= 1


RETRY_CALL = """
let calls = 0;
const said = [];
try {
  const res = await withRetry(async () => {
    calls++;
    const model = calls < 3 ? FAILING : "smart";
    const res = await fetch("https://api.tdspro.lol/v1/chat/completions", {
      method: "POST",
      headers: { Authorization: "Bearer sk-hub-...", "Content-Type": "application/json" },
      body: JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }] }),
    });
    const body = await res.json();
    if (!res.ok) {
      said.push(body.error.type);
      throw Object.assign(new Error(body.error.message), { status: res.status });
    }
    return body;
  });
  console.log(JSON.stringify({ calls, said, text: res.choices[0].message.content }));
} catch (e) {
  console.log(JSON.stringify({ calls, said, status: e.status }));
}
"""


@pytest.mark.parametrize("model, outcome", [
    ("busy", {"calls": 3, "said": ["rate_limit_exceeded"] * 2, "text": ANSWER}),
    ("broken", {"calls": 3, "said": ["upstream_error"] * 2, "text": ANSWER}),
    ("denied", {"calls": 3, "said": ["no_provider_available"] * 2, "text": ANSWER}),
    ("no-such-model", {"calls": 1, "said": ["model_not_found"], "status": 404}),
], ids=lambda value: value if isinstance(value, str) else "")
def test_the_retry_helper_retries_what_can_pass_and_nothing_else(gateway, model, outcome):
    assert loads(gateway.node(NODE_RETRY + RETRY_CALL.replace("FAILING", json.dumps(model)))) == outcome


def test_fallback_resolves_an_error_before_it_is_seen(gateway):
    status, headers, answer = gateway.chat({**HELLO, "model": "hop"})
    assert status == 200 and answer["model"] == "script:in=10,out=8"
    assert headers["x-aihub-deployment"] == "plain-1" and int(headers["x-aihub-attempts"]) >= 1


# Tools

def test_opencode_configuration_names_only_what_can_be_called(gateway):
    configuration = loads(gateway.pasted(OPENCODE))
    provider = configuration["provider"]["aihub"]
    client = OpenAI(base_url=provider["options"]["baseURL"], api_key=provider["options"]["apiKey"], max_retries=0)
    listed = {model.id for model in client.models.list()}
    assert set(provider["models"]) <= listed and configuration["model"].removeprefix("aihub/") in listed
    for name in provider["models"]:
        # The AI SDK's request for opencode.
        chunks = list(client.chat.completions.create(
            model=name, messages=HELLO["messages"], max_tokens=64, stream=True, stream_options={"include_usage": True}))
        assert chunks[-1].usage.total_tokens > 0 and [c.choices[0].finish_reason for c in chunks[:-1]][-1] == "stop"


@pytest.mark.parametrize("name", ["smart", "fast", "code"])
def test_cursor_settings(gateway, name):
    """The verify step's request with the base URL from the settings, the key, and each custom model name."""
    client = OpenAI(base_url=gateway.pasted("https://api.tdspro.lol/v1"), api_key=gateway.key, max_retries=0)
    answer = client.chat.completions.create(model=name, messages=[{"role": "user", "content": "Test"}], max_tokens=5)
    assert answer.choices[0].finish_reason == "length"


# Troubleshooting

@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk-hub-..."}, {"Authorization": "sk-hub-abc"}],
                         ids=["missing", "mistyped", "no Bearer"])
def test_401_unauthorized(gateway, headers):
    error, answer_headers = error_of(ask(gateway.worker, "POST", CHAT, None, HELLO, headers), 401)
    assert error["type"] == "invalid_api_key" and "retry-after" not in answer_headers
    assert "Bearer sk-hub-" in error["message"] or "mistyped" in error["message"]


def test_401_revoked(gateway):
    made = gateway.stack.new_key()
    assert ask(gateway.worker, "POST", CHAT, made["key"], HELLO)[0] == 200
    gateway.stack.admin("POST", f"/keys/{made['id']}/revoke", expect=200)
    error, _ = error_of(ask(gateway.worker, "POST", CHAT, made["key"], HELLO), 401)
    assert "revoked" in error["message"], "old keys stop working immediately"


def test_404_model_not_found_leads_to_the_list(gateway):
    error, _ = error_of(gateway.chat({**HELLO, "model": "smar"}), 404)
    assert error["type"] == "model_not_found" and "'smart'" in error["message"] and "/v1/models" in error["message"]


@pytest.mark.parametrize("limits, name", [({"requests_per_day": 1}, "requests_per_day"),
                                          ({"usd_per_month": "0.00000001"}, "usd_per_month")])
def test_402_out_of_quota(gateway, limits, name):
    key = gateway.stack.new_key(limits=limits)["key"]
    ask(gateway.worker, "POST", CHAT, key, HELLO)
    error, headers = error_of(ask(gateway.worker, "POST", CHAT, key, HELLO), 402)
    assert error["type"] == "insufficient_quota" and error["limit"]["name"] == name
    assert headers["x-should-retry"] == "false" and "retry-after" not in headers


def test_402_passes_once_the_cap_is_raised(gateway):
    made = gateway.stack.new_key(limits={"usd_per_month": "0.00000001"})
    assert ask(gateway.worker, "POST", CHAT, made["key"], HELLO)[0] == 402
    gateway.stack.sql("select set_budget(%s, 1)", made["id"])
    wait_until(lambda: ask(gateway.worker, "POST", CHAT, made["key"], HELLO)[0] == 200, 5, "the new cap is in force")


def test_a_cut_off_response_and_a_larger_limit(gateway):
    _, _, short = gateway.chat({**HELLO, "max_tokens": 3})
    assert short["choices"][0]["finish_reason"] == "length" and short["choices"][0]["message"]["content"] == "tok " * 3
    _, _, whole = gateway.chat({**HELLO, "max_tokens": 256})
    assert whole["choices"][0]["finish_reason"] == "stop" and whole["choices"][0]["message"]["content"] == ANSWER
    _, _, text = gateway.chat({**HELLO, "max_tokens": 256, "stream": True})
    assert text_of(events(text)) == ANSWER


def test_a_base_url_without_v1_is_told_the_right_one(gateway):
    client = OpenAI(base_url=gateway.base_url.removesuffix("/v1"), api_key=gateway.key, max_retries=0)
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(**HELLO)
    assert "must end in /v1" in refused.value.body["message"] and refused.value.body["type"] == "not_found"


def test_a_free_key_has_about_fifty_requests_a_day(gateway):
    key = gateway.stack.new_key(plan="free")["key"]
    _, _, me = ask(gateway.worker, "GET", "/v1/me", key)
    assert me["plan"] == "free" and 50 in {limit["limit"] for limit in me["limits"] if limit["name"] == "requests_per_day"}
