"""A provider's error inside a 200 or a stream may repeat a caller's text: none of it is in the worker's log."""

import json

from playing import play
from raw_answers import delta, event, plain, stream

WORDS = "Dear diary, 4711"
MARKS = ["diary", "4711"]
ERRORS = {
    "message": {"error": {"message": f"cannot answer: {WORDS}", "type": "server_error", "code": "odd_case"}},
    "text": {"error": f"no: {WORDS}"},
    "groq": {"id": "c", "choices": [], "x_groq": {"error": WORDS}},
    "code": {"error": {"message": "x", "type": "server_error", "code": WORDS}},
    "long": {"error": {"message": "x", "type": WORDS * 9, "code": "odd_case"}},
    "operator": {"error": {"message": WORDS, "type": "authentication_error", "code": "invalid_api_key"}},
}


def test_no_word_of_a_provider_is_logged(stack, worker, key, upstream):
    first, later, bare = {}, {}, {}
    for name, error in ERRORS.items():
        text = json.dumps(error)
        first[f"{name} first"] = [stream(event(text))]
        later[f"{name} after text"] = [stream(event(delta("hello")) + event(text))]
        bare[f"{name} in a 200"] = [plain(error)]
    played = {**play(stack, worker, key, upstream, first), **play(stack, worker, key, upstream, later),
              **play(stack, worker, key, upstream, bare, stream=False), **play(stack, worker, key, upstream, {
                  f"{name} where a stream was asked for": script for name, script in bare.items()})}
    lines = worker.process.log().splitlines()
    for name, outcome in played.items():
        told = [line for line in lines if outcome.id in line and "request failed" in line]
        assert told, f"{name}: the failure is logged"
        assert not [line for line in told if any(mark in line for mark in MARKS)], (name, told)
        if "error" in ERRORS[name.split(" ")[0]] and "after" not in name:
            assert "bytes of text" in told[0], (name, told)
    assert not [line for line in lines if any(mark in line for mark in MARKS)]
    known = [line for line in lines if "odd_case" in line]
    assert known, "what the vendor calls the error is told"
