"""What an ``error`` says about a request for a response, on servers that say it in various ways.

This module reads errors. Whose request one is about, and what to do then, it does not decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

import attrs
from voxwire_protocol import UNSET, ClientEvent, ErrorEvent, ResponseCancel

from .state import ResponseState

__all__ = ["Cancellations", "Refusal"]


_BUSY = "conversation_already_has_active_response"
_IDLE = "response_cancel_not_active"


@attrs.frozen
class Refusal:
    """An error, as far as it may be about a request."""

    event_id: str | None
    """The event that it is about; some servers leave that out."""

    code: str | None
    message: str
    param: str

    @classmethod
    def of(cls, event: ErrorEvent) -> Refusal:
        """Read an error; whatever a server sends in its place reads as one that says nothing."""
        error: Any = event.error
        return cls(
            event_id=_text(error, "event_id") or None,
            code=_text(error, "code") or None,
            message=_text(error, "message"),
            param=_text(error, "param"),
        )

    @property
    def busy(self) -> bool:
        """Whether another response was running."""
        # There were servers that gave the reason in words only.
        return self.code == _BUSY or (self.code is None and "active response" in self.message)

    @property
    def idle(self) -> bool:
        """Whether there was no response to cancel."""
        return self.code == _IDLE

    @property
    def about_response(self) -> bool:
        """Whether it is about a parameter of a response."""
        return self.param.split(".")[0] == "response"

    @property
    def about_metadata(self) -> bool:
        """Whether it is about the metadata of a response."""
        return "metadata" in self.param

    def names(self, response_ids: Collection[str]) -> bool:
        """Whether it says that one of these was the one that ran."""
        return any(word in response_ids for word in re.findall(r"[\w-]+", self.message))


def _text(error: object, key: str) -> str:
    value = getattr(error, key, None)
    return value if isinstance(value, str) else ""


class Cancellations:
    """The cancels of one connection.

    Args:
        event_id: makes an `event_id` for what it sends.
    """

    def __init__(self, event_id: Callable[[], str]) -> None:
        self._event_id = event_id
        self._blind: str | None = None  # the event_id of a cancel of what is not ours

    def send(self, turn: ResponseState | None) -> list[ClientEvent]:
        """The event that stops a turn, or whatever runs in the conversation."""
        event_id = self._event_id()
        response_id = None
        if turn is None:
            self._blind = event_id
        else:
            turn.cancel_id, turn.cancelled_early = event_id, not turn.running
            response_id = turn.response_id
        named = UNSET if response_id is None else response_id
        return [ResponseCancel(event_id=event_id, response_id=named)]

    def send_late(self, turn: ResponseState) -> list[ClientEvent]:
        """Cancel what was cancelled while it was on its way, once it has begun."""
        due = turn.cancelling and turn.running and turn.cancel_id is None
        return self.send(turn) if due else []

    def refused(self, refusal: Refusal, turns: Iterable[ResponseState]) -> list[ClientEvent]:
        """There was nothing to cancel, which is true of what had not begun."""
        events: list[ClientEvent] = []
        for turn in turns:
            if turn.cancelled_early and refusal.event_id in (turn.cancel_id, None):
                turn.cancel_id, turn.cancelled_early = None, False
                events += self.send_late(turn)
        return events

    def proves_silence(self, refusal: Refusal) -> bool:
        """Whether it says that nothing runs that is not ours."""
        return refusal.event_id in (self._blind, None)
