"""What responses, transcriptions and translations have used, one by one and in all.

It knows the counts that servers give; it does not know prices.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs
from voxwire_protocol import ResponseDone

from ..protocol.codec import extras
from .item_state import number, peek

__all__ = ["Tokens", "Transcribed", "Usage", "UsageRecord", "of_response", "of_transcription"]


@attrs.frozen(kw_only=True)
class Tokens:
    """A number of tokens, and how it divides by kind. A server may tell the sum only."""

    total: int = 0
    """All of them; where the server does not divide them, the rest are 0."""
    text: int = 0
    """Those of text."""
    audio: int = 0
    """Those of sound."""
    image: int = 0
    """Those of images, which are only read."""

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            total=self.total + other.total,
            text=self.text + other.text,
            audio=self.audio + other.audio,
            image=self.image + other.image,
        )


@attrs.frozen(kw_only=True)
class Transcribed:
    """What writing down the user's speech has used. It is another model's work and billed apart,
    by tokens or by the length of the audio."""

    count: int = 0
    """How many pieces of audio were transcribed."""

    seconds: float = 0.0
    """How long they were, from models that are billed by time."""
    input: Tokens = Tokens()
    """Tokens read, from models that are billed by them."""
    output: Tokens = Tokens()
    """Tokens written."""

    def __add__(self, other: Transcribed) -> Transcribed:
        return Transcribed(
            count=self.count + other.count,
            seconds=self.seconds + other.seconds,
            input=self.input + other.input,
            output=self.output + other.output,
        )


@attrs.frozen(kw_only=True)
class Usage:
    """What a conversation has used. ``usage + usage`` adds up."""

    responses: int = 0
    """How many responses are counted, those outside the conversation among them."""

    input: Tokens = Tokens()
    """Tokens read, the cached ones among them."""

    cached: Tokens = Tokens()
    """Of those, the ones that were read before and cost less."""

    output: Tokens = Tokens()
    """Tokens written."""

    reasoning: int = 0
    """Of those, the ones that went into thinking."""

    transcription: Transcribed = Transcribed()

    translated: float = 0.0
    """Seconds of sound that were sent to be translated, the silence in between too. Servers do not
    tell of it, so it is counted here."""

    @property
    def total(self) -> int:
        """Tokens read and written by the responses."""
        return self.input.total + self.output.total

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            responses=self.responses + other.responses,
            input=self.input + other.input,
            cached=self.cached + other.cached,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
            transcription=self.transcription + other.transcription,
            translated=self.translated + other.translated,
        )


@attrs.frozen(kw_only=True)
class UsageRecord:
    """One thing that used something, and by which model."""

    kind: Literal["response", "transcription", "translation"]

    id: str | None = None
    """Of the response, or of the item that was transcribed."""

    model: str | None = None
    """The model at that time, as the server named it."""

    status: str | None = None
    """How a response ended."""

    usage: Usage = Usage()


def of_response(event: ResponseDone) -> Usage:
    """What the response that is done has used."""
    usage = peek(event.response, "usage")
    if peek(usage, "input_tokens") is None and peek(usage, "output_tokens") is None:
        usage = extras(event).get("/usage")  # xAI gives the figures beside the response
    read, written = peek(usage, "input_token_details"), peek(usage, "output_token_details")
    return Usage(
        responses=1,
        input=_tokens(peek(usage, "input_tokens"), read),
        cached=_tokens(peek(read, "cached_tokens"), peek(read, "cached_tokens_details")),
        output=_tokens(peek(usage, "output_tokens"), written),
        reasoning=number(peek(written, "reasoning_tokens")),
    )


def of_transcription(usage: object) -> Usage:
    """What one transcription has used, as its event tells; some servers do not."""
    seconds = peek(usage, "seconds")
    return Usage(
        transcription=Transcribed(
            count=1,
            seconds=seconds if type(seconds) in (int, float) and 0 <= seconds < 1e9 else 0.0,
            input=_tokens(peek(usage, "input_tokens"), peek(usage, "input_token_details")),
            output=Tokens(total=number(peek(usage, "output_tokens"))),
        )
    )


def _tokens(total: Any, details: object) -> Tokens:
    return Tokens(
        total=number(total),
        text=number(peek(details, "text_tokens")),
        audio=number(peek(details, "audio_tokens")),
        image=number(peek(details, "image_tokens")),
    )
