"""What every asyncio session can do: send events, and audio of the user.

This module knows the order in which things go out. It does not know the socket's errors.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from voxwire_protocol import InputAudioBufferClear, InputAudioBufferCommit

from ..errors import InvalidEvent
from ..protocol.constraints import require_writable
from .core import Core, log
from .input_audio import MAX_APPEND, pieces
from .response import SendReceipt

if TYPE_CHECKING:
    from typing_extensions import Buffer
    from voxwire_protocol import (
        ClientEvent,
        RealtimeClientEvent,
        RealtimeClientEventDict,
        TranslationClientEvent,
        TranslationClientEventDict,
    )

    from ..conversation.pricing import SessionUsage

__all__ = ["Hearing", "Sendable", "SendingMethods", "Sound", "TranslationSendable"]

Sound: TypeAlias = "Buffer"
"""Bytes of audio, or an array of samples."""

Sendable: TypeAlias = "RealtimeClientEvent | RealtimeClientEventDict"
"""An event to send: an instance, or a dict with its `type`, whose keys a type checker knows."""

TranslationSendable: TypeAlias = "TranslationClientEvent | TranslationClientEventDict"
"""The same for translation sessions, which have events of their own."""


class SendingMethods:
    """What a session of every kind offers to those who send."""

    _core: Core

    async def _write(self, frame: str | bytes) -> None:
        raise NotImplementedError

    def _write_now(self, frame: bytes) -> bool:
        """Write without waiting, where nothing is in the way; tells whether."""
        raise NotImplementedError

    async def _ready(self) -> None:
        """Wait until there is a connection to write to; raise where there will be none."""
        raise NotImplementedError

    def _here(self, *, listening: bool = False) -> None:
        """See :class:`Listening`."""
        raise NotImplementedError

    def _flush_soon(self) -> None:
        """Have a task flush: for calls that are not coroutines."""
        raise NotImplementedError

    @property
    def usage(self) -> SessionUsage:
        """What was used so far; ``session.usage.cost()`` is the bill for it."""
        return self._core.usage

    async def _send(
        self, event: ClientEvent | Mapping[str, Any], extra: Mapping[str, Any] | None = None
    ) -> SendReceipt:
        """What ``send`` does, which says for each type of session which events it takes."""
        self._here()
        checked, frame = self._core.prepare(event, extra=extra)
        return SendReceipt(await self._transmit(checked, frame, extra))

    async def send_raw(self, frame: str | bytes) -> None:
        """Send a text frame as it is, unchecked. Raises :class:`ConnectionClosedError`, and
        :class:`InvalidEvent` for a text that no frame can carry."""
        self._here()
        if isinstance(frame, str):
            require_writable(frame, "$")
        self._core.require_open()
        await self._transmit(None, frame)

    async def _transmit(
        self,
        event: ClientEvent | None,
        frame: str | bytes,
        extra: Mapping[str, Any] | None = None,
    ) -> Any:
        if self._core.down:
            await self._ready()  # and before the responses that wait as well
            if event is not None:  # what it speaks of may have another name there
                frame = self._core.prepare(event, extra=extra)[1]
        else:
            await self._flush()  # what was asked for before goes out before
        # Noted before it is written: the answer may be here before the write has returned.
        receipt = self._core.sent(event, frame)
        if self._core.outbox:
            self._flush_soon()  # it called for more
        await self._write(frame)
        return receipt

    async def _flush(self) -> None:
        """Send what the core has decided to send. Each frame is handed to the socket without a
        pause after it was taken, so that several who flush at once keep the order."""
        core, outbox = self._core, self._core.outbox
        try:
            while outbox and not core.down:
                wanted = outbox.pop(0)
                try:
                    event, frame = core.prepare(wanted)
                except InvalidEvent as error:
                    # Such as an id of the server's that no frame can carry: the rest goes out.
                    log.exception("an event of Voxwire's own was refused")
                    core.unsendable(wanted, error)
                    continue
                self._core.sent(event, frame)
                await self._write(frame)
        finally:
            if outbox and not core.down:
                self._flush_soon()  # who flushed was cancelled, and others have asked for the rest


class Hearing(SendingMethods):
    """What a session offers that takes the user's audio into its input buffer."""

    async def send(self, event: Sendable, *, extra: Mapping[str, Any] | None = None) -> SendReceipt:
        """Check an event and send it. ``await receipt.acknowledged()`` waits for its answer.

        Args:
            event: an instance, or a dict with its `type`.
            extra: keys that the specs do not declare, sent beside the event's own.

        Raises:
            InvalidEvent: it breaks the protocol; nothing was sent.
            ConnectionClosedError: the connection has ended.

        While a lost connection is replaced (see :class:`Reconnect`), it waits for the new one.
        """
        return await self._send(event, extra)

    async def append_audio(self, audio: Sound | Iterator[Sound] | AsyncIterable[Sound]) -> None:
        """Append the user's audio, in the session's input format; any length.

        Args:
            audio: bytes, an array of samples (contiguous, of the format's own width), or an
                iterator of such pieces, plain or async, which is read as fast as they are sent.

        Raises:
            InvalidOption: it is no audio; what came before it in an iterator was sent.
            ConnectionClosedError: the connection has ended.
        """
        core = self._core
        if type(audio) is bytes and 0 < len(audio) <= MAX_APPEND:
            # As a microphone gives it, fifty times a second.
            self._here()
            if core.closed is None and not core.outbox and not core.down:
                frame = core.append(audio)
                if not self._write_now(frame):
                    await self._write(frame)
                return
        elif isinstance(audio, AsyncIterable):
            async for piece in audio:
                await self.append_audio(piece)
            return
        elif isinstance(audio, Iterator):
            for piece in audio:
                await self.append_audio(piece)
            return
        self._here()
        if core.closed is not None:
            core.require_open()
        if core.outbox:
            await self._flush()
        for part in pieces(cast("bytes", audio)):
            if core.down:
                core.hold(part)  # a microphone does not wait
            else:
                await self._write(core.append(part))

    async def commit_audio(self) -> SendReceipt:
        """End the user's turn by hand: what was appended becomes an item. Needed only where turn
        detection is off.

        Raises:
            InvalidOption: turn detection is on, or less than 100 ms were appended.
        """
        self._core.uplink.check_commit(self._core.session)
        return await self.send(InputAudioBufferCommit())

    async def clear_audio(self) -> SendReceipt:
        """Throw away what was appended and not committed."""
        return await self.send(InputAudioBufferClear())
