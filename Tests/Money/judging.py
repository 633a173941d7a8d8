"""What became of the cases: each against its bill, and a report."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from random import Random
from statistics import median
from typing import Any

from biller import Bill, Ending, bill
from cases import Case
from vendor import Call

#: Shapes of `shapes.py` that real clients send: SDKs, chat front ends, coding agents, embedding libraries.
FROM_CLIENTS = {"plain", "title", "agent", "tool history", "structured", "pictures", "no limit", "reasoning", "long input",
                "cached", "document", "completion", "embedded", "embedded tokens", "drawn"}

#: Their usage does not tell what came from a cache, so that it is charged in full.
SAYS_NOTHING_OF_CACHES = {"gemini-compat", "ollama", "llamacpp", "vllm"}


@dataclass
class Result:
    """A case that is over."""

    number: int
    case: Case
    calls: list[Call]
    status: int
    body: bytes
    row: dict[str, Any] | None = None
    bills: list[Bill] = field(default_factory=list)
    missed: bool = False  # the point was passed without the caller's having heard everything

    @property
    def billed(self) -> int:
        return sum(one.actual_cost for one in self.bills)

    @property
    def most(self) -> int:
        """The most that may be billed for what the vendor made by its end: what it makes until it notices a close, and
        all that an answer may become where it runs on."""
        return sum(one.most_cost for one in self.bills)

    @property
    def what(self) -> str:
        streams = "stream" if self.case.body.get("stream") else "plain"
        return (f"#{self.number} {self.case.dialect} {self.case.model['name']} {self.case.kind} {streams} '{self.case.shape}'"
                f" {self.case.ending.kind}")


def ending_of(case: Case, call: Call) -> Ending:
    """How a call ended, as its vendor saw it."""
    kind = case.ending.kind
    if call.failed:
        return case.ending
    if kind in ("lost_before_head",):
        return replace(case.ending, produced=call.produced_at_close, closed=True)
    if call.said_usage and not call.read_to_end:
        # What it said it bills, also with the finish of a stream that nobody read to its end.
        return Ending("whole_with_usage", closed=False)
    if call.broke:
        return Ending("vendor_cut_mid_stream", call.produced_at_close, call.seconds, True)
    if call.read_to_end:
        return Ending(kind if kind == "whole_without_usage" else "whole_with_usage", closed=False)
    cut = kind if kind not in ("whole_with_usage", "whole_without_usage") else "cut_for_money"
    return Ending(cut, call.produced_at_close, call.seconds, True)


def bill_of(result: Result) -> list[Bill]:
    """A bill for each call."""
    case = result.case
    return [bill(case.dialect, case.model, call.body, ending_of(case, call), Random(case.seed + 5 + number), call.answer)
            for number, call in enumerate(result.calls)]


@dataclass
class Judgement:
    """`violations` by kind, and what is declared: `exceptions`."""

    violations: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    exceptions: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    refusals: Counter = field(default_factory=Counter)
    refused_clients: Counter = field(default_factory=Counter)
    exact: int = 0

    @property
    def summary(self) -> str:
        """Violations and exceptions by kind."""
        return "; ".join(f"{title} " + (", ".join(f"{name}: {len(them)}" for name, them in found.items()) or "none")
                         for title, found in (("violations", self.violations), ("declared exceptions", self.exceptions)))

    def judge(self, result: Result) -> None:
        if not result.calls:
            return self.judge_refused(result)
        row = result.row
        if row is None:
            return self.violations["sent and not in the ledger"].append(result.what)
        facts = (f"{result.what}: bill {result.billed}, at most {result.most}, charge {row['charge']} hold {row['hold']} {row['source']}"
                 f" {row['outcome']} {row['status']}; {'; '.join(map(call_facts, result.calls))}")
        if row["charge"] > row["hold"]:
            self.violations["charge over hold"].append(facts)
        exception = self.exception_of(result)
        if result.most > row["charge"]:
            (self.exceptions[exception] if exception else self.violations["bill over charge"]).append(facts)
        if row["source"] == "provider" and len(result.calls) == 1 and result.calls[0].said_usage:
            self.exact += 1
            if as_reported(result) != row["charge"] and not exception:
                self.violations["usage came and the charge is another"].append(
                    f"{facts}; usage {json.dumps(result.calls[0].answer.usage)[:300]} read {row['raw']}")

    def judge_refused(self, result: Result) -> None:
        if result.status == 0:
            return self.exceptions["left before it was sent"].append(result.what)
        self.refusals[(result.case.dialect, reason_of(result))] += 1
        if result.case.shape in FROM_CLIENTS and result.status != 402:
            self.refused_clients[(result.case.shape, result.case.dialect, reason_of(result))] += 1
        if result.status < 400:
            self.violations["an answer that no vendor gave"].append(result.what)
        if result.row is not None and result.row["charge"]:
            self.violations["refused and charged"].append(f"{result.what}: {result.row}")

    def exception_of(self, result: Result) -> str | None:
        """Why a bill may be over the charge by design."""
        if result.case.ending.kind == "lost_before_head":
            return "lost before a head: the first two an hour of a key are free, later ones cost their input"
        if any(call.broke and not call.has_head for call in result.calls):
            return "lost before a head, after its caller had gone or had been answered"
        if any(call.failed for call in result.calls):
            return "errors that a vendor bills"
        if any(one.unbounded for one in result.bills):
            return "a price that nobody knows"
        if result.case.kind == "images" and result.case.model.get("per_image") and leaves_image_open(result.case.body):
            return "an image whose kind the request leaves open: the catalogue says first what its vendor makes by itself"
        if any(map(is_dearer_by_setting, result.calls)):
            return "a dearer tier by the operator's own setting, where the API has no word against it"
        return None


def as_reported(result: Result) -> int:
    """The bill, had nothing been read from a cache that the vendor's usage does not mention."""
    one = result.bills[0]
    if result.case.dialect not in SAYS_NOTHING_OF_CACHES or one.actual != one.answer.counters:
        return one.actual_cost
    counters = one.actual
    return one.answer.price(replace(counters, input=counters.input + counters.cache_read, cache_read=0))


def leaves_image_open(body: dict[str, Any]) -> bool:
    """No quality or no size is named."""
    return any(body.get(name) in (None, "auto") for name in ("quality", "size"))


def is_dearer_by_setting(call: Call) -> bool:
    """A dearer tier that nobody asked for, at an API without `service_tier`: all but chat, and Azure's older one."""
    has_word = call.answer.kind == "chat" and call.answer.dialect != "azure-deployments"
    return call.answer.percent > 100 and "service_tier" not in call.body and not has_word


def call_facts(call: Call) -> str:
    """What a call was, in a line."""
    state = ("failed" if call.failed else "broke" if call.broke else "read to its end" if call.read_to_end else
             f"closed at {call.produced_at_close}")
    return (f"answer {call.answer.counters.prompt}+{call.answer.counters.completion} (thought {call.answer.counters.reasoning})"
            f" {state} after {call.seconds:.2f} s")


def reason_of(result: Result) -> str:
    """Status, parameter and the first words of a refusal."""
    try:
        error = json.loads(result.body)["error"]
    except (ValueError, KeyError, TypeError):
        return f"{result.status} {result.body[:60]!r}"
    message = re.sub(r"case-[0-9]+|[$][0-9.]+|[0-9]{3,}[.0-9]*", "…", error.get("message", ""))
    return f"{result.status} {error.get('param') or ''} {message[:100]}"


def ratios(results: list[Result], key: Any) -> list[str]:
    """Lines of charge and hold over bill, by dialect or ending."""
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        if result.row is not None and result.billed > 0 and not any(call.failed for call in result.calls):
            groups[key(result)].append(result)
    lines = [f"{'':>32}  cases   charge/bill: median      max   hold/bill: median      max"]
    for name, group in sorted(groups.items()):
        charges = [one.row["charge"] / one.billed for one in group]
        holds = [one.row["hold"] / one.billed for one in group]
        lines.append(f"{name:>32} {len(group):6}           {median(charges):12.2f} {max(charges):8.0f}         "
                     f"{median(holds):12.2f} {max(holds):8.0f}")
    return lines


def report(results: list[Result], judgement: Judgement, seed: int) -> str:
    """Everything that a reader of a run needs."""
    sent = [result for result in results if result.calls]
    lines = [f"money: seed {seed}, {len(results)} cases, {len(sent)} sent, {judgement.exact} charged as reported,"
             f" {sum(result.missed for result in results)} left before everything was heard"]
    for name, key in (("dialect", lambda one: one.case.dialect), ("ending", lambda one: one.case.ending.kind)):
        counts, of = Counter(map(key, results)), Counter(map(key, sent))
        lines.append(f"cases (sent) by {name}: " + ", ".join(f"{one} {counts[one]} ({of[one]})" for one in sorted(counts)))
        lines += ratios(results, key)
    pairs = Counter((one.case.dialect, one.case.ending.kind) for one in sent)
    lines.append(f"pairs of dialect and ending met: {len(pairs)}")
    lines.append("refused:")
    lines += [f"  {count:4} {dialect}: {reason}" for (dialect, reason), count in judgement.refusals.most_common()]
    lines.append("refused although real clients send it:")
    lines += [f"  {count:4} '{shape}' {dialect}: {reason}"
              for (shape, dialect, reason), count in judgement.refused_clients.most_common()]
    for title, found in (("declared exceptions", judgement.exceptions), ("VIOLATIONS", judgement.violations)):
        lines.append(f"{title}: " + (", ".join(f"{name}: {len(them)}" for name, them in found.items()) or "none"))
    for name, them in judgement.violations.items():
        lines += [f"  {name}:", *(f"    {one}" for one in them[:40])]
    return "\n".join(lines)
