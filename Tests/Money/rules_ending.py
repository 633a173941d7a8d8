"""How an exchange may end, and what a vendor does when the connection closes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WHOLE = ("whole_with_usage", "whole_without_usage")
ERRORS = ("error_status", "error_first_event")
# Endings in which the gateway, or what is in front of it, may close the connection to the vendor.
CLOSINGS = ("deadline_before_head", "caller_left_before_first_event", "caller_left_mid_stream", "caller_left_before_usage",
            "cut_for_money", "cut_by_revocation", "cut_by_shutdown", "over_size_bound", "worker_killed")
ENDINGS = (*WHOLE, *ERRORS, "lost_before_head", *CLOSINGS, "vendor_cut_mid_stream")


@dataclass(frozen=True)
class Ending:
    """How an exchange ended, as the vendor saw it.

    `produced` are the output tokens, hidden and visible, of all choices that had been made when the connection closed;
    None means unknown, and then `seconds` since the request arrived and the model's rate say it. `closed` is False if
    the gateway read on to the end instead of closing. `status` and `code` are those of an error. """

    kind: str
    produced: int | None = None
    seconds: float = 0.0
    closed: bool = True
    status: int = 0
    code: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ENDINGS:
            raise ValueError(f"unknown ending {self.kind!r}")


@dataclass(frozen=True)
class AfterClose:
    """What a vendor does after a close: `stops` or `runs_on`, for a stream and for a plain request.

    `contested` is True where the vendor's own page, or a report, speaks against `stops`.
    """

    stream: str
    plain: str
    source: str
    contested: bool = False


STOPS, RUNS_ON = "stops", "runs_on"
LISTED = AfterClose(STOPS, RUNS_ON, "close-openrouter-list")
UNLISTED = AfterClose(RUNS_ON, RUNS_ON, "close-openrouter-list")
AFTER_CLOSE = {
    "openai": LISTED, "azure": LISTED, "azure-deployments": LISTED, "deepseek": LISTED, "xai": LISTED, "together": LISTED,
    "anthropic": AfterClose(STOPS, RUNS_ON, "close-anthropic", contested=True),
    "mistral": UNLISTED, "groq": UNLISTED, "qwen": UNLISTED, "gemini-compat": UNLISTED,
    "openrouter": AfterClose(RUNS_ON, RUNS_ON, "close-openrouter"),
    "ollama": AfterClose(STOPS, STOPS, "close-ollama"),
    "vllm": AfterClose(STOPS, STOPS, "close-vllm"),
    "llamacpp": AfterClose(STOPS, STOPS, "close-llamacpp", contested=True),
}
# Providers behind OpenRouter that its page lists as supported.
OPENROUTER_STOPS = {"OpenAI", "Azure", "Anthropic", "Fireworks", "Novita", "DeepInfra", "Together", "Cohere", "xAI", "DeepSeek"}


def after_close(dialect: str, model: dict[str, Any], request: dict[str, Any], cautious: bool = False) -> tuple[str, str]:
    """`stops` or `runs_on`, and the source. With `cautious` a contested value is `runs_on`.

    `model["upstream"]` names the provider behind OpenRouter, if the request is bound to one.
    """
    rule = AFTER_CLOSE[dialect]
    if dialect == "openrouter" and model.get("upstream") in OPENROUTER_STOPS:
        rule = AfterClose(STOPS, RUNS_ON, "close-openrouter")
    streamed = request.get("stream") is True
    value = rule.stream if streamed else rule.plain
    if value == STOPS and rule.contested and cautious:
        return RUNS_ON, rule.source
    if not streamed and rule.stream != rule.plain:
        return value, "close-plain"
    return value, rule.source


def lag_tokens(model: dict[str, Any], choices: int) -> int:
    """Tokens that a vendor that stops makes before it notices, at most: half a second in each choice."""
    return -(-model.get("tokens_per_second", 200) * choices // 2)


def produced_tokens(ending: Ending, model: dict[str, Any], choices: int) -> int:
    """Output tokens made when the connection closed."""
    if ending.produced is not None:
        return ending.produced
    return int(ending.seconds * model.get("tokens_per_second", 200) * choices)


def error_bill(dialect: str, ending: Ending) -> tuple[str, str]:
    """What of a failed request may be billed, `nothing`, `input` or `all`, and the source."""
    if dialect in ("azure", "azure-deployments"):
        if ending.status == 408:
            return "all", "error-azure"
        if ending.code in ("content_filter", "context_length_exceeded") or ending.kind == "error_first_event":
            return "input", "error-azure"
        return "nothing", "error-azure"
    if dialect == "xai" and ending.code == "usage_guidelines":
        return "input", "error-xai"
    if dialect == "gemini-compat" and ending.status in (400, 500):
        return "nothing", "error-gemini"
    if dialect == "openai" and ending.status == 429:
        return "nothing", "error-openai-flex"
    named = {"anthropic": "error-anthropic", "openrouter": "error-openrouter"}
    return "nothing", named.get(dialect, "error-other")
