"""The end of a message must be unambiguous (RFC 9112 §6, §7): any ambiguity is a 400 and closes the connection."""

from case import AUTH, CHAT, HELLO, JSON, Case, lines, raw

BODY = HELLO.encode()
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
N = str(len(BODY))
assert len(BODY) == 0x3d, "the chunk sizes below say so"
CL, TE = "Content-Length: " + N, "Transfer-Encoding: chunked"

# Ambiguous framing headers. Sent with a body of the stated length, and with a chunked body.
LENGTHS = [
    "+" + N, "-1", "-0", "0x10", "0x" + f"{len(BODY):x}", "9" * 20, "1" + "0" * 400, "18446744073709551616",
    str((1 << 64) + len(BODY)),
    "", "five", N + "x", "x" + N, N + ".0", N + "e0", N + ";", N + " " + N, f"{N}, {N}", f"{N},{N}", f"{N},0", f"0,{N}", f",{N}",
    f"{N},", "6 1",
    "6_1", f'"{N}"', "٦١", "６１", "0b111101", "0o75", N + "\t1", "\x0b" + N, N + "\x0c", "NaN", "Infinity", "null", "true",
    f"({N})", f"={N}"]
CODINGS = [
    "xchunked", "chunkedx", "chunked, identity", "identity, chunked", "identity", "gzip", "gzip, chunked", "chunked, gzip",
    "chunked, chunked",
    "chunked,chunked", "chunked;", "chunked;q=1", "chunked; x=y", "\"chunked\"", "chun ked", "\x0bchunked", "chunked\x0c",
    "chunked x", "x chunked", "chunked\tx", "", "trailers", "cow", "chunkеd", "'chunked'", "chunked=1", "(x)chunked", "deflate",
    "br", "compress"]
FIELDS = {
    "length and chunks": [CL, TE], "chunks and length": [TE, CL], "length 0 and chunks": ["Content-Length: 0", TE],
    "chunks and length 0": [TE, "Content-Length: 0"], "length and Chunked": [CL, "Transfer-Encoding: Chunked"],
    "length and identity": [CL, "Transfer-Encoding: identity"], "length and xchunked": [CL, "Transfer-Encoding: xchunked"],
    "length and an empty coding": [CL, "Transfer-Encoding:"], "two lengths, one lie": [CL, "Content-Length: 0"],
    "two lengths, the lie first": ["Content-Length: 0", CL], "two equal lengths": [CL, CL],
    "two lengths, other case": [CL, CL.lower()],
    "two lengths apart": [CL, "X-A: b", "Content-Length: 7"], "three lengths": [CL, CL, CL], "two codings": [TE, TE],
    "two codings, other case": [TE, TE.lower()], "chunked, then identity": [TE, "Transfer-Encoding: identity"],
    "identity, then chunked": ["Transfer-Encoding: identity", TE], "gzip, then chunked": ["Transfer-Encoding: gzip", TE],
    "chunked, then cow": [TE, "Transfer-Encoding: cow"], "a space before the coding's colon": ["Transfer-Encoding : chunked"],
    "a tab before the coding's colon": ["Transfer-Encoding\t: chunked"],
    "a space before the length's colon": ["Content-Length : " + N],
    "length, and chunks with a space": [CL, "Transfer-Encoding : chunked"],
    "length, and a folded coding": [CL, "Transfer-Encoding:\r\n chunked"],
    "length, and a coding behind a space": [CL, " Transfer-Encoding: chunked"],
    "length, and a coding behind a tab": [CL, "\tTransfer-Encoding: chunked"],
    "a folded length": ["Content-Length:\r\n " + N], "a coding folded by a tab": ["Transfer-Encoding:\r\n\tchunked"],
    "a fold inside the length": ["Content-Length: 6\r\n 1"], "a coding after NUL": [CL, "X: y\0Transfer-Encoding: chunked"],
    "a coding after CR": [CL, "X: y\rTransfer-Encoding: chunked"], "a coding after LF": [CL, "X: y\nTransfer-Encoding: chunked"],
    "a length after LF": ["X: y\nContent-Length: " + N], "a length after CR": ["X: y\rContent-Length: " + N],
    "NUL in the name": [CL, "Transfer-\0Encoding: chunked"],
    "an unprintable name": [CL, "\x01Transfer-Encoding: chunked"], "a semicolon in the name": [CL, "Transfer-Encoding;: chunked"],
    "no colon": [CL, "Transfer-Encoding chunked"], "an equals sign": [CL, "Transfer-Encoding=chunked"],
    "a fold of nothing": [CL, "X-A: b\r\n "],
    "a folded value": [CL, "X-A: b\r\n c"], "a folded value by a tab": [CL, "X-A: b\r\n\tc"],
    "a space before any colon": [CL, "X-A : b"]}

# Ambiguous chunks: sent in place of the chunked body.
SIZES = [
    b"0" * 15 + b"3d", b"0" * 40 + b"3d", b"F" * 17, b"F" * 16, b"8000000000000000", b"1000000000000003d", b"-3d", b"+3d",
    b"0x3d", b" 3d", b"\t3d",
    b"3d ", b"3d\t", b"", b"g", b"3dg", b"3d 1", b"3d.0", b"3,d", b"3_d", b"\x003d", b"3d\0", b"\xef\xbc\x93d", b"61;\0",
    b"3d;\x01", b"3d;a=\x7f",
    b"3d;", b"3d;=b", b"3d;a=", b'3d;a="b', b"3d;a b", b"3d; a=b;", b"3d,a", b"3d\r", b"3d;a\r", b"3d;a\rb", b"3d;a\nb",
    b"3d\x0b", b"'3d'", b"0;0\0"]
CHUNKS = {
    "an extension of 64 KiB": b"3d;a=" + b"b" * 65536 + b"\r\n" + BODY + b"\r\n0\r\n\r\n",
    "LF after the size": b"3d\n" + BODY + b"\r\n0\r\n\r\n",
    "LF after the data": b"3d\r\n" + BODY + b"\n0\r\n\r\n", "CR after the data": b"3d\r\n" + BODY + b"\r0\r\n\r\n",
    "nothing after the data": b"3d\r\n" + BODY + b"0\r\n\r\n",
    "LF LF": b"3d\n" + BODY + b"\n0\n\n", "LF after the last size": b"3d\r\n" + BODY + b"\r\n0\n\r\n",
    "LF at the very end": b"3d\r\n" + BODY + b"\r\n0\r\n\n",
    "a byte too many": b"3d\r\n" + BODY + b"x\r\n0\r\n\r\n", "a byte too few": b"3d\r\n" + BODY[:-1] + b"\r\n0\r\n\r\n",
    "two bytes too many": b"3d\r\n" + BODY + b"xy0\r\n\r\n", "a size without CRLF": b"3d" + BODY + b"\r\n0\r\n\r\n",
    "CR CR LF after the data": b"3d\r\n" + BODY + b"\r\r\n0\r\n\r\n",
    "an empty line first": b"\r\n3d\r\n" + BODY + b"\r\n0\r\n\r\n",
    "an empty line between": b"3d\r\n" + BODY + b"\r\n\r\n0\r\n\r\n",
    "a size that is no size second": b"1\r\n{\r\nx\r\n", "a negative size second": b"1\r\n{\r\n-1\r\n\r\n",
    "no chunks at all": BODY, "an empty chunk size": b"\r\n\r\n",
    "trailers without colon": b"0\r\nnonsense\r\n\r\n", "a folded trailer": b"0\r\nX-A: b\r\n c\r\n\r\n",
    "a space before a trailer's colon": b"0\r\nX-A : b\r\n\r\n",
    "NUL in a trailer": b"0\r\nX-A: b\0c\r\n\r\n", "LF after a trailer": b"0\r\nX-A: b\n\r\n",
    "a trailer without a name": b"0\r\n: b\r\n\r\n", "CR in a trailer": b"0\r\nX-A: b\rc\r\n\r\n"}
TRAILERS = ["Authorization: Bearer x", "Transfer-Encoding: chunked", "Content-Length: 0", "Host: y", "Content-Type: text/plain",
    "Content-Encoding: gzip"]

PLACES = {"chat": (CHAT, [AUTH, JSON]), "no route": ("/nope", [JSON]), "no key": (CHAT, [JSON])}
ENDINGS = {"": [], ", kept alive": ["Connection: keep-alive"], ", to be closed": ["Connection: close"]}


def message(path, fields, body, version="1.1"):
    return lines(f"POST {path} HTTP/{version}", "Host: x", *fields, "", "") + body


def flaws():
    """Every ambiguity as (name, fields, body, whether the head alone shows it)."""
    for value in LENGTHS:
        yield f"length {value[:24]!r}", ["Content-Length: " + value], BODY, True
    for value in CODINGS:
        yield f"coding {value!r}", ["Transfer-Encoding: " + value], CHUNKED, True
    for name, fields in FIELDS.items():
        yield name, fields, CHUNKED if any("Encoding" in f for f in fields) else BODY, True
    for size in SIZES:
        yield f"chunk size {size[:24]!r}", [TE], size + b"\r\n" + BODY + b"\r\n0\r\n\r\n", False
    for name, body in CHUNKS.items():
        yield f"chunks: {name}", [TE], body, False
    for trailer in TRAILERS:
        yield f"a trailer {trailer.split(':')[0]}", [TE], CHUNKED[:-2] + raw(trailer) + b"\r\n\r\n", False


def framing():
    for name, fields, body, in_head in flaws():
        for place, (path, more) in PLACES.items():
            for ending, connection in ENDINGS.items() if place == "chat" else [("", [])]:
                # An invalid head is a 400 before any other check; with a valid one another refusal may be first.
                status = 400 if in_head or place == "chat" else (400, 404 if path == "/nope" else 401)
                yield Case(f"{name}, {place}{ending}", message(path, [*more, *connection, *fields], body), status, closes=True)
    for name, fields, body in [("chunks", [TE], CHUNKED), ("length and chunks", [CL, TE], CHUNKED)]:
        yield Case(f"HTTP/1.0 with {name}", message(CHAT, [AUTH, JSON, *fields], body, "1.0"), closes=True)
    for path in ["/v1/models", "/v1/me", "/v1/models/plain"]:
        for name, fields, body in [("length", [CL], BODY), ("chunked", [TE], CHUNKED), ("one-byte", ["Content-Length: 1"], b"x")]:
            yield Case(f"a {name} body on GET {path}", lines(f"GET {path} HTTP/1.1", "Host: x", AUTH, *fields, "", "") + body,
                closes=True)


CASES = [*framing()]
