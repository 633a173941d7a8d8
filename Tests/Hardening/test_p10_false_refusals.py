"""P10, the other half: callers with money are not refused by the gateway's own caution.

Four agents at once, each asking for up to 128,000 tokens of a dear model that thinks unseen, on a budget of 10 USD,
behind a provider whose bill stops when it is closed. Were the whole bound held, the fourth request would be refused at
once. """

import asyncio
import os

import openai
import pytest
from openai import AsyncOpenAI

from processes import wait_until

AGENTS = 4
BUDGET_USD, BUDGET_NANO = "10", 10_000_000_000
OUTPUT_MAX = 128_000
#: 25 USD a million tokens out: one answer at its bound would cost 3.20 USD, four more than the budget.
PRICES = 'usd_per_million_tokens: {input: "5", output: "25"}'
SCRIPT = "in=4000,out=1200,reasoning=800,hidden=1"
#: Nano-USD of one whole answer.
ANSWER = 4_000 * 5_000 + 1_200 * 25_000


@pytest.fixture(scope="module")
def agents(stack):
    path = stack.folder / "agents.yaml"
    path.write_text(
        f"models:\n  - {{name: agent, vendor: scripted, max_output_tokens: {OUTPUT_MAX}, wants_max_completion_tokens: true,"
        f" context_window: 200000, first_event_ms: 60000, idle_ms: 60000, {PRICES}}}\n"
        f'deployments:\n  - {{id: agent-1, model: agent, provider: scripted, upstream_model: "script:{SCRIPT}"'
        + (", after_close: stops, after_close_source: 'the scripted provider stops'" if "AIHUB_TREE" not in os.environ else "")
        + "}\n")
    stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
    return stack.new_key(limits={"usd_per_month": BUDGET_USD})


def test_agents_with_large_limits_are_not_refused(stack, agents):
    stack.clear_bill()
    refusals, cut, answered = [], [], 0

    async def run():
        nonlocal answered
        planned = 0
        async with AsyncOpenAI(base_url=stack.workers[0].base_url, api_key=agents["key"], max_retries=0) as client:
            async def agent():
                nonlocal planned, answered
                # What all of them ask for never costs more than the budget, so no refusal is ever due.
                while planned + ANSWER <= BUDGET_NANO:
                    planned += ANSWER
                    began_at = planned
                    try:
                        stream = await client.chat.completions.create(
                            model="agent", stream=True, max_completion_tokens=OUTPUT_MAX,
                            messages=[{"role": "user", "content": "Go on with the task. " * 200}])
                        finish = None
                        async for chunk in stream:
                            finish = chunk.choices[0].finish_reason if chunk.choices else finish
                        answered += 1
                        if finish != "stop":
                            cut.append(began_at)
                    except openai.APIStatusError as error:
                        refusals.append((error.status_code, planned))
            await asyncio.gather(*(agent() for _ in range(AGENTS)))

    # The model is not served until its snapshot has arrived.
    wait_until(lambda: "agent" in [m.id for m in openai.OpenAI(base_url=stack.workers[0].base_url, api_key=agents["key"]).models.list()],
               what="the model is served")
    asyncio.run(run())
    wait_until(stack.settled, what="no hold stays")
    billed = sum(price_of(entry) for entry in stack.bill().values())
    print(f"\n{answered} answered, {len(cut)} cut short, {len(refusals)} refused; the provider billed {billed / 1e9:.2f} of {BUDGET_USD} USD;"
          f" refused at a planned {[round(p / 1e9, 2) for _, p in refusals[:5]]} USD")
    assert billed <= BUDGET_NANO
    if os.environ.get("AIHUB_EXPECT") == "red":
        assert refusals, "not red there"
        return
    assert refusals == []
    # What the money no longer covers for sure may be cut, and only that.
    assert all(planned > BUDGET_NANO - AGENTS * ANSWER for planned in cut), cut


def price_of(entry):
    """The bill at this model's prices, in nano-USD."""
    return entry["input"] * 5_000 + (entry["output"] + entry["reasoning"]) * 25_000
