"""Checked by the type checkers, not run: what can be sent, and the settings by their names."""

from typing import Any, assert_type

import voxwire
import voxwire.sync
from voxwire import (
    ClientEvent,
    ConversationItem,
    CustomVoice,
    Event,
    FunctionTool,
    InputText,
    Response,
    ResponseCreate,
    ResponseCreateParams,
    ResponseDone,
    SendReceipt,
    ServerVad,
    SessionUpdate,
    TurnDetection,
    UserMessage,
)
from voxwire.sync.media_session import Translator


async def events(session: voxwire.Session, done: ResponseDone) -> None:
    receipt = await session.send(ResponseCreate(response=ResponseCreateParams(instructions="x")))
    assert_type(receipt, SendReceipt)
    assert_type(receipt.event, ClientEvent)
    assert_type(receipt.event_id, str | None)
    assert_type(await receipt.acknowledged(timeout=1), Event | None)
    await session.send(done)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await session.send("response.create")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def translation(
    session: voxwire.Session,
    transcriber: voxwire.Transcriber,
    translator: voxwire.Translator,
    threaded: Translator,
) -> None:
    """A translation has events of its own, and only those."""
    close = voxwire.SessionClose()
    assert_type(await translator.send(close), SendReceipt)
    await translator.send({"type": "session.close"})
    threaded.send({"type": "session.close"})
    await transcriber.send({"type": "input_audio_buffer.commit"})
    await session.send(close)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await session.send({"type": "session.close"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await transcriber.send(close)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await translator.send(ResponseCreate())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await translator.send({"type": "response.create"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    threaded.send({"type": "response.create"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def dicts(session: voxwire.Session) -> None:
    """Every event that a client sends, as a literal."""
    await session.send({"type": "response.create"})
    await session.send({"type": "response.create", "response": {"output_modalities": ["text"]}})
    await session.send({"type": "response.cancel", "response_id": "r", "event_id": "e"})
    await session.send({"type": "input_audio_buffer.append", "audio": "QUJD"})
    await session.send({"type": "input_audio_buffer.commit"})
    await session.send({"type": "input_audio_buffer.clear"})
    await session.send({"type": "output_audio_buffer.clear"})
    await session.send({"type": "conversation.item.delete", "item_id": "i"})
    await session.send({"type": "conversation.item.retrieve", "item_id": "i"})
    await session.send(
        {
            "type": "conversation.item.truncate",
            "item_id": "i",
            "content_index": 0,
            "audio_end_ms": 5,
        }
    )
    await session.send(
        {
            "type": "conversation.item.create",
            "item": {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Hello"}],
            },
        }
    )
    await session.send(
        {
            "type": "conversation.item.create",
            "previous_item_id": "root",
            "item": {"type": "function_call_output", "call_id": "c", "output": "{}"},
        }
    )
    await session.send(
        {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "instructions": "Be brief.",
                "audio": {
                    "input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}},
                    "output": {"voice": "marin"},
                },
                "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
            },
        }
    )


async def wrong_dicts(session: voxwire.Session) -> None:
    await session.send({"type": "response.creat"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await session.send({})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await session.send({"type": "session.updated"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await session.send({"type": "response.cancel", "id": "r"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await session.send({"type": "conversation.item.delete"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await session.send({"type": "conversation.item.delete", "item_id": 5})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await session.send({"type": "response.create", "response": {"instruction": "x"}})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def says(session: voxwire.Session) -> None:
    item: ConversationItem = UserMessage(content=[InputText(text="x")])
    assert_type(session.say("x"), Response)
    assert_type(session.say(item, policy="merge", voice="marin"), Response)
    assert_type(session.respond(conversation="none", metadata={"a": "b"}), Response)
    session.respond(
        input=[item, {"type": "item_reference", "id": "i"}], tools=[FunctionTool(name="f")]
    )
    session.say("x", policy="now")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    session.say("x", instruction="y")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    session.say("x", output_modalities=["video"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    session.respond(speed=1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def answers(session: voxwire.Session) -> None:
    response = await session.say("x")
    assert_type(response, Response)
    assert_type(response.id, str | None)
    assert_type(response.status, str)
    assert_type(response.responses, list[voxwire.RealtimeResponse])
    assert_type(response.calls, list[voxwire.FunctionCall])
    assert_type(response.usage, voxwire.ResponseUsage | None)
    text: str = response.text
    print(text.upper())
    async for piece in response.text:
        assert_type(piece, str)
    async for piece in response.transcript:
        assert_type(piece, str)
    async for sound in response.audio:
        assert_type(sound, bytes)
    list(response.audio)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]


def settings() -> None:
    """All settings of a session, in each of their forms."""
    detection: TurnDetection = ServerVad(threshold=0.5)
    voxwire.connect(
        instructions="",
        output_modalities=["text"],
        voice="marin",
        speed=1.2,
        turn_detection=None,
        transcription="gpt-transcribe",
        noise_reduction="near_field",
        input_format="pcm",
        output_format="pcmu",
        tool_choice="required",
        parallel_tool_calls=True,
        reasoning="low",
        max_output_tokens="inf",
        truncation="disabled",
        tracing="auto",
        prompt=None,
        include=["item.input_audio_transcription.logprobs"],
        keep_audio=30.0,
        tools=[FunctionTool(name="f"), print],
    )
    voxwire.connect(
        voice=CustomVoice(id="v"),
        turn_detection=detection,
        transcription=voxwire.AudioTranscription(language="en"),
        noise_reduction=voxwire.NoiseReduction(type="far_field"),
        input_format=voxwire.PcmuAudioFormat(),
        tool_choice=voxwire.ToolChoiceFunction(name="f"),
        reasoning=voxwire.Reasoning(effort="high"),
        max_output_tokens=100,
        truncation=voxwire.RetentionRatioTruncation(retention_ratio=0.5),
        tracing=voxwire.TracingConfig(workflow_name="w"),
        prompt=voxwire.Prompt(id="p"),
    )
    voxwire.connect(
        voice={"id": "v"},
        turn_detection={"type": "server_vad", "silence_duration_ms": 300},
        transcription={"model": "gpt-transcribe", "language": "en"},
        noise_reduction={"type": "far_field"},
        output_format={"type": "audio/pcma"},
        tool_choice={"type": "function", "name": "f"},
        reasoning={"effort": "high"},
        truncation={"type": "retention_ratio", "retention_ratio": 0.5},
        tracing={"workflow_name": "w"},
        prompt={"id": "p"},
    )


def wrong_settings() -> None:
    voxwire.connect(instruction="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    voxwire.connect(speed="fast")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    voxwire.connect(input_format="mp3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    voxwire.connect(reasoning="huge")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    voxwire.connect(turn_detection={"type": "vad"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    voxwire.connect(turn_detection={"type": "server_vad", "treshold": 1})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    voxwire.connect(transcription={"langauge": "en"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    voxwire.connect(keep_audio="some")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    voxwire.connect("gpt-realtime")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def opened() -> None:
    async with voxwire.connect() as session:
        assert_type(session, voxwire.Session)
        assert_type(await session.update(voice="marin"), Event | None)
        assert_type(session.closed, voxwire.ConnectionClosed | None)
        await session.update(SessionUpdate(session=voxwire.RealtimeSession()))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        await session.update(voices="marin")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert_type(await voxwire.connect(), voxwire.Session)


def threads() -> None:
    with voxwire.sync.connect(voice="marin") as session:
        assert_type(session, voxwire.sync.Session)
        receipt = session.send({"type": "input_audio_buffer.clear"})
        assert_type(receipt, voxwire.sync.SendReceipt)
        assert_type(receipt.acknowledged(), Event | None)
        session.send({"type": "input_audio_buffer.cleared"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        response = session.say("x", output_modalities=["text"])
        assert_type(response, voxwire.sync.Response)
        assert_type(response.wait(1), voxwire.sync.Response)
        for piece in response:
            assert_type(piece, str)
        for sound in response.audio:
            assert_type(sound, bytes)


def free(session: voxwire.sync.Session, event: Any) -> None:
    """What was read from a file has no type, and is checked when it is sent."""
    session.send(event)
