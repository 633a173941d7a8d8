"""S4: reasoning that the caller asks to hide is billed but not sent. The switch is not sent on, or the hold covers
it."""

import json

import rows
from raw import ask
from raw_upstream import FIN, RawUpstream
from request_rig import body, charge, load, nano

#: What a vendor bills for an answer of two visible tokens.
PROMPT, COMPLETION = 50, 40_050
DIALECTS = ["groq", "openrouter", "together", "vllm", "llamacpp", "ollama", "qwen"]
SWITCHES = [
    ("reasoning_format", "hidden"), ("include_reasoning", False), ("reasoning", {"exclude": True}),
    ("reasoning", {"exclude": True, "effort": "high"}), ("reasoning", {"exclude": True, "max_tokens": 40_000}),
]


def chunk(**more):
    return b"data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", **more}).encode() + b"\n\n"


STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    + chunk(choices=[{"index": 0, "delta": {"role": "assistant", "content": "It is."}, "finish_reason": None}])
    + chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    + chunk(choices=[], usage={"prompt_tokens": PROMPT, "completion_tokens": COMPLETION, "total_tokens": PROMPT + COMPLETION,
                               "completion_tokens_details": {"reasoning_tokens": COMPLETION - 2}})
    + b"data: [DONE]\n\n")


def hides(sent):
    reasoning = sent.get("reasoning")
    return (sent.get("reasoning_format") == "hidden" or sent.get("include_reasoning") is False
            or isinstance(reasoning, dict) and reasoning.get("exclude") is True)


def test_hidden_thinking_is_charged_or_not_hidden(stack):
    upstream = RawUpstream()
    key = load(stack, {f"thinks-{dialect}": (dialect, "m", "") for dialect in DIALECTS}, f"http://127.0.0.1:{upstream.port}/v1")

    def generate(source):
        return source.choice(DIALECTS), source.choice(SWITCHES), source.randrange(1 << 30)

    def check(variant):
        dialect, switch, seed = variant
        script = f"{dialect}-{seed}"
        upstream.scripts[script] = [STREAM, FIN]
        members = [switch, ("user", script)]
        text = body(f"thinks-{dialect}", members, rows.random.Random(seed), stream=True).replace('"max_tokens":16', '"max_tokens":65536')
        status, headers, _ = ask(stack.workers[0], "POST", "/v1/chat/completions", key, text)
        assert status == 200
        sent = json.loads(upstream.of(script)[-1].body)
        if hides(sent) or dialect == "openrouter":
            assert charge(stack, headers) >= nano(PROMPT, COMPLETION), f"charged {charge(stack, headers)}, sent {sent}"

    rows.attack("S4", generate, check, variants=24)
    upstream.close()
