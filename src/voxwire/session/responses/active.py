"""Who has the floor: the responses that run or are on their way, and whether another may be sent.

A server writes one response at a time into the default conversation. This module knows what is out,
and what the server has shown of its habits; what is to be sent, it does not decide.
"""

from __future__ import annotations

from typing import Any

from voxwire_protocol import UNSET

from .cancellation import Refusal
from .matcher import ResponseMatcher, id_of
from .state import ResponseState

__all__ = ["ActiveResponses"]


class ActiveResponses:
    """The responses of one connection that are out."""

    def __init__(self) -> None:
        self.pairing = ResponseMatcher()
        self.stranger = False
        """Whether a response runs of which nothing was seen but that it is in the way."""
        self.serial = False
        """Whether the server runs no two responses at once, not even beside the conversation."""

    @property
    def turns(self) -> list[ResponseState]:
        """Those that are on their way or run, in the order of their sending."""
        return self.pairing.turns

    @property
    def current(self) -> ResponseState | None:
        """The response of the default conversation: the running one, else one on its way."""
        found = [turn for turn in self.turns if not turn.beside]
        return min(found, key=lambda turn: not turn.running, default=None)

    @property
    def busy(self) -> bool:
        """Whether a response in the default conversation would be refused."""
        return self.stranger or any(self.serial or not turn.beside for turn in self.turns)

    def begin(self, response: Any, waiting: list[ResponseState]) -> ResponseState | None:
        """A response has begun; its turn. ``None`` where that is no news."""
        response_id = id_of(response)
        if response_id in self.pairing.over:
            return None
        turn, guessed = self.pairing.created(response, waiting)
        if turn is None:
            # Nobody asked: turn detection did, or another client of the same session.
            aside = getattr(response, "conversation_id", UNSET) is None
            turn = ResponseState(beside=aside and (self.pairing.names_conversation or self.busy))
            self.stranger = self.stranger and turn.beside  # no stranger any more
        if not turn.running or turn.response_id != response_id:
            self.pairing.begin(turn, response_id, guessed=guessed)
        return turn

    def over(self, turn: ResponseState | None) -> None:
        """A response has ended, be it nobody's."""
        if turn is not None:
            self.pairing.drop(turn)
        if turn is None or not turn.beside or turn.guessed:
            self.stranger = False
            for other in self.turns:
                other.overtaken = True
        elif not any(other.running for other in self.turns):
            # It was beside the conversation, but to this server that may have been in the way.
            self.stranger = False

    def refused(self, refusal: Refusal) -> ResponseState | None:
        """The turn whose request was refused. It is no longer out."""
        turn = self.pairing.refused(refusal)
        if turn is None:
            return None
        if turn.running:
            self.pairing.split(turn)
        overtaken = turn.overtaken or refusal.names(self.pairing.over)
        self.pairing.drop(turn)
        if refusal.busy:
            self.serial = self.serial or (turn.beside and bool(self.turns))
            # Where nothing that we know of is in the way, the end of what is will be heard of;
            # unless it has just ended.
            self.stranger = self.stranger or not (overtaken or self.busy)
        return turn

    def clear(self) -> None:
        """The connection is gone."""
        self.pairing.clear()
        self.stranger = False
