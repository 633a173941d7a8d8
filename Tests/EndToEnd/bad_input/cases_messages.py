"""Invalid messages. The answer names the message and the member in it, or a member on the path to it."""

import json
import re

from case import Case, post

ROLES = {"developer": {}, "system": {}, "user": {}, "assistant": {}, "tool": {"tool_call_id": "call_1"},
    "function": {"name": "f"}}
GOOD = {"role": "user", "content": "hi"}
CONTROLS = [*range(0x20), 0x7f]
NOT_STRINGS = {"a number": 5, "true": True, "a list": ["x"], "an object": {"x": "y"}, "an empty list": [], "an empty object": {}}
NOT_OBJECTS = {"a string": "x", "a number": 5, "true": True, "null": None, "a list": [], "a list of an object": [{}]}
NOT_LISTS = {"a string": "x", "a number": 5, "true": True, "an object": {"0": {}}, "an empty object": {}}
BAD_ROLES = {
    "": "", "unknown": "bot", "in capitals": "USER", "with a capital": "User", "model": "model", "human": "human", "ai": "ai",
    "with a space behind": "user ", "with a space before": " user", "with a line feed": "user\n", "with NUL": "user\0",
    "confusable": "usеr", "long": "u" * 10_000, "tools": "tools", "two": "user,system", **NOT_STRINGS, "null": None}
BAD_URLS = ["", "x", "/etc/passwd", "//example.com/a.png", "file:///etc/passwd", "file:/etc/passwd", "FILE:///etc/passwd",
    "gopher://127.0.0.1:70/", "ftp://example.com/a.png", "sftp://x/y", "dict://127.0.0.1:11211/", "ldap://x/", "smb://x/y",
    "tftp://x/y",
            "telnet://x", "ssh://x", "ws://x", "wss://x", "redis://127.0.0.1:6379/", "jar:http://x!/", "php://filter",
            "javascript:alert(1)", "vbscript:x", "blob:https://x/1", "about:blank", "view-source:https://x", "C:\\a.png",
            "\\\\server\\a.png", "a.png",
            "../a.png", "?x", "#x", ":", "://x", "https", "http", "data", "https;//x", "httpx://x", "xhttps://x", "datax:,x",
            "h\u202ettps://x"]
PARTS = {  # What a list of parts must not hold: (part, the member within it that is at fault).
    **{name: (value, "") for name, value in NOT_OBJECTS.items()}, "an empty object": ({}, "type"),
    "a part without type": ({"text": "hi"}, "type"),
    **{f"type {name}": ({"type": value, "text": "hi"}, "type") for name, value in {**NOT_STRINGS, "null": None}.items()},
    "text without text": ({"type": "text"}, "text"), **{f"text {name}": ({"type": "text", "text": value}, "text") for name,
    value in {**NOT_STRINGS, "null": None}.items()}}
IMAGES = {
    "no image_url": ({"type": "image_url"}, "image_url"), "no url": ({"type": "image_url", "image_url": {}}, "image_url.url"),
    "only a detail": ({"type": "image_url", "image_url": {"detail": "low"}}, "image_url.url"),
    **{f"image_url {name}": ({"type": "image_url", "image_url": value}, "image_url") for name,
    value in {"a number": 5, "true": True, "a list": ["https://x/a.png"], "null": None}.items()},
    **{f"url {name}": ({"type": "image_url", "image_url": {"url": value}}, "image_url.url") for name,
    value in {**NOT_STRINGS, "null": None}.items()},
    **{f"url {url[:24]!r}": ({"type": "image_url", "image_url": {"url": url}}, "image_url.url") for url in BAD_URLS}}
MEDIA = {  # Parts with unbounded tokens: by reference, of a kind without a bound for the model, or of an unknown kind.
    "a file by id": ({"type": "file", "file": {"file_id": "file-1"}}, "file.file_id"),
    "a file without data": ({"type": "file", "file": {"filename": "a.pdf"}}, "file.file_data"),
    "a file of nothing": ({"type": "file"}, "file"),
    "a PDF": ({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}, ""),
    "a PDF as an image": ({"type": "image_url", "image_url": {"url": "data:application/pdf;base64,JVBERi0="}}, ""),
    "a film as an image": ({"type": "image_url", "image_url": {"url": "data:video/mp4;base64,AAAA"}}, ""),
    "sound": ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}, ""),
    "sound by its address": ({"type": "audio_url", "audio_url": {"url": "https://example.com/a.wav"}}, ""),
    "a film": ({"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}, ""),
    "a document by its address": ({"type": "document_url", "document_url": "https://example.com/a.pdf"}, ""),
    "a part nobody knows": ({"type": "hologram", "x": 1}, "type"), "embeddings": ({"type": "image_embeds", "x": 1}, "type")}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def path(index, rest):
    """Every param that may name the place: the whole path, and each shorter one down to the message's member."""
    steps = re.findall(r"\.\w+|\[\d+\]", "." + rest if rest else "")
    whole = [f"messages[{index}]" + "".join(steps[:count]) for count in range(1, len(steps) + 1)]
    return tuple(whole) or (f"messages[{index}]", f"messages[{index}].role")


def chat(messages, model="sighted"):
    return post(json.dumps({"model": model, "messages": messages}))


def wrong(name, message, rest, everywhere=False):
    """The invalid message alone; where it matters also after others, and before one."""
    yield Case(name, chat([message]), param=path(0, rest))
    if everywhere:
        yield Case(f"{name}, second", chat([GOOD, message]), param=path(1, rest))
        yield Case(f"{name}, before another", chat([message, GOOD]), param=path(0, rest))
        yield Case(f"{name}, last of 300", chat([GOOD] * 299 + [message]), param=path(299, rest))


def lists():
    yield Case("no messages", post('{"model":"plain"}'), param="messages")
    yield Case("only Messages", post('{"model":"plain","Messages":[{"role":"user","content":"hi"}]}'), param="messages")
    for name, value in {**NOT_LISTS, "null": None, "false": False, "an empty list": []}.items():
        yield Case(f"messages is {name}", chat(value), param="messages")
    for count in [10_001, 10_002, 50_000]:
        yield Case(f"{count} messages", chat([{"role": "user", "content": ""}] * count), param="messages")
    for name, value in {**NOT_OBJECTS, "an empty object": {}}.items():
        yield from wrong(f"a message is {name}", value, "role" if value == {} else "", everywhere=True)


def roles():
    yield from wrong("no role", {"content": "hi"}, "role", everywhere=True)
    yield from wrong("only a Role", {"Role": "user", "content": "hi"}, "role")
    for name, value in BAD_ROLES.items():
        yield from wrong(f"a role {name}", {"role": value, "content": "hi"}, "role", everywhere=True)


def contents():
    for role, more in ROLES.items():
        for name, value in {"a number": 5, "zero": 0, "true": True, "false": False, "an object": {"type": "text", "text": "hi"},
                "an empty object": {}}.items():
            yield from wrong(f"content of {role} is {name}", {"role": role, "content": value, **more}, "content",
                everywhere=role == "user")
        if role not in ("assistant", "function"):
            yield from wrong(f"content of {role} is null", {"role": role, "content": None, **more}, "content",
                everywhere=role == "user")
            yield from wrong(f"no content of {role}", {"role": role, **more}, "content", everywhere=role == "user")
        for name, (part, rest) in PARTS.items():
            yield from wrong(f"a part of {role} is {name}", {"role": role, "content": [part], **more},
                "content[0]" + ("." + rest if rest else ""))
    for name, (part, rest) in {**PARTS, **IMAGES, **MEDIA}.items():
        text, tail = {"type": "text", "text": "hi"}, "." + rest if rest else ""
        yield from wrong(f"a second part of user is {name}", {"role": "user", "content": [text, part]}, "content[1]" + tail)
        yield Case(f"a part within a second message is {name}", chat([GOOD, {"role": "user", "content": [part, text]}]),
            param=path(1, "content[0]" + tail))


def tools_and_names():
    for name, value in {**NOT_STRINGS, "null": None}.items():
        yield from wrong(f"tool_call_id is {name}", {"role": "tool", "content": "x", "tool_call_id": value}, "tool_call_id")
    yield from wrong("no tool_call_id", {"role": "tool", "content": "x"}, "tool_call_id", everywhere=True)
    for content in [None, "", "hi"]:
        def said(calls):
            return {"role": "assistant", "content": content, "tool_calls": calls}
        for name, value in NOT_LISTS.items():
            yield from wrong(f"tool_calls is {name}, content {content!r}", said(value), "tool_calls")
        for name, value in NOT_OBJECTS.items():
            yield from wrong(f"a tool call is {name}, content {content!r}", said([value]), "tool_calls[0]")
        yield from wrong(f"a tool call without id, content {content!r}", said([{k: v for k, v in CALL.items() if k != "id"}]),
            "tool_calls[0].id")
        yield from wrong(f"an empty tool call, content {content!r}", said([{}]), "tool_calls[0].id")
        for name, value in {**NOT_STRINGS, "null": None}.items():
            yield from wrong(f"a tool call's id is {name}, content {content!r}", said([{**CALL, "id": value}]),
                "tool_calls[0].id")
            yield from wrong(f"a second call's id is {name}, content {content!r}", said([CALL, {**CALL, "id": value}]),
                "tool_calls[1].id")
    for role, more in ROLES.items():
        for name, value in NOT_STRINGS.items():
            yield from wrong(f"name of {role} is {name}", {"role": role, "content": "hi", **more, "name": value}, "name")
        yield from wrong(f"name of {role} has a line feed", {"role": role, "content": "hi", **more, "name": "a\nb"}, "name")
    for byte in CONTROLS:
        yield from wrong(f"name has 0x{byte:02x}", {"role": "user", "content": "hi", "name": f"b{chr(byte)}c"}, "name")


CASES = [*lists(), *roles(), *contents(), *tools_and_names()]
