"""Fits a drawn answer to what a running vendor can do: who shows its thinking, and how much can be made in how long."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from answers import Answer, Choice
from cases import Case
from pieces import Piece, filling_pieces
from rules_ending import AFTER_CLOSE, STOPS
from rules_usage import anthropic_delta, anthropic_start, usage_of

#: Vendors that stream all of their models' thinking. The others show a part of it, or nothing.
SHOWS_ALL = {"mistral", "groq", "deepseek", "together", "qwen", "ollama", "vllm", "llamacpp"}
SHOWS_SOME = {"xai", "openrouter", "anthropic"}
SHOWN_PIECES = 40
#: How long a model thinks unseen in a run, in seconds, where its vendor's bill ends with the connection.
THINKING_SECONDS = (0.0, 0.05, 0.2, 0.5, 1.0, 2.0)
#: How long the text takes at most, in seconds.
TEXT_SECONDS = 2.0
#: Tokens a second of one choice that the catalogue declares as the most, less a margin for clocks.
DECLARED = 900


@dataclass(frozen=True)
class Event:
    """One event of a stream: a piece of the text, or of the thinking that is shown."""

    choice: int
    piece: Piece
    thought: bool


@dataclass(frozen=True)
class Staged:
    """A response and its timing: with `is_timed`, tokens are made at `rate` per second, over all choices together."""

    answer: Answer
    events: tuple[Event, ...]
    returned: int
    rate: float
    is_timed: bool


def stage(case: Case, request: dict, answer: Answer, random: Random) -> Staged:
    """The answer as the vendor plays it for the request that arrived."""
    is_timed = request.get("stream") is True and AFTER_CLOSE[case.dialect].stream == STOPS
    slow = case.model.get("tokens_per_second", 200)
    rate = slow if case.ending.kind == "cut_for_money" else random.choice((slow, DECLARED, DECLARED))
    if answer.kind in ("chat", "completions"):
        shows_all = case.dialect in SHOWS_ALL or answer.kind == "completions"
        seconds = random.choice(THINKING_SECONDS)
        choices = []
        for choice in answer.choices:
            reasoning = choice.reasoning
            if is_timed:
                reasoning = min(reasoning, int(seconds * rate))
                choice = shortened(choice, int(TEXT_SECONDS * rate))
            choices.append(thinking(choice, reasoning, case.dialect, shows_all, random))
        answer = recounted(answer, tuple(choices))
    returned = len(answer.choices)
    if answer.kind == "completions":
        prompts = request.get("prompt")
        returned = min(returned, int(request.get("n") or 1) * (len(prompts) if is_many(prompts) else 1))
    made = max(1, len(answer.choices))
    return Staged(answer, events_of(answer, returned), returned, rate * made, is_timed)


def is_many(prompts: object) -> bool:
    """Several prompts, and not the token ids of one."""
    return isinstance(prompts, list) and bool(prompts) and not isinstance(prompts[0], int)


def shortened(choice: Choice, most: int) -> Choice:
    """At most so many visible tokens; never an unfinished call."""
    if choice.visible <= most or choice.tool:
        return choice
    pieces, left = [], most
    for piece in choice.pieces:
        if piece.tokens > left:
            break
        pieces.append(piece)
        left -= piece.tokens
    return replace(choice, pieces=tuple(pieces))


def thinking(choice: Choice, reasoning: int, dialect: str, shows_all: bool, random: Random) -> Choice:
    """So much thinking, shown as the vendor shows it."""
    if shows_all:
        shown = filling_pieces(reasoning, SHOWN_PIECES, random) if reasoning else ()
    else:
        shown, left = [], reasoning if dialect in SHOWS_SOME else 0
        for piece in choice.reasoning_pieces:
            if piece.tokens > left:
                break
            shown.append(piece)
            left -= piece.tokens
    return replace(choice, reasoning=reasoning, reasoning_pieces=tuple(shown))


def recounted(answer: Answer, choices: tuple[Choice, ...]) -> Answer:
    """The answer with these choices, and with them new counters, cost and usage."""
    output = sum(choice.visible + choice.special for choice in choices) + answer.rejected
    audio = output if answer.counters.audio_output else 0
    counters = replace(answer.counters, output=output - audio, audio_output=audio,
                       reasoning=sum(choice.reasoning for choice in choices))
    cost = answer.price(counters)
    usage = None if answer.usage is None else usage_of(answer.dialect, answer.kind, counters, cost, answer.rejected)
    start = delta = None
    if answer.usage_start is not None:
        start, delta = anthropic_start(counters, answer.usage_start["output_tokens"] or 1), anthropic_delta(counters)
    return replace(answer, choices=choices, counters=counters, cost=cost, usage=usage, usage_start=start, usage_delta=delta)


def events_of(answer: Answer, returned: int) -> tuple[Event, ...]:
    """All events in their order: thinking before text, the choices in turns."""
    events: list[Event] = []
    for thought in (True, False):
        rows = [choice.reasoning_pieces if thought else choice.pieces for choice in answer.choices[:returned]]
        for number in range(max(map(len, rows), default=0)):
            events += [Event(index, row[number], thought) for index, row in enumerate(rows) if number < len(row)]
    return tuple(events)
