"""Sums of usage by minute, hour and day, and one row a request, are the plain sum over the ledger, to the nano-dollar."""

import datetime
import random
import re
import shutil
import threading

import psycopg2
import pytest

import schema
from processes import ROOT
from test_schema import query, started
from usage_rig import MEASURES, UTC, VALUES, Sums, Traffic, asked, document, money, rfc3339, summed

SEED = 11
REQUESTS = 1_000
FILTERS = 200
COLUMNS = {"org": "org_id", "key": "key_id", "alias": "requested", "cache": "case when cached then 'hit' else 'none' end",
           "status": "case status_class when 0 then 'none' else status_class || 'xx' end"}
TABLES = {"1m": "minute", "1h": "hour", "1d": "day"}
SUMS = {"cache_hits": "coalesce(sum(requests) filter (where cached), 0)", "usd": "sum(nano_usd)", "usd_saved": "sum(saved_nano_usd)"}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    made = started(schema.migrated, tmp_path_factory.mktemp("usage"))
    yield made
    made.process.kill()


def connected(postgres, role=None):
    connection = psycopg2.connect(postgres.url)
    connection.autocommit = True
    if role:
        connection.cursor().execute(f"set role {role}")
    return connection


def ingest(connection, batches, sums):
    with connection.cursor() as cursor:
        for batch in batches:
            cursor.execute("select take_usage_in(%s::jsonb)", [document(batch)])
            sums.add(batch)


@pytest.fixture(scope="module")
def traffic(ledger):
    """The requests in the ledger, as the events say, and the time they end at."""
    now, sums = datetime.datetime.now(UTC), Sums()
    ingest(connected(ledger, "gw_ingest"), Traffic(SEED, now).batches(REQUESTS), sums)
    return list(sums.requests()), now


def rows(cursor, bucket, start, end, groups, filters):
    """The sums of the tables in the words of `summed`."""
    names = [COLUMNS.get(name, name) for name in groups]
    measures = ", ".join(SUMS.get(name, f"sum({name})") for name in MEASURES)
    unit = TABLES[bucket]
    cursor.execute(
        f"select {', '.join(['bucket', *names, measures])} from usage_{unit} where bucket >= date_trunc(%s, %s::timestamptz, 'UTC')"
        f" and bucket < %s and {' and '.join(['true', *(f'{COLUMNS.get(name, name)} = any(%s)' for name in filters)])}"
        f" group by {', '.join(['bucket', *names])} having sum(requests) > 0 order by {', '.join(['bucket', *names])}",
        [unit, start, end, *filters.values()])
    keys = ["start", *({"org": "org_id", "key": "key_id"}.get(name, name) for name in groups), *MEASURES]
    found = [dict(zip(keys, row)) for row in cursor]
    return [row | {"start": rfc3339(row["start"].astimezone(UTC)), "usd": money(int(row["usd"])), "usd_saved": money(int(row["usd_saved"]))}
            for row in found]


def test_any_filter_gives_the_plain_sum_over_the_ledger(ledger, traffic):
    requests, now = traffic
    r, seen = random.Random(SEED), 0
    with connected(ledger, "gw_cp").cursor() as cursor:
        for number in range(FILTERS):
            question = asked(r, now, costs=number % 5 == 0)
            expected = summed(requests, *question)
            assert rows(cursor, *question) == expected, question
            seen += len(expected) > 0
    # More than half of them have something to be wrong about.
    assert seen > FILTERS / 2


def test_views_and_spend_say_the_same(ledger, traffic):
    requests, _ = traffic
    assert_exact(ledger, requests)
    # The rows of the ledger add up to more: that is why there is a view.
    assert query(ledger, "select sum(nano_usd) > (select sum(nano_usd) from spend) from usage_event") == [(True,)]


def assert_exact(ledger, requests):
    days = {}
    for request in requests:
        day = days.setdefault((request["at"].date(), request["key"]), [0, 0, 0, 0])
        for place, name in enumerate(["usd", "counted_requests", "cache_hits", "usd_saved"]):
            day[place] += request[name]
    expected = sorted((*key, *sums) for key, sums in days.items())
    assert query(ledger, "select day, key_id, nano_usd, requests, cache_hits, saved_nano_usd from spend order by 1, 2") == expected
    assert query(
        ledger, "select (charged_at at time zone 'utc')::date, key_id, sum(nano_usd)::bigint, count(*) filter (where counted),"
        " count(*) filter (where cached), coalesce(sum(saved_nano_usd), 0)::bigint from usage_request group by 1, 2 order by 1, 2"
    ) == expected
    assert query(ledger, "select * from usage_differences") == []
    assert query(ledger, "select sum(usd * 1000000000)::bigint, sum(requests)::bigint from usage_by_day") == [
        (sum(request["usd"] for request in requests), len(requests))]
    for unit in ("hour", "day"):
        with connected(ledger).cursor() as cursor:
            bucket = {"hour": "1h", "day": "1d"}[unit]
            long_ago, soon = datetime.datetime(2020, 1, 1, tzinfo=UTC), datetime.datetime.now(UTC) + datetime.timedelta(days=2)
            question = (bucket, long_ago, soon, list(VALUES), {})
            assert rows(cursor, *question) == summed(requests, *question)
        assert latencies(ledger, unit) == expected_latencies(requests)


def latencies(ledger, unit):
    found = query(
        ledger, "select org_id, model, below_ms, sum(durations)::bigint, sum(first_bytes)::bigint from usage_latency"
        f" where unit = '{unit}' group by 1, 2, 3 having sum(durations) > 0 or sum(first_bytes) > 0")
    return {row[:3]: list(row[3:]) for row in found}


def expected_latencies(requests):
    expected = {}
    for request in requests:
        if request["cache"] == "none":
            for place, ms in enumerate([request["duration_ms"], request["first_byte_ms"]]):
                if place == 0 or ms > 0:
                    key = (request["org"], request["model"], min(1 << ms.bit_length(), 1 << 23))
                    expected.setdefault(key, [0, 0])[place] += 1
    return expected


def test_minutes_are_forgotten_after_two_days_and_nothing_else(ledger, traffic):
    before = query(ledger, "select count(*) from usage_sum where unit <> 'minute' union all select count(*) from usage_latency where unit <> 'minute'")
    assert query(ledger, "select count(*) from usage_minute where bucket < usage_minutes_begin()") == [(0,)]
    query(ledger, "update usage_minute set bucket = bucket - interval '50 hours' where ctid in (select ctid from usage_minute limit 30)")
    query(ledger, "update usage_latency set bucket = bucket - interval '50 hours' where ctid in (select ctid from usage_latency where unit = 'minute' limit 7)")
    old = query(ledger, "select count(*) from usage_minute where bucket < usage_minutes_begin()")[0][0]
    kept = query(ledger, "select count(*) from usage_minute")[0][0] - old
    rounds = 1
    with connected(ledger, "gw_ingest").cursor() as cursor:
        while cursor.execute("select forget_usage_minutes(20)") or cursor.fetchone()[0]:
            rounds += 1
    assert old > 0 and rounds == 1 + old // 20
    assert query(ledger, "select count(*) from usage_minute where bucket < usage_minutes_begin()") == [(0,)]
    assert query(ledger, "select count(*) from usage_latency where unit = 'minute' and bucket < usage_minutes_begin()") == [(0,)]
    assert query(ledger, "select count(*) from usage_minute") == [(kept,)]
    assert before == query(ledger, "select count(*) from usage_sum where unit <> 'minute' union all select count(*) from usage_latency where unit <> 'minute'")


@pytest.fixture
def older(tmp_path):
    """A database of the release before these sums, and the text of its `take_usage_in`."""
    sql = tmp_path / "sql"
    shutil.copytree(ROOT / "sql", sql)
    for file in (sql / "migrations").glob("009*.sql"):
        file.unlink()
    last = max((file for file in (sql / "migrations").iterdir() if "function take_usage_in" in file.read_text()), key=lambda file: file.name)
    text = re.search(r"create (or replace )?function take_usage_in\(.*?\$\$;", last.read_text(), re.S)[0]
    text = text.replace("create function", "create or replace function")
    for file in (sql / "functions").iterdir():
        if re.search(r"usage_(sum|minute|backfill|by)|usage_instant|refuse_unrolled|lock_ledger|backfill_usage", file.read_text()):
            file.unlink()
    (sql / "functions" / "take_usage_in.sql").write_text("-- revision: 1\n" + text + "\n")
    postgres = started(lambda folder: schema.migrated(folder, sql / "migrations"), tmp_path)
    yield postgres, text
    postgres.process.kill()


def test_old_usage_is_added_once_whatever_happens_meanwhile(older):
    postgres, old_text = older
    now, sums = datetime.datetime.now(UTC), Sums()
    batches = Traffic(SEED + 1, now).batches(1_200)
    # The old release does not say which of two rows came first; in this traffic it shows where it does not matter.
    before, after = batches[:len(batches) // 2], batches[len(batches) // 2:]
    ingest(connected(postgres, "gw_ingest"), [same_minute(batch) for batch in before], sums)
    after = [same_minute(batch) for batch in after]
    schema.migrate(postgres)
    assert query(postgres, "select count(*) from usage_sum") == [(0,)]
    refuses_the_old_text(postgres, old_text, after[0])

    killed_halfway(postgres)
    backfilling = connected(postgres, "gw_ingest")
    calls, done = 0, False
    ingesting = threading.Thread(target=ingest, args=(connected(postgres, "gw_ingest"), after, sums))
    ingesting.start()
    with backfilling.cursor() as cursor:
        while not done:
            cursor.execute("select backfill_usage(37)")
            done, calls = cursor.fetchone()[0], calls + 1
            assert calls < REQUESTS, "it comes to an end"
            if calls == 5:
                killed_halfway(postgres)
    ingesting.join()
    assert calls > 10
    assert_exact(postgres, list(sums.requests()))
    # Again, it changes nothing.
    with backfilling.cursor() as cursor:
        cursor.execute("select backfill_usage(37)")
        assert cursor.fetchone()[0]
    assert_exact(postgres, list(sums.requests()))


def same_minute(batch):
    """The same batch with the admission of each request where its id says."""
    return [(kind, event | {"admittedMs": int(event["id"].replace("-", "")[:12], 16)}) for kind, event in batch]


def killed_halfway(postgres):
    """A backfill whose server process ends after the work and before the commit: as if it had not been."""
    before = query(postgres, "select * from usage_backfill")
    connection = psycopg2.connect(postgres.url)
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        pid = cursor.fetchone()[0]
        cursor.execute("select backfill_usage(100)")
        assert cursor.fetchone() == (False,)
        cursor.execute("select * from usage_backfill")
        assert cursor.fetchall() != before
    query(postgres, f"select pg_terminate_backend({pid}, 60000)")
    assert query(postgres, "select * from usage_backfill") == before
    with pytest.raises(psycopg2.Error):
        connection.commit()


def refuses_the_old_text(postgres, text, batch):
    """A program that still runs the old text cannot leave usage out of the sums, and does not take it for bad data."""
    connection = psycopg2.connect(postgres.url)
    with connection.cursor() as cursor:
        cursor.execute(text)
        with pytest.raises(psycopg2.errors.SerializationFailure, match="ingested again"):
            cursor.execute("select take_usage_in(%s::jsonb)", [document(batch)])
    connection.rollback()
    connection.close()
