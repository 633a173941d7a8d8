"""Documents that are not JSON (RFC 8259) or exceed the gateway's bounds. Their errors name no member."""

import json

from case import HELLO, Case, post

FULL = ('{"model": "plain", "stream": false, "temperature": -0.5e+0, "seed": 12,\r\n "messages": ['
        '{"role": "system", "content": "be \\"kind\\" \\u00e9\\ud83d\\ude00"},'
        '\t{"role": "user", "content": [{"type": "text", "text": "caf\u00e9 \u2028 \U0001f600"}]}],'
        ' "stop": null, "logprobs": true, "x": {"a": [1, -0, 2.5E-3, []], "b": {}}}').encode()

WORDS = [
    "", "NaN", "-NaN", "Infinity", "-Infinity", "+Infinity", "nan", "inf", "tru", "truee", "True", "TRUE", "tRUE", "fals",
    "False", "nul", "nulll", "Null", "NULL", "None", "nil",
    "undefined", "void", "x", "plain", "yes", "on", "@", "$", "\\", "~", "?", ";", "=", "&", "*", "%", "^", "|", "!", "<x>",
    "`x`", "(1)", "...", "u'x'", 'b"x"', 'r"x"', "@date", "\\u0031"]
NUMBERS = [
    "-", "+", "+1", "01", "00", "-01", "007", "1.", "-1.", ".5", "-.5", "1.e1", "1e", "1e+", "1e-", "1E", "e1", "1e1.5", "1e1e1",
    "1.2.3", "--1", "+-1", "-+1", "1-", "1+1",
    "1_000", "0x10", "0X1F", "0b1", "0o7", "1f", "1L", "1n", "1d", "1,5", "1 000", "1'000", "- 1", "1 .5", "1. 5", "1e 5", "1/2",
    "½", "١", "１", "∞", "10%", "$1", "#1",
    "1e999", "-1e999", "1E+999", "1e309", "-1e309", "9" * 400, "-" + "9" * 400, "1" + "0" * 400 + ".5", "1e99999999999999999999"]
STRINGS = [
    '"', '"x', 'x"', "'x'", "'x\"", "\"x'", "“x”", "«x»", '"x""y"', '"x" "y"', '"\\', '"\\"', '"\\x41"', '"\\a"', '"\\v"',
    '"\\0"', '"\\\'"', '"\\e"', '"\\ "', '"\\U0041"', '"\\u"', '"\\u1"',
    '"\\u12"', '"\\u123"', '"\\u123g"', '"\\u 123"', '"\\u+123"', '"\\u-123"', '"\\u{41}"', '"\\uＦＦＦＦ"', '"\\\n"', '"\\\r\n"',
    '"\\ud800"', '"\\udbff"', '"\\udc00"', '"\\udfff"', '"\\ud800x"',
    '"\\ud800\\n"', '"\\ud800\\u0041"', '"\\ud800\\ud800"', '"\\udc00\\ud800"', '"\\udc00\\udc00"', '"\\ud83d \\ude00"',
    '"\\ud83d\\\\ude00"', '"\\ud83d\\ude0"', '"\\ud83d\\u"', '"\\ud83d\\', '"\\uD800\\uE000"']
NOT_UTF8 = [
    b"\x80", b"\xbf", b"\xc0", b"\xc0\x80", b"\xc0\xaf", b"\xc1\xbf", b"\xc2", b"\xc3(", b"\xe0\x80\x80", b"\xe0\x9f\xbf",
    b"\xe0\xa0", b"\xe1\x80", b"\xe2\x82", b"\xe2(\xa1", b"\xe2\x82(", b"\xed\xa0\x80",
    b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80", b"\xee\x80", b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf0\x9f",
    b"\xf0\x9f\x98", b"\xf0(\x8c\xbc", b"\xf0\x90(\xbc", b"\xf0\x28\x8c\x28", b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xfe", b"\xff", b"\xff\xfe", b"\xfe\xff",
    b"caf\xe9", b"\x93x\x94", b"\x82\xa0", b"a\x80" * 20, b"a" * 40 + b"\xff", b"a" * 31 + b"\xc3"]
SHAPES = [
    "[", "]", "[1", "1]", "[1,", "[1,]", "[,1]", "[,]", "[1,,2]", "[1 2]", "[1;2]", "[1:2]", "[[1]", "[1]]", "[1}", "[)", "{",
    "}", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', '{,"a":1}', "{,}", '{"a":1,,"b":2}',
    '{"a"}', '{"a":}', '{"a" 1}', '{"a",1}', '{"a"=1}', '{"a"=>1}', '{"a"::1}', '{"a":1:2}', '{a:1}', '{1:1}', '{null:1}',
    "{'a':1}", '{"a":1 "b":2}', '{"a":1;"b":2}', '{"a":1]', '{[]:1}', '{{}:1}', '{"a":1}}', '{"a":{}',
    '{...{}}', "// c\n1", "1 // c", "1 // c\n", "/* c */ 1", "1 /* c */", "/**/1", "# c\n1", "1 # c\n", "-- c\n1", "<!-- -->1",
    "1;", "1,", ":1", "1:", ",1", "\f1", "\v1", "\u00a01", "1\u00a0", "\ufeff1", "\u20281", "\u30001", "\u200b1", "\x001",
    "1\x00", "\x1e1"]
PLACES = {
    "as a member": b'{"x":%s,"model":"plain","messages":[{"role":"user","content":"hi"}]}',
    "in a list": b'{"model":"plain","messages":[{"role":"user","content":"hi"}],"x":[0,%s,1]}',
    "within a message": b'{"model":"plain","messages":[{"role":"user","content":"hi","x":%s}]}',
    "60 deep": b'{"model":"plain","messages":[{"role":"user","content":"hi"}],"x":' + b"[" * 59 + b"%s" + b"]" * 59 + b"}"}


def deep(levels, opening="[", closing="]"):
    """A document with at least that many levels, including the outermost object."""
    times = -(-(levels - 1) // (opening.count("[") + opening.count("{")))
    return HELLO[:-1] + ',"x":' + opening * times + ("1" if opening.endswith(":") else "") + closing * times + "}"


def refuses(document):
    """Whether Python's parser agrees that `document` is not JSON."""
    try:
        json.loads(document, parse_constant=lambda word: 1 / 0)
        return False
    except (ValueError, ZeroDivisionError):
        return True


def flaws():
    yield from ((f"{text[:24]!r} ({len(text)})", text.encode()) for text in WORDS + NUMBERS + STRINGS + SHAPES)
    yield from ((f"a string with {text[-24:]!r}", b'"' + text + b'"') for text in NOT_UTF8)
    yield from ((f"a string with raw 0x{byte:02x}", b'"a' + bytes([byte]) + b'b"') for byte in range(0x20))


def in_places():
    for name, flaw in flaws():
        for place, template in PLACES.items():
            document = template.replace(b"%s", flaw)
            if flaw in (b"", b"1,5") and not refuses(document):
                continue  # Valid within a list.
            yield Case(f"{name} {place}", post(document), 400, None)


def cut_and_bent():
    seen = {FULL[:length] for length in range(len(FULL) + 1)}
    for length in range(len(FULL)):
        yield Case(f"cut after {length} bytes", post(FULL[:length]), 400, None)
    for at, byte in enumerate(FULL):
        if chr(byte) in '{}[],:"\\':
            for how, document in [("missing", FULL[:at] + FULL[at + 1:]), ("twice", FULL[:at + 1] + FULL[at:]),
                    ("a NUL", FULL[:at] + b"\0" + FULL[at + 1:])]:
                if refuses(document) and document not in seen:
                    seen.add(document)
                    yield Case(f"{chr(byte)} at {at} is {how}", post(document), 400, None)


def whole_documents():
    good = HELLO.encode()
    for number, text in enumerate([" ", "\n\r\t ", "null", "true", "false", "1", "-1.5", '"x"', '""', "[]", "[{}]", f"[{HELLO}]",
            json.dumps(HELLO), "\ufeff", "\x00", "\x00" * 61, "\x1e" + HELLO, "\ufeff" + HELLO,
                 HELLO + "\x00", "\x00" + HELLO, HELLO + HELLO, HELLO + "\n" + HELLO, HELLO + "," + HELLO, HELLO + "{}",
                 "{}" + HELLO, HELLO + "x", HELLO + "}", HELLO + "]", HELLO + ",", HELLO + ";", HELLO + "null",
                 HELLO + "//", HELLO + "/**/", HELLO + "\f", HELLO + "\u00a0", HELLO + "\ufeff", "\u2028" + HELLO,
                 ")]}'\n" + HELLO, "for(;;);" + HELLO, "data: " + HELLO, "model=plain", "<model>plain</model>", "model: plain\n",
                 "(" + HELLO + ")", "callback(" + HELLO + ")", "var x = " + HELLO, HELLO.replace('"', "'"),
                 HELLO.replace('"', ""), HELLO.replace(":", "="), HELLO.replace("{", "(").replace("}", ")"), HELLO[::-1]]):
        yield Case(f"document {number}, {text[:9]!r}…{text[-9:]!r}", post(text), 400, None)
    for codec in ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-7", "base64", "hex"]:
        text = {"base64": b"eyJtb2RlbCI6InBsYWluIn0=", "hex": good.hex().encode(),
            "utf-7": b"+AHs-" + good[1:]}.get(codec) or HELLO.encode(codec)
        yield Case(f"a document in {codec}", post(text), 400, None)


def depths_and_sizes():
    for opening, closing in [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")]:
        for levels in [65, 66, 100, 128, 1000, 100_000]:
            yield Case(f"{levels} levels of {opening}{closing}", post(deep(levels, opening, closing)), 400, None)
    for levels in [65, 100_000]:
        for name, text in [("unclosed lists", "[" * levels), ("unclosed objects", '{"a":' * levels),
                ("closed by the wrong sign", "[" * levels + "}" * levels)]:
            yield Case(f"{levels} {name}", post(text), 400, None)
        yield Case(f"{levels} levels in a message", post(HELLO.replace('"hi"', "[" * levels + "]" * levels)))
        yield Case(f"{levels} levels in a tool", post(HELLO[:-1] + ',"tools":' + "[" * levels + "]" * levels + "}"))
    for count in [100_000, 1_000_000]:
        yield Case(f"{count} members", post(HELLO[:-1] + "".join(f',"{n:x}":1' for n in range(count)) + "}"), (400, 413), None)
    long = "a" * (10 << 20)
    for name, text in [("unclosed", f'"{long}'), ("with a raw line feed", f'"{long}\n"'),
            ("with half a pair", f'"{long}\\ud800"'), ("twice", f'"{long}""{long[:9]}"')]:
        yield Case(f"a string of 10 MiB, {name}", post(HELLO.replace('"hi"', text)), (400, 413), None)
    yield Case("a number of 10 MiB", post(HELLO.replace('"hi"', "1" * (10 << 20))), (400, 413))
    yield Case("10 MiB of spaces", post(" " * (10 << 20)), (400, 413), None)
    yield Case("10 MiB of backslashes", post('"' + "\\" * (10 << 20)), (400, 413), None)
    yield Case("a name of 10 MiB, unclosed", post('{"' + long), (400, 413), None)


CASES = [*in_places(), *cut_and_bent(), *whole_documents(), *depths_and_sizes()]
