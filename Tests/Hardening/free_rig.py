"""Many orgs with a key each, made in SQL, and callers that ask with all of them at once."""

import base64
import hashlib
import hmac
import http.client
import json
import random
import string
import threading
import time
import zlib

import psycopg2.extras

from processes import wait_until
from raw import ask

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
#: More than any provider asks: a few tokens are a cent.
DEAR = 'usd_per_million_tokens: {input: "150", output: "600"}'


def load_dear(stack):
    """Models that cost as much as any, with short and long answers, and one whose usage never comes."""
    scripts = {"dear": "in=40,out=30", "dear-long": "in=40,out=400", "dear-mute": "in=40,out=60,usage=missing"}
    lines = ["models:"] + [
        f"  - {{name: {name}, vendor: scripted, max_output_tokens: 400, first_event_ms: 5000, idle_ms: 5000, {DEAR}}}"
        for name in scripts] + ["deployments:"] + [
        f"  - {{id: {name}-1, model: {name}, provider: scripted, upstream_model: 'script:{script}'}}"
        for name, script in scripts.items()]
    path = stack.folder / "dear.yaml"
    path.write_text("\n".join(lines) + "\n")
    stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
    key = stack.new_key()["key"]
    wait_until(lambda: all(ask(worker, "GET", "/v1/models/dear-mute", key)[0] == 200 for worker in stack.workers),
               what="the models are known")
    return list(scripts)


def has_column(stack, name):
    """Whether the plan table has the column; older builds are tested too."""
    return bool(stack.sql(
        "select 1 from information_schema.columns where table_name = 'plan' and column_name = %s", name))


def base62(number, width):
    out = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        out = DIGITS[digit] + out
    return out


def new_secret(source):
    body = "sk-hub-" + base62(source.getrandbits(256), 43)
    return body + base62(zlib.crc32(body.encode()), 6)


def make_orgs(stack, plan, count, source):
    """As many orgs on the plan, each with a key; returns the keys' secrets."""
    pepper = base64.b64decode((stack.secrets / "pepper").read_text().split("\n")[0].split(":")[1])
    orgs, keys, secrets = [], [], []
    for _ in range(count):
        org, key = ("".join(source.choices(DIGITS, k=16)) for _ in range(2))
        secret = new_secret(source)
        digest = hmac.new(pepper, secret.encode(), hashlib.sha256).hexdigest()
        orgs.append((f"org_{org}", "many", plan))
        keys.append((f"key_{key}", f"org_{org}", "many", digest, secret[:11]))
        secrets.append(secret)
    with psycopg2.connect(stack.postgres.url) as connection, connection.cursor() as cursor:
        psycopg2.extras.execute_values(cursor, "insert into org (id, name, plan) values %s", orgs)
        psycopg2.extras.execute_values(
            cursor, "insert into api_key (id, org_id, name, digest, display) values %s", keys)
    return secrets


def published(stack):
    return stack.sql("select count(*) from config_change where published_at is null") == [(0,)]


class Crowd:
    """Callers that send requests with the keys of many orgs until every one is refused."""

    def __init__(self, workers, secrets, body, callers, asks_max, seconds_max=400):
        self.workers, self.secrets, self.body, self.asks_max = workers, list(secrets), body, asks_max
        self.lock, self.asked, self.passed, self.answers = threading.Lock(), 0, 0, []
        self.is_over, self.deadline = False, time.monotonic() + seconds_max
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(callers)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def join(self):
        for thread in self.threads:
            thread.join()
        return self

    def run(self, number):
        source, connection = random.Random(number), None
        worker, again = self.workers[number % len(self.workers)], None
        while not self.is_over and self.asked < self.asks_max and time.monotonic() < self.deadline:
            with self.lock:
                if not self.secrets:
                    return
                secret, self.asked = again or source.choice(self.secrets), self.asked + 1
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", worker.port, timeout=30)
                connection.request("POST", "/v1/chat/completions", json.dumps(self.body), {
                    "Authorization": f"Bearer {secret}", "Content-Type": "application/json"})
                answer = connection.getresponse()
                status, data = answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                connection = None
                continue
            again = self.take(secret, status, data)

    def take(self, secret, status, data):
        """Returns the key if the answer says to try again."""
        if status == 200:
            self.passed += 1
            return None
        error = json.loads(data)["error"]
        with self.lock:
            self.answers.append((status, error))
            if error["type"] == "insufficient_quota":
                if error["limit"]["scope"] == "plan":
                    self.is_over = True
                elif secret in self.secrets:
                    self.secrets.remove(secret)
                return None
        time.sleep(0.2)  # As the answer asks for, or a little sooner.
        return secret


class Watch:
    """Samples what all shards together have spent and hold of pools, and their limits."""

    def __init__(self, stack, ceilings):
        self.stack, self.ceilings, self.looks, self.worst = stack, ceilings, 0, {}
        self.most_shared, self.over, self.stopping = {}, [], threading.Event()
        self.client, self.thread = stack.redis(), threading.Thread(target=self.run)
        self.shards = None

    def __enter__(self):
        self.shards = [name.removeprefix("c:") for name in self.client.scan_iter("c:{*", count=1000)]
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(30)

    def run(self):
        while not self.stopping.wait(0.02):  # Those who ask shall get their turn, too.
            for plan, ceiling in self.ceilings.items():
                try:
                    self.look(plan, ceiling)
                except Exception as error:  # A Redis that is being put back knows no functions for a moment.
                    if "unknown" not in str(error).lower() and "function" not in str(error).lower():
                        self.over.append((plan, repr(error)))

    def look(self, plan, ceiling):
        day = time.strftime("%Y%m%d", time.gmtime())
        pipe = self.client.pipeline(transaction=True)
        for shard in self.shards:
            pipe.fcall_ro("gw2_inspect", 1, f"b:{shard}:pool:{plan}")
        for shard in self.shards:
            pipe.hget(f"c:{shard}", f"pool:{plan}:{day}")
        replies = pipe.execute()
        used = 0
        for words in replies[:len(self.shards)]:
            scope = dict(zip(words[::2], map(int, words[1::2])))
            used += scope["day_spent"] + scope["day_reserved"]
        shared = sum(int(text.split()[1]) for text in replies[len(self.shards):] if text)
        self.looks += 1
        self.worst[plan] = max(self.worst.get(plan, 0), used)
        self.most_shared[plan] = max(self.most_shared.get(plan, 0), shared)
        if used > ceiling or shared > ceiling:
            self.over.append((plan, used, shared, ceiling))
