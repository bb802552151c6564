"""The asyncio handles of what was asked for and sent: await the end, or read as it comes.

This module knows how coroutines wait for a turn. What a turn is, it does not decide.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import aclosing
from typing import Any, Generic, TypeVar

from voxwire_protocol import ClientEvent, Event, FunctionCall, RealtimeResponse, ResponseUsage

from ..errors import QueueOverflow, ResponseFailedError, WaitTimeout
from .acknowledgements import SentEvent
from .responses.state import DedupText, ResponseState

__all__ = ["AudioStream", "Response", "Said", "SendReceipt", "TextStream"]

T = TypeVar("T")


class TextStream(Generic[T]):
    """What has come and what is to come, for any number of readers.

    Args:
        pieces: the list that the turn fills.
        lost: how many pieces are no longer at the front of that list.
    """

    def __init__(
        self,
        turn: ResponseState,
        pieces: Callable[[], list[T]],
        lost: Callable[[], int] = lambda: 0,
    ) -> None:
        self._turn = turn
        self._pieces = pieces
        self._lost = lost

    @property
    def ended(self) -> bool:
        """Whether nothing more is to come."""
        return self._turn.done

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        place = 0
        woken = asyncio.Event()
        self._turn.subscribe(woken.set)
        try:
            while True:
                woken.clear()
                while (at := place - self._lost()) < len(self._pieces()):
                    if at < 0:
                        raise QueueOverflow(-at)
                    place += 1
                    yield self._pieces()[at]
                if self._turn.done:
                    break
                # There are fewer than were read where they turned out to be another turn's.
                place = min(place, self._lost() + len(self._pieces()))
                await woken.wait()
        finally:
            self._turn.unsubscribe(woken.set)
        if self._turn.error is not None:
            raise self._turn.error


class Said(str):
    """What has been said up to now; in ``async for``, piece by piece from the start to the end."""

    __slots__ = ("_pieces",)
    _pieces: TextStream[str]

    @classmethod
    def of(cls, turn: ResponseState, pieces: DedupText) -> Said:
        """What is in `pieces`, which the turn goes on filling."""
        said = cls(pieces.value)
        said._pieces = TextStream(turn, lambda: pieces)
        return said

    def __aiter__(self) -> AsyncIterator[str]:
        return self._pieces.__aiter__()

    def __str__(self) -> str:
        if not self._pieces.ended:
            warnings.warn(
                "the response has not ended, so its text is not whole: await the response first, "
                "or read the text with `async for`",
                RuntimeWarning,
                stacklevel=2,
            )
        return str.__str__(self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str.__str__(self),)  # a copy, or what is unpickled elsewhere, is a text


class AudioStream:
    """Audio as it comes, as bytes in the session's output format.

    It is kept for those who come late, up to some minutes: then the oldest goes, and who has not
    read it gets :class:`QueueOverflow`.
    """

    def __init__(self, turn: ResponseState) -> None:
        self._pieces = TextStream(turn, lambda: turn.audio, lambda: turn.audio_lost)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(aiter(self._pieces)) as events:
            async for event in events:
                yield event.audio


class Response:
    """A response that was asked for. It has been sent, or waits for its turn to be sent.

    ``await response`` waits for the end, tools and what follows them included, and gives the
    response itself. To read it as it comes, do not await it: ``async for piece in response.text``.

    Awaiting raises :class:`ServerError` where the server refused the request,
    :class:`ResponseTimeoutError` where it was silent for too long (``connect(response_timeout=)``),
    and :class:`ConnectionClosedError` where the session ended before. A response that failed, was
    cancelled or is incomplete raises nothing: see :attr:`status` and :meth:`raise_for_status`.

    Where everybody who awaits it gives up (``asyncio.wait_for``, a cancelled task), the response
    that runs is left to end, and no further round of tools is begun.
    """

    def __init__(
        self,
        turn: ResponseState,
        cancel: Callable[[ResponseState], Any],
        abandon: Callable[[ResponseState], Any],
    ) -> None:
        self._turn = turn
        self._cancel = cancel
        self._abandon = abandon
        self._awaiting = 0

    @property
    def id(self) -> str | None:
        """The id of the response that runs or ended last; ``None`` before the server made one."""
        if self._turn.response_id is not None:
            return self._turn.response_id
        last = self._turn.responses[-1].id if self._turn.responses else None
        return last if isinstance(last, str) else None

    @property
    def status(self) -> str:
        """``queued``, ``in_progress``, ``completed``, ``cancelled``, ``incomplete``, ``failed``."""
        return self._turn.status

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._turn.done

    @property
    def text(self) -> Said:
        """The words of the answer, written or spoken: a ``str`` of what has come so far, whole once
        the response has been awaited. ``async for piece in response.text`` reads it as it comes. To
        print it before the end warns, for it is not whole."""
        return Said.of(self._turn, self._turn.said)

    @property
    def transcript(self) -> Said:
        """The words that were spoken, without what was written; otherwise like :attr:`text`."""
        return Said.of(self._turn, self._turn.transcript)

    def stream(self) -> AsyncIterator[str]:
        """The words of the answer, written or spoken, delta by delta from its start to its end."""
        return TextStream(self._turn, lambda: self._turn.said).__aiter__()

    @property
    def audio(self) -> AudioStream:
        """The audio, to iterate with ``async for``; it comes faster than it plays."""
        return AudioStream(self._turn)

    @property
    def responses(self) -> list[RealtimeResponse]:
        """The ended responses of the turn in order: more than one where tools were called."""
        return list(self._turn.responses)

    @property
    def calls(self) -> list[FunctionCall]:
        """All function calls of the turn, in order."""
        return [
            item
            for response in self._turn.responses
            for item in (response.output if isinstance(response.output, list) else [])
            if isinstance(item, FunctionCall)
        ]

    @property
    def usage(self) -> ResponseUsage | None:
        """The usage of the response that ended last; ``None`` where the server gave none."""
        last = self._turn.responses[-1].usage if self._turn.responses else None
        return last if isinstance(last, ResponseUsage) else None

    def raise_for_status(self) -> Response:
        """Raise :class:`ResponseFailedError` where the response failed or is incomplete; else give
        the response. One that was cancelled raises nothing: that was asked for."""
        if self.status in ("failed", "incomplete") and self._turn.error is None:
            raise self._failure()
        if self._turn.error is not None:
            raise self._turn.error
        return self

    def _failure(self) -> ResponseFailedError:
        last: Any = self._turn.responses[-1] if self._turn.responses else None
        details = getattr(last, "status_details", None)
        error = getattr(details, "error", None)
        found = (
            getattr(error, "code", None),
            getattr(error, "type", None),
            getattr(details, "reason", None),
        )
        message = getattr(error, "message", None)
        return ResponseFailedError(
            self.status,
            code=next((text for text in found if isinstance(text, str)), None),
            message=message if isinstance(message, str) else "",
            response_id=self.id,
        )

    async def cancel(self) -> None:
        """Ask the server to stop, as soon as it has begun. The response ends with its own event, or
        with the server's word that nothing runs: await it for that. On a server that may have lost
        it, use :meth:`abandon`."""
        await self._cancel(self._turn)

    async def abandon(self) -> None:
        """Wait for the response no longer, whatever the server does: it ends here and now as
        ``cancelled``, the server is asked to stop it, and what waits in the queue goes on."""
        await self._abandon(self._turn)

    def __await__(self) -> Generator[Any, None, Response]:
        return self._ended().__await__()

    async def _ended(self) -> Response:
        woken = asyncio.Event()
        self._turn.subscribe(woken.set)
        self._awaiting += 1
        self._turn.waived = False
        try:
            while not self._turn.done:
                woken.clear()
                await woken.wait()
        finally:
            self._turn.unsubscribe(woken.set)
            self._awaiting -= 1
            # Who gave up, by a time-out for one, wants no further rounds of tools.
            self._turn.waived = not self._turn.done and self._awaiting == 0
        if self._turn.error is not None:
            raise self._turn.error
        return self

    def __repr__(self) -> str:
        return f"<voxwire.Response {self.id or '(no id yet)'} {self.status}>"


class SendReceipt:
    """What was sent: it has left this side, and may be refused or acknowledged yet."""

    def __init__(self, sent: SentEvent) -> None:
        self._sent = sent

    @property
    def event(self) -> ClientEvent:
        """The event as it went out."""
        return self._sent.event

    @property
    def event_id(self) -> str | None:
        """Its id, which an ``error`` about it repeats."""
        return self._sent.event_id

    async def acknowledged(self, timeout: float | None = None) -> Event | None:
        """Wait for the event by which the server takes it up; ``None`` for an event, such as
        ``input_audio_buffer.append``, that is never acknowledged.

        Args:
            timeout: seconds; ``None`` waits as long as the connection lasts. A compatible server
                may leave an acknowledgement out, so give one where you do not know the server.

        Raises:
            ServerError: the server refused it with an ``error``.
            WaitTimeout: nothing came in time.
            ConnectionClosedError: the connection ended before.
        """
        sent = self._sent
        if not sent.awaited:
            return None
        woken = asyncio.Event()
        sent.subscribe(woken.set)
        try:
            async with asyncio.timeout(timeout):
                await woken.wait()
        except TimeoutError:
            if not sent.done:  # else it came in the same moment
                name = type(sent.event).__name__
                raise WaitTimeout(f"no answer to {name} within {timeout:g} s") from None
        finally:
            sent.unsubscribe(woken.set)
        if sent.error is not None:
            raise sent.error
        return sent.answer

    def __repr__(self) -> str:
        return f"<voxwire.Receipt {type(self.event).__name__} {self.event_id}>"
