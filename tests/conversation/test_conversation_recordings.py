"""What is said in the recordings of real servers, as read from them by eye."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from voxwire.codec import REALTIME
from voxwire.conversation import Cache, Conversation

GREET = ("user", "completed", "Say a short greeting.")
ASK = ("user", "completed", "What is the weather in London?")
SPACED = '{  \n  "city": "London" \n} \n'
TIGHT = '{"city":"London"}'
FOGGY = "It is foggy and 12 degrees in London."
CALL = ("function_call", "completed", f"get_weather {SPACED}")
OUTPUT = ("function_call_output", "completed", FOGGY)
NOTHING: list[Any] = []

# File -> for each connection in it: the items as (role or type, status, words), then the tokens of
# its responses as (responses, input, cached, output, output audio).
SAID: dict[str, list[tuple[list[tuple[str, str, str]], tuple[int, ...]]]] = {
    "azure_voice_live_ws__text_in_audio_out_turn": [
        ([GREET, ("assistant", "completed", "Hola, ¿qué tal?")], (1, 16, 0, 45, 31)),
    ],
    "azure_ws__text_in_audio_out_turn": [
        (
            [GREET, ("assistant", "completed", "Hello there! Great to meet you!")],
            (1, 16, 0, 98, 82),
        ),
    ],
    "azure_ws__tool_call_round": [
        ([ASK, CALL, OUTPUT, ("assistant", "completed", FOGGY)], (2, 159, 64, 35, 0)),
    ],
    "gateway_ws__gateway_openai_text_in_audio_out": [
        (
            [GREET, ("assistant", "completed", "Hi there! Great to talk with you.")],
            (1, 16, 0, 63, 44),
        ),
    ],
    # Ends before the response does.
    "hist__cassettes__test_openai__test_openai_tool_call": [
        ([ASK, ("function_call", "in_progress", f"get_weather {TIGHT}")], (0, 0, 0, 0, 0)),
    ],
    # Begins after the session did, and ends before the response.
    "liusida_dictionary_console_log": [
        (
            [
                ("assistant", "in_progress", '{\n  "word": "pending"… 325 characters'),
            ],
            (0, 0, 0, 0, 0),
        ),
    ],
    "openai_ws__audio_in_server_vad_turn": [
        (
            [
                ("user", "completed", "Hello, my name is Marcelo."),
                (
                    "assistant",
                    "completed",
                    "Hello, Marcelo! Great to meet you. How can I help you today?",
                ),
            ],
            (1, 41, 0, 164, 136),
        ),
    ],
    "openai_ws__text_in_audio_out_turn": [
        ([GREET, ("assistant", "completed", "Hi there!")], (1, 16, 0, 24, 15)),
    ],
    "openai_ws__tool_call_round": [
        ([ASK, CALL, OUTPUT, ("assistant", "completed", FOGGY)], (2, 166, 64, 35, 0)),
    ],
    "openai_ws_sideband__webrtc_sideband_text_turn": [
        (
            [("user", "completed", "Say hello."), ("assistant", "completed", "Hello there!")],
            (1, 12, 0, 5, 0),
        ),
    ],
    "server_aimock": [
        (
            [
                ("user", "completed", "hello"),
                ("assistant", "completed", "Hi there, friend! How are you?"),
            ],
            (1, 0, 0, 0, 0),
        ),
        (
            [
                ("user", "completed", "weather in London"),
                ("function_call", "completed", f"get_weather {TIGHT}"),
            ],
            (1, 0, 0, 0, 0),
        ),
        (NOTHING, (1, 0, 0, 0, 0)),
        (NOTHING, (0, 0, 0, 0, 0)),
        (
            [
                ("user", "completed", "hello"),
                ("assistant", "completed", "Hi there, friend! How are you?"),
            ],
            (1, 0, 0, 0, 0),
        ),
    ],
    "server_aimock_beta": [(NOTHING, (0, 0, 0, 0, 0))] * 4,
    "server_hf_speech_to_speech": [
        (
            [("user", "completed", "hello"), ("assistant", "completed", "Hi there, friend!")],
            (1, 0, 0, 0, 0),
        ),
        (
            [
                ("user", "completed", "weather in London"),
                ("function_call", "completed", f"get_weather {TIGHT}"),
            ],
            (1, 0, 0, 0, 0),
        ),
        ([("assistant", "completed", "Hi there, friend!")], (1, 0, 0, 0, 0)),
        (NOTHING, (0, 0, 0, 0, 0)),
        (
            [("user", "completed", "hello"), ("assistant", "completed", "Hi there, friend!")],
            (1, 0, 0, 0, 0),
        ),
    ],
    # The other protocol: no items and no responses.
    "vercel_ai_speech_translation": [(NOTHING, (0, 0, 0, 0, 0))],
    "xai_ws__text_in_audio_out_turn": [
        ([GREET, ("assistant", "completed", "Hello there!")], (1, 5, 0, 42, 39)),
    ],
    "xai_ws__tool_call_round": [
        (
            [
                ASK,
                ("assistant", "completed", "I'll check the weather for London right away."),
                ("function_call", "completed", f"get_weather {TIGHT}"),
                OUTPUT,
                ("assistant", "completed", f"{FOGGY} The weather is foggy and 12 degrees."),
            ],
            (2, 7, 0, 382, 354),
        ),
    ],
}


def replay(path: Path) -> list[Conversation]:
    """The conversation of each connection in a recording."""
    caches = [Cache(audio="all")]
    used = False
    for line in path.read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["dir"] == "meta" and "url" in entry and used:
            caches.append(Cache(audio="all"))
        used = True
        if not isinstance(entry.get("event"), dict):
            continue
        frame = json.dumps(entry["event"])
        if entry["dir"] == "c2s":
            caches[-1].apply(REALTIME.decode_client(frame), sent=True)
        elif entry["dir"] == "s2c":
            caches[-1].apply(REALTIME.decode(frame))
    return [cache.conversation for cache in caches]


def words(conversation: Conversation) -> list[tuple[str | None, str | None, str]]:
    found: list[tuple[str | None, str | None, str]] = []
    for item in conversation:
        text = item.text or item.transcript or item.output or f"{item.name} {item.arguments}"
        if len(text) > 80:
            text = f"{text[:21]}… {len(text)} characters"
        found.append((item.role or item.type, item.status, text))
    return found


@pytest.mark.parametrize("name", SAID)
def test_what_was_said(name: str, recordings_dir: Path) -> None:
    conversations = replay(recordings_dir / f"{name}.jsonl")
    assert [words(conversation) for conversation in conversations] == [
        items for items, _ in SAID[name]
    ]
    usages = [conversation.usage for conversation in conversations]
    assert [
        (use.responses, use.input.total, use.cached.total, use.output.total, use.output.audio)
        for use in usages
    ] == [tokens for _, tokens in SAID[name]]


@pytest.mark.parametrize("name", SAID)
def test_what_was_said_can_be_stored(name: str, recordings_dir: Path) -> None:
    for conversation in replay(recordings_dir / f"{name}.jsonl"):
        stored = json.loads(json.dumps(conversation.snapshot()))
        assert Conversation.restore(stored) == conversation


def test_every_recording_of_a_session_is_in_the_table(recordings_dir: Path) -> None:
    others = {"spec_examples"}  # no session, but examples of single schemas
    assert {path.stem for path in recordings_dir.glob("*.jsonl")} - others == set(SAID)


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
