"""Prices by model, and when they were looked up. It knows no usage."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import attrs

from .usage import Tokens, Transcribed, Usage, UsageRecord

__all__ = [
    "PRICES",
    "PRICES_AS_OF",
    "Cost",
    "CostLine",
    "Entry",
    "Price",
    "SessionUsage",
    "lines_of",
    "price_of",
]


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
_MINI_PREVIEW = _price(
    text="0.6", text_cached="0.3", text_out="2.4", audio="10", audio_cached="0.3", audio_out="20"
)

PRICES_AS_OF: Final = datetime.date(2026, 11, 21)
"""When :data:`PRICES` were looked up."""

PRICES: Final[Mapping[str, Price]] = {
    # Source: the page of each model in OpenAI's documentation.
    "gpt-realtime-2.1": _price(**_LARGE, text_out="24"),
    "gpt-realtime-2": _price(**_LARGE, text_out="24"),
    "gpt-realtime-1.5": _price(**_LARGE, text_out="16"),
    "gpt-realtime": _price(**_LARGE, text_out="16"),
    "gpt-realtime-2.1-mini": _MINI,
    "gpt-realtime-mini": _MINI,
    "gpt-4o-mini-realtime-preview": _MINI_PREVIEW,
    "gpt-realtime-translate": _price(minute="0.034"),
    "gpt-live-transcribe": _price(minute="0.017"),
    "gpt-realtime-whisper": _price(minute="0.017"),
    "gpt-transcribe": _price(minute="0.0045"),
    "whisper-1": _price(minute="0.006"),
    "gpt-4o-transcribe": _price(audio="2.5", text_out="10"),
    "gpt-4o-mini-transcribe": _price(audio="1.25", text_out="5"),
}
"""Prices by model. A dated name has the price of the name without its date."""


def price_of(model: str | None, own: Mapping[str, Price] | None = None) -> Price:
    """The price of a model, or of what it is a dated edition of; one without amounts where it is
    not known. What is in `own` goes before what comes with the library."""
    name = model or ""
    table = {**PRICES, **(own or {})}
    if name not in table and len(name) > 11 and name[-11] == "-" and name[-10:-6].isdigit():
        name = name[:-11]
    return table.get(name, Price())


MILLION: Final = Decimal(1_000_000)


@attrs.frozen(kw_only=True)
class CostLine:
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

    lines: tuple[CostLine, ...] = ()
    model: str | None = None
    """Of the responses, where all had the same."""
    transcription_model: str | None = None
    """Of the transcriptions, where all had the same."""

    @property
    def total(self) -> Decimal:
        """The sum of what has a price, in US dollars: see :attr:`unpriced`."""
        return sum((line.amount for line in self.lines if line.amount is not None), Decimal(0))

    @property
    def unpriced(self) -> tuple[CostLine, ...]:
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
                f"{_amount(line.quantity)} {line.unit}",
                _dollars(line.amount),
            )
            for line in self.lines
        ]
        rows.append(("total", "without what has no price" if self.unpriced else "", ""))
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        rows[-1] = (*rows[-1][:2], _dollars(self.total))
        return "\n".join(f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c}".rstrip() for a, b, c in rows)


def _amount(quantity: float) -> str:
    """Tokens are whole; minutes have four digits behind the point, or what is left of them."""
    shown = f"{quantity:,.4f}".rstrip("0").rstrip(".")
    return shown if float(shown.replace(",", "")) or not quantity else f"{quantity:.1g}"


def _dollars(amount: Decimal | None) -> str:
    return "no price known" if amount is None else f"${amount:.6f}"


def lines_of(usage: Usage, price: Price, model: str | None) -> list[CostLine]:
    """The lines for what one model has used; none for what it has not."""
    lines = [
        *_responses(usage, price),
        *_transcription(usage.transcription, price),
        _minutes("translation", usage.translated, price),
    ]
    return [attrs.evolve(line, model=model) for line in lines if line.quantity]


def _responses(usage: Usage, price: Price) -> list[CostLine]:
    lines: list[CostLine] = []
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


def _transcription(used: Transcribed, price: Price) -> list[CostLine]:
    # A server tells the length or the tokens of each transcription, as its model is billed.
    return [
        _minutes("transcription", used.seconds, price),
        _tokens("transcription, audio input", used.input.audio, price.audio),
        _tokens("transcription, other input", used.input.total - used.input.audio, price.text),
        _tokens("transcription, output", used.output.total, price.text_out),
    ]


def _minutes(what: str, seconds: float, price: Price) -> CostLine:
    minutes = Decimal(str(seconds)) / 60
    amount = None if price.minute is None else minutes * price.minute
    return CostLine(what=what, quantity=float(minutes), unit="minutes", amount=amount)


def _rest(tokens: Tokens) -> int:
    return max(0, tokens.total - tokens.text - tokens.audio - tokens.image)


def _tokens(what: str, count: int, price: Decimal | None) -> CostLine:
    amount = None if price is None else price * count / MILLION
    return CostLine(what=what, quantity=count, unit="tokens", amount=amount)


@attrs.frozen(kw_only=True)
class Entry(UsageRecord):
    """One response, one transcription, or what was translated."""

    @property
    def input(self) -> Tokens:
        """Tokens read, the cached ones among them."""
        read = self.usage.input
        return self.usage.transcription.input if self.kind == "transcription" else read

    @property
    def output(self) -> Tokens:
        """Tokens written."""
        written = self.usage.output
        return self.usage.transcription.output if self.kind == "transcription" else written

    def cost(self, prices: Mapping[str, Price] | None = None) -> Cost:
        """The bill for this one alone; see :meth:`SessionUsage.cost`."""
        return _bill([self], prices)

    def to_dict(self, prices: Mapping[str, Price] | None = None) -> dict[str, Any]:
        """All of it as JSON values, for a log."""
        about = {"kind": self.kind, "id": self.id, "model": self.model, "status": self.status}
        return about | _counts(self.usage) | {"cost": self.cost(prices).to_dict()}


@attrs.frozen(kw_only=True)
class SessionUsage:
    """What a session has used so far, and by which models.

    Usages add up, also those of several sessions: ``sum(usages)`` is the usage of all of them, and
    ``sum(usages).cost()`` one bill.
    """

    usage: Usage
    model: str | None = None
    transcription_model: str | None = None
    entries: tuple[Entry, ...] = ()
    """What it is made of, in the order in which it came: each response and transcription, and what
    was translated, with the model that did it at that time."""

    @classmethod
    def of(
        cls,
        usage: Usage,
        spent: Iterable[UsageRecord],
        *,
        model: str | None = None,
        transcription_model: str | None = None,
    ) -> SessionUsage:
        """The usage that consists of `spent`. The models are those of entries that name none."""
        entries = [
            Entry(
                kind=one.kind,
                id=one.id,
                model=one.model or (transcription_model if one.kind == "transcription" else model),
                status=one.status,
                usage=one.usage,
            )
            for one in spent
        ]
        return cls(
            usage=usage,
            model=model,
            transcription_model=transcription_model,
            entries=tuple(entries),
        )

    @property
    def responses(self) -> int:
        """How many responses are counted, those outside the conversation among them."""
        return self.usage.responses

    @property
    def by_response(self) -> tuple[Entry, ...]:
        """The responses among :attr:`entries`, each with its id, model, tokens and cost."""
        return tuple(entry for entry in self.entries if entry.kind == "response")

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
    def translated(self) -> float:
        """Seconds of sound that were sent to be translated, the silence in between too."""
        return self.usage.translated

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
        bill = _bill(self._entries(), prices)
        return attrs.evolve(bill, model=self.model, transcription_model=self.transcription_model)

    def to_dict(self, prices: Mapping[str, Price] | None = None) -> dict[str, Any]:
        """All of it as JSON values, for a log: counts, the bill, and the same of each entry."""
        return {
            "model": self.model,
            "transcription_model": self.transcription_model,
            **_counts(self.usage),
            "cost": self.cost(prices).to_dict(),
            "entries": [entry.to_dict(prices) for entry in self.entries],
        }

    def __add__(self, other: SessionUsage) -> SessionUsage:
        if not isinstance(other, SessionUsage):
            return NotImplemented
        transcribers = {self.transcription_model, other.transcription_model}
        return SessionUsage(
            usage=self.usage + other.usage,
            model=self.model if self.model == other.model else None,
            transcription_model=transcribers.pop() if len(transcribers) == 1 else None,
            entries=(*self._entries(), *other._entries()),
        )

    def __radd__(self, other: object) -> SessionUsage:
        return self if other == 0 else NotImplemented  # what sum() begins with

    def _entries(self) -> tuple[Entry, ...]:
        """The entries, or one of each kind where only sums were given."""
        if self.entries:
            return self.entries
        heard = Usage(transcription=self.transcription)
        rest = attrs.evolve(self.usage, transcription=Transcribed())
        return (
            Entry(kind="response", model=self.model, usage=rest),
            Entry(kind="transcription", model=self.transcription_model, usage=heard),
        )


def _bill(entries: Iterable[Entry], prices: Mapping[str, Price] | None) -> Cost:
    sums: dict[tuple[str, str | None], Usage] = {}
    for entry in entries:
        key = (entry.kind, entry.model)
        sums[key] = sums.get(key, Usage()) + entry.usage
    # Responses first, then what was written down of the user, then what was translated.
    parts = sorted(sums.items(), key=lambda part: part[0][0])
    lines = [
        line
        for (_, model), usage in parts
        for line in lines_of(usage, price_of(model, prices), model)
    ]
    return Cost(
        lines=tuple(lines),
        model=_one(sums, "response"),
        transcription_model=_one(sums, "transcription"),
    )


def _one(keys: Iterable[tuple[str, str | None]], kind: str) -> str | None:
    models = {model for each, model in keys if each == kind}
    return models.pop() if len(models) == 1 else None


def _counts(usage: Usage) -> dict[str, Any]:
    heard = usage.transcription
    return {
        "responses": usage.responses,
        "input": attrs.asdict(usage.input),
        "cached": attrs.asdict(usage.cached),
        "output": attrs.asdict(usage.output),
        "reasoning": usage.reasoning,
        "transcription": {
            "count": heard.count,
            "seconds": heard.seconds,
            "input": attrs.asdict(heard.input),
            "output": attrs.asdict(heard.output),
        },
        "translated_seconds": usage.translated,
    }
