#!/usr/bin/env python3
"""Validates what a running gateway answers against an OpenAPI file, such as the one OpenAI publishes.

usage: scripts/validate-openapi.py FILE.yaml [CHAT_MODEL [EMBEDDING_MODEL]]

AIHUB_BASE_URL and AIHUB_API_KEY say whom to ask (`source .local/env` after ./deploy/run). The file is not part of this tree, so
this is no part of the tests. Needs `pip install jsonschema PyYAML` beside what deploy/requirements.txt brings. Exits with 1 when an
answer differs in a way that is not listed as intended.
"""

import json
import os
import sys
import urllib.error
import urllib.request

try:
    import jsonschema
    import yaml
except ImportError as missing:
    sys.exit(f"{missing.name} is missing: pip install jsonschema PyYAML")

HELLO = [{"role": "user", "content": "Say hello."}]
#: What differs on purpose: (schema, a part of the complaint) -> why.
INTENDED = {
    ("ErrorResponse", "is not valid under any of the given schemas at error.code"): "code is the HTTP status as a number",
    ("ErrorResponse", "'param' is a required property"): "param is left out where no member is at fault",
    ("CreateCompletionResponse", "at choices.0.finish_reason"): "finish_reason is null until a stream ends, as OpenAI itself sends it",
    ("CreateEmbeddingResponse", "is not of type 'array' at data."): "base64 is text, as OpenAI itself sends it",
}


def ask(path, body=None, key=None):
    request = urllib.request.Request(
        os.environ["AIHUB_BASE_URL"] + path, data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key or os.environ['AIHUB_API_KEY']}", "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def events(text):
    data = [block.removeprefix("data: ") for block in text.split("\n\n") if block.startswith("data: ")]
    return [json.loads(item) for item in data if item != "[DONE]"]


def answers(chat, embedding):
    """What is asked, the schema its answers must meet, and the answers."""
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
    for name, more in [("chat", {}), ("chat with a tool", {"tools": [tool]}), ("chat cut short", {"max_tokens": 2})]:
        body = {"model": chat, "messages": HELLO, "max_tokens": 30, **more}
        yield name, "CreateChatCompletionResponse", [json.loads(ask("/chat/completions", body))]
        for options in [{}, {"stream_options": {"include_usage": True}}]:
            text = ask("/chat/completions", {**body, "stream": True, **options})
            yield name + ", streamed", "CreateChatCompletionStreamResponse", events(text)
    body = {"model": chat, "prompt": "Hello", "max_tokens": 5}
    yield "completion", "CreateCompletionResponse", [json.loads(ask("/completions", body))]
    yield "completion, streamed", "CreateCompletionResponse", events(ask("/completions", {**body, "stream": True}))
    if embedding:
        for form in ["float", "base64"]:
            body = {"model": embedding, "input": ["a", "b"], "encoding_format": form}
            yield f"embeddings as {form}", "CreateEmbeddingResponse", [json.loads(ask("/embeddings", body))]
    yield "models", "ListModelsResponse", [json.loads(ask("/models"))]
    yield "model", "Model", [json.loads(ask(f"/models/{chat}"))]
    wrong = {"model": chat, "messages": HELLO, "stream": "yes"}
    yield "errors", "ErrorResponse", [json.loads(text) for text in [
        ask("/models", key="sk-none"), ask("/models/no-such"), ask("/chat/completions", wrong), ask("/nowhere")]]


def with_nulls(schema):
    """OpenAI's file says `nullable: true`, the word of an older OpenAPI, which JSON Schema does not know."""
    if isinstance(schema, list):
        return [with_nulls(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: with_nulls(value) for name, value in schema.items() if name != "nullable"}
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") is True else made


def complaints(validator, answer):
    for flaw in validator.iter_errors(answer):
        where = ".".join(map(str, flaw.absolute_path))
        yield f"{flaw.message[:160]} at {where}" if len(flaw.message) < 160 else f"{flaw.message[:40]} … {flaw.message[-110:]} at {where}"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if not os.path.exists(sys.argv[1]):
        sys.exit(f"there is no {sys.argv[1]}: give the path of an OpenAPI file, such as OpenAI's published description")
    with open(sys.argv[1]) as file:
        document = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    components, failed = with_nulls(document["components"]), 0
    for name, schema, got in answers(*(sys.argv[2:] + ["smart", None][len(sys.argv) - 2:])[:2]):
        validator = jsonschema.Draft202012Validator(
            {"$ref": f"#/components/schemas/{schema}", "components": components})
        found = {complaint for answer in got for complaint in complaints(validator, answer)}
        reasons = {text: [why for (of, part), why in INTENDED.items() if of == schema and part in text] for text in found}
        bad = sorted(text for text, why in reasons.items() if not why)
        failed += bool(bad) or not got
        notes = sorted({why[0] for why in reasons.values() if why})
        print(f"{'FAILED' if bad or not got else 'ok    '} {name}: {len(got)} against {schema}"
              + "".join(f"\n         intended: {note}" for note in notes) + "".join(f"\n         {text}" for text in bad))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
