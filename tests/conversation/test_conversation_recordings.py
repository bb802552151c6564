"""The conversation cache against recordings of real servers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from said import FOGGY, SAID, SPACED, tokens, words

from voxwire.conversation import Conversation, ConversationTracker
from voxwire.protocol.codec import REALTIME


def replay(path: Path) -> list[Conversation]:
    """The conversation of each connection in a recording."""
    caches = [ConversationTracker(audio="all")]
    used = False
    for line in path.read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["dir"] == "meta" and "url" in entry and used:
            caches.append(ConversationTracker(audio="all"))
        used = True
        if not isinstance(entry.get("event"), dict):
            continue
        frame = json.dumps(entry["event"])
        if entry["dir"] == "c2s":
            caches[-1].apply(REALTIME.decode_client(frame), sent=True)
        elif entry["dir"] == "s2c":
            caches[-1].apply(REALTIME.decode(frame))
    return [cache.conversation for cache in caches]


@pytest.mark.parametrize("name", SAID)
def test_what_was_said(name: str, recordings_dir: Path) -> None:
    conversations = replay(recordings_dir / f"{name}.jsonl")
    assert [words(conversation) for conversation in conversations] == [
        items for items, _ in SAID[name]
    ]
    assert [tokens(conversation) for conversation in conversations] == [
        spent for _, spent in SAID[name]
    ]


@pytest.mark.parametrize("name", SAID)
def test_what_was_said_can_be_stored(name: str, recordings_dir: Path) -> None:
    for conversation in replay(recordings_dir / f"{name}.jsonl"):
        stored = json.loads(json.dumps(conversation.snapshot()))
        assert Conversation.restore(stored) == conversation


def test_every_recording_of_a_session_is_in_the_table(
    recordings_dir: Path, recorded: list[Path]
) -> None:
    names = [path.relative_to(recordings_dir).with_suffix("").as_posix() for path in recorded]
    assert set(names) == set(SAID)


def test_spoken_turn(recordings_dir: Path) -> None:
    (conversation,) = replay(recordings_dir / "openai_ws__audio_in_server_vad_turn.jsonl")
    user, assistant = conversation
    assert user.audio_ms == 4256 - 1460
    assert (assistant.previous_item_id, assistant.status) == (user.id, "completed")
    # 27 pieces, each shortened to 33 bytes by those who recorded it.
    assert len(assistant.audio) == 27 * 33
    assert conversation.usage.transcription.seconds == 3
    assert conversation.usage.input.audio == 27


def test_tool_round_as_messages(recordings_dir: Path) -> None:
    (conversation,) = replay(recordings_dir / "openai_ws__tool_call_round.jsonl")
    function = {"name": "get_weather", "arguments": SPACED}
    id = "call_uMNE0Myi2tDTPu0w"
    calls = [{"id": id, "type": "function", "function": function}]
    assert conversation.to_messages() == [
        {"role": "user", "content": "What is the weather in London?"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": id, "content": FOGGY},
        {"role": "assistant", "content": FOGGY},
    ]
