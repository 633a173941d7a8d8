"""The ledger's SQL gives the same result for usage events in any order and batches. Nothing is committed."""

import itertools
import json

import psycopg2
import pytest

ID = "019a0000-0000-7000-8000-00000000000a"
WORDS = {
    "reaped": {"cost": 700, "outcome": "interrupted", "givenBack": False},
    "final, given back": {"cost": 0, "outcome": "cancelled", "givenBack": True},
    "final": {"cost": 900, "outcome": "completed", "givenBack": False},
}


def event(word, final):
    usage = {"input": 1, "cacheRead": 0, "cacheWrite": 0, "output": 1, "reasoning": 0}
    rest = {"id": ID, "keyID": "key_x", "orgID": "org_x", "owner": "w", "requested": "m", "model": "m", "deployment": "d",
            "priceID": 1, "admittedMs": 1_760_000_000_000, "usage": usage, "usageSource": "counted", "hold": 1000, "status": 200,
            "attempts": 1, "streamed": True, "firstByteMs": 1, "durationMs": 2, "configVersion": 1}
    return {"kind": word.split(",")[0], "event": rest | WORDS[word] | (final if word != "reaped" else {})}


def batches(words):
    """Every order, in one batch and one by one, and each event twice."""
    for order in itertools.permutations(words):
        yield [list(order)]
        yield [[word] for word in order]
        yield [[word] for word in order + order]


@pytest.mark.parametrize(("final", "expected"), [("final, given back", (0, 0)), ("final", (900, 1)), (None, (700, 1))])
def test_a_request_costs_and_counts_by_its_final_word(stack, final, expected):
    connection = psycopg2.connect(stack.postgres.url)
    # The worker's clock is already past midnight: the day charged follows Redis's clock.
    ahead = {"admittedMs": 1_760_000_000_000 + 86_400_000} if final == "final, given back" else {}
    try:
        for taken in batches(["reaped"] + ([final] if final else [])):
            with connection.cursor() as cursor:
                for batch in taken:
                    cursor.execute("select take_usage_in(%s::jsonb)", [json.dumps([event(word, ahead) for word in batch])])
                cursor.execute("select sum(nano_usd), sum(requests), count(*) from spend where key_id = 'key_x'")
                assert cursor.fetchall() == [(*expected, 1)], taken
            connection.rollback()
    finally:
        connection.close()


#: What a rebuild and the reports read about the request: none of it from the detached rows.
SPEND = "select nano_usd, requests from spend where key_id = 'key_x'"


@pytest.mark.parametrize(("word", "known", "charged"), [("final", (900, 1), (1800, 2)), ("reaped", (900, 1), (1600, 2))])
def test_sums_outlive_a_detached_month_but_what_comes_late_counts_twice(stack, word, known, charged):
    """So a month may go once no event of it can come any more. `charged` is the first event and a later final one."""
    connection = psycopg2.connect(stack.postgres.url)
    try:
        with connection.cursor() as cursor:
            def taken(word):
                cursor.execute("select take_usage_in(%s::jsonb)", [json.dumps([event(word, {})])])
                cursor.execute(SPEND)
                return cursor.fetchone()

            cursor.execute("create table usage_event_2025_10 partition of usage_event for values from ('2025-10-01') to ('2025-11-01')")
            before = taken(word)
            cursor.execute("savepoint whole")
            assert taken("final") == known
            cursor.execute("rollback to whole; alter table usage_event detach partition usage_event_2025_10")
            cursor.execute(SPEND)
            assert cursor.fetchone() == before
            assert taken("final") == charged
    finally:
        connection.rollback()
        connection.close()
