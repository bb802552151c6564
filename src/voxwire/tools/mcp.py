"""Calls of hosted MCP tools that wait for a yes: the event that asks, and the item that answers.

The server runs those tools; this side only says whether it may. This module knows the items; it
sends nothing.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, ClassVar, Final

import attrs
from voxwire_protocol import (
    UNSET,
    ConversationItemAdded,
    ConversationItemCreate,
    ConversationItemCreated,
    ConversationItemDone,
    Event,
    McpApprovalRequest,
    McpApprovalResponse,
    ResponseOutputItemDone,
)

from ..protocol.constraints import require_writable
from ..protocol.local_event import LocalEvent

__all__ = ["Approvals", "McpApprovalRequested", "Nothing"]

MOST_ASKED = 4096
"""How many requests of one connection are remembered."""

Send = Callable[[ConversationItemCreate], Awaitable[Any]]


@attrs.frozen(kw_only=True)
class McpApprovalRequested(LocalEvent):
    """The model wants to call a tool of an MCP server that wants a yes first.

    Answer with :meth:`approve` or :meth:`reject`, at any time while the session lasts; only the
    first answer is sent.
    """

    type: ClassVar[str] = "voxwire.mcp_approval_requested"

    item: McpApprovalRequest
    """The item that asks."""

    _answer: Callable[[McpApprovalRequest, bool, str | None], Awaitable[Any]] = attrs.field(
        alias="answer", repr=False, eq=False
    )

    @property
    def name(self) -> str:
        """The tool's name."""
        return self.item.name

    @property
    def arguments(self) -> str:
        """The arguments as the model wrote them: JSON text."""
        return self.item.arguments

    @property
    def server_label(self) -> str:
        """The label of the MCP server."""
        return self.item.server_label

    def approve(self) -> Awaitable[Any]:
        """Let the call run. To be awaited; a plain function of the threaded face calls it only."""
        return self._answer(self.item, True, None)

    def reject(self, reason: str | None = None) -> Awaitable[Any]:
        """Refuse the call; the model is told the reason. Like :meth:`approve`. Raises
        :class:`InvalidEvent` for a reason that no frame can carry."""
        return self._answer(self.item, False, reason)


class Approvals:
    """Finds the requests of one connection: each is told once, however often its item comes."""

    CONCERN: Final = (
        ConversationItemDone,
        ResponseOutputItemDone,
        ConversationItemAdded,
        ConversationItemCreated,
    )
    """The events that an item can come in: no others need be applied."""

    def __init__(self) -> None:
        self._asked: dict[str, None] = {}  # items, the oldest first
        self._connection = 0
        self.send: Send | None = None
        """Sends an answer; set by the face."""

    def apply(self, event: Event) -> list[LocalEvent]:
        """Take a server event; returns the request in it, if there is a new one."""
        if not isinstance(event, self.CONCERN) or not isinstance(event.item, McpApprovalRequest):
            return []
        item = event.item
        # An item that has just been added may be empty yet; it comes again when it is whole.
        if not isinstance(item.id, str) or item.id in self._asked or not item.name:
            return []
        if not isinstance(event, _WHOLE) and not item.arguments:
            return []
        if len(self._asked) >= MOST_ASKED:
            del self._asked[next(iter(self._asked))]
        self._asked[item.id] = None
        asked = _Asked(self._connection)
        return [McpApprovalRequested(item=item, answer=partial(self._answer, asked))]

    def leave(self) -> None:
        """The connection is gone, and with it the calls that waited: an answer has no effect."""
        self._connection += 1

    def _answer(
        self, asked: _Asked, item: McpApprovalRequest, approve: bool, reason: str | None
    ) -> Awaitable[Any]:
        if self.send is None or asked.answered or asked.connection != self._connection:
            return Nothing()
        require_writable(reason or "", "$.item.reason")
        asked.answered = True
        answer = McpApprovalResponse(
            id=f"mcpr_{os.urandom(12).hex()}",
            approval_request_id=item.id,
            approve=approve,
            reason=UNSET if reason is None else reason,
        )
        return self.send(ConversationItemCreate(item=answer))


@attrs.define
class _Asked:
    """A request, as far as its answer is concerned."""

    connection: int
    answered: bool = False


class Nothing:
    """An awaitable with nothing to wait for."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


_WHOLE = (ConversationItemDone, ResponseOutputItemDone)
