"""A talk in another language, as it is given: the words on the screen, the voice in the speaker.

    OPENAI_API_KEY=sk-... python examples/translate_talk.py es
    OPENAI_API_KEY=sk-... python examples/translate_talk.py es talk.wav out.wav

Without files it listens to the microphone until Ctrl-C (``pip install 'voxwire[audio]'``). With
them, the talk is sent at the pace of speech, as the service expects.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import voxwire


async def listen(language: str) -> None:
    """From the microphone to the speaker. Wear headphones."""
    audio = voxwire.LocalAudio()
    with audio:
        async with voxwire.connect_translation(to=language) as session:
            async for chunk in session.translate(audio.microphone):
                audio.speaker.write(chunk.audio)
                print(chunk.text, end="", flush=True)


async def convert(language: str, talk: str, out: str, speed: float | None = 1.0) -> None:
    """From one file into another."""
    spoken = bytearray()
    async with voxwire.connect_translation(to=language, speed=speed) as session:
        async for chunk in session.translate(talk):
            spoken += chunk.audio
            print(chunk.text, end="", flush=True)
    print()
    voxwire.write_wav(out, spoken)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        match sys.argv[1:]:
            case [language]:
                asyncio.run(listen(language))
            case [language, talk, out]:
                asyncio.run(convert(language, talk, out))
            case _:
                raise SystemExit("usage: translate_talk.py LANGUAGE [TALK.wav OUT.wav]")
