"""Invalid chat completion bodies: refused with the member named, and never sent to a provider."""

import pytest

import cases_chat
import cases_disguise
import cases_json
import cases_messages
from raw import ask
from case import ids
from wire import refuse

HELLO = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("case", cases_json.CASES, ids=ids(cases_json.CASES))
def test_json(worker, watch, key, case):
    refuse(worker, case, key)


@pytest.mark.parametrize("case", cases_chat.CASES, ids=ids(cases_chat.CASES))
def test_chat(worker, watch, key, case):
    refuse(worker, case, key)


@pytest.mark.parametrize("case", cases_messages.CASES, ids=ids(cases_messages.CASES))
def test_messages(worker, watch, key, case):
    refuse(worker, case, key)


@pytest.mark.parametrize("case", cases_disguise.CASES, ids=ids(cases_disguise.CASES))
def test_disguise(worker, watch, key, case):
    refuse(worker, case, key)


def test_a_forbidden_model_is_as_unknown_as_any(stack, worker, watch):
    """The same message for both: callers must not learn that a model they may not call exists."""
    limited, texts = stack.new_key(allowed_models=["slow"])["key"], set()
    for name in ["flood", "fl00d"]:
        for path, body in [("/v1/chat/completions", {**HELLO, "model": name}), ("/v1/models/" + name, None)]:
            status, _, answer = ask(worker, "POST" if body else "GET", path, limited, body)
            assert status == 404 and answer["error"]["param"] == "model"
            texts.add(answer["error"]["message"].replace(name, "it"))
    assert len(texts) == 1, texts


def test_afterwards_nothing_has_changed(watch):
    watch.check()
