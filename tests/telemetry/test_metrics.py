"""What is counted and measured, over real sessions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from collecting import Collected, attributes

import voxwire
from voxwire import (
    ConnectionClosed,
    HandlerFailed,
    Overflow,
    ResponseDone,
    ResponseOutputAudioDelta,
)
from voxwire.audio import silence
from voxwire.conversation.pricing import Price
from voxwire.emulator import Emulator

VAD: Any = {"type": "server_vad", "silence_duration_ms": 500}


async def test_a_response_is_measured(server: Emulator, connect: Any, collected: Collected) -> None:
    async with connect(url=server.url, output_modalities=["text"]) as session:
        await session.say("One two three")
        cost = session.usage.cost().total
    keys = ("gen_ai.operation.name", "gen_ai.request.model", "gen_ai.provider.name")
    key = ("generate_content", "gpt-realtime-2.1", "openai")
    assert collected.sums("gen_ai.client.operation.duration", *keys) == {key: 1}
    assert collected.sums("gen_ai.client.operation.time_to_first_chunk", *keys) == {key: 1}
    tokens = {
        point.attributes["gen_ai.token.type"]: point.sum
        for point in collected.points("gen_ai.client.token.usage")
    }
    assert tokens["output"] == 3
    assert tokens["input"] > 0
    assert collected.sums("voxwire.cost", *keys) == {key: pytest.approx(float(cost))}
    [lasting] = collected.points("voxwire.session.duration")
    assert lasting.count == 1
    [opening] = collected.points("voxwire.session.open.duration")
    assert opening.count == 1
    assert opening.explicit_bounds[0] == 0.01
    assert collected.points("voxwire.response.time_to_first_audio") == []


async def test_open_sessions_are_counted(server: Emulator, collected: Collected) -> None:
    async with voxwire.connect(url=server.url):
        async with voxwire.connect(url=server.url):
            assert collected.sums("voxwire.sessions.open") == {(): 2}
        assert collected.sums("voxwire.sessions.open") == {(): 1}
    assert collected.sums("voxwire.sessions.open") == {(): 0}


async def test_latency_to_the_first_sound(
    server: Emulator, connect: Any, collected: Collected
) -> None:
    server.hear("What time is it?")
    server.on("time", call="clock", arguments={})
    server.on(output_of="clock", reply="Noon.")

    def clock() -> str:
        """The time."""
        return "12"

    async with connect(url=server.url, tools=[clock], turn_detection=VAD) as session:
        await session.say("Say something.")
        async with session.expect(
            ResponseDone, where=lambda event: event.response.output[0].type == "message", timeout=5
        ):
            await session.append_audio(server.speech("What time is it?") + silence(900))
    since = collected.sums("voxwire.response.time_to_first_audio", "voxwire.latency.since")
    assert since == {("request",): 1, ("speech",): 1}
    typed, called, spoken = collected.named("generate_content")
    assert attributes(typed)["voxwire.latency.since"] == "request"
    assert "voxwire.response.time_to_first_audio" not in attributes(called)
    assert attributes(spoken)["voxwire.latency.since"] == "speech"
    assert attributes(spoken)["gen_ai.output.type"] == "speech"
    # The server began the call's response by itself: nobody asked, so nothing is measured from it.
    assert "gen_ai.response.time_to_first_chunk" not in attributes(called)
    assert attributes(spoken)["gen_ai.usage.audio.output_tokens"] > 0


async def test_interruptions_are_counted_once_each(
    server: Emulator, connect: Any, collected: Collected
) -> None:
    server.hear("Stop.")
    server.on("story", reply="Once upon a time there was a lighthouse.", hold=8)
    server.on("more", reply="It could not sleep.")
    async with connect(url=server.url, turn_detection=VAD) as session:
        async with session.expect(ResponseOutputAudioDelta, timeout=5):
            story = session.say("A story")
        async with session.expect(ResponseDone, where=lambda e: e.response.status == "completed"):
            await session.append_audio(server.speech("Stop.") + silence(900))  # barges in
        assert (await story).status == "cancelled"
        more = await session.say("more")
        [item] = more.responses[0].output
        await session.interrupt(20, item_id=item.id)
        async with session.expect(ResponseOutputAudioDelta, timeout=5):
            again = session.say("story again")
        await session.interrupt(10)
        await again
    reasons = collected.sums("voxwire.interruptions", "voxwire.interruption.reason")
    assert reasons == {("turn_detected",): 1, ("truncated",): 2}
    events = [event for event in collected.span("session").events if "interruption" in event.name]
    assert len(events) == 3


async def test_handlers_and_queues(server: Emulator, connect: Any, collected: Collected) -> None:
    async with connect(url=server.url, output_modalities=["text"]) as session:

        @session.on(ResponseDone)
        def broken(event: ResponseDone) -> None:
            raise ValueError("private words")

        async with session.stream("response.output_text.delta", limit=2) as stream:
            async with session.expect(HandlerFailed, timeout=5):
                await session.say("one two three four five")
            assert isinstance(await anext(aiter(stream)), Overflow)
    failures = collected.sums("voxwire.handler.failures", "error.type")
    assert failures == {("ValueError",): 1}
    queues = collected.sums("voxwire.queue.overflows", "voxwire.queue.name")
    assert queues == {("stream of response.output_text.delta",): 1}
    names = {event.name for event in collected.span("session").events}
    assert names == {"voxwire.handler.failure", "voxwire.overflow"}
    assert "private words" not in " ".join(span.to_json() for span in collected.spans)


async def test_transcriptions_and_translations(server: Emulator, collected: Collected) -> None:
    sound = silence(300) + server.speech("good morning") + silence(900)
    for model in ("gpt-transcribe", "gpt-4o-transcribe"):
        async with voxwire.connect_transcription(
            url=server.url, model=model, turn_detection=VAD
        ) as session:
            async for _ in session.transcribe(sound, settle=0.05):
                pass
    async with voxwire.connect_translation(to="es", url=server.url, speed=None) as translator:
        async for _ in translator.translate(sound):
            pass
    kinds = [attributes(span)["voxwire.session.kind"] for span in collected.named("session")]
    assert kinds == ["transcription", "transcription", "translation"]
    assert collected.spans[-1].name == "session gpt-realtime-translate"
    key = ("gen_ai.operation.name", "gen_ai.request.model")
    seconds = collected.sums("voxwire.transcription.audio", *key)
    assert seconds.keys() == {("transcribe", "gpt-transcribe")}
    tokens = collected.sums("gen_ai.client.token.usage", *key, "gen_ai.token.type")
    assert tokens == {
        ("transcribe", "gpt-4o-transcribe", "input"): 1,
        ("transcribe", "gpt-4o-transcribe", "output"): 1,
    }
    assert len(collected.sums("voxwire.cost", *key)) == 2


async def test_prices_of_ones_own(server: Emulator) -> None:
    from decimal import Decimal

    own = Collected()
    async with voxwire.connect(
        url=server.url, model="my-own", output_modalities=["text"]
    ) as session:
        prices = {"my-own": Price(text=Decimal(0), text_out=Decimal(1_000_000))}
        voxwire.telemetry.instrument_session(session, **own.providers, prices=prices)
        await session.say("One two")
    assert own.sums("voxwire.cost") == {(): 2.0}
    assert attributes(own.span("generate_content"))["voxwire.cost.usd"] == 2.0


async def test_a_model_without_a_price_costs_nothing_here(
    server: Emulator, collected: Collected
) -> None:
    async with voxwire.connect(url=server.url, model="my-own") as session:
        await session.say("One two")
    assert collected.points("voxwire.cost") == []
    assert "voxwire.cost.usd" not in attributes(collected.span("generate_content"))


async def test_a_server_that_cancels_with_an_event_of_its_own(collected: Collected) -> None:
    from voxwire.session.core import Core
    from voxwire.session.session_observers import watched

    core = Core()
    with watched(core):
        pass
    for event in (
        {"type": "response.created", "event_id": "e", "response": {"id": "r1", "output": []}},
        {"type": "response.cancelled", "event_id": "e", "response_id": "r1"},
        {"type": "response.done", "event_id": "e", "response": {"id": "r2", "status": "completed"}},
        {"type": "response.done", "event_id": "e", "response": {"id": "r2", "status": "completed"}},
    ):
        core.received(json.dumps(event))
    core.ended(ConnectionClosed(code=1000, reason="", clean=True, expected=True))
    first, second = collected.named("generate_content")
    assert attributes(first)["gen_ai.response.finish_reasons"] == ("cancelled",)
    assert attributes(second)["gen_ai.response.finish_reasons"] == ("stop",)
    assert collected.sums("voxwire.interruptions") == {(): 1}
    await asyncio.sleep(0)
