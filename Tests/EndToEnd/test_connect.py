"""Runs every snippet of docs/connect.md."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from client_rig import CHAT, EMBEDDING, gateway, loads  # noqa: F401
from processes import ROOT
from raw import ask, events

HELLO = [{"role": "user", "content": "Hello!"}]


def snippets():
    """(heading, language, text) of each fenced block."""
    heading, found, block = None, [], None
    for line in (ROOT / "docs" / "connect.md").read_text().splitlines():
        if line.startswith("```"):
            if block is None:
                block = (heading, line[3:], [])
            else:
                found.append((block[0], block[1], "\n".join(block[2]) + "\n"))
                block = None
        elif block is not None:
            block[2].append(line)
        elif line.startswith("## "):
            heading = line[3:]
    return found


SNIPPETS = snippets()


def of(heading, language):
    return [text for at, kind, text in SNIPPETS if (at, kind) == (heading, language)]


def run(gateway, command, text):
    env = {**gateway.environment, "AIHUB_BASE_URL": gateway.base_url, "EMBEDDING_MODEL": EMBEDDING[0], "HOME": "/tmp",
           "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def filled(gateway, text):
    """A file with this gateway's address and a key."""
    return text.replace("http://127.0.0.1:8080/v1", gateway.base_url).replace("sk-hub-…", gateway.key).replace(
        "{env:AIHUB_API_KEY}", gateway.key)


def test_every_snippet_is_of_a_kind_that_is_tested():
    tested = {"curl": ["sh"], "openai-python": ["python"], "openai-node": ["js"], "JavaScript without a library": ["mjs"],
              "opencode": ["json"], "Cursor": ["sh", "sh"], "aider": ["sh"], "Continue": ["yaml"], "Open WebUI": ["env"],
              "LangChain": ["python", "python"], "LibreChat": ["yaml"]}
    assert {heading: [kind for at, kind, _ in SNIPPETS if at == heading] for heading, _, _ in SNIPPETS} == tested


@pytest.mark.parametrize("heading, at", [("curl", 0), ("Cursor", 0), ("Cursor", 1)])
def test_curl(gateway, heading, at):
    answer = loads(run(gateway, ["bash", "-eu"], of(heading, "sh")[at]))
    assert answer["object"] == "chat.completion" and answer["choices"][0]["message"]["content"].startswith("tok ")


def test_openai_python(gateway):
    assert run(gateway, [sys.executable, "-"], *of("openai-python", "python")) == "tok " * 8


@pytest.mark.parametrize("heading, kind", [("openai-node", "js"), ("JavaScript without a library", "mjs")])
def test_node(gateway, heading, kind):
    if not shutil.which("node"):
        pytest.skip("node is not installed here")
    node = ["node", "--input-type=module", "-"]
    if kind == "js" and not run(gateway, node, 'try { await import("openai"); console.log("here") } catch { }'):
        pytest.skip("the npm package openai cannot be had here (npm install openai beside the tests to run this)")
    assert run(gateway, node, *of(heading, kind)) == "tok " * 8 + "\n"


def test_aider(gateway):
    """Its settings work: litellm sends the name after `openai/` to the base URL. Runs aider if installed."""
    settings, start = of("aider", "sh")[0].splitlines()
    base, key = run(gateway, ["bash", "-eu"], settings + '\necho "$OPENAI_API_BASE $OPENAI_API_KEY"').split()
    assert (base, key) == (gateway.base_url, gateway.key)
    name, = re.findall(r"^aider --model openai/(\S+)$", start)
    body = {"model": name, "messages": [{"role": "system", "content": "s"}, *HELLO], "temperature": 0, "stream": True}
    assert gateway.chat(body)[0] == 200
    if shutil.which("aider"):
        options = " --message Hello --no-git --yes-always --no-show-model-warnings --no-check-update"
        assert "tok" in run(gateway, ["bash", "-eu"], settings + "\n" + start + options)


def can_be_called(gateway, names):
    listed = {item["id"] for item in gateway.ask("GET", "/v1/models")[2]["data"]}
    assert set(names) <= listed
    for name in names:
        body = {"model": name, "messages": HELLO, "max_tokens": 64, "stream": True, "stream_options": {"include_usage": True}}
        status, _, text = gateway.chat(body)
        assert status == 200 and events(text)[-2]["usage"]["total_tokens"] > 0


def test_opencode(gateway):
    made = json.loads(filled(gateway, *of("opencode", "json")))
    provider = made["provider"]["aihub"]
    assert provider["options"] == {"baseURL": gateway.base_url, "apiKey": gateway.key}
    can_be_called(gateway, [*provider["models"], made["model"].removeprefix("aihub/")])


def test_continue(gateway):
    for model in yaml.safe_load(filled(gateway, *of("Continue", "yaml")))["models"]:
        assert (model["provider"], model["apiBase"]) == ("openai", gateway.base_url)
        headers = {"Authorization": f"Bearer {model['apiKey']}", "api-key": model["apiKey"], "x-api-key": model["apiKey"]}
        body = {"model": model["model"], "messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}
        assert ask(gateway.worker, "POST", CHAT, None, body, headers)[0] == 200


def test_open_webui(gateway):
    made = dict(line.split("=", 1) for line in filled(gateway, *of("Open WebUI", "env")).split())
    assert made == {"OPENAI_API_BASE_URL": gateway.base_url, "OPENAI_API_KEY": gateway.key}
    status, _, listed = gateway.ask("GET", "/v1/models", key=made["OPENAI_API_KEY"])
    assert status == 200 and listed["data"]


def test_librechat(gateway):
    endpoint, = yaml.safe_load(filled(gateway, *of("LibreChat", "yaml")))["endpoints"]["custom"]
    assert (endpoint["baseURL"], endpoint["apiKey"]) == (gateway.base_url, gateway.key)
    can_be_called(gateway, [*endpoint["models"]["default"], endpoint["titleModel"]])


@pytest.mark.parametrize("at, printed", [(0, "tok " * 8), (1, "12")], ids=["chat", "embeddings"])
def test_langchain(gateway, at, printed):
    """With the real library where installed; test_client_habits.py tests what it sends."""
    if importlib.util.find_spec("langchain_openai") is None:
        pytest.skip("langchain-openai is not installed here (pip install langchain-openai to run this)")
    assert run(gateway, [sys.executable, "-"], of("LangChain", "python")[at]).rstrip("\n") == printed
