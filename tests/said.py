"""What is said in the recordings of real servers, as read from them by eye."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from voxwire.conversation.conversation import Conversation

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
    "more/azure_voice_live_ws__cascade_model_speaks_with_azure_voice": [
        ([GREET, ("assistant", "completed", "Hello there!")], (1, 22, 0, 35, 23)),
    ],
    "more/azure_voice_live_ws__gpt_realtime_2_is_served_by_voice_live": [
        ([GREET, ("assistant", "completed", "Hello there!")], (1, 23, 0, 7, 0)),
    ],
    "more/azure_voice_live_ws__image_input": [
        (
            [
                ("user", "completed", "(an image)"),
                ("user", "completed", "What fruit is in the image?"),
                ("assistant", "completed", "That’s a kiwi fruit. … 95 characters"),
            ],
            (1, 370, 0, 23, 0),
        ),
    ],
    "more/openai_ws__idle_timeout_nudge_is_not_a_user_turn": [
        (
            [
                ("user", "completed", "Say hi in two words."),
                ("assistant", "completed", "Hi there."),
                ("system", "completed", "No user speech was de… 221 characters"),
                ("user", "completed", "(silence)"),
                (
                    "assistant",
                    "completed",
                    "Hey, I'm still here! Anything you want to chat about?",
                ),
            ],
            (2, 163, 0, 174, 76),
        ),
    ],
    "more/openai_ws__multi_item_response_in_order_one_part_per_item": [
        (
            [
                GREET,
                ("assistant", "completed", "Hello world."),
                ("assistant", "completed", "Bonjour tout le monde."),
            ],
            (1, 16, 0, 24, 15),
        ),
    ],
    "more/xai_ws__push_to_talk_create_response_after_the_commit_reply": [
        (
            [
                ("user", "completed", "Hello, my name is Marcelo."),
                ("assistant", "completed", "Hello, Marcelo! Nice to meet you!"),
            ],
            (1, 202, 0, 129, 120),
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


def recorded_in(folder: Path) -> list[Path]:
    """The recorded sessions in the folder of recordings."""
    others = {"spec_examples"}  # no session, but examples of single schemas
    found = [*folder.glob("*.jsonl"), *(folder / "more").glob("*.jsonl")]
    return sorted(path for path in found if path.stem not in others)


def words(conversation: Conversation) -> list[tuple[str | None, str | None, str]]:
    found: list[tuple[str | None, str | None, str]] = []
    for item in conversation:
        text = item.text or item.transcript or item.output or ""
        if item.idle_timeout:
            text = "(silence)"
        elif item.name is not None:
            text = f"{item.name} {item.arguments}"
        elif not text and any(getattr(part.part, "image_url", None) for part in item.content):
            text = "(an image)"
        if len(text) > 80:
            text = f"{text[:21]}… {len(text)} characters"
        found.append((item.role or item.type, item.status, text))
    return found


def tokens(conversation: Conversation) -> tuple[int, ...]:
    """What the conversation cost."""
    use = conversation.usage
    return (use.responses, use.input.total, use.cached.total, use.output.total, use.output.audio)
