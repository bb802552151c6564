"""A bill: what was used, by kind of token or by the minute, and what each of it costs.

It knows how usage and a price make amounts. It does not know what used them.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any, Final

import attrs

from ..conversation.usage import Tokens, Transcribed, Usage
from .prices import Price

__all__ = ["Cost", "Line", "lines_of"]

MILLION: Final = Decimal(1_000_000)


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

    model: str | None = None
    """Whose work it was, as the server named it."""


@attrs.frozen(kw_only=True)
class Cost:
    """A bill. ``str(cost)`` shows it as a table."""

    lines: tuple[Line, ...] = ()
    model: str | None = None
    """Of the responses, where all had the same."""
    transcription_model: str | None = None
    """Of the transcriptions, where all had the same."""

    @property
    def total(self) -> Decimal:
        """The sum of what has a price, in US dollars: see :attr:`unpriced`."""
        return sum((line.amount for line in self.lines if line.amount is not None), Decimal(0))

    @property
    def unpriced(self) -> tuple[Line, ...]:
        """What was used and has no known price, and is not in :attr:`total`."""
        return tuple(line for line in self.lines if line.amount is None)

    def to_dict(self) -> dict[str, Any]:
        """The bill as JSON values. Amounts are numbers, for charts; :attr:`total` is exact."""
        return {
            "total": float(self.total),
            "currency": "USD",
            "complete": not self.unpriced,
            "lines": [
                {
                    "what": line.what,
                    "model": line.model,
                    "quantity": line.quantity,
                    "unit": line.unit,
                    "amount": None if line.amount is None else float(line.amount),
                }
                for line in self.lines
            ],
        }

    def __str__(self) -> str:
        often = Counter(line.what for line in self.lines)
        several = max(often.values(), default=0) > 1
        rows = [
            (
                f"{line.model or 'model not told'}: {line.what}" if several else line.what,
                f"{line.quantity:,.10g} {line.unit}",
                _dollars(line.amount),
            )
            for line in self.lines
        ]
        rows.append(("total", "without what has no price" if self.unpriced else "", ""))
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        rows[-1] = (*rows[-1][:2], _dollars(self.total))
        return "\n".join(f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c}".rstrip() for a, b, c in rows)


def _dollars(amount: Decimal | None) -> str:
    return "no price known" if amount is None else f"${amount:.6f}"


def lines_of(usage: Usage, price: Price, model: str | None) -> list[Line]:
    """The lines for what one model has used; none for what it has not."""
    lines = [
        *_responses(usage, price),
        *_transcription(usage.transcription, price),
        _minutes("translation", usage.translated, price),
    ]
    return [attrs.evolve(line, model=model) for line in lines if line.quantity]


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
    # A server tells the length or the tokens of each transcription, as its model is billed.
    return [
        _minutes("transcription", used.seconds, price),
        _tokens("transcription, audio input", used.input.audio, price.audio),
        _tokens("transcription, other input", used.input.total - used.input.audio, price.text),
        _tokens("transcription, output", used.output.total, price.text_out),
    ]


def _minutes(what: str, seconds: float, price: Price) -> Line:
    minutes = Decimal(str(seconds)) / 60
    amount = None if price.minute is None else minutes * price.minute
    return Line(what=what, quantity=float(minutes), unit="minutes", amount=amount)


def _rest(tokens: Tokens) -> int:
    return max(0, tokens.total - tokens.text - tokens.audio - tokens.image)


def _tokens(what: str, count: int, price: Decimal | None) -> Line:
    amount = None if price is None else price * count / MILLION
    return Line(what=what, quantity=count, unit="tokens", amount=amount)
