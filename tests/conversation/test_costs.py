from __future__ import annotations

from decimal import Decimal

import pytest

from voxwire.conversation.pricing import PRICES, Price, SessionUsage
from voxwire.conversation.usage import Tokens, Transcribed, Usage

USAGE = Usage(
    responses=2,
    input=Tokens(total=1500, text=1000, audio=500),
    cached=Tokens(total=600, text=400, audio=200),
    output=Tokens(total=300, text=100, audio=200),
)


def test_cached_tokens_are_apart_and_cost_less() -> None:
    cost = SessionUsage(usage=USAGE, model="gpt-realtime-2.1").cost()
    assert {line.what: (line.quantity, line.amount) for line in cost.lines} == {
        "text input": (600, Decimal("0.0024")),
        "text input, cached": (400, Decimal("0.00016")),
        "audio input": (300, Decimal("0.0096")),
        "audio input, cached": (200, Decimal("0.00008")),
        "text output": (100, Decimal("0.0024")),
        "audio output": (200, Decimal("0.0128")),
    }
    assert cost.total == Decimal("0.02744")
    assert cost.unpriced == ()


def test_a_dated_name_has_the_price_of_its_model() -> None:
    dated = SessionUsage(usage=USAGE, model="gpt-realtime-mini-2025-12-15").cost()
    assert dated.total == SessionUsage(usage=USAGE, model="gpt-realtime-mini").cost().total > 0


@pytest.mark.parametrize("model", [None, "", "my-own", "a-2025-99-99", "x" * 11])
def test_an_unknown_model_has_tokens_and_no_price(model: str | None) -> None:
    cost = SessionUsage(usage=USAGE, model=model).cost()
    assert cost.total == 0
    assert sum(line.quantity for line in cost.unpriced) == 1800
    assert "no price known" in str(cost)


def test_prices_can_be_overridden() -> None:
    own = {"my-own": Price(text=Decimal(1), audio_out=Decimal(1000))}
    cost = SessionUsage(usage=USAGE, model="my-own").cost(own)
    assert cost.total == Decimal("0.2006")
    assert PRICES.get("my-own") is None


def test_tokens_of_an_untold_kind_are_not_guessed() -> None:
    usage = Usage(input=Tokens(total=10), output=Tokens(total=5, text=5))
    cost = SessionUsage(usage=usage, model="gpt-realtime-2").cost()
    assert [line.what for line in cost.unpriced] == ["input of unknown kind"]


def test_transcription_is_billed_apart() -> None:
    usage = Usage(transcription=Transcribed(count=1, seconds=90))
    cost = SessionUsage(usage=usage, transcription_model="gpt-live-transcribe").cost()
    assert cost.total == Decimal("0.0255")
    tokens = Transcribed(count=1, input=Tokens(total=100, audio=100), output=Tokens(total=10))
    cost = SessionUsage(
        usage=Usage(transcription=tokens), transcription_model="gpt-4o-transcribe"
    ).cost()
    assert cost.total == Decimal("0.00035")


def test_a_bill_reads_as_a_table() -> None:
    text = str(SessionUsage(usage=USAGE, model="gpt-realtime-2.1").cost())
    assert text.splitlines()[0] == "text input           600 tokens  $0.002400"
    assert text.splitlines()[-1].split() == ["total", "$0.027440"]
    assert str(SessionUsage(usage=Usage()).cost()).split() == ["total", "$0.000000"]


@pytest.mark.parametrize(
    ("quantity", "shown"),
    [
        (4 / 60, "0.0667"),
        (1.5, "1.5"),
        (2, "2"),
        (1234567, "1,234,567"),
        (0.00001, "1e-05"),
        (0, "0"),
    ],
)
def test_a_quantity_is_shown_with_the_digits_that_matter(quantity: float, shown: str) -> None:
    from voxwire.conversation.pricing import _amount

    assert _amount(quantity) == shown
