"""What a session has used, entry by entry: the ledger that a bill is made from.

It knows which model did what. What that costs, the bill and the prices know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from ..conversation.usage import Spent, Tokens, Transcribed, Usage
from .bill import Cost, lines_of
from .prices import Price, price_of

__all__ = ["Entry", "SessionUsage"]


@attrs.frozen(kw_only=True)
class Entry(Spent):
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
        spent: Iterable[Spent],
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
