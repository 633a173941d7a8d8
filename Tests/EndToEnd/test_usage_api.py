"""What the admin API says of usage, costs and requests is the plain sum over the ledger, to the nano-dollar."""

import csv
import datetime
import io
import json
import pathlib
import random
import re
import socket
import urllib.error
import urllib.parse
import urllib.request

import psycopg2
import pytest

from clock import patience
from processes import wait_until
from stack import Stack
from usage_rig import COSTS, MEASURES, UTC, VALUES, Sums, Traffic, asked, document, money, org_id, rfc3339, summed

SEED = 7
REQUESTS = 1_000
FILTERS = 500


@pytest.fixture(scope="module")
def own_stack():
    made = Stack(workers=0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def traffic(own_stack):
    """The requests in the ledger, as the events say, and the time they end at."""
    now = datetime.datetime.now(UTC)
    sums, made = Sums(), Traffic(SEED, now)
    connection = psycopg2.connect(own_stack.postgres.url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("set role gw_ingest")
        for batch in made.batches(REQUESTS):
            cursor.execute("select take_usage_in(%s::jsonb)", [document(batch)])
            sums.add(batch)
    connection.close()
    return list(sums.requests()), now


def get(stack, path, parameters, accept="application/json", token=None):
    token = token or (stack.secrets / "admin-token").read_text().strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{stack.admin_port}/admin/v1{path}?{urllib.parse.urlencode(parameters)}",
        headers={"Authorization": f"Bearer {token}", "Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=patience(10)) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["content-type"], error.read().decode()


def parsed(text, content_type, groups, measures):
    if content_type.startswith("application/json;") or content_type == "application/json":
        return json.loads(text)["data"]
    if content_type.startswith("application/jsonl"):
        return [json.loads(line) for line in text.splitlines()]
    rows = list(csv.DictReader(io.StringIO(text)))
    numbers = [name for name in measures if name not in ("usd", "usd_saved")]
    return [{name: int(value) if name in numbers else value.removeprefix("'") for name, value in row.items()} for row in rows]


def test_any_filter_gives_the_plain_sum_over_the_ledger(own_stack, traffic):
    requests, now = traffic
    r, seen = random.Random(SEED), 0
    for number in range(FILTERS):
        costs = number % 5 == 0
        bucket, start, end, groups, filters = asked(r, now, costs)
        parameters = [("start", rfc3339(start)), ("end", rfc3339(end)), *([] if costs else [("bucket", bucket)]),
                      *(("group_by[]", name) for name in groups),
                      *((name + r.choice(["", "[]"]), value) for name, values in filters.items() for value in values)]
        accept = r.choice(["application/json", "text/csv", "application/jsonl"])
        status, content_type, text = get(own_stack, "/costs" if costs else "/usage", parameters, accept)
        measures = COSTS if costs else MEASURES
        expected = summed(requests, bucket, start, end, groups, filters, measures)
        assert status == 200 and content_type.startswith(accept), (parameters, text)
        assert parsed(text, content_type, groups, measures) == expected, parameters
        seen += len(expected) > 0
    # More than half of them have something to be wrong about.
    assert seen > FILTERS / 2


def test_requests_are_listed_newest_first_and_without_content(own_stack, traffic):
    requests, now = traffic
    r = random.Random(SEED)
    for _ in range(15):
        filters = {name: r.sample(VALUES[name], r.randrange(1, 4)) for name in r.sample(["key", "model", "outcome"], r.randrange(3))}
        since, cost = (now - datetime.timedelta(days=28) * r.random()).replace(microsecond=0), r.choice([0, 500_000_000, 1_999_000_000])
        expected = sorted((request for request in requests if request["at"] >= since and request["usd"] >= cost
                           and all(request[name] in values for name, values in filters.items())), key=lambda x: x["id"], reverse=True)
        parameters = [("since", rfc3339(since)), ("cost[gte]", money(cost)), ("limit", "200"),
                      *((name, value) for name, values in filters.items() for value in values)]
        found, page = [], {"has_more": True}
        while page["has_more"]:
            status, _, text = get(own_stack, "/requests", parameters + ([("after", found[-1]["id"])] if found else []))
            assert status == 200 and "SECRET" not in text, text
            page = json.loads(text)
            found += page["data"]
        assert [(row["id"], row["usd"], row["alias"], row["model"]) for row in found] == [
            (request["id"], money(request["usd"]), request["alias"], request["model"]) for request in expected]
    one = found[0] if found else json.loads(get(own_stack, "/requests", [])[2])["data"][0]
    assert json.loads(get(own_stack, f"/requests/{one['id']}", [])[2]) == one
    for unknown in ("x", "019a0000-0000-7000-8000-00000000000a"):
        assert get(own_stack, f"/requests/{unknown}", [])[0] == 404


def test_an_orgs_caller_sees_the_usage_of_its_org_alone(own_stack, traffic):
    requests, now = traffic
    one, another = org_id(1), org_id(2)
    own_stack.sql("insert into org (id, name, plan) values (%s, 'usage', 'unlimited') returning id", one)
    viewer = own_stack.admin("POST", "/admin-keys", {"name": "v", "role": "viewer", "org_id": one}, expect=201)["key"]
    start, end = now - datetime.timedelta(days=20), now + datetime.timedelta(days=1)
    period = [("start", rfc3339(start)), ("end", rfc3339(end)), ("group_by", "org"), ("group_by", "key")]
    own, others = ([x for x in requests if (x["org"] == one) is mine] for mine in (True, False))
    for parameters in (period, [*period, ("org", one), ("org", another)]):
        for accept in ("application/json", "text/csv", "application/jsonl"):
            status, content_type, text = get(own_stack, "/usage", parameters, accept, token=viewer)
            expected = summed(own, "1d", start, end, ["org", "key"], {}, MEASURES)
            assert status == 200 and parsed(text, content_type, ["org", "key"], MEASURES) == expected != []
    assert json.loads(get(own_stack, "/costs", [*period[:2], ("org", another)], token=viewer)[2])["data"] == []
    listed = json.loads(get(own_stack, "/requests", [("limit", "200")], token=viewer)[2])["data"]
    assert listed and {row["org_id"] for row in listed} == {one}
    assert json.loads(get(own_stack, "/requests", [("key", others[0]["key"])], token=viewer)[2])["data"] == []
    assert get(own_stack, f"/requests/{own[0]['id']}", [], token=viewer)[0] == 200
    assert get(own_stack, f"/requests/{others[0]['id']}", [], token=viewer)[0] == 404


@pytest.mark.parametrize(("path", "parameters", "param"), [
    ("/usage", {}, "start"), ("/usage", {"start": "yesterday"}, "start"), ("/usage", {"start": "2026-13-01T00:00:00Z"}, None),
    ("/usage", {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "end"),
    ("/usage", {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:01Z"}, "start"),
    ("/usage", {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z", "bucket": "1m"}, "start"),
    ("/usage", {"start": "2026-01-01T00:00:00Z", "bucket": "2h"}, "bucket"),
    ("/usage", {"start": "2026-01-01T00:00:00Z", "group_by": "nothing"}, "group_by"),
    ("/usage", {"start": "2026-01-01T00:00:00Z", "modle": "x"}, "modle"),
    ("/costs", {"start": "2026-01-01T00:00:00Z", "end": "2026-07-01T00:00:00Z"}, "start"),
    ("/costs", {"start": "2026-01-01T00:00:00Z", "bucket": "1h"}, "bucket"),
    ("/requests", {"after": "x"}, "after"), ("/requests", {"cost[gte]": "much"}, "cost[gte]"), ("/requests", {"limit": "201"}, "limit")])
def test_what_cannot_be_answered_is_refused(own_stack, path, parameters, param):
    status, _, text = get(own_stack, path, parameters)
    assert (status, json.loads(text)["error"].get("param")) == (422, param), text


#: Rows of a report too long for the buffers between the server and a client that does not read.
LONG = 60_000


@pytest.fixture(scope="module")
def long_reports(own_stack):
    """The path of a report with so many rows, and one with twice as many."""
    own_stack.sql(
        "insert into usage_day select 'day', '2025-01-01', case when mod(n, 3) = 0 then 'long_a' else 'long_b' end, 'key_' || n, 'm', 'd',"
        " 'r', 'completed', 2, false, 1, 1, n, 0, 0, 0, 0, 0, 0, 0, n, 0, 0, 0, 0 from generate_series(1, %s) n", LONG * 3)
    return [f"/costs?start=2025-01-01T00:00:00Z&end=2025-01-02T00:00:00Z&group_by=key&org={org}" for org in ("long_a", "long_b")]


def asking(stack, path):
    """A connection that has asked for a report and reads nothing of it."""
    token = (stack.secrets / "admin-token").read_text().strip()
    client = socket.create_connection(("127.0.0.1", stack.admin_port), timeout=patience(10))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(f"GET /admin/v1{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\naccept: text/csv\r\n\r\n".encode())
    return client, client.recv(12)


def test_reports_that_nobody_reads_do_not_use_up_the_database(own_stack, long_reports):
    path = long_reports[1]
    open_ones = [asking(own_stack, path) for _ in range(2)]
    assert [head for _, head in open_ones] == [b"HTTP/1.1 200"] * 2
    status, answer = own_stack.admin("GET", "/costs?start=2025-01-01T00:00:00Z&end=2025-01-02T00:00:00Z")
    assert (status, answer["error"]["type"]) == (503, "exports_busy")
    assert own_stack.admin("GET", "/requests")[0] == 200, "everything else goes on"
    for client, _ in open_ones:
        client.close()
    wait_until(lambda: own_stack.admin("GET", "/costs?start=2025-01-01T00:00:00Z&end=2025-01-02T00:00:00Z")[0] == 200,
               what="a report whose client left is over")


def test_a_longer_report_needs_no_more_memory(own_stack, long_reports):
    def report(path):
        status, _, text = get(own_stack, path.partition("?")[0], urllib.parse.parse_qsl(path.partition("?")[2]), "text/csv")
        assert status == 200
        return text, peak(own_stack.control.child.pid)

    shorter, before = report(long_reports[0])
    longer, after = report(long_reports[1])
    assert (len(shorter.splitlines()), len(longer.splitlines())) == (1 + LONG, 1 + 2 * LONG)
    numbers = (int(line.split(",")[1].removeprefix("key_")) for line in longer.splitlines()[1:])
    assert sum(numbers) == sum(n for n in range(1, LONG * 3 + 1) if n % 3)
    assert after < before * 1.1
    # As JSON, which is a whole, it is refused.
    status, _, text = get(own_stack, "/costs", urllib.parse.parse_qsl(long_reports[0].partition("?")[2]))
    assert status == 422 and "text/csv" in text


def peak(pid):
    """The most memory that the process has used, in KiB."""
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])
