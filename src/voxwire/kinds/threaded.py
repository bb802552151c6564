"""Transcription and translation for programs that do not use asyncio: the same sessions, each on a
loop in a thread of its own.

This module hands calls over. It decides nothing. How calls get from one thread to another, it is
given.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from voxwire_protocol import Event

from ..costs import SessionUsage
from ..errors import ConnectionClosedError
from ..events import ConnectionClosed
from ..recording.recorder import Recorder
from ..sending import Sendable
from ..session import Live
from . import transcribing, translating
from .connecting import connect_transcription, connect_translation
from .lines import Line
from .sources import SoundSource
from .translating import Translated

if TYPE_CHECKING:  # it is built on this module
    from ..sync import Portal, Receipt

__all__ = ["ConnectKind", "Transcriber", "Translator", "transcription", "translation"]

L = TypeVar("L", bound=Live)
K = TypeVar("K", bound="_Kind[Any]")


class _Kind(Generic[L]):
    """What both have in common."""

    def __init__(self, portal: Portal, inner: L, receipt: type[Receipt]) -> None:
        self._portal = portal
        self._inner = inner
        self._receipt = receipt

    @property
    def session(self) -> Any:
        """The session as the server last described it."""
        return self._inner.session

    @property
    def closed(self) -> ConnectionClosed | None:
        """How the connection ended; ``None`` while it is open."""
        return self._inner.closed

    def __repr__(self) -> str:
        return repr(self._inner).replace("voxwire.", "voxwire.sync.", 1)

    def __iter__(self) -> Iterator[Event]:
        """All events from the server; see :meth:`voxwire.Session.__aiter__`."""
        return self._portal.iterate(self._inner.__aiter__())

    def send(self, event: Sendable, *, extra: Mapping[str, Any] | None = None) -> Receipt:
        """Check an event and send it; see :meth:`voxwire.Session.send`."""
        return self._receipt(self._portal, self._portal.call(self._inner.send(event, extra=extra)))

    def on(self, key: type[Event] | str, handler: Callable[[Any], Any]) -> None:
        """Call `handler`, in a worker thread, with each event that matches."""
        plain = not inspect.iscoroutinefunction(handler)
        self._portal.run(lambda: self._inner.on(key, handler, thread=plain))

    def off(self, key: type[Event] | str, handler: Callable[..., Any]) -> bool:
        """Undo :meth:`on`; tells whether there was anything to undo."""
        return self._portal.run(lambda: self._inner.off(key, handler))

    def wait_for(self, key: type[Event] | str, *, timeout: float | None = None) -> Any:
        """The next matching event; see :meth:`voxwire.Session.wait_for`."""
        return self._portal.call(self._inner.wait_for(key, timeout=timeout))

    @property
    def usage(self) -> SessionUsage:
        """What was used so far; ``session.usage.cost()`` is the bill for it."""
        return self._inner.usage

    def append_audio(self, audio: bytes | bytearray | memoryview) -> None:
        """Send sound, any length."""
        self._portal.call(self._speak(audio))

    def _speak(self, audio: bytes | bytearray | memoryview) -> Any:
        raise NotImplementedError

    def record(self, path: str | os.PathLike[str], *, audio: bool = True) -> Recorder:
        """Write all frames from now on to `path`; see :meth:`voxwire.Session.record`."""
        return self._portal.run(lambda: self._inner.record(path, audio=audio))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the session and its thread; calling it again does nothing."""
        if not self._portal.closed:
            self._portal.call(self._inner.close(code, reason))
            self._ended()

    def _ended(self) -> None:
        ended = self._inner.closed
        if ended is not None:
            self._portal.error = ConnectionClosedError(ended.code, ended.reason)
        self._portal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if not self._portal.closed:
            self._portal.call(self._inner.__aexit__(kind, error, trace))
            self._ended()


class Transcriber(_Kind[transcribing.Transcriber]):
    """A live transcription session; the counterpart of :class:`voxwire.Transcriber`."""

    def _speak(self, audio: bytes | bytearray | memoryview) -> Any:
        return self._inner.append_audio(audio)

    def commit_audio(self) -> Receipt:
        """End a line by hand; see :meth:`voxwire.Session.commit_audio`."""
        return self._receipt(self._portal, self._portal.call(self._inner.commit_audio()))

    def clear_audio(self) -> Receipt:
        """Throw away what was appended and not committed."""
        return self._receipt(self._portal, self._portal.call(self._inner.clear_audio()))

    def update(self, **options: Any) -> Event | None:
        """Change the session; see :meth:`voxwire.Transcriber.update`."""
        return self._portal.call(self._inner.update(**options))

    def transcribe(self, source: SoundSource, **options: Any) -> Iterator[Line]:
        """Send sound, and give lines of text; see :meth:`voxwire.Transcriber.transcribe`."""
        return self._portal.iterate(self._inner.transcribe(source, **options))


class Translator(_Kind[translating.Translator]):
    """A live translation session; the counterpart of :class:`voxwire.Translator`."""

    def _speak(self, audio: bytes | bytearray | memoryview) -> Any:
        return self._inner.append_audio(audio)

    def update(self, *, to: str | None = None, **options: Any) -> Event | None:
        """Change the session; see :meth:`voxwire.Translator.update`."""
        return self._portal.call(self._inner.update(to=to, **options))

    def translate(self, source: SoundSource) -> Iterator[Translated]:
        """Send speech, and give its translation; see :meth:`voxwire.Translator.translate`."""
        return self._portal.iterate(self._inner.translate(source))


class ConnectKind(Generic[K]):
    """A session that is about to be opened: ``with ... as session``, or :meth:`open`."""

    def __init__(self, portal: Callable[[], Portal], open_on: Callable[[Portal], K]) -> None:
        self._portal = portal
        self._open_on = open_on
        self._session: K | None = None

    def open(self) -> K:
        """Open it; the caller closes it."""
        portal = self._portal()
        try:
            return self._open_on(portal)
        except BaseException:  # also Ctrl-C: no thread is left behind
            portal.close()
            raise

    def __enter__(self) -> K:
        self._session = self.open()
        return self._session

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self._session is not None:
            self._session.__exit__(kind, error, trace)


def transcription(
    portal: type[Portal], receipt: type[Receipt], options: Mapping[str, Any]
) -> ConnectKind[Transcriber]:
    """What ``voxwire.sync.connect_transcription`` gives. Wrong options are told now."""
    inner = connect_transcription(**options)
    return ConnectKind(portal, lambda here: Transcriber(here, here.call(inner.open()), receipt))


def translation(
    portal: type[Portal], receipt: type[Receipt], options: Mapping[str, Any]
) -> ConnectKind[Translator]:
    """What ``voxwire.sync.connect_translation`` gives. Wrong options are told now."""
    inner = connect_translation(**options)
    return ConnectKind(portal, lambda here: Translator(here, here.call(inner.open()), receipt))
