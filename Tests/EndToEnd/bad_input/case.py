"""A bad-input case, and how its bytes are assembled."""

from dataclasses import dataclass

CHAT = "/v1/chat/completions"
KEY = b"sk-hub-" + b"K" * 49  # Stands for a real key, which is as long: replaced when the case is sent.
AUTH = b"Authorization: Bearer " + KEY
JSON = b"Content-Type: application/json"
HELLO = '{"model":"plain","messages":[{"role":"user","content":"hi"}]}'
ANY = object()


@dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    status: object = 400          # A number, or a tuple where the table of bad inputs itself allows several.
    param: object = ANY           # A name, None for no `param`, ANY, or a tuple of allowed paths.
    closes: bool = False          # The connection must close after the answer.


def raw(text):
    return text if isinstance(text, bytes) else text.encode()


def lines(*parts):
    return b"\r\n".join(raw(part) for part in parts)


def get(target, *fields, line=None):
    return lines(line or b"GET " + raw(target) + b" HTTP/1.1", "Host: x", AUTH, *fields, "", "")


def post(body=HELLO, *fields, path=CHAT, kind=JSON, auth=AUTH):
    head = ["POST " + path + " HTTP/1.1", "Host: x", *([auth] if auth else []), *([kind] if kind else []), *fields]
    return lines(*head, f"Content-Length: {len(raw(body))}", "", "") + raw(body)


def shown(byte):
    return f"0x{byte:02x}"


def ids(cases):
    """Names for pytest. All names and all byte sequences are distinct, so that no case is hidden or counted twice."""
    seen = {}
    for case in cases:
        assert case.name not in seen.values(), f"two cases are named {case.name!r}"
        assert case.data not in seen, f"{case.name!r} and {seen[case.data]!r} send the same bytes"
        seen[case.data] = case.name
    return list(seen.values())
