"""Cancels of responses: when one is sent, what it names, and when it has to be sent again.

This module knows what was cancelled. Which responses there are, and what waits, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from voxwire_protocol import UNSET, ClientEvent, ResponseCancel

from ..turns import Turn
from .refusals import Refusal

__all__ = ["Cancels"]


class Cancels:
    """The cancels of one connection.

    Args:
        event_id: makes an `event_id` for what it sends.
    """

    def __init__(self, event_id: Callable[[], str]) -> None:
        self._event_id = event_id
        self._blind: str | None = None  # the event_id of a cancel of what is not ours

    def send(self, turn: Turn | None) -> list[ClientEvent]:
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

    def send_late(self, turn: Turn) -> list[ClientEvent]:
        """Cancel what was cancelled while it was on its way, once it has begun."""
        due = turn.cancelling and turn.running and turn.cancel_id is None
        return self.send(turn) if due else []

    def refused(self, refusal: Refusal, turns: Iterable[Turn]) -> list[ClientEvent]:
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
