"""What is said in the recordings of real servers, as read from them by eye."""

from __future__ import annotations

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


def words(conversation: Conversation) -> list[tuple[str | None, str | None, str]]:
    found: list[tuple[str | None, str | None, str]] = []
    for item in conversation:
        text = item.text or item.transcript or item.output or f"{item.name} {item.arguments}"
        if len(text) > 80:
            text = f"{text[:21]}… {len(text)} characters"
        found.append((item.role or item.type, item.status, text))
    return found


def tokens(conversation: Conversation) -> tuple[int, ...]:
    """What the conversation cost."""
    use = conversation.usage
    return (use.responses, use.input.total, use.cached.total, use.output.total, use.output.audio)
