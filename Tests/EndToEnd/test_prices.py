"""Prices end to end: charges can be recomputed from the ledger, later prices take effect by themselves, none is a 404."""

import asyncio
import datetime
import json
import random

import openai
import psycopg2
import pytest
from openai import AsyncOpenAI, OpenAI

from processes import wait_until
from stack import STOPS

HELLO = [{"role": "user", "content": "Count this, please. " + "It is long enough to be held for. " * 12}]
KINDS = ("input", "image_input", "cache_read", "cache_write", "cache_write_hour", "output", "reasoning")
#: Price tiers above 200 and above 320 input tokens; all prices are uneven, so that a mixed-up counter shows.
TIERED = """{input: "1.000001", cache_read: "0.3", output: "7.000003", reasoning: "11.5", tiers: [
    {above_input_tokens: 200, input: "2.000007", cache_read: "0.7", output: "9.000011", reasoning: "13.000013"},
    {above_input_tokens: 320, input: "3.000017", cache_read: "0.9", output: "5.000019"}]}"""
SCRIPTS = {
    "tier-below": "in=200,out=9,cached=31,reasoning=4", "tier-above": "in=201,out=9,cached=31,reasoning=4",
    "tier-cached": "in=320,out=7,cached=320", "tier-top": "in=333,out=11,cached=12,reasoning=11",
    "tier-plain": "in=21,out=30", "tier-twice": "in=240,out=12,usage=twice", "tier-finish": "in=250,out=3,usage=finish",
    "tier-cut": "in=230,out=20,cut=6", "tier-mute": "in=230,out=20,usage=missing",
}


def load(stack, name, text):
    path = stack.folder / f"{name}.yaml"
    path.write_text(text)
    stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
    return path


def model(name, script, prices):
    return (f"models:\n  - {{name: {name}, vendor: scripted, max_output_tokens: 400, first_event_ms: 2000, idle_ms: 1500{prices}}}\n"
            f"deployments:\n  - {{id: {name}-1, model: {name}, provider: scripted, upstream_model: 'script:{script}',"
            f" {STOPS}}}\n")


def ready(client, name):
    """Whether the worker knows the name, priced or not."""
    try:
        client.chat.completions.create(model=name, messages=HELLO, max_tokens=16)
        return True
    except openai.NotFoundError as error:
        return error.body["type"] == "model_unpriced"


@pytest.fixture(scope="module")
def client(stack):
    return OpenAI(base_url=stack.workers[0].base_url, api_key=stack.new_key()["key"], max_retries=0)


def recomputed(raw, price, tiers):
    """The charge computed only from the provider's usage and the price."""
    usage = json.loads(raw)
    prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens", 0)
    for tier in tiers:
        if prompt > tier["above_input_tokens"]:
            price = tier
    total = ((prompt - cached) * price["input"] + cached * price["cache_read"] + (completion - reasoning) * price["output"]
             + reasoning * price["reasoning"])
    return -(-total // 1_000_000)


def test_every_charge_can_be_computed_again_from_what_is_stored(stack):
    for name, script in SCRIPTS.items():
        load(stack, name, model(name, script, f", usd_per_million_tokens: {TIERED}"))
    key = stack.new_key()
    for worker in stack.workers:
        with OpenAI(base_url=worker.base_url, api_key=key["key"], max_retries=0) as client:
            wait_until(lambda: all(name in {m.id for m in client.models.list()} for name in SCRIPTS), what="models are known")

    async def everything():
        chance = random.Random(11)
        clients = [AsyncOpenAI(base_url=w.base_url, api_key=key["key"], max_retries=0) for w in stack.workers]

        async def one(client, name, stream):
            try:
                answer = await client.chat.completions.create(model=name, messages=HELLO, stream=stream, max_tokens=40)
                if stream:
                    async for _ in answer:
                        pass
            except openai.APIError:
                assert name == "tier-cut", name

        names = list(SCRIPTS)
        await asyncio.gather(*(
            one(clients[n % len(clients)], names[n % len(names)], chance.random() < 0.5) for n in range(300)))
        for client in clients:
            await client.close()

    asyncio.run(everything())
    wait_until(stack.settled, what="all holds are settled")
    counted = "select count(*) from usage_event where key_id = %s and kind = 'final'"
    wait_until(lambda: stack.sql(counted, key["id"]) == [(300,)], what="the ledger has all")
    prices = {row[0]: dict(zip(KINDS, row[1:])) for row in stack.sql(
        "select id, input, 0, cache_read, cache_write, 0, output, reasoning from price")}
    tiers = {}
    for row in stack.sql("select price_id, above_input_tokens, input, cache_read, output, reasoning from price_tier"
                         " order by price_id, above_input_tokens"):
        tiers.setdefault(row[0], []).append(
            dict(zip(("above_input_tokens", "input", "cache_read", "output", "reasoning"), row[1:])))
    rows = stack.sql("select nano_usd, raw_usage, price_id, usage_source, requested from usage_event where key_id = %s", key["id"])
    said = [row for row in rows if row[1] is not None and row[3] == "provider"]
    assert {row[4] for row in said} >= set(SCRIPTS) - {"tier-cut", "tier-mute"}
    assert [row for row in said if row[0] != recomputed(row[1], prices[row[2]], tiers[row[2]])] == []
    assert len(said) > 200 and len({row[0] for row in said}) > 5
    assert stack.sql("select count(*) from charges_that_differ") == [(0,)], "those that were counted, too"


def test_a_charge_that_differs_is_shown(stack, client):
    """The view can fail: changing a price shows the rows that reference it. Nothing is committed."""
    client.chat.completions.create(model="plain", messages=HELLO)
    wait_until(lambda: stack.sql("select count(*) from usage_event where nano_usd > 0") > [(0,)], what="a charge is booked")
    connection = psycopg2.connect(stack.postgres.url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from usage_event where nano_usd > 0")
            charged = cursor.fetchone()[0]
            cursor.execute("set session_replication_role = replica")
            cursor.execute("update price set input = input * 2, output = output * 2")
            cursor.execute("select count(*) from charges_that_differ")
            assert 0 < cursor.fetchone()[0] <= charged
    finally:
        connection.rollback()
        connection.close()


def test_a_model_without_a_price_in_force_is_refused_until_its_price_takes_force(stack, client):
    instant = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=10)).replace(microsecond=0)
    text = model(
        "dawn", "in=10,out=8", ", price_changes: [{effective_from: '" + instant.strftime("%Y-%m-%dT%H:%M:%SZ") + "',"
        ' usd_per_million_tokens: {input: "1", output: "2"}}]')
    load(stack, "dawn", text)
    wait_until(lambda: ready(client, "dawn"), what="the model is known")
    assert datetime.datetime.now(datetime.timezone.utc) < instant, "the price is still to come"
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="dawn", messages=HELLO)
    assert refused.value.body["type"] == "model_unpriced" and "price" in refused.value.body["message"]
    assert "dawn" not in {m.id for m in client.models.list()}
    before = stack.sql("select count(*) from audit_log")
    load(stack, "dawn", text)
    assert stack.sql("select count(*) from audit_log") == before, "twice the same changes nothing"
    published = stack.sql("select count(*) from config_change")
    wait_until(lambda: "dawn" in {m.id for m in client.models.list()}, what="the price takes force by itself")
    assert stack.sql("select count(*) from config_change") == published, "nobody told the worker"
    client.chat.completions.create(model="dawn", messages=HELLO)
    load(stack, "dawn", text)
    assert stack.sql("select count(*) from audit_log") == before, "nor once it is in force"


def test_a_change_of_price_charges_each_request_by_the_price_it_came_under(stack, client):
    instant = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)).replace(microsecond=0)
    load(stack, "turn", model(
        "turn", "in=10,out=8", ', usd_per_million_tokens: {input: "1", output: "2"}, price_changes: [{effective_from: '
        + instant.strftime("'%Y-%m-%dT%H:%M:%SZ'") + ', usd_per_million_tokens: {input: "3", output: "5"}}]'))
    costs = set()

    def both():
        try:
            answer = client.chat.completions.with_raw_response.create(model="turn", messages=HELLO)
            costs.add(answer.headers["x-aihub-cost-usd"])
        except openai.NotFoundError:
            pass
        return len(costs) == 2

    wait_until(both, what="both prices were charged")
    assert costs == {"0.000026", "0.00007"}
    wait_until(stack.settled, what="all holds are settled")
    came = "to_timestamp(('x' || substr(replace(u.id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)"
    assert stack.sql(
        f"select count(*) from usage_event u join price p on p.id = u.price_id where requested = 'turn'"
        f" and (p.effective_from = %s) <> ({came} >= %s)", instant, instant) == [(0,)]
    assert stack.sql(
        "select state, input::float from price_book where model = 'turn' order by effective_from") == [
            ("past", 1.0), ("in force", 3.0)]


def test_a_price_to_come_can_be_corrected_and_taken_out_a_past_one_not(stack):
    def later(changes):
        load(stack, "moved", model(
            "moved", "in=1", f', usd_per_million_tokens: {{input: "1", output: "2"}}, price_changes: [{changes}]'))
        return stack.sql(
            "select effective_from::date::text, input from price where model = 'moved' and effective_from > now() order by 1")

    one = 'effective_from: 2999-01-01, usd_per_million_tokens: {input: "4", output: "2"}'
    two = 'effective_from: 2999-01-01, usd_per_million_tokens: {input: "5", output: "2"}'
    other = 'effective_from: 2999-06-01, usd_per_million_tokens: {input: "6", output: "2"}'
    assert later(f"{{{one}}}") == [("2999-01-01", 4_000_000_000)]
    assert later(f"{{{two}}}, {{{other}}}") == [("2999-01-01", 5_000_000_000), ("2999-06-01", 6_000_000_000)]
    assert later("") == []
    assert stack.sql("select count(*) from price where model = 'moved'") == [(1,)]


def test_images_load_with_their_prices(stack):
    text = ("models:\n  - {name: illustrator, vendor: scripted, kind: image, max_output_tokens: 1, usd_per_image: ["
            '{quality: standard, size: 1024x1024, usd: "0.04"}, {quality: hd, size: 1024x1024, usd: "0.08"}]}\n')
    load(stack, "illustrator", text)
    shown = "select per_image from price_book where model = 'illustrator'"
    assert stack.sql(shown) == [("standard 1024x1024 0.04, hd 1024x1024 0.08",)]
    load(stack, "illustrator", text)
    assert len(stack.sql(shown)) == 1, "twice the same changes nothing"
    load(stack, "painter", text.replace("0.08", "0.09"))
    assert len(stack.sql(shown)) == 2, "another price for one kind is another price"


@pytest.mark.parametrize("prices, words", [
    (', usd_per_million_tokens: {input: "1e3", output: "2"}', "'1e3' is not a price"),
    (', price_changes: [{effective_from: tomorrow, usd_per_million_tokens: {input: "1", output: "2"}}]', "must look like 2027-01-01"),
    (', price_changes: [{effective_from: 2999-01-01}]', "neither usd_per_million_tokens nor usd_per_image"),
    (', usd_per_million_tokens: {input: "1", output: "2", tiers: [{above_input_tokens: 0, input: "1", output: "2"}]}',
     "a tier begins above 0 input tokens"),
])
def test_a_bad_price_is_refused_in_plain_words(stack, prices, words):
    with pytest.raises(AssertionError) as refused:
        load(stack, "bad", model("bad", "in=1", prices))
    assert words in str(refused.value)
    assert stack.sql("select count(*) from model where name = 'bad'") == [(0,)], "all of a file or nothing"


@pytest.mark.parametrize("statement", [
    "update price set input = 5 where model = 'plain'", "delete from price where model = 'plain'",
    "insert into price_tier (price_id, above_input_tokens, input, cache_read, cache_write, output, reasoning)"
    " select id, 9, 1, 1, 1, 1, 1 from price where model = 'plain'"])
def test_a_price_in_force_is_never_rewritten(stack, statement):
    with pytest.raises(psycopg2.Error) as refused:
        stack.sql(statement)
    assert "is or was in force" in str(refused.value)
