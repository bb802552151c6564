"""Recordings: the frames of sessions, one JSON object a line, written as they pass and read back.

Knows the file format, and that keys are never written and audio only if wanted. Knows no event
class and opens no socket: a frame is JSON, or what came in place of it.

A line is an object with ``dir``:

==========  ========================================================================================
``c2s``     a frame that the client sent
``s2c``     a frame that the server sent
``close``   the end: ``code`` and ``reason`` (null where the connection broke), ``by`` which side
``meta``    about the connection; the first one of a connection has ``format``, ``created``, ``url``
==========  ========================================================================================

``t`` is seconds since the connection began. A frame is its JSON in ``event``, or, where it was no
JSON, its text in ``raw``; ``"encoding": "base64"`` beside it marks bytes. ``left_out`` (JSON
pointer -> length of the base64) names audio that was not kept. A file holds any number of
connections, each begun by its ``meta`` line. Files of other recorders, which lack ``format``, and
write the ``repr`` of what was no JSON into ``raw``, are read too.
"""

from __future__ import annotations

import datetime
import logging
import os
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self, cast

from ..errors import RecordingError
from ..protocol.redaction import DeltaRedactor, redact, redact_text, redact_url
from .frames import (
    FORMAT,
    Close,
    Direction,
    Entry,
    Frame,
    Meta,
    dumps,
    read,
    sessions,
    without_audio,
)

__all__ = ["FORMAT", "Close", "Entry", "Frame", "Meta", "Recorder", "read", "sessions"]

_log = logging.getLogger("voxwire.recording")


class Recorder:
    """Appends connections to a file, line by line, each line flushed before the call returns.

    A file that exists is continued, never overwritten, also after a crash in the middle of a line.
    It is open from the first frame of a connection to its end. When the disk fails, recording ends
    with a logged error and the session goes on.

    Args:
        path: the file; its folder is made.
        url: the address of the first connection; kept without its secrets.
        audio: False leaves the base64 of audio out and notes its length.
        secrets: strings that are cut out wherever they appear, beside what looks like a key.
        clock: a monotonic clock in seconds.

    Raises:
        RecordingError: the file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        url: str | None = None,
        audio: bool = True,
        secrets: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = Path(path)
        self._audio = audio
        self._secrets = tuple(secrets)
        self._clock = clock
        self.failure: OSError | None = None
        """Why the recording ended before its time; ``None`` while it goes on."""
        self._deltas = DeltaRedactor()
        self._file: BinaryIO | None = None
        self._url: str | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.open("ab").close()  # better to fail now than in the middle of a session
        except OSError as error:
            raise RecordingError(f"{self.path}: cannot be written: {error.strerror}") from error
        self.begin(url)

    def hide(self, secrets: Iterable[str]) -> None:
        """Cut these strings out, too, from now on."""
        self._secrets = (*self._secrets, *(s for s in secrets if s not in self._secrets))

    def begin(self, url: str | None = None, **about: Any) -> None:
        """Begin a connection: what follows belongs to it, and its time starts at 0. Without `url`
        the address is the one of the connection before."""
        self.close()
        url = self._url = self._url if url is None else url
        self._start = self._clock()
        created = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        fields: dict[str, Any] = {"format": FORMAT, "created": created}
        if url is not None:
            fields["url"] = redact_url(url, self._secrets)
        self._meta = _line(0.0, "meta", fields | redact(about, self._secrets))

    def client(self, frame: str | bytes, *, binary: bool = False) -> None:
        """A frame that the client sent. ``binary`` tells bytes that are no text on purpose."""
        self._frame("c2s", frame, binary)

    def server(self, frame: str | bytes, *, binary: bool = False) -> None:
        """A frame that the server sent."""
        self._frame("s2c", frame, binary)

    def closed(
        self,
        code: int | None,
        reason: str | None = None,
        *,
        by: Literal["client", "server"] | None = None,
    ) -> None:
        """The connection has ended. What comes until the next :meth:`begin` is dropped."""
        reason = None if reason is None else redact_text(reason, self._secrets)
        self._write("close", {"code": code, "reason": reason} | ({"by": by} if by else {}))
        self.close()

    def close(self) -> None:
        """Close the file. What comes until the next :meth:`begin` is dropped."""
        self._meta = b""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _frame(self, direction: Direction, message: str | bytes, binary: bool) -> None:
        if self._file is None and not self._meta:
            return
        frame = Frame.of(direction, message, binary=binary)
        if isinstance(frame.raw, bytes):
            self._write(direction, {"raw": b64encode(frame.raw).decode(), "encoding": "base64"})
        elif frame.raw is not None:
            self._write(direction, {"raw": redact_text(frame.raw, self._secrets)})
        else:
            left_out: dict[str, int] = {}
            try:
                event = frame.event if self._audio else without_audio(frame.event, left_out)
                fields: dict[str, Any] = {"event": self._clean(event)}
                self._write(direction, fields | ({"left_out": left_out} if left_out else {}))
            except RecursionError:  # nested more deeply than anything of the protocol: as a text
                text = message if isinstance(message, str) else message.decode("utf-8", "replace")
                self._write(direction, {"raw": redact_text(text, self._secrets)})

    def _clean(self, event: Any) -> Any:
        """An event without keys, also one that comes in deltas."""
        clean = redact(event, self._secrets)
        if not isinstance(clean, dict):
            return clean
        fields = cast("dict[str, Any]", clean)
        kind, delta = fields.get("type"), event.get("delta")
        if not isinstance(delta, str) or kind in _SOUND:
            return fields
        place = ("item_id", "content_index", "output_index")
        stream = "/".join(str(event.get(key)) for key in ("type", "response_id", *place))
        return {**fields, "delta": self._deltas.redact(stream, delta, self._secrets)}

    def _write(self, direction: str, fields: Mapping[str, Any]) -> None:
        line = _line(self._clock() - self._start, direction, fields)
        try:
            if self._file is None:
                if not self._meta:
                    return
                self._file = _appending(self.path)
                self._meta, line = b"", self._meta + line
            self._file.write(line)
            self._file.flush()
        except OSError as error:  # the disk fails: the session goes on without its recording
            _log.error("%s: recording ended: %s", self.path, error.strerror)
            self.failure = error
            self.close()


_SOUND = ("response.output_audio.delta", "response.audio.delta", "session.output_audio.delta")


def _line(t: float, direction: str, fields: Mapping[str, Any]) -> bytes:
    return dumps({"t": round(t, 4), "dir": direction, **fields}).encode() + b"\n"


def _appending(path: Path) -> BinaryIO:
    """The file, at its end, and there at the beginning of a line."""
    file = path.open("ab+")
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":  # a crash cut the last line off
            file.write(b"\n")
    return file
