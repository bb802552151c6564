"""What usage costs: prices as dated data, and a bill by kind of token with cached ones apart.

Prices change and are the caller's to override. A model that is not in the table has its tokens on
the bill without an amount, and the bill says so: it never guesses.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import attrs

from .conversation.usage import Tokens, Transcribed, Usage

__all__ = ["PRICES", "PRICES_AS_OF", "Cost", "Line", "Price", "SessionUsage"]

MILLION: Final = Decimal(1_000_000)


@attrs.frozen(kw_only=True)
class Price:
    """What a model costs, in US dollars: for each million tokens of a kind, or for each minute of
    audio. ``None`` is a kind that the model does not have, or whose price is not known."""

    text: Decimal | None = None
    text_cached: Decimal | None = None
    text_out: Decimal | None = None
    audio: Decimal | None = None
    audio_cached: Decimal | None = None
    audio_out: Decimal | None = None
    image: Decimal | None = None
    image_cached: Decimal | None = None
    minute: Decimal | None = None


def _price(**amounts: str) -> Price:
    return Price(**{kind: Decimal(amount) for kind, amount in amounts.items()})


_LARGE = {
    "text": "4", "text_cached": "0.4", "audio": "32", "audio_cached": "0.4", "audio_out": "64",
    "image": "5", "image_cached": "0.5",
}  # fmt: skip
_MINI = _price(
    text="0.6", text_cached="0.06", text_out="2.4", audio="10", audio_cached="0.3",
    audio_out="20", image="0.8", image_cached="0.08",
)  # fmt: skip

PRICES_AS_OF: Final = datetime.date(2026, 11, 1)
"""When :data:`PRICES` were looked up."""

PRICES: Final[Mapping[str, Price]] = {
    # Source: the page of each model in OpenAI's documentation.
    "gpt-realtime-2.1": _price(**_LARGE, text_out="24"),
    "gpt-realtime-2": _price(**_LARGE, text_out="24"),
    "gpt-realtime-1.5": _price(**_LARGE, text_out="16"),
    "gpt-realtime": _price(**_LARGE, text_out="16"),
    "gpt-realtime-2.1-mini": _MINI,
    "gpt-realtime-mini": _MINI,
    "gpt-live-transcribe": _price(minute="0.017"),
    "gpt-realtime-whisper": _price(minute="0.017"),
    "gpt-transcribe": _price(minute="0.0045"),
    "gpt-4o-transcribe": _price(audio="2.5", text_out="10"),
    "gpt-4o-mini-transcribe": _price(audio="1.25", text_out="5"),
}
"""Prices by model. A dated name has the price of the name without its date."""


@attrs.frozen(kw_only=True)
class Line:
    """One line of a bill."""

    what: str
    """Such as ``"audio input, cached"``."""

    quantity: float
    """Tokens, or minutes of audio."""

    unit: str
    """``"tokens"`` or ``"minutes"``."""

    amount: Decimal | None
    """In US dollars; ``None`` where no price is known."""


@attrs.frozen(kw_only=True)
class Cost:
    """A bill. ``str(cost)`` shows it as a table."""

    lines: tuple[Line, ...] = ()
    model: str | None = None
    transcription_model: str | None = None

    @property
    def total(self) -> Decimal:
        """The sum of what has a price, in US dollars: see :attr:`unpriced`."""
        return sum((line.amount for line in self.lines if line.amount is not None), Decimal(0))

    @property
    def unpriced(self) -> tuple[Line, ...]:
        """What was used and has no known price, and is not in :attr:`total`."""
        return tuple(line for line in self.lines if line.amount is None)

    def __str__(self) -> str:
        rows = [
            (line.what, f"{line.quantity:,.10g} {line.unit}", _dollars(line.amount))
            for line in self.lines
        ]
        rows.append(("total", "without what has no price" if self.unpriced else "", ""))
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        rows[-1] = (*rows[-1][:2], _dollars(self.total))
        return "\n".join(f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c}".rstrip() for a, b, c in rows)


def _dollars(amount: Decimal | None) -> str:
    return "no price known" if amount is None else f"${amount:.6f}"


@attrs.frozen(kw_only=True)
class SessionUsage:
    """What a session has used so far, and by which models."""

    usage: Usage
    model: str | None = None
    transcription_model: str | None = None

    @property
    def responses(self) -> int:
        """How many responses are counted, those outside the conversation among them."""
        return self.usage.responses

    @property
    def input(self) -> Tokens:
        """Tokens read, the cached ones among them."""
        return self.usage.input

    @property
    def cached(self) -> Tokens:
        """Of those, the ones that were read before and cost less."""
        return self.usage.cached

    @property
    def output(self) -> Tokens:
        """Tokens written."""
        return self.usage.output

    @property
    def transcription(self) -> Transcribed:
        """What writing down the user's speech has used: another model's work, billed apart."""
        return self.usage.transcription

    @property
    def total(self) -> int:
        """Tokens read and written by the responses."""
        return self.usage.total

    def cost(self, prices: Mapping[str, Price] | None = None) -> Cost:
        """The bill for it.

        Args:
            prices: prices of your own by model; a model that is not in it has the price of
                :data:`PRICES`.
        """
        table = {**PRICES, **(prices or {})}
        lines = _responses(self.usage, _of(table, self.model))
        lines += _transcription(self.transcription, _of(table, self.transcription_model))
        return Cost(
            lines=tuple(line for line in lines if line.quantity),
            model=self.model,
            transcription_model=self.transcription_model,
        )


def _of(table: Mapping[str, Price], model: str | None) -> Price:
    """The price of a model, or of what it is a dated edition of."""
    name = model or ""
    if name not in table and len(name) > 11 and name[-11] == "-" and name[-10:-6].isdigit():
        name = name[:-11]
    return table.get(name, Price())


def _responses(usage: Usage, price: Price) -> list[Line]:
    lines: list[Line] = []
    for kind in ("text", "audio", "image"):
        cached = getattr(usage.cached, kind)
        fresh = max(0, getattr(usage.input, kind) - cached)
        lines.append(_tokens(f"{kind} input", fresh, getattr(price, kind)))
        lines.append(_tokens(f"{kind} input, cached", cached, getattr(price, f"{kind}_cached")))
    lines.append(_tokens("input of unknown kind", _rest(usage.input), None))
    lines.append(_tokens("text output", usage.output.text, price.text_out))
    lines.append(_tokens("audio output", usage.output.audio, price.audio_out))
    lines.append(_tokens("output of unknown kind", _rest(usage.output), None))
    return lines


def _transcription(used: Transcribed, price: Price) -> list[Line]:
    minutes = Decimal(str(used.seconds)) / 60
    amount = None if price.minute is None else minutes * price.minute
    # Where tokens are counted and the price is by the minute, the minutes are on the bill already.
    return [
        Line(what="transcription", quantity=float(minutes), unit="minutes", amount=amount),
        _tokens("transcription, audio input", used.input.audio, price.audio),
        _tokens("transcription, other input", used.input.total - used.input.audio, price.text),
        _tokens("transcription, output", used.output.total, price.text_out),
    ]


def _rest(tokens: Tokens) -> int:
    return max(0, tokens.total - tokens.text - tokens.audio - tokens.image)


def _tokens(what: str, count: int, price: Decimal | None) -> Line:
    amount = None if price is None else price * count / MILLION
    return Line(what=what, quantity=count, unit="tokens", amount=amount)
