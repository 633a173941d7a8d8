"""The bound of a request: what any answer to it may cost at most, before anything is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rules_media import OPENAI_FAMILY, generated_most, media_most, media_of
from rules_output import OutputBound, kind_of, output_bound, prompt_count
from rules_price import Counters, Prices, dear_input, long_percents, price_bounds, search_fees, tier_percent
from rules_text import Tally, tally_chat, tally_inputs


@dataclass(frozen=True)
class Bound:
    """Counters and price of the dearest answer, and the parts that a drawn answer keeps to."""

    counters: Counters
    cost: int
    prices: Prices
    percent: int
    output: OutputBound
    text: Tally
    media: int  # input tokens of media whose number is known
    audio: int  # of them, audio
    fills: bool  # a medium whose tokens only the window bounds
    unbounded: bool
    writes: bool
    writes_1h: bool
    sources: tuple[str, ...] = field(default=())


def bound_of(dialect: str, model: dict[str, Any], request: dict[str, Any]) -> Bound:
    """The bound of a request in the dialect's wire form."""
    kind = kind_of(model, request)
    text = text_of(dialect, model, request, kind)
    media, length, audio, fills, media_sources = media_bound(dialect, model, request)
    fees, refills, fee_sources = search_fees(dialect, request)
    # Only what the model reads is bounded by its window; a price that is no length comes on top.
    window = model["context"] * prompt_count(request)
    read = window if fills else min(text.tokens + length, window)
    if kind == "embeddings":
        read = text.tokens
    prompt = read + (media - length) + refills * model["context"]
    output = output_bound(dialect, model, request)
    drawn, image_fees, image_sources = generated_most(model, request) if kind == "images" else (0, 0, ())
    prices, unbounded, price_sources = price_bounds(dialect, model, request)
    percent, tier_sources = tier_percent(dialect, model, request)
    writes, writes_1h = cache_writes(dialect, model, request)
    heard = min(audio, prompt) if prices.audio_input > prices.input else 0
    counters = Counters(input=prompt - heard, audio_input=heard, fees=fees + image_fees)
    counters = dear_input(counters, prices, writes, writes_1h)
    counters = with_output(counters, output, drawn, prices)
    cost = prices.cost(counters, percent, long_percents(model, counters.prompt))
    sources = (*text.sources, *media_sources, *fee_sources, *output.sources, *image_sources, *price_sources, *tier_sources,
               *(("price-long",) if long_percents(model, counters.prompt) != (100, 100) else ()),
               *write_sources(dialect, writes), "context-cap")
    return Bound(counters, cost, prices, percent, output, text, media, audio, fills, unbounded, writes, writes_1h,
                 tuple(dict.fromkeys(sources)))


def text_of(dialect: str, model: dict[str, Any], request: dict[str, Any], kind: str) -> Tally:
    """The text part of the input."""
    if kind == "chat":
        return tally_chat(dialect, model, request)
    if kind == "embeddings":
        return tally_inputs(dialect, model, request["input"])
    tally = tally_inputs(dialect, model, request.get("prompt") or "")
    suffix = tally_inputs(dialect, model, request.get("suffix") or "")
    return Tally(tally.tokens + suffix.tokens, tally.likely + suffix.likely, tally.sources)


def media_bound(dialect: str, model: dict[str, Any],
                request: dict[str, Any]) -> tuple[int, int, int, bool, tuple[str, ...]]:
    """Media of a request: (tokens, of them length, of them audio, whether one fills the window, sources)."""
    costs = [media_most(dialect, model, request, medium) for medium in media_of(request)]
    sources = tuple(dict.fromkeys(source for cost in costs for source in cost.sources))
    return (sum(cost.tokens for cost in costs), sum(cost.length for cost in costs),
            sum(cost.tokens for cost in costs if cost.audio), any(cost.fills for cost in costs), sources)


def cache_writes(dialect: str, model: dict[str, Any], request: dict[str, Any]) -> tuple[bool, bool]:
    """Whether input may be billed as a cache write of 5 minutes and of 1 hour."""
    if dialect in ("anthropic", "openrouter"):
        marks = list(cache_marks(request))
        return bool(marks), any(mark.get("ttl") == "1h" for mark in marks)
    return "cache_write" in model["prices"] and dialect in OPENAI_FAMILY | {"qwen"}, False


def cache_marks(value: Any) -> list[dict[str, Any]]:
    """Every `cache_control` object in a request, but not in a tool's schema."""
    if isinstance(value, list):
        return [mark for item in value for mark in cache_marks(item)]
    if not isinstance(value, dict):
        return []
    mark = value.get("cache_control")
    inner = [found for name, item in value.items() if name not in ("input_schema", "parameters") for found in cache_marks(item)]
    return ([mark] if isinstance(mark, dict) else []) + inner


def write_sources(dialect: str, writes: bool) -> tuple[str, ...]:
    """The source of a cache write's price."""
    if not writes:
        return ("price-cached",)
    return ("price-cache-write-anthropic",) if dialect in ("anthropic", "openrouter") else ("price-cache-write-openai",)


def with_output(counters: Counters, output: OutputBound, drawn: int, prices: Prices) -> Counters:
    """The counters with the longest output, put where it costs most."""
    total = output.total + drawn
    hidden = min(total, output.thinking * output.choices) if prices.reasoning > prices.output else 0
    visible = total - hidden
    audible = visible if output.audio and prices.audio_output > prices.output else 0
    return Counters(counters.input, counters.audio_input, counters.cache_read, counters.cache_write, counters.cache_write_1h,
                    visible - audible, audible, hidden, counters.fees)
