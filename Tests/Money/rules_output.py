"""How many output tokens a vendor may make for a request: the limit of one choice, and how many choices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rules_price import whole
from rules_text import is_token_list, most_tokens, normalisation, content_texts

ONE_CHOICE = {"anthropic", "groq", "deepseek", "ollama"}
DEFAULT_16 = {"openai", "azure", "azure-deployments", "vllm"}
REASONING_SOURCES = {"anthropic": "output-reasoning-anthropic", "gemini-compat": "output-reasoning-gemini",
                     "xai": "output-reasoning-xai", "deepseek": "output-reasoning-deepseek"}


@dataclass(frozen=True)
class OutputBound:
    """Output of a request, at most.

    `choice` tokens for each of `choices`, of which `thinking` may be hidden (0 if the model does not think). `extra`
    tokens come on top of the limit once (a rejected prediction). """

    choice: int
    choices: int
    thinking: int
    extra: int
    audio: bool
    sources: tuple[str, ...]

    @property
    def total(self) -> int:
        """Tokens of all choices."""
        return self.choice * self.choices + self.extra


def kind_of(model: dict[str, Any], request: dict[str, Any]) -> str:
    """`chat`, `completions`, `embeddings` or `images`."""
    if "messages" in request:
        return "chat"
    if "input" in request:
        return "embeddings"
    return "images" if model.get("kind") == "images" else "completions"


def thinks(dialect: str, model: dict[str, Any], request: dict[str, Any]) -> bool:
    """True if the model may think for this request. `model["thinks"]`: `never`, `asked`, `default` or `always`.

    `default` means on unless the request switches it off, `asked` off unless the request switches it on.
    """
    mode = model.get("thinks", "never")
    if mode in ("never", "always"):
        return mode == "always"
    thinking = request.get("thinking") if isinstance(request.get("thinking"), dict) else {}
    reasoning = request.get("reasoning") if isinstance(request.get("reasoning"), dict) else {}
    off = (request.get("reasoning_effort") == "none" or thinking.get("type") == "disabled"
           or request.get("enable_thinking") is False or reasoning.get("enabled") is False)
    if mode == "default":
        return not off
    asked = (request.get("reasoning_effort") not in (None, "none") or thinking.get("type") in ("enabled", "adaptive")
             or request.get("enable_thinking") is True or bool(reasoning))
    return asked and not off


def output_bound(dialect: str, model: dict[str, Any], request: dict[str, Any]) -> OutputBound:
    """The most output of a chat or completion request."""
    if kind_of(model, request) in ("embeddings", "images"):
        return OutputBound(0, 0, 0, 0, False, ())
    choices, sources = choice_count(dialect, request)
    limit, cap_sources = asked_limit(dialect, model, request)
    longest = min(model["max_output"], model["context"])
    choice = min(limit, longest)
    hidden = thinks(dialect, model, request)
    thinking = choice if hidden else 0
    if hidden and dialect == "qwen":
        choice, thinking, cap_sources = qwen_limit(model, request, choice)
    if hidden:
        sources += (REASONING_SOURCES.get(dialect, "output-reasoning"),)
    extra = prediction_tokens(dialect, model, request)
    if extra:
        sources += ("output-prediction",)
    audio = "audio" in (request.get("modalities") or [])
    return OutputBound(choice, choices, thinking, extra, audio, sources + cap_sources)


def asked_limit(dialect: str, model: dict[str, Any], request: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
    """The limit of one choice in tokens, as the vendor reads it."""
    old, new = whole(request.get("max_tokens"), 0), whole(request.get("max_completion_tokens"), 0)
    if dialect == "anthropic":
        return (old or model["max_output"]), ("output-cap-anthropic",)
    if dialect == "ollama":
        return (old or model["max_output"]), ("output-cap-ollama",)
    if new or old:
        # Which of the two a vendor reads where both are there differs; the larger one bounds both ways.
        return max(new, old), ("output-cap",)
    if kind_of(model, request) == "completions" and dialect in DEFAULT_16:
        return 16, ("output-default",)
    return model["max_output"], ("output-default",)


def qwen_limit(model: dict[str, Any], request: dict[str, Any], choice: int) -> tuple[int, int, tuple[str, ...]]:
    """Qwen's limits of a thinking model: (tokens of a choice, of them thinking, sources)."""
    new = whole(request.get("max_completion_tokens"), 0)
    longest = model.get("max_thinking", model["max_output"])
    thinking = min(whole(request.get("thinking_budget"), longest), longest)
    if new:
        most = min(new + 10, model["max_output"] + thinking)
        return most, min(thinking, most), ("output-cap", "output-cap-qwen-slack")
    return choice + thinking, thinking, ("output-cap-qwen",)


def choice_count(dialect: str, request: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
    """Answers that are generated and billed."""
    if dialect in ONE_CHOICE:
        return prompt_count(request), ("output-n-ignored",)
    n, best = whole(request.get("n"), 1), whole(request.get("best_of"), 1)
    sources: tuple[str, ...] = ("output-n",) if n > 1 else ()
    if best > n:
        sources += ("output-best-of",)
    return max(n, best) * prompt_count(request), sources


def prompt_count(request: dict[str, Any]) -> int:
    """Prompts of a legacy completion; 1 for anything else."""
    prompt = request.get("prompt")
    if isinstance(prompt, list) and not is_token_list(prompt):
        return max(1, len(prompt))
    return 1


def prediction_tokens(dialect: str, model: dict[str, Any], request: dict[str, Any]) -> int:
    """Tokens of a predicted output, which are billed if they are rejected."""
    prediction = request.get("prediction")
    if not isinstance(prediction, dict):
        return 0
    form = normalisation(dialect, model)
    return sum(most_tokens(text, form) for text in content_texts(prediction.get("content")))
