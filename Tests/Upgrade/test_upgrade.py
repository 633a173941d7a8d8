"""Today's release continues from an older one's database, Redis log, and journals of killed workers."""

import collections
import decimal
import tempfile

import pytest

from facts import gather, open_holds, wait_quiet
from invariants import i2_redis_is_ledger, i2_sums_are_rows
from processes import wait_until
from raw import ask
from restoring import RECORDINGS, Restored
from scenario import CHAT, body
from stack import price


def pytest_generate_tests(metafunc):
    chosen = RECORDINGS if metafunc.config.getoption("--all-recordings") else RECORDINGS[:1]
    metafunc.parametrize("upgraded", chosen, ids=lambda path: path.name, indirect=True, scope="module")


@pytest.fixture(scope="module")
def upgraded(request):
    made = Restored(tempfile.mkdtemp(prefix="aihub-test-"), request.param)
    try:
        made.put_back()
        made.upgrade()
        yield made
    finally:
        made.close()


def test_every_request_is_in_the_ledger_once_for_what_it_cost(upgraded):
    """Including those that the old release never ingested, and those that are only in the journals of its dead
    workers."""
    recorded, rows = upgraded.recorded["requests"], upgraded.found.ledger
    late = recorded.keys() - set(upgraded.recorded["in_ledger"])
    assert collections.Counter(recorded[id]["ends"] for id in late) == {"completed": 20, "interrupted": 6}
    assert {id: (row["nano_usd"], row["outcome"]) for id, row in rows.items()} == {
        id: (one["nano_usd"], one["ends"]) for id, one in recorded.items()}
    # Of what a dead worker held there may be a row of whoever gave it back, too, which the last word replaces.
    assert collections.Counter(row["id"] for row in upgraded.found.rows if row["kind"] == "final") == dict.fromkeys(recorded, 1)
    assert all(one["billed_nano_usd"] <= one["nano_usd"] for one in recorded.values())


def test_every_budget_has_spent_what_was_recorded(upgraded):
    """In PostgreSQL's sums, in Redis's counters of keys and orgs, and as `/v1/me` tells it."""
    assert [*i2_redis_is_ledger(upgraded.found), *i2_sums_are_rows(upgraded.found)] == []
    spent = {key: nano for _, key, _, nano, _ in upgraded.found.spend}
    for name, key in upgraded.recorded["keys"].items():
        assert spent.get(key["id"], 0) == upgraded.spent(name), name
        counters = upgraded.found.counters[key["id"]]
        assert (counters["month_spent"], counters["day_spent"]) == (upgraded.spent(name),) * 2, name
    secret = upgraded.recorded["keys"]["money"]["secrets"][0][0]
    used = {limit["name"]: limit["used"] for limit in ask(upgraded.workers[0], "GET", "/v1/me", secret)[2]["limits"] if limit["scope"] == "key"}
    assert used["usd_per_month"] == used["usd_per_day"] == f"{upgraded.spent('money') / 10**9:.9f}"


def test_usage_of_the_older_release_is_in_the_sums(upgraded):
    """The control plane adds it by itself, beside what it ingests; each request once."""
    wait_until(lambda: upgraded.sql("select done_at is not null from usage_backfill") == [(True,)], what="all usage is in the sums")
    assert upgraded.sql("select requests > 0 from usage_backfill") == [(True,)], "there was some"
    assert upgraded.sql("select * from usage_differences") == []
    for table in ("usage_hour", "usage_day"):
        assert upgraded.sql(f"select sum(nano_usd), sum(counted_requests) from {table}") == upgraded.sql(
            "select sum(nano_usd), sum(requests) from spend")


def test_every_key_works_or_is_refused_as_before(upgraded):
    for name, key in upgraded.recorded["keys"].items():
        for secret, model, *before in key["secrets"]:
            for worker in upgraded.workers:
                status, _, answer = ask(worker, "POST", CHAT, secret, body(model))
                assert [status, None if status == 200 else answer["error"]["type"]] == before, name
    told = [entry[2:] for key in upgraded.recorded["keys"].values() for entry in key["secrets"]]
    assert {status for status, _ in told} >= {200, 401, 402}, "the recording has all of them"


@pytest.fixture(scope="module")
def least(upgraded):
    """The nano-USD that must be left to admit one request, found with a new key."""
    key, refused, served, spent = upgraded.new_key(), 0, 1_000_000, 0
    while served - refused > 1:
        left = (refused + served) // 2
        limit(upgraded, key, "keys", "month", spent + left)
        cost = cost_of_one(upgraded, key["key"])
        refused, served, spent = (left, served, spent) if cost is None else (refused, left, spent + cost)
    return served


def limit(upgraded, key, whose, period, nano):
    usd = None if nano is None else f"{nano / 10**9:.9f}"
    upgraded.admin("PATCH", f"/{whose}/{key['id' if whose == 'keys' else 'org_id']}", {"limits": {f"usd_per_{period}": usd}}, expect=200)


def cost_of_one(upgraded, secret):
    """What a request was charged, after its hold is settled; `None` if it is refused for lack of money."""
    status, headers, answer = ask(upgraded.workers[0], "POST", CHAT, secret, body("plain"))
    assert status == 200 or (status, answer["error"]["type"]) == (402, "insufficient_quota")
    wait_until(lambda: open_holds(upgraded) == 0, what="it is settled")
    return int(decimal.Decimal(headers["x-aihub-cost-usd"]) * 10**9) if status == 200 else None


@pytest.mark.parametrize("whose", ["keys", "orgs"])
@pytest.mark.parametrize("period", ["day", "month"])
def test_a_budget_ends_at_the_nano(upgraded, least, whose, period):
    """A request needs as much with recorded spending as without: with one nano-USD less it is refused."""
    key = upgraded.recorded["keys"]["plain"]
    secret, cost = key["secrets"][0][0], cost_of_one(upgraded, key["secrets"][0][0])
    wait_quiet(upgraded)
    spent, = upgraded.sql("select sum(nano_usd)::bigint from spend where org_id = %s", key["org_id"])[0]
    try:
        for before, left, charged in [(spent, least - 1, None), (spent, least, cost), (spent + cost, least - 1, None)]:
            limit(upgraded, key, whose, period, before + left)
            assert cost_of_one(upgraded, secret) == charged
    finally:
        limit(upgraded, key, whose, period, None)


def test_a_quota_goes_on_where_it_was(upgraded):
    key = upgraded.recorded["keys"]["quota"]
    wait_quiet(upgraded)
    used, = upgraded.sql("select sum(requests)::bigint from spend where key_id = %s", key["id"])[0]
    assert used >= sum(one["key"] == "quota" for one in upgraded.recorded["requests"].values())
    answers = [ask(upgraded.workers[n % 2], "POST", CHAT, key["secrets"][0][0], body("plain"))[0] for n in range(20 - used + 2)]
    assert answers == [200] * (20 - used) + [402] * 2


def test_what_is_served_from_now_on_is_charged(upgraded):
    for name in ("plain", "money", "free", "team"):
        for worker in upgraded.workers:
            for stream in (False, True):
                assert ask(worker, "POST", CHAT, upgraded.recorded["keys"][name]["secrets"][0][0], body("cached", stream))[0] == 200
    wait_quiet(upgraded)
    facts = gather(upgraded)
    bill = upgraded.bill()
    assert len(bill) >= 16
    assert {id: row["nano_usd"] for id, row in facts.ledger.items() if id not in upgraded.recorded["requests"]} == {
        id: price(entry) for id, entry in bill.items()}
    assert [*i2_redis_is_ledger(facts), *i2_sums_are_rows(facts)] == []


def test_the_audit_log_of_before_is_sealed(upgraded):
    def all_sealed():
        said = upgraded.run_control("audit", "verify")
        count, = upgraded.sql("select count(*) from audit_log")[0]
        return f"{count} rows are sealed" in said and count

    # A row is sealed within a second of being written, and the start of today's release writes one.
    assert wait_until(all_sealed, what="every row is sealed", every=0.2) > 50
