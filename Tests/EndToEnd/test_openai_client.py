"""The official client, configured only with base URL and key, through both workers."""

import asyncio
import json

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"type": "function", "function": {
    "name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}


@pytest.fixture(params=[0, 1], ids=["worker-1", "worker-2"])
def base_url(stack, request):
    return stack.workers[request.param].base_url


@pytest.fixture
def client(base_url, key):
    return OpenAI(base_url=base_url, api_key=key, max_retries=0)


def test_chat_answers_with_the_model_that_answered(client):
    answer = client.chat.completions.create(model="smart", messages=HELLO)
    assert answer.object == "chat.completion"
    assert answer.model == "script:in=10,out=8"
    assert answer.choices[0].message.content == "tok " * 8
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (10, 8)


def test_stream_gives_the_same_text_without_a_usage_chunk_nobody_asked_for(client):
    chunks = list(client.chat.completions.create(model="smart", messages=HELLO, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "tok " * 8
    assert all(c.choices and c.usage is None for c in chunks)
    assert {c.model for c in chunks} == {"script:in=10,out=8"}
    assert len({c.id for c in chunks}) == 1
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["stop"]


@pytest.mark.parametrize("model", ["plain", "groq", "twice", "cached"])
def test_stream_with_usage_ends_with_one_usage_chunk_and_its_cost(client, model):
    chunks = list(client.chat.completions.create(
        model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}))
    assert [c for c in chunks if c.usage] == chunks[-1:]
    assert chunks[-1].choices == [] and chunks[-1].usage.cost > 0
    assert all(c.choices for c in chunks[:-1])


def test_the_stream_helper_accumulates(client):
    with client.chat.completions.stream(model="smart", messages=HELLO) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "tok " * 8
    assert final.choices[0].message.role == "assistant"


def test_tools_plain_and_streamed(client):
    answer = client.chat.completions.create(model="tool", messages=HELLO, tools=[WEATHER])
    call = answer.choices[0].message.tool_calls[0]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Bonn"})
    pieces = [c.choices[0].delta.tool_calls for c in client.chat.completions.create(
        model="tool", messages=HELLO, tools=[WEATHER], stream=True)]
    pieces = [p[0] for p in pieces if p]
    assert pieces[0].id == "call_1" and all(p.id is None for p in pieces[1:])
    assert json.loads("".join(p.function.arguments for p in pieces)) == {"city": "Bonn"}


def test_async(base_url, key):
    async def both():
        async with AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0) as client:
            plain = await client.chat.completions.create(model="smart", messages=HELLO)
            text = ""
            async for chunk in await client.chat.completions.create(model="smart", messages=HELLO, stream=True):
                text += chunk.choices[0].delta.content or ""
            return plain.choices[0].message.content, text

    assert asyncio.run(both()) == ("tok " * 8, "tok " * 8)


def test_raw_headers(client, stack, base_url):
    limited = stack.new_key(limits={"requests_per_minute": 1000, "tokens_per_minute": 100000})["key"]
    raw = OpenAI(base_url=base_url, api_key=limited).chat.completions.with_raw_response.create(
        model="smart", messages=HELLO)
    headers = raw.headers
    assert headers["x-request-id"] in stack.bill()
    assert float(headers["x-aihub-cost-usd"]) == pytest.approx(0.000066001)
    assert headers["x-aihub-deployment"] == "plain-1" and headers["x-aihub-route"] == "only"
    assert int(headers["x-aihub-config"]) >= 1
    assert headers["x-ratelimit-limit-requests"] == "1000"
    assert headers["x-ratelimit-remaining-requests"] == "999"
    assert headers["x-ratelimit-limit-tokens"] == "100000"
    assert headers["x-ratelimit-reset-tokens"].endswith("ms")
    assert "access-control-allow-origin" not in headers, "that is for browsers"


def test_models_list_and_retrieve(client):
    models = list(client.models.list())
    names = [m.id for m in models]
    assert names.index("smart") < names.index("plain"), "aliases first"
    assert {m.owned_by for m in models} == {"ai-hub"} and {m.object for m in models} == {"model"}
    assert "vision" not in names, "no engine behind it sees"
    assert client.models.retrieve("plain").id == "plain"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no/such-model")


def test_models_show_only_what_the_key_may_call(stack, base_url):
    narrow = stack.new_key(allowed_models=["smart", "slow"])["key"]
    client = OpenAI(base_url=base_url, api_key=narrow, max_retries=0)
    assert [m.id for m in client.models.list()] == ["smart", "slow"]
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="plain", messages=HELLO)
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="plaim", messages=HELLO)
    shape = lambda e: e.value.body["message"].replace("plain", "X").replace("plaim", "X")  # noqa: E731
    assert shape(refused) == shape(unknown), "a forbidden model looks like an unknown one"


def raised(call):
    with pytest.raises(openai.APIStatusError) as error:
        call()
    error = error.value
    assert error.body["code"] == error.status_code
    assert error.response.headers["x-request-id"]
    return error


@pytest.mark.parametrize("model, kind, status, type_", [
    ("refused", openai.BadRequestError, 400, "invalid_request_error"),
    ("no-such", openai.NotFoundError, 404, "model_not_found"),
    ("vision", openai.NotFoundError, 404, "model_not_found"),
    ("busy", openai.RateLimitError, 429, "rate_limit_exceeded"),
    ("broken", openai.InternalServerError, 502, "upstream_error"),
    ("denied", openai.InternalServerError, 503, "no_provider_available"),
    ("unpaid", openai.InternalServerError, 503, "no_provider_available"),
    ("gone", openai.InternalServerError, 503, "no_provider_available"),
    ("hopless", openai.InternalServerError, 502, "upstream_error"),
])
def test_each_error_is_its_exception(client, model, kind, status, type_):
    error = raised(lambda: client.chat.completions.create(model=model, messages=HELLO))
    assert type(error) is kind and error.status_code == status and error.body["type"] == type_
    if status == 429:
        assert int(error.response.headers["retry-after"]) >= 1


def test_key_errors(base_url, stack):
    def ask(key):
        return raised(lambda: OpenAI(base_url=base_url, api_key=key, max_retries=0).models.list())

    for key, word in [("sk-proj-abc", "start with sk-hub-"), ("sk-hub-abc", "mistyped"),
                      ("sk-hub-" + "a" * 49, "mistyped")]:
        error = ask(key)
        assert type(error) is openai.AuthenticationError and word in error.body["message"]
    made = stack.new_key()
    stack.admin("POST", f"/keys/{made['id']}/revoke", expect=200)
    expired = stack.new_key(expires_at="2020-01-01T00:00:00Z")
    texts = {ask(made["key"]).body["message"], ask(expired["key"]).body["message"]}
    assert texts == {"The key is unknown, revoked or expired."}


def test_quota_and_budget_are_402_and_rate_is_429(base_url, stack):
    def client(**limits):
        return OpenAI(base_url=base_url, api_key=stack.new_key(limits=limits)["key"], max_retries=0)

    ask = lambda c: c.chat.completions.create(model="smart", messages=HELLO, max_tokens=10)  # noqa: E731
    daily = client(requests_per_day=1)
    ask(daily)
    error = raised(lambda: ask(daily))
    assert error.status_code == 402 and error.body["type"] == "insufficient_quota"
    assert error.response.headers["x-should-retry"] == "false"
    assert error.body["limit"]["name"] == "requests_per_day" and error.body["limit"]["used"] == "1"
    poor = raised(lambda: ask(client(usd_per_month="0.000001")))
    assert poor.status_code == 402 and poor.body["limit"]["scope"] == "key" and poor.body["limit"]["limit"] == "0.000001"
    minute = client(requests_per_minute=1)
    ask(minute)
    error = raised(lambda: ask(minute))
    assert type(error) is openai.RateLimitError and 1 <= int(error.response.headers["retry-after"]) <= 65
