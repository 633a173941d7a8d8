"""Requests with a chosen member, spelt in many ways, to the scripted provider in each dialect; and what reached it."""

import json

from processes import wait_until
from raw import ask

#: Dialects whose paths the scripted provider has.
DIALECTS = ["openai", "azure", "mistral", "groq", "deepseek", "xai", "together", "openrouter", "qwen", "ollama", "vllm", "llamacpp",
            "gemini-compat", "anthropic"]
#: What tokens cost there, in USD per million: in and out.
PRICES = {"input": 1, "output": 10}
STOPS = "after_close: stops, after_close_source: 'a server of our own'"
#: Whose vendors bill on when the connection closes, as the shipped catalogue has it: all of their answers is held for.
RUNS_ON = {"groq", "gemini-compat", "mistral", "openrouter", "qwen"}


def load(stack, models, base_url=None):
    """`models`: name -> (dialect, what the provider calls it, further members). Returns a key that may call them
    all."""
    dialects = {dialect for dialect, _, _ in models.values()}
    lines = ["providers:"] + [
        f"  - {{id: rig-{dialect}, dialect: {dialect}, base_url: '{base_url or stack.provider_url + '/v1'}', allowed_networks:"
        f" ['127.0.0.0/8'], credential_from_environment: RIG_KEY,"
        f" {'after_close: runs_on' if dialect in RUNS_ON else STOPS}}}" for dialect in sorted(dialects)]
    lines += ["models:"] + [
        f"  - {{name: {name}, vendor: rig, max_output_tokens: 65536, tools: true, first_event_ms: 5000, idle_ms: 5000{more},"
        f" usd_per_million_tokens: {{input: '{PRICES['input']}', output: '{PRICES['output']}'}}}}"
        for name, (_, _, more) in models.items()]
    lines += ["deployments:"] + [
        f'  - {{id: {name}-1, model: {name}, provider: rig-{dialect}, upstream_model: "{upstream}"}}'
        for name, (dialect, upstream, _) in models.items()]
    path = stack.folder / f"rig-{next(iter(models))}.yaml"
    path.write_text("\n".join(lines) + "\n")
    stack.run_control("load", path, env={"RIG_KEY": "sk-rig"})
    key = stack.new_key()["key"]
    wait_until(lambda: all(ask(stack.workers[0], "GET", f"/v1/models/{name}", key)[0] == 200 for name in models),
               what="the models are known")
    return key


def spelt(text, source):
    """A JSON string, some of whose letters are escaped."""
    return '"' + "".join(f"\\u{ord(c):04x}" if source.random() < 0.3 else c for c in text) + '"'


def body(model, members, source, stream=False):
    """A request as text: `members` is a list of (name, value); names have random spellings and members random
    places."""
    parts = [f'"model":"{model}"', '"messages":[{"role":"user","content":"Hello"}]', '"max_tokens":16']
    if stream:
        parts.append('"stream":true')
    parts += [f"{spelt(name, source)}{' ' * source.randrange(2)}:{json.dumps(value)}" for name, value in members]
    source.shuffle(parts)
    return "{" + ",".join(parts) + "}"


def reached(stack, headers):
    """What the provider received; `None` for nothing."""
    entry = stack.bill().get(headers["x-request-id"])
    return json.loads(entry["body"]) if entry else None


def nano(tokens_in, tokens_out):
    return (tokens_in * PRICES["input"] + tokens_out * PRICES["output"]) * 1000


def charge(stack, headers):
    """What the ledger has for the request, in nano-USD."""
    wait_until(lambda: headers["x-request-id"] in stack.ledger(), what="the ledger has the request")
    return stack.ledger()[headers["x-request-id"]]["nano_usd"]


def holds(value, needle):
    """Whether the text occurs anywhere in the value, as a name or a value."""
    if isinstance(value, dict):
        return any(needle in name or holds(inner, needle) for name, inner in value.items())
    if isinstance(value, list):
        return any(holds(inner, needle) for inner in value)
    return isinstance(value, str) and needle in value
