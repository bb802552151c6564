"""What a session has used and costs, in a line and for programs.

Knows the ledger of a session; knows no prices.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..conversation.pricing import SessionUsage
from .event_text import Piece
from .printer import Printer
from .screen import screen

__all__ = ["bill", "show_bill"]


def bill(usage: SessionUsage, *, local: bool) -> Iterator[Piece]:
    """What was used; nothing, where nothing was.

    Args:
        usage: of the session.
        local: whether it was an emulator, which costs nothing: then the amount is what the same
            would cost at the service.
    """
    cost = usage.cost()
    if not cost.lines and not usage.responses:
        return
    parts: list[str] = []
    if usage.responses:
        cached = f" ({usage.cached.total:,} cached)" if usage.cached.total else ""
        parts.append(_count(usage.responses, "response"))
        parts.append(f"{_count(usage.input.total, 'token')} in{cached}")
        parts.append(f"{usage.output.total:,} out")
    heard = usage.transcription
    if heard.seconds:
        parts.append(f"{heard.seconds:,.0f} s transcribed")
    elif heard.input.total:
        parts.append(f"{_count(heard.input.total, 'token')} transcribed")
    if usage.translated:
        parts.append(f"{usage.translated:,.0f} s translated")
    amount = f"${cost.total:.4f}"
    if cost.unpriced:
        unknown = sorted({line.model or "this model" for line in cost.unpriced})
        known = f"{amount} and " if cost.total else ""
        parts.append(f"{known}no price known for {', '.join(unknown)}")
    else:
        parts.append(f"free here, {amount} at the service" if local else amount)
    data = usage.to_dict()
    data.pop("entries")
    data["local"] = local
    yield Piece(who="usage", kind="usage", text=", ".join(parts), data=data)


def show_bill(usage: SessionUsage, *, local: bool) -> None:
    """The bill on stderr, where a person looks on."""
    console = screen(error=True)
    if console.is_terminal:
        for piece in bill(usage, local=local):
            Printer(console).show(piece)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
