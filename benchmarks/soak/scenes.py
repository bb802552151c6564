"""Conversations to be interrupted: each one plays a session from its beginning to its end.

A scene tells what must be true of its end whatever happened to the connection on the way. It knows
no faults.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

import voxwire
from voxwire.emulator import Emulator

__all__ = ["SCENES", "Scene", "Seen"]


@attrs.define(slots=False)
class Seen:
    """What a program saw of its session."""

    ran: list[str] = attrs.Factory(list[str])
    """Tools that were run, with their arguments."""

    read: list[str] = attrs.Factory(list[str])
    """What was read of each answer, piece by piece, put together."""

    moves: list[Any] = attrs.Factory(list[Any])
    """What the session told of its connections."""

    def follow(self, session: Any) -> None:
        """Note what the session tells of its connections."""
        self._changed = asyncio.Event()

        def note(event: Any) -> None:
            self.moves.append(event)
            self._changed.set()

        session.on(voxwire.Reconnecting, note)
        session.on(voxwire.Reconnected, note)

    async def settled(self) -> None:
        """Wait until the session is not on its way from one connection to another."""
        while self.moves and isinstance(self.moves[-1], voxwire.Reconnecting):
            self._changed.clear()
            await self._changed.wait()

    async def reading(self, response: Any) -> None:
        """Read an answer as it comes."""
        self.read.append("".join([piece async for piece in response.stream()]))


@attrs.frozen
class Scene:
    """One conversation: what the server knows, the options, and what happens."""

    name: str
    prepare: Callable[[Emulator], None]
    play: Callable[[Any, Emulator, Seen], Awaitable[None]]
    options: dict[str, Any] = attrs.Factory(dict[str, Any])


def _nothing(server: Emulator) -> None:
    pass


async def _text(session: Any, server: Emulator, seen: Seen) -> None:
    await seen.reading(session.say("first"))
    await seen.reading(session.say("second"))


async def _settings(session: Any, server: Emulator, seen: Seen) -> None:
    await session.add("Remember the number seven.")
    await session.update(instructions="Answer in one word.")
    await seen.reading(session.say("Which number?"))
    await session.update(output_modalities=["text"])
    await seen.reading(session.say("Once more."))


def _knows_tools(server: Emulator) -> None:
    server.on("both", call="add", arguments={"a": 2, "b": 3})
    server.on(output_of="add", call="look_up", arguments={"word": "five"})
    server.on(output_of="look_up", reply="It is five, the number after four.")


async def _tools(session: Any, server: Emulator, seen: Seen) -> None:
    @session.tool
    async def add(a: int, b: int) -> int:
        """Adds."""
        seen.ran.append(f"add {a} {b}")
        await asyncio.sleep(0)
        return a + b

    @session.tool
    def look_up(word: str) -> str:
        """Looks a word up."""
        seen.ran.append(f"look up {word}")
        return f"{word}: a number"

    await seen.reading(session.say("both"))


async def _by_instructions(turn: Any) -> str:
    # The words of the user may come before or after: these requests are not about them.
    return str(turn.response.get("instructions") or "the main thing")


def _knows_parts(server: Emulator) -> None:
    server.script.brain = _by_instructions


async def _aside(session: Any, server: Emulator, seen: Seen) -> None:
    answers = [
        session.respond(conversation="none", instructions=f"Part {n}", output_modalities=["text"])
        for n in range(3)
    ]
    main = session.say("meanwhile")
    for answer in (*answers, main):
        await seen.reading(answer)


async def _pushed(session: Any, server: Emulator, seen: Seen) -> None:
    for text in ("good morning", "good night"):
        sound = server.speech(text)
        for start in range(0, len(sound), 9_600):
            await session.append_audio(sound[start : start + 9_600])
        await session.commit_audio()
        await seen.reading(session.respond())
    await _transcribed(session, 2)


async def _spoken(session: Any, server: Emulator, seen: Seen) -> None:
    for number, text in enumerate(("hello there", "and goodbye"), 1):
        sound = server.speech(text) + bytes(48 * 900)
        for start in range(0, len(sound), 9_600):
            await session.append_audio(sound[start : start + 9_600])
            await asyncio.sleep(0)
        await _answered(session, number)
    await _transcribed(session, 2)


async def _answered(session: Any, turns: int) -> None:
    """Wait until the model has answered so many times."""

    def answers() -> int:
        return sum(i.role == "assistant" and i.completed for i in session.conversation)

    await _until(session, lambda: answers() >= turns)


async def _transcribed(session: Any, turns: int) -> None:
    def transcripts() -> int:
        return sum(i.role == "user" and bool(i.transcript) for i in session.conversation)

    await _until(session, lambda: transcripts() >= turns)


async def _until(session: Any, true: Callable[[], bool]) -> None:
    changed = asyncio.Event()
    subscription = session.on(voxwire.ConversationUpdated, lambda event: changed.set())
    while not true():
        changed.clear()
        await changed.wait()
    session.off(voxwire.ConversationUpdated, subscription)


async def _edited(session: Any, server: Emulator, seen: Seen) -> None:
    await seen.reading(session.say("keep this"))
    receipt = await session.add({
        "id": "item_gone", "type": "message", "role": "user",
        "content": [{"type": "input_text", "text": "forget this"}],
    })  # fmt: skip
    await receipt.acknowledged(10)
    deleted = await session.send({"type": "conversation.item.delete", "item_id": "item_gone"})
    await deleted.acknowledged(10)
    await seen.reading(session.say("and this"))


TEXT: dict[str, Any] = {"output_modalities": ["text"]}
HEARD: dict[str, Any] = {"transcription": "gpt-live-transcribe"}

SCENES = (
    Scene("text", _nothing, _text, TEXT),
    Scene("settings", _nothing, _settings, {**TEXT, "instructions": "Be brief."}),
    Scene("speech", _nothing, _text),
    Scene("tools", _knows_tools, _tools, TEXT),
    Scene("side by side", _knows_parts, _aside, TEXT),
    Scene("push to talk", _nothing, _pushed, {**HEARD, "turn_detection": None}),
    Scene(
        "turn detection",
        _nothing,
        _spoken,
        {**HEARD, "turn_detection": {"type": "server_vad", "silence_duration_ms": 300}},
    ),
    Scene("deleting", _nothing, _edited, TEXT),
)
