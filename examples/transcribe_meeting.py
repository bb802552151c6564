"""The minutes of a meeting: what was said, line by line, with the time of each.

    OPENAI_API_KEY=sk-... python examples/transcribe_meeting.py meeting.wav -o minutes.md
    OPENAI_API_KEY=sk-... python examples/transcribe_meeting.py meeting.wav -o captions.srt
    OPENAI_API_KEY=sk-... python examples/transcribe_meeting.py -o minutes.md

The last one listens to the microphone until Ctrl-C. The microphone, and files at another rate than
24 kHz, need ``pip install 'voxwire[audio]'``. Lines are written as they come, so that nothing is
lost where something breaks off.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TextIO

import voxwire
from voxwire.audio import chunks, level
from voxwire.audio.devices import Microphone
from voxwire.protocol.audio_format import PCM16

# A session lasts an hour at most. Long before that, we go on in a new one, at the next silence.
PART_MS, LATEST_MS = 45 * 60_000, 55 * 60_000
SILENT = -50.0  # dBFS

Lines = Callable[[int, voxwire.TranscriptLine, int], str]
"""Number, line, and where in the meeting its session began, in milliseconds -> text to write."""


# --- where the sound comes from -------------------------------------------------------------------


async def sound_of(path: str | None) -> AsyncIterator[bytes]:
    """The meeting in pieces of 100 ms or less: a file, or the microphone until Ctrl-C."""
    if path is not None:
        for piece in chunks(voxwire.stream_wav(path), ms=100):
            yield piece
        return
    loop = asyncio.get_running_loop()
    with Microphone() as microphone:

        def stop(*_: object) -> None:
            # What was said until now is still to be written: this ends the sound, and no more.
            loop.call_soon_threadsafe(microphone.close)

        signal.signal(signal.SIGINT, stop)
        async for piece in microphone:
            yield piece


class Parts:
    """Sound in parts that are short enough for one session each."""

    def __init__(self, sound: AsyncIterator[bytes]) -> None:
        self.sound = sound
        self.over = False
        self.begins_ms = 0
        """Where the next part begins in the meeting."""

    async def part(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self.sound:
            yield piece
            size += len(piece)
            ms = PCM16.ms(size)
            if ms >= LATEST_MS or (ms >= PART_MS and level(piece) < SILENT):
                break
        else:
            self.over = True
        self.begins_ms += PCM16.ms(size)


# --- how lines are written ------------------------------------------------------------------------


def clock(ms: int) -> str:
    """A moment of the meeting, as 1:02:03."""
    seconds = ms // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def words(line: voxwire.TranscriptLine) -> str:
    """What was said, or why that is not known."""
    return line.text if line.error is None else f"(not understood: {line.error.message})"


def plain(number: int, line: voxwire.TranscriptLine, begins_ms: int) -> str:
    return f"{clock(begins_ms + (line.start_ms or 0))}  {words(line)}\n"


def markdown(number: int, line: voxwire.TranscriptLine, begins_ms: int) -> str:
    return f"- **{clock(begins_ms + (line.start_ms or 0))}** {words(line)}\n"


def srt(number: int, line: voxwire.TranscriptLine, begins_ms: int) -> str:
    start = begins_ms + (line.start_ms or 0)
    end = begins_ms + line.end_ms if line.end_ms else start + 2000
    times = [f"{clock(ms):0>8},{ms % 1000:03}" for ms in (start, end)]
    return f"{number}\n{' --> '.join(times)}\n{words(line)}\n\n"


FORMS: dict[str, Lines] = {".md": markdown, ".srt": srt}


# --- the meeting ----------------------------------------------------------------------------------


async def main(path: str | None, out: TextIO, form: Lines, language: str | None = None) -> None:
    """Write down a meeting."""
    settings: voxwire.TranscriptionOptions = {} if language is None else {"language": language}
    parts, number, seconds = Parts(sound_of(path)), 0, 0.0
    while not parts.over:
        begins_ms = parts.begins_ms
        async with voxwire.connect_transcription(**settings) as session:
            async for line in session.transcribe(parts.part()):
                number += 1
                out.write(form(number, line, begins_ms))
                out.flush()
                if out is not sys.stdout:
                    print(plain(number, line, begins_ms), end="")
            seconds += session.usage.usage.transcription.seconds
    print(f"{number} lines, {seconds:g} s of audio", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The minutes of a meeting.")
    parser.add_argument("file", nargs="?", help="a WAV file; left out, the microphone")
    parser.add_argument(
        "-o", "--out", type=Path, help="minutes.md, captions.srt, or any other file"
    )
    parser.add_argument("-l", "--language", help="what is spoken, such as en")
    given = parser.parse_args()
    try:
        if given.out is None:
            asyncio.run(main(given.file, sys.stdout, plain, given.language))
        else:
            with given.out.open("w", encoding="utf-8") as target:
                form = FORMS.get(given.out.suffix.lower(), plain)
                asyncio.run(main(given.file, target, form, given.language))
    except (voxwire.VoxwireError, OSError) as problem:
        raise SystemExit(f"transcribe_meeting: {problem}") from None
