"""Prices: from token counters to nano-USD, with everything in a request that changes the price.

All prices are integers: nano-USD for a million tokens. A cost is rounded up once a request.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Iterable

MILLION = 1_000_000
OPENAI_FAMILY = {"openai", "azure", "azure-deployments"}


@dataclass(frozen=True)
class Counters:
    """What a vendor counts for one request. Disjoint; tokens, except `fees` in nano-USD."""

    input: int = 0  # uncached text and images
    audio_input: int = 0
    cache_read: int = 0
    cache_write: int = 0  # 5 minutes, or the only kind
    cache_write_1h: int = 0
    output: int = 0  # visible, with the tokens that are not text
    audio_output: int = 0
    reasoning: int = 0
    fees: int = 0

    @property
    def prompt(self) -> int:
        """All input tokens."""
        return self.input + self.audio_input + self.cache_read + self.cache_write + self.cache_write_1h

    @property
    def completion(self) -> int:
        """All output tokens."""
        return self.output + self.audio_output + self.reasoning


@dataclass(frozen=True)
class Prices:
    """Nano-USD for a million tokens."""

    input: int
    audio_input: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    output: int
    audio_output: int
    reasoning: int

    def cost(self, counters: Counters, percent: int = 100, long: tuple[int, int] = (100, 100)) -> int:
        """Nano-USD, rounded up once. `percent` is the tier's, `long` the input's and output's for a long prompt."""
        paid_in = (counters.input * self.input + counters.audio_input * self.audio_input
                   + counters.cache_read * self.cache_read + counters.cache_write * self.cache_write
                   + counters.cache_write_1h * self.cache_write_1h)
        paid_out = (counters.output * self.output + counters.audio_output * self.audio_output
                    + counters.reasoning * self.reasoning)
        scaled = (paid_in * long[0] + paid_out * long[1]) * percent
        return -(-scaled // (MILLION * 100 * 100)) + counters.fees


def prices_of(prices: dict[str, int]) -> Prices:
    """Prices from a model's dictionary. Only `input` and `output` must be there."""
    paid_in, paid_out = prices["input"], prices["output"]
    return Prices(input=paid_in, audio_input=prices.get("audio_input", paid_in),
                  cache_read=prices.get("cache_read", paid_in), cache_write=prices.get("cache_write", paid_in),
                  cache_write_1h=prices.get("cache_write_1h", prices.get("cache_write", paid_in)),
                  output=paid_out, audio_output=prices.get("audio_output", paid_out),
                  reasoning=prices.get("reasoning", paid_out))


def dearest(prices: Iterable[Prices]) -> Prices:
    """The highest of each price."""
    every = list(prices)
    return Prices(**{name: max(getattr(one, name) for one in every) for name in Prices.__dataclass_fields__})


# Percent of the standard price by tier. `model["tiers"]` may say otherwise.
TIERS = {"openai": {"priority": 200, "fast": 200, "flex": 50}, "azure": {"priority": 200}, "azure-deployments": {"priority": 200},
         "xai": {"priority": 200}, "groq": {"flex": 100, "on_demand": 100, "auto": 100, "performance": 200},
         "openrouter": {"priority": 200, "flex": 100}, "gemini-compat": {"priority": 200, "flex": 100},
         "anthropic": {"auto": 100, "standard_only": 100}}
FREE_TIERS = (None, "default", "standard", "standard_only", "on_demand")


def tier_percent(dialect: str, model: dict[str, Any], request: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
    """The dearest tier that the request may be served at, in percent, and the sources."""
    tiers = model.get("tiers", TIERS.get(dialect, {}))
    asked = request.get("service_tier")
    percent, sources = 100, ()
    if dialect in OPENAI_FAMILY and asked in (None, "auto"):
        percent, sources = max([100, *tiers.values()]), ("price-tier-openai",)
    elif tiers and asked not in FREE_TIERS:
        source = {"openai": "price-tier-openai", "xai": "price-tier-xai"}.get(dialect, "price-tier-other")
        # A tier may fall back to the standard one, so a cheap tier bounds nothing.
        percent, sources = max(100, tiers.get(asked, 200)), (source,)
    if dialect == "anthropic":
        percent, sources = anthropic_percent(request, percent, sources)
    return percent, sources


def anthropic_percent(request: dict[str, Any], percent: int, sources: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """Speed and place of inference at Anthropic."""
    if request.get("speed") == "fast":
        percent, sources = percent * 2, sources + ("price-anthropic-geo",)
    if request.get("inference_geo") == "us":
        percent, sources = percent * 110 // 100, sources + ("price-anthropic-geo",)
    return percent, sources


def long_percents(model: dict[str, Any], prompt_tokens: int) -> tuple[int, int]:
    """Percents of input and output for a prompt of `prompt_tokens` tokens. `model["long_context"]`: above, input,
    output."""
    rule = model.get("long_context")
    if rule is None or prompt_tokens <= rule["above"]:
        return 100, 100
    return rule["input"], rule["output"]


def candidates(dialect: str, model: dict[str, Any], request: dict[str, Any]) -> tuple[list[str], bool]:
    """Names of models that may answer, and whether one of them has no known price."""
    if dialect != "openrouter":
        return [], False
    named = [one for one in request.get("models") or [] if isinstance(one, str)]
    asked = str(request.get("model", ""))
    catalogue = model.get("catalogue", {})
    unknown = [one for one in named if one not in catalogue and one != model["name"]]
    routed = asked in ("openrouter/auto", "openrouter/free") or bool(request.get("preset")) or asked.startswith("@preset/")
    return [one for one in named if one in catalogue], bool(unknown) or routed


def price_bounds(dialect: str, model: dict[str, Any], request: dict[str, Any]) -> tuple[Prices, bool, tuple[str, ...]]:
    """The dearest prices that may apply, whether a price is unknown, and the sources."""
    named, unknown = candidates(dialect, model, request)
    every = [prices_of(model["prices"])] + [prices_of(model["catalogue"][one]) for one in named]
    sources = ("price-substitute",) if named else ()
    if unknown:
        sources += ("price-substitute-unknown",)
    return dearest(every), unknown, sources


def search_fees(dialect: str, request: dict[str, Any]) -> tuple[int, int, tuple[str, ...]]:
    """Surcharges of web search, at most: (nano-USD, extra prompts that the search may fill, sources)."""
    if dialect in OPENAI_FAMILY and "web_search_options" in request:
        return 25_000_000 * max(1, whole(request.get("n"), 1)), 0, ("fee-search-openai",)
    if dialect == "anthropic":
        uses = sum(whole(tool.get("max_uses"), 10) for tool in request.get("tools") or []
                   if isinstance(tool, dict) and str(tool.get("type", "")).startswith("web_search"))
        return 10_000_000 * uses, uses, ("fee-search-anthropic",) if uses else ()
    if dialect == "openrouter":
        return openrouter_fees(request)
    if dialect == "xai" and isinstance(request.get("search_parameters"), dict):
        sources = whole(request["search_parameters"].get("max_search_results"), 20)
        return 25_000_000 * sources, 1, ("fee-search-xai",)
    if dialect == "qwen" and request.get("enable_search") is True:
        return 10_000_000, 1, ("fee-search-qwen",)
    return 0, 0, ()


def openrouter_fees(request: dict[str, Any]) -> tuple[int, int, tuple[str, ...]]:
    """The web plugin, by itself or by `:online`."""
    results = [whole(plugin.get("max_results"), 5) for plugin in request.get("plugins") or []
               if isinstance(plugin, dict) and plugin.get("id") == "web"]
    names = [str(request.get("model", "")), *map(str, request.get("models") or [])]
    if not results and any(name.endswith(":online") for name in names):
        results = [5]
    return 4_000_000 * sum(results), len(results), ("fee-search-openrouter",) if results else ()


def whole(value: Any, otherwise: int) -> int:
    """A count of a request; `otherwise` if it is absent or no count."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else otherwise


def dear_input(counters: Counters, prices: Prices, may_write: bool, may_write_1h: bool) -> Counters:
    """The counters with all text input moved to where it costs most."""
    options = {"input": prices.input, "cache_read": prices.cache_read}
    if may_write:
        options["cache_write"] = prices.cache_write
    if may_write_1h:
        options["cache_write_1h"] = prices.cache_write_1h
    place = max(options, key=lambda name: (options[name], name == "input"))
    return counters if place == "input" else replace(counters, input=0, **{place: counters.input})
