"""Header fields (RFC 9112 §5): forbidden bytes, too many fields, and fields that must occur once."""

from cases_request_line import NOT_IN_TOKEN, NOT_TEXT
from case import AUTH, CHAT, HELLO, JSON, KEY, Case, get, lines, post, raw, shown

HOSTS = ["a b", "a/b", "a@b", "a?b", "a#b", "a\\b", "<a>", "a:b", "a:80:80", "[::1", "::1]", "a\tb", "a\"b", "a|b", "a^b", "a`b",
    "{a}", "http://x", "x:-1"]
TOO_MUCH = {
    "101 fields": [f"X-{n}: y" for n in range(99)], "101 equal fields": ["X-A: y"] * 99,
    "150 fields": [f"X-{n}: y" for n in range(150)],
    "1,000 fields": [f"X-{n}: y" for n in range(1000)], "1,000 empty fields": [f"X-{n}:" for n in range(1000)],
    "10,000 fields": ["a:b"] * 10000,
    "17 KiB in a value": ["X-A: " + "a" * 17408], "17 KiB in a cookie": ["Cookie: " + "a=b;" * 4352],
    "17 KiB in a name": ["X" * 17408 + ": y"],
    "17 KiB in ten fields": [f"X-{n}: " + "a" * 1741 for n in range(10)], "17 KiB of spaces": ["X-A:" + " " * 17408 + "y"],
    "17 KiB of user agent": ["User-Agent: " + "Mozilla " * 2176], "64 KiB in a value": ["X-A: " + "a" * 65536],
    "1 MiB in a value": ["X-A: " + "a" * (1 << 20)]}
SMALL_FLAWS = {
    "an empty name": ": y", "an empty name and value": ":", "no colon": "nonsense", "no colon, two words": "no colon",
    "a name in quotes": '"X-A": y',
    "a space in the name": "X A: y", "a name behind a space": " X-A: y", "a name behind a tab": "\tX-A: y", "only a space": " ",
    "only a tab": "\t",
    "a folded value": "X-A: b\r\n c", "a fold of spaces": "X-A: b\r\n    ", "LF for CRLF": "X-A: b\nX-B: c",
    "CR for CRLF": "X-A: b\rX-B: c", "CR CR LF": "X-A: b\r",
    "NUL first": "X-A: \0b", "NUL last": "X-A: b\0", "DEL": "X-A: b\x7f", "ESC": "X-A: \x1b[31mred", "BEL": "X-A: \x07",
    "Latin-1": b"X-A: caf\xe9", "UTF-8": "X-A: café",
    "overlong UTF-8": b"X-A: \xc0\xaf", "UTF-8 in User-Agent": "User-Agent: curl/☃", "UTF-8 in the name": "X-é: y",
    "a space before the colon": "X-A : y", "a tab before the colon": "X-A\t: y",
    "an emoji in the name": "🔑: y", "a name of LF": "\n: y", "LF after the last field": "X-A: b\n"}
IN_AUTHORIZATION = {"NUL in the key": b"\0", "LF in the key": b"\n", "CR in the key": b"\r", "DEL in the key": b"\x7f",
    "0x80 in the key": b"\x80", "é in the key": "é".encode()}


def bytes_out_of_place():
    for byte in NOT_TEXT:
        if byte != 0x09:  # A tab is white space within a value.
            yield Case(f"{shown(byte)} in a value", get("/v1/models", b"X-A: b" + bytes([byte]) + b"c"), closes=True)
            yield Case(f"{shown(byte)} in a value of a POST", post(HELLO, b"User-Agent: b" + bytes([byte]) + b"c"), closes=True)
    for byte in set(NOT_IN_TOKEN) - {0x3a}:
        yield Case(f"{shown(byte)} in a name", get("/v1/models", b"X-" + bytes([byte]) + b"A: b"), closes=True)
    for byte in set(NOT_IN_TOKEN) - {0x3a}:
        yield Case(f"{shown(byte)} ends a name", get("/v1/models", b"X-A" + bytes([byte]) + b": b"), closes=True)
    for name, bad in IN_AUTHORIZATION.items():
        broken = b"Authorization: Bearer " + KEY[:30] + bad + KEY[30:]
        yield Case(f"{name}, GET", lines("GET /v1/models HTTP/1.1", "Host: x", broken, "", ""), closes=True)
        yield Case(f"{name}, POST", post(HELLO, auth=broken), closes=True)
    for name, field in SMALL_FLAWS.items():
        yield Case(f"{name}, last field", get("/v1/models", field), closes=True)
        yield Case(f"{name}, first field", lines("GET /v1/models HTTP/1.1", field, "Host: x", AUTH, "", ""), closes=True)
        yield Case(f"{name}, POST", post(HELLO, field), closes=True)


def too_much():
    for name, fields in TOO_MUCH.items():
        yield Case(f"{name}, GET", get("/v1/models", *fields), 431, closes=True)
        yield Case(f"{name}, POST", post(HELLO, *fields), 431, closes=True)
        yield Case(f"{name}, no route", get("/nope", *fields), 431, closes=True)
    yield Case("17 KiB of key", lines("GET /v1/models HTTP/1.1", "Host: x", "Authorization: Bearer " + "a" * 17408, "", ""), 431,
        closes=True)
    for text in ["a" * 8192, "sk-hub-" + "a" * 8192, KEY.decode() * 146]:
        # Two rules apply: an invalid head, or an unknown key.
        yield Case(f"8 KiB of key {text[:8]}", lines("GET /v1/models HTTP/1.1", "Host: x", "Authorization: Bearer " + text, "",
            ""), (400, 401, 431))


def hosts_and_keys():
    for method, path, body in [("GET", "/v1/models", b""), ("POST", CHAT, HELLO.encode()), ("GET", "/nope", b"")]:
        tail = [JSON, f"Content-Length: {len(body)}"] if body else []

        def message(*fields, version="1.1"):
            return lines(f"{method} {path} HTTP/{version}", *fields, *tail, "", "") + body

        where = f"{method} {path}"
        yield Case(f"no Host, {where}", message(AUTH), closes=True)
        yield Case(f"two equal Hosts, {where}", message("Host: x", "Host: x", AUTH), closes=True)
        yield Case(f"two Hosts, {where}", message("Host: x", AUTH, "host: y"), closes=True)
        yield Case(f"three Hosts, {where}", message("Host: x", "HOST: x", "Host: y", AUTH), closes=True)
        yield Case(f"two Hosts in HTTP/1.0, {where}", message("Host: x", "Host: y", AUTH, version="1.0"), closes=True)
        for host in HOSTS:
            yield Case(f"Host {host!r}, {where}", message("Host: " + host, AUTH), closes=True)
        if path != "/nope":
            for name, second in [("equal", AUTH), ("other case", AUTH.lower()), ("a wrong one", b"Authorization: Bearer x"),
                    ("Basic", b"authorization: Basic eDp5"), ("empty", b"Authorization:")]:
                yield Case(f"two Authorizations, {name} second, {where}", message("Host: x", AUTH, second))
                yield Case(f"two Authorizations, {name} first, {where}", message("Host: x", raw(second), "X-A: b", AUTH))


CASES = [*bytes_out_of_place(), *too_much(), *hosts_and_keys()]
