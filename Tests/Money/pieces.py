"""Pieces of a stream: text and the tokens that a tokenizer may count for it.

One token may be as long as 40 bytes and as short as one. No piece has more tokens than bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Piece:
    """Text of one stream event and its tokens."""

    text: str
    tokens: int

    def __post_init__(self) -> None:
        assert 1 <= self.tokens <= len(self.text.encode("utf-8")), self


WORDS = (" the", " of", " token", " gateway", "ing", ".", ",", " and", "\n\n", " a", "tion", "  ", " 2026", "fn", "();")
# Single tokens of real vocabularies that are long.
LONG = ("=" * 40, "-" * 40, " " * 36, " responsibilities", " internationalization", "/" * 32)
SHORT = ("a", "7", "x", "\n", "|", "é"[0:1])
# Text for which a tokenizer falls back to bytes: as many tokens as bytes, or nearly.
RARE = (("🧬", 4), ("👩‍👩‍👧‍👦", 22), ("𠜎", 4), ("ᚠᛇᚻ", 9), ("ꙮ", 3), ("\u202e", 3), ("ﷺ", 3), ("न्", 5))
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def one_piece(most: int, random: Random) -> Piece:
    """A piece of at most `most` tokens, `most` at least 1."""
    draw = random.random()
    if draw < 0.55:
        return Piece(random.choice(WORDS), 1)
    if draw < 0.65:
        return Piece(random.choice(LONG), 1)
    if draw < 0.75:
        return Piece(random.choice(SHORT), 1)
    if draw < 0.88:
        text, tokens = random.choice(RARE)
        return Piece(text, min(most, random.randint(1, tokens)))
    return blob(min(most, random.randint(4, 24)), random)


def blob(tokens: int, random: Random) -> Piece:
    """Base64 of `tokens` tokens, 1 to 3 bytes each."""
    return Piece("".join(random.choices(BASE64, k=tokens * random.randint(1, 3))), tokens)


def text_pieces(most: int, count: int, random: Random) -> tuple[Piece, ...]:
    """Up to `count` pieces of together at most `most` tokens."""
    pieces: list[Piece] = []
    for _ in range(count):
        if most < 1:
            break
        pieces.append(one_piece(most, random))
        most -= pieces[-1].tokens
    return tuple(pieces)


def filling_pieces(tokens: int, count: int, random: Random) -> tuple[Piece, ...]:
    """Pieces of together exactly `tokens` tokens, at most `count` of them."""
    size = max(1, -(-tokens // max(1, count)))
    pieces = []
    while tokens > 0:
        pieces.append(blob(min(size, tokens), random))
        tokens -= pieces[-1].tokens
    return tuple(pieces)


def argument_pieces(most: int, count: int, random: Random) -> tuple[Piece, ...]:
    """Arguments of a function call, a JSON object, in at most `count` pieces or one; `most` is at least 8."""
    inner = [blob(random.randint(1, 8), random) for _ in range(random.randint(0, max(0, min(count - 2, 10))))]
    while sum(piece.tokens for piece in inner) > most - 4:
        inner.pop()
    if count < 3:
        return (Piece("{\"input\":\"x\"}", 4),)
    return (Piece("{\"input\":\"", 3), *inner, Piece("\"}", 1))
