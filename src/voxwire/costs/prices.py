"""Prices by model, and when they were looked up. It knows no usage."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import attrs

__all__ = ["PRICES", "PRICES_AS_OF", "Price", "price_of"]


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
