"""What is recorded: keys in every state, money spent, and a worker and a Redis that die in the middle of it."""

import http.client
import json
import pathlib

from clock import patience
from dead_journals import ENDED, RUNNING, cost, fields, payloads
from processes import wait_until
from raw import ask
from stack import price

CHAT = "/v1/chat/completions"


def body(model, stream=False):
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 50, "stream": stream}


class Stream:
    """A request whose response is read in pieces."""

    def __init__(self, worker, secret, model):
        self.connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=patience(60))
        self.connection.request("POST", CHAT, json.dumps(body(model, stream=True)), {
            "Authorization": f"Bearer {secret}", "Content-Type": "application/json"})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        self.id = self.answer.headers["x-request-id"]
        self.answer.readline()

    def is_whole(self):
        return b"data: [DONE]" in self.answer.read()


class Scenario:
    def __init__(self, gateway):
        self.gateway = gateway
        #: name -> its key's id, org, and each secret with what it is answered: `[secret, model, status, type]`.
        self.keys = {}
        #: id of a request -> [name of its key, how it ended]
        self.requests = {}

    def play(self):
        self.make_keys()
        for _ in range(3):
            for name in ("plain", "money", "free", "team", "retired", "lapsed", "suspended", "rotated", "narrow", "quota"):
                self.spend(name)
        for model in ("cached", "slow", "plain"):
            self.spend("money", model)
        wait_until(lambda: self.answer("poor")[1] != 200, what="the poor key has no money left")
        self.end_keys()
        for name, key in self.keys.items():
            for entry in key["secrets"]:
                entry += self.answer(name, *entry)[1:]
        wait_until(lambda: self.requests.keys() <= self.gateway.ledger().keys(), what="the ledger has it all")

    def make_keys(self):
        self.gateway.sql("insert into plan (name, org_nano_usd_per_day, org_requests_per_month) values ('team', 400000000, 5000)")
        self.key("plain")
        self.key("money", limits={"usd_per_month": "0.5", "usd_per_day": "0.2"})
        self.key("poor", limits={"usd_per_month": "0.0007"})
        self.key("free", plan="free")
        self.key("team", plan="team")
        self.key("quota", limits={"requests_per_day": 20})
        self.key("narrow", allowed_models=["plain"])
        for name in ("retired", "lapsed", "suspended", "rotated", "unused"):
            self.key(name)

    def key(self, name, **draft):
        made = self.gateway.new_key(**draft)
        self.keys[name] = {"id": made["id"], "org_id": made["org_id"], "limits": draft.get("limits", {}), "secrets": [[made["key"], "plain"]]}
        worker = self.gateway.workers[0]
        wait_until(lambda: ask(worker, "GET", "/v1/models", made["key"])[0] == 200, what="the key is known")

    def end_keys(self):
        admin, keys = self.gateway.admin, self.keys
        admin("POST", f"/keys/{keys['retired']['id']}/revoke", expect=200)
        admin("PATCH", f"/keys/{keys['lapsed']['id']}", {"expires_at": "2026-11-01T00:00:00Z"}, expect=200)
        admin("PATCH", f"/orgs/{keys['suspended']['org_id']}", {"status": "suspended"}, expect=200)
        for overlap in (0, 7 * 86400):
            made = admin("POST", f"/keys/{keys['rotated']['id']}/rotate", {"overlap_seconds": overlap}, expect=200)
            keys["rotated"]["secrets"].append([made["key"], "plain"])
        keys["narrow"]["secrets"].append([keys["narrow"]["secrets"][0][0], "cached"])

    def answer(self, name, secret=None, model="plain", worker=0):
        secret = secret or self.keys[name]["secrets"][0][0]
        status, headers, answer = ask(self.gateway.workers[worker], "POST", CHAT, secret, body(model))
        if status == 200:
            self.requests[headers["x-request-id"]] = [name, "completed"]
        return secret, status, None if status == 200 else answer["error"]["type"]

    def spend(self, name, model="plain", worker=0):
        assert self.answer(name, model=model, worker=worker)[1] == 200, name

    def stream(self, name, model, worker, ends):
        stream = Stream(self.gateway.workers[worker], self.keys[name]["secrets"][0][0], model)
        self.requests[stream.id] = [name, ends]
        return stream

    def break_off(self):
        """Kills the control plane, so that the ledger misses the rest; then Redis, so that it misses some settles; then
        the workers."""
        self.gateway.control.kill()
        for name in ("plain", "money", "free", "team", "quota", "narrow"):
            for worker in (0, 1):
                self.spend(name, worker=worker)
        stuck = [self.stream(name, "stuck", worker, "interrupted") for name in ("plain", "money", "quota") for worker in (0, 1)]
        wait_until(lambda: self.words_on_disk(stuck, RUNNING), what="what the stuck ones have cost is in the journals")
        slow = [self.stream(name, "slow", worker, "completed") for name in ("plain", "money", "team") for worker in (0, 1)]
        self.gateway.state.process.kill()
        for worker in (0, 1):
            # Without a limit of money it is served without the limiter.
            self.spend("narrow", worker=worker)
        assert all(one.is_whole() for one in slow)
        wait_until(lambda: self.words_on_disk(slow, ENDED), what="the ends of the slow ones are in the journals")
        for worker in self.gateway.workers:
            worker.process.kill()

    def last_words(self):
        """id -> kind and cost of the last record of each request in the journals."""
        found = {}
        for path in sorted(pathlib.Path(self.gateway.folder).glob("worker-*/journal/*/*.j")):
            for payload in payloads(path.read_bytes()):
                found[fields(payload)[0].decode()] = payload[0], cost(payload)
        return found

    def words_on_disk(self, streams, kind):
        """Whether the journals have the ends of these requests, or for running ones a cost that covers the provider's
        bill."""
        bill, words = self.gateway.bill(), self.last_words()
        return all(words.get(one.id, (0, 0))[0] == kind and words[one.id][1] >= price(bill[one.id]) for one in streams)

    def account(self):
        """What each request costs: the provider's bill; for an interrupted one, the last cost in the worker's
        journal."""
        bill, words = self.gateway.bill(), self.last_words()
        assert bill.keys() == self.requests.keys()
        account = {}
        for id, (name, ends) in self.requests.items():
            nano = price(bill[id]) if ends == "completed" else words[id][1]
            account[id] = {"key": name, "ends": ends, "nano_usd": nano, "billed_nano_usd": price(bill[id])}
        return account
