"""Spans of sessions, responses and tools: who is whose child, and what each of them says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from collecting import Collected, attributes, own, parent, trace_of
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

import voxwire
from voxwire import telemetry
from voxwire.emulator import Drop, Emulator, ErrorThenClose, Refuse
from voxwire.errors import AuthenticationError, ConnectionClosedError, ServerError
from voxwire.tools.deferred import DeferredResult


async def test_a_session_and_its_response(
    server: Emulator, connect: Any, collected: Collected
) -> None:
    async with connect(url=server.url, output_modalities=["text"]) as session:
        response = await session.say("Hello there")
        id, conversation = session.session.id, response.responses[0].conversation_id
    session_span, span = collected.span("session"), collected.span("generate_content")
    assert session_span.name == "session gpt-realtime-2.1"
    assert (session_span.kind, span.kind) == (SpanKind.CLIENT, SpanKind.CLIENT)
    assert parent(session_span) is None
    assert parent(span) == own(session_span)
    place = {
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-realtime-2.1",
        "server.address": "127.0.0.1",
        "server.port": int(server.url.split(":")[2].split("/")[0]),
    }
    assert attributes(session_span) == place | {
        "voxwire.session.id": id,
        "voxwire.session.kind": "conversation",
        "voxwire.session.part": 1,
        "voxwire.close.code": 1000,
    }
    assert span.name == "generate_content gpt-realtime-2.1"
    said = attributes(span)
    assert said.pop("gen_ai.response.time_to_first_chunk") > 0
    assert said.pop("voxwire.cost.usd") > 0
    usage = response.usage
    assert said == place | {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.response.id": response.id,
        "gen_ai.conversation.id": conversation,
        "gen_ai.output.type": "text",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.text.input_tokens": usage.input_tokens,
        "gen_ai.usage.text.output_tokens": 2,
    }
    assert span.status.status_code is StatusCode.UNSET
    assert span.start_time < span.end_time  # type: ignore[operator]
    assert session_span.start_time <= span.start_time  # type: ignore[operator]


async def test_tools_nest_under_their_response_and_own_spans_under_tools(
    server: Emulator, connect: Any, collected: Collected
) -> None:
    server.on("Oslo", call="rain", arguments={"city": "Oslo"})
    server.on(output_of="rain", reply="Yes.")

    def rain(city: str) -> str:
        """Whether it rains."""
        with collected.tracer.start_as_current_span("look out of the window"):
            return "yes"

    async with connect(url=server.url, tools=[rain], output_modalities=["text"]) as session:
        response = await session.say("Umbrella in Oslo?")
    session_span, tool = collected.span("session"), collected.span("execute_tool")
    [asked, answered] = collected.named("generate_content")
    assert parent(asked) == parent(answered) == own(session_span)
    assert parent(tool) == own(asked)
    assert parent(collected.span("look out")) == own(tool)
    assert tool.name == "execute_tool rain"
    assert tool.kind is SpanKind.INTERNAL
    assert attributes(tool) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "rain",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": response.calls[0].call_id,
        "gen_ai.tool.description": "Whether it rains.",
    }
    assert attributes(asked)["gen_ai.response.finish_reasons"] == ("tool_calls",)
    [link] = answered.links
    assert link.context.span_id == own(asked)
    assert link.attributes == {"voxwire.link": "continues"}


async def test_an_async_tool_nests_too(server: Emulator, collected: Collected) -> None:
    server.on("go", call="work", arguments={})

    async def work() -> str:
        """Work."""
        await asyncio.sleep(0)
        with collected.tracer.start_as_current_span("inside"):
            return "done"

    async with voxwire.connect(url=server.url, tools=[work]) as session:
        await session.say("go")
    assert parent(collected.span("inside")) == own(collected.span("execute_tool"))


async def test_a_later_answer_ends_the_span_of_its_tool(
    server: Emulator, collected: Collected
) -> None:
    server.on("go", call="work", arguments={})
    server.on("break", call="fail", arguments={})
    gate = asyncio.Event()

    async def slowly() -> str:
        await gate.wait()
        with collected.tracer.start_as_current_span("later"):
            return "done"

    async def badly() -> str:
        raise KeyError("no")

    def work() -> DeferredResult:
        """Work."""
        return DeferredResult(slowly())

    def fail() -> DeferredResult:
        """Fail."""
        return DeferredResult(badly())

    async with voxwire.connect(url=server.url, tools=[work, fail]) as session:
        await session.say("go")
        assert collected.named("execute_tool") == []
        async with session.expect(voxwire.ResponseDone, timeout=5):
            gate.set()
        tool = collected.span("execute_tool")
        assert parent(collected.span("later")) == own(tool)
        assert tool.status.status_code is StatusCode.UNSET
        async with session.expect(voxwire.ToolFailed, timeout=5):
            await session.say("break")
        await session.wait_for(voxwire.ResponseDone, timeout=5)
    failed = collected.span("execute_tool fail")
    assert attributes(failed)["error.type"] == "KeyError"
    assert failed.status.status_code is StatusCode.ERROR


async def test_tools_that_go_wrong(server: Emulator, connect: Any, collected: Collected) -> None:
    calls = {"oops": {"n": 1}, "slow": {}, "odd": {"n": "x"}, "gone": {}}
    for name, arguments in calls.items():
        server.on(name, call=name, arguments=arguments)

    def oops(n: int) -> None:
        raise LookupError("a secret")

    async def slow() -> None:
        await asyncio.Event().wait()

    def odd(n: int) -> None: ...

    tools = [oops, voxwire.Tool(slow, timeout=0.01), odd]
    async with connect(url=server.url, tools=tools) as session:
        for name in calls:
            await session.say(name)
    kinds = {
        attributes(span)["gen_ai.tool.name"]: attributes(span)["error.type"]
        for span in collected.named("execute_tool")
    }
    assert kinds == {
        "oops": "LookupError",
        "slow": "timeout",
        "odd": "invalid_arguments",
        "gone": "unknown_tool",
    }
    everything = " ".join(span.to_json() for span in collected.spans)
    assert "a secret" not in everything
    failures = collected.sums("voxwire.tool.failures", "gen_ai.tool.name", "error.type")
    assert failures == dict.fromkeys(kinds.items(), 1)


async def test_failures_and_ends_of_responses(
    server: Emulator, connect: Any, collected: Collected
) -> None:
    server.on("fail", error="server_overloaded")
    server.on("short", reply="So it", incomplete="max_output_tokens")
    server.on("wait", reply="One two three", hold=1)
    async with connect(url=server.url, output_modalities=["text"]) as session:
        await session.say("fail")
        await session.say("short")
        held = session.say("wait")
        async for _ in held.text:
            break
        await held.cancel()
        await held
    failed, short, held_span = collected.named("generate_content")
    assert attributes(failed)["error.type"] == "server_overloaded"
    assert failed.status.status_code is StatusCode.ERROR
    assert attributes(failed)["gen_ai.response.finish_reasons"] == ("error",)
    assert attributes(short)["gen_ai.response.finish_reasons"] == ("length",)
    assert short.status.status_code is StatusCode.UNSET
    assert attributes(held_span)["gen_ai.response.finish_reasons"] == ("client_cancelled",)
    assert held_span.status.status_code is StatusCode.UNSET
    kinds = collected.sums("gen_ai.client.operation.duration", "error.type")
    assert kinds == {(None,): 2, ("server_overloaded",): 1}


async def test_a_request_that_is_refused(server: Emulator, collected: Collected) -> None:
    async with voxwire.connect(url=server.url) as session:
        with pytest.raises(ServerError) as refused:
            await session.respond(
                conversation="none", input=[{"type": "item_reference", "id": "x"}]
            )
    code = refused.value.event.error.code  # type: ignore[union-attr]
    span = collected.span("generate_content")
    assert attributes(span)["error.type"] == code
    assert "gen_ai.response.id" not in attributes(span)
    assert collected.sums("voxwire.server.errors", "error.type") == {(code,): 1}
    [event] = collected.span("session").events
    assert event.name == "voxwire.server.error"


async def test_responses_beside_the_conversation(server: Emulator, collected: Collected) -> None:
    async with voxwire.connect(url=server.url, output_modalities=["text"]) as session:
        await asyncio.gather(
            session.respond(conversation="none", instructions="One."),
            session.respond(conversation="none", instructions="Two."),
        )
    spans = collected.named("generate_content")
    assert [attributes(span)["voxwire.response.out_of_band"] for span in spans] == [True, True]
    assert len({attributes(span)["gen_ai.response.id"] for span in spans}) == 2


async def test_who_opens_is_the_parent_and_who_asks_is_linked(
    server: Emulator, connect: Any, collected: Collected
) -> None:
    with collected.tracer.start_as_current_span("call"):
        opening = connect(url=server.url, output_modalities=["text"])
        async with opening as session:
            with collected.tracer.start_as_current_span("question"):
                response = session.say("Hi")
            await response
    call, question, session_span = (collected.span(n) for n in ("call", "question", "session"))
    assert parent(session_span) == own(call)
    span = collected.span("generate_content")
    assert parent(span) == own(session_span)
    [link] = span.links
    assert link.context.span_id == own(question)
    assert link.attributes == {"voxwire.link": "asked for by"}
    assert not trace.get_current_span().get_span_context().is_valid


async def test_a_long_session_goes_on_in_another_trace(connect: Any, server: Emulator) -> None:
    collected = Collected()
    telemetry.instrument(**collected.providers, trace_seconds=0)
    try:
        with collected.tracer.start_as_current_span("call"):
            async with connect(url=server.url, output_modalities=["text"]) as session:
                for _ in range(3):
                    await session.say("Hi")
                id = session.session.id
    finally:
        telemetry.uninstrument()
    parts = collected.named("session")
    assert [attributes(part)["voxwire.session.part"] for part in parts] == [1, 2, 3, 4]
    assert {attributes(part)["voxwire.session.id"] for part in parts} == {id}
    assert len({trace_of(part) for part in parts}) == 4
    assert trace_of(parts[0]) == trace_of(collected.span("call"))
    assert [parent(part) for part in parts[1:]] == [None] * 3
    for part, response in zip(parts[1:], collected.named("generate_content"), strict=True):
        assert parent(response) == own(part)
    assert [link.context.span_id for link in parts[1].links] == [own(parts[0])]
    assert [link.context.span_id for link in parts[3].links] == [own(parts[2]), own(parts[0])]
    assert attributes(parts[3])["voxwire.close.code"] == 1000
    assert all(part.status.status_code is StatusCode.UNSET for part in parts)


async def test_a_session_that_cannot_be_opened(server: Emulator, collected: Collected) -> None:
    server.faults.append(Refuse(401))
    with pytest.raises(AuthenticationError):
        await voxwire.connect(url=server.url)
    server.faults[:] = [ErrorThenClose({"type": "invalid_request_error", "message": "No."}, 3000)]
    with pytest.raises(AuthenticationError):
        await voxwire.connect(url=server.url)
    first, second = collected.named("session")
    for span in (first, second):
        assert attributes(span)["error.type"] == "voxwire.errors.AuthenticationError"
        assert span.status.status_code is StatusCode.ERROR
    opened = collected.sums("voxwire.session.open.duration", "error.type")
    assert opened == {("voxwire.errors.AuthenticationError",): 2}
    assert collected.points("voxwire.session.duration") == []
    assert collected.points("voxwire.sessions.open") == []


async def test_a_connection_that_breaks(
    server: Emulator, connect: Any, collected: Collected
) -> None:
    server.on("break", reply="One two three", fault=Drop(2))
    async with connect(url=server.url, output_modalities=["text"]) as session:
        with pytest.raises(ConnectionClosedError):
            await session.say("break")
    session_span, span = collected.span("session"), collected.span("generate_content")
    for each in (session_span, span):
        assert attributes(each)["error.type"] == "1006"
        assert each.status.status_code is StatusCode.ERROR
    assert attributes(span)["gen_ai.response.finish_reasons"] == ("error",)
    assert collected.sums("voxwire.session.duration", "error.type") == {("1006",): 1}


async def test_closing_in_the_middle_is_no_failure(server: Emulator, collected: Collected) -> None:
    server.on("wait", reply="One two three", hold=1)
    server.on("work", call="work", arguments={})
    begun = asyncio.Event()

    async def work() -> None:
        """Work."""
        begun.set()
        await asyncio.Event().wait()

    async with voxwire.connect(url=server.url, tools=[work]) as session:
        session.say("work")
        await begun.wait()
    async with voxwire.connect(url=server.url, output_modalities=["text"]) as session:
        async for _ in session.say("wait").text:
            break
    first, second = collected.named("session")
    assert all(span.status.status_code is StatusCode.UNSET for span in (first, second))
    assert attributes(collected.span("execute_tool"))["error.type"] == "cancelled"
    cut = collected.named("generate_content")[-1]
    assert attributes(cut)["gen_ai.response.finish_reasons"] == ("error",)
    assert cut.status.status_code is StatusCode.UNSET


async def test_content_only_where_it_is_asked_for(
    server: Emulator, connect: Any, collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("Oslo", call="rain", arguments={"city": "Oslo"})
    server.on(output_of="rain", reply="It rains in Oslo.")

    def rain(city: str) -> str:
        """Whether it rains."""
        return f"cats and dogs in {city}"

    async def talk() -> None:
        async with connect(
            url=server.url, tools=[rain], output_modalities=["text"], instructions="Be a fish."
        ) as session:
            await session.say("Umbrella in Oslo?")

    await talk()
    everything = " ".join(span.to_json() for span in collected.spans)
    for word in ("Umbrella", "Oslo", "cats", "fish"):
        assert word not in everything

    telemetry.uninstrument()
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    open_book = Collected()
    telemetry.instrument(**open_book.providers)
    await talk()
    asked, answered = open_book.named("generate_content")
    tool = attributes(open_book.span("execute_tool"))
    assert json.loads(attributes(asked)["gen_ai.system_instructions"]) == [
        {"type": "text", "content": "Be a fish."}
    ]
    assert json.loads(attributes(asked)["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "Umbrella in Oslo?"}]}
    ]
    [message] = json.loads(attributes(asked)["gen_ai.output.messages"])
    call = message["parts"][0]
    assert (message["role"], message["finish_reason"]) == ("assistant", "tool_calls")
    assert (call["type"], call["name"], call["arguments"]) == (
        "tool_call", "rain", {"city": "Oslo"},
    )  # fmt: skip
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"city": "Oslo"}
    assert tool["gen_ai.tool.call.result"] == "cats and dogs in Oslo"
    assert json.loads(attributes(answered)["gen_ai.input.messages"]) == [
        {
            "role": "tool",
            "parts": [
                {
                    "type": "tool_call_response",
                    "id": call["id"],
                    "response": "cats and dogs in Oslo",
                }
            ],
        }
    ]
    assert "It rains in Oslo." in attributes(answered)["gen_ai.output.messages"]


async def test_a_session_that_goes_on_over_another_connection(
    server: Emulator, connect: Any, collected: Collected
) -> None:
    server.on("break", reply="One two three four", fault=Drop(4), times=1)
    policy = voxwire.Reconnect(first_delay=0.0, responses="report")
    async with connect(url=server.url, output_modalities=["text"], reconnect=policy) as session:
        await session.say("Hi")
        async with session.expect(voxwire.Reconnected, timeout=5):
            session.say("break")
        await session.say("Still there?")
        assert session.usage.responses == len(session.usage.by_response) == 2
    session_span = collected.span("session")
    assert session_span.status.status_code is StatusCode.UNSET
    assert [event.name for event in session_span.events] == [
        "voxwire.reconnecting",
        "voxwire.reconnected",
    ]
    first, cut, last = collected.named("generate_content")
    assert {parent(span) for span in (first, cut, last)} == {own(session_span)}
    assert attributes(cut)["error.type"] == "connection_lost"
    assert attributes(last)["gen_ai.response.finish_reasons"] == ("stop",)
    kind = ("voxwire.reconnect.planned", "error.type")
    assert collected.sums("voxwire.reconnect.attempts", *kind) == {(False, "1006"): 1}
    assert collected.sums("voxwire.reconnects", *kind) == {(False, None): 1}
    assert collected.sums("voxwire.reconnect.duration", *kind) == {(False, None): 1}
    assert collected.sums("voxwire.sessions.open") == {(): 0}
