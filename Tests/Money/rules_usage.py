"""Usage in each dialect's own words.

The same counters read differently at each vendor: what the total includes, where cached tokens are, and whether
reasoning is inside `completion_tokens`. """

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rules_price import Counters


def usage_of(dialect: str, kind: str, counters: Counters, cost: int, rejected: int = 0) -> dict[str, Any]:
    """The usage object of a whole answer. `cost` in nano-USD is for vendors that report it."""
    if kind == "embeddings":
        return {"prompt_tokens": counters.prompt, "total_tokens": counters.prompt}
    if kind == "images":
        return {"input_tokens": counters.prompt, "output_tokens": counters.completion,
                "total_tokens": counters.prompt + counters.completion,
                "input_tokens_details": {"text_tokens": counters.prompt, "image_tokens": 0}}
    if dialect == "anthropic":
        return anthropic_usage(counters)
    builder = BUILDERS.get(dialect, openai_usage)
    usage = builder(counters)
    if dialect in ("openai", "azure", "azure-deployments") and rejected:
        usage["completion_tokens_details"]["rejected_prediction_tokens"] = rejected
    if dialect == "openrouter":
        usage["cost"] = cost / 1_000_000_000
    if dialect == "xai":
        usage["cost_in_usd_ticks"] = cost * 10
    return usage


def plain_usage(counters: Counters) -> dict[str, Any]:
    """Three numbers and no details."""
    return {"prompt_tokens": counters.prompt, "completion_tokens": counters.completion,
            "total_tokens": counters.prompt + counters.completion}


def openai_usage(counters: Counters) -> dict[str, Any]:
    """OpenAI: the prompt includes what was cached, the completion includes reasoning."""
    details: dict[str, int] = {"cached_tokens": counters.cache_read, "audio_tokens": counters.audio_input}
    if counters.cache_write:
        details["cache_write_tokens"] = counters.cache_write
    return {**plain_usage(counters), "prompt_tokens_details": details,
            "completion_tokens_details": {"reasoning_tokens": counters.reasoning, "audio_tokens": counters.audio_output,
                                          "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}}


def mistral_usage(counters: Counters) -> dict[str, Any]:
    """Mistral: cached tokens at the top."""
    return {**plain_usage(counters), "num_cached_tokens": counters.cache_read}


def groq_usage(counters: Counters) -> dict[str, Any]:
    """Groq: times beside the counters. Reasoning is inside the completion and, for some models, named."""
    usage = {**plain_usage(counters), "queue_time": 0.01, "prompt_time": 0.02, "completion_time": 0.3, "total_time": 0.32,
             "prompt_tokens_details": {"cached_tokens": counters.cache_read}}
    if counters.reasoning:
        usage["completion_tokens_details"] = {"reasoning_tokens": counters.reasoning}
    return usage


def deepseek_usage(counters: Counters) -> dict[str, Any]:
    """DeepSeek: the prompt is hits plus misses."""
    return {**plain_usage(counters), "prompt_cache_hit_tokens": counters.cache_read,
            "prompt_cache_miss_tokens": counters.prompt - counters.cache_read,
            "prompt_tokens_details": {"cached_tokens": counters.cache_read},
            "completion_tokens_details": {"reasoning_tokens": counters.reasoning}}


def xai_usage(counters: Counters) -> dict[str, Any]:
    """xAI: the completion leaves reasoning out, the total has it."""
    return {"prompt_tokens": counters.prompt, "completion_tokens": counters.completion - counters.reasoning,
            "total_tokens": counters.prompt + counters.completion, "num_sources_used": 0,
            "prompt_tokens_details": {"text_tokens": counters.prompt, "audio_tokens": 0, "image_tokens": 0,
                                      "cached_tokens": counters.cache_read},
            "completion_tokens_details": {"reasoning_tokens": counters.reasoning, "audio_tokens": 0,
                                          "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}}


def gemini_usage(counters: Counters) -> dict[str, Any]:
    """Gemini's compatible endpoint: the completion leaves thoughts out, the total has them."""
    return {"prompt_tokens": counters.prompt, "completion_tokens": counters.completion - counters.reasoning,
            "total_tokens": counters.prompt + counters.completion}


def openrouter_usage(counters: Counters) -> dict[str, Any]:
    """OpenRouter: OpenAI's form, one number for what is written into a cache however long it is kept, and the cost in
    USD."""
    written = counters.cache_write + counters.cache_write_1h
    return {**openai_usage(replace(counters, cache_write=written, cache_write_1h=0)), "is_byok": False, "cost_details": {"upstream_inference_cost": None}}


def vllm_usage(counters: Counters) -> dict[str, Any]:
    """vLLM: three numbers and a null."""
    return {**plain_usage(counters), "prompt_tokens_details": None}


def anthropic_usage(counters: Counters) -> dict[str, Any]:
    """Anthropic: the input leaves out what was read from or written to the cache."""
    return {"input_tokens": counters.input + counters.audio_input,
            "cache_creation_input_tokens": counters.cache_write + counters.cache_write_1h,
            "cache_read_input_tokens": counters.cache_read,
            "cache_creation": {"ephemeral_5m_input_tokens": counters.cache_write,
                               "ephemeral_1h_input_tokens": counters.cache_write_1h},
            "output_tokens": counters.completion, "service_tier": "standard"}


def anthropic_start(counters: Counters, first: int) -> dict[str, Any]:
    """Usage of `message_start`: the whole input, and the few output tokens made by then."""
    return {**anthropic_usage(counters), "output_tokens": min(first, counters.completion)}


def anthropic_delta(counters: Counters) -> dict[str, Any]:
    """Usage of `message_delta`: cumulative."""
    usage = anthropic_usage(counters)
    return {name: usage[name] for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens",
                                           "output_tokens")}


BUILDERS = {"mistral": mistral_usage, "groq": groq_usage, "deepseek": deepseek_usage, "xai": xai_usage,
            "gemini-compat": gemini_usage, "openrouter": openrouter_usage, "ollama": plain_usage, "llamacpp": plain_usage,
            "vllm": vllm_usage}
