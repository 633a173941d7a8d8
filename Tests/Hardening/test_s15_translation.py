"""S15: translation for vendors looked things up by walking lists: ids of calls, names of tools, properties,
references."""

import pytest

import rows
from loop_cpu import LoopCPU
from processes import wait_until
from raw import ask

CHAT = "/v1/chat/completions"
#: Calls of one message, far below what one may hold.
CALLS = 500


@pytest.fixture(scope="module")
def loop(stack):
    """The scripted provider once more, spoken to as Anthropic and as Gemini."""
    lines = ["providers:"]
    for name, dialect in [("as-anthropic", "anthropic"), ("as-gemini", "gemini-compat")]:
        lines.append(f"  - {{id: {name}, dialect: {dialect}, base_url: '{stack.provider_url}/v1',"
                     " allowed_networks: ['127.0.0.0/8'], credential_from_environment: SCRIPTED_KEY}")
    lines.append("models:")
    lines += [f"  - {{name: {name}, vendor: scripted, max_output_tokens: 400, tools: true, first_event_ms: 60000, idle_ms: 60000,"
              ' usd_per_million_tokens: {input: "0.001", output: "0.001"}}' for name in ("claude", "gemini")]
    lines += ["deployments:", '  - {id: claude-1, model: claude, provider: as-anthropic, upstream_model: "script:in=4,out=2"}',
              '  - {id: gemini-1, model: gemini, provider: as-gemini, upstream_model: "script:in=4,out=2"}']
    path = stack.folder / "translated.yaml"
    path.write_text("\n".join(lines) + "\n")
    stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
    key = stack.new_key()["key"]
    worker = stack.workers[0]
    wait_until(lambda: {"claude", "gemini"} <= {m["id"] for m in ask(worker, "GET", "/v1/models", key)[2]["data"]},
               what="the models are known")
    return LoopCPU(worker, key)


def call(identity, name="f"):
    return f'{{"id":"{identity}","type":"function","function":{{"name":"{name}","arguments":"{{}}"}}}}'


def turns(calls, answers):
    """The calls in assistant messages of a few hundred, each followed by the answers to its own."""
    out = []
    for at in range(0, len(calls), CALLS):
        some = calls[at:at + CALLS]
        out.append('{"role":"assistant","tool_calls":[' + ",".join(call(*each) for each in some) + "]}")
        if answers:
            ids = dict.fromkeys(identity for identity, _ in some)
            out += [f'{{"role":"tool","tool_call_id":"{identity}","content":"r"}}' for identity in ids]
        out.append('{"role":"user","content":"go on"}')
    return ",".join(out)


def same_ids(v, n):
    ids = [v["stem"] + ("" if v["few"] == 1 else str(k % v["few"])) for k in range(v["size"] * n)]
    return chat("claude", turns([(identity, "f") for identity in ids], False))


def many_names(v, n):
    return chat("claude", turns([(f"i{k}", f"{v['stem']}{k}") for k in range(v["size"] * n)], v["answers"]))


def root_choices(v, n):
    """`anyOf` of one or several parts with many properties."""
    count = v["size"] * n
    properties = [f'"{v["stem"]}{k}":{{}}' for k in range(count)]
    parts = [properties[at::v["few"]] for at in range(v["few"])]
    schema = '{"type":"object","%s":[%s]}' % (v["choice"], ",".join(
        '{"properties":{%s}}' % ",".join(part) for part in parts))
    return chat("claude", '{"role":"user","content":"x"}', schema)


def references(v, n):
    """`allOf` of references to one definition, which may have many properties."""
    count = v["size"] * n // 12
    properties = ",".join(f'"{v["stem"]}{k}":{{"type":"string"}}' for k in range(count))
    parts = ",".join(['{"$ref":"#/$defs/a"}'] * count)
    schema = f'{{"{v["all"]}":[{parts}],"$defs":{{"a":{{"type":"object","properties":{{{properties}}}}}}}}}'
    return chat("gemini", '{"role":"user","content":"x"}', schema)


def required(v, n):
    names = [f'{v["stem"]}{k}' for k in range(v["size"] * n)]
    properties = ",".join(f'"{name}":{{}}' for name in names)
    listed = ",".join(f'"{name}"' for name in (reversed(names) if v["answers"] else names))
    schema = f'{{"type":"object","properties":{{{properties}}},"required":[{listed}]}}'
    return chat("gemini", '{"role":"user","content":"x"}', schema)


def chat(model, messages, schema=None):
    tools = "" if schema is None else (
        f',"tools":[{{"type":"function","function":{{"name":"f","parameters":{schema}}}}}]')
    return f'{{"model":"{model}","messages":[{messages}]{tools}}}'.encode()


SHAPES = {same_ids: 700, many_names: 800, root_choices: 1500, references: 700, required: 1000}
NEXT = {"at": 0}


def generate(source):
    NEXT["at"] += 1
    shape = list(SHAPES)[NEXT["at"] % len(SHAPES)]
    return {"shape": shape.__name__, "size": int(SHAPES[shape] * source.uniform(0.8, 1.2)),
            "stem": source.choice(["a", "call_", "toolu_01", "n-", "Prop"]), "few": source.choice([1, 1, 2]),
            "answers": source.choice([True, False]), "choice": source.choice(["anyOf", "oneOf", "allOf"]), "all": "allOf"}


def test_s15_translation(loop):
    shapes = {shape.__name__: shape for shape in SHAPES}

    def check(variant):
        loop.judge_growth(CHAT, lambda n: shapes[variant["shape"]](variant, n))

    rows.attack("S15", generate, check, variants=25)
