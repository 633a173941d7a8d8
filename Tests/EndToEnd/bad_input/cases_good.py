"""Unusual but valid requests, which must be served."""

import json
from dataclasses import dataclass

from cases_chat import UNSAFE, hello
from cases_json import deep
from cases_messages import CALL, GOOD, chat
from case import AUTH, CHAT, HELLO, JSON, KEY, get, lines, post

BODY = HELLO.encode()
TCHARS = "!#$%&'*+-.^_`|~09azAZ"


@dataclass(frozen=True)
class Good:
    name: str
    data: bytes
    status: int = 200


def heads():
    yield Good("an empty line first", b"\r\n" + get("/v1/models"))
    yield Good("HTTP/1.0 without Host", lines("GET /v1/models HTTP/1.0", AUTH, "", ""))
    yield Good("HTTP/1.0 POST", lines(f"POST {CHAT} HTTP/1.0", AUTH, JSON, f"Content-Length: {len(BODY)}", "", "") + BODY)
    yield Good("names in any case", lines(f"POST {CHAT} HTTP/1.1", "hOsT: x", AUTH.replace(b"Authorization", b"AUTHORIZATION"),
        "content-TYPE: application/json", f"CONTENT-length: {len(BODY)}", "", "") + BODY)
    for field in ["Host:x", "Host:\tx", "Host: x \t ", "Host: x:80", "Host: [::1]:8080", "Host: a_b.example.",
            "Host: 127.0.0.1:1", "Host: EXAMPLE.com"]:
        yield Good(f"{field!r}", lines("GET /v1/models HTTP/1.1", field, AUTH, "", ""))
    for name, field in {"no value": "X-A:", "spaces for a value": "X-A:   \t ", "a tab in a value": "X-A: b\tc",
            "all ASCII in a value": "X-A: " + "".join(map(chr, range(0x20, 0x7f))),
            "all token characters in a name": TCHARS + ": y",
                        "a name of digits": "42: y", "quotes left open": 'X-A: "b', "colons in a value": "X-A: b: c:: d"}.items():
        yield Good(name, get("/v1/models", field))
    yield Good("fields of a list twice", get("/v1/models", "Accept: a/b", "Accept: c/d", "Cookie: a=b", "Cookie: c=d"))
    yield Good("100 fields", get("/v1/models", *(f"X-{n}: y" for n in range(98))))
    yield Good("a head of 15 KiB", get("/v1/models", "X-A: " + "a" * (15 * 1024 - 200)))
    yield Good("a target of 8 KiB", get("/v1/models?" + "a" * (8192 - 11)))
    yield Good("a length of 0 on GET", get("/v1/models", "Content-Length: 0"))
    for name, scheme in [("small", "bearer"), ("in capitals", "BEARER"), ("mixed", "bEARER"), ("and three spaces", "Bearer  ")]:
        yield Good(f"the scheme {name}", lines("GET /v1/models HTTP/1.1", "Host: x", f"Authorization: {scheme} ".encode() + KEY,
            "", ""))
    yield Good("white space around the key", lines("GET /v1/models HTTP/1.1", "Host: x",
        b"Authorization: \t Bearer " + KEY + b" \t", "", ""))
    for target in ["/v1/models/", "/v1/models?", "/v1/models?a=b&c=%20%00%zz", "/v1/models?key=sk-hub-x", "/v1/models/plain",
            "/v1/models/pl%61in", "/v1/models/%70%6C%61%69%6E", "/v1/models/plain/", "/v1/me?x=/../..", "/v1", "/v1/",
            "//v1//models", "/v1//models", "//v1/models", "/v1/models//", "/v1/me//", "///v1///models///plain///", "//v1"]:
        yield Good(f"GET {target}", get(target))
    yield Good("a query on a POST", post(path=CHAT + "?api-version=2024-02-01"))
    yield Good("slashes too many on a POST", post(path="//v1//chat//completions/"))
    yield Good("a preflight without a key", lines(f"OPTIONS {CHAT} HTTP/1.1", "Host: x", "Origin: https://a.example",
        "Access-Control-Request-Headers: authorization", "", ""), 204)
    for field in ["Connection: close", "Connection: keep-alive, X-A",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__", "Upgrade: websocket",
            "TE: trailers", "Content-Encoding: identity", "Content-Encoding: Identity",
                  "Expect: 100-continue", "Expect: 100-Continue", "X-HTTP-Method-Override: DELETE", "X-Original-URL: /metrics",
                  "Transfer_Encoding: chunked", "X-Transfer-Encoding: chunked"]:
        yield Good(f"POST with {field[:30]!r}", post(HELLO, field))
    for kind in ["Application/JSON", "application/json;charset=utf-8", "application/json; charset=UTF-8",
            'application/json; charset="utf-8"', "application/json ; a=b", "application/json; a=b; charset=utf-8",
            "application/json\t"]:
        yield Good(f"type {kind!r}", post(kind="Content-Type: " + kind))


def chunks():
    def chunked(body, coding="chunked", *more):
        return lines(f"POST {CHAT} HTTP/1.1", "Host: x", AUTH, JSON, "Transfer-Encoding: " + coding, *more, "", "") + body
    end = b"\r\n0\r\n\r\n"
    yield Good("one chunk", chunked(b"3d\r\n" + BODY + end))
    yield Good("a byte a chunk", chunked(b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"))
    for coding in ["Chunked", "CHUNKED", " chunked\t"]:
        yield Good(f"coding {coding!r}", chunked(b"3d\r\n" + BODY + end, coding))
    for size in [b"3D", b"03d", b"000000000000003d", b"3d;a", b"3d;a=b", b'3d;a="b;c d"', b"3d;a=b;c=d", b"3d ; a = b"]:
        yield Good(f"size {size.decode()}", chunked(size + b"\r\n" + BODY + end))
    for name, tail in {"zeros for the last": b"000\r\n\r\n", "an extension on the last": b"0;a=b\r\n\r\n",
            "a trailer": b"0\r\nX-Checksum: abc\r\n\r\n", "two trailers": b"0\r\nX-A: b\r\nX-C: d\r\n\r\n"}.items():
        yield Good(name, chunked(b"3d\r\n" + BODY + b"\r\n" + tail))
    yield Good("chunks expected", chunked(b"3d\r\n" + BODY + end, "chunked", "Expect: 100-continue"))


def documents():
    spaced = ' \r\n\t{ "model"\t:\r"plain" ,\n"messages" : [ { "role" : "user" , "content" : "hi" } ] } \n\n'
    for name, text in {
        "space everywhere": spaced, "messages first": '{"messages":[{"content":"hi","role":"user"}],"model":"plain"}',
        "escapes in names": '{"mod\\u0065l":"pl\\u0061in","\\u006dessages":[{"r\\u006fle":"us\\u0065r","content":"hi"}]}',
        "all escapes": HELLO.replace('"hi"', '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\\ud83d\\ude00"'),
        "NUL escaped": HELLO.replace('"hi"', '"a\\u0000b"'), "DEL raw": HELLO.replace('"hi"', '"a\x7fb"'),
        "U+2028 and noncharacters": HELLO.replace('"hi"', '"\u2028\u2029\ufeff\uffff\ufffe\U0010ffff"'),
        "edges of UTF-8": HELLO.replace('"hi"', '"\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000"'),
        "escaped half pairs as text": HELLO.replace('"hi"', '"\\\\ud800"'),
        "64 levels of lists": deep(64), "64 levels of objects": deep(64, '{"a":', "}"), "an empty name": hello('"":1'),
        "one name in two normal forms": hello('"caf\u00e9":1', '"cafe\u0301":2'),
        "names that differ in case": hello('"Model":1', '"MODEL":2', '"modeL":3'),
        "names that differ in a space": hello('"model ":1', '" model":2'), "names that differ in NUL": hello('"model\\u0000":1'),
        "numbers": hello('"x":[0,-0,-0.0,1e308,-1E+2,1.5e-7,0.1e1,12345678901234567890123,1e-400,0e999]'),
        "1,000 unknown members": hello(*(f'"x{n}":null' for n in range(1000))),
        "the same name at several levels": hello('"x":{"x":{"x":1},"model":2,"messages":3}'),
        "1 MiB of text": HELLO.replace("hi", "a" * (1 << 20)), "1 MiB of escapes": HELLO.replace("hi",
        "\\u00e9" * 170_000)}.items():
        yield Good(f"document with {name}", post(text))


def members():
    for text in ['"max_tokens":1', '"max_tokens":2147483647', '"max_completion_tokens":1', '"max_completion_tokens":2147483647',
            '"max_tokens":5,"max_completion_tokens":6', '"n":1', '"n":128', '"temperature":0', '"temperature":2',
            '"temperature":2.0', '"temperature":0.2e1',
                 '"temperature":20e-1', '"temperature":-0.0', '"top_p":0', '"top_p":1', '"top_p":1.000', '"presence_penalty":-2',
                 '"presence_penalty":2', '"frequency_penalty":-2.0', '"frequency_penalty":2', '"logprobs":true,"top_logprobs":0',
                 '"logprobs":true,"top_logprobs":20', '"logprobs":false', '"seed":0', '"seed":-1', '"seed":9223372036854775807',
                 '"seed":-9223372036854775808', '"stream":false', '"stream":true', '"stream":true,"stream_options":null',
                 '"stream":true,"stream_options":{}',
                 '"stream":true,"stream_options":{"include_usage":null}',
                 '"stream":true,"stream_options":{"include_usage":false,"x":1}', '"stream_options":null', '"tools":[]',
                 '"service_tier":"auto"', '"metadata":{"__proto__":"x","constructor":"y"}', '"__proto__":{}',
                 '"metadata":{"api_key":"x","base_url":"y"}', '"API_BASE":"x"', '"api_base_":"x"',
                 '"stop":["a","b"],"user":"u","logit_bias":{"1":-100}',
                 '"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"api_base":1,"extra_headers":{}}}}']:
        yield Good(f"with {text[:70]}", post(hello(text)))
    nulls = ",".join(f'"{name}":null' for name in ["stream", "stream_options", "max_tokens", "max_completion_tokens", "n",
        "temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "seed", "tools", "stop",
        "user"])
    yield Good("with nulls", post(hello(nulls)))
    schema = {name: {"type": "string"} for name in [*UNSAFE, "model", "stream"]}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": schema}}}
    yield Good("unsafe names in a tool", post(hello('"tools":' + json.dumps([tool]), '"tool_choice":"auto"')))


def messages():
    def parts(*items):
        return {"role": "user", "content": list(items)}
    def image(url, **more):
        return parts({"type": "image_url", "image_url": {"url": url, **more}})
    for name, message in {
        "developer": {"role": "developer", "content": "hi"}, "system": {"role": "system", "content": ""},
        "a function": {"role": "function", "name": "f", "content": "x"}, "an empty user": {"role": "user", "content": ""},
        "an assistant without content": {"role": "assistant", "tool_calls": [CALL]},
        "an assistant of null": {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "call_2"}]},
        "an assistant of nothing": {"role": "assistant", "content": None},
        "a refusal": {"role": "assistant", "content": None, "refusal": "no"},
        "an old function call": {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        "an echo": {"role": "assistant", "content": "", "refusal": None, "audio": None, "function_call": None, "annotations": [],
        "reasoning_content": "x", "tool_calls": None}, "a refusal part": {"role": "assistant",
        "content": [{"type": "refusal", "refusal": "no"}]},
        "broken arguments": {"role": "assistant", "content": None, "tool_calls": [{**CALL,
        "function": {"name": "f", "arguments": '{"a":'}}]}, "a tool": {"role": "tool", "tool_call_id": "call_1", "content": "x"},
        "a tool of parts": {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": ""}]},
        "a name": {**GOOD, "name": "zoë 😀"}, "unsafe names": {**GOOD, "api_base": "x", "extra_headers": {}},
        "parts": parts({"type": "text", "text": "a"}, {"type": "text", "text": ""}),
        "a cache mark": parts({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}),
        "a text file": parts({"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGk="}}),
        "a part with more in it": parts({"type": "text", "text": "hi", "x": 1}),
        "an https image": image("https://example.com/a.png", detail="low"), "an http image": image("http://example.com/a.png"),
        "HTTPS": image("HTTPS://EXAMPLE.com/a.png"), "metadata as an image": image("http://169.254.169.254/latest/meta-data/"),
        "a loopback image": image("http://127.0.0.1:1/"), "a data image": image("data:image/png;base64,iVBORw0KGgo="),
        "an empty data image": image("data:,"), "1 MiB of image": image("data:image/png;base64," + "A" * (1 << 20))}.items():
        yield Good(f"message: {name}", chat([GOOD, message]))
    for name, image_url in {"a scheme escaped": '{"url":"\\u0068ttps://example.com/a.png"}',
            "a url escaped": '{"ur\\u006c":"https://example.com/a.png"}',
            "slashes escaped": '{"url":"https:\\/\\/example.com\\/a.png"}'}.items():
        yield Good(f"image: {name}",
            post('{"model":"sighted","messages":[{"role":"user","content":[{"type":"image_url","image_url":%s}]}]}' % image_url))
    yield Good("10,000 messages", chat([{"role": "user", "content": ""}] * 10_000))


CASES = [*heads(), *chunks(), *documents(), *members(), *messages()]
