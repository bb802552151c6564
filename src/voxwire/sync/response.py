"""The threaded handles of what was asked for, sent and awaited.

Each hands its calls over to the asyncio handle of the same name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import TracebackType
from typing import Generic, TypeVar

from voxwire_protocol import ClientEvent, Event, FunctionCall, RealtimeResponse, ResponseUsage

from ..protocol.local_event import Overflow
from ..session import response as handles
from ..session import streams
from .portal import Portal

__all__ = ["EventStream", "Expectation", "Response", "SendReceipt"]

E = TypeVar("E", bound=Event)


class Response:
    """A response that was asked for; the counterpart of :class:`voxwire.Response`.

    ``response.wait()`` waits for the end; ``for piece in response`` reads it as it comes.
    """

    def __init__(self, portal: Portal, inner: handles.Response) -> None:
        self._portal = portal
        self._inner = inner

    def wait(self, timeout: float | None = None) -> Response:
        """Wait for the end, tools and what follows them included; gives the response itself.

        Raises:
            TimeoutError: it did not end within `timeout` seconds, and goes on.
            ServerError: the server refused the request.
            ConnectionClosedError: the session ended before.
        """

        async def ended() -> None:
            async with asyncio.timeout(timeout):
                await self._inner

        self._portal.call(ended())
        return self

    def __iter__(self) -> Iterator[str]:
        """What is said, piece by piece from the start to the end: text, or the words of speech."""
        return self._portal.iterate(self._inner.stream())

    @property
    def audio(self) -> Iterator[bytes]:
        """The audio as it comes, in the session's output format."""
        return self._portal.iterate(self._inner.audio.__aiter__())

    @property
    def text(self) -> str:
        """See :attr:`voxwire.Response.text`."""
        return str.__str__(self._inner.text)

    @property
    def transcript(self) -> str:
        """What was spoken so far, as text."""
        return str.__str__(self._inner.transcript)

    @property
    def id(self) -> str | None:
        """See :attr:`voxwire.Response.id`."""
        return self._inner.id

    @property
    def status(self) -> str:
        """See :attr:`voxwire.Response.status`."""
        return self._inner.status

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._inner.done

    @property
    def responses(self) -> list[RealtimeResponse]:
        """See :attr:`voxwire.Response.responses`."""
        return self._inner.responses

    @property
    def calls(self) -> list[FunctionCall]:
        """All function calls of the turn, in order."""
        return self._inner.calls

    @property
    def usage(self) -> ResponseUsage | None:
        """See :attr:`voxwire.Response.usage`."""
        return self._inner.usage

    def raise_for_status(self) -> Response:
        """See :meth:`voxwire.Response.raise_for_status`."""
        self._inner.raise_for_status()
        return self

    def cancel(self) -> None:
        """Ask the server to stop. The response ends with its own event: wait for that."""
        self._portal.call(self._inner.cancel())

    def abandon(self) -> None:
        """See :meth:`voxwire.Response.abandon`."""
        self._portal.call(self._inner.abandon())


class SendReceipt:
    """What was sent; the counterpart of :class:`voxwire.SendReceipt`."""

    def __init__(self, portal: Portal, inner: handles.SendReceipt) -> None:
        self._portal = portal
        self._inner = inner

    @property
    def event(self) -> ClientEvent:
        """The event as it went out."""
        return self._inner.event

    @property
    def event_id(self) -> str | None:
        """Its id, which an ``error`` about it repeats."""
        return self._inner.event_id

    def acknowledged(self, timeout: float | None = None) -> Event | None:
        """See :meth:`voxwire.SendReceipt.acknowledged`."""
        return self._portal.call(self._inner.acknowledged(timeout))


class EventStream(Generic[E]):
    """Events as they come, for one reader; the counterpart of :class:`voxwire.EventStream`."""

    def __init__(self, portal: Portal, inner: streams.EventStream[E]) -> None:
        self._portal = portal
        self._inner = inner

    def __iter__(self) -> Iterator[E | Overflow]:
        return self._portal.iterate(self._inner)

    def close(self) -> None:
        """Stop listening; what is queued can still be read."""
        self._portal.run(self._inner.close)

    def __enter__(self) -> EventStream[E]:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Expectation(Generic[E]):
    """A wait that listens before you act: ``with session.expect(SessionUpdated) as updated: ...``.

    The end of the block waits; ``updated.event`` is what came.
    """

    def __init__(self, portal: Portal, inner: streams.Expectation[E]) -> None:
        self._portal = portal
        self._inner = inner

    @property
    def event(self) -> E:
        """The event; waits for it where it has not come."""
        return self._portal.call(self._inner.wait())

    def __enter__(self) -> Expectation[E]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._portal.call(self._inner.__aexit__(kind, error, trace))
