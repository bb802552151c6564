"""Transcription and translation for programs that do not use asyncio: the same sessions, each on a
loop in a thread of its own.

This module hands calls over. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, TypeVar

from voxwire_protocol import Event

from ..session import transcription as transcribing
from ..session import translation as translating
from ..session.media_session import SoundSource
from ..session.sender import Sendable, TranslationSendable
from ..session.transcription import TranscriptLine
from ..session.translation import Translated
from .base import BaseSession
from .response import SendReceipt
from .subscriptions import plain

__all__ = ["Transcriber", "Translator"]

K = TypeVar("K", transcribing.Transcriber, translating.Translator)


class _Kind(BaseSession[K]):
    """What both have in common."""

    def on(self, key: type[Event] | str, handler: Callable[[Any], Any]) -> None:
        """Call `handler`, in a worker thread, with each event that matches."""
        self._portal.run(lambda: self._inner.on(key, handler, thread=plain(handler)))

    def off(self, key: type[Event] | str, handler: Callable[..., Any]) -> bool:
        """Undo :meth:`on`; tells whether there was anything to undo."""
        return self._portal.run(lambda: self._inner.off(key, handler))

    def wait_for(self, key: type[Event] | str, *, timeout: float | None = None) -> Any:
        """The next matching event; see :meth:`voxwire.Session.wait_for`."""
        return self._portal.call(self._inner.wait_for(key, timeout=timeout))

    def append_audio(self, audio: bytes | bytearray | memoryview) -> None:
        """Send sound, any length."""
        self._portal.call(self._inner.append_audio(audio))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the session and its thread; calling it again does nothing."""
        self._portal.end(self._inner, self._inner.close(code, reason))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._portal.end(self._inner, self._inner.__aexit__(kind, error, trace))


class Transcriber(_Kind[transcribing.Transcriber]):
    """A live transcription session; the counterpart of :class:`voxwire.Transcriber`."""

    def send(self, event: Sendable, *, extra: Mapping[str, Any] | None = None) -> SendReceipt:
        """Check an event and send it; see :meth:`voxwire.Session.send`."""
        return SendReceipt(self._portal, self._portal.call(self._inner.send(event, extra=extra)))

    def commit_audio(self) -> SendReceipt:
        """End a line by hand; see :meth:`voxwire.Session.commit_audio`."""
        return SendReceipt(self._portal, self._portal.call(self._inner.commit_audio()))

    def clear_audio(self) -> SendReceipt:
        """Throw away what was appended and not committed."""
        return SendReceipt(self._portal, self._portal.call(self._inner.clear_audio()))

    def update(self, **options: Any) -> Event | None:
        """Change the session; see :meth:`voxwire.Transcriber.update`."""
        return self._portal.call(self._inner.update(**options))

    def transcribe(self, source: SoundSource, **options: Any) -> Iterator[TranscriptLine]:
        """Send sound, and give lines of text; see :meth:`voxwire.Transcriber.transcribe`."""
        return self._portal.iterate(self._inner.transcribe(source, **options))


class Translator(_Kind[translating.Translator]):
    """A live translation session; the counterpart of :class:`voxwire.Translator`."""

    def send(
        self, event: TranslationSendable, *, extra: Mapping[str, Any] | None = None
    ) -> SendReceipt:
        """Check an event and send it; see :meth:`voxwire.Session.send`."""
        return SendReceipt(self._portal, self._portal.call(self._inner.send(event, extra=extra)))

    def update(self, *, to: str | None = None, **options: Any) -> Event | None:
        """Change the session; see :meth:`voxwire.Translator.update`."""
        return self._portal.call(self._inner.update(to=to, **options))

    def translate(self, source: SoundSource) -> Iterator[Translated]:
        """Send speech, and give its translation; see :meth:`voxwire.Translator.translate`."""
        return self._portal.iterate(self._inner.translate(source))
