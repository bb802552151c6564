"""How many tokens something costs: simple rules whose sums come out right.

A token of text is a word or a sign; speech costs one token for each tenth of a second that the
model hears, and two for each that it speaks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any, Final, cast

import attrs
from voxwire_protocol import (
    CachedTokensDetails,
    InputTokenDetails,
    OutputTokenDetails,
    ResponseUsage,
)

__all__ = ["HEARD_MS", "SPOKEN_MS", "TokenCount", "pieces", "response_usage", "tokens_of"]

HEARD_MS: Final = 100
SPOKEN_MS: Final = 50
_IMAGE: Final = 85
_CACHED: Final = 64
"""The service caches in blocks of so many tokens."""

_PIECE: Final = re.compile(r"\s*(?:\w{1,16}|[^\w\s])|\s+")


def pieces(text: str) -> list[str]:
    """A text cut into what would be tokens; joined, they are the text."""
    return _PIECE.findall(text)


@attrs.frozen
class TokenCount:
    """Tokens by modality."""

    text: int = 0
    audio: int = 0
    image: int = 0

    @property
    def total(self) -> int:
        return self.text + self.audio + self.image

    def __add__(self, other: TokenCount) -> TokenCount:
        return TokenCount(
            self.text + other.text, self.audio + other.audio, self.image + other.image
        )


def tokens_of(items: Iterable[Mapping[str, Any]], audio_ms: Mapping[str, int]) -> TokenCount:
    """What items cost to read. ``audio_ms`` has the length of the speech in an item, by its id."""
    total = TokenCount()
    for item in items:
        text = image = 0
        for name in ("name", "arguments", "output"):
            if isinstance(value := item.get(name), str):
                text += len(pieces(value))
        speech = audio_ms.get(item.get("id", ""), 0)
        for part in cast("list[dict[str, Any]]", item.get("content") or []):
            text += len(pieces(part.get("text") or ""))
            image += _IMAGE if part.get("type") == "input_image" else 0
        each = HEARD_MS if item.get("role") == "user" else SPOKEN_MS
        total += TokenCount(text, ceil(speech / each), image)
    return total


def settings_tokens(instructions: str, tools: object) -> TokenCount:
    """What the standing instructions and tools cost to read."""
    described = len(pieces(json.dumps(tools))) if tools else 0
    return TokenCount(len(pieces(instructions)) + described)


def response_usage(read: TokenCount, known: TokenCount, written: TokenCount) -> ResponseUsage:
    """The usage of a response; ``known`` is what the one before it had read and written."""
    cached = min(known.total, read.total) // _CACHED * _CACHED
    cached_text = min(cached, read.text)
    cached_audio = min(cached - cached_text, read.audio)
    cached_image = cached - cached_text - cached_audio
    return ResponseUsage(
        total_tokens=read.total + written.total,
        input_tokens=read.total,
        output_tokens=written.total,
        input_token_details=InputTokenDetails(
            text_tokens=read.text,
            audio_tokens=read.audio,
            image_tokens=read.image,
            cached_tokens=cached,
            cached_tokens_details=CachedTokensDetails(
                text_tokens=cached_text, audio_tokens=cached_audio, image_tokens=cached_image
            ),
        ),
        output_token_details=OutputTokenDetails(
            text_tokens=written.text, audio_tokens=written.audio
        ),
    )
