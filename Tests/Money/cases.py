"""Random exchanges: a dialect, a model, a caller's request in OpenAI's form, and how it ends.

`generate(random)` draws one. Shapes are those of real clients and hostile ones; the weights are such that 2,000 cases
meet every dialect, every ending, nearly every pair of them, and every shape. """

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import shapes
from cases_models import CHAT, COMPLETIONS, DIALECTS, EMBEDDINGS, IMAGES, Model
from rules_ending import ENDINGS, Ending

PATHS = {"chat": "/v1/chat/completions", "completions": "/v1/completions", "embeddings": "/v1/embeddings",
         "images": "/v1/images/generations"}
STATUSES = (400, 401, 403, 408, 429, 500, 502, 503, 529)


@dataclass(frozen=True)
class Case:
    """One exchange. `progress` from 0 to 1 is the share of the answer after which a closing ending closes."""

    dialect: str
    model: Model
    kind: str
    path: str
    shape: str
    body: dict[str, Any]
    ending: Ending
    progress: float
    seed: int  # for the answer and the bill


def generate(random: Random) -> Case:
    """One case."""
    dialect = random.choice(DIALECTS)
    kind = draw_kind(dialect, random)
    model = draw_model(dialect, kind, random)
    shape, body = draw_body(dialect, kind, model, random)
    return Case(dialect, model, kind, PATHS[kind], shape, body, draw_ending(dialect, random), random.random(),
                random.getrandbits(32))


def draw_kind(dialect: str, random: Random) -> str:
    """The kind of request: chat in nine of ten, where the dialect has others."""
    others = [kind for kind, table in (("completions", COMPLETIONS), ("embeddings", EMBEDDINGS)) if dialect in table]
    if dialect in ("openai", "azure"):
        others.append("images")
    return random.choice(others) if others and random.random() < 0.12 else "chat"


def draw_model(dialect: str, kind: str, random: Random) -> Model:
    """A model of the dialect for the kind."""
    if kind == "chat":
        return random.choice(CHAT[dialect])
    if kind == "images":
        return random.choice(IMAGES)
    return (COMPLETIONS if kind == "completions" else EMBEDDINGS)[dialect]


def draw_body(dialect: str, kind: str, model: Model, random: Random) -> tuple[str, dict[str, Any]]:
    """The name of a shape and its body."""
    if kind != "chat":
        name, build = random.choice(list(shapes.OTHERS[kind].items()))
        return name, {"model": model["name"], **build(random)}
    fitting = [(name, shape) for name, shape in shapes.CHAT.items() if shape.fits(dialect, model)]
    name, shape = random.choices(fitting, [one.weight for _, one in fitting])[0]
    body = {"model": model["name"], **shape.build(random)}
    if random.random() < 0.7:
        body["stream"] = True
        if random.random() < 0.6:
            body["stream_options"] = {"include_usage": random.random() < 0.9}
    return name, body


def draw_ending(dialect: str, random: Random) -> Ending:
    """An ending; errors have a status and some a code."""
    kind = random.choice(ENDINGS)
    if kind == "error_status":
        return draw_error(dialect, random)
    if kind == "error_first_event":
        return Ending(kind, status=200, code=random.choice(("overloaded", "server_error")))
    if kind == "deadline_before_head":
        return Ending(kind, seconds=random.choice((0.0, 1.0, 5.0, 30.0)))
    return Ending(kind)


def draw_error(dialect: str, random: Random) -> Ending:
    """An error status, among them those that some vendors bill."""
    if dialect in ("azure", "azure-deployments") and random.random() < 0.4:
        return Ending("error_status", status=400, code=random.choice(("content_filter", "context_length_exceeded")))
    if dialect == "xai" and random.random() < 0.3:
        return Ending("error_status", status=403, code="usage_guidelines")
    return Ending("error_status", status=random.choice(STATUSES))
