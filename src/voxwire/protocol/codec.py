"""Bytes <-> events: reading that never raises, writing that checks first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, cast

import msgspec
from voxwire_protocol import ClientEvent, Event, Model, UnknownEvent, names
from voxwire_protocol._runtime import Problem, dec_hook, plain, set_frame, structure

from ..errors import InvalidEvent
from .constraints import meant, not_json
from .extras import extras, is_object, loads, merged, problems, rebuild
from .validation import check, is_valid, validate

__all__ = [
    "REALTIME",
    "TRANSLATION",
    "Codec",
    "Problem",
    "extras",
    "is_valid",
    "problems",
    "rebuild",
    "validate",
]


_M = TypeVar("_M", bound=Model)
_Decode = Callable[[bytes], Event]

# OpenAI and most others begin every frame like this: up to the quote behind the name, it says all.
_HEAD: Final = b'{"type":"%b"'
_NAME_BEGINS: Final = _HEAD.index(b"%")
# Others write spaces, or the id first. A name with an escape in it is left to the parser.
_OTHER_HEADS: Final = re.compile(
    rb'\s*\{\s*(?:"event_id"\s*:\s*"[^"\\]*"\s*,\s*)?"type"\s*:\s*"([^"\\]*)"'
)


class _Tag(msgspec.Struct):
    """The top-level ``type`` of a frame, wherever it stands in it."""

    type: str


_read_tag: Final = msgspec.json.Decoder(_Tag).decode


def _text(value: Any) -> str:
    """A text of a class of its own, such as :class:`voxwire.session.response.Said`, is a text."""
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError


_encode: Final = msgspec.json.Encoder(enc_hook=_text).encode


class _Reader:
    """Frames of one direction -> events, with one msgspec decoder for each wire name."""

    def __init__(self, table: Mapping[str, type[Event]]) -> None:
        self.table = table
        # Filled as names are seen: a decoder takes milliseconds to make, and few are needed.
        self._decoders: dict[bytes, _Decode] = {}
        # By head: where it ends, and what reads a frame that begins so.
        self._heads: dict[bytes, tuple[bytes, slice, _Decode]] = {}

    def reader(self) -> Callable[[bytes | str], Event]:
        """The function for every frame, written for the deltas that come a hundred times a second.

        A closure, for its variables are found faster than attributes. Runs of one wire name are
        common, so the head of the last frame is tried first: a slice that is there already and a
        comparison take half as long as `startswith`.
        """
        known, other, tolerant = self._heads.get, self._read_other, self._read_tolerantly
        put_frame = set_frame
        last: tuple[bytes, slice, _Decode] = (b"nothing yet", slice(0, 0), tolerant)

        def read(frame: Any) -> Event:
            nonlocal last
            head, beginning, decode = last
            try:
                # A socket gives bytes; of a text, no slice is a head.
                if frame[beginning] != head:
                    found = known(frame[: frame.find(b'"', _NAME_BEGINS) + 1])
                    if found is None:
                        return other(bytes(frame))
                    last = found
                    decode = found[2]
                event = decode(frame)
            except Exception:  # whatever a frame does to a decoder: reading never raises
                return tolerant(frame) if type(frame) is bytes else other(_as_bytes(frame))
            put_frame(event, frame)
            return event

        return read

    def _read_other(self, frame: bytes) -> Event:
        """A wire name not seen before, or a frame that begins in another way."""
        head = _OTHER_HEADS.match(frame)
        try:
            name = head[1] if head else _read_tag(frame).type.encode()
            decode = self._decoders.get(name) or self._decoder(name)
            if decode is None:
                return self._read_tolerantly(frame)
            event = decode(frame)
        except Exception:  # as above: reading never raises
            return self._read_tolerantly(frame)
        set_frame(event, frame)
        return event

    def _decoder(self, name: bytes) -> _Decode | None:
        cls = self.table.get(name.decode())
        if cls is None:
            return None
        decode = self._decoders[name] = msgspec.json.Decoder(cls, dec_hook=dec_hook).decode
        head = _HEAD % name
        self._heads[head] = (head, slice(len(head)), decode)
        return decode

    def _read_tolerantly(self, frame: bytes) -> Event:
        """What the decoders refuse: keep what fits, and lose nothing of the rest."""
        try:
            data = loads(frame)
        except (ValueError, RecursionError) as error:
            # The message of either says where, and shows nothing of the frame.
            reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            return UnknownEvent(None, raw=frame, reason=f"not JSON: {reason}")
        if not is_object(data):
            return UnknownEvent(None, data, raw=frame, reason="not a JSON object")
        name = data.get("type")
        if not isinstance(name, str):
            return UnknownEvent(None, data, raw=frame, reason="no `type`")
        cls = self.table.get(name)
        if cls is None:
            return UnknownEvent(name, data, raw=frame)
        # The decoder has refused the whole, so there is no use in another attempt at that.
        event = structure(cls, data, strict_first=False)
        set_frame(event, frame)
        return event


class Codec:
    """One family of events.

    Args:
        server: wire name -> class of what the server sends, aliases included.
        client: wire name -> class of what the client sends.
    """

    def __init__(
        self, server: Mapping[str, type[Event]], client: Mapping[str, type[Event]]
    ) -> None:
        self.server = server
        self.client = client
        self.decode: Callable[[bytes | str], Event] = _Reader(server).reader()
        """A frame from the server -> its event. Never raises."""
        self.decode_client: Callable[[bytes | str], Event] = _Reader(client).reader()
        """A frame from a client -> its event. Never raises."""

    def event(
        self, event: ClientEvent | Mapping[str, Any], *, extra: Mapping[str, Any] | None = None
    ) -> ClientEvent:
        """Check what a caller wants to send, and give its instance.

        Keys of a mapping that the protocol does not declare are refused by name, unless ``extra``
        holds them too; they are not part of the instance, and :meth:`encode` adds them.
        """
        try:
            if isinstance(event, Mapping):
                cls = self._class_of(event)
                _raise_first(check(cls.__name__, event, extra=extra))
                return cast(ClientEvent, structure(cls, plain(event)))
            if type(event) not in self.client.values():
                name = type(event).__name__
                known = {cls.__name__ for cls in self.client.values()}
                cure = meant(name, known) or "send_raw() sends anything"
                raise InvalidEvent("$", f"{name} is no event that a client sends here", cure)
            _raise_first(check(type(event).__name__, event))
        except RecursionError:  # it is as deep as the program made it, or without end
            raise _too_deep() from None
        return event

    def encode(
        self,
        event: Event | Mapping[str, Any],
        *,
        extra: Mapping[str, Any] | None = None,
        checked: bool = False,
    ) -> bytes:
        """The frame of an event, with the keys of ``extra`` merged into it.

        A key of ``extra`` is a top-level key or a JSON pointer (as :func:`extras` gives them).
        ``checked`` is for an event that came from :meth:`event`, and for a server's events.
        """
        if not checked:
            event = self.event(cast(ClientEvent, event), extra=extra)
        if isinstance(event, UnknownEvent) and event.raw is not None:
            return event.raw
        try:
            data: dict[str, Any] = plain(event)
            # The tag first, as everybody writes it: readers of frames look for it there.
            data = {"type": data.get("type"), **data}
            if extra:
                _raise_first(not_json(extra, "$"))
                data = merged(data, extra)
            try:
                return _encode(data)
            except (TypeError, ValueError):
                # The first words are for what cannot be written, with its path.
                _raise_first(not_json(data, "$"))
                raise
        except RecursionError:  # it is as deep as the program made it, or without end
            raise _too_deep() from None

    def session(self, event: Any) -> Any:
        """The session that a server's event describes, in the shape that the rest of Voxwire
        reads."""
        return event.session

    def _class_of(self, event: Mapping[str, Any]) -> type[Event]:
        name = event.get("type")
        if not isinstance(name, str):
            raise InvalidEvent("$.type", "is missing", 'such as "type": "response.create"')
        cls = self.client.get(name)
        if cls is None:
            if name in self.server:
                raise InvalidEvent("$.type", f"{name!r} is sent by the server only")
            cure = meant(name, self.client) or "send_raw() sends anything"
            raise InvalidEvent("$.type", f"unknown event {name!r}", cure)
        return cls


def _as_bytes(frame: bytes | str) -> bytes:
    # A lone surrogate cannot come over a socket, but a caller may hold one.
    return frame.encode("utf-8", "surrogatepass") if isinstance(frame, str) else bytes(frame)


def _too_deep() -> InvalidEvent:
    return InvalidEvent("$", "nested too deeply, or it contains itself", "give less of it")


def _raise_first(found: Iterable[Problem]) -> None:
    for problem in found:
        raise InvalidEvent(
            problem.path, f"expected {problem.expected}, got {problem.got}", problem.cure
        )


REALTIME: Final = Codec(names.REALTIME_SERVER, names.REALTIME_CLIENT)
"""The codec of conversations and transcriptions."""
TRANSLATION: Final = Codec(names.TRANSLATION_SERVER, names.TRANSLATION_CLIENT)
"""The codec of translations."""
