"""Request lines no strict server accepts (RFC 9112 §3), and paths that must not resolve to another route."""

from case import AUTH, CHAT, Case, JSON, get, lines, post, shown

PATHS = ["/v1/models", CHAT, "/nope"]
NOT_TEXT = [*range(0x20), *range(0x7f, 0x100)]
NOT_IN_TOKEN = [*NOT_TEXT, *b' "(),/:;<=>?@[\\]{}']

VERSIONS = [
    "HTTP/9.9", "HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/2", "HTTP/3.0", "HTTP/1.10", "HTTP/11.1", "HTTP/1",
    "HTTP/1.",
    "HTTP/.1", "HTTP/", "HTTP", "HTTP/1.1.1", "HTTP/ 1.1", "HTTP /1.1", "HTTP/1,1", "HTTP/-1.1", "HTTP/+1.1", "HTTP/01.1",
    "HTTP/1.01",
    "HTTP/1.x", "HTTP/1.1x", "HTTP\\1.1", "http/1.1", "Http/1.1", "HTP/1.1", "HTTPS/1.1", "ICY/1.1", "RTSP/1.0", "", "1.1",
    "HTTP/1.1 x",
    "HTTP/1.1 ", "HTTP/1.1\t", "\tHTTP/1.1"]

LINES = {
    "nothing but a method": b"GET", "method and space": b"GET ", "no target": b"GET HTTP/1.1",
    "no target, two spaces": b"GET  HTTP/1.1",
    "a version alone": b"HTTP/1.1", "an answer's line": b"HTTP/1.1 200 OK", "space first": b" GET /v1/models HTTP/1.1",
    "tab first": b"\tGET /v1/models HTTP/1.1", "two spaces before the target": b"GET  /v1/models HTTP/1.1",
    "two spaces before the version": b"GET /v1/models  HTTP/1.1", "tabs for spaces": b"GET\t/v1/models\tHTTP/1.1",
    "form feeds for spaces": b"GET\x0c/v1/models\x0cHTTP/1.1", "GET and NUL": b"GET\0",
    "NUL for a space": b"GET\0/v1/models HTTP/1.1",
    "a space inside the target": b"GET /v1/models /x HTTP/1.1", "two targets": b"GET /v1/models /v1/me HTTP/1.1",
    "CR before the version": b"GET /v1/models\rHTTP/1.1", "CR CR LF": b"GET /v1/models HTTP/1.1\r",
    "the preface of HTTP/2": b"PRI * HTTP/2.0", "a preface and a version of ours": b"PRI * HTTP/2.1", "SMTP": b"EHLO example.com",
    "SSH": b"SSH-2.0-OpenSSH_9.2", "RESP": b"*1\r\n$4\r\nPING", "memcached": b"stats items", "IRC": b"NICK somebody",
    "words": b"hello",
    "braces": b'{"model":"plain"}', "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "UTF-16": "GET /v1/models HTTP/1.1".encode("utf-16"),
    "BOM": b"\xef\xbb\xbfGET /v1/models HTTP/1.1", "an empty method": b" /v1/models HTTP/1.1",
    "quoted": b'"GET" /v1/models HTTP/1.1',
    "a colon": b"GET: /v1/models HTTP/1.1", "a header first": b"Host: x"}

# A route's path, spelled so that a lenient server would accept it.
NOT_A_ROUTE = [
    "/v1/./models", "/./v1/models", "/v1/x/../models", "/v1/../v1/models",
    "/v1/models/../me",
    "/v1/%2e/models", "/v1/x/%2e%2e/models", "/v1/%2e%2e/internal", "/v1/%2E%2E/v1/me", "/v1/..%2fv1/models", "/v1/%6dodels",
    "/%76%31/models",
    "/v1%2fmodels", "/v1%2Fmodels", "/v1\\models", "/v1/..\\models", "/V1/models", "/v1/Models", "/v1/MODELS",
    "/v1/me/.", "/v1/me/..", "/v1/me;x=1", "/v1;x=1/models", "/v1/models;jsessionid=1", "/v1/models%20", "/v1/models%00",
    "/v1/models%00/x",
    "/v1/models%0a", "/v1/models%3f", "/v1/models%23", "/v1/models&x=1", "/v1/models.json", "/v1/model", "/v1/mode",
    "/v1x/models", "/v2/models",
    "/xv1/models", "/api/v1/models", "/v1/v1/models", "/v1/chat/completions/..", "/v1/chat/completions/x",
    "/v1/chat/./completions", "/v1/chat%2fcompletions", "/v1/chat/completions%20", "/v1/chat/completions.json",
    "/v1/chat/completions%2f", "/v1/chat/%63ompletions", "/v1/chat", "/v1/chat/", "/v1/chat/Completions", "/v1/chat/completion",
    "/internal", "/v1/internal", "/metrics", "/v1/metrics", "/livez", "/readyz", "/healthz", "/health", "/admin",
    "/admin/v1/orgs",
    "/admin/v1/keys", "/v1/admin/keys", "/debug/pprof", "/debug/vars", "/server-status", "/.env", "/.git/config", "/etc/passwd",
    "/../../etc/passwd", "/v1/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/favicon.ico", "/robots.txt", "/index.php",
    "/wp-login.php",
    "/cgi-bin/sh", "/actuator/env", "/v1/key", "/v1/keys", "/v1/user", "/v1/me/x", "/v1/me%2f", "/v1/%6de", "/openai/v1/models"]

ODD_TARGETS = [
    "http://x/v1/models", "https://x/v1/models", "http://x", "http://169.254.169.254/latest/meta-data", "http://user@x/v1/models",
    "file:///etc/passwd",
    "x:80", "*", "v1/models", "models", "?", "?x=1", "#", ".", "..", "%2fv1%2fmodels", "\\v1\\models", "/v1/models#x",
    "/v1/models?a#b",
    "/v1/me#", "/v1/models\\", "/v1/models%", "/v1/models%2", "/v1/models%zz", "/%", "/%u002fv1", "/v1/%c0%af/models",
    "/v1/%ff/models"]

BAD_MODEL_PATHS = [
    "%", "%2", "%zz", "%2g", "%ff", "%c0%80", "%ed%a0%80", "%00", "plain%00", "plain%0a", "plain%0d%0a", "plain%20", "%20plain",
    "..", ".",
    "%2e%2e", "%2e%2e%2fme", "..%2f..%2fetc%2fpasswd", "Plain", "PLAIN", "plain/x", "plain%2fx", "plain-1", "pl%D0%B0in",
    "a" * 257,
    "a" * 4000, "%61" * 300, "plain;x=1", "plain&x=1", "plain.json", "script:in=10,out=8", "*", "%2a", "smart/..",
    "'%20or%20'1'='1", "%25", "%2570lain"]

TOO_LONG = {
    "9 KiB path": "/" + "a" * 9216, "9 KiB query": "/v1/models?x=" + "a" * 9216, "9 KiB of a route": "/v1/models/" + "a" * 9216,
    "9 KiB of dots": "/v1" + "/.." * 3072, "9 KiB of slashes": "/" * 9216, "9 KiB of escapes": "/v1/models/" + "%61" * 3072,
    "one byte over": "/v1/models?" + "a" * (8193 - 11), "10 KiB path": "/" + "b" * 10240,
    "14 KiB query": "/v1/models?" + "c" * 14336}

METHODS = ["get", "post", "Get", "GEt", "gET", "pOST", "head", "options", "delete"]
INVENTED = ["HEADER", "GETT", "POSTS", "PO", "X_Y", "1", "BREW", "M-SEARCH", "A" * 64]
WRONG_METHODS = {
    CHAT: ["GET", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", *INVENTED],
    "/v1/models": ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "SEARCH", *INVENTED],
    "/v1/models/plain": ["POST", "PUT", "DELETE", "PATCH", "TRACE"], "/v1/me": ["POST", "PUT", "DELETE", "PATCH", "TRACE"]}


def with_line(line):
    return lines(line, "Host: x", AUTH, "", "")


def request_lines():
    yield from (Case(f"version {v!r} of {p}", with_line(f"GET {p} {v}"), closes=True) for v in VERSIONS for p in PATHS)
    yield from (Case(name, with_line(line), closes=True) for name, line in LINES.items())
    yield Case("a preface of HTTP/2 in full", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        closes=True)
    for byte in NOT_IN_TOKEN:
        yield Case(f"{shown(byte)} in the method", with_line(b"GE" + bytes([byte]) + b"T /v1/models HTTP/1.1"), closes=True)
    for byte in [*NOT_TEXT, 0x20]:
        yield Case(f"{shown(byte)} in the path", with_line(b"GET /v1/mod" + bytes([byte]) + b"els HTTP/1.1"), closes=True)
        yield Case(f"{shown(byte)} in the query", with_line(b"GET /v1/models?a=" + bytes([byte]) + b"b HTTP/1.1"), closes=True)
    for method in METHODS:
        for path in PATHS:
            yield Case(f"method {method} on {path}", with_line(f"{method} {path} HTTP/1.1"))
    yield Case("a method of 20,000 letters", with_line(b"A" * 20000 + b" /v1/models HTTP/1.1"), (400, 414, 431), closes=True)


def targets():
    for path in NOT_A_ROUTE:
        yield Case(f"GET {path}", get(path), (400, 404))
        model = path.startswith("/v1/models/")  # Any path below it is a model's, and takes GET.
        yield Case(f"POST {path}", post(path=path), (400, 404, 405) if model else (400, 404))
    yield from (Case(f"target {target}", get(target), (400, 404)) for target in ODD_TARGETS)
    yield from (Case(f"model {name[:40]} ({len(name)}) in the path", get("/v1/models/" + name),
        (400, 404)) for name in BAD_MODEL_PATHS)
    yield from (Case(f"GET {name}", get(target), 414) for name, target in TOO_LONG.items())
    yield from (Case(f"POST {name}", post(path=target), 414) for name, target in TOO_LONG.items())
    yield Case("17 KiB target", get("/" + "a" * 17408), (414, 431), closes=True)
    yield Case("CONNECT", get("", line=b"CONNECT example.com:443 HTTP/1.1"), (400, 404))
    yield Case("CONNECT to metadata", get("", line=b"CONNECT 169.254.169.254:80 HTTP/1.1"), (400, 404))
    for path, methods in WRONG_METHODS.items():
        for method in methods:
            # An unknown method may be refused as such; so may a body on GET.
            status = (400, 405) if method in INVENTED else 405
            yield Case(f"{method[:20]} {path}", get("", line=f"{method} {path} HTTP/1.1"), status)
            if method != "TRACE":  # Its requests have no body (RFC 9110 §9.3.8).
                with_body = lines(f"{method} {path} HTTP/1.1", "Host: x", AUTH, JSON, "Content-Length: 2", "", "{}")
                yield Case(f"{method[:20]} {path} with a body", with_body, (400, 405) if method == "GET" else status)


CASES = [*request_lines(), *targets()]
