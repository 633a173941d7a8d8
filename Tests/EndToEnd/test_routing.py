"""Routing on real binaries: providers that stop, fail or fall silent while callers with an ordinary SDK continue."""

import signal
import time

import openai
import pytest

from processes import PROVIDER, Process, free_port, http_ok, wait_until
from stack import STOPS, Stack, Worker

CALLS = 300


class Providers:
    """Two more providers besides the stack's own, and aliases over both."""

    def __init__(self, stack):
        self.stack, self.ports, self.processes = stack, {}, {}
        for name in ("one", "two"):
            self.ports[name] = free_port()
            self.start(name)
        lines = ["providers:"]
        for name, port in self.ports.items():
            lines.append(f"  - {{id: {name}, base_url: 'http://127.0.0.1:{port}/v1', allowed_networks: ['127.0.0.0/8'],"
                         f" credential_from_environment: SCRIPTED_KEY, {STOPS}}}")
        lines.append("models:")
        for name in ("quick", "second", "steady", "both"):
            lines.append(
                f"  - {{name: {name}, vendor: scripted, max_output_tokens: 400, context_window: {9000 if name == 'second' else 64000},"
                f" tools: {'false' if name == 'second' else 'true'}, first_event_ms: 2000, idle_ms: 1500,"
                ' usd_per_million_tokens: {input: "1", output: "2"}}')
        lines.append("deployments:")
        for model, provider, first in [("quick", "one", 5), ("second", "one", 15), ("steady", "two", 60),
                                       ("both", "one", 5), ("both", "two", 60)]:
            lines.append(f"  - {{id: {model}-{provider}, model: {model}, provider: {provider},"
                         f" upstream_model: 'script:in=10,out=8,first={first}'}}")
        lines += [
            "aliases:",
            "  - {name: swift, objective: {latency: 6, speed: 1, uptime: 1},"
            " candidates: [{model: quick}, {model: second}, {model: steady}]}",
            "  - {name: thrifty, objective: {cost: 1}, max_usd_per_million_tokens: '1.5', candidates: [{model: quick}]}"]
        path = stack.folder / "routing.yaml"
        path.write_text("\n".join(lines) + "\n")
        stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
        self.key = stack.new_key()
        self.clients = [openai.OpenAI(base_url=w.base_url, api_key=self.key["key"], timeout=30) for w in stack.workers]
        for client in self.clients:
            wait_until(lambda: "swift" in [m.id for m in client.models.list()], what="the configuration is in force")

    def start(self, name):
        port = self.ports[name]
        self.processes[name] = Process(
            f"provider-{name}", [PROVIDER, port], self.stack.folder).start()
        wait_until(lambda: http_ok(f"http://127.0.0.1:{port}/health"), what=f"provider {name} is ready")

    def ask(self, number, model="swift", stream=True):
        """Sends one request through an SDK with default retries; returns the deployment that answered."""
        messages = [{"role": "user", "content": "hello"}]
        calls = self.clients[number % len(self.clients)].chat.completions.with_raw_response
        answer = calls.create(model=model, messages=messages, stream=stream)
        parsed = answer.parse()
        if stream:
            assert [chunk for chunk in parsed][-1].choices[0].finish_reason == "stop"
        return answer.headers["x-aihub-deployment"]

    def calls(self):
        """The number of calls to providers and of callers' requests, over all workers."""
        metrics = [worker.metrics() for worker in self.stack.workers]
        return sum(m["aihub_worker_attempts_total"] for m in metrics), sum(
            value for m in metrics for name, value in m.items()
            if name.startswith("aihub_worker_requests_total") and "chat_completions" in name)

    def close(self):
        for process in self.processes.values():
            if process.running:
                process.signal(signal.SIGCONT)
            process.kill()


@pytest.fixture
def providers():
    stack = Stack(REST_MS=5000)
    made = Providers(stack)
    yield made
    made.close()
    stack.close()


@pytest.mark.parametrize("model, stream", [("swift", True), ("swift", False), ("both", True)])
def test_a_provider_goes_away(providers, model, stream):
    for number in range(60):
        providers.ask(number, model, stream)
    if model == "swift":
        quick = sum(providers.ask(n, model, stream) == "quick-one" for n in range(40))
        assert quick >= 34, f"{quick} of 40 to the fastest"
    providers.processes["one"].kill()
    calls, requests = providers.calls()
    answered = [providers.ask(number, model, stream) for number in range(CALLS)]
    more_calls, more_requests = (now - before for now, before in zip(providers.calls(), (calls, requests)))
    print(f"{model}: 0 errors of {CALLS}, {more_requests:.0f} requests, calls / client calls {more_calls / CALLS:.3f}")
    assert set(answered) == {f"{'steady' if model == 'swift' else 'both'}-two"}
    assert more_requests == CALLS, "the SDK had to try again"
    assert more_calls / CALLS <= 1.1


def test_a_provider_falls_silent(providers):
    for number in range(60):
        providers.ask(number)
    providers.processes["one"].signal(signal.SIGSTOP)
    calls, requests = providers.calls()
    answered = [providers.ask(number) for number in range(CALLS)]
    more_calls, more_requests = (now - before for now, before in zip(providers.calls(), (calls, requests)))
    print(f"silent: 0 errors of {CALLS}, calls / client calls {more_calls / CALLS:.3f}")
    assert set(answered) == {"steady-two"} and more_requests == CALLS
    assert more_calls / CALLS <= 1.1


def test_a_provider_comes_back(providers):
    for number in range(20):
        providers.ask(number)
    providers.processes["one"].kill()
    for number in range(40):
        assert providers.ask(number) == "steady-two"
    providers.start("one")
    wait_until(lambda: {providers.ask(n) for n in range(4)} <= {"quick-one", "second-one"}, 30, "it is used again")


def test_a_new_worker_starts_warm(providers):
    for number in range(20):
        providers.ask(number)
    providers.processes["one"].kill()
    for number in range(30):
        providers.ask(number)
    told = providers.stack.redis()

    def is_told():
        for number in range(2):
            providers.ask(number)
        outs = [int(told.hget("health:deployments", name).split()[7]) for name in ("quick-one", "second-one")]
        return min(outs) > (time.time() + 3) * 1000

    wait_until(is_told, what="it is told, and holds for a while")
    assert 0 < told.pttl("health:deployments") <= 600_000
    late = Worker("worker-late", providers.stack, REST_MS=5000).start()
    try:
        client = openai.OpenAI(base_url=late.base_url, api_key=providers.key["key"], timeout=30)
        for _ in range(20):
            client.chat.completions.create(model="swift", messages=[{"role": "user", "content": "hello"}])
        sent = late.metrics()["aihub_worker_attempts_total"]
        assert sent <= 24, f"{sent} calls for 20 requests: it found out by itself"
    finally:
        late.process.kill()


def explain(stack, expect=200, **question):
    return stack.admin("POST", "/routes:explain", question, expect=expect)


def test_explain(providers):
    for number in range(40):
        providers.ask(number)
    stack = providers.stack
    told = wait_until(
        lambda: (t := explain(stack, model="swift"))["candidates"][0]["samples"] > 5 and t, what="measurements are told")
    first, scores = told["candidates"][0], {c["deployment"]: c["score"]["total"] for c in told["candidates"]}
    assert first["deployment"] == "quick-one" and first["planned"] and first["standing"] == "ready"
    assert told["objective"] == {"latency": 6, "speed": 1, "cost": 0, "uptime": 1} and told["reason"].startswith("best")
    assert scores["quick-one"] > scores["steady-two"] and 1 < first["first_token_ms"] < 60
    assert told["exclusions"] == [] and told["refusal"] is None and told["panic"] is False
    left = explain(stack, model="swift", tools=True, input_tokens=20_000)["exclusions"]
    assert left == [{"model": "second", "deployment": None, "reason": "no_tools"}]
    assert explain(stack, model="swift", input_tokens=20_000)["exclusions"][0]["reason"] == "context_window_too_small"
    dear = explain(stack, model="thrifty")
    assert dear["candidates"] == [] and dear["refusal"]
    assert dear["exclusions"] == [{"model": "quick", "deployment": None, "reason": "over_the_price_limit"}]
    assert explain(stack, model="plain")["reason"] == "only"
    explain(stack, 404, model="none")
    explain(stack, 422)
    explain(stack, 422, model="swift", vision="yes")
    own = stack.new_key(allowed_models=["swift"])
    assert explain(stack, model="swift", key_id=own["id"])["candidates"]
    explain(stack, 404, model="quick", key_id=own["id"])
    providers.processes["one"].kill()
    for number in range(40):
        providers.ask(number)
    out = wait_until(
        lambda: {c["deployment"]: c for c in explain(stack, model="swift")["candidates"]
                 if c["standing"] == "out"}.get("quick-one"), what="the outage is told")
    assert out["out_because"] == "circuit_open"


def test_an_answer_says_how_it_was_routed(providers):
    answer = providers.clients[0].chat.completions.with_raw_response.create(
        model="hop", messages=[{"role": "user", "content": "hello"}], extra_headers={"Origin": "https://app.example"})
    headers = answer.headers
    assert headers["x-aihub-model-requested"] == "hop" and headers["x-aihub-deployment"] == "plain-1"
    assert headers["x-aihub-attempts"] == "3"
    assert headers["x-aihub-route"] == "fallback; after=rate_limited; first=rank"
    exposed = headers["access-control-expose-headers"]
    for name in ("model-requested", "deployment", "attempts", "route", "cost-usd"):
        assert f"x-aihub-{name}" in exposed


def test_operators_set_objectives_in_psql(providers):
    stack = providers.stack
    stack.sql("update alias set cost_weight = 1, latency_weight = 0, speed_weight = 0, uptime_weight = 0 where name = 'swift'")
    wait_until(lambda: explain(stack, model="swift")["objective"]["cost"] == 1, what="the objective is in force")
    with pytest.raises(Exception, match="weights are 0 to 1000"):
        stack.sql("update alias set cost_weight = -1 where name = 'swift'")
