"""Images, PDFs, audio and video in a request: finding them, reading their size, and the tokens they may cost.

`media_of` finds the media of both wire forms. `media_most` prices one of them. Nothing is fetched: a URL has no size.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from dataclasses import dataclass
from typing import Any, Iterator

from rules_images import BESIDE, IMAGE_RULES, Size, image_most, qwen_limit

OPENAI_FAMILY = {"openai", "azure", "azure-deployments"}


@dataclass(frozen=True)
class Medium:
    """One medium of a request. `data` is empty for a URL or a file id."""

    kind: str  # image, pdf, audio, video
    data: bytes = b""
    detail: str = "auto"
    form: str = ""  # wav, mp3
    part: Any = None


@dataclass(frozen=True)
class Cost:
    """Input tokens of one medium, at most. `fills` means that only the context window bounds it."""

    tokens: int
    length: int  # tokens that count against the context window
    fills: bool
    sources: tuple[str, ...]
    audio: bool = False


def media_of(request: dict[str, Any]) -> Iterator[Medium]:
    """Every medium of the messages, tool results included."""
    contents = [request.get("system")] if isinstance(request.get("system"), list) else []
    contents += [message.get("content") for message in request.get("messages") or [] if isinstance(message, dict)]
    for content in contents:
        yield from content_media(content)


def content_media(content: Any) -> Iterator[Medium]:
    """The media of one content list."""
    for part in content if isinstance(content, list) else []:
        if not isinstance(part, dict):
            continue
        if part.get("type") == "tool_result":
            yield from content_media(part.get("content"))
        else:
            medium = part_medium(part)
            if medium is not None:
                yield medium


def part_medium(part: dict[str, Any]) -> Medium | None:
    """The medium of one part (OpenAI) or block (Anthropic)."""
    kind = part.get("type")
    if kind == "image_url":
        image = part.get("image_url")
        url, detail = (image.get("url", ""), image.get("detail") or "auto") if isinstance(image, dict) else (image, "auto")
        return Medium("image", data_uri(url), str(detail), part=part)
    if kind in ("image", "document"):
        source = part.get("source") if isinstance(part.get("source"), dict) else {}
        if source.get("type") == "text":
            return None
        return Medium("image" if kind == "image" else "pdf", decoded(source.get("data", "")), part=part)
    if kind == "input_audio":
        audio = part.get("input_audio") if isinstance(part.get("input_audio"), dict) else {}
        return Medium("audio", decoded(audio.get("data", "")), form=str(audio.get("format", "")), part=part)
    if kind == "file":
        file = part.get("file") if isinstance(part.get("file"), dict) else {}
        return Medium("pdf", data_uri(file.get("file_data", "")) or decoded(file.get("file_data", "")), part=part)
    if kind in ("video_url", "video"):
        return Medium("video", part=part)
    return None


def data_uri(url: Any) -> bytes:
    """The bytes of a base64 data URI; empty for anything else."""
    if not isinstance(url, str) or not url.startswith("data:") or ";base64," not in url[:128]:
        return b""
    return decoded(url.split(";base64,", 1)[1])


def decoded(text: Any) -> bytes:
    """Bytes of base64 text; empty if the text is not base64."""
    try:
        return base64.b64decode(str(text), validate=False)
    except (binascii.Error, ValueError):
        return b""


def image_size(data: bytes) -> Size | None:
    """Width and height in pixels from the head of a PNG, GIF, WebP or JPEG; None if they cannot be read."""
    size = None
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        size = struct.unpack(">II", data[16:24])
    elif data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        size = struct.unpack("<HH", data[6:10])
    elif data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and len(data) >= 30:
        size = tuple(1 + int.from_bytes(data[at:at + 3], "little") for at in (24, 27))
    elif data[:2] == b"\xff\xd8":
        size = jpeg_size(data)
    return size if size and all(0 < side <= 65535 for side in size) else None


def jpeg_size(data: bytes) -> Size | None:
    """Size from the first start-of-frame marker."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5:at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2:at + 4], "big")
    return None


def pdf_pages(data: bytes) -> int:
    """Pages of a PDF that keeps its page objects in the open; at least 1."""
    return max(1, len(re.findall(rb"/Type\s*/Page(?![a-zA-Z])", data)))


def audio_seconds(medium: Medium) -> float:
    """Length in seconds, at most. WAV: data bytes by the byte rate of the header. Other formats: 8 kbit a second."""
    data = medium.data
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE" and len(data) >= 44:
        rate = struct.unpack("<I", data[28:32])[0]
        return max(0, len(data) - 44) / max(1, rate)
    return len(data) / 1000


def media_most(dialect: str, model: dict[str, Any], request: dict[str, Any], medium: Medium) -> Cost:
    """The most that one medium may cost in input tokens."""
    if medium.kind == "image":
        return image_cost(model, request, medium)
    if medium.kind == "pdf":
        return pdf_cost(dialect, model, medium)
    if medium.kind == "audio":
        return audio_cost(dialect, model, medium)
    seconds = medium.part.get("seconds") if isinstance(medium.part, dict) else None
    if dialect == "gemini-compat" and isinstance(seconds, int):
        return Cost(295 * seconds, 295 * seconds, False, ("video-gemini",))
    return Cost(0, 0, True, ("video-other",))


def image_cost(model: dict[str, Any], request: dict[str, Any], medium: Medium) -> Cost:
    """An image by the model's rule."""
    name = model.get("image_rule")
    if name is None:
        return Cost(0, 0, False, ())
    part = medium.part if isinstance(medium.part, dict) else {}
    tokens, source = image_most(name, image_size(medium.data), medium.detail, qwen_limit(request, part, name))
    rule = IMAGE_RULES[name]
    return Cost(tokens, tokens * rule.length, False, (source, rule.source, *BESIDE.get(rule.source, ())))


def pdf_cost(dialect: str, model: dict[str, Any], medium: Medium) -> Cost:
    """A PDF by its pages where the vendor prices pages, else the whole context window."""
    if dialect == "gemini-compat" and medium.data:
        a_page = 1120 if model.get("image_rule") == "gemini-3" else 258
        tokens = a_page * pdf_pages(medium.data)
        return Cost(tokens, tokens, False, ("pdf-gemini",))
    source = "pdf-anthropic" if dialect == "anthropic" else "pdf-openai" if dialect in OPENAI_FAMILY else "pdf-other"
    return Cost(0, 0, True, (source,))


def audio_cost(dialect: str, model: dict[str, Any], medium: Medium) -> Cost:
    """Audio by the second."""
    if not medium.data:
        return Cost(0, 0, True, ("audio-length",), audio=True)
    a_second = 10 if dialect in OPENAI_FAMILY else 32
    tokens = math.ceil(audio_seconds(medium) * a_second) + 4
    source = "audio-openai" if a_second == 10 else "audio-gemini"
    return Cost(tokens, tokens, False, (source, "audio-length"), audio=True)


GENERATED = {"low": (272, 408, 400), "medium": (1056, 1584, 1568), "high": (4160, 6240, 6208)}
SIZES = ("1024x1024", "1024x1536", "1536x1024")


def generated_most(model: dict[str, Any], request: dict[str, Any]) -> tuple[int, int, tuple[str, ...]]:
    """Output tokens and nano-USD of fees for generated images, at most: (tokens, fee, sources).

    `model["per_image"]` maps `quality/size` to nano-USD an image; with it no tokens are counted.
    """
    n = request.get("n") if isinstance(request.get("n"), int) else 1
    quality, size = request.get("quality"), request.get("size")
    if model.get("per_image"):
        fitting = [price for name, price in model["per_image"].items()
                   if name.split("/")[0] == quality or quality in (None, "auto")]
        fitting = [model["per_image"][f"{quality}/{size}"]] if f"{quality}/{size}" in model["per_image"] else fitting
        return 0, n * max(fitting or model["per_image"].values()), ("images-per-image",)
    qualities = [quality] if quality in GENERATED else list(GENERATED)
    columns = [SIZES.index(size)] if size in SIZES else [0, 1, 2]
    tokens = max(GENERATED[one][column] for one in qualities for column in columns)
    partial = request.get("partial_images") if isinstance(request.get("partial_images"), int) else 0
    return n * (tokens + 100 * partial), 0, ("images-openai-tokens", "images-openai-partial")
