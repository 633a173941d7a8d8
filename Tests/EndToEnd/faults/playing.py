"""Plays many scripts of the raw upstream through a worker at once and collects the facts to judge each."""

import concurrent.futures
import dataclasses
import functools
import http.client
import json
import socket
import time

from clock import patience
from processes import wait_until
from raw import ask, events
from stack import STOPS

CHAT = "/v1/chat/completions"
PRICES = '{input: "1.000001", cache_read: "0.3", output: "7.000003", reasoning: "11.5"}'


def load_models(stack, models, aliases=None):
    """`models`: name -> (base URL, milliseconds until it counts as silent, allowed network). Returns when
    every worker knows them."""
    lines = {"providers": [], "models": [], "deployments": [], "aliases": []}
    for name, (url, silence, network) in models.items():
        lines["providers"].append(
            f"{{id: {name}, dialect: vllm, base_url: '{url}', allowed_networks: ['{network}'], credential_from_environment: RAW_KEY,"
            f" {STOPS}}}")
        lines["models"].append(
            f"{{name: {name}, vendor: raw, max_output_tokens: 400, first_event_ms: {silence}, idle_ms: {silence},"
            f" usd_per_million_tokens: {PRICES}}}")
        lines["deployments"].append(f"{{id: {name}-1, model: {name}, provider: {name}}}")
    for name, candidates in (aliases or {}).items():
        lines["aliases"].append(f"{{name: {name}, candidates: [{', '.join(f'{{model: {c}}}' for c in candidates)}]}}")
    path = stack.folder / f"{next(iter(models))}.yaml"
    path.write_text("".join(f"{part}:\n" + "".join(f"  - {line}\n" for line in all) for part, all in lines.items() if all))
    stack.run_control("load", path, env={"RAW_KEY": "sk-raw"})
    key = stack.new_key()["key"]
    for worker in stack.workers:
        wait_until(lambda: all(ask(worker, "GET", f"/v1/models/{name}", key)[0] == 200 for name in models))


def body(script, model="raw", stream=True, **more):
    return {"model": model, "stream": stream, "user": script, "messages": [{"role": "user", "content": "hi"}], **more}


def raw_request(key, script, **more):
    data = json.dumps(body(script, **more)).encode()
    return (f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n").encode() + data


def connect(worker, receive_buffer=None):
    connection = socket.socket()
    connection.settimeout(patience(20))
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect(("127.0.0.1", worker.port))
    return connection


@dataclasses.dataclass(repr=False)
class Outcome:
    #: 0 if no complete answer arrived.
    status: int
    headers: dict
    #: A parsed error or plain answer, or the text of a stream.
    body: object
    seconds: float
    received: list
    id: str
    rows: list

    def __repr__(self):
        return (f"{self.status} after {self.seconds:.2f} s, received {len(self.received)} times, rows {self.rows},"
                f" body {str(self.body)[:600]} … {str(self.body)[-300:]}")

    @property
    def row(self):
        assert len(self.rows) == 1, f"not in the ledger exactly once: {self}"
        return self.rows[0]

    @functools.cached_property
    def stream(self):
        return events(self.body.replace(": ping\n", ""))

    @property
    def said(self):
        """The pieces of text that arrived."""
        return [c["delta"]["content"] for e in self.stream if "choices" in e for c in e["choices"] if c["delta"].get("content")]

    @property
    def errors(self):
        return [e["error"] for e in self.stream if "error" in e]

    def is_refused(self, type_="upstream_error", status=502):
        """An error before anything was relayed, sent to the provider only once: free, or charged what may be billed."""
        assert (self.status, self.body["error"]["type"]) == (status, type_), self
        assert len(self.received) <= 1 and len(self.rows) <= 1, self
        assert all(row["nano_usd"] <= row["held_nano_usd"] and row["outcome"] == "failed" for row in self.rows), self

    def is_whole(self, said, cost=None):
        assert self.status == 200 and self.stream[-1] == "[DONE]" and self.errors == [], self
        assert self.said == said and self.stream.count("[DONE]") == 1 and len(self.received) == 1, self
        assert self.row["outcome"] == "completed" and cost in (None, self.row["nano_usd"]), self

    def is_interrupted(self, said, type_="upstream_error"):
        """An in-band error right before `[DONE]`; the relayed part is charged."""
        assert self.status == 200 and self.stream[-1] == "[DONE]" and self.stream.count("[DONE]") == 1, self
        assert [e["type"] for e in self.errors] == [type_] and "error" in self.stream[-2] and self.said == said, self
        named = any(word in self.errors[0]["message"] for word in ("upstream_interrupted", "larger than"))
        assert type_ != "upstream_error" or named, self
        produced = self.row["output_tokens"] + self.row["reasoning_tokens"]
        assert self.row["outcome"] == "failed" and produced >= len(said), self
        assert self.row["nano_usd"] > 0 and len(self.received) == 1, self


def play(stack, worker, key, upstream, scripts, threads=4, **options):
    """`scripts`: name -> steps. Returns name -> Outcome, once all of them are settled and in the ledger."""
    upstream.scripts.update(scripts)

    def one(name):
        started = time.monotonic()
        try:
            status, headers, got = ask(worker, "POST", CHAT, key, body(name, **options))
        except (OSError, http.client.HTTPException, ValueError) as error:
            status, headers, got = 0, {}, repr(error)
        received = upstream.of(name)
        id = headers.get("x-request-id") or (received[-1].id if received else None)
        return Outcome(status, headers, got, time.monotonic() - started, [r for r in received if r.id == id], id, [])

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        outcomes = dict(zip(scripts, pool.map(one, scripts)))
    assert worker.process.running, worker.process.log()[-2000:]
    by_id = {outcome.id: outcome for outcome in outcomes.values()}
    for row in ledger_rows(stack, [id for id, outcome in by_id.items() if outcome.received], strict=False):
        by_id[row["id"]].rows.append(row)
    return outcomes


COLUMNS = ["id", "nano_usd", "held_nano_usd", "outcome", "usage_source", "input_tokens", "output_tokens", "reasoning_tokens",
           "attempts"]


def ledger_rows(stack, ids, seconds=10, strict=True):
    """The rows of these requests, once no hold is open and the ledger is caught up; `strict`: each exactly once."""
    sought = "from usage_event where id = any(%s::uuid[])"

    def complete():
        found = stack.sql(f"select count(distinct id) {sought}", ids)[0][0]
        return stack.settled() and (found == len(set(ids)) or not strict and stack.ledger_is_read())

    wait_until(complete, seconds, "all are settled and in the ledger")
    rows = stack.sql(f"select id::text, {', '.join(COLUMNS[1:])} {sought}", ids)
    assert not strict or len(rows) == len(ids), "each is in the ledger once"
    return [dict(zip(COLUMNS, row)) for row in rows]
