"""Duplicate and escaped names within messages: gateway and provider must read the same request."""

from case import Case, post
from cases_messages import path


ASKS = '{"role":"assistant","content":null,"tool_calls":[%s]}'
SHOWS = '{"role":"user","content":[{"type":"image_url",%s}]}'


def names_twice():
    """Duplicate names within messages are refused too: the provider might read the other value."""
    for name, message in {
        "role": '{"role":"user","role":"system","content":"hi"}', "role, same": '{"role":"user","role":"user","content":"hi"}',
        "role, escaped": '{"role":"user","r\\u006fle":"system","content":"hi"}',
        "content": '{"role":"user","content":"hi","content":"ho"}',
        "content, first and last": '{"content":"hi","role":"user","content":"ho"}',
        "content, escaped": '{"role":"user","content":"hi","\\u0063ontent":"ho"}',
        "name": '{"role":"user","name":"a","content":"hi","name":"b"}', "unknown": '{"role":"user","content":"hi","x":1,"x":2}',
        "empty": '{"role":"user","content":"hi","":1,"":2}',
        "type": '{"role":"user","content":[{"type":"text","type":"image_url","text":"hi"}]}',
        "text": '{"role":"user","content":[{"type":"text","text":"hi","text":"ho"}]}',
        "image_url": SHOWS % '"image_url":{"url":"https://x/"},"image_url":{"url":"https://y/"}',
        "url": '{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/","url":"file:///y"}}]}',
        "url, escaped": '{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/","ur\\u006c":"file:///y"}}]}',
        "tool_call_id": '{"role":"tool","content":"x","tool_call_id":"a","tool_call_id":"b"}',
        "tool_calls": '{"role":"assistant","content":null,"tool_calls":[],"tool_calls":[{"id":"a"}]}',
        "id": ASKS % '{"id":"a","id":"b","type":"function","function":{"name":"f","arguments":"{}"}}',
        "function": ASKS % '{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"function":{}}',
        "arguments": ASKS % '{"id":"a","type":"function","function":{"name":"f","arguments":"{}","arguments":"[]"}}',
        "deep": '{"role":"user","content":"hi","x":{"y":[{"z":{"a":1,"b":2,"a":3}}]}}'}.items():
        for place, before in [("alone", ""), ("second", '{"role":"user","content":"hi"},'),
                ("300th", '{"role":"user","content":"hi"},' * 299)]:
            yield Case(f"{name} twice in a message, {place}", post('{"model":"sighted","messages":[' + before + message + "]}"))


def in_disguise():
    """Escapes in names and values change nothing: the provider reads the same strings."""
    for name, message, rest in [
        ("role", '{"r\\u006fle":"bot","content":"hi"}', "role"), ("content", '{"role":"user","cont\\u0065nt":5}', "content"),
        ("name", '{"role":"user","content":"hi","\\u006eame":5}', "name"),
        ("a part's type", '{"role":"user","content":[{"t\\u0079pe":5}]}', "content[0].type"),
        ("a part's text", '{"role":"user","content":[{"type":"text","te\\u0078t":5}]}', "content[0].text"),
        ("the type of a text", '{"role":"user","content":[{"type":"t\\u0065xt","text":5}]}', "content[0].text"),
        ("image_url", '{"role":"user","content":[{"type":"image_url","image_ur\\u006c":{"url":"file:///x"}}]}',
        "content[0].image_url.url"),
        ("url", '{"role":"user","content":[{"type":"image_url","image_url":{"ur\\u006c":"file:///x"}}]}',
        "content[0].image_url.url"),
        ("a scheme", '{"role":"user","content":[{"type":"image_url","image_url":{"url":"\\u0066ile:///x"}}]}',
        "content[0].image_url.url"),
        ("the type of an image", '{"role":"user","content":[{"type":"im\\u0061ge_url","image_url":{"url":"file:///x"}}]}',
        "content[0].image_url.url"), ("the role of a tool", '{"role":"t\\u006fol","content":"x"}', "tool_call_id"),
        ("tool_calls", '{"role":"assistant","content":null,"tool_call\\u0073":[{"type":"function"}]}', "tool_calls[0].id"),
        ("id", '{"role":"assistant","content":null,"tool_calls":[{"\\u0069d":5}]}', "tool_calls[0].id")]:
        yield Case(f"{name} in disguise", post('{"model":"sighted","messages":[' + message + "]}"), param=path(0, rest))
    for name in ["image_url", "image_\\u0075rl"]:
        yield Case(f"an image as {name} for a model without eyes",
            post('{"model":"plain","messages":[' + SHOWS % f'"{name}":{{"url":"https://x/"}}' + "]}"),
            param="messages")


CASES = [*names_twice(), *in_disguise()]
