"""How many tokens a vendor may count for text, templates and tools.

The bound is in bytes: a byte-level BPE never makes more tokens than the text has bytes of UTF-8. The text is the one
the tokenizer sees, which is normalised first by some vendors and may then be longer than the one that was sent. """

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import Any, Iterator

# How the dialect's tokenizer normalises. A model may say otherwise (`model["normalises"]`).
NORMALISES = {"anthropic": "nfkc", "qwen": "nfc", "ollama": "nfc", "vllm": "nfc", "llamacpp": "nfc", "together": "nfc",
              "groq": "nfc", "openrouter": "nfkc"}
# Dialects whose models may use SentencePiece, which puts a blank in front of each text.
SENTENCEPIECE = {"gemini-compat", "mistral", "ollama", "vllm", "llamacpp", "together", "openrouter"}


@dataclass(frozen=True)
class Template:
    """Tokens that a chat template adds, at most."""

    request: int
    message: int
    source: str


OPENAI_TEMPLATE = Template(request=3, message=4, source="template-openai")
# A template of one's own text: Llama 3.1 adds two dates, Qwen a sentence, gpt-oss its channels.
OTHER_TEMPLATE = Template(request=128, message=8, source="template-other")
TEMPLATES = {"openai": OPENAI_TEMPLATE, "azure": OPENAI_TEMPLATE, "azure-deployments": OPENAI_TEMPLATE,
             "anthropic": Template(request=16, message=8, source="template-other"),
             "deepseek": Template(request=16, message=8, source="template-other"),
             "gemini-compat": Template(request=16, message=8, source="template-other"),
             "mistral": Template(request=16, message=8, source="template-other"),
             "xai": Template(request=1024, message=8, source="template-xai")}
DIGITS = b"0123456789"


def normalisation(dialect: str, model: dict[str, Any]) -> str:
    """`none`, `nfc` or `nfkc`."""
    return model.get("normalises", NORMALISES.get(dialect, "none"))


def most_tokens(text: str, form: str) -> int:
    """The most tokens of one text: its bytes after normalisation. A lone surrogate counts as the 3 bytes of U+FFFD."""
    if form != "none":
        # A vendor may count before or after, and composing can shorten a text.
        return max(utf8_length(text), utf8_length(unicodedata.normalize(form.upper(), text)))
    return utf8_length(text)


def utf8_length(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text.encode("utf-8", errors="surrogatepass"))


def text_source(form: str) -> str:
    """The source that decides the bound of a text."""
    return {"none": "text-bytes", "nfc": "text-nfc", "nfkc": "text-nfkc"}[form]


def likely_tokens(text: str, form: str = "none") -> int:
    """The most tokens that a real tokenizer makes of a text, which it normalises first: one a digit, one a byte outside
    ASCII, three for four other bytes."""
    if form != "none":
        text = unicodedata.normalize(form.upper(), text)
    data = text.encode("utf-8", errors="surrogatepass")
    others = data.translate(None, delete=DIGITS)
    ascii_others = len(others.translate(None, delete=bytes(range(128, 256))))
    return len(data) - ascii_others + -(-ascii_others * 3 // 4)


@dataclass(frozen=True)
class Tally:
    """Tokens of the text part of a request and the sources that decided.

    `tokens` is the bound. `likely` is the most that a real tokenizer makes, never above the bound.
    """

    tokens: int
    likely: int
    sources: tuple[str, ...]


def tally_chat(dialect: str, model: dict[str, Any], request: dict[str, Any]) -> Tally:
    """Messages, system text, tools and schemas of a chat request in the dialect's wire form."""
    form = normalisation(dialect, model)
    template = TEMPLATES.get(dialect, OTHER_TEMPLATE)
    texts = list(chat_texts(request))
    messages = request.get("messages") or []
    frame = template.request + template.message * (len(messages) + 1)
    sources = [text_source(form), template.source]
    if dialect in SENTENCEPIECE:
        frame += len(texts)
        sources.append("text-sentencepiece")
    extra, extra_sources = tally_tools(dialect, form, request)
    tokens = sum(most_tokens(text, form) for text in texts) + frame + extra
    likely = sum(likely_tokens(text, form) for text in texts) + frame + extra // 2
    return Tally(tokens, likely, tuple(sources) + extra_sources)


def tally_tools(dialect: str, form: str, request: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
    """Tool definitions and answer schemas, which every template prints in its own way."""
    documents = [*(request.get("tools") or []), *(request.get("functions") or [])]
    for member in ("response_format", "output_config", "tool_choice"):
        if isinstance(request.get(member), dict):
            documents.append(request[member])
    if not documents:
        return 0, ()
    tokens = sum(rendered_tokens(document, form) for document in documents)
    sources: tuple[str, ...] = ("tools-rendered",)
    if dialect == "anthropic" and request.get("tools"):
        return tokens + 804, sources + ("tools-anthropic",)
    return tokens, sources


def rendered_tokens(document: Any, form: str) -> int:
    """JSON that a template prints with indentation: the compact bytes and 2 tokens a line (its break and its
    blanks)."""
    compact = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    lines = json.dumps(document, ensure_ascii=False, indent=4).count("\n") + 1
    return most_tokens(compact, form) + 2 * lines + 16


def chat_texts(request: dict[str, Any]) -> Iterator[str]:
    """Every text of the messages that may reach the model, in both wire forms. Media are not text."""
    if "system" in request:
        yield from content_texts(request["system"])
    for message in request.get("messages") or []:
        if not isinstance(message, dict):
            continue
        for member in ("role", "name", "tool_call_id", "reasoning_content", "reasoning", "refusal"):
            if isinstance(message.get(member), str):
                yield message[member]
        yield from content_texts(message.get("content"))
        for call in message.get("tool_calls") or []:
            yield json.dumps(call, ensure_ascii=False)


def content_texts(content: Any) -> Iterator[str]:
    """The texts of a content: a string, or a list of parts (OpenAI) or blocks (Anthropic)."""
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else []:
        yield from part_texts(part)


def part_texts(part: Any) -> Iterator[str]:
    """The texts of one part or block."""
    if not isinstance(part, dict):
        return
    kind = part.get("type")
    if kind in ("image_url", "image", "input_audio", "file", "document", "video_url", "video"):
        yield from (part[name] for name in ("title", "context") if isinstance(part.get(name), str))
        source = part.get("source")
        if isinstance(source, dict) and source.get("type") == "text":
            yield str(source.get("data", ""))
    elif kind == "tool_result":
        yield str(part.get("tool_use_id", ""))
        yield from content_texts(part.get("content"))
    elif kind == "tool_use":
        yield json.dumps({"id": part.get("id"), "name": part.get("name"), "input": part.get("input")}, ensure_ascii=False)
    else:
        yield from (value for name, value in part.items() if isinstance(value, str) and name != "type")


def tally_inputs(dialect: str, model: dict[str, Any], inputs: Any) -> Tally:
    """Embedding inputs or completion prompts: a text, texts, a list of token ids, or lists of token ids."""
    form = normalisation(dialect, model)
    items = inputs if isinstance(inputs, list) and not is_token_list(inputs) else [inputs]
    tokens, likely = 2 * len(items), len(items)
    for item in items:
        tokens += len(item) if isinstance(item, list) else most_tokens(str(item), form)
        likely += len(item) if isinstance(item, list) else likely_tokens(str(item), form)
    return Tally(tokens, likely, (text_source(form), "embeddings"))


def is_token_list(inputs: list[Any]) -> bool:
    """True for a list of token ids."""
    return bool(inputs) and all(isinstance(item, int) for item in inputs)
