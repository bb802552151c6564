"""A talk in another language, as it is given: both texts on the screen, the voice in the speaker.

    OPENAI_API_KEY=sk-... python examples/translate_talk.py es
    OPENAI_API_KEY=sk-... python examples/translate_talk.py es talk.wav translated.wav

Without files it listens to the microphone until Ctrl-C (``pip install 'voxwire[audio]'``); wear
headphones, or it hears itself. With them, the talk is sent at the pace of speech, as the service
expects.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import sys
from typing import TextIO

import voxwire

ENDS = (".", "!", "?", "…", "。", "！", "？")


class Captions:
    """What is said and what that means, one below the other, as it comes.

    The two run apart in time: a line is what has come of either since the last one was finished.
    """

    def __init__(self, out: TextIO, width: int | None = None) -> None:
        self.out = out
        self.width = width or shutil.get_terminal_size().columns - 4
        self.said = self.meant = ""

    def add(self, chunk: voxwire.Translated) -> None:
        # What follows a sentence begins with a space; what follows the point in 2.8 does not.
        over = self.meant.endswith(ENDS) and chunk.text[:1].isspace()
        if over or len(self.meant) + len(chunk.text) > self.width:
            self.write()
        self.said += chunk.source_text
        self.meant += chunk.text

    def write(self) -> None:
        """Finish a line."""
        for mark, text in (("  ", self.said), ("> ", self.meant)):
            if text.strip():
                self.out.write(f"{mark}{text.strip()}\n")
        self.out.flush()
        self.said = self.meant = ""


async def listen(language: str) -> None:
    """From the microphone to the speaker."""
    captions = Captions(sys.stdout)
    audio = voxwire.LocalAudio()
    with audio:
        async with voxwire.connect_translation(
            to=language, transcription="gpt-realtime-whisper"
        ) as session:
            try:
                async for chunk in session.translate(audio.microphone):
                    audio.speaker.write(chunk.audio)
                    captions.add(chunk)
            finally:
                captions.write()


async def convert(language: str, talk: str, out: str, speed: float | None = 1.0) -> None:
    """From one file into another."""
    captions, spoken = Captions(sys.stdout), bytearray()
    async with voxwire.connect_translation(
        to=language, transcription="gpt-realtime-whisper", speed=speed
    ) as session:
        async for chunk in session.translate(talk):
            spoken += chunk.audio
            captions.add(chunk)
    captions.write()
    voxwire.write_wav(out, spoken)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A talk in another language, as it is given.")
    parser.add_argument("language", help="to translate into, such as es")
    parser.add_argument("talk", nargs="?", help="a WAV file; left out, the microphone")
    parser.add_argument("out", nargs="?", help="a WAV file for the translation")
    given = parser.parse_args()
    if (given.talk is None) != (given.out is None):
        parser.error("give two files, or none for microphone and speaker")
    try:
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C ends it
            if given.talk is None:
                asyncio.run(listen(given.language))
            else:
                asyncio.run(convert(given.language, given.talk, given.out))
    except (voxwire.VoxwireError, OSError) as problem:
        raise SystemExit(f"translate_talk: {problem}") from None
