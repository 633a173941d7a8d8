"""S1: an assistant message with calls as blocks and as `tool_calls` was compared block by call, before any limit was
checked."""

import json

import rows
from loop_cpu import LoopCPU

CHAT = "/v1/chat/completions"


def spelt(source, text):
    """One text in one of JSON's spellings; the same one for the same text would be no harder to compare."""
    kind = source.choice(["plain", "all", "some", "upper"])
    if kind == "plain":
        return text
    form = "\\u%04X" if kind == "upper" else "\\u%04x"
    return "".join(form % ord(c) if kind != "some" or source.random() < 0.3 else c for c in text)


def generate(source):
    ids = source.choice(["one", "few", "distinct", "prefixed"])
    return {
        "ids": ids, "escapes": source.choice([True, False]), "length": source.choice([1, 6, 20]),
        "blocks": source.randint(250, 450), "calls": source.randint(90, 120), "order": source.choice(["content", "calls"]),
        "type": spelt(source, "tool_use"), "role": spelt(source, "assistant"),
        "before": source.choice(["", "user", "system", "text"]), "model": source.choice(["plain", "no-such-model"]),
        "stream": source.choice([True, False]), "wide": source.choice(["", " ", "\n\t "]), "seed": source.randrange(1 << 30),
    }


def identifier(v, kind, number):
    stem = {"one": "a", "few": "abc"[number % 3], "distinct": f"{number:x}", "prefixed": "p" * 24 + f"{number:x}"}[v["ids"]]
    text = (kind + stem * v["length"])[:64] if v["ids"] != "distinct" else kind + stem
    return "".join(f"\\u{ord(c):04x}" for c in text) if v["escapes"] else text


def body(v, n):
    s = v["wide"]
    blocks = ",".join(
        f'{{{s}"type":"{v["type"]}","id":"{identifier(v, "a", k)}","name":"b"}}' for k in range(v["blocks"] * n))
    calls = ",".join(f'{{"id":"{identifier(v, "c", k)}"{s}}}' for k in range(v["calls"] * n))
    content, known = f'"content":[{blocks}]', f'"tool_calls":[{calls}]'
    both = [content, known] if v["order"] == "content" else [known, content]
    before = {"": "", "user": '{"role":"user","content":"x"},', "system": '{"role":"system","content":"x"},',
              "text": '{"role":"user","content":[{"type":"input_text","text":"x"}]},'}[v["before"]]
    stream = ',"stream":true' if v["stream"] else ""
    return f'{{"model":"{v["model"]}","messages":[{before}{{"role":"{v["role"]}",{",".join(both)}}}]{stream}}}'.encode()


def test_s01_calls_in_both_forms(stack):
    loop = LoopCPU(stack.workers[0], stack.new_key()["key"])

    def check(variant):
        json.loads(body(variant, 1))
        loop.judge_growth(CHAT, lambda n: body(variant, n))

    rows.attack("S1", generate, check, variants=24)
