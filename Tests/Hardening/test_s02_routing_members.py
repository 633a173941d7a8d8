"""S2: members by which a caller chooses another model, vendor or price behind a router."""

import rows
from raw import ask
from request_rig import body, load, reached

MEMBERS = {
    "models": [["anthropic/claude-opus-5"], ["a/b", "c/d"]],
    "provider": [{"only": ["nobody"]}, {"order": ["x"], "allow_fallbacks": True}, {"sort": "price"}],
    "route": ["fallback", "any"], "plugins": [[{"id": "web"}], [{"id": "file-parser", "pdf": {"engine": "mistral-ocr"}}]],
    "preset": ["dear"], "transforms": [["middle-out"]], "web_search_options": [{"search_context_size": "high"}],
}


def test_no_caller_chooses_the_model_behind_the_model(stack):
    key = load(stack, {"routed": ("openrouter", "script:in=10,out=8", "")})
    worker = stack.workers[0]

    def generate(source):
        chosen = source.sample(sorted(MEMBERS), source.choice([1, 1, 2, 3]))
        return [(name, source.choice(MEMBERS[name])) for name in chosen], source.random() < 0.5, source.randrange(1 << 30)

    def check(variant):
        members, stream, seed = variant
        status, headers, answer = ask(worker, "POST", "/v1/chat/completions", key,
                                      body("routed", members, rows.random.Random(seed), stream))
        if status != 200:
            assert status == 400 and answer["error"].get("param") in dict(members), (status, answer)
            return
        got = reached(stack, headers)
        assert not set(got) & set(dict(members)), f"{sorted(set(got) & set(dict(members)))} reached the vendor"
        assert got["model"] == "script:in=10,out=8"

    rows.attack("S2", generate, check, variants=40)
