"""Bodies not declared as JSON in UTF-8, or larger than the gateway accepts."""

import gzip
import zlib

from case import AUTH, CHAT, HELLO, JSON, Case, lines, post

TYPES = [
    "", "text/plain", "text/plain; charset=utf-8", "text/json", "text/html", "text/event-stream", "application/xml",
    "application/jsonx",
    "application/json-patch+json", "application/json-seq", "application/jsonl", "application/x-ndjson", "application/x-json",
    "application/vnd.api+json",
    "application/octet-stream", "application/x-www-form-urlencoded", "application/", "application", "application/*", "*/*",
    "json", "/json", "application json",
    "application/json/x", "application/json text/plain", "application/json,text/plain", "application/json, application/json",
    "application/jsön", "application/cbor",
    "application/msgpack", "application/x-protobuf", "image/png", "audio/wav", "message/http", "multipart/form-data",
    "multipart/form-data; boundary=x",
    "multipart/mixed; boundary=x", 'multipart/form-data; boundary="application/json"', "text/plain; x=application/json",
    "application/json+gzip", "application/javascript"]
CHARSETS = [
    "utf-16", "UTF-16", "utf-16le", "utf-16be", "utf-32", "utf-7", "iso-8859-1", "latin1", "windows-1252", "shift_jis", "gb18030",
    "ebcdic-us", "utf-8x", "xutf-8",
    "utf-16; x=utf-8", "utf-16;charset=utf-8", "utf-8; charset=utf-16", '"utf-16"', "utf-16-utf-8", "", "none", "utf-8,utf-16",
    "cesu-8"]
ENCODINGS = ["gzip", "GZIP", "x-gzip", "br", "deflate", "zstd", "compress", "x-compress", "snappy", "lz4", "aes128gcm", "exi",
    "pack200-gzip", "gzip, identity", "identity, gzip",
             "gzip, gzip", "identity,br", "base64", "utf-8", "chunked", "*", "gzip;q=1", "identity;q=0, br"]
MIB = 1 << 20
FORM = lines("--x", 'Content-Disposition: form-data; name="body"', JSON, "", HELLO, "--x--", "")


def bomb(size):
    return gzip.compress(b" " * size, 9, mtime=0)


def types():
    yield Case("no type", post(kind=None), 415)
    yield Case("no type, empty body", post("", kind=None), (400, 415))
    yield Case("a form in parts", post(FORM, kind="Content-Type: multipart/form-data; boundary=x"), 415)
    yield Case("a form in pairs", post("model=plain&messages=hi", kind="Content-Type: application/x-www-form-urlencoded"), 415)
    for name in TYPES:
        # A non-ASCII byte makes the head invalid, whatever the field says.
        yield Case(f"type {name!r}", post(kind="Content-Type: " + name), 415 if name.isascii() else 400,
            closes=not name.isascii())
    for name in CHARSETS:
        yield Case(f"charset {name!r}", post(kind="Content-Type: application/json; charset=" + name), 415)
    for text in ["application/json;charset=utf-16", "application/json ; charset=utf-16", "application/json; Charset=UTF-16",
            "APPLICATION/JSON; CHARSET=UTF-16",
                 "application/json; a=b; charset=utf-16", 'application/json; a="charset=utf-8"; charset=utf-16',
                 "application/json; xcharset=utf-8; charset=utf-16"]:
        yield Case(f"{text!r}", post(kind="Content-Type: " + text), 415)
    for name in ["utf-16", "utf-16-le", "utf-16-be", "utf-32"]:
        yield Case(f"a body in {name}, as it says", post(HELLO.encode(name),
            kind="Content-Type: application/json; charset=" + name), 415)


def encodings():
    for name in ENCODINGS:
        yield Case(f"encoding {name}", post(HELLO, "Content-Encoding: " + name), 415)
    for first, second in [("identity", "gzip"), ("gzip", "identity"), ("gzip", "gzip"), ("identity", "br")]:
        yield Case(f"encodings {first} and {second}", post(HELLO, "Content-Encoding: " + first, "Content-Encoding: " + second),
            415)
    packed = {"gzip": gzip.compress(HELLO.encode(), mtime=0), "deflate": zlib.compress(HELLO.encode()),
        "x-gzip": gzip.compress(HELLO.encode(), mtime=1), "br": b"\x0b\x02\x80{}\x03"}
    for name, body in packed.items():
        yield Case(f"a body in {name}", post(body, "Content-Encoding: " + name), 415)
    for size in [1, 16]:
        yield Case(f"a bomb of {size} MiB", post(bomb(size * MIB), "Content-Encoding: gzip"), 415)
    yield Case("a bomb within a bomb", post(gzip.compress(bomb(32 * MIB), mtime=0), "Content-Encoding: gzip, gzip"), 415)


def sizes():
    for name, length in [("a byte more than 20 MiB", 20 * MIB + 1), ("20.1 MiB", 20 * MIB + MIB // 10), ("1 GiB", 1 << 30),
            ("1 TiB", 1 << 40), ("18 digits", 10**18 - 1)]:
        head = lines(f"POST {CHAT} HTTP/1.1", "Host: x", AUTH, JSON, f"Content-Length: {length}", "", "")
        yield Case(f"{name} announced", head, 413, closes=True)
        yield Case(f"{name} announced, begun", head + HELLO.encode(), 413, closes=True)
        yield Case(f"{name} announced to wait for", head[:-2] + b"Expect: 100-continue\r\n\r\n", 413, closes=True)
    text = '{"model":"plain","messages":[{"role":"user","content":"' + "a" * (20 * MIB + MIB // 10) + '"}]}'
    yield Case("20.1 MiB sent", post(text), 413, closes=True)
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    head = lines(f"POST {CHAT} HTTP/1.1", "Host: x", AUTH, JSON, "Transfer-Encoding: chunked", "", "")
    yield Case("20.1 MiB in chunks", head + chunk * 322 + b"0\r\n\r\n", 413, closes=True)
    yield Case("a chunk of 1 GiB announced", head + b"40000000\r\n" + HELLO.encode(), 413, closes=True)


CASES = [*types(), *encodings(), *sizes()]
