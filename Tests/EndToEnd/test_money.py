"""The provider's own bill against the ledger, to the nano-USD."""

import asyncio
import random

import openai
from openai import AsyncOpenAI

from processes import wait_until
from stack import price

HELLO = [{"role": "user", "content": "Count this, please."}]
#: Models whose complete answers have valid usage: the ledger must match the provider's bill exactly.
EXACT = ["plain", "late", "cached", "tool", "groq", "twice", "nameless", "undone"]
#: Models that fail before any output: nothing is charged.
FREE = ["broken", "busy", "refused", "unpaid", "denied", "gone"]
#: What the 429 says that a worker sends, and no provider, to a key of which too much waits.
SHED = "more requests waiting than its share"


async def ask(client, model, stream):
    try:
        answer = await client.chat.completions.create(model=model, messages=HELLO, stream=stream, max_tokens=40)
        if stream:
            async for _ in answer:
                pass
        return "ok"
    except openai.APIStatusError as error:
        if error.type == "overloaded" or SHED in error.message:
            # A slow machine may not serve a thousand at once in time, and answers with a time to retry.
            await asyncio.sleep(float(error.response.headers["retry-after"]))
            return await ask(client, model, stream)
        return error.status_code
    except openai.APIError:
        return "in-band"


def run_mixed(stack, key, count, seed, models):
    async def everything():
        clients = [AsyncOpenAI(base_url=w.base_url, api_key=key, max_retries=0, timeout=120) for w in stack.workers]
        chance = random.Random(seed)
        plan = [(clients[n % len(clients)], chance.choice(models), chance.random() < 0.5) for n in range(count)]
        results = await asyncio.gather(*(ask(*job) for job in plan))
        for client in clients:
            await client.close()
        return list(zip((m for _, m, _ in plan), (s for _, _, s in plan), results))

    return asyncio.run(everything())


def settle_and_compare(stack):
    """Waits until no hold is open and the ledger has every request the provider served; returns bill and ledger."""
    wait_until(stack.settled, what="all holds are settled")
    bill = stack.bill()
    wait_until(lambda: set(bill) <= set(stack.ledger()), what="the ledger has every request the provider saw")
    return bill, stack.ledger()


def test_a_thousand_concurrent_mixed_requests_cost_what_the_provider_billed(stack):
    stack.clear_bill()
    key = stack.new_key()
    results = run_mixed(stack, key["key"], 1000, seed=7, models=EXACT + FREE + ["hop"])
    bill, ledger = settle_and_compare(stack)
    ledger = {id: row for id, row in ledger.items() if row["key_id"] == key["id"]}

    wrong = [(m, s, r) for m, s, r in results if (m in EXACT or m == "hop") and r != "ok"]
    assert wrong == []
    assert all(entry["received"] <= 3 for entry in bill.values()), "never more than the attempts of a plan"
    billed = {id: price(entry) for id, entry in bill.items() if entry["complete"] and entry["status"] == 200}
    assert {id: ledger[id]["nano_usd"] for id in billed} == billed, "each request, to the nano"
    assert sum(row["nano_usd"] for row in ledger.values()) == sum(billed.values()), "nothing else was charged"
    assert {row["nano_usd"] for row in ledger.values() if row["outcome"] == "failed"} <= {0}
    print(f"\n{len(results)} requests over {len(stack.workers)} workers, {len(billed)} billed: the provider says"
          f" {sum(billed.values())} nano-USD, the ledger {sum(row['nano_usd'] for row in ledger.values())}")
    spent = stack.sql("select sum(nano_usd), sum(requests) from spend where key_id = %s", key["id"])[0]
    assert spent == (sum(billed.values()), sum(not row["given_back"] for row in ledger.values()))
    assert stack.counters() == (0, 0)


def test_usage_that_is_missing_or_absurd_is_bounded_never_free(stack):
    stack.clear_bill()
    key = stack.new_key()
    results = run_mixed(stack, key["key"], 24, seed=3, models=["mute", "negative", "text"])
    assert {r for _, _, r in results} == {"ok"}
    bill, ledger = settle_and_compare(stack)
    assert {ledger[id]["usage_source"] for id in bill} == {"bounded"}
    assert all(ledger[id]["nano_usd"] >= price(entry) for id, entry in bill.items()), "at least what the provider billed"


def test_streams_that_break_are_charged_for_what_may_be_billed(stack):
    stack.clear_bill()
    key = stack.new_key()
    results = run_mixed(stack, key["key"], 20, seed=5, models=["cut", "sour", "stall", "unfinished"])
    bill, ledger = settle_and_compare(stack)
    streamed = [id for id, entry in bill.items() if entry["stream"]]
    assert streamed
    for id in streamed:
        assert ledger[id]["nano_usd"] >= price(bill[id]) > 0
        assert ledger[id]["outcome"] == "failed"
    assert {r for _, s, r in results if s} == {"in-band"}


def test_an_answer_that_never_arrived_is_charged_from_the_third_on_and_not_asked_for_twice(stack):
    stack.clear_bill()
    key = stack.new_key()

    async def ask_all():
        async with AsyncOpenAI(base_url=stack.workers[0].base_url, api_key=key["key"], max_retries=0) as client:
            return await asyncio.gather(*(ask(client, "cutfirst", False) for _ in range(20)))

    assert set(asyncio.run(ask_all())) == {502}
    bill, ledger = settle_and_compare(stack)
    assert {entry["received"] for entry in bill.values()} == {1}
    charges = [ledger[id]["nano_usd"] for id in bill]
    assert charges.count(0) == 2 and len(set(charges)) == 2, "two an hour are free, the input of the others may be billed"
    assert {ledger[id]["outcome"] for id in bill} == {"failed"}


def test_a_caller_who_leaves_pays_what_may_be_billed_and_no_hold_stays(stack):
    stack.clear_bill()
    key = stack.new_key()

    async def leave():
        async with AsyncOpenAI(base_url=stack.workers[0].base_url, api_key=key["key"], max_retries=0) as client:
            async def one(chunks):
                stream = await client.chat.completions.create(model="slow", messages=HELLO, stream=True)
                async for _ in stream:
                    chunks -= 1
                    if chunks == 0:
                        await stream.close()
                        return
            await asyncio.gather(*(one(n % 6 + 2) for n in range(30)))

    asyncio.run(leave())
    bill, ledger = settle_and_compare(stack)
    assert len(bill) == 30
    for id, entry in bill.items():
        assert not entry["complete"], "the provider was told to stop"
        assert ledger[id]["outcome"] == "cancelled"
        assert ledger[id]["nano_usd"] >= price(entry) > 0
