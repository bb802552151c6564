"""A report as one HTML file: what it shows, what draws it, and the sound, all in it.

The file asks nothing of any network, and its policy forbids it to: only its own script and its own
styles work, each named by its hash. What a recording holds is packed where no markup is read, and
the script puts it into the page as text. This module writes; it looks into no recording.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from .. import __version__
from .audio_clips import AudioMode, decoding_table
from .model import AudioInfo
from .reader import Read, Reading

__all__ = ["LAWS", "LIMIT", "live_page", "mode_for", "pieces", "sound_note", "tables"]

LAWS = ("audio/pcma", "audio/pcmu")

LIMIT = 48 * 1024 * 1024
"""Bytes of sound up to which it is put in as recorded unless somebody says otherwise."""


def mode_for(read: Read, wanted: AudioMode | None) -> AudioMode:
    """How the sound is put in: as wanted, else as recorded where that is not too large."""
    if wanted is not None:
        return wanted
    return "full" if _size(read) <= LIMIT else "compact"


def sound_note(read: Read, mode: AudioMode) -> str:
    """What a reader has to know of the sound, for the page."""
    if mode == "compact":
        return "The sound is in here as on a phone: 8 bits, 8 kHz. Lengths and loudness are exact."
    if mode == "none" and any(reading.length for reading in read.readings):
        return "The sound is not in here."
    return ""


def pieces(read: Read, mode: AudioMode) -> Iterator[str]:
    """The HTML, piece by piece, for it may be large."""
    encoded = [_encoded(reading, mode) for reading in read.readings]
    payload: dict[str, Any] = {
        "source": read.source,
        "voxwire": __version__,
        "sound": sound_note(read, mode),
        "tables": tables(info.format for sounds in encoded for _, info, _ in sounds),
        "sessions": [
            {**reading.session().to_dict(), "sounds": _numbered(sounds)}
            for reading, sounds in zip(read.readings, encoded, strict=True)
        ],
    }
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    packed = gzip.compress(text.encode("utf-8", "replace"), 6, mtime=0)
    yield _head(read.source, "")
    yield _body()
    yield f'<script type="text/plain" id="data">{b64encode(packed).decode()}</script>\n'
    for number, sounds in enumerate(encoded):
        for index, (_, _, data) in enumerate(sounds):
            place = f"{number}-{index}"
            yield f'<script type="text/plain" data-sound="{place}">'
            yield b64encode(data).decode()
            yield "</script>\n"
    yield f"<script>{_asset('report.js')}</script>\n</body>\n</html>\n"


def live_page(source: str, origin: str) -> str:
    """The page that is told by a server at ``origin`` what there is."""
    socket = origin.replace("http", "ws", 1)
    head = _head(source, f" connect-src {origin} {socket};", live=True)
    return f"{head}{_body()}<script>{_asset('report.js')}</script>\n</body>\n</html>\n"


def tables(formats: Iterable[str]) -> dict[str, str]:
    """The samples that the codes of the formats stand for, where they are not samples."""
    return {law: decoding_table(law) for law in sorted(set(formats) & set(LAWS))}


def _encoded(reading: Reading, mode: AudioMode) -> list[tuple[str, AudioInfo, bytes]]:
    if mode == "none":
        return []
    return [(id, *sound.encoded(mode)) for id, sound in reading.shelf.sounds.items()]


def _numbered(sounds: Sequence[tuple[str, AudioInfo, bytes]]) -> Mapping[str, Any]:
    return {id: {**info.to_dict(), "n": n} for n, (id, info, _) in enumerate(sounds)}


def _size(read: Read) -> int:
    return sum(reading.shelf.size for reading in read.readings)


def _head(source: str, connect: str, *, live: bool = False) -> str:
    policy = (
        "default-src 'none'; "
        f"script-src '{_hash(_asset('report.js'))}'; style-src '{_hash(_asset('report.css'))}'; "
        f"media-src blob:;{connect} base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return (
        "<!doctype html>\n"
        f'<html lang="en"{" data-live" if live else ""}>\n'
        '<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f'<meta name="generator" content="voxwire {escape(__version__)}">\n'
        f"<title>{escape(source)} – session report</title>\n"
        f"<style>{_asset('report.css')}</style>\n</head>\n<body>\n"
    )


def _body() -> str:
    return _asset("report.html")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


@cache
def _asset(name: str) -> str:
    text = files("voxwire.report").joinpath("assets", name).read_text(encoding="utf-8")
    return text.strip() if name.endswith(".html") else text
