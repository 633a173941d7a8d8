"""How many tokens a vendor counts for an image, by each vendor's public formula.

A rule is a function of width and height in pixels, the part's `detail`, and the limits of the request. `IMAGE_RULES`
names them; a model says its own by `model["image_rule"]`. Every rule also states its largest value, for an image of
unknown size. """

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Callable

Size = tuple[int, int]


@dataclass(frozen=True)
class ImageRule:
    """One vendor's formula.

    `count` takes width, height, detail and the limit of visual tokens that the request sets (0: none). `largest` is the
    most for any size. `length` is the share of the tokens that counts against the context window: 0 or 1. """

    count: Callable[[int, int, str, int], int]
    largest: int
    source: str
    length: int = 1


def tiles_openai(base: int, tile: int) -> Callable[[int, int, str, int], int]:
    """OpenAI's 512 px squares."""

    def count(width: int, height: int, detail: str, limit: int) -> int:
        if detail == "low":
            return base
        wide, high = Fraction(width), Fraction(height)
        longest = max(wide, high)
        if longest > 2048:
            wide, high = wide * 2048 / longest, high * 2048 / longest
        shortest = min(wide, high)
        if shortest > 768:
            wide, high = wide * 768 / shortest, high * 768 / shortest
        return base + tile * math.ceil(wide / 512) * math.ceil(high / 512)

    return count


def patches_openai(budget: int, edge: int, percent: int, unbounded: tuple[str, ...] = (), wide_budget: Size = (0, 0),
                   wide: tuple[str, ...] = ()) -> Callable[[int, int, str, int], int]:
    """OpenAI's 32 px patches times `percent` / 100. Details in `wide` have `wide_budget`, those in `unbounded` have
    none."""

    def count(width: int, height: int, detail: str, limit: int) -> int:
        if detail in unbounded:
            return math.ceil(Fraction(patches(width, height) * percent, 100))
        most, longest = wide_budget if detail in wide else (budget, edge)
        return math.ceil(Fraction(shrunk_patches(width, height, most, longest) * percent, 100))

    return count


def patches(width: float, height: float) -> int:
    """32 px patches that cover the image."""
    return math.ceil(width / 32) * math.ceil(height / 32)


def shrunk_patches(width: int, height: int, budget: int, edge: int) -> int:
    """Patches after the shrink of OpenAI's guide, steps A to C; `edge` 0 means no limit of the longest side."""
    scale = min(1.0, edge / max(width, height)) if edge else 1.0
    if patches(width * scale, height * scale) > budget:
        scale = min(scale, math.sqrt(32 * 32 * budget / (width * height)))
        whole = [math.floor(side * scale / 32) / (side * scale / 32) for side in (width, height) if side * scale >= 32]
        scale *= min(whole, default=1.0)
    # The guide's numbers are exact multiples of 32; a float must not make one patch more of them.
    return min(patches(round(width * scale, 6), round(height * scale, 6)), budget)


def patches_anthropic(edge: int, most: int) -> Callable[[int, int, str, int], int]:
    """Anthropic's 28 px patches after its resize, and 4 tokens of the block."""

    def count(width: int, height: int, detail: str, limit: int) -> int:
        wide, high = resize_anthropic(width, height, edge, most)
        return math.ceil(wide / 28) * math.ceil(high / 28) + 4

    return count


def resize_anthropic(width: int, height: int, edge: int, most: int) -> Size:
    """The largest size of the same shape that fits both limits (platform.claude.com, vision-coordinates)."""

    def fits(wide: int, high: int) -> bool:
        columns, rows = math.ceil(wide / 28), math.ceil(high / 28)
        return columns * 28 <= edge and rows * 28 <= edge and columns * rows <= most

    if fits(width, height):
        return width, height
    if height > width:
        high, wide = resize_anthropic(height, width, edge, most)
        return wide, high
    low, top = 1, width
    while low + 1 < top:
        middle = (low + top) // 2
        low, top = (middle, top) if fits(middle, max(round(middle * height / width), 1)) else (low, middle)
    return low, max(round(low * height / width), 1)


def pixels_anthropic(width: int, height: int, detail: str, limit: int) -> int:
    """Anthropic's formula of 2025: width x height / 750 after a resize to 1568 px and 1,600 tokens."""
    scale = min(1.0, 1568 / max(width, height))
    return min(1600, math.ceil(width * scale * height * scale / 750))


def tiles_gemini(width: int, height: int, detail: str, limit: int) -> int:
    """258 tokens a tile."""
    if width <= 384 and height <= 384:
        return 258
    scale = min(Fraction(1), Fraction(3072, max(width, height)))
    wide, high = width * scale, height * scale
    tile = min(768, max(256, math.floor(min(wide, high) / Fraction(3, 2))))
    return 258 * math.ceil(wide / tile) * math.ceil(high / tile)


def resolution_gemini(width: int, height: int, detail: str, limit: int) -> int:
    """Gemini 3: a fixed number for each resolution."""
    return {"low": 280, "medium": 560, "ultra_high": 2240}.get(detail, 1120)


def patches_qwen(factor: int, default: int) -> Callable[[int, int, str, int], int]:
    """Qwen's patches of `factor` px, at least 4 and at most `limit` or `default`, plus 2."""

    def count(width: int, height: int, detail: str, limit: int) -> int:
        most = min(limit or default, 16384)
        wide, high = max(1, round(width / factor)), max(1, round(height / factor))
        if wide * high > most:
            shrink = math.sqrt(width * height / (most * factor * factor))
            wide, high = (max(1, math.floor(side / shrink / factor)) for side in (width, height))
        elif wide * high < 4:
            grow = math.sqrt(4 * factor * factor / (width * height))
            wide, high = (math.ceil(side * grow / factor) for side in (width, height))
        # A strip keeps at least one patch a side and is cut by the vendor, never billed above the limit.
        return min(wide * high, most) + 2

    return count


def tiles_together(width: int, height: int, detail: str, limit: int) -> int:
    """1,601 tokens a tile, and what the page prints for 2 and 4 tiles."""
    return 1601 * (1 if width < 560 else 2) * (1 if height < 560 else 2)


def tiles_xai(width: int, height: int, detail: str, limit: int) -> int:
    """256 tokens for each 448 px tile and one more, at most 6 tiles."""
    return 256 * (min(6, math.ceil(width / 448) * math.ceil(height / 448)) + 1)


def patches_mistral(width: int, height: int, detail: str, limit: int) -> int:
    """28 px patches up to 1540 px and a token a row."""
    scale = min(1.0, 1540 / max(width, height))
    columns, rows = (max(1, math.ceil(round(side * scale, 6) / 28)) for side in (width, height))
    return rows * (columns + 1)


def constant(tokens: int) -> Callable[[int, int, str, int], int]:
    """The same number for every image."""
    return lambda width, height, detail, limit: tokens


# 2,048 patches cover 65,535 px, the longest side of a JPEG.
UNBOUNDED_PATCHES = math.ceil(Fraction(2048 * 2048 * 120, 100))
IMAGE_RULES = {
    "openai-tile": ImageRule(tiles_openai(85, 170), 85 + 8 * 170, "image-openai-tile"),
    "openai-tile-mini": ImageRule(tiles_openai(2833, 5667), 2833 + 8 * 5667, "image-openai-tile", length=0),
    "openai-tile-gpt-5": ImageRule(tiles_openai(70, 140), 70 + 8 * 140, "image-openai-tile"),
    "openai-tile-o": ImageRule(tiles_openai(75, 150), 75 + 8 * 150, "image-openai-tile"),
    "openai-patch-mini": ImageRule(patches_openai(1536, 0, 162), math.ceil(1536 * 1.62), "image-openai-patch"),
    "openai-patch-nano": ImageRule(patches_openai(1536, 0, 246), math.ceil(1536 * 2.46), "image-openai-patch"),
    "openai-patch-o4-mini": ImageRule(patches_openai(1536, 0, 172), math.ceil(1536 * 1.72), "image-openai-patch"),
    "openai-patch-5.4": ImageRule(patches_openai(2500, 2048, 120, wide_budget=(10000, 6000), wide=("original",)), 12000,
                                  "image-openai-original"),
    "openai-patch-5.5": ImageRule(patches_openai(2500, 2048, 120, wide_budget=(10000, 6000), wide=("original", "auto")), 12000,
                                  "image-openai-original"),
    "openai-patch-5.6": ImageRule(patches_openai(2500, 2048, 120, unbounded=("original", "auto")), UNBOUNDED_PATCHES,
                                  "image-openai-original"),
    "anthropic": ImageRule(patches_anthropic(1568, 1568), 1572, "image-anthropic"),
    "anthropic-high": ImageRule(patches_anthropic(2576, 4784), 4788, "image-anthropic"),
    "anthropic-750": ImageRule(pixels_anthropic, 1600, "image-anthropic-750"),
    "gemini": ImageRule(tiles_gemini, 24 * 258, "image-gemini"),
    "gemini-3": ImageRule(resolution_gemini, 2240, "image-gemini-3"),
    "qwen": ImageRule(patches_qwen(32, 2560), 16386, "image-qwen"),
    "qwen-2.5": ImageRule(patches_qwen(28, 1280), 16386, "image-qwen"),
    "together": ImageRule(tiles_together, 6404, "image-together"),
    "xai": ImageRule(tiles_xai, 1792, "image-xai"),
    "mistral": ImageRule(patches_mistral, 3080, "image-mistral"),
    "groq": ImageRule(constant(6400), 6400, "image-groq"),
    "local": ImageRule(constant(16384), 16384, "image-local"),
}


# Sources that stand beside the one of the formula.
BESIDE = {"image-openai-tile": ("image-openai-auto", "image-openai-mini-context"),
          "image-openai-patch": ("image-openai-low-patch",), "image-anthropic": ("image-anthropic-overhead",),
          "image-openai-original": ("image-openai-patch", "image-openai-low-patch"),
          "image-gemini": ("image-gemini-tile-size", "image-gemini-fit"), "image-qwen": ("image-qwen-default",)}


def image_most(rule_name: str, size: Size | None, detail: str, limit: int) -> tuple[int, str]:
    """The most tokens that an image may cost, and the source. `detail` is the part's own word, or `auto`."""
    rule = IMAGE_RULES[rule_name]
    if size is None:
        return bounded(rule_name, rule, detail, limit), "image-unknown-size"
    return max(rule.count(*size, served, limit) for served in served_details(rule_name, detail)), rule.source


def served_details(rule_name: str, detail: str) -> tuple[str, ...]:
    """The details that the vendor may serve for the one that was asked."""
    if rule_name.startswith("openai-patch") and detail == "low":
        return ("high",)
    if detail == "auto" and rule_name.startswith("openai"):
        return ("auto", "low", "high")
    if rule_name == "gemini-3":
        # The compatible endpoint does not say that it reads `detail`.
        return (detail, "auto")
    return (detail,)


def bounded(rule_name: str, rule: ImageRule, detail: str, limit: int) -> int:
    """The most for an image of unknown size, with the limits that the request itself sets."""
    if detail == "low" and rule_name.startswith("openai-tile"):
        return rule.count(1, 1, "low", 0)
    if rule_name == "gemini-3":
        return max(resolution_gemini(1, 1, served, 0) for served in served_details(rule_name, detail))
    if rule_name.startswith("openai-patch-5") and detail in ("low", "high"):
        return 3000
    if rule_name.startswith("qwen"):
        default = 2560 if rule_name == "qwen" else 1280
        return min(limit or default, 16384) + 2
    return rule.largest


def qwen_limit(request: dict[str, Any], part: dict[str, Any], rule_name: str) -> int:
    """Visual tokens that the request allows an image at Qwen; 0 means the default."""
    if request.get("vl_high_resolution_images") is True:
        return 16384
    pixels = part.get("max_pixels")
    factor = 32 if rule_name == "qwen" else 28
    return max(4, pixels // (factor * factor)) if isinstance(pixels, int) and pixels > 0 else 0
