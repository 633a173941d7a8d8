"""Answers that a vendor may give to a request, with the tokens that it counts for them.

`plan_answer` draws one. Nothing in it exceeds the bound of the request, and sometimes it reaches it: the prompt may
have a token for each byte, the hidden reasoning may fill the whole limit. """

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any, Iterator

from rules_output import kind_of
from rules_price import Counters, Prices, TIERS, candidates, long_percents, prices_of
from rules_request import Bound, bound_of
from rules_usage import anthropic_delta, anthropic_start, usage_of
from pieces import Piece, argument_pieces, filling_pieces, text_pieces

SHOWS_REASONING = {"deepseek", "qwen", "groq", "together", "vllm", "llamacpp", "openrouter", "ollama", "anthropic", "xai"}
PIECES_MOST = 400


@dataclass(frozen=True)
class Choice:
    """One choice. `pieces` are its text, or the arguments of a call of `tool`, in the order of the stream.

    `reasoning` are tokens that were thought; `reasoning_pieces` is what of them is shown, often nothing. `special` are
    tokens without any text. """

    pieces: tuple[Piece, ...]
    finish: str  # stop, length, tool_calls
    tool: str | None
    reasoning: int
    reasoning_pieces: tuple[Piece, ...]
    special: int

    @property
    def visible(self) -> int:
        """Tokens of the pieces."""
        return sum(piece.tokens for piece in self.pieces)

    @property
    def tokens(self) -> int:
        """All output tokens of the choice."""
        return self.visible + self.reasoning + self.special


@dataclass(frozen=True)
class Answer:
    """One whole answer and its bill.

    `choices` has every choice that is billed: n for each prompt and then those of `best_of`, which are not returned.
    """

    dialect: str
    kind: str  # chat, completions, embeddings, images
    choices: tuple[Choice, ...]
    counters: Counters
    rejected: int  # tokens of a predicted output that were thrown away, inside counters.output
    model: str  # the one that answered
    tier: str | None  # the tier that served, as the answer reports it
    cost: int  # nano-USD
    usage: dict[str, Any] | None  # in the dialect's words; None if this vendor reports none
    usage_start: dict[str, Any] | None = None  # Anthropic: message_start
    usage_delta: dict[str, Any] | None = None  # Anthropic: message_delta
    prices: Prices | None = None
    percent: int = 100
    long: tuple[int, int] = (100, 100)

    @property
    def prompt_tokens(self) -> int:
        """All input tokens."""
        return self.counters.prompt

    @property
    def cached_tokens(self) -> int:
        """Input tokens read from a cache."""
        return self.counters.cache_read

    @property
    def reasoning_tokens(self) -> int:
        """Hidden output tokens."""
        return self.counters.reasoning

    def events(self, returned: int = 0) -> Iterator[tuple[int, Piece]]:
        """Choice and piece of every stream event, the choices in turns. `returned` choices are sent, 0 means all."""
        sent = self.choices[:returned] if returned else self.choices
        for number in range(max((len(choice.pieces) for choice in sent), default=0)):
            for index, choice in enumerate(sent):
                if number < len(choice.pieces):
                    yield index, choice.pieces[number]

    def produced(self, events: int, returned: int = 0) -> int:
        """Output tokens made when the first `events` events had been sent: all thinking, and the tokens of those
        events."""
        pieces = [piece for _, piece in self.events(returned)][:events]
        return self.counters.reasoning + sum(piece.tokens for piece in pieces)

    def price(self, counters: Counters) -> int:
        """Nano-USD of other counters at the prices of this answer."""
        assert self.prices is not None
        return self.prices.cost(counters, self.percent, self.long)


def plan_answer(dialect: str, model: dict[str, Any], request: dict[str, Any], random: Random) -> Answer:
    """One answer to a request in the dialect's wire form. The same request and random state give the same answer."""
    bound = bound_of(dialect, model, request)
    kind = kind_of(model, request)
    choices = draw_choices(request, bound, random)
    rejected = random.randint(0, bound.output.extra) if bound.output.extra else 0
    counters = draw_input(bound, random)
    if kind == "images":
        # The usage of images has no member for what a cache gave: nobody but the vendor could know of a discount.
        counters = replace(counters, input=counters.input + counters.cache_read, cache_read=0)
    drawn = draw_images(model, request, bound, random) if kind == "images" else (0, bound.counters.fees)
    output = sum(choice.tokens - choice.reasoning for choice in choices) + rejected + drawn[0]
    reasoning = sum(choice.reasoning for choice in choices)
    audio = output if bound.output.audio and random.random() < 0.5 else 0
    fees = drawn[1] if kind == "images" or random.random() < 0.7 else 0
    counters = replace(counters, output=output - audio, audio_output=audio, reasoning=reasoning, fees=fees)
    name, prices = draw_model(dialect, model, request, random)
    tier, percent = draw_tier(dialect, model, request, bound, random)
    long = long_percents(model, counters.prompt)
    cost = prices.cost(counters, percent, long)
    usage = None if kind == "images" and model.get("per_image") else usage_of(dialect, kind, counters, cost, rejected)
    start = anthropic_start(counters, random.randint(1, 3)) if dialect == "anthropic" else None
    delta = anthropic_delta(counters) if dialect == "anthropic" else None
    return Answer(dialect, kind, choices, counters, rejected, name, tier, cost, usage, start, delta, prices, percent, long)


def draw_input(bound: Bound, random: Random) -> Counters:
    """Input counters within the bound."""
    most = bound.counters.prompt
    # English has about 4 bytes a token, which is a third of what `likely` counts for it.
    share = random.choice((0.33, 0.4, 0.6, 0.9, 1.0)) * random.choice((0.9, 1.0))
    media = bound.media if random.random() < 0.6 else int(bound.media * random.uniform(0.2, 1.0))
    prompt = int(bound.text.likely * share) + media
    if bound.fills:
        prompt += int((most - min(prompt, most)) * random.choice((0.01, 0.1, 0.5, 1.0)))
    prompt = max(min(prompt, most), min(1, most))
    audio = min(bound.audio, prompt, media)
    text = prompt - audio
    read = int(text * random.choice((0.0, 0.0, 0.0, 0.5, 0.9)))
    written = int((text - read) * random.choice((0.0, 0.5, 1.0))) if bound.writes else 0
    hour = written if bound.writes_1h and random.random() < 0.7 else 0
    return Counters(input=text - read - written, audio_input=audio, cache_read=read, cache_write=written - hour,
                    cache_write_1h=hour)


def draw_choices(request: dict[str, Any], bound: Bound, random: Random) -> tuple[Choice, ...]:
    """All choices that are generated, also those of `best_of` that are not returned."""
    count = bound.output.choices if bound.output.choice else 0
    each = max(1, PIECES_MOST // max(1, count))
    return tuple(draw_choice(request, bound, each, random) for _ in range(count))


def draw_choice(request: dict[str, Any], bound: Bound, pieces_most: int, random: Random) -> Choice:
    """One choice within its limit."""
    limit, thinking = bound.output.choice, bound.output.thinking
    fills = random.random() < 0.15
    reasoning = draw_reasoning(limit, thinking, fills, random)
    left = limit - reasoning
    special = min(random.randint(0, 8), left)
    left -= special
    tool = draw_tool(request, random)
    if tool is not None and left >= 8:
        pieces = argument_pieces(min(left, 200), pieces_most, random)
        special += min(random.randint(0, 12), left - sum(piece.tokens for piece in pieces))
        return Choice(pieces, "tool_calls", tool, reasoning, shown(reasoning, random), special)
    if fills and left <= 4000:
        pieces = filling_pieces(left, pieces_most, random)
    else:
        pieces = text_pieces(left, random.randint(0, min(40, pieces_most)), random)
    used = reasoning + special + sum(piece.tokens for piece in pieces)
    return Choice(pieces, "length" if used >= limit else "stop", None, reasoning, shown(reasoning, random), special)


def draw_reasoning(limit: int, thinking: int, fills: bool, random: Random) -> int:
    """Hidden tokens of one choice."""
    most = min(limit, thinking)
    if not most:
        return 0
    if fills:
        return most if random.random() < 0.5 else most - min(most, random.randint(0, 64))
    return min(most, random.choice((0, 64, 300, 1500, 8000)))


def shown(reasoning: int, random: Random) -> tuple[Piece, ...]:
    """What of the reasoning a vendor may show: nothing, or a summary of fewer tokens."""
    if not reasoning or random.random() < 0.5:
        return ()
    return text_pieces(reasoning, random.randint(1, 12), random)


def draw_tool(request: dict[str, Any], random: Random) -> str | None:
    """The name of a function to call, or None."""
    names = [tool.get("name") or (tool.get("function") or {}).get("name") for tool in request.get("tools") or []
             if isinstance(tool, dict) and ("function" in tool or "input_schema" in tool)]
    return random.choice(names) if names and random.random() < 0.4 else None


def draw_images(model: dict[str, Any], request: dict[str, Any], bound: Bound, random: Random) -> tuple[int, int]:
    """Tokens and fees of generated images: those of the bound, or less where the request leaves the quality open."""
    tokens, fees = bound.counters.output, bound.counters.fees
    if request.get("quality") in (None, "auto") and random.random() < 0.5:
        return tokens // 4, fees if not model.get("per_image") else fees // 2
    return tokens, fees


def draw_model(dialect: str, model: dict[str, Any], request: dict[str, Any], random: Random) -> tuple[str, Prices]:
    """The model that answers."""
    named, _ = candidates(dialect, model, request)
    if named and random.random() < 0.5:
        name = random.choice(named)
        return name, prices_of(model["catalogue"][name])
    return model["name"], prices_of(model["prices"])


def draw_tier(dialect: str, model: dict[str, Any], request: dict[str, Any], bound: Bound,
              random: Random) -> tuple[str | None, int]:
    """The tier that serves, and its percent of the price."""
    tiers = model.get("tiers", TIERS.get(dialect, {}))
    asked = request.get("service_tier")
    if dialect == "anthropic":
        return "standard", bound.percent
    if asked in tiers and random.random() < 0.8:
        reported = "priority" if asked == "fast" else asked
        return reported, tiers[asked]
    if asked in (None, "auto") and bound.percent > 100 and random.random() < 0.1:
        return "priority", tiers["priority"]
    return ("default" if dialect in ("openai", "xai") else None), 100
