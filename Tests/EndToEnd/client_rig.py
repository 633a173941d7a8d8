"""A gateway whose catalogue has the names from the product's documentation, and helpers shared by its tests."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from processes import wait_until
from raw import ask
from raw_upstream import RawUpstream
from stack import STOPS

CHAT = "/v1/chat/completions"
PRICES = '{input: "1.000001", cache_read: "0.3", output: "7.000003", reasoning: "11.5"}'
#: name -> (script, more of its entry)
MODELS = {
    "gpt-4.1": ("in=23,out=14", "tools: true"),
    "gpt-4o": ("in=23,out=14", "tools: true, vision: true, image_tokens_max: 2000"),
    "thinker": ("in=9,out=20,reasoning=6", "tools: true, wants_max_completion_tokens: true"),
    "openai/gpt-oss-120b": ("in=5,out=6", "tools: true"),
    "claude-sonnet": ("in=11,out=5,tools=1", "tools: true, vision: true, image_tokens_max: 2000"),
}
EMBEDDING = ("gemini-embedding-001", "in=4,dims=12")
#: An image of 3 MB.
IMAGE = ("sketcher", "in=12,out=1056,image=3000000")
#: The shared catalogue has a `vision` without a model that accepts images, which other tests need.
ALIASES = ["fast", "code", "reasoning", "creative", "chat"]


def catalogue():
    lines = ["models:"]
    for name, (_, more) in MODELS.items():
        lines.append(f"  - {{name: {name}, vendor: scripted, max_output_tokens: 400, first_event_ms: 5000, idle_ms: 5000,"
                     f" {more}, usd_per_million_tokens: {PRICES}}}")
    lines.append(f"  - {{name: {EMBEDDING[0]}, vendor: scripted, kind: embedding, max_output_tokens: 1,"
                 ' usd_per_million_tokens: {input: "1.000001", output: "0"}}')
    lines.append(f"  - {{name: {IMAGE[0]}, vendor: scripted, kind: image, max_output_tokens: 2000, usd_per_million_tokens: {PRICES}}}")
    lines.append("deployments:")
    for name, script in [*((name, script) for name, (script, _) in MODELS.items()), EMBEDDING, IMAGE]:
        lines.append(f'  - {{id: "{name}-1", model: {name}, provider: scripted, upstream_model: "script:{script}", {STOPS}}}')
    lines.append("aliases:")
    lines += [f"  - {{name: {alias}, candidates: [{{model: gpt-4o}}]}}" for alias in ALIASES]
    return "\n".join(lines) + "\n"


class Gateway:
    """The shared stack as a user sees it: a base URL, a key, and the requests the provider received."""

    def __init__(self, stack):
        self.stack, self.worker, self.key = stack, stack.workers[0], stack.new_key()["key"]
        self.base_url = self.worker.base_url

    def ask(self, method, path, body=None, headers=None, key=None):
        return ask(self.worker, method, path, key or self.key, body, headers)

    def chat(self, body, headers=None):
        return self.ask("POST", CHAT, body, headers)

    def sent(self, headers):
        """The body that the provider received for the request with these answer headers."""
        return self.stack.bill()[headers["x-request-id"]]["body"]

    def charged(self, headers):
        """Waits for the ledger's row of that request."""
        id = headers["x-request-id"]
        wait_until(lambda: id in self.stack.ledger(), 10, "the request is in the ledger")
        return self.stack.ledger()[id]

    def pasted(self, text):
        """A snippet with base URL and key replaced, as its reader would do."""
        text = text.replace("https://api.tdspro.lol/v1", self.base_url)
        return re.sub(r"sk-hub-\.\.\.", self.key, text)

    @property
    def environment(self):
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "AIHUB_API_KEY": self.key}

    def run(self, command, text, **options):
        """Runs a pasted snippet in its own process; returns its output."""
        done = subprocess.run(
            command, input=self.pasted(text), capture_output=True, text=True, timeout=60, env=self.environment, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def bash(self, text):
        return self.run(["bash", "-eu"], text)

    def python(self, text):
        return self.run([sys.executable, "-"], text)

    def node(self, text):
        if not shutil.which("node"):
            pytest.skip("node is not installed here")
        return self.run(["node", "--input-type=module", "-"], text)


@pytest.fixture(scope="session")
def gateway(stack):
    path = pathlib.Path(stack.folder) / "clients.yaml"
    path.write_text(catalogue())
    stack.run_control("load", path)
    made = Gateway(stack)
    names = {*MODELS, EMBEDDING[0], IMAGE[0], *ALIASES}
    for worker in stack.workers:
        wait_until(lambda: names <= {m["id"] for m in ask(worker, "GET", "/v1/models", made.key)[2].get("data", [])},
                   what="the worker knows the catalogue")
    return made


def vector(text, size):
    """The scripted provider's vector for a text: see Tests/Support/ScriptedProvider/Embeddings.swift."""
    total = sum(text.encode())
    return [(total + 7 * at) % 251 / 256 - 0.5 for at in range(size)]


def text_of(chunks):
    """The text of a stream, given its parsed events."""
    return "".join(choice["delta"].get("content") or "" for chunk in chunks if chunk != "[DONE]" for choice in chunk["choices"])


def loads(text):
    """Parses strict JSON."""
    def refuse(word):
        raise AssertionError(f"{word} is not JSON")
    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="session")
def upstream(gateway):
    """A provider for the model `played` that plays scripts (raw_upstream.py)."""
    made = RawUpstream()
    path = pathlib.Path(gateway.stack.folder) / "played.yaml"
    path.write_text("\n".join([
        "providers:", f"  - {{id: played, dialect: vllm, base_url: 'http://127.0.0.1:{made.port}/v1', allowed_networks: ['127.0.0.0/8'],"
        f" credential_from_environment: RAW_KEY, {STOPS}}}", "models:",
        "  - {name: played, vendor: raw, max_output_tokens: 400, first_event_ms: 5000, idle_ms: 5000,"
        f" usd_per_million_tokens: {PRICES}}}",
        "deployments:", "  - {id: played-1, model: played, provider: played}"]) + "\n")
    gateway.stack.run_control("load", path, env={"RAW_KEY": "sk-raw"})
    wait_until(lambda: gateway.ask("GET", "/v1/models/played")[0] == 200, what="the worker knows the model")
    yield made
    made.close()
