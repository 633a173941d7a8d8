"""Models of every dialect for `cases.py`. Prices are those of real models, in nano-USD for a million tokens."""

from __future__ import annotations

from typing import Any

Model = dict[str, Any]


def usd(text: str) -> int:
    """Nano-USD of a decimal number of dollars with at most 9 places."""
    whole, _, part = text.partition(".")
    return int(whole) * 1_000_000_000 + int((part + "000000000")[:9])


def prices(paid_in: str, out: str, cached: str | None = None, **others: str) -> dict[str, int]:
    """Prices of a model from dollars for a million tokens."""
    table = {"input": usd(paid_in), "output": usd(out), **{name: usd(price) for name, price in others.items()}}
    if cached is not None:
        table["cache_read"] = usd(cached)
    return table


def model(name: str, table: dict[str, int], context: int, longest: int, thinks: str = "never", image: str | None = None,
          **others: Any) -> Model:
    """A model description as `biller.bill` reads it."""
    found: Model = {"name": name, "prices": table, "context": context, "max_output": longest, "thinks": thinks, **others}
    if image is not None:
        found["image_rule"] = image
    return found


LONG = {"above": 272_000, "input": 200, "output": 150}
GPT_4O = model("gpt-4o", prices("2.5", "10", "1.25"), 128_000, 16_384, image="openai-tile",
               tiers={"priority": 170, "fast": 170})
GPT_4_1_MINI = model("gpt-4.1-mini", prices("0.4", "1.6", "0.1"), 1_047_576, 32_768, image="openai-patch-mini")
OPENAI = [
    GPT_4O,
    model("gpt-4o-mini", prices("0.15", "0.6", "0.075"), 128_000, 16_384, image="openai-tile-mini"),
    model("o4-mini", prices("1.1", "4.4", "0.275"), 200_000, 100_000, "always", "openai-patch-o4-mini"),
    model("gpt-5-mini", prices("0.25", "2", "0.025"), 400_000, 128_000, "always", "openai-patch-mini"),
    model("gpt-5.4", prices("2.5", "15", "0.25"), 1_050_000, 128_000, "default", "openai-patch-5.4", long_context=LONG),
    model("gpt-5.6-sol", prices("4", "20", "0.4", cache_write="5"), 1_050_000, 128_000, "default", "openai-patch-5.6",
          long_context=LONG),
    model("gpt-4o-audio-preview", prices("2.5", "10", audio_input="40", audio_output="80"), 128_000, 16_384),
    model("gpt-4o-search-preview", prices("2.5", "10"), 128_000, 16_384),
]
INSTRUCT = model("gpt-3.5-turbo-instruct", prices("1.5", "2"), 4_096, 4_096)
IMAGES = [
    model("gpt-image-1", prices("5", "40", "1.25"), 65_536, 65_536, kind="images"),
    model("dall-e-3", prices("0", "0"), 4_096, 4_096, kind="images", per_image={
        "standard/1024x1024": 40_000_000, "standard/1024x1792": 80_000_000, "standard/1792x1024": 80_000_000,
        "hd/1024x1024": 80_000_000, "hd/1024x1792": 120_000_000, "hd/1792x1024": 120_000_000}),
]
CATALOGUE = {"openai/gpt-4o": prices("2.5", "10", "1.25"), "anthropic/claude-opus-4.1": prices("15", "75", "1.5"),
             "meta-llama/llama-3.3-70b-instruct": prices("0.1", "0.3")}
CLAUDE = {"cache_write": "3.75", "cache_write_1h": "6"}

CHAT: dict[str, list[Model]] = {
    "openai": OPENAI,
    "azure": [GPT_4O, model("o3", prices("2", "8", "0.5"), 200_000, 100_000, "always", "openai-tile-o")],
    "azure-deployments": [GPT_4_1_MINI, model("gpt-5", prices("1.25", "10", "0.125"), 400_000, 128_000, "always",
                                              "openai-tile-gpt-5")],
    "mistral": [model("mistral-medium-latest", prices("0.4", "2"), 131_072, 131_072, image="mistral"),
                model("magistral-medium-latest", prices("2", "5"), 131_072, 40_960, "always")],
    "groq": [model("openai/gpt-oss-120b", prices("0.15", "0.6", "0.075"), 131_072, 65_536, "always", tokens_per_second=500),
             model("meta-llama/llama-4-scout-17b-16e-instruct", prices("0.11", "0.34"), 131_072, 8_192, image="groq")],
    "deepseek": [model("deepseek-chat", prices("0.28", "0.42", "0.028"), 131_072, 8_192, "asked"),
                 model("deepseek-reasoner", prices("0.28", "0.42", "0.028"), 131_072, 65_536, "always")],
    "xai": [model("grok-4", prices("3", "15", "0.75"), 256_000, 256_000, "always", "xai"),
            model("grok-3-mini", prices("0.3", "0.5", "0.075"), 131_072, 131_072, "always")],
    "together": [model("meta-llama/Llama-3.3-70B-Instruct-Turbo", prices("0.88", "0.88"), 131_072, 131_072),
                 model("meta-llama/Llama-3.2-90B-Vision-Instruct-Turbo", prices("1.2", "1.2"), 131_072, 131_072,
                       image="together"),
                 model("Qwen/Qwen3-235B-A22B-Thinking-2507", prices("0.65", "3"), 262_144, 81_920, "always")],
    "openrouter": [model("openai/gpt-4o", prices("2.5", "10", "1.25"), 128_000, 16_384, image="openai-tile",
                         upstream="OpenAI", catalogue=CATALOGUE, normalises="none"),
                   model("google/gemini-2.5-flash", prices("0.3", "2.5", "0.075"), 1_048_576, 65_536, "default", "gemini",
                         catalogue=CATALOGUE),
                   model("anthropic/claude-sonnet-4.5", prices("3", "15", "0.3", **CLAUDE), 200_000, 64_000, "asked",
                         "anthropic", upstream="Anthropic", catalogue=CATALOGUE)],
    "qwen": [model("qwen3-vl-plus", prices("0.2", "1.6"), 262_144, 32_768, "default", "qwen", max_thinking=81_920),
             model("qwen-plus", prices("0.4", "4", "0.08"), 1_000_000, 32_768, "asked", max_thinking=81_920,
                   long_context={"above": 256_000, "input": 300, "output": 300})],
    "ollama": [model("llama3.2-vision", prices("0.05", "0.1"), 8_192, 8_192, image="local"),
               model("qwen3:8b", prices("0.05", "0.1"), 40_960, 40_960, "default")],
    "vllm": [model("Qwen/Qwen2.5-VL-7B-Instruct", prices("0.1", "0.2"), 32_768, 32_768, image="qwen-2.5"),
             model("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", prices("0.1", "0.2"), 32_768, 32_768, "always")],
    "llamacpp": [model("gemma-3-4b-it", prices("0.05", "0.05"), 16_384, 16_384, image="local")],
    "gemini-compat": [model("gemini-2.5-flash", prices("0.3", "2.5", "0.075", audio_input="1"), 1_048_576, 65_536, "default",
                            "gemini"),
                      model("gemini-2.5-pro", prices("1.25", "10", "0.31"), 1_048_576, 65_536, "always", "gemini",
                            long_context={"above": 200_000, "input": 200, "output": 150}),
                      model("gemini-3-flash-preview", prices("0.5", "3", "0.05"), 1_048_576, 65_536, "always", "gemini-3")],
    "anthropic": [model("claude-sonnet-4-5", prices("3", "15", "0.3", **CLAUDE), 200_000, 64_000, "asked", "anthropic"),
                  model("claude-sonnet-5", prices("3", "15", "0.3", **CLAUDE), 1_000_000, 128_000, "default", "anthropic-high"),
                  model("claude-haiku-4-5", prices("1", "5", "0.1", cache_write="1.25", cache_write_1h="2"), 200_000, 64_000,
                        "asked", "anthropic")],
}
DIALECTS = tuple(CHAT)

EMBEDDINGS = {
    "openai": model("text-embedding-3-small", prices("0.02", "0"), 8_192, 1),
    "azure": model("text-embedding-3-large", prices("0.13", "0"), 8_192, 1),
    "mistral": model("mistral-embed", prices("0.1", "0"), 8_192, 1),
    "together": model("intfloat/multilingual-e5-large-instruct", prices("0.02", "0"), 514, 1, normalises="nfkc"),
    "qwen": model("text-embedding-v4", prices("0.07", "0"), 8_192, 1),
    "ollama": model("bge-m3", prices("0.01", "0"), 8_192, 1, normalises="nfkc"),
    "vllm": model("BAAI/bge-m3", prices("0.01", "0"), 8_192, 1, normalises="nfkc"),
    "llamacpp": model("nomic-embed-text", prices("0.01", "0"), 2_048, 1, normalises="nfkc"),
    "gemini-compat": model("gemini-embedding-001", prices("0.15", "0"), 2_048, 1),
}
COMPLETIONS = {"openai": INSTRUCT, "together": CHAT["together"][0], "vllm": CHAT["vllm"][1], "llamacpp": CHAT["llamacpp"][0],
               "ollama": CHAT["ollama"][1]}
