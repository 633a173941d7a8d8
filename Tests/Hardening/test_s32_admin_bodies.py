"""S32: an admin body with a duplicate member is refused, wherever it is and however it is spelt, because one reader
would use the first and another the last."""

import itertools
import json
import urllib.error
import urllib.request

import rows

names = itertools.count()


def spelt(random, name):
    """A JSON string that means `name`, some of its letters escaped."""
    return '"' + "".join(f"\\u{ord(c):04x}" if random.random() < 0.3 else c for c in name) + '"'


def generate(random):
    name = f"s32-{next(names)}"
    members = [("name", json.dumps(name)), ("plan", '"unlimited"'), ("limits", None)]
    limits = [("requests_per_minute", "5"), ("usd_per_day", '"1"')]
    where = random.choice(["name", "plan", "limits", "requests_per_minute", "usd_per_day"])
    again = {"name": '"other"', "plan": random.choice(['"unlimited"', '"free"']), "limits": "{}", "requests_per_minute": "5000",
             "usd_per_day": random.choice(['"1"', '"1000"', "null"])}[where]
    for list_ in (members, limits):
        if where in dict(list_):
            list_.insert(random.randint(0, len(list_)), (where, again))

    def text(list_):
        gap = random.choice(["", " ", "\n\t"])
        return "{" + ",".join(f"{gap}{spelt(random, n)}:{gap}{text(limits) if v is None else v}" for n, v in list_) + gap + "}"

    return {"name": name, "where": where, "body": text(members)}


def check(stack, variant):
    request = urllib.request.Request(
        f"http://127.0.0.1:{stack.admin_port}/admin/v1/orgs", method="POST", data=variant["body"].encode(),
        headers={"Authorization": f"Bearer {(stack.secrets / 'admin-token').read_text().strip()}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, error = answer.status, {}
    except urllib.error.HTTPError as refused:
        status, error = refused.code, json.load(refused)["error"]
    assert status == 422 and error["param"] == variant["where"], (status, error)
    assert stack.sql("select count(*) from org where name in (%s, 'other')", variant["name"]) == [(0,)]


def test_a_member_that_is_there_twice_is_refused(own_stack):
    rows.attack("S32", generate, lambda variant: check(own_stack, variant), variants=24)
