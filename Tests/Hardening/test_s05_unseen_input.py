"""S5: input whose tokens are not bytes of the body. It is refused, or the charge covers what the vendor bills for
it."""

import json

import rows
from raw import ask
from request_rig import charge, load, nano, reached, spelt

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
#: What the vendor counts, by the model that is asked. `small` is gpt-4o-mini: 2,833 + 6 x 5,667 for an image of 768 x
#: 2048.
MODELS = {
    "small": ("openai", "script:in=36835,out=16", ", vision: true, context_window: 128000, image_tokens_max: 48169,"
              " document_tokens_max: 128000"),
    "window": ("openai", "script:in=120000,out=16", ", vision: true, context_window: 128000, document_tokens_max: 128000"),
    "films-vllm": ("vllm", "script:in=900000,out=16", ", vision: true, context_window: 1000000, image_tokens_max: 16386"),
    "films-qwen": ("qwen", "script:in=900000,out=16", ", vision: true, context_window: 1000000, image_tokens_max: 16386"),
    "films-openrouter": ("openrouter", "script:in=900000,out=16", ", vision: true, context_window: 1000000, image_tokens_max: 16386"),
    "films-together": ("together", "script:in=900000,out=16", ", vision: true, context_window: 1000000, image_tokens_max: 16386"),
    "large-qwen": ("qwen", "script:in=16384,out=16", ", vision: true, context_window: 1000000, image_tokens_max: 16386"),
}


def image(source):
    url = source.choice([f"data:image/png;base64,{PIXEL}", "https://example.com/a.png"])
    return {"type": "image_url", "image_url": source.choice([{"url": url, "detail": "high"}, {"url": url}, url])}


def film(source):
    url = source.choice(["https://example.com/long.mp4", "http://example.com/a.mov"])
    return source.choice([
        {"type": "video_url", "video_url": {"url": url}}, {"type": "video_url", "video_url": url},
        {"type": "video", "video": [url]}, {"type": "audio_url", "audio_url": {"url": url}}, {"type": "input_video", "video_url": url},
        {"type": "image_url", "image_url": {"url": "data:video/mp4;base64,AAAA"}}])


def file(source):
    return source.choice([
        {"type": "file", "file": {"file_id": "file-abc"}}, {"type": "file", "file": {"filename": "a.pdf", "file_id": "file-abc"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
        {"type": "file", "file": {"file_data": "JVBERi0="}}, {"type": "file", "file": {"file_data": "https://example.com/a.pdf"}},
        {"type": "input_file", "file_id": "file-abc"}, {"type": "document_url", "document_url": "https://example.com/a.pdf"}])


def sound(source):
    return {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": source.choice(["wav", "mp3"])}}


def large(source):
    return {**image(source), "max_pixels": 10**9, "uuid": "somebody's"}


CASES = [("small", image), ("small", file), ("window", image), ("window", file), ("window", sound), ("large-qwen", large)] + [
    (f"films-{dialect}", film) for dialect in ["vllm", "qwen", "openrouter", "together"]]


def written(value, source):
    """JSON whose member names and values have random spellings."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{spelt(name, source)}:{written(inner, source)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(inner, source) for inner in value) + "]"
    return spelt(value, source) if isinstance(value, str) and len(value) < 80 else json.dumps(value)


def test_no_input_is_billed_unseen(stack):
    key = load(stack, MODELS)

    def generate(source):
        model, make = source.choice(CASES)
        # Spelt with escapes the words have more bytes, which hides what is shown: half of them are plain.
        part = make(source)
        text = written(part, source) if source.random() < 0.5 else json.dumps(part)
        return model, text, source.choice(["user", "user", "tool"])

    def check(variant):
        model, part, role = variant
        said = {"user": '{"role":"user","content":[%s,{"type":"text","text":"?"}]}' % part,
                "tool": '{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"c12345678","type":'
                        '"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c12345678",'
                        '"content":[%s]}' % part}[role]
        status, headers, answer = ask(
            stack.workers[0], "POST", "/v1/chat/completions", key, '{"model":"%s","max_tokens":16,"messages":[%s]}' % (model, said))
        if status == 400:
            assert (answer["error"].get("param") or "").startswith("messages"), answer
            assert reached(stack, headers) is None
            return
        assert status == 200, (status, answer)
        tokens = int(MODELS[model][1].split("in=")[1].split(",")[0])
        assert charge(stack, headers) >= nano(tokens, 16), f"charged {charge(stack, headers)} for {nano(tokens, 16)}"

    rows.attack("S5", generate, check, variants=40)
