"""Bodies of requests as callers send them, in OpenAI's form, without `model` and `stream`.

The ordinary ones are those of real clients: SDKs, chat front ends, coding agents with 40 to 55 KB of instructions and a
dozen tools. The hostile ones aim at one rule of the biller each. """

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Callable

from cases_media import image, pdf, text, wav

Body = dict[str, Any]
OPENAI_FAMILY = {"openai", "azure", "azure-deployments"}


@dataclass(frozen=True)
class Shape:
    """One shape: how to build it, how often, and for which dialects and models."""

    build: Callable[[Random], Body]
    weight: int = 2
    fits: Callable[[str, dict[str, Any]], bool] = lambda dialect, model: True


def user(content: Any) -> dict[str, Any]:
    """A user message."""
    return {"role": "user", "content": content}


def ask(random: Random, length: int = 200) -> Body:
    """One user message of drawn text."""
    return {"messages": [user(text(random, random.randint(1, length)))]}


def plain(random: Random) -> Body:
    """An SDK's first example."""
    return {"messages": [{"role": "system", "content": "You are a helpful assistant."}, user(text(random, 80))],
            "temperature": 0.7, "max_tokens": random.choice((1, 16, 256, 1024))}


def title(random: Random) -> Body:
    """A chat front end that asks for a title."""
    return {"messages": [user("Write a title of 5 words or fewer for: " + text(random, 400))], "max_tokens": 16,
            "temperature": 0.2}


def tool(random: Random, number: int) -> dict[str, Any]:
    """A function with a schema as agents write them."""
    names = [f"argument_{index}" for index in range(random.randint(1, 6))]
    properties = {name: {"type": random.choice(("string", "integer", "array")), "items": {"type": "string"},
                         "description": text(random, 60)} for name in names}
    return {"type": "function", "function": {"name": f"tool_{number}", "description": text(random, random.randint(20, 1200)),
                                             "parameters": {"type": "object", "properties": properties, "required": names[:1],
                                                            "additionalProperties": False}}}


def agent(random: Random) -> Body:
    """A coding agent: 40 to 55 KB of instructions and tools, and 32k to 128k tokens asked for."""
    return {"messages": [{"role": "system", "content": text(random, random.randint(20_000, 35_000))},
                         user(text(random, 300))],
            "tools": [tool(random, number) for number in range(random.randint(7, 25))], "tool_choice": "auto",
            "parallel_tool_calls": True, "max_tokens": random.choice((8_192, 32_000, 64_000, 128_000))}


def tool_history(random: Random) -> Body:
    """A talk with calls and their results."""
    messages: list[dict[str, Any]] = [user(text(random, 100))]
    for number in range(random.randint(1, 6)):
        call = {"id": f"call_{number:08}", "type": "function", "function": {"name": "tool_0", "arguments": "{\"path\":\"a\"}"}}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": text(random, random.randint(1, 4000))})
    return {"messages": messages, "tools": [tool(random, 0)]}


def structured(random: Random) -> Body:
    """A JSON schema for the answer, with a long list of numbers that a template may print line by line."""
    schema = {"type": "object", "properties": {"kind": {"enum": list(range(random.randint(1, 400)))}}, "required": ["kind"],
              "additionalProperties": False}
    return {**ask(random), "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "strict": True,
                                                                                      "schema": schema}}}


def pictures(random: Random) -> Body:
    """One to four images."""
    return {"messages": [user([{"type": "text", "text": "What is this?"}, *(image(random) for _ in range(random.randint(1, 4)))])],
            "max_tokens": 300}


def many_pictures(random: Random) -> Body:
    """As many images as vendors take."""
    return {"messages": [user([image(random) for _ in range(random.choice((20, 50, 100)))])]}


def qwen_pictures(random: Random) -> Body:
    """Images with Qwen's own limits raised."""
    parts = [{**image(random), "max_pixels": random.choice((1, 1_000_000, 16_777_216, 10**9))} for _ in range(3)]
    body = {"messages": [user([{"type": "text", "text": "Read it."}, *parts])]}
    return {**body, "vl_high_resolution_images": True} if random.random() < 0.5 else body


def no_limit(random: Random) -> Body:
    """No limit of the answer at all."""
    return ask(random, 2_000)


def large_limit(random: Random) -> Body:
    """A limit far above what the model can do, or by both names."""
    return {**ask(random), **random.choice(({"max_tokens": 10**6}, {"max_completion_tokens": 2**31 - 1},
                                            {"max_tokens": 10, "max_completion_tokens": 5_000}))}


def many_choices(random: Random) -> Body:
    """Up to 128 choices."""
    return {**ask(random), "n": random.choice((2, 3, 8, 64, 128)), "max_tokens": random.choice((1, 64, 512))}


def reasoning(random: Random) -> Body:
    """Reasoning asked for, or switched off, in each vendor's word."""
    switches = ({"reasoning_effort": "high"}, {"reasoning_effort": "none"}, {"reasoning_effort": "minimal"},
                {"enable_thinking": True}, {"enable_thinking": True, "thinking_budget": 64},
                {"thinking": {"type": "enabled", "budget_tokens": 2048}}, {"reasoning": {"effort": "high", "exclude": True}})
    limit = random.choice(({}, {"max_tokens": 50}, {"max_completion_tokens": 4_000}, {"max_tokens": 16_000}))
    return {**ask(random), **random.choice(switches), **limit}


def long_input(random: Random) -> Body:
    """100 KB to 1.3 MB, so that prices of long prompts apply."""
    return {"messages": [user(text(random, random.choice((100_000, 300_000, 1_300_000))))], "max_tokens": 100}


def hostile_text(random: Random) -> Body:
    """Text that tokenises badly, in many short messages."""
    return {"messages": [user(text(random, random.randint(1, 3_000))) for _ in range(random.randint(1, 60))], "max_tokens": 64}


def tier(random: Random) -> Body:
    """A service tier."""
    return {**ask(random), "service_tier": random.choice(("priority", "fast", "flex", "auto", "default", "scale", "on_demand"))}


STEERING = (
    {"provider": {"order": ["Azure"], "allow_fallbacks": True}},
    {"plugins": [{"id": "web", "max_results": 10}]}, {"preset": "dear"}, {"route": "fallback"}, {"transforms": []},
    {"web_search_options": {"search_context_size": "high"}}, {"search_parameters": {"mode": "on", "max_search_results": 30}},
    {"enable_search": True}, {"speed": "fast"}, {"inference_geo": "us"},
    {"extra_body": {"google": {"thinking_config": {"thinking_budget": 32768}}}}, {"store": True},
    {"cache_control": {"type": "ephemeral", "ttl": "1h"}}, {"user_tier": "scale"},
)


SUBSTITUTES = ({"models": ["anthropic/claude-opus-4.1", "meta-llama/llama-3.3-70b-instruct"]},
               {"models": ["vendor/unknown-and-dear"]}, {"plugins": [{"id": "web", "max_results": 10}]})


def substitutes(random: Random) -> Body:
    """Other models that may answer at OpenRouter, or a search."""
    return {**ask(random), **random.choice(SUBSTITUTES), "max_tokens": 200}


def searched(member: str, value: Any) -> Callable[[Random], Body]:
    """A search in one vendor's word."""
    return lambda random: {**ask(random), member: value, "max_tokens": 200}


def steering(random: Random) -> Body:
    """A member that steers the model or the price."""
    return {**ask(random), **random.choice(STEERING), "max_tokens": 200}


def cached(random: Random) -> Body:
    """A long system text that is marked for the cache."""
    mark = random.choice(({"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}))
    return {"messages": [{"role": "system", "content": [{"type": "text", "text": text(random, 20_000), "cache_control": mark}]},
                         user("Go on.")], "max_tokens": 500}


def prediction(random: Random) -> Body:
    """A predicted output that may be rejected."""
    return {**ask(random), "prediction": {"type": "content", "content": text(random, 4_000)}, "max_completion_tokens": 100}


def document(random: Random) -> Body:
    """A PDF."""
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": pdf(random.choice((1, 3, 50)))}}
    return {"messages": [user([file, {"type": "text", "text": "Sum it up."}])], "max_tokens": 1_000}


def sound(random: Random) -> Body:
    """Audio in, and audio out."""
    part = {"type": "input_audio", "input_audio": {"data": wav(random.choice((1, 10, 60))), "format": "wav"}}
    body = {"messages": [user([part, {"type": "text", "text": "What is said?"}])], "max_tokens": 400}
    if random.random() < 0.5:
        body |= {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}
    return body


def sees(dialect: str, model: dict[str, Any]) -> bool:
    """True for a model that takes images."""
    return "image_rule" in model


def hears(dialect: str, model: dict[str, Any]) -> bool:
    """True for a model that takes audio."""
    return "audio_input" in model["prices"]


def reads_files(dialect: str, model: dict[str, Any]) -> bool:
    """True for a dialect that takes PDFs."""
    return sees(dialect, model) and dialect in OPENAI_FAMILY | {"anthropic", "gemini-compat", "openrouter"}


CHAT: dict[str, Shape] = {
    "plain": Shape(plain, 6), "title": Shape(title), "agent": Shape(agent, 4), "tool history": Shape(tool_history, 3),
    "structured": Shape(structured), "pictures": Shape(pictures, 4, sees), "many pictures": Shape(many_pictures, 2, sees),
    "qwen pictures": Shape(qwen_pictures, 14, lambda dialect, model: dialect == "qwen" and sees(dialect, model)),
    "no limit": Shape(no_limit, 4), "large limit": Shape(large_limit), "many choices": Shape(many_choices, 4),
    "reasoning": Shape(reasoning, 5), "long input": Shape(long_input, 1), "hostile text": Shape(hostile_text, 4),
    "tier": Shape(tier, 3), "steering": Shape(steering, 5), "cached": Shape(cached, 2),
    "prediction": Shape(prediction, 2, lambda dialect, model: dialect in OPENAI_FAMILY | {"mistral", "openrouter"}),
    "substitutes": Shape(substitutes, 8, lambda dialect, model: dialect == "openrouter"),
    "search openai": Shape(searched("web_search_options", {}), 40, lambda dialect, model: "search" in model["name"]),
    "search xai": Shape(searched("search_parameters", {"mode": "on", "max_search_results": 30}), 4,
                        lambda dialect, model: dialect == "xai"),
    "search qwen": Shape(searched("enable_search", True), 4, lambda dialect, model: dialect == "qwen"),
    "document": Shape(document, 3, reads_files), "sound": Shape(sound, 20, hears),
}


def completion(random: Random) -> Body:
    """A legacy completion, often without a limit."""
    return {"prompt": text(random, 300), **random.choice(({}, {"max_tokens": 64}, {"suffix": " end"}))}


def best_of(random: Random) -> Body:
    """Candidates that are generated but not returned."""
    return {"prompt": text(random, 100), "best_of": random.choice((2, 20)), "n": 1, "max_tokens": 32}


def prompts(random: Random) -> Body:
    """A list of prompts, each answered n times."""
    return {"prompt": [text(random, 40) for _ in range(random.randint(2, 20))], "n": random.choice((1, 4)), "max_tokens": 16}


def embedded(random: Random) -> Body:
    """Texts."""
    return {"input": random.choice((text(random, 500), [text(random, 200) for _ in range(random.randint(1, 100))]))}


def embedded_tokens(random: Random) -> Body:
    """Token ids, as LangChain sends them."""
    ids = [[random.randrange(100_000) for _ in range(random.randint(1, 500))] for _ in range(random.randint(1, 20))]
    return {"input": random.choice((ids, ids[0])), "encoding_format": "base64"}


def drawn(random: Random) -> Body:
    """A generated image; quality and size may be left open."""
    return {"prompt": text(random, 200), "n": random.choice((1, 4)),
            **random.choice(({}, {"quality": "high", "size": "1024x1536"}, {"quality": "auto", "size": "auto"},
                             {"quality": "hd", "size": "1792x1024"}, {"quality": "low", "partial_images": 3, "stream": True}))}


OTHERS: dict[str, dict[str, Callable[[Random], Body]]] = {
    "completions": {"completion": completion, "best of": best_of, "prompts": prompts},
    "embeddings": {"embedded": embedded, "embedded tokens": embedded_tokens},
    "images": {"drawn": drawn},
}
