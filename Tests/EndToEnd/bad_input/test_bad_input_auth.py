"""An invalid key gets a 401 that says what is wrong with it, and only a well-formed key is looked up."""

import pytest

import cases_auth
from processes import wait_until
from raw import ask
from case import Case, post
from wire import Wire, check_refusal, refuse, shows

ENDPOINTS = ["GET", "POST"]
NAMES = [case.name for case in cases_auth.CASES]
assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("method", ENDPOINTS)
@pytest.mark.parametrize("bad", cases_auth.CASES, ids=NAMES)
def test_what_is_no_key(worker, watch, key, bad, method):
    data = list(bad.requests(key))[ENDPOINTS.index(method)]
    with Wire(worker) as wire:
        answer = wire.send(data).final()
        check_refusal(answer, Case(bad.name, data, 401), key)
        text = answer.body.decode()
        assert bad.words in text, f"expected the words '{bad.words}', got {text}"
        assert answer.headers["www-authenticate"].startswith("Bearer")
        sent = b"".join(line for line in data.split(b"\r\n") if line.lower().startswith(b"authorization")).decode()
        assert not shows(sent[-49:], text), f"what was sent is echoed: {text}"


@pytest.fixture(scope="module")
def refused(stack, worker, key):
    """The complete answer, except its ID, to well-formed keys that are not valid."""
    revoked, expired = stack.new_key(), stack.new_key(expires_at="2020-01-01T00:00:00Z")
    assert ask(worker, "GET", "/v1/models", revoked["key"])[0] == 200
    stack.admin("POST", f"/keys/{revoked['id']}/revoke", expect=200)
    wait_until(lambda: ask(worker, "GET", "/v1/models", revoked["key"])[0] == 401, 5)
    keys = {"unknown": cases_auth.unknown(key, 20), "revoked": revoked["key"], "expired": expired["key"]}
    answers = {}
    for name, text in keys.items():
        with Wire(worker) as wire:
            answer = wire.send(f"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {text}\r\n\r\n".encode()).final()
        check_refusal(answer, Case(name, b"", 401), text)
        answers[name] = ({**answer.headers, "x-request-id": ""}, answer.body)
    return answers


@pytest.mark.parametrize("name", ["revoked", "expired"])
def test_the_answer_does_not_tell_unknown_revoked_and_expired_apart(refused, name):
    assert refused[name] == refused["unknown"]


@pytest.mark.parametrize("at", range(7, 50))
def test_a_right_checksum_makes_no_key(worker, watch, key, at):
    assert cases_auth.with_checksum(key[:50]) == key, "the checksum is understood"
    made = cases_auth.unknown(key, at)
    case = Case("unknown", f"GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {made}\r\n\r\n".encode(), 401)
    refuse(worker, case, made)


@pytest.mark.parametrize("path", ["/v1/models/{key}", "/v1/{key}", "/{key}", "/v1/models/x?key={key}", "/v1/nope?key={key}"])
def test_a_key_in_the_path_is_not_repeated(worker, watch, key, path):
    data = f"GET {path.format(key=key)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    refuse(worker, Case(path, data, 404), key)


def test_a_key_for_a_model_is_not_repeated(worker, watch, key):
    body = '{"model":"%s","messages":[{"role":"user","content":"hi"}]}' % key
    refuse(worker, Case("model", post(body, auth="Authorization: Bearer " + key), 404, "model"), key)


def test_a_mistyped_key_costs_redis_nothing(stack, worker, key):
    def looked_up(text):
        """Whether Redis was asked for a key record while `text` was refused; PING marks the end."""
        with stack.redis().monitor() as monitor:
            assert ask(worker, "GET", "/v1/models", text)[0] == 401
            stack.redis().ping()
            seen = [monitor.next_command()["command"]]
            while seen[-1] != "PING":
                seen.append(monitor.next_command()["command"])
        return any(" k:" in command for command in seen)

    fresh = cases_auth.unknown(cases_auth.unknown(key, 30), 31)
    assert looked_up(fresh), "a well-formed key is looked up"
    for at in range(7, 56, 7):
        assert not looked_up(key[:at] + cases_auth.other(key[at]) + key[at + 1:])


def test_afterwards_nothing_has_changed(watch):
    watch.check()
