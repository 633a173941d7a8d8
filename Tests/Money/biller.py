"""What a vendor may bill for a request: the ground truth that the gateway's charge is compared with.

    bill(dialect, model, request, ending, random) -> Bill

`request` is the body as the vendor receives it, in the dialect's wire form. `model` is a dictionary:

    name            the model's name
    prices          nano-USD for a million tokens: input, output; optional cache_read, cache_write, cache_write_1h,
                    reasoning, audio_input, audio_output
    context         context window in tokens
    max_output      longest answer in tokens
    thinks          never, asked, default or always (`rules_output.thinks`); optional, never
    max_thinking    longest thinking in tokens, Qwen; optional, max_output
    image_rule      a key of `rules_images.IMAGE_RULES`; absent if the model takes no images
    tiers           percent of the price by service tier; optional
    long_context    above (tokens), input, output (percent); optional
    tokens_per_second   of one choice; optional, 200
    normalises      none, nfc, nfkc: what the tokenizer does first; optional, by dialect
    kind, per_image     `images` for image models, and nano-USD an image by `quality/size`; optional
    catalogue, upstream     OpenRouter: prices of other models by name, and the provider behind it; optional

Three bills are given. `ceiling` is the most before anything is known, which a hold must reach. `most` is the most for
this answer and ending. `actual` is what is billed. Always actual <= most <= ceiling, unless `unbounded`.

`python Tests/Money/biller.py --rules` prints every rule with its source.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from answers import Answer, plan_answer
from rules_ending import ERRORS, STOPS, WHOLE, Ending, after_close, error_bill, lag_tokens, produced_tokens
from rules_price import Counters
from rules_request import Bound, bound_of
from rules_sources import SOURCES, table

__all__ = ["Answer", "Bill", "Ending", "SOURCES", "bill", "plan_answer"]


@dataclass(frozen=True)
class Bill:
    """What a vendor may bill for one exchange. Costs are nano-USD, rounded up once."""

    ceiling: Counters
    ceiling_cost: int
    most: Counters
    most_cost: int
    actual: Counters
    actual_cost: int
    reported: dict[str, Any] | None  # the usage that the gateway was given, if any
    after_close: str  # stops or runs_on, for this request
    unbounded: bool  # a price that may apply is unknown
    answer: Answer
    rules: tuple[str, ...]  # keys of SOURCES that decided

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Rules that no sentence of the vendor states."""
        return tuple(key for key in self.rules if SOURCES[key].assumption)


def bill(dialect: str, model: dict[str, Any], request: dict[str, Any], ending: Ending, random: Random,
         answer: Answer | None = None, cautious: bool = False) -> Bill:
    """The bill of one exchange.

    `answer` is what the vendor gave or was giving; without it one is drawn. With `cautious` a vendor whose stopping is
    contested runs on.
    """
    bound = bound_of(dialect, model, request)
    answer = answer or plan_answer(dialect, model, request, random)
    closing, close_source = after_close(dialect, model, request, cautious)
    whole = Part(answer.counters, answer.counters)
    if ending.kind in WHOLE or (not ending.closed and ending.kind not in ERRORS):
        part, rules = whole, ("whole", "output-special") if ending.kind == "whole_without_usage" else ("whole",)
    elif ending.kind in ERRORS:
        part, rules = failed(dialect, ending, answer)
    elif closing == STOPS and answer.kind in ("chat", "completions"):
        part, rules = stopped(model, ending, bound, answer, random)
        rules = (close_source, *rules)
    else:
        part, rules = Part(answer.counters, ran_on(bound, answer)), (close_source,)
    part, rules = lucky(dialect, ending, part, rules, random)
    reported = answer.usage if ending.kind == "whole_with_usage" or (whole is part and not ending.closed) else None
    return Bill(bound.counters, bound.cost, part.most, answer.price(part.most), part.actual, answer.price(part.actual),
                reported, closing, bound.unbounded, answer, tuple(dict.fromkeys((*rules, *bound.sources))))


@dataclass(frozen=True)
class Part:
    """What is billed of an answer, and the most that may be."""

    actual: Counters
    most: Counters


def failed(dialect: str, ending: Ending, answer: Answer) -> tuple[Part, tuple[str, ...]]:
    """An error status, or an error as the first event."""
    share, source = error_bill(dialect, ending)
    if share == "nothing":
        return Part(Counters(), Counters()), (source,)
    counters = replace(answer.counters, fees=0)
    if share == "input":
        counters = replace(counters, output=0, audio_output=0, reasoning=0)
    return Part(counters, counters), (source,)


def stopped(model: dict[str, Any], ending: Ending, bound: Bound, answer: Answer,
            random: Random) -> tuple[Part, tuple[str, ...]]:
    """A close at a vendor that stops: the input, what was made, and what was made before it noticed."""
    choices = max(1, bound.output.choices)
    made = produced_tokens(ending, model, choices)
    lag = lag_tokens(model, choices)
    actual = cut(answer.counters, made + random.randint(0, lag))
    most = cut(answer.counters, made + lag)
    return Part(actual, most), ("close-lag", "output-rate") if ending.produced is None else ("close-lag",)


def cut(counters: Counters, tokens: int) -> Counters:
    """The first output tokens of an answer: thinking comes first."""
    reasoning = min(counters.reasoning, tokens)
    output = min(counters.output, tokens - reasoning)
    audio = min(counters.audio_output, tokens - reasoning - output)
    return replace(counters, reasoning=reasoning, output=output, audio_output=audio)


def ran_on(bound: Bound, answer: Answer) -> Counters:
    """The longest that an answer may have become that nobody read to its end: the input is known, the output is not."""
    left = bound.counters.completion - answer.counters.completion
    return replace(answer.counters, output=answer.counters.output + max(0, left))


def lucky(dialect: str, ending: Ending, part: Part, rules: tuple[str, ...],
          random: Random) -> tuple[Part, tuple[str, ...]]:
    """Endings in which a vendor may bill nothing, although it might bill."""
    if ending.kind == "lost_before_head":
        return (Part(Counters(), part.most) if random.random() < 0.5 else part), ("lost-before-head", *rules)
    if ending.kind == "vendor_cut_mid_stream":
        free = {"anthropic": "error-anthropic", "openrouter": "error-openrouter"}.get(dialect)
        nothing = free is not None or random.random() < 0.3
        return (Part(Counters(), part.most) if nothing else part), ("vendor-cut", *((free,) if free else ()), *rules)
    return part, rules


if __name__ == "__main__":
    if sys.argv[1:] != ["--rules"]:
        sys.exit("usage: python Tests/Money/biller.py --rules")
    print(table())
