"""Servers for tests, each on a loop in a thread of its own, so that any test can use them.

Importing this costs next to nothing: what a server needs is imported when it is made. Knows the
servers; knows no test runner.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from ..emulator import Connection, Deviation, Emulator, Guest, ReplayServer  # noqa: F401
    from ..protocol.audio_format import Format

__all__ = ["Cassette", "Hosted", "RealtimeServer", "Replay"]

S = TypeVar("S", bound=AbstractAsyncContextManager[Any])


class Hosted(Generic[S]):
    """A server that runs on a loop in a thread of its own, for one test."""

    def __init__(self, server: S) -> None:
        from ..sync.portal import Portal

        self._server = server
        self._portal = Portal()
        try:
            self._portal.call(server.__aenter__())
        except BaseException:  # also Ctrl-C: no thread is left behind
            self._portal.close()
            raise

    def stop(self) -> None:
        """Stop the server and its thread; the first time only."""
        if not self._portal.closed:
            try:
                self._portal.call(self._server.__aexit__(None, None, None))
            finally:
                self._portal.close()

    def finish(self, passed: bool) -> list[str]:
        """What speaks against a test that is over."""
        self.stop()
        return []


class RealtimeServer(Hosted["Emulator"]):
    """The emulator, for one test: see :class:`voxwire.emulator.Emulator`.

    Functions that answer, given to :meth:`on`, run on the server's thread.
    """

    @property
    def url(self) -> str:
        """Where sessions are opened."""
        return self._server.url

    @property
    def http_url(self) -> str:
        """The base URL of the HTTP half, and what other clients call ``base_url``."""
        return self._server.http_url

    @property
    def emulator(self) -> Emulator:
        """The server itself, which belongs to another thread: change it before it is used."""
        return self._server

    @property
    def connections(self) -> list[Guest]:
        """Who came, in order, with what they sent."""
        return self._server.connections

    def on(self, match: str | re.Pattern[str] | None = None, **answer: Any) -> None:
        """Answer in a certain way: see :meth:`voxwire.emulator.Script.on`."""
        self._portal.run(lambda: self._server.on(match, **answer))

    def hear(self, *texts: str) -> None:
        """What the next pieces of speech will say, one after the other."""
        self._portal.run(lambda: self._server.hear(*texts))

    def speech(self, text: str, format: Format | None = None) -> bytes:
        """Sound that this server will hear as ``text``, in PCM16 unless said otherwise."""
        more = () if format is None else (format,)
        return self._portal.run(lambda: self._server.speech(text, *more))

    def release(self) -> None:
        """Let all replies go on that were told to hold."""
        self._portal.run(self._server.release)


class Replay(Hosted["ReplayServer"]):
    """A recording, played back for one test: see :class:`voxwire.emulator.ReplayServer`."""

    def __init__(self, path: Path, **options: Any) -> None:
        from ..emulator import ReplayServer

        self.path = path
        options.setdefault("matching", "strict")
        super().__init__(ReplayServer(path, **options))

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return self._server.url

    @property
    def connections(self) -> list[Connection]:
        """Who came, in order, with what they sent."""
        return self._server.connections

    @property
    def deviations(self) -> list[Deviation]:
        """What clients did otherwise than on record."""
        return self._server.deviations

    def finish(self, passed: bool) -> list[str]:
        super().finish(passed)
        if self._server.matching != "strict":
            return []
        return [f"{self.path.name}: {deviation}" for deviation in self._server.deviations]


class Cassette:
    """A session that was recorded once and is played back ever after.

    Attributes:
        url: where the client of the test connects to.
        path: the recording.
        recording: whether this run records.
    """

    def __init__(self, path: Path, to: str | None, options: Mapping[str, Any]) -> None:
        self.path = path
        self.recording = to is not None
        self._hosted: Hosted[Any]
        options = dict(options)
        audio = options.pop("audio", True)
        if to is None:
            self._hosted = Replay(path, **options)
            self.url = self._hosted.url
            return
        from ..emulator.proxy import RecordingProxy

        self._new = path.with_name(f"{path.name}.new")
        self._new.unlink(missing_ok=True)
        proxy = RecordingProxy(to, self._new, audio=audio, headers=_key_for(to))
        self._hosted = Hosted(proxy)
        self.url = proxy.url

    def stop(self) -> None:
        """Stop what runs; a recording that was not kept by then is not kept."""
        self._hosted.stop()
        if self.recording:
            self._new.unlink(missing_ok=True)

    def finish(self, passed: bool) -> list[str]:
        """Keep what a test recorded that has passed."""
        found = self._hosted.finish(passed)
        if self.recording and passed:
            if not self._new.exists():
                return [f"{self.path.name}: nothing was recorded: connect to realtime_cassette.url"]
            self._new.replace(self.path)
        return found


def _key_for(to: str) -> dict[str, str]:
    """The key of the environment, for tests whose client finds none for a local address."""
    from ..errors import InvalidOption
    from ..transport.providers import target

    try:
        return dict(target(url=to).headers)
    except InvalidOption:  # no key: the client has to bring one
        return {}
