"""Which request a response answers, and the request that goes on from there after its tools.

This module compares requests with responses. It does not know calls.
"""

from __future__ import annotations

from typing import Any, cast

import attrs
from voxwire_protocol import UNSET, ResponseCreate, ResponseCreateParams

__all__ = ["Asked", "follow_up"]


class Asked:
    """The requests that have been sent and not been seen to be answered yet."""

    def __init__(self) -> None:
        # A server that answers none of them must not make this grow.
        # A list and no deque, as all that is short in a session: an empty deque takes 760 bytes.
        self._requests: list[ResponseCreate] = []
        self._echoes = False  # whether the server is known to repeat metadata

    def sent(self, request: ResponseCreate) -> None:
        """A request went out."""
        self._requests.append(request)
        del self._requests[:-64]

    def refused(self, event_id: object) -> None:
        """The server answered an event with an error."""
        for request in list(self._requests):
            if request.event_id == event_id:
                self._requests.remove(request)

    def take(self, response: Any, aside: bool) -> ResponseCreateParams:
        """What was asked of `response`: nothing, where it came by itself (turn detection).

        Its metadata tells, where there is any; else the oldest request is the one.
        """
        echoed = getattr(response, "metadata", None)
        found = None
        for request in self._requests:
            own = _own(request)
            if own and _within(own, echoed):
                self._echoes = True
                found = request
                break
            # Without an echo, metadata of a request says nothing about who is meant; but on a
            # server that repeats it, a response without it has begun by itself.
            silent = own and (echoed or self._echoes)
            if found is None and _aside(request) == aside and not silent:
                found = request
        if found is None:
            return ResponseCreateParams()
        self._requests.remove(found)
        return _params(found)


def follow_up(asked: ResponseCreateParams, session_choice: object) -> ResponseCreate:
    """The response after the outputs, in the manner of the one that made the calls.

    Args:
        asked: the request for that one.
        session_choice: the session's ``tool_choice``.
    """
    # The outputs are in the conversation, which an input of its own would leave out.
    params = attrs.evolve(asked, input=UNSET)
    choice = session_choice if params.tool_choice is UNSET else params.tool_choice
    if choice not in (UNSET, None, "auto", "none"):
        params = attrs.evolve(params, tool_choice="auto")  # else the model would call for ever
    return ResponseCreate(response=UNSET if params == ResponseCreateParams() else params)


def _within(own: dict[str, str], echoed: object) -> bool:
    if not isinstance(echoed, dict):
        return False
    given = cast("dict[str, object]", echoed)
    return all(given.get(key) == value for key, value in own.items())


def _params(request: ResponseCreate) -> ResponseCreateParams:
    params = request.response
    return params if isinstance(params, ResponseCreateParams) else ResponseCreateParams()


def _own(request: ResponseCreate) -> dict[str, str]:
    metadata = _params(request).metadata
    return metadata if isinstance(metadata, dict) else {}


def _aside(request: ResponseCreate) -> bool:
    return _params(request).conversation == "none"
