"""S16: a provider's error text repeats what the caller sent. Words that sound like the operator's fault, in whatever
member, spelling and shape of error they come back, must not put the deployment out for others."""

import itertools
import json

import pytest

import rows
from echoing import Pairs, messages, send, start_stream

VARIANTS = 28
PHRASES = [
    "invalid api key", "incorrect api key", "api key not valid", "api key expired", "API_KEY_INVALID", "invalid_api_key",
    "api key not found", "insufficient_quota", "exceeded your current quota", "credit balance", "Arrearage",
    "FAILED_PRECONDITION", "spend limit", "GenerateRequestsPerDay"]
#: Where a caller can write a word of their own: a member's path, with a value that holds it.
PLACES = {
    "content": lambda word: {"messages": messages(f"say {word}")},
    "part": lambda word: {"messages": [{"role": "user", "content": [{"type": "text", "text": word}]}]},
    "name": lambda word: {"messages": [{"role": "user", "name": word, "content": "hi"}]},
    "system": lambda word: {"messages": [{"role": "system", "content": word}, *messages("hi")]},
    "tool": lambda word: {"messages": messages("hi"), "tools": [
        {"type": "function", "function": {"name": "f", "description": word, "parameters": {"type": "object"}}}]},
    "schema": lambda word: {"messages": messages("hi"), "tools": [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {"description": word}}}}}]},
    "stop": lambda word: {"messages": messages("hi"), "stop": [word]},
}
#: How vendors word a 400: OpenAI, vLLM (flat and not), Mistral, FastAPI, xAI, Gemini, OpenRouter, Anthropic, plain
#: text.
SHAPES = {
    "openai": lambda w: {"error": {"message": f"Invalid value: '{w}'. Supported values are: 'low', 'high'.",
                                   "type": "invalid_request_error", "param": "verbosity", "code": "invalid_value"}},
    "param": lambda w: {"error": {"message": f"Unknown parameter: {w}", "type": "invalid_request_error", "param": w, "code": None}},
    "vllm": lambda w: {"error": {"message": f"{w} is not a valid value", "type": "BadRequestError", "param": None, "code": 400}},
    "flat": lambda w: {"object": "error", "message": f"bad: {w}", "type": "invalid_request_error", "code": "3230"},
    "fastapi": lambda w: {"detail": [{"loc": ["body", w], "msg": f"got {w}", "type": "extra_forbidden"}]},
    "xai": lambda w: {"code": "Client specified an invalid argument", "error": f"Argument not supported: {w}"},
    "gemini": lambda w: [{"error": {"code": 400, "message": f"Invalid JSON payload: {w}", "status": "INVALID_ARGUMENT"}}],
    "openrouter": lambda w: {"error": {"code": 400, "message": "Provider returned error",
                                       "metadata": {"provider_name": "x", "raw": json.dumps({"error": {"code": w, "message": w}})}}},
    "anthropic": lambda w: {"type": "error", "error": {"type": "invalid_request_error", "message": f"messages.0: {w}"}},
}
#: Words that name a status are read inside a success, too.
IN_BAND = ["authentication", "permission", "billing", "not_found"]


def spelled(word, how):
    return {"as is": word, "upper": word.upper(), "title": word.title(), "quoted": f'"{word}"', "long": "x " * 60 + word}[how]


def generate(counter):
    def make(source):
        number = next(counter)
        in_band = number % 4 == 3
        return {
            "pair": number, "word": source.choice(IN_BAND if in_band else PHRASES), "place": source.choice(list(PLACES)),
            "shape": source.choice(["openai", "flat", "anthropic", "vllm"] if in_band else list(SHAPES)),
            "spelling": source.choice(["as is", "upper", "title", "quoted", "long"]),
            "escaped": source.random() < 0.5, "stream": source.random() < 0.5,
            "status": 200 if in_band else source.choice([400, 400, 400, 413, 422])}
    return make


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


@pytest.fixture(scope="module")
def pairs(stack):
    made = Pairs(stack, VARIANTS)
    yield made
    made.close()


def test_words_of_a_caller(pairs):
    def check(variant):
        word = spelled(variant["word"], variant["spelling"])
        seen = []

        def script(handler, body):
            """Repeats what arrived of the text."""
            echoed = next((text for text in strings(body) if word in text), "nothing")
            seen.append(echoed)
            error = SHAPES[variant["shape"]](echoed)
            if variant["status"] == 200 and variant["shape"] in ("openai", "vllm", "anthropic"):
                # A vendor that names no code.
                error = {"error": {"message": error["error"]["message"]}}
            if variant["status"] == 200 and variant["shape"] == "flat":
                error = {"error": f"bad: {echoed}"}
            if variant["status"] == 200 and body.get("stream"):
                start_stream(handler)
                return handler.wfile.write(b"data: " + json.dumps(error).encode() + b"\n\n")
            send(handler, variant["status"], json.dumps(error).encode())

        pairs.upstream.script = script
        body = {"model": f"pair-{variant['pair']}", "stream": variant["stream"], **PLACES[variant["place"]](word)}
        text = json.dumps(body)
        if variant["escaped"]:
            # The same word to a parser, another one to a search in the bytes.
            at = json.dumps(word)[1:-1]
            text = text.replace(at, "".join(f"\\u{ord(letter):04x}" for letter in word))
        answer = pairs.ask(variant["pair"], pairs.stranger, text)
        assert any(word in echoed for echoed in seen), f"the word did not arrive: {seen}"
        first = pairs.asked_first(variant["pair"], pairs.neighbour)
        assert first == [f"front-{variant['pair']}"] * 3, f"a neighbour is sent elsewhere: {first}"
        assert pairs.asked_first(variant["pair"], pairs.stranger, 1) == [f"front-{variant['pair']}"]
        if variant["status"] != 200:
            assert answer[0] == 400, answer

    rows.attack("S16", generate(itertools.count()), check, VARIANTS)


def test_a_refused_credential_still_puts_it_out(pairs):
    """The control: what no caller can say still counts for all at once, by status or by code."""
    for pair, (status, error) in enumerate([
            (401, {"error": {"message": "no"}}), (403, {"error": {"message": "no"}}), (402, {"error": {"message": "no"}}),
            (400, {"error": {"message": "no", "code": "invalid_api_key"}}),
            (400, [{"error": {"code": 400, "message": "no", "details": [{"reason": "API_KEY_INVALID"}]}}]),
            (429, {"error": {"message": "no", "code": "insufficient_quota"}})]):
        pairs.upstream.script = lambda handler, body: send(handler, status, json.dumps(error).encode())
        assert pairs.ask(pair, pairs.stranger, {"messages": messages("x")})[1]["x-aihub-deployment"] == f"back-{pair}"
        assert pairs.asked_first(pair, pairs.neighbour) == [f"back-{pair}"] * 3, (status, error)
