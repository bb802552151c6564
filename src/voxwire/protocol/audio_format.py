"""How long a piece of sound is: bytes, samples and milliseconds of the formats on the wire.

This module knows sizes and the names that formats go by in sessions of every shape. It does not
touch the sound itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, cast

import attrs
from voxwire_protocol import UNSET

from ..errors import InvalidOption

__all__ = ["PCM16", "PCMA", "PCMU", "Format", "base64_size", "format_of"]


@attrs.frozen
class Format:
    """A format of mono audio. :data:`PCM16`, :data:`PCMU` and :data:`PCMA` are those that there
    are; a compatible server may use PCM at another rate."""

    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
    """Its name on the wire."""

    rate: int = 24_000
    """Samples per second."""

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample: 2 for PCM, 1 for the two G.711 laws."""
        return 2 if self.type == "audio/pcm" else 1

    @property
    def bytes_per_second(self) -> int:
        """Bytes that one second takes."""
        return self.rate * self.sample_bytes

    def ms(self, size: int) -> int:
        """Whole milliseconds in `size` bytes, rounded down so as never to claim too much."""
        return size * 1000 // self.bytes_per_second

    def samples(self, size: int) -> int:
        """Whole samples in `size` bytes."""
        return size // self.sample_bytes

    def size(self, *, ms: float | None = None, samples: int | None = None) -> int:
        """Bytes of a length given in one of the two ways, rounded down to whole samples."""
        if (ms is None) == (samples is None):
            raise InvalidOption("give the length either as ms= or as samples=")
        count = samples if samples is not None else int((ms or 0) * self.rate / 1000)
        if count < 0:
            raise InvalidOption(f"{ms if samples is None else samples}: a length is not negative")
        return count * self.sample_bytes


PCM16: Final = Format("audio/pcm", 24_000)
"""Signed 16-bit little-endian samples at 24 kHz: 48 bytes a millisecond. The default."""

PCMU: Final = Format("audio/pcmu", 8_000)
"""G.711 mu-law at 8 kHz: 8 bytes a millisecond."""

PCMA: Final = Format("audio/pcma", 8_000)
"""G.711 A-law at 8 kHz: 8 bytes a millisecond."""

_NAMES: Final[Mapping[str, Format]] = {
    "audio/pcm": PCM16,
    "audio/pcmu": PCMU,
    "audio/pcma": PCMA,
    # The flat sessions of the beta.
    "pcm16": PCM16,
    "g711_ulaw": PCMU,
    "g711_alaw": PCMA,
}


def format_of(
    source: Any,
    direction: Literal["input", "output"] = "output",
    *,
    default: Format | None = None,
) -> Format:
    """The format that `source` names.

    Args:
        source: a :class:`Format`; an ``AudioFormat`` of the protocol; a session or a response, as
            an object or a dict, in the current shape or the beta's; or a name such as
            ``"audio/pcmu"`` or ``"g711_ulaw"``. What names no format at all means
            :data:`PCM16`, as it does to the server.
        direction: which of a session's two formats.
        default: taken where `source` names none, or one that is not known here. Without it, an
            unknown name raises.

    Raises:
        InvalidOption: the name is not known, and there is no `default`.
    """
    if isinstance(source, Format):
        return source
    named = _named(source, direction)
    if named is None or named is UNSET:
        return default or PCM16
    name = named if isinstance(named, str) else _get(named, "type")
    known = _NAMES.get(name) if isinstance(name, str) else None
    if known is None:
        if default is None:
            raise InvalidOption(
                f"{name!r} is no audio format: use one of {', '.join(map(repr, _NAMES))}"
            )
        return default
    rate = None if isinstance(named, str) else _get(named, "rate")
    if known is PCM16 and type(rate) is int and 0 < rate <= _HIGHEST_RATE:
        return PCM16 if rate == PCM16.rate else Format("audio/pcm", rate)
    return known


_HIGHEST_RATE: Final = 1_000_000
"""What is above it is no rate of sound: a server said something else."""


def base64_size(text: object) -> int:
    """How many bytes a base64 text holds, without decoding it; 0 for what is no text."""
    if not isinstance(text, str):
        return 0
    if text[-1:] != "=":
        return len(text) * 3 // 4
    return (len(text) - (2 if text.endswith("==") else 1)) * 3 // 4


def _named(source: Any, direction: str) -> Any:
    """What `source` has to say about its format: a name, an object with `type`, or nothing."""
    if source is None or source is UNSET or isinstance(source, str):
        return source
    audio = _get(source, "audio")
    if audio is not None:
        return _get(_get(audio, direction), "format")
    flat = _get(source, f"{direction}_audio_format")
    if flat is not None:
        return flat
    kind = _get(source, "type")
    # A session has a type too: only that of an audio format, or an unknown one, is meant here.
    return None if kind is None or kind in _SESSION_TYPES else source


_SESSION_TYPES: Final = ("realtime", "transcription", "translation")


def _get(source: object, key: str) -> Any:
    """A field of an object or a dict; ``None`` where it is not there or `UNSET`."""
    if isinstance(source, Mapping):
        value = cast("Mapping[str, Any]", source).get(key)
    else:
        value = getattr(source, key, None)
    return None if value is UNSET else value
