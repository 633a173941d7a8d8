"""Limits are checked before the work is done: a caller over them cannot make a worker read and parse large bodies, or
search the catalogue for a mistyped name."""

import json
import pathlib
import random

import rows
from addresses import Caller, check_refusal, once
from processes import wait_until

CHAT = "/v1/chat/completions"
#: Larger bodies are parsed only when the limiter has let the request begin.
TRUSTED = 64 << 10


def auth(key):
    return [("Authorization", f"Bearer {key}")]


def generate(source: random.Random):
    return {"limit": source.choice(["minute", "running", "key and org"]), "part": source.choice([0.0, 0.01, 0.5, 0.9]),
            "path": source.choice([CHAT, "/v1/completions", "/v1/embeddings"]), "chunked": source.random() < 0.4,
            "size": source.choice([TRUSTED + 1, 100_000, 1_000_000, 19 << 20]), "flaw": source.choice(["none", "start", "end"]),
            "seed": source.getrandbits(32)}


def large_body(variant):
    """A body, good JSON or not, of about the size asked for."""
    body = json.dumps({"model": "plain", "messages": [{"role": "user", "content": "x" * variant["size"]}], "prompt": "p", "input": "i"})
    return {"none": body, "start": "{" + body, "end": body[:-1]}[variant["flaw"]].encode()


def send_part(caller, variant, key):
    """A head, and as much of the body as the variant says; more than is trusted if it is chunked, so that its size is
    unknown."""
    body = large_body(variant)
    # The worker reads no more than this of a refused body; sending more may reset the connection before the response.
    sent = body[:min(int(len(body) * variant["part"]), 60_000)]
    if not variant["chunked"]:
        caller.send("POST", variant["path"], auth(key), sent, len(body))
        return
    sent = body[:max(len(sent), TRUSTED + 1)]
    caller.socket.sendall("\r\n".join([
        f"POST {variant['path']} HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", "Content-Type: application/json",
        "Transfer-Encoding: chunked", "", ""]).encode())
    caller.socket.sendall(b"%x\r\n%s\r\n" % (len(sent), sent))


def test_a_caller_over_their_limits_is_refused_before_a_large_body_has_come(stack):
    worker = stack.workers[0]

    def check(variant):
        limits = {"minute": {"requests_per_minute": 1}, "running": {"concurrent_requests": 1},
                  "key and org": {"requests_per_minute": 2}}[variant["limit"]]
        key = stack.new_key(limits=limits)["key"]
        small = json.dumps({"model": "plain", "messages": [{"role": "user", "content": "hi"}]}).encode()
        holding = Caller(worker)
        with holding:
            if variant["limit"] == "running":
                holding.send("POST", CHAT, auth(key), json.dumps(
                    {"model": "long", "messages": [{"role": "user", "content": "hi"}], "stream": True}).encode())
                assert holding.socket.recv(65536).startswith(b"HTTP/1.1 200")
            for _ in range(limits.get("requests_per_minute", 0)):
                assert once(worker, "127.0.0.1", "POST", CHAT, auth(key), small)[0] == 200
            with Caller(worker, seconds=3) as caller:
                send_part(caller, variant, key)
                try:
                    answer = caller.answer()
                except TimeoutError:
                    raise AssertionError("the body is waited for") from None
                except ConnectionError:
                    raise AssertionError("the connection broke before an answer") from None
                check_refusal(answer)
        wait_until(stack.settled, what="nothing is left of it")

    rows.attack("S19", generate, check)


def running(worker, key):
    """How many requests of the key run, as its owner sees it."""
    _, _, me = once(worker, "127.0.0.1", "GET", "/v1/me", auth(key))
    return next(limit["used"] for limit in me["limits"] if (limit["scope"], limit["name"]) == ("key", "concurrent_requests"))


@rows.only_now("older builds took nothing before the body: there is nothing to give back")
def test_what_a_large_body_took_goes_back_when_it_is_refused_or_never_comes(stack):
    worker = stack.workers[0]

    def generate(source):
        return {"end": source.choice(["left", "not JSON", "no model", "no such model", "reset"]), "chunked": False,
                "size": source.choice([TRUSTED + 1, 200_000]), "part": source.choice([0.0, 0.5]), "path": CHAT, "flaw": "none"}

    def check(variant):
        key = stack.new_key(limits={"requests_per_minute": 1, "requests_per_day": 1, "concurrent_requests": 1})["key"]
        with Caller(worker) as caller:
            if variant["end"] in ("left", "reset"):
                send_part(caller, variant, key)
                wait_until(lambda: running(worker, key) == 1, what="its place is taken before its body is there")
            else:
                content = "x" * variant["size"]
                body = {"not JSON": content, "no model": json.dumps({"messages": [{"role": "user", "content": content}]}),
                        "no such model": json.dumps({"model": "none", "messages": [{"role": "user", "content": content}]}),
                        }[variant["end"]]
                assert caller.ask("POST", CHAT, auth(key), body.encode())[0] in (400, 404)
        wait_until(lambda: running(worker, key) == 0, what="its place is free again")
        small = json.dumps({"model": "plain", "messages": [{"role": "user", "content": "hi"}]}).encode()
        assert once(worker, "127.0.0.1", "POST", CHAT, auth(key), small)[0] == 200, "its unit did not go back"
        assert once(worker, "127.0.0.1", "POST", CHAT, auth(key), small)[0] == 429, "its unit was given back twice"

    rows.attack("S19, what was taken", generate, check)


def test_a_large_request_counts_once(stack):
    """One unit and one row in the ledger, like a small one, and the bill is paid."""
    worker, key = stack.workers[0], stack.new_key(limits={"requests_per_day": 2, "concurrent_requests": 1})
    body = json.dumps({"model": "plain", "messages": [{"role": "user", "content": "x" * 300_000}]}).encode()
    for expected in (200, 200, 402):
        assert once(worker, "127.0.0.1", "POST", CHAT, auth(key["key"]), body)[0] == expected
    wait_until(stack.settled, what="all is settled")
    wait_until(lambda: sum(row["key_id"] == key["id"] for row in stack.ledger().values()) == 2, what="two rows in the ledger")


def worker_cpu(worker):
    """Nanoseconds the worker's threads have run."""
    tasks = pathlib.Path(f"/proc/{worker.process.child.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def test_a_mistyped_model_costs_no_more_than_a_request(stack):
    """CPU of the worker, compared with as many served requests in the same run, with a thousand models."""
    worker = stack.workers[0]
    names = [f"{vendor}-{size}-{version}" for vendor in ("alpha", "beta", "gamma", "delta") for size in ("mini", "large", "think", "embed", "code")
             for version in range(50)]
    path = stack.folder / "many.yaml"
    path.write_text("\n".join([
        "models:", *(f"  - {{name: {name}, vendor: scripted, max_output_tokens: 10, usd_per_million_tokens: {{input: \"1\", output: \"1\"}}}}"
                     for name in names),
        "deployments:", *(f"  - {{id: {name}-1, model: {name}, provider: scripted, upstream_model: 'script:in=1,out=1'}}" for name in names)]) + "\n")
    stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
    key = stack.new_key()["key"]
    wait_until(lambda: once(worker, "127.0.0.1", "GET", f"/v1/models/{names[-1]}", auth(key))[0] == 200, what="the models are known")

    def cost(model, count, status):
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
        with Caller(worker) as caller:
            before = worker_cpu(worker)
            for _ in range(count):
                assert caller.ask("POST", CHAT, auth(key), body)[0] == status
            return (worker_cpu(worker) - before) / count

    def generate(source):
        name = source.choice(names)
        at = source.randrange(len(name))
        edits = [name[:at] + "x" + name[at:], name[:at] + name[at + 1:] + "q", name.upper() + "z", name.replace("-", "_"), name * 3,
                 "".join(source.sample(name, len(name))), "a" * 64, "-" * source.randint(1, 64)]
        return source.choice([edit[:64] for edit in edits if edit not in names])

    served = cost(names[0], 200, 200)

    def check(typed):
        refused = cost(typed, 40, 404)
        assert refused <= served, f"{refused:.0f} ns against {served:.0f} ns"

    rows.attack("S19, suggestions", generate, check)
