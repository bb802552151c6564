"""Control a session remotely from any process, through the store that it is kept in.

This module asks and hands on the answer. What is done, the owner of the session does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import attrs
from voxwire_protocol import ConversationItem, RealtimeSession

from ..errors import NoOwner, SteeringRefused, UnknownSession
from ..session.options import ResponseOptions, SessionOptions, realtime_session
from .base import Store, check_id
from .commands import answer_of, body_of
from .lease import let_go, use

__all__ = ["RemoteAnswer", "RemoteSession", "remote"]


@attrs.frozen(kw_only=True)
class RemoteAnswer:
    """What the model answered to :meth:`RemoteSession.say`."""

    id: str | None
    """The response's; of the last one where tools were called."""
    status: str
    """``completed``, ``cancelled``, ``incomplete`` or ``failed``; ``queued`` or ``in_progress``
    where it was not waited for."""
    text: str
    """What it wrote."""
    transcript: str
    """What it spoke."""


class RemoteSession:
    """A session of another process: ``await voxwire.remote(store, "call-42").say("...")``.

    Every call raises :class:`NoOwner` where nobody holds the session, :class:`WaitTimeout` where
    the owner did not answer in time (it may still do what was asked), :class:`SteeringRefused`
    where it could not be done, and :class:`StoreUnavailable`.
    """

    def __init__(self, store: Store, session_id: str, timeout: float) -> None:
        self._store = store
        self._session_id = session_id
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"<voxwire.RemoteSession of {self._session_id}>"

    async def say(
        self,
        text: str | ConversationItem | Mapping[str, Any],
        *,
        wait: bool = True,
        **options: Unpack[ResponseOptions],
    ) -> RemoteAnswer:
        """Say something to the model, as :meth:`Session.say` does there.

        Args:
            text: what the user says, or an item.
            wait: for the whole answer, tools included; else it has only been asked for.
            options: see :class:`ResponseOptions`.
        """
        return RemoteAnswer(**await self._ask("say", text=text, wait=wait, options=options))

    async def interrupt(self, played_ms: float | None = None) -> None:
        """Stop the model, as :meth:`Session.interrupt` does there."""
        await self._ask("interrupt", played_ms=played_ms)

    async def update(
        self, session: RealtimeSession | None = None, **options: Unpack[SessionOptions]
    ) -> None:
        """Change the session, as :meth:`Session.update` does there. Tools that are functions stay
        those of the owner."""
        given = realtime_session(base=session, **options)
        await self._ask("update", session=given)

    async def close(self) -> None:
        """End the session for good. Returns when the owner has begun to."""
        await self._ask("close")

    async def hand_over(self, *, timeout: float = 5.0) -> None:
        """Have the owner leave the session to who resumes it; see :meth:`Session.hand_over`.
        Returns when it has begun to. Who becomes the owner meanwhile stays it."""
        use(self._store)
        try:
            fence = (await self._store.load(self._session_id)).fence
        except UnknownSession as error:  # nobody holds what is not there
            raise NoOwner(str(error)) from None
        finally:
            await let_go(self._store)
        await self._ask("hand_over", timeout=timeout, fence=fence)

    async def _ask(self, what: str, **given: Any) -> dict[str, Any]:
        use(self._store)
        try:
            body = body_of(what, **given)
            answer = await self._store.ask(self._session_id, body, timeout=self._timeout)
        finally:
            await let_go(self._store)
        done, reason = answer_of(answer)
        if done is None:
            raise SteeringRefused(f"{self._session_id}: {reason}")
        return done


def remote(store: Store, session_id: str, *, timeout: float = 30.0) -> RemoteSession:
    """Steer a session from any process.

    Args:
        store: where it is kept.
        session_id: what it is called there.
        timeout: seconds for the owner's answer.

    Raises:
        InvalidOption: `session_id` is no name.
    """
    return RemoteSession(store, check_id(session_id), timeout)
