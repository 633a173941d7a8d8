"""A change made in psql is in force on every worker in well under 100 ms; an invalid one is never published."""

import http.client
import json
import time

import psycopg2
import pytest

from clock import HANG_SECONDS, patience, within

ROUNDS = 100
LIMIT_SECONDS = 0.1


class Probe:
    """A keep-alive connection that sends one worker a request and reads the answer."""

    def __init__(self, worker, key):
        self.connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=patience(10))
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def get(self, path):
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())


def milliseconds_until(probes, is_in_force):
    """The time from now, right after the commit, until it holds on every worker."""
    committed = time.monotonic()
    for probe in probes:
        while not is_in_force(probe):
            assert time.monotonic() - committed < HANG_SECONDS, "never in force"
    return (time.monotonic() - committed) * 1000


def judge_p99(times, workers):
    times = sorted(times)
    at = len(times) * 99 // 100 - 1
    print(f"\nin force on {workers} workers: p50 {times[len(times) // 2]:.1f} ms, p99 {times[at]:.1f} ms,"
          f" max {times[-1]:.1f} ms of {len(times)}")
    within(times[at] / 1000, LIMIT_SECONDS, "p99")


def judge_p99_of(stack, change, is_in_force):
    """Commits `change(n)` in psql and measures until `is_in_force(probe, n)` holds on every worker."""
    key = stack.new_key()
    probes = [Probe(worker, key["key"]) for worker in stack.workers]
    times = []
    connection = psycopg2.connect(stack.postgres.url)
    connection.autocommit = True
    for n in range(ROUNDS):
        with connection.cursor() as cursor:
            change(cursor, key["id"], n)
        times.append(milliseconds_until(probes, lambda probe: is_in_force(probe, n)))
    connection.close()
    judge_p99(times, len(stack.workers))


def test_a_keys_limit(stack):
    def change(cursor, key, n):
        cursor.execute("update api_key set requests_per_day = %s where id = %s", (1000 + n, key))

    def is_in_force(probe, n):
        limits = {limit["name"]: limit["limit"] for limit in probe.get("/v1/me")[1]["limits"]}
        return limits.get("requests_per_day") == 1000 + n

    judge_p99_of(stack, change, is_in_force)


def test_an_alias(stack):
    def change(cursor, key, n):
        if n % 2 == 0:
            cursor.execute("begin; insert into alias (name) values ('fresh');"
                           "insert into alias_candidate (alias, model) values ('fresh', 'plain'); commit")
        else:
            cursor.execute("delete from alias where name = 'fresh'")

    def is_in_force(probe, n):
        return (probe.get("/v1/models/fresh")[0] == 200) == (n % 2 == 0)

    judge_p99_of(stack, change, is_in_force)


def test_a_keys_status(stack):
    """A fresh key each round, since a revoked one stays revoked."""
    times = []
    for _ in range(ROUNDS):
        key = stack.new_key()
        probes = [Probe(worker, key["key"]) for worker in stack.workers]
        assert all(probe.get("/v1/me")[0] == 200 for probe in probes)
        stack.sql("update api_key set status = 'revoked' where id = %s", key["id"])
        times.append(milliseconds_until(probes, lambda probe: probe.get("/v1/me")[0] == 401))
    judge_p99(times, len(stack.workers))


def test_an_orgs_status(stack):
    """Suspended and active in turn: the status applies to all keys of the org."""
    def change(cursor, key, n):
        cursor.execute("update org set status = %s where id = (select org_id from api_key where id = %s)",
                       ("suspended" if n % 2 == 0 else "active", key))

    def is_in_force(probe, n):
        return (probe.get("/v1/me")[0] == 401) == (n % 2 == 0)

    judge_p99_of(stack, change, is_in_force)


def test_nothing_is_admitted_after_the_api_said_revoked(stack):
    for _ in range(20):
        key = stack.new_key()
        probes = [Probe(worker, key["key"]) for worker in stack.workers]
        assert all(probe.get("/v1/me")[0] == 200 for probe in probes)
        stack.admin("POST", f"/keys/{key['id']}/revoke", expect=200)
        assert [probe.get("/v1/me")[0] for probe in probes] == [401] * len(probes)


@pytest.mark.parametrize("statement, words", [
    ("insert into alias (name) values ('lonely')", "has no candidate model"),
    ("delete from alias_candidate where alias = 'smart'", "alias 'smart' has no candidate model"),
    ("insert into alias (name) values ('plain'); insert into alias_candidate (alias, model) values ('plain', 'slow')",
     "has the name of a model"),
    ("insert into model (name, vendor, max_output_tokens, kind) values ('unpriced', 'x', 1, 'chat');"
     " insert into deployment (id, model, provider_id, upstream_model) values ('u', 'unpriced', 'scripted', 'u')",
     "has no price"),
    ("update api_key set allowed_models = '{nonsense}'", "neither a model nor an alias"),
    ("update api_key set requests_per_minute = -1", "a limit is at least 1"),
    ("update api_key set nano_usd_per_month = 9000000000000001", "between 0 and 9,000,000 USD"),
    ("insert into provider (id, base_url) values ('plainhttp', 'http://example.com/v1')", "plain http only"),
    ("update price set input = -1", "prices are 0 or more"),
    ("delete from api_key", "never deleted"),
    ("update audit_log set actor = 'nobody'", "append-only"),
])
def test_a_bad_row_is_refused_in_plain_words(stack, key, statement, words):
    before = stack.sql("select count(*) from config_change")
    with pytest.raises(psycopg2.Error) as refused:
        with psycopg2.connect(stack.postgres.url) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            connection.commit()
    assert words in str(refused.value)
    assert stack.sql("select count(*) from config_change") == before, "the last good state stays"
