"""The minutes of a meeting: what was said in a WAV file, line by line, with the time of each.

    OPENAI_API_KEY=sk-... python examples/transcribe_meeting.py meeting.wav en

A file at another rate than 24 kHz needs ``pip install 'voxwire[audio]'``.
"""

from __future__ import annotations

import asyncio
import sys

import voxwire


def clock(ms: int | None) -> str:
    """A moment of the recording, as 1:02:03."""
    if ms is None:
        return "-:--:--"
    seconds = ms // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


async def main(path: str, language: str | None = None) -> None:
    settings: voxwire.TranscriptionOptions = {"turn_detection": voxwire.ServerVad()}
    if language is not None:
        settings["language"] = language
    async with voxwire.connect_transcription(**settings) as session:
        async for line in session.transcribe(path):
            if line.error is not None:
                print(f"{clock(line.start_ms)}  (not understood: {line.error.message})")
            else:
                print(f"{clock(line.start_ms)}  {line.text}")
        print(f"\n{session.usage.transcription.seconds:g} s of speech", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit("usage: transcribe_meeting.py FILE.wav [LANGUAGE]")
    asyncio.run(main(*sys.argv[1:]))
