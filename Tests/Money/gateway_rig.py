"""A real gateway for random cases: its catalogue made from their models, its keys, and its ledger."""

from __future__ import annotations

import json
import pathlib
import sys
from random import Random
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "EndToEnd"))
from processes import TREE  # noqa: E402
from stack import Stack, Worker  # noqa: E402

from cases import Case  # noqa: E402
from cases_models import DIALECTS  # noqa: E402
from rules_ending import AFTER_CLOSE, STOPS  # noqa: E402
from rules_images import IMAGE_RULES  # noqa: E402
from rules_price import prices_of  # noqa: E402
from rules_sources import SOURCES  # noqa: E402

#: The whole request, in ms. Long enough for every paced answer, short enough to wait for.
TOTAL_MS = 8_000
PATIENT_MS = 30_000
OPENAI_FAMILY = {"openai", "azure", "azure-deployments"}
KINDS = {"chat": "chat", "completions": "chat", "embeddings": "embedding", "images": "image"}


def usd(nano: int) -> str:
    """Nano-USD as decimal USD."""
    return f"{nano // 10**9}.{nano % 10**9:09}"


def migrations() -> str:
    """All migrations of the tree under test: what its catalogue knows stands there."""
    return "\n".join(file.read_text() for file in (TREE / "sql" / "migrations").glob("*.sql"))


def tokens_section(prices: dict[str, int], percents: tuple[int, int] = (100, 100)) -> dict[str, str]:
    """Prices in the catalogue's words, for a long prompt by percent."""
    paid = prices_of(prices)
    named = {"input": paid.input, "cache_read": paid.cache_read, "cache_write": paid.cache_write,
             "cache_write_hour": paid.cache_write_1h}
    made = {"output": paid.output, "reasoning": paid.reasoning}
    return {**{name: usd(price * percents[0] // 100) for name, price in named.items()},
            **{name: usd(price * percents[1] // 100) for name, price in made.items()}}


def model_section(case: Case, number: int, knows_media: bool) -> dict[str, Any]:
    """The case's own model: health and rests of one case are nothing to another."""
    model, kind = case.model, KINDS[case.kind]
    price = tokens_section(model["prices"])
    if "long_context" in model:
        rule = model["long_context"]
        price["tiers"] = [{"above_input_tokens": rule["above"],
                           **tokens_section(model["prices"], (rule["input"], rule["output"]))}]
    waits = case.ending.kind == "deadline_before_head"
    # Azure serves OpenAI's own models, and its catalogue says so.
    vendor = "openai" if case.dialect in OPENAI_FAMILY else case.dialect
    section = {"name": case_name(number), "vendor": vendor, "kind": kind, "context_window": model["context"],
               "max_output_tokens": model["max_output"], "vision": "image_rule" in model, "tools": kind == "chat",
               "first_event_ms": Random(case.seed).randint(200, 1_200) if waits else PATIENT_MS, "idle_ms": PATIENT_MS,
               "wants_max_completion_tokens": case.dialect in OPENAI_FAMILY and model.get("thinks", "never") != "never",
               "usd_per_million_tokens": price}
    if model.get("per_image"):
        section["usd_per_image"] = [dict(zip(("quality", "size"), name.split("/")), usd=usd(nano))
                                    for name, nano in model["per_image"].items()]
    if knows_media and kind == "chat":
        if "image_rule" in model:
            # Audio has no price of its own in a catalogue, and so no bound in those that are shipped: it is refused.
            section |= {"image_tokens_max": IMAGE_RULES[model["image_rule"]].largest, "document_tokens_max": model["context"]}
    return section


def case_name(number: int) -> str:
    """What callers ask for. Vendors get the model's real name and the number."""
    return f"case-{number:06}"


def catalogue(cases: dict[int, Case], port: int) -> str:
    """A catalogue file with a model and a deployment for each case. JSON is YAML."""
    known = migrations()
    says_closing = "after_close" in known
    deployments = []
    for number, case in cases.items():
        deployment = {"id": case_name(number), "model": case_name(number), "provider": case.dialect,
                      "upstream_model": f"{case.model['name']}-{number:06}"}
        closing = AFTER_CLOSE[case.dialect]
        if says_closing:
            deployment["after_close"] = closing.stream
            if closing.stream == STOPS:
                source = SOURCES[closing.source]
                deployment["after_close_source"] = f"{source.url or source.rule[:80]}, {source.seen}"
        deployments.append(deployment)
    return json.dumps({
        "providers": [{"id": dialect, "dialect": dialect, "base_url": f"http://127.0.0.1:{port}/{dialect}/v1",
                       "allowed_networks": ["127.0.0.0/8"], "credential_from_environment": "MONEY_KEY"}
                      for dialect in DIALECTS],
        "models": [model_section(case, number, "image_tokens_max" in known) for number, case in cases.items()],
        "deployments": deployments})


def started(cases: dict[int, Case], port: int) -> Stack:
    """A gateway that knows the models of the cases."""
    stack = Stack(workers=2, TOTAL_MS=TOTAL_MS, LOG_LEVEL="info")
    path = stack.folder / "money.yaml"
    path.write_text(catalogue(cases, port))
    stack.run_control("load", path, env={"MONEY_KEY": "sk-money"})
    return stack


def rows(stack: Stack) -> dict[str, dict[str, Any]]:
    """The ledger's final row of each request, else the sweeper's."""
    names = ("id", "kind", "charge", "hold", "source", "outcome", "status", "raw", "input", "output", "reasoning")
    found = stack.sql("select distinct on (id) id::text, kind, nano_usd, held_nano_usd, usage_source, outcome, status, raw_usage,"
                      " input_tokens, output_tokens, reasoning_tokens from usage_event order by id, kind")
    return {row[0]: dict(zip(names, row)) for row in found}


def budget(case: Case) -> str:
    """USD of a key whose money ends in the answer: the input, counted as the gateway counts it, and a little output."""
    random = Random(case.seed + 3)
    paid = prices_of(case.model["prices"])
    body = json.dumps(case.body)
    dearest = max(paid.input, paid.cache_read, paid.cache_write, paid.cache_write_1h)
    tokens = min(len(body) + 256, case.model["context"])
    output = random.randint(30, 300) * int(case.body.get("n") or 1)
    return usd((tokens * dearest + output * max(paid.output, paid.reasoning)) // 10**6 + 1)
