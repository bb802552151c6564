"""The speaking half of an asyncio session: what a program does, in its own words.

Each call here is sugar over client events that saves real work; any event can be sent as it is with
``send``. This module knows the order in which things go out. It does not know the socket's errors.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeAlias, TypeVar, Unpack, overload

from voxwire_protocol import (
    UNSET,
    ConversationItem,
    ConversationItemCreate,
    Event,
    InputText,
    RealtimeSession,
    ResponseCreate,
    SessionUpdate,
    ToolDefinition,
    UserMessage,
)

from ..audio.playback.playback import Playback
from ..conversation.conversation import Conversation, ConversationTracker
from ..conversation.migration import short_id
from ..errors import ConnectionClosedError, InvalidEvent, InvalidOption, ServerError
from ..protocol.constraints import LONGEST_ID
from ..protocol.redaction import veiled_tools
from ..tools.tool import AnyTool, Approve, Tool
from .core import Core, log
from .options import ResponseOptions, SessionOptions, realtime_session, response_params
from .response import Response, SendReceipt
from .responses import Policy
from .responses.state import ResponseState
from .sender import Hearing

__all__ = ["ConversationMethods"]

GivenTool: TypeAlias = "AnyTool | Callable[..., Any] | ToolDefinition | Mapping[str, Any]"
"""A function to run here, or the definition of a tool that is run elsewhere."""

P = ParamSpec("P")
R = TypeVar("R")


class ConversationMethods(Hearing):
    """What an asyncio session offers to those who act."""

    @property
    def playback(self) -> Playback:
        """What the listener has heard: tell it what is played, and :meth:`interrupt` is exact."""
        return self._core.playback

    @property
    def conversation(self) -> Conversation:
        """What was said so far, in order."""
        return self._core.conversation

    # -- the conversation ---------------------------------------------------------------------

    def say(
        self,
        text: str | ConversationItem | Mapping[str, Any],
        *,
        policy: Policy = "wait",
        **options: Unpack[ResponseOptions],
    ) -> Response:
        """Say something to the model, and have it answer.

        ``await session.say("...")`` waits for the whole answer, tools included;
        ``async for piece in session.say("...").text`` reads it as it comes. It is sent at once, or,
        while another response runs, when that has ended: what is said then comes after it in the
        conversation. To add to the conversation at once, use :meth:`add`.

        Args:
            text: what the user says, or an item to add in its place.
            policy: while another response runs, ``"wait"`` for its end, or ``"merge"`` with a
                request that waits already, so that one answer serves both.
            options: what this answer does otherwise; see :class:`ResponseOptions`.

        Raises:
            InvalidEvent: the text or an option breaks the protocol; nothing was sent.
            ConnectionClosedError: the connection has ended.
        """
        self._here()
        create = ResponseCreate(response=response_params(**options) if options else UNSET)
        return self._respond(create, policy, ConversationItemCreate(item=_item(text)))

    def respond(self, *, policy: Policy = "wait", **options: Unpack[ResponseOptions]) -> Response:
        """Have the model answer to what is in the conversation. See :meth:`say`.

        With ``conversation="none"`` the response runs beside the conversation and does not enter
        it; any number of these run at the same time.
        """
        params = response_params(**options) if options else UNSET
        return self._respond(ResponseCreate(response=params), policy)

    def _respond(
        self, event: ResponseCreate, policy: Policy, item: ConversationItemCreate | None = None
    ) -> Response:
        self._here()
        turn = self._core.respond(event, policy, item)
        turn.keep_audio = True
        self._flush_soon()
        return Response(turn, self._cancel, self._abandon)

    async def _cancel(self, turn: ResponseState) -> None:
        self._core.cancel(turn)
        await self._flush_if_open()

    async def _abandon(self, turn: ResponseState) -> None:
        self._core.abandon(turn)
        await self._flush_if_open()

    async def _flush_if_open(self) -> None:
        # What has ended needs no stopping.
        with contextlib.suppress(ConnectionClosedError):
            await self._flush()

    async def cancel(self) -> None:
        """Stop the running response, if there is one. What was heard of it stays as it is: to stop
        the model's speech where the listener is, use :meth:`interrupt`."""
        self._core.cancel()
        await self._flush_if_open()

    async def interrupt(
        self,
        played_ms: float | None = None,
        *,
        item_id: str | None = None,
        samples: int | None = None,
    ) -> None:
        """The listener cuts in: stop the response, and tell the server what was really heard.

        Args:
            played_ms: milliseconds of the model's speech that were played since the speaker was
                opened. Left out, what :attr:`playback` was told counts; where it was told
                nothing, the response is only cancelled.
            item_id: the item that the length is about, counted from its start.
            samples: what was played, in samples in place of milliseconds.

        Once the session has ended, nothing happens.

        Raises:
            InvalidOption: `item_id` is no speech of the model; nothing was sent.
        """
        self._core.interrupt(played_ms, item_id=item_id, samples=samples)
        await self._flush_if_open()

    async def add(
        self, item: str | ConversationItem | Mapping[str, Any], **place: Any
    ) -> SendReceipt:
        """Add an item without asking for a response: a text of the user, or any item.

        Args:
            place: ``previous_item_id=`` puts it after that item, ``"root"`` at the head.
        """
        return await self.send(ConversationItemCreate(item=_item(item), **place))

    async def load(
        self, conversation: Conversation | Mapping[str, Any], *, timeout: float = 10.0
    ) -> tuple[str, ...]:
        """Add the items of another conversation, such as a stored one, behind those of this one;
        in the forms in which a client may add them: speech as its words, its audio where that was
        kept, calls with their outputs.

        Args:
            conversation: a conversation, or the ``snapshot()`` of one.
            timeout: seconds for the server to take them; some servers do not say that they have.

        Returns:
            The ids of the items that could not be added: speech without words, what belonged to a
            hosted tool, and what no client may send.

        Raises:
            InvalidOption: it is no snapshot of a conversation, or one of its items is in this one
                already; nothing was sent.
            ServerError: the server refused an item; those before it are in.
            ConnectionClosedError: the connection has ended.
        """
        self._here()
        data = conversation.snapshot() if isinstance(conversation, Conversation) else conversation
        source = ConversationTracker(conversation=Conversation.restore(data))
        forms, left_out, _ = source.removal.items()
        known = {item.id for item in self._core.conversation}
        creates: list[ConversationItemCreate] = []
        for create in forms:
            id: Any = getattr(create.item, "id", None)
            if id in known:
                raise InvalidOption(f"load(): the item {id!r} is in this conversation already")
            try:
                self._core.codec.event(create)
            except InvalidEvent as error:  # what a server has said need not be what a client may
                log.warning("an item cannot be loaded: %s", error)
                left_out.append(id)
            else:
                creates.append(create)
        receipts: list[SendReceipt] = []
        for create in creates:
            call_id: Any = getattr(create.item, "call_id", None)
            if isinstance(call_id, str) and len(call_id) > LONGEST_ID:
                self._core.short_calls[call_id] = short_id(call_id)
            receipts.append(await self.send(create))
        if self._core.acknowledged:
            try:
                async with asyncio.timeout(timeout):
                    for receipt in receipts:
                        await receipt.acknowledged()
            except TimeoutError:  # some compatible servers do not acknowledge
                log.warning("loaded items were not acknowledged within %g s", timeout)
        return tuple(left_out)

    # -- settings -----------------------------------------------------------------------------

    async def update(
        self,
        session: RealtimeSession | None = None,
        *,
        tools: Sequence[GivenTool] | None = None,
        **options: Unpack[SessionOptions],
    ) -> Event | None:
        """Change the session, and wait for the server to say that it has.

        Args:
            session: a session object to send; `tools` and `options` go on top of it.
            tools: all tools from now on, in place of those that there were: functions to run here,
                and definitions of what is run elsewhere (MCP servers, functions that you answer by
                hand). ``[]`` removes all.
            options: see :class:`SessionOptions`; what is left out stays as it is.

        Returns:
            The ``session.updated`` event; ``None`` where a server sends none within 5 seconds.

        Raises:
            InvalidEvent: a setting breaks the protocol; nothing was sent.
            ServerError: the server refused, and changed nothing.
        """
        tools = veiled_tools(tools)  # an error's frames may be printed
        turns = self._core.turns
        before = [*turns.tools, *turns.by_hand]
        # On trial: nothing is changed by what turns out to be wrong.
        definitions = None if tools is None else Core(self._core.codec).turns.replace(tools)
        wanted = SessionUpdate(session=realtime_session(base=session, tools=definitions, **options))
        self._core.prepare(wanted)
        if tools is not None:
            turns.replace(tools)
        receipt = await self.send(wanted)
        if not self._core.acknowledged:
            return None
        try:
            return await receipt.acknowledged(timeout=5.0)
        except TimeoutError:  # some compatible servers do not acknowledge
            log.warning("session.update was not acknowledged within 5 s")
            return None
        except ServerError:  # the server keeps what it has, so the tools here are put back as well
            if tools is not None and turns.definitions() == definitions:
                turns.replace(before)
            raise

    @overload
    def tool(self, function: Callable[P, R], /) -> Tool[P, R]: ...
    @overload
    def tool(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        approve: Approve | None = None,
        idempotent: bool = False,
    ) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
    def tool(self, function: Any = None, /, **options: Any) -> Any:  # type: ignore[misc]  # mypy loses P
        """Make a function a tool of this session: a decorator, with or without arguments.

        The session is told of it at once, with all other tools. See :class:`Tool`.

        Raises:
            InvalidOption: the name is taken, or the model could not be told about it.
            ConnectionClosedError: the connection has ended.
        """

        def register(function: Callable[..., Any]) -> AnyTool:
            self._here()
            self._core.require_open()
            added = self._core.tools.add(Tool(function, **options) if options else function)
            self._tell_tools()
            return added

        return register if function is None else register(function)

    def remove_tool(self, tool: AnyTool | Callable[..., Any] | str) -> None:
        """Take a tool out of the session. Raises :class:`InvalidOption` where it is not in it."""
        self._here()
        self._core.require_open()
        self._core.tools.remove(tool)
        self._tell_tools()

    def _tell_tools(self) -> None:
        definitions = self._core.turns.definitions()
        self._core.outbox.append(SessionUpdate(session=RealtimeSession(tools=definitions)))
        self._flush_soon()


def _item(item: str | ConversationItem | Mapping[str, Any]) -> Any:
    if isinstance(item, str):
        return UserMessage(content=[InputText(text=item)])
    return item
