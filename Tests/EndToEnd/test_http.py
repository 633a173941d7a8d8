"""HTTP behaviour of the public port: error shape, CORS, paths, and invalid bodies."""

import json

import pytest

from raw import ask, send

CHAT = "/v1/chat/completions"
HELLO = {"model": "plain", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def worker(stack):
    return stack.workers[0]


def in_shape(answer, status, type_):
    got, headers, body = answer
    assert (got, body["error"]["type"], body["error"]["code"]) == (status, type_, status), body
    assert headers["x-request-id"]
    return body["error"]


@pytest.mark.parametrize("method, path, status, type_, words", [
    ("GET", "/", 404, "not_found", "/v1/chat/completions"),
    ("POST", "/chat/completions", 404, "not_found", "must end in /v1"),
    ("GET", "/models", 404, "not_found", "/v1/models"),
    ("POST", "/v1/responses", 404, "not_found", "Served are"),
    ("GET", "/v1/../admin", 404, "not_found", "Unknown path"),
    ("GET", CHAT, 405, "method_not_allowed", "POST"),
    ("DELETE", "/v1/models/plain", 405, "method_not_allowed", "GET"),
    ("GET", "/v1/models", 401, "invalid_api_key", "No key was sent"),
    ("GET", "/" + "a" * 9000, 414, "uri_too_long", "8 KiB"),
])
def test_paths_methods_and_no_key(worker, method, path, status, type_, words):
    assert words in in_shape(ask(worker, method, path), status, type_)["message"]


def test_authorization_in_other_forms(worker, key):
    for value, words in [("Basic abc", "must read"), ("Bearer", "must read"), ("Bearer  x y", "must read")]:
        error = in_shape(ask(worker, "GET", "/v1/models", headers={"Authorization": value}), 401, "invalid_api_key")
        assert words in error["message"]
    assert ask(worker, "GET", "/v1/models", headers={"Authorization": f"bearer {key}"})[0] == 200
    mistyped = key[:-1] + ("a" if key[-1] != "a" else "b")
    assert "mistyped" in in_shape(ask(worker, "GET", "/v1/models", mistyped), 401, "invalid_api_key")["message"]


def test_trailing_slash_encoded_names_head_and_health(worker, key):
    assert ask(worker, "GET", "/v1/models/", key)[0] == 200
    assert ask(worker, "GET", "/v1/models/pl%61in", key)[2]["id"] == "plain"
    status, headers, body = ask(worker, "HEAD", "/v1/models", key)
    assert status == 200 and body == "" and int(headers["content-length"]) > 10
    assert ask(worker, "GET", "/v1")[0] == 200


def test_cors_preflight_needs_no_key_and_reflects_headers(worker):
    status, headers, _ = ask(worker, "OPTIONS", CHAT, headers={
        "Origin": "https://app.example", "Access-Control-Request-Headers": "authorization, x-stainless-lang"})
    assert status == 204
    assert headers["access-control-allow-headers"] == "authorization, x-stainless-lang"
    assert "POST" in headers["access-control-allow-methods"] and headers["access-control-max-age"] == "86400"


def cors(headers):
    return {name for name in headers if name.startswith("access-control-")}


@pytest.mark.parametrize("method, path, body", [
    ("GET", "/v1/models", None), ("POST", CHAT, "hi"), ("POST", CHAT, ""), ("POST", "/v1/nothing", ""), ("OPTIONS", CHAT, None)])
def test_cors_fields_are_for_requests_with_an_origin(worker, key, method, path, body):
    body = json.dumps({"model": "plain", "messages": [{"role": "user", "content": body}]}) if body == "hi" else body
    for name, value in (("Origin", "https://app.example"), ("oRIGIN", "null")):
        status, headers, _ = ask(worker, method, path, key, body, {name: value})
        assert headers["access-control-allow-origin"] == "*" and "x-request-id" in headers["access-control-expose-headers"]
    plain_status, headers, _ = ask(worker, method, path, key, body)
    assert plain_status == status and cors(headers) == set()


def streamed(worker, key, *fields, model="plain"):
    """The head and the last lines of a stream."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": True})
    text = send(worker, "\r\n".join([
        f"POST {CHAT} HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", "Connection: close",
        "Content-Type: application/json", f"Content-Length: {len(body)}", *fields, "", body]).encode())
    head, _, rest = text.partition("\r\n\r\n")
    return head.lower(), rest.rpartition("\r\n0\r\n")[2]


@pytest.mark.parametrize("fields", [
    ["TE: trailers"], ["te: Trailers"], ["TE: deflate;q=0.5, trailers"], ["TE:trailers;q=1"], ["TE: gzip", "TE: trailers"]])
def test_trailers_come_to_those_who_ask_for_them(worker, key, fields):
    head, end = streamed(worker, key, *fields)
    assert "\r\ntrailer: x-aihub-cost-usd" in head and end.startswith("x-aihub-cost-usd: 0.0000")
    head, end = streamed(worker, key, *fields, model="cut")
    assert "\r\ntrailer: " in head and end.startswith("x-aihub-cost-usd: 0.00"), "a stream that broke off says its cost, too"


@pytest.mark.parametrize("fields", [[], ["TE: gzip"], ["TE: trailersx"], ["TE: q=trailers"], ["TE:"], ["X-TE: trailers"]])
@pytest.mark.parametrize("model", ["plain", "cut"])
def test_and_to_nobody_else(worker, key, fields, model):
    head, end = streamed(worker, key, *fields, model=model)
    assert "\r\ntrailer:" not in head and end == "\r\n"


@pytest.mark.parametrize("body, param", [
    ("", None), ("null", None), ("[]", None), ("{", None), ('{"model":"plain"', None), ("{'model':1}", None),
    ('{"a":01}', None), ('{"a":"\\ud800"}', None), (b'{"a":"\xff"}', None), ("{} {}", None), ("[" * 100, None),
    ('{"model":"plain","model":"slow"}', "model"), ('{"mod\\u0065l":"a","model":"b"}', "model"),
    ("{}", "model"), ('{"model":""}', "model"), ('{"model":5}', "model"), ('{"model":"a\\nb"}', "model"),
    ('{"model":"plain"}', "messages"), ('{"model":"plain","messages":[]}', "messages"),
    ('{"model":"plain","messages":{}}', "messages"), ('{"model":"plain","messages":[1]}', "messages[0].role"),
    ('{"model":"plain","messages":[{"role":"user","content":"x"}],"stream":"yes"}', "stream"),
    ('{"model":"plain","messages":[{"role":"user","content":"x"}],"max_tokens":0}', "max_tokens"),
    ('{"model":"plain","messages":[{"role":"user","content":"x"}],"max_tokens":1.5}', "max_tokens"),
    ('{"model":"plain","messages":[{"role":"user","content":"x"}],"max_tokens":9223372036854775808}', "max_tokens"),
    ('{"model":"plain","messages":[{"role":"user","content":"x"}],"n":129}', "n"),
    ('{"model":"plain","messages":[{"role":"user","content":"x"}],"stream_options":{}}', "stream_options"),
    ('{"model":"plain","messages":[{"role":"user","content":"x"}],"api_base":"http://169.254.169.254"}', "api_base"),
])
def test_a_bad_body_is_a_400_that_names_the_member(worker, key, body, param):
    error = in_shape(ask(worker, "POST", CHAT, key, body), 400, "invalid_request_error")
    assert error.get("param") == param
    assert ask(worker, "POST", CHAT, key, HELLO)[0] == 200, "the next request is fine"


def test_content_types_and_encodings(worker, key):
    for headers in [{"Content-Type": "text/plain"}, {"Content-Type": "application/json; charset=utf-16"},
                    {"Content-Type": "application/json", "Content-Encoding": "gzip"}]:
        in_shape(ask(worker, "POST", CHAT, key, HELLO, headers), 415, "unsupported_media_type")
    assert ask(worker, "POST", CHAT, key, HELLO, {"Content-Type": "application/json; charset=utf-8"})[0] == 200


def test_too_large_a_body_is_refused_at_once(worker, key):
    head = (f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {21 << 20}\r\n\r\n").encode()
    answer = send(worker, head)
    assert answer.startswith("HTTP/1.1 413") and "request_too_large" in answer and "connection: close" in answer


def test_bytes_that_are_no_http_get_our_400(worker):
    answer = send(worker, b"NOT HTTP AT ALL\r\n\r\n")
    assert answer.startswith("HTTP/1.1 400") and '"type":"invalid_request_error"' in answer and "x-request-id: " in answer


def test_a_head_that_is_too_large_gets_our_431(worker):
    answer = send(worker, b"GET /v1/models HTTP/1.1\r\nHost: x\r\n" + b"X-Pad: " + b"a" * (17 << 10) + b"\r\n\r\n")
    assert answer.startswith("HTTP/1.1 431") and '"type":"headers_too_large"' in answer


def test_nulls_count_as_absent_and_requests_can_be_pipelined(worker, key):
    body = {**HELLO, "stream": None, "max_tokens": None, "n": None, "stream_options": None, "tools": None}
    assert ask(worker, "POST", CHAT, key, body)[0] == 200
    one = f"GET /v1/models/plain HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
    answer = send(worker, (one + "\r\n" + one + "Connection: close\r\n\r\n").encode())
    assert answer.count("HTTP/1.1 200 OK") == 2
