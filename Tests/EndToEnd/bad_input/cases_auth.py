"""Invalid keys. A case derives its Authorization value (or none) from a valid key."""

import zlib
from dataclasses import dataclass
from typing import Callable

from case import CHAT, HELLO, JSON, lines

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
NO_KEY, NOT_OURS, MISTYPED, FORM = "No key was sent", "not a key of this gateway", "mistyped", "must read"


@dataclass(frozen=True)
class BadKey:
    name: str
    fields: Callable  # Maps a valid key to the header fields to send.
    words: str = ""   # What the answer must say.
    query: Callable = lambda key: ""

    def requests(self, key):
        body = HELLO.encode()
        for method, path, content in [("GET", "/v1/models", []), ("POST", CHAT, [JSON, f"Content-Length: {len(body)}"])]:
            yield lines(f"{method} {path}{self.query(key)} HTTP/1.1", "Host: x", *self.fields(key), *content, "",
                "") + (body if content else b"")


def with_checksum(text):
    """`text` with a real key's checksum: CRC-32 in six digits of base 62."""
    number, out = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        out = DIGITS[digit] + out
    return text + out


def other(digit, step=1):
    return DIGITS[(DIGITS.index(digit) + step) % 62]


def value(name, make, words=""):
    return BadKey(name, lambda key: ["Authorization: " + make(key)], words)


def replaced(key, at, text):
    return key[:at] + text + key[at + 1:]


def forms():
    yield BadKey("no header", lambda key: [], NO_KEY)
    yield value("an empty value", lambda key: "")
    for name in ["Proxy-Authorization", "X-Authorization", "Authorisation", "Authorization-", "WWW-Authenticate"]:
        yield BadKey(f"the key in {name}", lambda key, name=name: [f"{name}: Bearer {key}"], NO_KEY)
    yield BadKey("the key in a cookie", lambda key: [f"Cookie: key={key}; Authorization=Bearer {key}"], NO_KEY)
    for name in ["key", "api_key", "api-key", "access_token", "authorization", "token"]:
        yield BadKey(f"the key in the query as {name}", lambda key: [], NO_KEY, lambda key, name=name: f"?{name}={key}")
    for text in ["Bearer", "bearer", "Bearer ", "Basic", "Bearer,", "Bearer:", "Bearer=", "null", "undefined", "x", "Bearer x y",
            "Bearer  x y", ",", "{}"]:
        yield value(f"the value {text!r}", lambda key, text=text: text, "" if text == "x" else FORM)
    for text in ["x", "null", "undefined", "None", "sk-", "sk-proj-1234567890", "sk-ant-api03-abc", "hub-", "SK-HUB-", "skhub-",
            "{{key}}", "${KEY}", "$KEY", "<key>", "your-key", "***"]:
        yield value(f"Bearer {text}", lambda key, text=text: f"Bearer {text}", NOT_OURS)
    for scheme in ["Basic", "Token", "Digest", "Negotiate", "Key", "ApiKey", "Bear", "Bearers", "AWS4-HMAC-SHA256", "OAuth",
            "Bearer,", "Bearer:"]:
        yield value(f"scheme {scheme}", lambda key, scheme=scheme: f"{scheme} {key}", FORM)
    yield value("the key alone", lambda key: key, FORM)
    yield value("no space", lambda key: "Bearer" + key, FORM)
    yield value("a word behind the key", lambda key: f"Bearer {key} x", FORM)
    yield value("two keys", lambda key: f"Bearer {key} {key}", FORM)
    yield value("two values in one", lambda key: f"Bearer {key}, Bearer {key}", FORM)
    for before, after in ['""', "''", "<>", "[]", "{}", "()", "``", (":", ""), ("=", ""), (",", ""), ("Bearer:", ""),
            ("key=", ""), ("token=", ""), ("%73k-hub-", "")]:
        yield value(f"the key within {before}{after}", lambda key, b=before, a=after: f"Bearer {b}{key}{a}", NOT_OURS)
    for after in [",", ";", ".", "=", "==", '"', "'", "%", "%00", "%20", "%0a", "\\n", "\\", "/", "?", "#", "*", "|", "&x=1",
            "\\u0000", "x", "0", "A", "K" * 300]:
        yield value(f"{after[:8]!r} behind the key", lambda key, after=after: f"Bearer {key}{after}", MISTYPED)


def mutations():
    for at in range(56):
        words = MISTYPED if at >= 7 else NOT_OURS
        if at >= 7:
            yield value(f"character {at} is another digit", lambda key, at=at: "Bearer " + replaced(key, at, other(key[at])),
                words)
            yield value(f"character {at} is 31 digits off", lambda key, at=at: "Bearer " + replaced(key, at, other(key[at], 31)),
                words)
            yield value(f"character {at} twice", lambda key, at=at: f"Bearer {key[:at]}{key[at]}{key[at:]}", words)
        for text in "-_.":
            if (at, text) not in {(2, "-"), (6, "-")}:  # Already in that place.
                yield value(f"{text} for character {at}", lambda key, at=at, text=text: "Bearer " + replaced(key, at, text),
                    words)
        yield value(f"character {at} is missing", lambda key, at=at: "Bearer " + replaced(key, at, ""), words)
        if at:
            yield value(f"only {at} characters", lambda key, at=at: "Bearer " + key[:at], words)
    for at in range(7, 55):
        # Two equal neighbours: use another typo, so that it always is one.
        yield value(f"characters {at} and {at + 1} swapped", lambda key, at=at: "Bearer " + (
            key[:at] + key[at + 1] + key[at] + key[at + 2:] if key[at] != key[at + 1] else replaced(key, at, other(key[at], 2))),
            MISTYPED)
    yield value("in capitals", lambda key: "Bearer " + key.upper(), NOT_OURS)
    yield value("secret in capitals", lambda key: "Bearer sk-hub-" + key[7:].upper(), MISTYPED)
    yield value("secret in small letters", lambda key: "Bearer " + key.lower(), MISTYPED)
    yield value("prefix in capitals", lambda key: "Bearer SK-HUB-" + key[7:], NOT_OURS)
    yield value("prefix twice", lambda key: "Bearer sk-hub-" + key, MISTYPED)
    yield value("no prefix", lambda key: "Bearer " + key[7:], NOT_OURS)
    yield value("backwards", lambda key: "Bearer " + key[::-1], NOT_OURS)
    yield value("the key twice", lambda key: "Bearer " + key + key, MISTYPED)
    yield value("checksum of zeros",
        lambda key: f"Bearer {key[:50]}000000" if key[50:] != "000000" else f"Bearer {key[:50]}000001", MISTYPED)
    yield value("secret of zeros",
        lambda key: "Bearer sk-hub-" + "0" * 43 + other(with_checksum("sk-hub-" + "0" * 43)[50]) + "00000", MISTYPED)


def unknown(key, at):
    """A key that does not exist: one digit of the secret is changed, and the checksum recomputed."""
    return with_checksum(replaced(key[:50], at, other(key[at])))


CASES = [*forms(), *mutations()]
