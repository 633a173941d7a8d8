"""Texts, images, documents and sounds for `cases.py`: ordinary ones and ones that cost more than they look."""

from __future__ import annotations

import base64
import struct
import zlib
from functools import lru_cache
from random import Random

SENTENCE = "The quick brown fox jumps over the lazy dog and keeps a ledger of every hop. "
# Strings that tokenise badly: as many tokens as bytes, or more bytes after normalisation than before.
HOSTILE = ("ﷺ", "𝅘𝅥𝅮", "क़", "👩‍👩‍👧‍👦", "🧬", "ᚠᛇᚻ", "𠜎", "\u0344", "שּׁ", "\u202e", "ꙮ", "0123456789", "é", "\u200b", "<|im_start|>")


def text(random: Random, length: int) -> str:
    """Text of about `length` characters, of a kind that is drawn."""
    kind = random.choice(("prose", "prose", "prose", "code", "base64", "hostile", "digits", "chinese"))
    if kind == "hostile":
        return (random.choice(HOSTILE) * length)[:length]
    if kind == "base64":
        return base64.b64encode(random.randbytes(length * 3 // 4)).decode()
    if kind == "digits":
        return "".join(random.choices("0123456789", k=length))
    if kind == "chinese":
        return ("网关在发送之前保留一笔款项。" * (length // 14 + 1))[:length]
    unit = SENTENCE if kind == "prose" else "    if (units[i] != null) { return {\"a\": [1, 2, 3]}; }\n"
    return (unit * (length // len(unit) + 1))[:length]


@lru_cache(maxsize=64)
def png(width: int, height: int) -> str:
    """A black PNG of one bit a pixel as a data URI. 8000 x 8000 px are about 8 KB."""
    row = bytes(1 + (width + 7) // 8)
    packer = zlib.compressobj(6)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode()


def chunk(name: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


SIZES = ((1, 1), (33, 65), (384, 384), (512, 512), (1024, 1024), (1092, 1092), (1920, 1080), (2000, 1500), (3840, 2160),
         (2048, 4096), (300, 8000), (8000, 8000), (1, 8000))


def image(random: Random) -> dict:
    """One image part: data or a URL, with each detail."""
    url = png(*random.choice(SIZES)) if random.random() < 0.85 else "https://images.example/photo.jpg"
    part = {"type": "image_url", "image_url": {"url": url}}
    detail = random.choice((None, "auto", "low", "high", "high", "original"))
    if detail is not None:
        part["image_url"]["detail"] = detail
    return part


@lru_cache(maxsize=16)
def pdf(pages: int) -> str:
    """A PDF of `pages` pages with one packed text each, as a data URI."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>",
               b"<</Type/Pages/Count %d/Kids[%s]>>" % (pages, b" ".join(b"%d 0 R" % (4 + 2 * i) for i in range(pages))),
               b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    for number in range(pages):
        stream = zlib.compress(b"BT /F1 12 Tf 72 720 Td (Page %d. %s) Tj ET" % (number + 1, SENTENCE.encode() * 20))
        objects.append(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</Font<</F1 3 0 R>>>>>>"
                       % (5 + 2 * number))
        objects.append(b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(stream), stream))
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    rows = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    body += b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1, rows, len(objects) + 1, len(body))
    return "data:application/pdf;base64," + base64.b64encode(body).decode()


@lru_cache(maxsize=16)
def wav(seconds: int, rate: int = 8000) -> str:
    """Silence as base64 of a WAV, one byte a sample."""
    samples = bytes([128]) * (seconds * rate)
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, rate, rate, 1, 8,
                       b"data", len(samples))
    return base64.b64encode(head + samples).decode()
