"""What is sound before it is spoilt: each event by itself, and whole sessions in their order.

Built events come from the generated rules, sessions from the emulator, so that all works where
there are no recordings. Where there are, they are further seeds.
"""

from __future__ import annotations

import base64
import json
import os
import random
from functools import cache
from pathlib import Path
from typing import Any

from built_frames import TABLES, canonical, example

from voxwire.emulator.realtime_session import RealtimeSession
from voxwire.emulator.responder import Call, Reply, UserTurn
from voxwire.emulator.script import Script
from voxwire.emulator.session_context import Ended, Ids, SessionContext
from voxwire.emulator.session_settings import realtime, transcription
from voxwire.emulator.speech_synthesis import speak
from voxwire.emulator.translation_session import TranslationSession, translation
from voxwire.protocol.audio_format import PCM16

Frames = list[tuple[str, Any]]
"""Direction (``s2c``, ``c2s``) and event, in the order of the wire."""

TOOL = {"type": "function", "name": "look_up", "parameters": {"type": "object", "properties": {}}}


def brain(turn: UserTurn) -> Reply | str:
    """Call two tools where it is asked for a look, else say something."""
    if turn.kind == "tool":
        return "It rains, and it is nine."
    if "look" in turn.text:
        return Reply(calls=(Call("look_up", {"at": 1}), Call("look_up", '{"at": 2}')))
    return f"You said {turn.text}, and that is that."


def stage() -> SessionContext:
    """The surroundings of a session, with a brain that answers at once."""
    script = Script()
    script.brain = brain
    return SessionContext(
        ids=Ids(1), script=script, think=lambda turn, answer: answer(script.answer(turn))
    )


def machine(family: str) -> RealtimeSession | TranslationSession:
    """A session of the emulator without a socket."""
    where = stage()
    if family == "translation":
        return TranslationSession(where, translation("gpt-realtime-translate", "sess_1", 1))
    if family == "transcription":
        return RealtimeSession(where, transcription("sess_1", 1))
    return RealtimeSession(where, realtime("gpt-realtime-2.1", "sess_1", 1))


def typed(text: str, **more: Any) -> dict[str, Any]:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return {"type": "conversation.item.create", "item": {**item, **more}}


def appended(audio: bytes, name: str = "input_audio_buffer.append") -> list[dict[str, Any]]:
    pieces = [audio[at : at + 9600] for at in range(0, len(audio), 9600)]
    return [{"type": name, "audio": base64.b64encode(piece).decode()} for piece in pieces]


def output(call_id: str, text: str) -> dict[str, Any]:
    item = {"type": "function_call_output", "call_id": call_id, "output": text}
    return {"type": "conversation.item.create", "item": item}


def update(kind: str = "realtime", **session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": kind, **session}}


def _spoken() -> bytes:
    return speak("Good morning to you", PCM16) + bytes(PCM16.size(ms=800))


@cache
def dialogues() -> dict[str, list[dict[str, Any]]]:
    """What a client says in some sessions, each with a name that begins with the family."""
    respond = {"type": "response.create"}
    text = update(output_modalities=["text"], tools=[TOOL])
    apart = {"conversation": "none", "input": [typed("Aside")["item"]], "metadata": {"a": "b"}}
    by_hand = {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}}
    commit = {"type": "input_audio_buffer.commit"}
    cut = {"type": "conversation.item.truncate", "item_id": "item_1", "content_index": 0}
    return {
        "realtime text": [text, typed("Hello", id="a"), respond, typed("And?"), respond],
        "realtime tools": [text, typed("look"), respond, {**respond, "event_id": "e1"}],
        "realtime aside": [typed("Hi"), {**respond, "response": apart}, respond],
        "realtime speech": [
            update(audio={"input": {"transcription": {"model": "whisper-1"}}}),
            *appended(_spoken()),
        ],
        "realtime by hand": [update(audio=by_hand), *appended(bytes(24000)), commit, respond],
        "realtime items": [
            typed("One", id="a"),
            typed("Two", id="b", status="completed"),
            {**typed("Three", id="c"), "previous_item_id": "a"},
            {"type": "conversation.item.retrieve", "item_id": "b"},
            {"type": "conversation.item.delete", "item_id": "a"},
            {**cut, "audio_end_ms": 10},
            {"type": "response.cancel"},
            {"type": "input_audio_buffer.clear"},
            output("call_1", "9"),
        ],
        "transcription speech": [
            update("transcription", audio={"input": {"transcription": {"model": "whisper-1"}}}),
            *appended(_spoken()),
            commit,
        ],
        "translation speech": [
            {"type": "session.update", "session": {"audio": {"output": {"language": "fr"}}}},
            *appended(_spoken(), "session.input_audio_buffer.append"),
            {"type": "session.close"},
        ],
    }


@cache
def sessions() -> dict[str, Frames]:
    """Whole sessions in both directions, as the emulator holds them."""
    found: dict[str, Frames] = {}
    for name, said in dialogues().items():
        played: Frames = []
        server = machine(name.split()[0])
        server.open()
        for event in said:
            played += _heard(server)
            played.append(("c2s", event))
            server.receive(json.dumps(event))
            if "tools" in name or "aside" in name:
                server.stage.timeline.run()  # elsewhere, the client does not wait for the end
        server.stage.timeline.run()
        played += _heard(server)
        found[name] = played
    return found


def _heard(server: RealtimeSession | TranslationSession) -> Frames:
    events = server.stage.take()
    return [("s2c", event.to_dict()) for event in events if not isinstance(event, Ended)]


@cache
def recorded() -> dict[str, Frames]:
    """The recorded sessions; none where they are not on this machine."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "recordings"
    folder = Path(os.environ.get("VOXWIRE_RECORDINGS", beside))
    found: dict[str, Frames] = {}
    for path in sorted([*folder.glob("*.jsonl"), *folder.glob("more/*.jsonl")]):
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        frames = [(e["dir"], e["event"]) for e in entries if e.get("dir") in ("s2c", "c2s")
                  and isinstance(e.get("event"), dict)]  # fmt: skip
        family = "translation" if "translation" in path.name else "realtime"
        found[f"{family} {path.stem}"] = frames
    return found


@cache
def built(family: str, direction: str) -> list[dict[str, Any]]:
    """Each event of a family, full and bare, with different members of the unions."""
    table = f"{family} {'server' if direction == 's2c' else 'client'}"
    return [
        example(cls.__name__, turn, full=full, sending=direction == "c2s")
        for _, cls in canonical(TABLES[table])
        for turn in range(4)
        for full in (True, False)
    ]


def session(family: str, chance: random.Random, recordings: bool) -> Frames:
    """Any session of a family."""
    known = [frames for name, frames in sessions().items() if name.startswith(family)]
    if recordings:
        known += [frames for name, frames in recorded().items() if name.startswith(family)]
    return list(chance.choice(known))


def event(family: str, direction: str, chance: random.Random, recordings: bool) -> Any:
    """Any event of a family and a direction."""
    if chance.random() < 0.5:
        return chance.choice(built(family, direction))
    played = [event for way, event in session(family, chance, recordings) if way == direction]
    return chance.choice(played or built(family, direction))
