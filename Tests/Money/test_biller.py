"""The biller against numbers that vendors print, and its promises over 2,000 random cases.

A test that quotes a vendor names the page. Numbers were worked out by hand from the page, not by the code under test.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

import cases
from answers import Answer
from biller import Bill, Ending, bill, plan_answer
from cases_media import pdf, png, wav
from cases_models import CHAT, DIALECTS, LONG, model, prices
from pieces import LONG as LONG_PIECES, one_piece
from rules_ending import AFTER_CLOSE, ENDINGS, after_close
from rules_images import IMAGE_RULES, image_most, resize_anthropic
from rules_media import data_uri, generated_most, image_size, media_most, media_of, pdf_pages
from rules_output import output_bound
from rules_price import Counters, long_percents, prices_of, search_fees, tier_percent
from rules_request import bound_of
from rules_sources import ASSUMPTION, SOURCES
from rules_text import likely_tokens, most_tokens
from rules_usage import anthropic_delta, anthropic_start, usage_of

SIMPLE = model("m", prices("2", "10", "0.2"), 100_000, 8_000)
WHOLE = Ending("whole_with_usage")


def ask(**others: Any) -> dict[str, Any]:
    """A short request."""
    return {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True, **others}


def count(rule: str, width: int, height: int, detail: str = "high") -> int:
    """Tokens of one image by a rule."""
    return IMAGE_RULES[rule].count(width, height, detail, 0)


# Images


@pytest.mark.parametrize(("rule", "width", "height", "detail", "tokens"), [
    # developers.openai.com/api/docs/guides/images-vision, "Calculating costs": examples for gpt-4o
    ("openai-tile", 1024, 1024, "high", 765),
    ("openai-tile", 2048, 4096, "high", 1105),
    ("openai-tile", 4096, 8192, "low", 85),
    # the same page, table of base and tile tokens: 4 tiles of a 1024 x 1024 image
    ("openai-tile-mini", 1024, 1024, "high", 2833 + 4 * 5667),
    ("openai-tile-gpt-5", 1024, 1024, "high", 70 + 4 * 140),
    ("openai-tile-o", 1024, 1024, "high", 75 + 4 * 150),
    # the same page, patches: 1,024 of 1024 x 1024 and 1,452 of 1800 x 2400, times 1.62, 2.46, 1.72
    ("openai-patch-mini", 1024, 1024, "high", 1659),
    ("openai-patch-mini", 1800, 2400, "high", 2353),
    ("openai-patch-nano", 1024, 1024, "high", 2520),
    ("openai-patch-o4-mini", 1800, 2400, "high", 2498),
    # the same page, examples for the models that have no patch budget (1.2)
    ("openai-patch-5.6", 1024, 1024, "auto", 1229),
    ("openai-patch-5.6", 4096, 512, "auto", 2458),
    # gpt-5.5: 10,000 patches at most
    ("openai-patch-5.5", 8000, 8000, "auto", 12000),
    # ai.google.dev/gemini-api/docs/tokens and image-understanding: 960 x 540 has a crop unit of 360, so 3 x 2 tiles
    ("gemini", 384, 384, "auto", 258),
    ("gemini", 960, 540, "auto", 6 * 258),
    # ai.google.dev/gemini-api/docs/media-resolution
    ("gemini-3", 4000, 3000, "auto", 1120),
    ("gemini-3", 4000, 3000, "low", 280),
    # docs.together.ai/docs/vision-overview
    ("together", 559, 559, "auto", 1601),
    ("together", 800, 500, "auto", 3202),
    ("together", 800, 800, "auto", 6404),
    # docs.anthropic.com/en/docs/build-with-claude/vision (2025): ~54, ~1334, ~1590
    ("anthropic-750", 200, 200, "auto", 54),
    ("anthropic-750", 1000, 1000, "auto", 1334),
    ("anthropic-750", 1092, 1092, "auto", 1590),
    # help.aliyun.com/zh/model-studio/vision: h_bar * w_bar / 32^2 + 2
    ("qwen", 1024, 1024, "auto", 32 * 32 + 2),
])
def test_images_cost_what_the_vendor_prints(rule: str, width: int, height: int, detail: str, tokens: int) -> None:
    assert count(rule, width, height, detail) == tokens


@pytest.mark.parametrize(("width", "height", "standard", "high"), [
    # platform.claude.com/docs/en/build-with-claude/vision, table of visual tokens
    (200, 200, 64, 64), (1000, 1000, 1296, 1296), (1092, 1092, 1521, 1521), (1920, 1080, 1560, 2691),
    (2000, 1500, 1564, 3888), (3840, 2160, 1560, 4784)])
def test_claude_images_cost_what_its_table_prints(width: int, height: int, standard: int, high: int) -> None:
    assert count("anthropic", width, height) == standard + 4
    assert count("anthropic-high", width, height) == high + 4


def test_claude_resizes_an_a4_scan_as_its_page_says() -> None:
    # platform.claude.com/docs/en/build-with-claude/vision-coordinates: resized_size(1075, 1520) is (924, 1307)
    assert resize_anthropic(1075, 1520, 1568, 1568) == (924, 1307)


def test_qwen_high_resolution_reaches_16384_tokens() -> None:
    # help.aliyun.com/zh/model-studio/vision: Token 上限固定为 16384
    assert IMAGE_RULES["qwen"].count(8000, 8000, "auto", 16384) == 16386
    assert IMAGE_RULES["qwen"].count(8000, 8000, "auto", 0) <= 2562


def test_xai_images_stay_within_the_range_of_its_page() -> None:
    # docs.x.ai: 256 to 1792 tokens
    assert 256 <= count("xai", 1, 1) and count("xai", 8000, 8000) == 1792


@pytest.mark.parametrize("rule", sorted(IMAGE_RULES))
def test_no_size_costs_more_than_the_largest_of_its_rule(rule: str) -> None:
    random = Random(7)
    for _ in range(800):
        size = random.choice(((random.randint(1, 9000), random.randint(1, 9000)), (random.randint(1, 400), 9000), (3072, 385)))
        for detail in ("auto", "low", "high", "original"):
            if rule != "openai-patch-5.6" or detail in ("low", "high"):
                assert image_most(rule, size, detail, 0)[0] <= image_most(rule, None, detail, 0)[0], (rule, size, detail)


def test_low_detail_does_not_lower_the_bound_of_patch_models() -> None:
    assert image_most("openai-patch-mini", (1024, 1024), "low", 0)[0] == 1659


def test_images_of_gpt_4o_mini_may_cost_more_than_its_context_window() -> None:
    mini = next(one for one in CHAT["openai"] if one["name"] == "gpt-4o-mini")
    part = {"type": "image_url", "image_url": {"url": png(2048, 4096), "detail": "high"}}
    bound = bound_of("openai", mini, {"messages": [{"role": "user", "content": [part] * 10}], "service_tier": "default"})
    assert bound.counters.prompt > 10 * (2833 + 6 * 5667) > mini["context"]


@pytest.mark.parametrize("size", [(1, 1), (33, 65), (8000, 8000)])
def test_the_size_of_a_png_is_read_from_its_bytes(size: tuple[int, int]) -> None:
    assert image_size(data_uri(png(*size))) == size


# Text, documents, sound


def test_a_token_a_byte_is_the_bound_of_text() -> None:
    assert most_tokens("Grüße 🧬", "none") == len("Grüße 🧬".encode())


@pytest.mark.parametrize(("text", "form", "times"), [("\U0001D160", "nfc", 3), ("ﷺ", "nfkc", 11)])
def test_normalisation_lengthens_text(text: str, form: str, times: int) -> None:
    # unicode.org/reports/tr15: 3 times at most for NFC; U+FDFA is 3 bytes and becomes 33
    assert most_tokens(text * 10, form) == times * len((text * 10).encode())


def test_likely_tokens_stay_within_the_bound() -> None:
    for text in ("", "a", "ab", "0123", "ﷺ", "\ud800", "👩‍👩‍👧‍👦", "{\"a\": [1, 2]}"):
        assert likely_tokens(text) <= most_tokens(text, "none")


def test_pages_and_seconds_are_counted() -> None:
    assert pdf_pages(data_uri(pdf(50))) == 50
    part = {"type": "input_audio", "input_audio": {"data": wav(60), "format": "wav"}}
    medium = next(media_of({"messages": [{"role": "user", "content": [part]}]}))
    # realtime-costs: 1 token per 100 ms; ai.google.dev/gemini-api/docs/audio: one minute is 1,920 tokens
    assert media_most("openai", SIMPLE, {}, medium).tokens - 4 == 600
    assert media_most("gemini-compat", SIMPLE, {}, medium).tokens - 4 == 1920


def test_a_pdf_costs_its_pages_at_gemini_and_the_window_elsewhere() -> None:
    part = {"type": "file", "file": {"file_data": pdf(3)}}
    request = {"messages": [{"role": "user", "content": [part]}], "service_tier": "default"}
    flash, sonnet = CHAT["gemini-compat"][0], CHAT["anthropic"][0]
    # ai.google.dev/gemini-api/docs/document-processing: each page is 258 tokens
    assert 3 * 258 <= bound_of("gemini-compat", flash, request).counters.prompt <= 3 * 258 + 64
    assert bound_of("anthropic", sonnet, request).counters.prompt == sonnet["context"]


# Output


def test_every_choice_and_every_prompt_is_billed() -> None:
    assert output_bound("openai", SIMPLE, ask(n=128, max_tokens=10)).total == 1280
    assert output_bound("groq", SIMPLE, ask(n=128, max_tokens=10)).total == 10
    assert output_bound("openai", SIMPLE, {"prompt": ["a", "b"], "n": 2, "best_of": 5, "max_tokens": 7}).total == 70


def test_a_legacy_completion_without_a_limit_makes_16_tokens_at_openai() -> None:
    # platform.openai.com/docs/api-reference/completions: max_tokens defaults to 16
    assert output_bound("openai", SIMPLE, {"prompt": "a"}).total == 16
    assert output_bound("llamacpp", SIMPLE, {"prompt": "a"}).total == 8_000


def test_max_tokens_does_not_bound_the_thinking_of_qwen() -> None:
    # help.aliyun.com: max_tokens不限制思考模型思维链的长度
    thinker = {**SIMPLE, "thinks": "default", "max_thinking": 5_000}
    assert output_bound("qwen", thinker, ask(max_tokens=50)).total == 5_050
    assert output_bound("qwen", thinker, ask(max_tokens=50, thinking_budget=100)).total == 150
    assert output_bound("qwen", thinker, ask(max_tokens=50, enable_thinking=False)).total == 50
    assert output_bound("qwen", thinker, ask(max_completion_tokens=50)).total == 60


def test_ollama_does_not_read_max_completion_tokens() -> None:
    assert output_bound("ollama", SIMPLE, ask(max_completion_tokens=5)).total == 8_000


def test_a_rejected_prediction_comes_on_top() -> None:
    request = ask(max_completion_tokens=100, prediction={"type": "content", "content": "x" * 400})
    assert output_bound("openai", SIMPLE, request).total == 500


def test_a_limit_above_the_model_is_that_of_the_model() -> None:
    assert output_bound("openai", SIMPLE, ask(max_tokens=10**9)).total == 8_000


# Prices


def test_a_cost_is_rounded_up_once() -> None:
    tiny = prices_of({"input": 1, "output": 1})
    assert tiny.cost(Counters(input=1)) == 1
    assert tiny.cost(Counters(input=500_000, output=500_000)) == 1
    assert prices_of(prices("0.15", "0.6")).cost(Counters(input=1, output=1)) == 750


def test_the_claude_cache_costs_what_its_page_prints() -> None:
    # platform.claude.com/docs/en/about-claude/pricing, Sonnet 4.5: $3 input, $3.75 and $6 writes, $0.30 read, $15
    # output
    sonnet = prices_of(CHAT["anthropic"][0]["prices"])
    counters = Counters(input=1_000_000, cache_read=1_000_000, cache_write=1_000_000, cache_write_1h=1_000_000, output=1_000_000)
    assert sonnet.cost(counters) == 28_050_000_000


def test_a_prompt_above_272k_costs_twice_as_a_whole() -> None:
    # developers.openai.com/api/docs/models/gpt-6-astra: $10 and $50; 2x input and 1.5x output above 272K
    astra = prices_of(prices("10", "50"))
    assert long_percents({"long_context": LONG}, 272_000) == (100, 100)
    long = long_percents({"long_context": LONG}, 272_001)
    assert astra.cost(Counters(input=1_000_000, output=1_000_000), long=long) == 95_000_000_000


@pytest.mark.parametrize(("dialect", "asked", "percent"), [
    # developers.openai.com/api/docs/models: "Fast mode is priced at 2x"; absent and auto are the project's setting
    ("openai", "priority", 200), ("openai", "fast", 200), ("openai", None, 200), ("openai", "auto", 200),
    ("openai", "default", 100), ("openai", "flex", 100), ("xai", "priority", 200), ("groq", "flex", 100), ("mistral", None, 100)])
def test_the_tier_changes_the_price(dialect: str, asked: str | None, percent: int) -> None:
    request = {} if asked is None else {"service_tier": asked}
    assert tier_percent(dialect, SIMPLE, request)[0] == percent


@pytest.mark.parametrize(("dialect", "request_", "fee"), [
    # openrouter.ai/docs/features/web-search: $4 per 1000 results, 5 by default: $0.02 a request
    ("openrouter", {"model": "m:online"}, 20_000_000),
    ("openrouter", {"plugins": [{"id": "web", "max_results": 10}]}, 40_000_000),
    # platform.claude.com: $10 per 1,000 searches
    ("anthropic", {"tools": [{"type": "web_search_20250305", "max_uses": 3}]}, 30_000_000),
    # docs.x.ai/docs/models: $25 per 1,000 sources
    ("xai", {"search_parameters": {"mode": "on", "max_search_results": 4}}, 100_000_000),
    # developers.openai.com/api/docs/pricing: $25.00 / 1k calls
    ("openai", {"web_search_options": {}}, 25_000_000), ("openai", {}, 0)])
def test_searches_have_a_surcharge(dialect: str, request_: dict[str, Any], fee: int) -> None:
    assert search_fees(dialect, request_)[0] == fee


def test_a_substitute_is_billed_at_its_own_price() -> None:
    gpt = CHAT["openrouter"][0]
    dear = bound_of("openrouter", gpt, ask(models=["anthropic/claude-opus-4.1"]))
    assert (dear.prices.input, dear.prices.output, dear.unbounded) == (15_000_000_000, 75_000_000_000, False)
    assert bound_of("openrouter", gpt, ask(models=["vendor/unknown"])).unbounded


def test_a_marked_prompt_may_be_a_cache_write() -> None:
    sonnet = CHAT["anthropic"][0]
    system = [{"type": "text", "text": "x" * 1000, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    assert bound_of("anthropic", sonnet, ask(system=system, max_tokens=1)).counters.cache_write_1h > 1000
    assert bound_of("anthropic", sonnet, ask(max_tokens=1)).counters.cache_write_1h == 0


@pytest.mark.parametrize(("quality", "size", "cents"), [
    # developers.openai.com/api/docs/pricing, GPT Image 1: $0.011, $0.042, $0.167, $0.25 an image, at $40 for 1M tokens
    ("low", "1024x1024", 1.1), ("medium", "1024x1024", 4.2), ("high", "1024x1024", 16.7), ("high", "1024x1536", 25.0)])
def test_generated_images_cost_what_the_price_page_prints(quality: str, size: str, cents: float) -> None:
    tokens, fee, _ = generated_most(cases.IMAGES[0], {"prompt": "a", "quality": quality, "size": size})
    assert fee == 0 and round(tokens * 40 / 10_000, 1) == pytest.approx(cents, abs=0.1)


def test_an_open_quality_is_the_dearest() -> None:
    assert generated_most(cases.IMAGES[0], {"prompt": "a", "n": 2, "partial_images": 3})[0] == 2 * (6240 + 300)
    # the same page, DALL-E 3: HD 1792 x 1024 is $0.12
    assert generated_most(cases.IMAGES[1], {"prompt": "a", "quality": "hd", "size": "1792x1024"})[1] == 120_000_000
    assert generated_most(cases.IMAGES[1], {"prompt": "a"})[1] == 120_000_000


# Usage in each dialect's words

TOLD = Counters(input=60, cache_read=40, output=20, reasoning=80)


@pytest.mark.parametrize(("dialect", "prompt", "completion", "total"), [
    ("openai", 100, 100, 200), ("deepseek", 100, 100, 200), ("xai", 100, 20, 200), ("gemini-compat", 100, 20, 200),
    ("ollama", 100, 100, 200), ("openrouter", 100, 100, 200)])
def test_usage_has_each_dialects_own_meaning(dialect: str, prompt: int, completion: int, total: int) -> None:
    usage = usage_of(dialect, "chat", TOLD, 1_000)
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (prompt, completion, total)


def test_the_claude_usage_leaves_cached_input_out_and_grows() -> None:
    start, delta = anthropic_start(TOLD, 2), anthropic_delta(TOLD)
    assert (start["input_tokens"], start["cache_read_input_tokens"], start["output_tokens"]) == (60, 40, 2)
    assert delta["output_tokens"] == 100


# Endings


@pytest.mark.parametrize(("dialect", "stream", "plain"), [
    ("openai", "stops", "runs_on"), ("azure", "stops", "runs_on"), ("anthropic", "stops", "runs_on"),
    ("together", "stops", "runs_on"), ("xai", "stops", "runs_on"), ("deepseek", "stops", "runs_on"),
    ("groq", "runs_on", "runs_on"), ("mistral", "runs_on", "runs_on"), ("qwen", "runs_on", "runs_on"),
    ("gemini-compat", "runs_on", "runs_on"), ("openrouter", "runs_on", "runs_on"), ("vllm", "stops", "stops")])
def test_what_a_vendor_does_after_a_close(dialect: str, stream: str, plain: str) -> None:
    # openrouter.ai/docs/api-reference/streaming: list of providers, and "for non-streaming requests [...] billed for
    # the
    # complete response"
    assert after_close(dialect, SIMPLE, {"stream": True})[0] == stream
    assert after_close(dialect, SIMPLE, {})[0] == plain


def test_a_contested_vendor_runs_on_for_the_cautious() -> None:
    # support.claude.com: "you will be charged if your client disconnects or times out"
    assert after_close("anthropic", SIMPLE, {"stream": True}, cautious=True)[0] == "runs_on"
    assert after_close("openai", SIMPLE, {"stream": True}, cautious=True)[0] == "stops"


def planned(dialect: str, request: dict[str, Any], **counters: int) -> Answer:
    """An answer with the counters that a test sets."""
    answer = plan_answer(dialect, SIMPLE, request, Random(1))
    return replace(answer, counters=Counters(**counters), percent=100, long=(100, 100), prices=prices_of(SIMPLE["prices"]))


def billed(dialect: str, ending: Ending, request: dict[str, Any] | None = None) -> Bill:
    """The bill of an answer of 100 input, 300 hidden and 700 visible tokens."""
    request = request or ask()
    answer = planned(dialect, request, input=100, reasoning=300, output=700)
    return bill(dialect, SIMPLE, request, ending, Random(3), answer)


def test_a_whole_answer_costs_its_usage() -> None:
    assert billed("openai", WHOLE).actual_cost == 100 * 2_000 + 1_000 * 10_000
    assert billed("openai", Ending("whole_without_usage")).reported is None


def test_a_vendor_that_stops_bills_what_was_made_and_half_a_second() -> None:
    found = billed("openai", Ending("caller_left_mid_stream", produced=350))
    assert found.actual.reasoning == 300 and 50 <= found.actual.output <= 150 and found.most.output == 150
    before = billed("openai", Ending("deadline_before_head", seconds=1.0))
    assert before.most.reasoning == 300 and before.most.output == 0


@pytest.mark.parametrize("ending", [kind for kind in ENDINGS if kind.startswith(("cut_", "caller_", "worker_"))])
def test_a_vendor_that_runs_on_bills_the_whole_answer(ending: str) -> None:
    found = billed("mistral", Ending(ending, produced=1))
    assert found.actual.completion == 1_000 and found.most.completion == 8_000 and found.reported is None


def test_an_answer_that_was_read_on_reports_its_usage() -> None:
    found = billed("openai", Ending("caller_left_mid_stream", produced=10, closed=False))
    assert found.reported is not None and found.actual.completion == 1_000


def test_errors_cost_nothing_except_where_the_vendor_says_so() -> None:
    assert billed("openai", Ending("error_status", status=500)).most_cost == 0
    assert billed("anthropic", Ending("error_first_event", status=200)).most_cost == 0
    # learn.microsoft.com: "a 400 error due to a content filter or input limit, or a 408 error due to a timeout"
    filtered = billed("azure", Ending("error_status", status=400, code="content_filter"))
    assert (filtered.actual_cost, filtered.rules[0]) == (100 * 2_000, "error-azure")
    assert billed("azure", Ending("error_status", status=408)).actual.completion == 1_000
    assert billed("azure", Ending("error_status", status=429)).actual_cost == 0


def test_produced_tokens_follow_the_events() -> None:
    answer = plan_answer("openai", {**SIMPLE, "thinks": "always"}, ask(n=3), Random(11))
    events = list(answer.events())
    speaking = [index for index, choice in enumerate(answer.choices) if choice.pieces]
    assert [index for index, _ in events[:len(speaking)]] == speaking
    assert answer.produced(0) == answer.counters.reasoning
    assert answer.produced(len(events)) == answer.counters.completion - sum(choice.special for choice in answer.choices)


def test_an_unknown_ending_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown ending"):
        Ending("vanished")


# Sources


def test_every_rule_names_its_page_or_is_an_assumption() -> None:
    for key, source in SOURCES.items():
        assert source.rule.endswith((".", ")")), key
        assert len(source.seen) == 10, key
        if source.standing != ASSUMPTION:
            assert source.quote, key
            assert source.url.startswith("https://"), key


def test_every_source_decides_something() -> None:
    code = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py")
                   if path.name not in ("rules_sources.py", "test_biller.py"))
    assert [key for key in SOURCES if f"\"{key}\"" not in code] == []


def test_every_dialect_says_what_happens_after_a_close() -> None:
    assert set(AFTER_CLOSE) == set(DIALECTS)
    assert all(rule.source in SOURCES for rule in AFTER_CLOSE.values())


def test_the_rules_can_be_printed() -> None:
    script = Path(__file__).with_name("biller.py")
    printed = subprocess.run([sys.executable, str(script), "--rules"], capture_output=True, text=True, check=True).stdout
    assert all(key in printed for key in SOURCES)


# Promises over random cases


def as_messages(body: dict[str, Any]) -> dict[str, Any]:
    """A chat body in the form of Anthropic's Messages: what the biller reads of it, no more."""
    kept = {name: body[name] for name in ("model", "stream", "speed", "inference_geo", "thinking", "cache_control") if name in body}
    messages = []
    for message in body["messages"]:
        content = message.get("content") or ""
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else [as_block(part) for part in content]
        messages.append({"role": "assistant" if message["role"] == "assistant" else "user", "content": parts})
    tools = [{"name": tool["function"]["name"], "description": tool["function"]["description"],
              "input_schema": tool["function"]["parameters"]} for tool in body.get("tools", [])]
    return {**kept, "messages": messages, "max_tokens": body.get("max_completion_tokens") or body.get("max_tokens") or 4096,
            **({"tools": tools} if tools else {})}


def as_block(part: dict[str, Any]) -> dict[str, Any]:
    """One part as a block."""
    if part["type"] == "image_url":
        url = part["image_url"]["url"]
        data = {"type": "base64", "data": url.split(",", 1)[1]} if url.startswith("data:") else {"type": "url", "url": url}
        return {"type": "image", "source": data}
    if part["type"] == "file":
        return {"type": "document", "source": {"type": "base64", "data": part["file"]["file_data"].split(",", 1)[1]}}
    return part


CONTESTED = {dialect for dialect, rule in AFTER_CLOSE.items() if rule.contested}


@pytest.fixture(scope="module")
def drawn() -> list[cases.Case]:
    """2,000 cases."""
    random = Random(20_261_128)
    return [cases.generate(random) for _ in range(2_000)]


@pytest.fixture(scope="module")
def bills(drawn: list[cases.Case]) -> list[Bill]:
    """Their bills."""
    return [bill_of(case) for case in drawn]


def bill_of(case: cases.Case, cautious: bool = False) -> Bill:
    """The bill of a case, closed at its progress."""
    request = as_messages(case.body) if case.dialect == "anthropic" else case.body
    random = Random(case.seed)
    answer = plan_answer(case.dialect, case.model, request, random)
    ending = replace(case.ending, produced=int(answer.counters.completion * case.progress))
    return bill(case.dialect, case.model, request, ending, random, answer, cautious)


def test_2000_cases_meet_every_dialect_ending_and_shape(drawn: list[cases.Case]) -> None:
    assert len({(case.dialect, case.ending.kind) for case in drawn}) >= 220
    assert {case.ending.kind for case in drawn} == set(ENDINGS)
    assert {case.kind for case in drawn} == {"chat", "completions", "embeddings", "images"}
    assert set(Counter(case.shape for case in drawn)) >= set(cases.shapes.CHAT)


def test_no_bill_exceeds_the_most_and_no_most_exceeds_the_ceiling(drawn: list[cases.Case], bills: list[Bill]) -> None:
    for case, plainly in zip(drawn, bills):
        for found in (plainly, bill_of(case, cautious=True)) if case.dialect in CONTESTED else (plainly,):
            assert 0 <= found.actual_cost <= found.most_cost <= found.ceiling_cost, (case.dialect, case.shape, case.ending)
            assert set(found.rules) <= set(SOURCES)


def test_the_same_seed_gives_the_same_bill(drawn: list[cases.Case]) -> None:
    for case in drawn[:200]:
        assert bill_of(case) == bill_of(case)
    assert cases.generate(Random(5)) == cases.generate(Random(5))


def test_choices_and_counters_of_an_answer_agree(drawn: list[cases.Case], bills: list[Bill]) -> None:
    for case, found in zip(drawn, bills):
        answer = found.answer
        made = sum(choice.tokens for choice in answer.choices)
        if case.kind in ("chat", "completions"):
            assert made + answer.rejected == answer.counters.completion
        for choice in answer.choices:
            assert choice.finish in ("stop", "length", "tool_calls")
            assert choice.visible <= sum(len(piece.text.encode()) for piece in choice.pieces)


def test_the_sharp_answers_occur(drawn: list[cases.Case], bills: list[Bill]) -> None:
    answers = [found.answer for found in bills]
    assert any(choice.reasoning > 30_000 and not choice.pieces for answer in answers for choice in answer.choices)
    assert any(choice.finish == "length" for answer in answers for choice in answer.choices)
    assert any(answer.counters.cache_read for answer in answers) and any(answer.counters.cache_write_1h for answer in answers)
    assert any(answer.tier == "priority" for answer in answers)
    assert any(answer.model not in (case.model["name"],) for case, answer in zip(drawn, answers))


def test_pieces_have_one_token_for_up_to_40_bytes() -> None:
    assert max(len(text.encode()) for text in LONG_PIECES) == 40
    random = Random(2)
    assert all(1 <= one_piece(5, random).tokens <= 24 for _ in range(500))
