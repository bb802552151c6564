"""Sessions in the shapes of other servers, there and back; and events under other names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from voxwire_protocol import (
    ConversationItemCreate,
    RealtimeSession,
    ResponseCreate,
    ResponseDone,
    ServerVad,
    SessionUpdate,
)

import voxwire
from voxwire.errors import InvalidEvent
from voxwire.protocol.codec import REALTIME
from voxwire.protocol.dialect import TRANSCRIPTION, Dialect
from voxwire.protocol.session_format import FLAT, current
from voxwire.session.options import realtime_session, response_params
from voxwire.transport.providers.profile import ServerProfile

XAI = voxwire.XAI(api_key="k")
LIVE = voxwire.AzureVoiceLive("r", model="m", api_key="k")
FULL = realtime_session(
    instructions="Hi",
    output_modalities=["audio"],
    voice="marin",
    speed=1.25,
    turn_detection=None,
    transcription="whisper-1",
    noise_reduction="near_field",
    input_format="pcmu",
    output_format="pcm",
    max_output_tokens=100,
    tools=[],
)


def sent(server: ServerProfile, event: Any) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(server.codec("realtime").encode(event))
    return said


def test_the_flat_shape() -> None:
    assert sent(LIVE, SessionUpdate(session=FULL)) == {
        "type": "session.update",
        "session": {
            "instructions": "Hi",
            "modalities": ["text", "audio"],
            "voice": {"type": "openai", "name": "marin"},
            "speed": 1.25,
            "turn_detection": None,
            "input_audio_transcription": {"model": "whisper-1"},
            "input_audio_noise_reduction": {"type": "near_field"},
            "input_audio_format": "g711_ulaw",
            "output_audio_format": "pcm16",
            "max_response_output_tokens": 100,
            "tools": [],
        },
    }


def test_the_shape_of_xai() -> None:
    assert sent(XAI, SessionUpdate(session=FULL))["session"] == {
        "instructions": "Hi",
        "modalities": ["audio"],
        "voice": "marin",
        "turn_detection": {"type": None},
        "audio": {
            "input": {
                "transcription": {"model": "whisper-1"},
                "noise_reduction": {"type": "near_field"},
                "format": {"type": "audio/pcmu"},
            },
            "output": {"speed": 1.25, "format": {"type": "audio/pcm", "rate": 24000}},
        },
        "max_response_output_tokens": 100,
        "tools": [],
    }


def test_what_went_out_flat_reads_back_as_it_was() -> None:
    flat = FLAT.session(FULL.to_dict())
    assert RealtimeSession.from_dict(current(flat)) == FULL
    assert realtime_session(base=FULL) == FULL  # nothing of it was taken apart


def test_a_change_of_one_thing_says_nothing_of_others() -> None:
    for server in (XAI, LIVE):
        event = SessionUpdate(session=RealtimeSession(instructions=""))
        assert sent(server, event)["session"] == {"instructions": ""}


def test_voices_of_azure_are_told_from_those_of_openai() -> None:
    name = "en-US-Ava:DragonHDLatestNeural"
    event = SessionUpdate(session=realtime_session(voice=name))
    assert sent(LIVE, event)["session"] == {"voice": {"type": "azure-standard", "name": name}}


def test_settings_of_the_servers_own_go_along() -> None:
    own = {"input_audio_echo_cancellation": {"type": "server_echo_cancellation"}}
    server = voxwire.AzureVoiceLive("r", model="m", api_key="k", session=own)
    event = SessionUpdate(session=RealtimeSession(instructions="Hi"))
    assert sent(server, event)["session"] == {"instructions": "Hi", **own}
    plain = voxwire.OpenAICompatible("ws://localhost/", session={"x": 1})
    assert sent(plain, event)["session"] == {"type": "realtime", "instructions": "Hi", "x": 1}


def test_undeclared_keys_still_go_where_they_belong() -> None:
    event = SessionUpdate(session=RealtimeSession(instructions="Hi"))
    frame = XAI.codec("realtime").encode(event, extra={"/session/keep_context": True})
    assert json.loads(frame)["session"] == {"instructions": "Hi", "keep_context": True}


def test_responses_flat() -> None:
    params = response_params(
        output_modalities=["text"],
        voice="alloy",
        output_format="pcm",
        max_output_tokens=9,
        metadata={"mine": "1"},
    )
    assert sent(LIVE, ResponseCreate(response=params))["response"] == {
        "modalities": ["text"],
        "voice": {"type": "openai", "name": "alloy"},
        "output_audio_format": "pcm16",
        "max_output_tokens": 9,
        "metadata": {"mine": "1"},
    }


def test_a_server_that_echoes_no_metadata_is_sent_none_of_ours() -> None:
    ours = {"voxwire_request": "1-1"}
    params = response_params(metadata=ours)
    assert sent(XAI, ResponseCreate(response=params)) == {"type": "response.create"}
    both = response_params(metadata={**ours, "mine": "1"})
    assert sent(XAI, ResponseCreate(response=both))["response"] == {"metadata": {"mine": "1"}}


def test_items_of_the_model_have_old_parts_in_the_flat_shape() -> None:
    said = {"type": "output_text", "text": "Hi"}
    event = {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "assistant", "content": [said]},
    }
    assert sent(LIVE, event)["item"]["content"] == [{"type": "text", "text": "Hi"}]
    assert sent(XAI, event)["item"]["content"] == [said]


def test_an_id_that_the_server_would_not_keep_is_refused() -> None:
    codec = Dialect(takes_item_ids=False)
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}
    assert codec.encode({"type": "conversation.item.create", "item": item})
    with pytest.raises(InvalidEvent, match=r"\$\.item\.id.*leave it out"):
        codec.encode({"type": "conversation.item.create", "item": {**item, "id": "mine"}})


def test_wrong_settings_are_told_as_everywhere() -> None:
    with pytest.raises(InvalidEvent, match=r"\$\.session\.instruction"):
        sent(XAI, {"type": "session.update", "session": {"type": "realtime", "instruction": ""}})


def described(server: ServerProfile, session: dict[str, Any]) -> Any:
    codec = server.codec("realtime")
    frame = json.dumps({"type": "session.updated", "event_id": "e", "session": session}).encode()
    event = codec.decode(frame)
    assert event.raw == frame
    return codec.session(event)


def test_what_servers_describe_is_read_in_the_current_shape() -> None:
    session = described(
        XAI,
        {
            "modalities": ["audio"],
            "turn_detection": {"type": None},
            "input_audio_format": "not specified",
            "input_audio_transcription": {"model": "flat"},
            "audio": {"input": {"transcription": {"model": "nested"}}},
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}, 7],
            "voice": {"type": "openai", "name": "ara"},
        },
    )
    assert isinstance(session, RealtimeSession)
    assert session.output_modalities == ["audio"]
    assert session.audio.input.turn_detection is None
    assert session.audio.input.transcription.model == "nested"
    assert session.audio.output.voice == "ara"
    assert session.tools[0].name == "f"
    vad = described(LIVE, {"turn_detection": {"type": "server_vad", "threshold": 0.25}})
    assert vad.audio.input.turn_detection == ServerVad(threshold=0.25)
    now = described(XAI, {"type": "realtime", "instructions": "as the specs have it"})
    assert now.instructions == "as the specs have it"


@pytest.mark.parametrize(
    "session",
    [{"audio": None, "voice": 7}, {"audio": {"input": 3}, "turn_detection": "x"}, {"tools": {}}],
)
def test_nonsense_in_a_session_raises_nothing(session: dict[str, Any]) -> None:
    assert isinstance(described(LIVE, session), RealtimeSession)


def test_a_plain_profile_is_the_plain_codec() -> None:
    assert voxwire.OpenAI().codec("realtime") is REALTIME
    assert voxwire.OpenAI().codec("transcription") is TRANSCRIPTION


def test_other_names_of_events_mean_their_classes() -> None:
    aliases: dict[str, Any] = {"answer.finished": "response.done", "pong": voxwire.SessionUpdated}
    codec = voxwire.OpenAICompatible("ws://localhost/", aliases=aliases).codec("realtime")
    frame = {"type": "answer.finished", "event_id": "e", "response": {"id": "r"}}
    event = codec.decode(json.dumps(frame))
    assert isinstance(event, ResponseDone)
    assert event.type == "answer.finished"
    assert event.response.id == "r"
    assert isinstance(REALTIME.decode(json.dumps(frame)), voxwire.UnknownEvent)


def test_a_transcription_has_no_responses() -> None:
    with pytest.raises(InvalidEvent, match="no event that a client sends here"):
        TRANSCRIPTION.event(ResponseCreate())
    with pytest.raises(InvalidEvent, match="unknown event"):
        TRANSCRIPTION.event({"type": "response.create"})
    with pytest.raises(InvalidEvent):
        TRANSCRIPTION.event(ConversationItemCreate(item=voxwire.UserMessage(content=[])))
