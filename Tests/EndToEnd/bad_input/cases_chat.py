"""Valid JSON but invalid chat completion requests: model, numbers, flags, duplicate names, names that redirect."""

import json

from case import HELLO, Case, post

CONTROLS = [*range(0x20), 0x7f]
NOT_A_STRING = {"null": "null", "true": "true", "0": "0", "a number": "1.5", "a list": '["plain"]',
    "an object": '{"name":"plain"}', "an empty list": "[]", "an empty object": "{}"}
UNKNOWN_MODELS = [
    "no-such-model", "plаin", "ｐｌａｉｎ", "𝐩𝐥𝐚𝐢𝐧", "plaın", "plain ", " plain", "plain\u00a0", "\u200bplain", "pl\u200dain",
    "\u202eplain", "plain\ufeff", "plain\u0301", "Plain", "PLAIN", "plain.", "plain/", "/plain", "../", "..", ".",
    "../plain", "plain/..", "./plain", "..\\plain", "/etc/passwd", "file:///etc/passwd", "http://169.254.169.254/", "plain-1",
    "scripted/plain", "openai/plain", "plain:latest", "plain@1", "script:in=10,out=8", "plain,slow", "plain slow",
    "plain|slow", "plain;slow", "*", "%", "pl?in", "pl[a]in", "^plain$", ".*", "plain%00", "pl%61in", "plain'--", "' or '1'='1",
    '"; drop table model; --', "{{7*7}}", "${jndi:ldap://x}", "$(id)", "`id`", "<script>alert(1)</script>", "%s%n%x",
    "{0}", "__proto__", "constructor", "null", "undefined", "0", "true", "[]", "{}", "😀", "日本語", "a" * 256, "é" * 128, "\u0085",
    "\u2028"]
INT = ["1.5", "0.5", '"5"', '""', '"x"', "true", "false", "[]", "[1]", "{}", '{"a":1}', "-1", "-2147483648",
    "9223372036854775808", "-9223372036854775809", "18446744073709551616", "18446744073709551617", "1e308", "-1e308", "1e-300",
    "99999999999999999999999999"]
COUNTS = {
    "max_tokens": [*INT, "0", "-0", "0.0", "2147483648", "4294967296", "4294967297", "9223372036854775807"],
    "max_completion_tokens": [*INT, "0", "-0", "0.0", "2147483648", "4294967296", "4294967297", "9223372036854775807"],
    "n": [*INT, "0", "-0", "129", "130", "1000000000", "4294967297", "128.5"],
    "top_logprobs": [*INT, "21", "22", "99", "100", "4294967296"],
    "seed": ["1.5", "0.5", '"5"', '""', '"x"', "true", "false", "[]", "[1]", "{}", "9223372036854775808", "-9223372036854775809",
    "18446744073709551615", "18446744073709551616", "1e308", "-1e308", "1e-300", "99999999999999999999999999"]}
REAL = ['"x"', '"1"', '""', '"0.5"', "true", "false", "[]", "[1]", "{}", '{"a":1}', "1e308", "-1e308", "9223372036854775808",
    "18446744073709551616"]
REALS = {
    "temperature": [*REAL, "-1", "-0.0001", "-1e-9", "2.0001", "2.000000001", "3", "100"],
    "top_p": [*REAL, "-1", "-0.0001", "-1e-9", "1.0001", "1.000000001", "2", "100"],
    "presence_penalty": [*REAL, "-2.0001", "-3", "2.0001", "3", "100"], "frequency_penalty": [*REAL, "-2.0001", "-3", "2.0001",
    "3", "100"]}
FLAGS = ['"true"', '"false"', '"yes"', '""', "0", "1", "-1", "1.5", "[]", "[true]", "{}", '{"a":true}']
NOT_A_LIST = ['"x"', '""', "0", "1", "1.5", "true", "false", "{}", '{"0":{}}', '"[]"']
UNSAFE = ["api_base", "base_url", "api_key", "user_config", "extra_headers"]
ANY_VALUE = ['"http://169.254.169.254/"', '""', "null", "0", "true", "[]", '["x"]', "{}", '{"x":"y"}']


def hello(*members, first=False):
    """The valid body with more members, as text: names may be duplicated or escaped."""
    return "{" + ",".join([*members, HELLO[1:-1]] if first else [HELLO[1:-1], *members]) + "}"


def escaped(name):
    """Spellings of the same name: as it is, one letter escaped, another, all of them, in capitals."""
    def units(part, form="{:04x}"):
        return "".join("\\u" + form.format(ord(c)) for c in part)
    spellings = {"plain": name}
    if name:
        spellings |= {"first letter escaped": units(name[0]) + name[1:], "last letter escaped": name[:-1] + units(name[-1]),
                      "all escaped": units(name), "all escaped in capitals": units(name, "{:04X}")}
        spellings = {how: text for at, (how, text) in enumerate(spellings.items()) if text not in list(spellings.values())[:at]}
    return spellings


def models():
    tail = '"messages":[{"role":"user","content":"hi"}]}'
    yield Case("model is missing", post("{" + tail), param="model")
    yield Case("only a Model", post('{"Model":"plain",' + tail), param="model")
    yield Case("an empty object", post("{}"), param=("model", "messages"))
    for name, value in NOT_A_STRING.items():
        yield Case(f"model is {name}", post('{"model":' + value + "," + tail), param="model")
    for name, text in [("empty", ""), ("of 257 bytes", "a" * 257), ("of 300 characters", "a" * 300),
            ("of 258 bytes in 129 characters", "é" * 129), ("of 1 MiB", "a" * (1 << 20)), ("gpt-4o and a line feed", "gpt-4o\n"),
                       ("plain and a line feed", "plain\n"), ("plain and NUL", "plain\0"), ("with ANSI codes", "\x1b[31mplain"),
                       ("with a log line", 'x\n{"level":"info"}')]:
        yield Case(f"model {name}", post('{"model":' + json.dumps(text) + "," + tail), param="model")
    for byte in CONTROLS:
        yield Case(f"model with 0x{byte:02x}", post('{"model":"pl\\u00%02xain",' % byte + tail), param="model")
    for name in UNKNOWN_MODELS:
        yield Case(f"unknown model {name[:24]!r}", post('{"model":' + json.dumps(name, ensure_ascii=False) + "," + tail), 404,
            "model")


def numbers_and_flags():
    for name, values in {**COUNTS, **REALS, "stream": FLAGS, "logprobs": FLAGS, "tools": NOT_A_LIST}.items():
        more = ['"logprobs":true'] if name == "top_logprobs" else []
        for value in values:
            yield Case(f"{name} is {value}", post(hello(*more, f'"{name}":{value}')), param=name)
            yield Case(f"{name} is {value}, first of a stream", post(hello(f'"{name}":{value}', *more,
                *([] if name == "stream" else ['"stream":true']), first=True)), param=name)


def stream_options():
    whole, inner = "stream_options", ("stream_options", "stream_options.include_usage")
    for value in ['"x"', '""', "0", "1", "true", "false", "[]", '[{"include_usage":true}]', '"{}"']:
        yield Case(f"stream_options is {value}", post(hello('"stream":true', f'"stream_options":{value}')), param=whole)
        yield Case(f"stream_options is {value} and comes first", post(hello(f'"stream_options":{value}', '"stream":true',
            first=True)), param=whole)
    for value in ['"x"', '"true"', '""', "0", "1", "1.5", "[]", "[true]", "{}"]:
        yield Case(f"include_usage is {value}", post(hello('"stream":true', '"stream_options":{"include_usage":%s}' % value)),
            param=inner)
    for stream in [[], ['"stream":false'], ['"stream":null']]:
        for value in ["{}", '{"include_usage":true}', '{"include_usage":false}', '{"include_usage":null}', '{"x":1}']:
            yield Case(f"stream_options {value} with {stream or 'no stream'}", post(hello(*stream, f'"stream_options":{value}')),
                param=whole)


def twice():
    values = {"model": '"plain"', "messages": '[{"role":"user","content":"hi"}]', "stream": "true", "max_tokens": "5",
        "max_completion_tokens": "5", "n": "1", "temperature": "1", "tools": "[]",
              "stream_options": "null", "user": '"x"', "x_vendor": "1", "": "1", "x/y": "1", "caf\u00e9": "1"}
    others = {"model": '"slow"', "messages": '[{"role":"user","content":"ho"}]', "stream": "false"}
    for name, value in values.items():
        tail = [f'"{key}":{values[key]}' for key in ("model", "messages") if key != name]
        for how, spelling in escaped(name).items():
            for relation, second in [("same value", value), ("another value",
                    others.get(name,
                    '"other"' if value[0] == '"' else "null" if value == "[]" else "2" if value != "null" else "{}"))]:
                one, two = f'"{name}":{value}', f'"{spelling}":{second}'
                for place, members in [("side by side", [one, two, *tail]), ("first and last", [one, *tail, two]),
                        ("the odd one first", [two, *tail, one])]:
                    if not (place == "the odd one first" and (two == one or how == "plain")):
                        yield Case(f"{name!r} twice, {how}, {relation}, {place}", post("{" + ",".join(members) + "}"), param=name)


def unsafe():
    for name in UNSAFE:
        for value in ANY_VALUE:
            yield Case(f"{name} is {value}", post(hello(f'"{name}":{value}')), param=name)
        for how, spelling in escaped(name).items():
            yield Case(f"{name} {how}, first of all", post(hello(f'"{spelling}":"x"', first=True)), param=name)
        yield Case(f"{name} in a stream", post(hello('"stream":true', f'"{name}":"x"')), param=name)
        yield Case(f"{name} among 1,000 others", post(hello(*(f'"x{n}":{n}' for n in range(1000)), f'"{name}":"x"')), param=name)


CASES = [*models(), *numbers_and_flags(), *stream_options(), *twice(), *unsafe()]
