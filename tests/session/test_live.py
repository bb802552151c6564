"""The whole layer against the emulator, over a real socket, by both faces."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Iterator
from typing import Any, Literal

import pytest

import voxwire
import voxwire.sync
from voxwire import (
    ConversationItemCreate,
    FunctionCallOutput,
    InputAudioBufferAppend,
    InputAudioBufferCommit,
    InvalidEvent,
    InvalidOption,
    ResponseDone,
    ServerError,
    SessionUpdated,
    ToolFailed,
)
from voxwire.conversation.local_events import ConversationInterrupted, ConversationItemCompleted
from voxwire.emulator import Call, Emulator, Reply


@pytest.fixture
async def server() -> Any:
    async with Emulator() as server:
        yield server


def settled(call: Any) -> Any:
    return asyncio.wait_for(call, 10)


async def test_what_is_said_is_answered(server: Emulator, connect: Any) -> None:
    server.on("duologue", reply="A play for two.")
    pieces = []
    async with connect(
        url=server.url, instructions="Be brief.", output_modalities=["text"]
    ) as session:
        response = await session.say("What is a duologue?")
        async for text in response.text:
            pieces.append(text)
        assert "".join(pieces) == response.text == "A play for two."
        assert session.session.instructions == "Be brief."


async def test_text_streams_while_the_response_runs(server: Emulator, connect: Any) -> None:
    server.on("long", reply="one two three four five six", hold=2)
    async with connect(url=server.url, output_modalities=["text"]) as session:
        response = session.say("long")
        pieces = aiter(response.text)
        first = await settled(anext(pieces))
        assert first
        assert not response.done
        server.release()
        rest = [piece async for piece in pieces]
        assert first + "".join(rest) == "one two three four five six"
        assert (await settled(response)).status == "completed"


async def test_a_tool_is_called_and_its_output_answered_to(server: Emulator, connect: Any) -> None:
    asked = []

    @voxwire.tool
    async def get_weather(
        city: str, unit: Literal["celsius", "fahrenheit"] = "celsius"
    ) -> dict[str, Any]:
        """The weather in a city, now."""
        asked.append((city, unit))
        return {"rain": True}

    server.on("Umbrella", call="get_weather", arguments={"city": "Oslo"})
    server.on(output_of="get_weather", reply="Yes, take one.")
    async with connect(url=server.url, tools=[get_weather], output_modalities=["text"]) as session:
        response = await settled(session.say("Umbrella in Oslo?"))
        assert response.text == "Yes, take one."
        assert [call.name for call in response.calls] == ["get_weather"]
        assert len(response.responses) == 2
        assert [tool.name for tool in session.session.tools] == ["get_weather"]
    assert asked == [("Oslo", "celsius")]


async def test_items_are_told_when_they_are_whole(server: Emulator, connect: Any) -> None:
    shown = []
    async with connect(url=server.url, output_modalities=["text"]) as session:

        @session.on(ConversationItemCompleted)
        def show(event: ConversationItemCompleted) -> None:
            shown.append((event.item.role, event.item.transcript or event.item.text))

        await settled(session.say("Good day"))
    assert shown == [("user", "Good day"), ("assistant", "Good day")]


async def test_the_conversation_and_its_cost(server: Emulator, connect: Any) -> None:
    async with connect(url=server.url) as session:
        await settled(session.say("One two three"))
        said = [
            (item.role, item.status, item.text or item.transcript, item.audio_ms > 0)
            for item in session.conversation
        ]
        assert said == [
            ("user", "completed", "One two three", False),
            ("assistant", "completed", "One two three", True),
        ]
        assert session.usage.total == session.conversation.usage.total > 0
        cost = session.usage.cost()
        assert cost.model == "gpt-realtime-2.1"
        assert cost.total > 0
        assert "audio output" in str(cost)


async def test_responses_run_beside_each_other(server: Emulator, connect: Any) -> None:
    async def brain(turn: Any) -> str:
        return f"answer to {turn.response['instructions']}"

    server.script.brain = brain
    async with connect(url=server.url, output_modalities=["text"]) as session:
        verdict, summary = await settled(
            asyncio.gather(
                session.respond(
                    conversation="none", instructions="angry?", output_modalities=["text"]
                ),
                session.respond(
                    conversation="none", instructions="a line", output_modalities=["text"]
                ),
            )
        )
        assert (verdict.text, summary.text) == ("answer to angry?", "answer to a line")
        assert len(session.conversation) == 0


async def test_a_second_response_waits_for_the_first(server: Emulator, connect: Any) -> None:
    server.on("first", reply="one and a half", hold=1)
    errors = []
    async with connect(url=server.url, output_modalities=["text"]) as session:
        session.on(voxwire.ErrorEvent, errors.append)
        first, second = session.say("first"), session.say("second")
        async with session.expect(voxwire.ResponseOutputTextDelta, timeout=10):
            pass
        assert (first.status, second.status) == ("in_progress", "queued")
        server.release()
        await settled(asyncio.gather(first, second))
        assert first.text == "one and a half"
        # What was said meanwhile comes after the answer that was running, and is answered.
        assert [(item.role, item.text) for item in session.conversation] == [
            ("user", "first"),
            ("assistant", "one and a half"),
            ("user", "second"),
            ("assistant", "second"),
        ]
    assert errors == []


async def test_requests_merge_where_that_is_asked_for(server: Emulator, connect: Any) -> None:
    server.on("first", reply="one and a half", hold=1)
    async with connect(url=server.url, output_modalities=["text"]) as session:
        first = session.say("first")
        second, third = session.say("a"), session.say("b", policy="merge")
        async with session.expect(voxwire.ResponseOutputTextDelta, timeout=10):
            pass
        server.release()
        await settled(asyncio.gather(first, second, third))
        assert second.id == third.id != first.id
        said = [item.text for item in session.conversation]
        assert said[:4] == ["first", "one and a half", "a", "b"]
        assert len(said) == 5


async def test_only_speech_of_the_model_can_be_cut(server: Emulator, connect: Any) -> None:
    async with connect(url=server.url) as session:
        await settled(session.say("some words"))
        user, spoken = session.conversation
        sent: list[Any] = []
        session.on(voxwire.ClientEvent, sent.append)
        with pytest.raises(InvalidOption, match="message of the assistant"):
            await session.interrupt(100, item_id=user.id)
        async with session.expect("conversation.item.truncated", timeout=10) as truncated:
            await session.interrupt(item_id=spoken.id, samples=2400)
        assert (await truncated).audio_end_ms == 100
    kinds = [type(event).__name__ for event in sent]
    assert kinds[-1] == "ConversationItemTruncate"
    assert kinds.count("ConversationItemTruncate") == 1


async def test_a_cancelled_response_ends_as_cancelled(server: Emulator, connect: Any) -> None:
    server.on("long", reply="one two three four", hold=1)
    async with connect(url=server.url, output_modalities=["text"]) as session:
        response = session.say("long")
        await settled(anext(aiter(response.text)))
        await response.cancel()
        assert (await settled(response)).status == "cancelled"
        assert (await settled(session.say("next"))).status == "completed"


async def test_a_failing_response_is_a_status_and_no_exception(
    server: Emulator, connect: Any
) -> None:
    server.on("fail", error="server_error")
    async with connect(url=server.url, output_modalities=["text"]) as session:
        assert (await settled(session.say("fail"))).status == "failed"


async def test_a_refused_request_is_an_exception(server: Emulator, connect: Any) -> None:
    async with connect(url=server.url) as session:
        with pytest.raises(InvalidEvent):
            session.respond(output_modalities=["smell"])  # type: ignore[list-item]
        receipt = await session.send({"type": "conversation.item.delete", "item_id": "nope"})
        with pytest.raises(ServerError):
            await receipt.acknowledged(10)


async def test_settings_are_acknowledged_or_refused(server: Emulator, connect: Any) -> None:
    async with connect(url=server.url, voice="marin", turn_detection=None) as session:
        assert session.session.audio.output.voice == "marin"
        assert session.session.audio.input.turn_detection is None
        updated = await session.update(instructions="Short.", max_output_tokens=100)
        assert isinstance(updated, SessionUpdated)
        assert session.session.instructions == "Short."
        assert session.session.audio.output.voice == "marin"
        with pytest.raises(InvalidOption, match="unknown setting of a session"):
            await session.update(temperature=1)  # type: ignore[call-arg]


async def test_a_batch_of_tools_has_one_answer_and_a_failure_is_an_output(
    server: Emulator, connect: Any
) -> None:
    failures: list[ToolFailed] = []
    running = asyncio.Barrier(2)

    async def works(x: int) -> int:
        """Works."""
        await running.wait()  # both run at the same time
        return x * 2

    async def fails(x: int) -> int:
        """Fails."""
        await running.wait()
        raise RuntimeError("the oven is off")

    server.on("both", call=[Call("works", {"x": 2}), Call("fails", {"x": 1})])
    responses = []
    async with connect(url=server.url, tools=[works, fails], output_modalities=["text"]) as session:
        session.on(ToolFailed, failures.append)
        session.on(ResponseDone, responses.append)
        await settled(session.say("both"))
        outputs = [
            item.output for item in session.conversation if item.type == "function_call_output"
        ]
    assert len(responses) == 2
    assert sorted(outputs)[0] == "4"
    assert "the oven is off" in sorted(outputs)[1]
    assert "Traceback" not in sorted(outputs)[1]
    assert [failure.call.name for failure in failures] == ["fails"]


async def test_required_tools_do_not_loop(server: Emulator, connect: Any) -> None:
    calls = []

    def note(text: str) -> str:
        """Notes."""
        calls.append(text)
        return "noted"

    async with connect(
        url=server.url, tools=[note], tool_choice="required", output_modalities=["text"]
    ) as session:
        response = await settled(session.say("go"))
        assert response.status == "completed"
    assert len(calls) == 1


async def test_tools_come_and_go(server: Emulator, connect: Any) -> None:
    async with connect(url=server.url) as session:
        async with session.expect(SessionUpdated, timeout=10) as updated:

            @session.tool(description="Does a thing.")
            def thing() -> str:
                return ""

        assert [tool.name for tool in (await updated).session.tools] == ["thing"]
        with pytest.raises(InvalidOption, match="thing"):
            session.tool(thing)
        async with session.expect(SessionUpdated, timeout=10) as updated:
            session.remove_tool(thing)
        assert (await updated).session.tools == []


async def test_a_call_answered_by_hand_does_not_block_the_answer(
    server: Emulator, connect: Any
) -> None:
    server.on("ask", call="by_hand", arguments={})
    server.on(output_of="by_hand", reply="Forty-two.")
    async with connect(
        url=server.url,
        output_modalities=["text"],
        tools=[{"type": "function", "name": "by_hand", "parameters": {"type": "object"}}],
    ) as session:
        response = await settled(session.say("ask"))
        (call,) = response.calls
        assert call.call_id
        await session.send(
            ConversationItemCreate(item=FunctionCallOutput(call_id=call.call_id, output="42"))
        )
        assert (await settled(session.respond())).text == "Forty-two."


async def test_push_to_talk(server: Emulator, connect: Any) -> None:
    server.hear("what time is it")
    server.on("time", reply="Noon.")
    async with connect(url=server.url, turn_detection=None, output_modalities=["text"]) as session:
        with pytest.raises(InvalidOption, match="0 ms of audio"):
            await session.commit_audio()
        await session.append_audio(b"\x01\x00" * 24_00)
        await session.clear_audio()
        with pytest.raises(InvalidOption, match="at least 100 ms"):
            await session.commit_audio()
        await session.append_audio(bytearray(b"\x01\x00" * 24_000))
        await (await session.commit_audio()).acknowledged(10)
        assert (await settled(session.respond())).text == "Noon."


async def test_a_manual_commit_is_refused_where_turns_are_detected(
    server: Emulator, connect: Any
) -> None:
    async with connect(url=server.url) as session:
        await session.append_audio(b"\0" * 48_000)
        with pytest.raises(InvalidOption, match="turn_detection=None"):
            await session.commit_audio()


async def test_long_audio_goes_out_in_pieces_and_is_heard_by_listeners(
    server: Emulator, connect: Any
) -> None:
    from voxwire.session import input_audio as uplink

    heard: list[InputAudioBufferAppend] = []
    audio = b"\x01\x00" * (uplink.MAX_APPEND // 2 + 10)
    async with connect(url=server.url, turn_detection=None) as session:
        session.on(InputAudioBufferAppend, heard.append)
        await session.append_audio(audio)
        async with session.expect("input_audio_buffer.committed", timeout=20) as committed:
            await session.send(InputAudioBufferCommit())
        assert (await committed).item_id
    assert [len(event.audio_bytes) for event in heard] == [uplink.MAX_APPEND, 20]


async def test_a_spoken_turn_is_interrupted_where_the_listener_is(
    server: Emulator, connect: Any
) -> None:
    reply = "This is a rather long answer that nobody wants to hear to its end"
    server.on("long", reply=reply)
    async with connect(url=server.url, turn_detection=None) as session:
        response = await settled(session.say("long"))
        assert response.transcript == reply
        item = session.conversation[-1]
        whole = item.audio_ms
        assert whole > 1000
        async with session.expect("conversation.item.truncated", timeout=10) as truncated:
            await session.interrupt(700)
        assert (await truncated).audio_end_ms == 700
        assert session.conversation[-1].audio_ms == 700
        # What was cut off is neither cut again nor beyond its real length.
        await session.interrupt(10_000)
        await session.update(instructions="Still here.")


async def test_an_answer_nobody_heard_is_deleted(server: Emulator, connect: Any) -> None:
    server.on("long", reply="some words that take a while to say", hold=12)
    async with connect(url=server.url, turn_detection=None) as session:
        response = session.say("long")
        async with session.expect(voxwire.ResponseOutputAudioDelta, timeout=10):
            pass
        async with session.expect("conversation.item.deleted", timeout=10):
            await session.interrupt(0)
        assert (await settled(response)).status == "cancelled"
        assert [item.role for item in session.conversation] == ["user"]


async def test_speech_interrupts_and_the_conversation_tells(server: Emulator, connect: Any) -> None:
    server.hear("stop please")
    interrupted: list[ConversationInterrupted] = []
    async with connect(url=server.url, transcription="gpt-live-transcribe") as session:
        session.on("conversation.interrupted", interrupted.append)
        speech = server.speech("stop please")
        async with session.expect(ResponseDone, timeout=10):
            async with session.expect("input_audio_buffer.speech_started", timeout=10):
                await session.append_audio(speech + bytes(48 * 1000))
        assert session.conversation[0].role == "user"
        assert session.conversation[0].transcript == "stop please"
    assert len(interrupted) == 1


async def test_the_audio_of_a_response_streams(server: Emulator, connect: Any) -> None:
    server.on("speak", reply=Reply(text="four little words here"))
    async with connect(url=server.url, keep_audio="all") as session:
        response = session.say("speak")
        audio = b"".join([chunk async for chunk in response.audio])
        await response
        assert len(audio) == session.conversation[-1].audio_ms * 48
        assert session.conversation[-1].audio == audio


async def test_a_tool_may_close_the_session(server: Emulator, connect: Any) -> None:
    async def hang_up(context: voxwire.ToolContext) -> str:
        """Ends the call."""
        await context.session.close()
        return "bye"

    server.on("bye", call="hang_up", arguments={})
    async with connect(url=server.url, tools=[hang_up]) as session:
        with pytest.raises(voxwire.ConnectionClosedError):
            await settled(session.say("bye"))
    assert session.closed is not None
    assert session.closed.expected


async def test_waiting_responses_end_with_the_session(server: Emulator, connect: Any) -> None:
    server.on("long", reply="one two three", hold=1)
    async with connect(url=server.url, output_modalities=["text"]) as session:
        first, second = session.say("long"), session.say("never")
        await settled(anext(aiter(first.text)))
    for response in (first, second):
        with pytest.raises(voxwire.ConnectionClosedError):
            await settled(response)
    with pytest.raises(voxwire.ConnectionClosedError):
        session.say("too late")


async def test_audio_comes_as_bytes_arrays_and_iterators(server: Emulator, connect: Any) -> None:
    samples = array("h", [1] * 2400)

    def spoken() -> Iterator[Any]:
        yield samples.tobytes()
        yield samples

    heard: list[InputAudioBufferAppend] = []
    async with connect(url=server.url, turn_detection=None) as session:
        session.on(InputAudioBufferAppend, heard.append)
        await session.append_audio(samples)
        await session.append_audio(memoryview(samples))
        await session.append_audio(spoken())
        with pytest.raises(InvalidOption, match="audio is bytes"):
            await session.append_audio("AAAA")
        await (await session.commit_audio()).acknowledged(10)
    assert [event.audio_bytes for event in heard] == [samples.tobytes()] * 4
