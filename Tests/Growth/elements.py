"""What repeats in requests and answers, in the worst forms known: one name or id again and again, all different, spelt otherwise,
and in every place where one is looked for among the others.

An element is (kind, path, bound, head, item, tail, separator, most bytes, dialects): `item(n)` is the n-th of what repeats; `bound`
is how many are taken, None where only bytes count. `head` may be a function of how many there are: two lists grow together."""

import json

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
EMBED, IMAGE = "/v1/embeddings", "/v1/images/generations"
KIB, MIB = 1 << 10, 1 << 20
#: Dialects whose translations differ most.
DIALECTS = ["openai", "mistral", "groq", "gemini-compat", "anthropic"]
USER = '{"role":"user","content":"x"}'
ELEMENTS = {}


def element(name, kind, path, bound, head, item, tail, separator=",", bytes_max=20 * MIB, dialects=None):
    assert name not in ELEMENTS, name
    ELEMENTS[name] = (kind, path, bound, head, item, tail, separator, bytes_max,
                      dialects or (DIALECTS if path == CHAT and kind == "request" else ["vllm"]))


def after(text, head):
    return (lambda count: text + head(count)) if callable(head) else text + head


def repeated(item, count):
    return ",".join(map(item, range(count)))


def chat(name, bound, head, item, tail, separator=","):
    element(name, "request", CHAT, bound, after('{"model":"m",', head), item, tail + "}", separator)


def messages(name, item, bound=10_000):
    chat(name, bound, f'"messages":[{USER},', item, "]")


def part(name, item, role="user", more=""):
    chat(name, 4_096, after(f'"messages":[{{"role":"{role}"', after("", more) if callable(more) else more + ',"content":['), item, "]}]")


def schema(name, bound, head, item, tail):
    chat(name, bound, after(
        f'"messages":[{USER}],"tools":[{{"type":"function","function":{{"name":"f","strict":true,"parameters":', head), item, tail + "}}]")


def turn(at, identity, name):
    """Calls are bounded a message: it takes many messages."""
    calls = ",".join(f'{{"id":"{identity(at * 50 + n)}","type":"function","function":{{"name":"{name(at * 50 + n)}","arguments":"{{}}"}}}}'
                     for n in range(50))
    return f'{{"role":"assistant","tool_calls":[{calls}]}},{{"role":"user","content":"y"}}'


# Messages.
messages("messages of users", lambda n: USER)
messages("messages of the system", lambda n: '{"role":"system","content":"x"}')
messages("other members of messages", lambda n: f'{{"role":"assistant","content":"x","refusal":null,"name":"n{n}","audio":{{}}}}')
chat("members of a message", None, '"messages":[{"role":"user","content":"x",', lambda n: f'"m{n}":{{}}', "}]")
chat("a text with escapes", None, '"messages":[{"role":"user","content":"', lambda n: r"\u0061\n\ud83d\ude00plain é ", '"}]', "")
chat("a text of one character", None, '"messages":[{"role":"assistant","content":"e', lambda n: r"\u0301", '"}]', "")
chat("white space at an end", None, '"messages":[{"role":"assistant","content":"x', lambda n: r"\u00a0 \t\u2003", '"}]', "")
chat("flags at an end", None, '"messages":[{"role":"assistant","content":"', lambda n: "\U0001f1e9", ' "}]', "")
chat("space between tokens", None, f'"messages":[{USER}],"x":[', lambda n: "\n\t      ", "]", "")
part("parts of text", lambda n: '{"type":"text","text":"x"}')
part("parts with cache markers", lambda n: '{"type":"text","text":"x","cache_control":{"type":"ephemeral"},"prompt_cache_breakpoint":{}}')
part("images", lambda n: '{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}}')
part("parts of other APIs", lambda n: '{"type":"input_text","text":"x"}')
part("results as blocks", lambda n: f'{{"type":"tool_result","tool_use_id":"t{n}","content":[{{"type":"text","text":"x"}}]}}')
part("thoughts as blocks", lambda n: '{"type":"thinking","thinking":"x","signature":"s"}', "assistant")
part("calls as blocks", lambda n: f'{{"type":"tool_use","id":"t{n}","name":"f","input":{{"a":"\\"\\n"}}}}', "assistant")
part("calls in both forms", lambda n: r'{"type":"tool_use","id":"\u0061","name":"b"}', "assistant",
     lambda count: ',"tool_calls":[' + repeated(lambda n: rf'{{"id":"\u0063{n}"}}', min(count, 1_000)) + '],"content":[')
chat("blocks in a result", 4_096, '"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[',
     lambda n: '{"type":"text","text":"x"}', "]}]}]")
chat("items", 20_000, '"input":[', lambda n: '{"role":"user","content":[{"type":"input_text","text":"x"}]}', "]")
chat("items of calls", 20_000, '"input":[', lambda n: '{"type":"function_call_output","call_id":"c0","output":"r"}' if n % 500 == 499
     else f'{{"type":"function_call","call_id":"c{n % 500}","name":"f","arguments":"{{}}"}}', "]")
# The body.
chat("members of the body", 4_000, f'"messages":[{USER}],', lambda n: f'"x{n}":{{"a":[null]}}', "")
chat("members with escapes", 4_000, f'"messages":[{USER}],', lambda n: rf'"\u006d\u0065ssage{n}":null', "")
chat("one long name", None, f'"messages":[{USER}],"', lambda n: r"\u0061", '":1', "")
chat("members of an object", None, f'"messages":[{USER}],"x":{{', lambda n: f'"x{n}":1', "}")
chat("stops", None, f'"messages":[{USER}],"stop":[', lambda n: f'"s{n}"', "]")
chat("biases", None, f'"messages":[{USER}],"logit_bias":{{', lambda n: f'"{n}":-1', "}")
chat("options of the stream", 4_000, f'"messages":[{USER}],"stream":true,"stream_options":{{', lambda n: f'"o{n}":true', "}")
chat("numbers", None, f'"messages":[{USER}],"x":[', lambda n: "-1.25e-7", "]")
chat("digits", None, f'"messages":[{USER}],"temperature":0.', lambda n: "01234567", "", "")
chat("levels", None, f'"messages":[{USER}],"x":[', lambda n: "[" * 50 + "]" * 50, "]")
# Tools.
chat("calls of a message", 1_024, '"messages":[{"role":"assistant","tool_calls":[',
     lambda n: f'{{"id":"c{n}","type":"function","function":{{"name":"f{n}","arguments":"{{\\"a\\":1}}"}}}}', "]}]")
messages("calls with one id", lambda n: turn(n, lambda k: "a", lambda k: "f"))
messages("calls with numbered ids", lambda n: turn(n, lambda k: "a" if k % 2 else f"a_{k}", lambda k: "f"))
messages("calls of different tools", lambda n: turn(n, lambda k: f"call_{k}", lambda k: f"f{k}"))
messages("calls with strange ids", lambda n: turn(n, lambda k: rf"\u00e9:{k}", lambda k: "f"))
chat("answers to calls", 1_024, lambda count: '"messages":[{"role":"assistant","tool_calls":['
     + repeated(lambda n: f'{{"id":"c{n}","function":{{"name":"f","arguments":"{{}}"}}}}', count) + "]},",
     lambda n: f'{{"role":"tool","tool_call_id":"c{n}","content":"r"}}', "]")
chat("arguments of a call", None, '"messages":[{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{',
     lambda n: rf"\"a{n}\":{{}}", '}"}}]}]')
chat("tools", 2_048, f'"messages":[{USER}],"tools":[',
     lambda n: f'{{"type":"function","function":{{"name":"f{n}","parameters":{{"type":"object","properties":{{}}}}}}}}', "]")
chat("tools of other APIs", 2_048, f'"messages":[{USER}],"tools":[',
     lambda n: f'{{"name":"f{n}","input_schema":{{"type":"object"}},"cache_control":{{"type":"ephemeral"}}}}', "]")
chat("allowed tools", 2_048, lambda count: f'"messages":[{USER}],"tools":['
     + repeated(lambda n: f'{{"type":"function","function":{{"name":"f{n}"}}}}', count)
     + '],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[',
     lambda n: f'{{"type":"function","function":{{"name":"g{n}"}}}}', "]}}")
# Schemas.


def defined(count):
    return '{"$defs":{"a":{"required":["p1"],"properties":{' + repeated(lambda n: f'"p{n}":{{}}', count) + "}}},"


schema("properties", 60_000, '{"type":"object","properties":{', lambda n: f'"p{n}":{{}}', "}}")
schema("required", None, '{"type":"object","properties":{"p1":{}},"required":[', lambda n: f'"p{n}"', "]}")
schema("properties of choices", 30_000, '{"anyOf":[', lambda n: f'{{"properties":{{"p{n}":{{}}}}}}', "]}")
schema("choices", 60_000, '{"type":"object","properties":{"a":{"oneOf":[', lambda n: '{"type":"null"}', "]}}}")
schema("merged parts", 30_000, '{"properties":{"x":{"allOf":[', lambda n: f'{{"properties":{{"p{n}":{{}}}}}}', "]}}}")
schema("merged references", 8_192, lambda count: defined(count) + '"allOf":[', lambda n: '{"$ref":"#/$defs/a"}', "]}")
schema("references to one", 8_000, lambda count: defined(count) + '"properties":{', lambda n: f'"r{n}":{{"$ref":"#/$defs/a"}}', "}}")
schema("references in a chain", 8_000, '{"$ref":"#/$defs/d0","$defs":{',
       lambda n: f'"d{n}":{{"properties":{{"n":{{"$ref":"#/$defs/d{n + 1}"}}}}}}', "}}")
schema("steps of a reference", None, '{"properties":{"a":{"$ref":"#', lambda n: "/properties/a", '"}}}')
schema("values", None, '{"properties":{"a":{"type":["string","null"],"enum":[', lambda n: f'"v{n}"', "]}}}")
schema("types", None, '{"properties":{"a":{"type":[', lambda n: '"string"', "]}}}")
schema("unknown keywords", 60_000, '{"type":"object",', lambda n: f'"k{n}":1', "}")
schema("bounds of properties", 30_000, '{"type":"object","properties":{', lambda n: f'"p{n}":{{"maxLength":3}}', "}}")
chat("properties of an answer", 60_000,
     f'"messages":[{USER}],"response_format":{{"type":"json_schema","json_schema":{{"name":"a","schema":{{"properties":{{',
     lambda n: f'"p{n}":{{}}', "}}}}")
# Other operations.
for operation, path, member in (("completion", TEXT, "prompt"), ("embedding", EMBED, "input")):
    element(f"texts of a {operation}", "request", path, 2_048, f'{{"model":"m","{member}":[', lambda n: f'"text {n}"', "]}")
    element(f"tokens of a {operation}", "request", path, None, f'{{"model":"m","{member}":[', str, "]}")
    element(f"token lists of a {operation}", "request", path, 2_048, f'{{"model":"m","{member}":[', lambda n: f"[1,{n}]", "]}")
element("an image's prompt", "request", IMAGE, None, '{"model":"m","prompt":"', lambda n: r"e\u0301", '"}', "")
element("members of an image", "request", IMAGE, 4_000, '{"model":"m","prompt":"x",', lambda n: f'"x{n}":[]', "}")


# What providers send.
def stream(name, bound, item, head="", dialect="vllm"):
    element(name, "stream", "-", bound, head, item, "", "", 64 * MIB, [dialect])


def event(name, bound, head, item, tail):
    element(name, "stream", "-", bound, "data: " + head, item, tail + "\n\n", ",", MIB, ["vllm"])


def answer(name, head, item, tail, path=CHAT, separator=",", dialect="vllm"):
    element(name, "answer", path, None, head, item, tail, separator, 32 * MIB, [dialect])


def chunk(delta, model='"model":"m",'):
    return f'data: {{"id":"c","object":"chat.completion.chunk","created":1,{model}"choices":[{{"index":0,"delta":{delta}}}]}}\n\n'


def call(delta):
    return chunk(f'{{"tool_calls":[{delta}]}}')


def block(kind, more=""):
    return f'event: {kind}\ndata: {{"type":"{kind}"{more}}}\n\n'


LONG = "m" * 20_000
TEXT_BLOCK = block("content_block_start", ',"index":0,"content_block":{"type":"text","text":""}')
TEXT_DELTA = block("content_block_delta", ',"index":0,"delta":{"type":"text_delta","text":"hello"}')
stream("chunks", None, lambda n: chunk('{"content":"hello"}'))
stream("chunks with roles", None, lambda n: chunk('{"role":"assistant","content":"hello"}'))
stream("chunks of parts", None, lambda n: chunk('{"content":[{"type":"text","text":"hello"}]}'))
stream("chunks after a long name", None, lambda n: chunk('{"content":"hello"}', ""), chunk('{"content":"x"}', f'"model":"{LONG}",'))
stream("comments", None, lambda n: ": ping\nevent: x\nid: 5\n\n")
stream("lines of data", None, lambda n: "data:\n\n")
stream("pieces of one call", None, lambda n: call('{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}'))
stream("pieces of many calls", None, lambda n: call(
    f'{{"index":{n % 200},"id":"c{n % 200}","function":{{"name":"f","arguments":"{{}}"}}}}'))
stream("calls", 256, lambda n: call(f'{{"index":{n},"id":"c{n}","function":{{"name":"f{n}","arguments":"{{}}"}}}}'))
stream("calls without ids", 256, lambda n: call(f'{{"index":{n},"function":{{"name":"f{n}","arguments":{{}}}}}}'))
event("pieces in a chunk", None, '{"model":"m","choices":[{"index":0,"delta":{"tool_calls":[',
      lambda n: '{"index":0,"function":{"arguments":"{}"}}', "]}}]}")
event("choices of a chunk", None, '{"model":"m","choices":[',
      lambda n: f'{{"index":{n % 200},"delta":{{"role":"assistant","content":"x"}},"finish_reason":"stop"}}', "]}")
event("members of a chunk", 4_000, '{"model":"m","choices":[{"index":0,"delta":{"content":"x"}}],', lambda n: f'"x{n}":{{}}', "}")
stream("Anthropic's deltas", None, lambda n: TEXT_DELTA,
       block("message_start", ',"message":{"model":"c","usage":{"input_tokens":1}}') + TEXT_BLOCK, "anthropic")
stream("Anthropic's deltas after a long name", None, lambda n: TEXT_DELTA,
       block("message_start", f',"message":{{"model":"{LONG}"}}') + TEXT_BLOCK, "anthropic")
stream("Anthropic's calls", 250, lambda n: block(
    "content_block_start", f',"index":{n},"content_block":{{"type":"tool_use","id":"t{n}","name":"f","input":{{}}}}')
    + block("content_block_stop", f',"index":{n}'), block("message_start", ',"message":{"model":"c"}'), "anthropic")
answer("choices of an answer", '{"model":"m","choices":[', lambda n:
       f'{{"index":{n},"message":{{"role":"assistant","content":[{{"type":"text","text":"x"}}]}},"finish_reason":"eos"}}', "]}")
answer("calls of an answer", '{"model":"m","choices":[{"index":0,"message":{"tool_calls":[', lambda n:
       f'{{"id":"c{n}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}', "]}}]}")
answer("parts of an answer", '{"model":"m","choices":[{"index":0,"message":{"content":[',
       lambda n: '{"type":"thinking","thinking":[{"type":"text","text":"x"}]}', "]}}]}")
answer("Anthropic's blocks", '{"model":"c","stop_reason":"tool_use","content":[',
       lambda n: f'{{"type":"tool_use","id":"t{n}","name":"f","input":{{"a":"\\""}}}}', "]}", dialect="anthropic")
answer("vectors", '{"model":"m","data":[', lambda n: f'{{"object":"embedding","index":{n},"embedding":[0.1,-0.25]}}', "]}", EMBED)
answer("numbers of a vector", '{"model":"m","data":[{"index":0,"embedding":[', lambda n: "-0.006929283495992422", "]}]}", EMBED)
answer("pictures", '{"created":1,"data":[', lambda n: '{"b64_json":"AAAA"}', "]}", IMAGE)
answer("a model's name", '{"choices":[{"index":0,"message":{"content":"x"}}],"model":"e', lambda n: r"\u0301", '"}', separator="")
answer("an error's message", '{"error":{"type":"server_error","message":"', lambda n: "try again in 9 ", '"}}', separator="")
for name, head, item, tail, separator in (
        ("details of an error", '{"error":{"message":"x","details":[',
         lambda n: f'{{"reason":"r{n}","retryDelay":"1s","violations":[{{"quotaId":"q"}}]}}', "]}}", ","),
        ("places of an error", '{"detail":[{"msg":"m","loc":[', lambda n: f'"l{n}"', "]}]}", ","),
        ("waits of an error", '{"error":{"message":"', lambda n: "wait 1h ", '"}}', "")):
    element(name, "error", "-", None, head, item, tail, separator, 64 * KIB, ["-"])


def sizes(name, bytes_max):
    """How many at a quarter, and at four times as much: the bound, if it is met before the bytes are."""
    kind, path, bound, head, item, tail, separator, most, _ = ELEMENTS[name]
    each = max(len(item(n).encode()) for n in (0, 1_000, 10_000)) + len(separator)
    if callable(head):
        each += len(head(1_000)) // 1_000
        head = ""
    room = min(bytes_max, most) - len(head.encode()) - len(tail.encode())
    large = max(8, min(bound or room, room // each))
    return large // 4, large // 4 * 4


def body(name, count):
    _, _, _, head, item, tail, separator, _, _ = ELEMENTS[name]
    return ((head(count) if callable(head) else head) + separator.join(item(n) for n in range(count)) + tail).encode()


def is_valid(name):
    """Whether a small one is what it is meant to be: JSON, where that is what it is."""
    kind = ELEMENTS[name][0]
    if kind != "stream":
        json.loads(body(name, 4))
    return True
