"""The wire format clients rely on, point by point, against the real binaries."""

import base64
import concurrent.futures
import http.client
import json
import struct
import time

import pytest

from client_rig import CHAT, gateway, loads, text_of, upstream, vector  # noqa: F401
from clock import judge, patience, within
from processes import wait_until
from raw import ask, events, send
from raw_answers import DONE, delta, event, plain, stream, usage, usage_chunk
from raw_upstream import GONE
from stack import Stack, Worker, price

HELLO = {"model": "smart", "messages": [{"role": "user", "content": "Hello"}]}
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}
CHATS = ["smart", "tool", "cached", "groq", "twice", "thinker", "gpt-4o"]
END = event(delta("", finish="stop")) + event(usage_chunk(7, 2)) + DONE


def own_worker(stack, name, **settings):
    return Worker(name, stack, **settings).start()


def joined(chunks):
    """The combined chunks of one choice: text, calls, finish reason."""
    text, calls, finish = "", {}, None
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        text += choice["delta"].get("content") or ""
        finish = choice["finish_reason"] or finish
        for call in choice["delta"].get("tool_calls", []):
            known = calls.setdefault(call["index"], {"id": call.get("id"), "name": call["function"].get("name"), "arguments": ""})
            known["arguments"] += call["function"]["arguments"]
    return text, list(calls.values()), finish


@pytest.mark.parametrize("model", CHATS)
def test_01_a_stream_and_a_plain_answer_say_the_same(gateway, model):
    _, _, answer = gateway.chat({**HELLO, "model": model})
    chunks = events(gateway.chat({**HELLO, "model": model, **WITH_USAGE})[2])[:-1]
    choice, message = answer["choices"][0], answer["choices"][0]["message"]
    calls = [{"id": call["id"], "name": call["function"]["name"], "arguments": call["function"]["arguments"]}
             for call in message.get("tool_calls", [])]
    assert joined(chunks) == (message["content"] or "", calls, choice["finish_reason"])
    told = {k: v for k, v in chunks[-1]["usage"].items() if k != "cost"}
    assert told == {k: v for k, v in answer["usage"].items() if k != "cost"}


@pytest.mark.parametrize("model", CHATS)
def test_02_role_id_and_name_come_once_and_index_always(gateway, model):
    chunks = events(gateway.chat({**HELLO, "model": model, "stream": True})[2])[:-1]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert deltas[0]["role"] == "assistant" and all("role" not in delta for delta in deltas[1:])
    assert all(type(choice["index"]) is int for chunk in chunks for choice in chunk["choices"])
    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    assert all(type(call["index"]) is int for call in calls) and bool(calls) == (model == "tool")
    assert all("id" not in call and "name" not in call["function"] for call in calls[1:])


@pytest.mark.parametrize("model", CHATS)
def test_03_empty_choices_and_usage_only_as_asked_for(gateway, model):
    chunks = events(gateway.chat({**HELLO, "model": model, "stream": True})[2])[:-1]
    assert all(chunk["choices"] and "usage" not in chunk for chunk in chunks)
    chunks = events(gateway.chat({**HELLO, "model": model, **WITH_USAGE})[2])[:-1]
    assert all(chunk["choices"] and chunk["usage"] is None for chunk in chunks[:-1])
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["prompt_tokens"] > 0


@pytest.mark.parametrize("model", ["smart", "tool", "undone", "cut", "sour", "stall", "unfinished"])
def test_04_done_ends_every_stream(gateway, model):
    status, _, text = gateway.chat({**HELLO, "model": model, "stream": True})
    assert status == 200 and text.endswith("\n\ndata: [DONE]\n\n") and text.count("[DONE]") == 1
    for block in text[:-2].split("\n\n"):
        assert block.startswith("data: ") and "\n" not in block, "one data line to each event, no id, no event, no retry"


def test_05_a_provider_that_dies_in_the_middle(gateway):
    """One error event and `[DONE]`; the relayed part is billed, and the next request goes to another deployment."""
    stack = gateway.stack
    path = stack.folder / "dying.yaml"
    path.write_text("aliases:\n  - {name: dying, candidates: [{model: cut}, {model: plain}]}\n")
    stack.run_control("load", path)
    worker = own_worker(stack, "resting", REST_MS=30_000)
    try:
        wait_until(lambda: ask(worker, "GET", "/v1/models/dying", gateway.key)[0] == 200)
        body = {**HELLO, "model": "dying", "stream": True}
        _, headers, text = ask(worker, "POST", CHAT, gateway.key, body)
        got = events(text)
        assert got[-1] == "[DONE]" and [e["error"]["code"] for e in got[:-1] if "error" in e] == [502]
        row = gateway.charged(headers)
        assert row["outcome"] == "failed" and row["output"] + row["reasoning"] >= 6 and 0 < row["nano_usd"]
        assert text_of([e for e in got[:-1] if "choices" in e]) == "tok " * 6
        status, headers, text = ask(worker, "POST", CHAT, gateway.key, body)
        assert status == 200 and headers["x-aihub-deployment"] == "plain-1" and "error" not in text
    finally:
        worker.process.kill()


@pytest.mark.parametrize("streams", [False, True])
def test_06_a_provider_that_fails_before_its_first_event(gateway, streams):
    status, headers, got = gateway.chat({**HELLO, "model": "hop", "stream": streams})
    assert status == 200 and headers["x-aihub-deployment"] == "plain-1"
    chunks = events(got)[:-1] if streams else [got]
    assert {chunk["model"] for chunk in chunks} == {"script:in=10,out=8"} and all("error" not in chunk for chunk in chunks)


def test_07_a_caller_who_leaves_stops_the_provider_within_a_second(gateway, upstream):
    head = stream(b"").split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    first = event(delta("a"))
    upstream.scripts["leave"] = [head + b"%x\r\n%b\r\n" % (len(first), first), GONE]
    connection = http.client.HTTPConnection("127.0.0.1", gateway.worker.port, timeout=patience(10))
    body = json.dumps({**HELLO, "model": "played", "user": "leave", "stream": True})
    connection.request("POST", CHAT, body, {"Authorization": f"Bearer {gateway.key}", "Content-Type": "application/json"})
    answer = connection.getresponse()
    assert b"data: " in answer.read1(1000)
    left = time.monotonic()
    answer.close()
    connection.close()
    wait_until(lambda: upstream.of("leave")[0].gone_at, 5, "the provider sees the end")
    within(upstream.of("leave")[0].gone_at - left, 1, "the provider saw the end")


def test_08_comments_fill_a_silence_and_never_an_event(gateway, upstream):
    worker = own_worker(gateway.stack, "pinging", PING_MS=100)
    try:
        first = event(delta("abc"))
        body = event(delta("", finish="stop")) + event(usage_chunk(7, 2)) + DONE
        upstream.scripts["silent"] = [stream(b"").split(b"\r\n\r\n")[0] + b"\r\n\r\n"]
        for piece in [first[:20], 0.45, first[20:], 0.45, body]:
            part = piece if isinstance(piece, float) else b"%x\r\n%b\r\n" % (len(piece), piece)
            upstream.scripts["silent"].append(part)
        upstream.scripts["silent"].append(b"0\r\n\r\n")
        wait_until(lambda: ask(worker, "GET", "/v1/models/played", gateway.key)[0] == 200)
        request = {**HELLO, "model": "played", "user": "silent", "stream": True}
        status, _, text = ask(worker, "POST", CHAT, gateway.key, request)
        pings = text.count(": ping\n")
        assert status == 200 and pings >= 1
        judge(4 <= pings <= 12, f"{pings} comments in 0.9 s of silence")
        chunks = events(text.replace(": ping\n", ""))
        assert text_of(chunks) == "abc" and chunks[-1] == "[DONE]"
        for line in text.split("\n"):
            assert line in ("", ": ping", "data: [DONE]") or loads(line.removeprefix("data: "))
    finally:
        worker.process.kill()


def test_09_bytes_split_anywhere_give_the_same_output(gateway, upstream):
    data = event(delta("é😀")) + event(delta("\u2028")) + END
    whole = stream(data)
    begin = whole.index(b"\r\n\r\n") + 4
    upstream.scripts["split-0"] = [whole]
    for at in range(begin, len(whole)):
        upstream.scripts[f"split-{at}"] = [whole[:at], 0.003, whole[at:]]
    request = {**HELLO, "model": "played", "stream": True}

    def one(name):
        return name, gateway.chat({**request, "user": name})[2]

    names = ["split-0", *(f"split-{at}" for at in range(begin, len(whole)))]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        texts = dict(pool.map(one, names))
    assert text_of(events(texts["split-0"])) == "é😀\u2028"
    assert [name for name in names if texts[name] != texts["split-0"]] == []


def test_10_every_error_is_in_one_shape(gateway):
    stack, worker, key = gateway.stack, gateway.worker, gateway.key
    made = stack.new_key()
    # 202 while a worker that has just stopped may still know the key: repeat until none does.
    wait_until(lambda: stack.admin("POST", f"/keys/{made['id']}/revoke")[0] == 200, 40, "no worker admits the key")
    minute = stack.new_key(limits={"requests_per_minute": 1})["key"]
    day = stack.new_key(limits={"requests_per_day": 1})["key"]
    for limited in (minute, day):
        assert ask(worker, "POST", CHAT, limited, HELLO)[0] == 200
    wrong = key[:-1] + ("a" if key[-1] != "a" else "b")
    cases = {
        "no key": (ask(worker, "POST", CHAT, None, HELLO), 401, "invalid_api_key"),
        "wrong key": (ask(worker, "POST", CHAT, wrong, HELLO), 401, "invalid_api_key"),
        "revoked key": (ask(worker, "POST", CHAT, made["key"], HELLO), 401, "invalid_api_key"),
        "unknown model": (gateway.chat({**HELLO, "model": "no"}), 404, "model_not_found"),
        "unknown path": (gateway.ask("POST", "/v1/responses", HELLO), 404, "not_found"),
        "wrong method": (gateway.ask("GET", CHAT), 405, "method_not_allowed"),
        "invalid JSON": (gateway.chat("{"), 400, "invalid_request_error"),
        "wrong type": (gateway.chat({**HELLO, "stream": 1}), 400, "invalid_request_error"),
        "over RPM": (ask(worker, "POST", CHAT, minute, HELLO), 429, "rate_limit_exceeded"),
        "over quota": (ask(worker, "POST", CHAT, day, HELLO), 402, "insufficient_quota"),
        "no provider": (gateway.chat({**HELLO, "model": "gone"}), 503, "no_provider_available"),
    }
    for name, ((status, headers, body), wanted, type_) in cases.items():
        assert (status, body["error"]["code"], body["error"]["type"]) == (wanted, wanted, type_), name
        assert headers["x-request-id"] and headers["content-type"] == "application/json", name
    head = (f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {21 << 20}\r\n\r\n")
    text = send(worker, head.encode())
    assert text.startswith("HTTP/1.1 413") and "x-request-id: " in text
    error = loads(text.split("\r\n\r\n", 1)[1])["error"]
    assert (error["code"], error["type"]) == (413, "request_too_large")


def test_11_when_to_retry(gateway):
    stack, worker = gateway.stack, gateway.worker
    minute = stack.new_key(limits={"requests_per_minute": 1})["key"]
    ask(worker, "POST", CHAT, minute, HELLO)
    status, headers, _ = ask(worker, "POST", CHAT, minute, HELLO)
    assert status == 429 and int(headers["retry-after"]) >= 1
    status, headers, _ = ask(worker, "POST", CHAT, None, HELLO)
    assert status == 401 and "retry-after" not in headers
    empty = stack.new_key(limits={"usd_per_month": "0"})["key"]
    status, headers, body = ask(worker, "POST", CHAT, empty, HELLO)
    assert (status, body["error"]["type"], headers["x-should-retry"]) == (402, "insufficient_quota", "false")
    assert "retry-after" not in headers
    # Enough for one hold but not for two. The first one lasts half a minute, and is left once the second has its answer.
    small = stack.new_key(limits={"usd_per_month": "0.003"})["key"]
    request = {**HELLO, "model": "long", "max_tokens": 300, "stream": True}
    first = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=patience(30))
    first.request("POST", CHAT, json.dumps(request), {"Authorization": f"Bearer {small}", "Content-Type": "application/json"})
    assert first.getresponse().status == 200
    status, headers, body = ask(worker, "POST", CHAT, small, request)
    assert (status, body["error"]["type"]) == (402, "budget_in_flight")
    assert headers["x-should-retry"] == "true" and int(headers["retry-after"]) >= 1
    first.close()


def test_12_embeddings(gateway):
    def embed(model, **more):
        status, headers, answer = gateway.ask("POST", "/v1/embeddings", {"model": model, **more})
        assert status == 200, answer
        return [item["embedding"] for item in answer["data"]], answer, headers

    texts = [f"text {n}" for n in range(40)]
    for model in ["numbers", "base64"]:
        vectors, answer, headers = embed(model, input=texts)
        assert vectors == [vector(text, 16) for text in texts], "numbers unless asked otherwise, in order"
        assert [item["index"] for item in answer["data"]] == list(range(40))
        assert answer["usage"]["prompt_tokens"] == 240
        assert gateway.charged(headers)["nano_usd"] == price({"input": 240, "cached": 0, "output": 0, "reasoning": 0})
        coded, _, _ = embed(model, input=texts, encoding_format="base64")
        assert [list(struct.unpack("<16f", base64.b64decode(text, validate=True))) for text in coded] == vectors
        assert embed(model, input="one")[0] == embed(model, input=["one"])[0] == [vector("one", 16)]
        assert embed(model, input="one", dimensions=4)[0] == [vector("one", 4)]
        # Both forms of token IDs are accepted, and refused where they would mean something else.
        for ids in [[1, 2], [[1, 2], [3]]]:
            assert gateway.ask("POST", "/v1/embeddings", {"model": model, "input": ids})[0] == 400
    for bad in [{}, {"input": ""}, {"input": []}, {"input": ["a", ""]}, {"input": ["a", 5]}, {"input": [1.5]},
                {"input": "a", "dimensions": 0}, {"input": "a", "encoding_format": "int8"}, {"input": ["a"] * 2049}]:
        status, _, answer = gateway.ask("POST", "/v1/embeddings", {"model": "numbers", **bad})
        assert status == 400 and answer["error"]["param"], bad


def test_13_images(gateway):
    for more, count in [({}, 1), ({"n": 2, "size": "1024x1024", "quality": "low"}, 2), ({"response_format": "b64_json"}, 1)]:
        body = {"model": "sketcher", "prompt": "a cat", **more}
        status, headers, answer = gateway.ask("POST", "/v1/images/generations", body)
        assert status == 200 and isinstance(answer["created"], int) and len(answer["data"]) == count
        for item in answer["data"]:
            assert set(item) == {"b64_json"}
            data = base64.b64decode(item["b64_json"], validate=True)
            assert len(data) == 3_000_000 and data[:1000] == bytes(at & 0xff for at in range(1000))
        row, bill = gateway.charged(headers), gateway.stack.bill()[headers["x-request-id"]]
        assert (row["nano_usd"], row["usage_source"]) == (price(bill), "provider") and bill["images"] == count
    for bad, param in [({"response_format": "url"}, "response_format"), ({"stream": True}, "stream"), ({"n": 11}, "n"),
                       ({"prompt": ""}, "prompt"), ({"model": "smart"}, "model")]:
        body = {"model": "sketcher", "prompt": "a cat", **bad}
        status, _, answer = gateway.ask("POST", "/v1/images/generations", body)
        assert status == 400 and answer["error"]["param"] == param, bad


def test_14_models(gateway):
    _, _, listed = gateway.ask("GET", "/v1/models")
    names = [item["id"] for item in listed["data"]]
    assert {"smart", "fast", "gpt-4.1", "openai/gpt-oss-120b", "numbers"} <= set(names) and len(names) == len(set(names))
    for path in ["openai%2Fgpt-oss-120b", "openai%2fgpt-oss-120b", "openai/gpt-oss-120b"]:
        status, _, item = gateway.ask("GET", f"/v1/models/{path}")
        assert (status, item["id"], item["object"]) == (200, "openai/gpt-oss-120b", "model")
    status, _, answer = gateway.ask("GET", "/v1/models/openai%2Fno-such")
    assert (status, answer["error"]["type"]) == (404, "model_not_found")
    assert gateway.chat({**HELLO, "model": "openai/gpt-oss-120b"})[0] == 200


def test_15_nulls_are_absent_and_unknown_members_harm_nothing(gateway):
    names = ["tools", "tool_choice", "response_format", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n",
             "temperature", "top_p", "frequency_penalty", "presence_penalty", "stop", "seed", "logit_bias", "logprobs",
             "top_logprobs", "reasoning_effort", "service_tier", "store", "metadata", "user"]
    for stream in [False, True]:
        status, headers, _ = gateway.chat({**HELLO, **dict.fromkeys(names), "stream": stream or None})
        assert status == 200
    status, headers, _ = gateway.chat({**HELLO, "x_unknown": {"a": [1]}})
    assert status == 200


@pytest.mark.parametrize("name, sent", [("max_tokens", 30), ("max_completion_tokens", 30), (None, None)])
def test_16_a_limit_reaches_reasoning_models_under_their_name(gateway, name, sent):
    request = {**HELLO, "model": "thinker", **({name: sent} if name else {})}
    status, headers, _ = gateway.chat(request)
    got = json.loads(gateway.sent(headers))
    assert status == 200 and "max_tokens" not in got and got.get("max_completion_tokens") == sent
    _, headers, _ = gateway.chat({**request, "model": "smart"})
    got = json.loads(gateway.sent(headers))
    assert got.get("max_tokens") == sent and "max_completion_tokens" not in got


@pytest.mark.parametrize("path", [CHAT, "/v1/embeddings", "/v1/models", "/v1/nowhere"])
def test_17_preflight_and_cors(gateway, path):
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization, content-type, x-stainless-lang, user-agent"}
    status, headers, text = ask(gateway.worker, "OPTIONS", path, None, None, asked)
    assert (status, text) == (204, "")
    assert headers["access-control-allow-headers"] == asked["Access-Control-Request-Headers"]
    assert headers["access-control-allow-origin"] == "*" and "POST" in headers["access-control-allow-methods"]
    status, headers, _ = ask(gateway.worker, "POST", CHAT, None, HELLO, {"Origin": "https://app.example"})
    assert status == 401 and headers["access-control-allow-origin"] == "*"
    assert {"x-request-id", "retry-after"} <= set(headers["access-control-expose-headers"].split(", "))


def test_18_text_passes_unharmed(gateway, upstream):
    text = "é€😀 \u2028\u2029\u0085 \u0000 \ufeff \"\\ "
    data = event(json.dumps(json.loads(delta(text)), ensure_ascii=False)) + event(delta(text)) + END
    # The emoji's bytes are split across packets, in either notation.
    upstream.scripts["text"] = [stream(data, 1)]
    upstream.scripts["plain text"] = [plain({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}], "usage": usage(7, 2)})]
    for ascii_ in [True, False]:
        request = {**HELLO, "model": "played", "messages": [{"role": "user", "content": text}]}
        body = json.dumps({**request, "user": "text", "stream": True}, ensure_ascii=ascii_).encode()
        status, _, got = gateway.chat(body)
        assert status == 200 and text_of(events(got)) == text * 2
        assert json.loads(upstream.of("text")[-1].body)["messages"] == request["messages"]
        _, _, answer = gateway.chat({**request, "user": "plain text"})
        assert answer["choices"][0]["message"]["content"] == text


@pytest.fixture(scope="module")
def remembering():
    """A gateway with an answer cache, which the shared one lacks."""
    made = Stack(workers=1, cache=True)
    yield made
    made.close()


@pytest.mark.parametrize("model", ["smart", "tool"])
def test_19_a_cache_hit_is_the_same_answer_and_costs_nothing(remembering, model):
    stack, worker = remembering, remembering.workers[0]
    key = stack.new_key()["key"]
    request = {**HELLO, "model": model}
    first = ask(worker, "POST", CHAT, key, request)
    answers = []

    def is_hit():
        answers.append(ask(worker, "POST", CHAT, key, request))
        return answers[-1][1].get("x-aihub-cache") == "hit"

    wait_until(is_hit, 5, "the answer is kept")
    before = set(stack.bill())
    status, headers, answer = ask(worker, "POST", CHAT, key, request)
    assert (status, headers["x-aihub-cache"]) == (200, "hit") and set(stack.bill()) == before, "no engine was asked"
    assert answer == first[2] and answer["model"] == first[2]["model"]
    assert float(headers["x-aihub-cost-usd"]) == 0
    streamed = {**request, **WITH_USAGE}

    def streamed_hit():
        answers.append(ask(worker, "POST", CHAT, key, streamed))
        return answers[-1][1].get("x-aihub-cache") == "hit"

    wait_until(streamed_hit, 5, "the stream is kept, too")
    chunks = events(answers[-1][2])
    message = answer["choices"][0]["message"]
    assert chunks[-1] == "[DONE]" and {chunk["model"] for chunk in chunks[:-1]} == {answer["model"]}
    text, calls, finish = joined(chunks[:-1])
    assert (text, finish) == (message["content"] or "", answer["choices"][0]["finish_reason"])
    assert len(calls) == len(message.get("tool_calls", [])) and chunks[-2]["choices"] == []


def test_20_numbers_pass_as_they_are_spelt(gateway, upstream):
    numbers = '{"a":1.0,"b":10000000000000001,"c":1e2,"d":-0,"e":0.1000,"f":123456789012345678901234567890,"g":1E+2}'
    body = ('{"model":"played","user":"numbers","seed":9223372036854775807,"temperature":1.0,"messages":[{"role":"user",'
            '"content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":' + numbers + '}}]}')
    answer = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}], "usage": usage(7, 2)})
    upstream.scripts["numbers"] = [plain((answer[:-1] + ',"x_numbers":' + numbers + "}").encode())]
    request = (f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key}\r\nContent-Type: application/json\r\n"
               f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    text = send(gateway.worker, request.encode())
    assert text.startswith("HTTP/1.1 200") and numbers in text
    got = upstream.of("numbers")[-1].body.decode()
    assert numbers in got and '"seed":9223372036854775807,"temperature":1.0' in got
