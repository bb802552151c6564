"""Which turn an event of the server is about.

A response tells whose request it answers by its metadata, which servers repeat; where one does not,
the order and the conversation decide. This module compares; what follows from it, it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from voxwire_protocol import UNSET

from ...protocol.response_request import METADATA_KEY
from .cancellation import Refusal
from .state import ResponseState

__all__ = ["MOST_RUNNING", "ResponseMatcher", "cancelled_id", "id_of"]

MOST_RUNNING = 256
"""How many responses run at once, at most, of those that a server began by itself."""


class ResponseMatcher:
    """The turns that are on their way to the server or run there, in the order of their sending."""

    def __init__(self) -> None:
        self.turns: list[ResponseState] = []
        self.over: list[str] = []
        """Ids of responses that ended; some servers end one twice, or send a straggler."""
        self.names_conversation = False
        """Whether the server tells default responses by the id of the conversation."""
        self._by_id: dict[str, ResponseState] = {}
        self._echoes = False  # whether the server is known to repeat metadata
        self._announces = False  # whether it is known to send response.created

    def begin(self, turn: ResponseState, response_id: str | None, *, guessed: bool = False) -> None:
        """`turn` has this response."""
        turn.begin(response_id, guessed=guessed)
        if turn not in self.turns:
            self._make_room()
            self.turns.append(turn)
        if response_id is not None:
            self._by_id[response_id] = turn

    def _make_room(self) -> None:
        """Forget the oldest response that nobody here asked for, where there are more than any
        server runs: it will not end."""
        if len(self.turns) < MOST_RUNNING:
            return
        oldest = next((turn for turn in self.turns if turn.asked is None), None)
        if oldest is not None:
            self.drop(oldest)
            oldest.finish("incomplete")

    def split(self, turn: ResponseState) -> None:
        """The response that `turn` was thought to have is another's: the next one's whose it may
        be, or nobody's."""
        may_be = (t for t in self.turns if t.sent and not self._echoes)
        other = None if self.names_conversation else next(may_be, None)
        if other is None:
            other = ResponseState(beside=turn.beside)
            self.turns.append(other)
        turn.hand_over(other)
        if other.response_id is not None:
            self._by_id[other.response_id] = other

    def drop(self, turn: ResponseState) -> None:
        """`turn` neither runs nor is on its way any more."""
        if turn in self.turns:
            self.turns.remove(turn)
        for response_id in [key for key, value in self._by_id.items() if value is turn]:
            del self._by_id[response_id]
            self._ended(response_id)

    def _ended(self, response_id: str) -> None:
        self.over.append(response_id)
        del self.over[:-64]

    def clear(self) -> None:
        """The connection is gone."""
        self.turns.clear()
        self._by_id.clear()

    def created(
        self, response: Any, waiting: Iterable[ResponseState]
    ) -> tuple[ResponseState | None, bool]:
        """The turn that a new response belongs to, ``None`` for somebody else's; and whether that
        is a guess. `waiting` are turns that were refused, and may have been taken up after all."""
        self._announces = True
        self.names_conversation |= isinstance(getattr(response, "conversation_id", None), str)
        known = self._by_id.get(id_of(response) or "")
        if known is not None:
            return known, known.guessed
        return self._match(response, waiting)

    def named(self, response_id: str) -> ResponseState | None:
        """The turn that is known to have this response."""
        return self._by_id.get(response_id)

    def speaker(self, response_id: Any) -> ResponseState | None:
        """The turn of a response that an event names, or leaves out."""
        if isinstance(response_id, str):
            turn = self._by_id.get(response_id)
            if turn is not None or response_id in self.over:
                return turn
            # It was announced without an id, or not at all.
            turn = self._nameless() or self._unannounced(None)
            if turn is not None and turn.running:
                turn.response_id = response_id
                self._by_id[response_id] = turn
            elif turn is not None:
                self.begin(turn, response_id, guessed=True)
            return turn
        turn = self._running()
        if turn is None:
            turn = self._unannounced(None)
            if turn is not None:
                self.begin(turn, None, guessed=True)
        return turn

    def ended(self, response_id: str | None, response: Any) -> ResponseState | None:
        """The turn whose response has ended."""
        if response_id is None:
            return self._running() or self._unannounced(response)
        turn = self._by_id.get(response_id) or self._nameless() or self._unannounced(response)
        if turn is None:
            sure, guessed = self._match(response, ())
            turn = None if guessed else sure
        self._ended(response_id)
        return turn

    def cancelled(self, response_id: str | None) -> ResponseState | None:
        """The turn that a server says was cancelled."""
        if response_id is not None:
            return self.ended(response_id, None)
        # Without an id it may also be the answer to a cancel that found nothing to cancel.
        cancelling = (turn for turn in self.turns if turn.cancelling)
        return next(cancelling, None) or self._running()

    def refused(self, refusal: Refusal) -> ResponseState | None:
        """The turn whose request an error is about."""
        flying = [turn for turn in self.turns if turn.sent]
        if refusal.event_id is not None:
            # A response that was taken for ours by its place in the order can still turn out to
            # be the one on whose account ours is refused.
            guesses = [turn for turn in self.turns if turn.running and turn.guessed]
            return next((t for t in flying + guesses if t.event_id == refusal.event_id), None)
        # Some servers leave the id out; what the error is about tells then.
        if refusal.busy:
            return min(flying, key=lambda turn: turn.beside, default=None)
        return flying[0] if refusal.about_response and len(flying) == 1 else None

    def _match(
        self, response: Any, waiting: Iterable[ResponseState]
    ) -> tuple[ResponseState | None, bool]:
        found: Any = getattr(response, "metadata", None)
        echoed = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        flying = [turn for turn in self.turns if turn.sent]
        if echoed:
            for turn in (*flying, *waiting):
                own = turn.metadata
                if own and all(echoed.get(key) == value for key, value in own.items()):
                    self._echoes = True
                    return turn, False
            if METADATA_KEY in echoed:
                self._echoes = True
                return None, False
        for turn in flying:
            silent = turn.metadata and self._echoes and response is not None
            if not silent and self._placed(turn, response):
                return turn, True
        return None, False

    def answers(self, response: Any, turn: ResponseState) -> bool:
        """Whether a new response is that of a turn that was ended here: by its metadata, or, on a
        server that repeats none, as long as nothing else has ended since it was asked for."""
        found: Any = getattr(response, "metadata", None)
        echoed = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        if echoed:
            own = turn.metadata
            return bool(own) and all(echoed.get(key) == value for key, value in own.items())
        if self._echoes or turn.overtaken or any(other.sent for other in self.turns):
            return False
        return self._placed(turn, response)

    def _placed(self, turn: ResponseState, response: Any) -> bool:
        """Whether the response is in, or out of, the conversation, as the turn is to be."""
        conversation: Any = getattr(response, "conversation_id", UNSET)
        if turn.beside:
            return not isinstance(conversation, str)
        return conversation is not None or not self.names_conversation

    def _unannounced(self, response: Any) -> ResponseState | None:
        """On a server that announces no response: the first whose answer is due."""
        return None if self._announces else self._match(response, ())[0]

    def _nameless(self) -> ResponseState | None:
        """The running turn whose response has told no id."""
        found = [t for t in self.turns if t.running and t.response_id is None]
        return min(found, key=lambda turn: turn.beside, default=None)

    def _running(self) -> ResponseState | None:
        """The turn that events without an id belong to."""
        found = [turn for turn in self.turns if turn.running]
        return min(found, key=lambda turn: turn.beside, default=None)


def id_of(response: Any) -> str | None:
    """The id of a response, where it has one."""
    found = getattr(response, "id", None)
    return found if isinstance(found, str) and found else None


def cancelled_id(payload: Any) -> str | None:
    """The id in a ``response.cancelled``, an event that the protocol does not declare."""
    for place, key in ((payload, "response_id"), (_get(payload, "response"), "id")):
        found = _get(place, key)
        if isinstance(found, str) and found:
            return found
    return None


def _get(value: Any, key: str) -> Any:
    return cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
