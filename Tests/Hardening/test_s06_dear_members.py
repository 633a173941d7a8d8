"""S6: members that raise the bill, undo a limit, take priority over others or reach others' data."""

import rows
from raw import ask
from request_rig import DIALECTS, body, holds, load, reached

MARK = "dear-z9"
#: Each holds the mark, which must not reach a vendor.
MEMBERS = [
    ("service_tier", MARK), ("store", MARK), ("web_search_options", {"search_context_size": MARK}),
    ("search_parameters", {"mode": "on", "sources": [MARK]}), ("enable_search", MARK), ("search_options", {"a": MARK}),
    ("plugins", [{"id": MARK}]), ("models", [MARK]), ("provider", {"only": [MARK]}), ("n_predict", MARK), ("n_cmpl", MARK),
    ("chat_template", MARK), ("chat_template_kwargs", {"documents": MARK, "enable_thinking": True}), ("best_of", MARK),
    ("extra_body", {"google": {"cached_content": MARK}}), ("extra_body", {"service_tier": MARK}), ("prediction", {"content": MARK}),
    ("modalities", ["text", MARK]), ("audio", {"voice": MARK}), ("min_tokens", MARK), ("ignore_eos", MARK), ("priority", MARK),
    ("grammar", MARK), ("guided_regex", MARK), ("structured_outputs", {"regex": MARK}), ("logits_processors", [MARK]),
    ("safety_model", MARK), ("mm_processor_kwargs", {"max_pixels": MARK}), ("vl_high_resolution_images", MARK),
    ("kv_transfer_params", {"a": MARK}), ("id_slot", MARK), ("lora", [{"id": MARK}]), ("options", {"num_predict": MARK}),
    ("prompt_cache_options", {"ttl": MARK, "mode": "explicit"}), ("stream_options", {"include_usage": True, "x": MARK}),
    ("tools", [{"type": MARK}, {"type": "function", "function": {"name": "f"}}]),
    ("tools", [{"type": "function", "function": {"name": "f"}, "web_search": MARK}]),
    ("tools", [{MARK: {}}, {"type": "function", "function": {"name": "f"}}]), ("use_beam_search", MARK), ("deferred", MARK),
]


def test_nothing_dear_reaches_a_vendor(stack):
    key = load(stack, {f"dear-{dialect}": (dialect, "script:in=10,out=8", "") for dialect in DIALECTS})
    # Those that passed whatever they did not know are where most of it went through.
    loose = ["openrouter", "together", "qwen", "ollama", "vllm", "llamacpp"]

    def generate(source):
        dialect = source.choice(loose if source.random() < 0.8 else DIALECTS)
        return dialect, source.choice(MEMBERS), source.randrange(1 << 30)

    def check(variant):
        dialect, member, seed = variant
        stream = member[0] == "stream_options" or seed % 2 == 0
        status, headers, answer = ask(stack.workers[0], "POST", "/v1/chat/completions", key,
                                      body(f"dear-{dialect}", [member], rows.random.Random(seed), stream))
        if status != 200:
            assert status == 400 and (answer["error"].get("param") or "").split(".")[0].split("[")[0] == member[0], (status, answer)
            return
        got = reached(stack, headers)
        assert not holds(got, MARK), f"the vendor got {got}"

    rows.attack("S6", generate, check, variants=60)


def test_tier_and_storing_are_written_out(stack):
    key = load(stack, {"plain-openai": ("openai", "script:in=10,out=8", ""), "plain-anthropic": ("anthropic", "script:in=10,out=8", "")})

    def generate(source):
        tier = source.choice([None, "priority", "auto", "flex", "scale", "fast", "default", 5, {}])
        members = [("service_tier", tier)] if tier is not None else []
        if source.random() < 0.5:
            members.append(("store", source.choice([True, None, "yes"])))
        return source.choice(["plain-openai", "plain-anthropic"]), members, source.randrange(1 << 30)

    def check(variant):
        model, members, seed = variant
        status, headers, answer = ask(stack.workers[0], "POST", "/v1/chat/completions", key,
                                      body(model, members, rows.random.Random(seed), seed % 2 == 0))
        assert status == 200, answer
        got = reached(stack, headers)
        if model == "plain-openai":
            assert got.get("service_tier") == "default" and got.get("store") is False, got
        else:
            assert got.get("service_tier") == "standard_only" and "store" not in got, got

    rows.attack("S6, tier", generate, check)
