"""The protocol as one server speaks it: its names of events, its shape of sessions.

A dialect is a codec; what is above it sees the events and sessions of the specs. This module knows
no address and no key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec
from voxwire_protocol import (
    ConversationItemInputAudioTranscriptionCompleted,
    Event,
    LegacySession,
    RealtimeSession,
    UnknownEvent,
    names,
)

from ..errors import InvalidEvent, InvalidOption
from .codec import REALTIME, Codec
from .constraints import meant
from .extras import extras, loads
from .response_request import METADATA_KEY
from .session_format import CURRENT, SessionFormat, current

__all__ = ["TRANSCRIPTION", "Dialect", "aliased", "described", "early_transcript"]

_HEARING: Final = frozenset(
    {
        "session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "conversation.item.retrieve",
        "conversation.item.delete",
    }
)

TRANSCRIPTION: Final = Codec(
    names.REALTIME_SERVER,
    {name: cls for name, cls in names.REALTIME_CLIENT.items() if name in _HEARING},
)
"""A transcription session: there is nobody to answer, so responses cannot be asked for."""


class Dialect(Codec):
    """A codec for one kind of server.

    Args:
        base: the events that the session has.
        aliases: further wire names of the server, and the classes that they mean.
        shape: how it writes sessions.
        session: settings of the server's own, sent with each change of the session.
        echoes_metadata: whether it repeats the metadata of responses; without that none of our own
            is sent.
        takes_item_ids: whether it keeps the ids that a client gives to items.
    """

    def __init__(
        self,
        base: Codec = REALTIME,
        *,
        aliases: Mapping[str, type[Event]] | None = None,
        shape: SessionFormat = CURRENT,
        session: Mapping[str, Any] | None = None,
        echoes_metadata: bool = True,
        takes_item_ids: bool = True,
    ) -> None:
        super().__init__({**base.server, **(aliases or {})}, base.client)
        if not aliases:
            self.decode = base.decode  # whose decoders are made already
            self.decode_client = base.decode_client
        self._shape = shape
        self._session = dict(session or {})
        self._echoes_metadata = echoes_metadata
        self._takes_item_ids = takes_item_ids

    def encode(
        self,
        event: Event | Mapping[str, Any],
        *,
        extra: Mapping[str, Any] | None = None,
        checked: bool = False,
    ) -> bytes:
        """The frame of an event, as this server wants it."""
        frame = super().encode(event, extra=extra, checked=checked)
        name: object = event.get("type") if isinstance(event, Mapping) else _type(event)
        if isinstance(event, UnknownEvent) or name not in _SHAPED:
            return frame
        data: dict[str, Any] = msgspec.json.decode(frame)
        if name == "session.update":
            data["session"] = {**self._shape.session(data["session"]), **self._session}
        elif name == "response.create":
            self._shape_response(data)
        else:
            if not self._takes_item_ids and "id" in data["item"]:
                raise InvalidEvent(
                    "$.item.id", "this server gives items ids of its own", "leave it out"
                )
            data["item"] = self._shape.item(data["item"])
        return msgspec.json.encode(data)

    def _shape_response(self, data: dict[str, Any]) -> None:
        params: Any = data.get("response")
        if not isinstance(params, dict):
            return
        shaped = self._shape.response(cast("dict[str, Any]", params))
        metadata: Any = shaped.get("metadata")
        if not self._echoes_metadata and isinstance(metadata, dict):
            kept = {k: v for k, v in cast("dict[str, Any]", metadata).items() if k != METADATA_KEY}
            shaped["metadata"] = kept
            if not kept:
                del shaped["metadata"]
        data["response"] = shaped
        if not shaped:
            del data["response"]

    def session(self, event: Any) -> Any:
        """The session that a server's event describes, in the current format."""
        return described(event)


def described(event: Any) -> Any:
    """The session that a server's event describes, in the current format, whichever it is in."""
    if not isinstance(event.session, LegacySession) or event.raw is None:
        return event.session
    # From the frame: the class of old sessions has no place for what a vendor adds.
    try:
        session: Any = loads(event.raw)["session"]
    except (ValueError, RecursionError):
        # The decoders pass over what is not declared, and there the frame is no JSON.
        return event.session
    return RealtimeSession.from_dict(current(session))


def early_transcript(event: ConversationItemInputAudioTranscriptionCompleted) -> bool:
    """Whether a transcript that is called completed is not: xAI sends each state of one under that
    name, and may send an early one behind the last."""
    return extras(event).get("/status") == "in_progress"


def _type(event: Any) -> object:
    return event.type


_SHAPED: Final = frozenset({"session.update", "response.create", "conversation.item.create"})


def aliased(aliases: Mapping[str, str | type[Event]]) -> dict[str, type[Event]]:
    """The classes that a server's own names mean, where they are given by wire name or by class.

    Raises:
        InvalidOption: a name that no event of the server has.
    """
    table: dict[str, type[Event]] = {}
    for alias, means in aliases.items():
        if isinstance(means, str):
            known = names.REALTIME_SERVER.get(means)
            if known is None:
                cure = meant(means, names.REALTIME_SERVER) or "use the name of a server's event"
                raise InvalidOption(f"aliases: there is no server event {means!r} ({cure})")
            table[alias] = known
        else:
            table[alias] = means
    return table
