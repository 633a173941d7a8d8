"""Usage events as a busy gateway leaves them, and what they sum up to, computed without the database."""

import datetime
import json
import random
import uuid

UTC = datetime.timezone.utc
TOKENS = {"input_tokens": "input", "cache_read_tokens": "cacheRead", "cache_write_tokens": "cacheWrite",
          "cache_write_hour_tokens": "cacheWriteHour", "image_input_tokens": "imageInput", "output_tokens": "output",
          "reasoning_tokens": "reasoning", "images": "images"}
#: What is hard to write in CSV and JSON, too.
MODELS = ["m-1", 'a,"b"', "größe"]
ALIASES = ["fast", "smart", "=sum(a1)"]
DEPLOYMENTS = ["d-1", "d-2", "d-3"]


def org_id(number, prefix="u"):
    """Of the form that ids of orgs have, so that an org of that id can be made."""
    return f"org_{prefix}{number:0{16 - len(prefix)}}"


VALUES = {
    "org": [org_id(n) for n in range(4)] + ["org_none"], "key": [f"ukey_{n}" for n in range(12)], "model": MODELS,
    "deployment": DEPLOYMENTS, "alias": ALIASES, "outcome": ["completed", "cancelled", "interrupted", "failed"],
    "status": ["2xx", "4xx", "5xx", "none"], "cache": ["hit", "none"]}
UNITS = {"1m": datetime.timedelta(minutes=1), "1h": datetime.timedelta(hours=1), "1d": datetime.timedelta(days=1)}


def ms(instant):
    return round(instant.timestamp() * 1000)


def instant(at_ms):
    return datetime.datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)


class Traffic:
    """Requests of four orgs with three keys each; `batches` are what the ledger is given, in this order."""

    def __init__(self, seed, now, prefix="u"):
        self.random, self.now, self.prefix = random.Random(seed), now, prefix

    def moments(self):
        """Edges of minutes, hours, days and months, and anything between; of the last two days and the last months."""
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        month = midnight.replace(day=1)
        edges = [midnight, midnight - UNITS["1d"], month, self.now.replace(minute=0, second=0, microsecond=0),
                 self.now.replace(second=0, microsecond=0) - UNITS["1h"], midnight - 7 * UNITS["1d"]]
        edge = self.random.choice(edges) + datetime.timedelta(milliseconds=self.random.choice([-1, 0, 1, -60_000, 59_999]))
        any_time = self.now - datetime.timedelta(seconds=self.random.choice([40 * 3600, 25 * 86400, 150]) * self.random.random())
        return min(self.random.choice([edge, any_time, any_time]), self.now)

    def event(self, id, at, key, **given):
        r = self.random
        outcome = r.choice(["completed"] * 6 + ["cancelled", "interrupted", "failed"])
        first = r.choice([0, r.randrange(1, 3000)])
        return {
            "id": id, "keyID": f"{self.prefix}key_{key}", "orgID": org_id(key % 4, self.prefix), "owner": "w",
            "requested": r.choice(ALIASES), "model": r.choice(MODELS), "deployment": r.choice(DEPLOYMENTS), "priceID": 1,
            "admittedMs": ms(at), "usage": {name: r.randrange(0, 2000) for name in TOKENS.values()} | {"imagePlace": 0},
            "usageSource": "provider", "cost": r.randrange(0, 2_000_000_001), "hold": 3_000_000_000, "outcome": outcome,
            "status": 0 if outcome == "failed" else r.choice([200, 200, 404, 502]), "attempts": 1, "streamed": r.random() < 0.5,
            "givenBack": outcome == "failed", "firstByteMs": first,
            "durationMs": first + r.choice([0, 1, r.randrange(5_000_000)]), "configVersion": 1, "rawUsage": "SECRET"} | given

    def request(self):
        """The words about one request, in the order in which they come; a list in it comes in one batch."""
        r = self.random
        at, key = self.moments(), r.randrange(12)
        number = (ms(at) << 80) | (7 << 76) | (r.getrandbits(12) << 64) | (2 << 62) | r.getrandbits(62)
        id = str(uuid.UUID(int=number))
        final = ("final", self.event(id, at, key))
        kind = r.choice(["final"] * 8 + ["cached", "reaped", "late", "late", "early", "both", "twice"])
        if kind == "cached":
            return [("final", final[1] | {"cost": 0, "saved": r.randrange(1, 10**9), "givenBack": True, "outcome": "completed"})]
        if kind in ("final", "twice"):
            return [final] * (2 if kind == "twice" else 1)
        # The worker's clock, or the deployment of another attempt, need not be what the reaper knew.
        reaped = ("reaped", self.event(id, at, key, outcome="interrupted", status=0, givenBack=False))
        final[1]["admittedMs"] += r.choice([0, 0, 61_000, -61_000])
        return {"reaped": [reaped], "late": [reaped, final], "early": [final, reaped], "both": [[reaped, final]]}[kind]

    def batches(self, requests):
        """Batches in which what comes later comes later."""
        made = [[] for _ in range(max(3, requests // 80))]
        for _ in range(requests):
            words = self.request()
            places = sorted(self.random.sample(range(len(made)), len(words)))
            for place, word in zip(places, words):
                made[place] += word if isinstance(word, list) else [word]
        return [batch for batch in made if batch]


def document(batch):
    return json.dumps([{"kind": kind, "event": event} for kind, event in batch])


class Sums:
    """A plain sum over requests: what the ledger has to say of the batches given so far."""

    def __init__(self):
        self.rows, self.charged = {}, {}

    def add(self, batch):
        for id in {event["id"] for _, event in batch}:
            new = {kind: event for kind, event in reversed(batch) if event["id"] == id}
            first = new.get("reaped") or new["final"]
            self.charged.setdefault(id, first["admittedMs"])
            known = self.rows.setdefault(id, {})
            self.rows[id] = new | known
        return self

    def requests(self):
        """One dict a request, with the values of all columns."""
        for id, rows in self.rows.items():
            kind = "final" if "final" in rows else "reaped"
            event = rows[kind]
            saved = event.get("saved") if kind == "final" else None
            yield {
                "id": id, "at": instant(self.charged[id]), "org": event["orgID"], "key": event["keyID"], "model": event["model"],
                "deployment": event["deployment"], "alias": event["requested"], "outcome": event["outcome"],
                "status": f"{event['status'] // 100}xx" if event["status"] else "none",
                "cache": "none" if saved is None else "hit", "requests": 1,
                "counted_requests": int(kind == "reaped" or not event["givenBack"]), "cache_hits": int(saved is not None),
                **{column: event["usage"][name] for column, name in TOKENS.items()},
                "usd": event["cost"], "usd_saved": saved or 0, "duration_ms": event["durationMs"],
                "first_bytes": int(event["firstByteMs"] > 0), "first_byte_ms": event["firstByteMs"]}


MEASURES = ["requests", "usd", "usd_saved", "counted_requests", "cache_hits", *TOKENS, "duration_ms", "first_bytes", "first_byte_ms"]
COSTS = MEASURES[:3]


def truncated(at, bucket):
    zero = {"1m": {}, "1h": {"minute": 0}, "1d": {"minute": 0, "hour": 0}}[bucket]
    return at.replace(second=0, microsecond=0, **zero)


def rfc3339(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def money(nano):
    return f"{nano // 10**9}.{nano % 10**9:09d}"


def summed(requests, bucket, start, end, groups, filters, measures=MEASURES):
    """Rows as the API gives them: in whole buckets from that of `start` to before `end`."""
    sums, earliest = {}, truncated(start, bucket)
    for request in requests:
        if not earliest <= request["at"] < end + UNITS[bucket] or any(request[name] not in values for name, values in filters.items()):
            continue
        first = truncated(request["at"], bucket)
        if first >= end:
            continue
        row = sums.setdefault((rfc3339(first), *(request[name] for name in groups)), dict.fromkeys(measures, 0))
        for measure in measures:
            row[measure] += request[measure]
    columns = ["start", *({"org": "org_id", "key": "key_id"}.get(name, name) for name in groups)]
    return [dict(zip(columns, key)) | row | {name: money(row[name]) for name in ("usd", "usd_saved")}
            for key, row in sorted(sums.items(), key=lambda item: [text.encode() for text in item[0]])]


def asked(r, now, costs):
    """A random question: bucket, start, end, groups and filters."""
    bucket = "1d" if costs else r.choice(list(UNITS))
    reach = {"1m": datetime.timedelta(hours=46), "1h": datetime.timedelta(days=40), "1d": datetime.timedelta(days=160)}[bucket]
    most = {"1m": 1_440, "1h": 168, "1d": 170 if costs else 31}[bucket] - 1
    start = now - r.random() * reach
    end = min(start + r.randrange(1, most) * UNITS[bucket] * r.choice([1, r.random()]), now + UNITS["1d"])
    # Whole seconds, as they are written; and often an edge.
    start, end = start.replace(microsecond=0), end.replace(microsecond=0) + datetime.timedelta(seconds=1)
    if r.random() < 0.4:
        start = start.replace(hour=0, minute=0, second=0) if bucket == "1d" else start.replace(second=0)
        end = max(end.replace(second=0), start + UNITS[bucket])
    groups = r.sample(list(VALUES), r.choice([0, 1, 1, 2, 2, 3, 8]))
    filters = {name: r.sample(VALUES[name], r.randrange(1, len(VALUES[name]))) for name in r.sample(list(VALUES), r.choice([0, 0, 1, 2, 3]))}
    return bucket, start, end, groups, filters
