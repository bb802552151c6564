"""A conversation from end to end, without a key: `make demo`.

A server on this machine plays a recorded session through a real socket, and takes from us only what
the recorded client sent. We configure the session, ask in writing, look up what the model wants to
know, hand it the answer, and hear its reply. Leaves in out/ the recording of this run
(demo.jsonl), what was said (transcript.md) and what was heard (reply.wav).
"""

from __future__ import annotations

import asyncio
import html
import json
import sys
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import harbour

import voxwire
from voxwire import (
    ClientEvent,
    Event,
    FunctionCall,
    ResponseDone,
    ResponseOutputAudioDelta,
    SessionUpdated,
)
from voxwire.cli.printing import Printer
from voxwire.cli.screen import screen
from voxwire.cli.story import Story
from voxwire.cli.wording import Piece
from voxwire.emulator import Deviation, ReplayServer

RECORDING = Path(__file__).parent / "recordings" / "harbour.jsonl"
OUT = Path("out")

E = TypeVar("E", bound=Event)


class Conversation:
    """A session, told on the screen while it happens."""

    def __init__(self, session: voxwire.Session) -> None:
        self.session = session
        self.events = aiter(session)
        self.story = Story()
        self.printer = Printer(screen())
        self.told: list[Piece] = []
        self.audio = bytearray()

    def tell(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            self.told.append(piece)
            self.printer.show(piece)

    async def send(self, event: ClientEvent) -> None:
        self.tell(self.story.sent(await self.session.send(event)))

    async def until(self, kind: type[E]) -> E:
        """Follow the events up to the next one of a kind."""
        async for event in self.events:
            self.tell(self.story.received(event))
            if isinstance(event, ResponseOutputAudioDelta):
                self.audio += event.audio
            if isinstance(event, kind):
                return event
        raise SystemExit("the session ended before its time")

    async def ask(self, question: str, how: voxwire.ResponseCreate) -> None:
        """Ask, and answer what the model wants to know until it has no more calls."""
        await self.send(harbour.says(question))
        await self.send(how)
        while calls := calls_in(await self.until(ResponseDone)):
            for call in calls:
                result = harbour.tide_at(**json.loads(call.arguments))
                await self.send(harbour.answers(call.call_id, json.dumps(result)))
            await self.send(how)


def calls_in(done: ResponseDone) -> list[FunctionCall]:
    return [item for item in done.response.output or [] if isinstance(item, FunctionCall)]


def transcript(told: Iterable[Piece]) -> str:
    """What was said, as Markdown: pieces of one text joined, one paragraph for each speaker."""
    paragraphs: list[tuple[Piece, str]] = []
    for piece in told:
        if paragraphs and piece.key and piece.key == paragraphs[-1][0].key:
            paragraphs[-1] = (paragraphs[-1][0], paragraphs[-1][1] + piece.text)
        else:
            paragraphs.append((piece, piece.text))
    lines = ["# Transcript", ""]
    for piece, text in paragraphs:
        shown = f"`{text}`" if piece.kind in ("call", "output") else html.escape(text, quote=False)
        verb = {"call": " calls", "output": " answers", "spoken": " says"}.get(piece.kind, "")
        lines += [f"**{piece.who}**{verb}: {shown}", ""]
    return "\n".join(lines).rstrip() + "\n"


async def converse(recording: Path) -> tuple[Conversation, list[Deviation]]:
    # At the recorded pace where somebody looks on.
    speed = 1.0 if sys.stdout.isatty() else None
    async with (
        ReplayServer(RECORDING, matching="strict", speed=speed) as server,
        voxwire.connect(url=server.url, record=recording) as session,
    ):
        conversation = Conversation(session)
        await conversation.send(harbour.SETTINGS)
        await conversation.until(SessionUpdated)
        await conversation.ask(harbour.GREETING, harbour.WRITE)
        await conversation.ask(harbour.QUESTION, harbour.SPEAK)
    conversation.printer.end_line()
    return conversation, server.deviations


def main() -> int:
    OUT.mkdir(exist_ok=True)
    recording = OUT / "demo.jsonl"
    recording.unlink(missing_ok=True)
    conversation, deviations = asyncio.run(converse(recording))
    (OUT / "transcript.md").write_text(transcript(conversation.told), encoding="utf-8")
    with wave.open(str(OUT / "reply.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(conversation.audio)
    print()
    for name in ("demo.jsonl", "transcript.md", "reply.wav"):
        print(f"{OUT / name}  {(OUT / name).stat().st_size:,} bytes")
    for deviation in deviations:
        print(f"not as recorded: {deviation}", file=sys.stderr)
    return 1 if deviations else 0


if __name__ == "__main__":
    sys.exit(main())
