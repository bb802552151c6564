"""Checked by the type checkers, not run: what a listener is given follows from what it names.

mypy gives several classes the type that they have in common, where pyright gives their union; and
it looks at a lambda twice, first without knowing what it is given.
"""

from typing import Any, assert_never, assert_type

import voxwire
import voxwire.sync
from voxwire import (
    AssistantContent,
    AudioFormat,
    ClientEvent,
    ConnectionClosed,
    ConversationItem,
    Event,
    Overflow,
    ResponseCreated,
    ResponseDone,
    ResponseOutputTextDelta,
    ServerEvent,
    SessionUpdated,
    TurnDetection,
    UserContent,
)
from voxwire.session.streams import EventStream


def handlers(session: voxwire.Session) -> None:
    @session.on(ResponseDone)
    async def done(event: ResponseDone) -> None:
        assert_type(event, ResponseDone)

    @session.once(ResponseDone)
    def once(event: ResponseDone) -> None: ...

    @session.on(ServerEvent)
    def everything(event: ServerEvent) -> None: ...

    @session.on(ServerEvent)
    def more(event: Event) -> None: ...  # a handler may take more than it is given

    @session.on("response.done")
    def by_name(event: ResponseDone) -> None: ...

    @session.on(ConnectionClosed)
    def closed(event: ConnectionClosed) -> None: ...

    session.on(ResponseDone, done)
    session.once(ResponseDone, everything)
    session.on(ResponseDone, lambda event: assert_type(event, ResponseDone))  # type: ignore[assert-type]
    session.once(ClientEvent, lambda event: assert_type(event, ClientEvent))  # type: ignore[assert-type]
    session.on("response.done", lambda event: assert_type(event, Any))
    assert_type(session.off(ResponseDone, done), bool)


async def types(session: voxwire.Session, threaded: voxwire.sync.Session) -> None:
    async for event in session:
        assert_type(event.type, str)
    async for change in session.stream(voxwire.ConversationUpdated):
        assert_type(change.type, str)
    for event in threaded:
        assert_type(event.type, str)
    session.on(ResponseDone, lambda event: None, catch_up=True)


def wrong_handlers(session: voxwire.Session) -> None:
    @session.on(ResponseDone)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    def other(event: ResponseCreated) -> None: ...

    @session.once(ServerEvent)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    def narrower(event: ResponseDone) -> None: ...

    def wrong(event: ResponseCreated) -> None: ...

    session.on(ResponseDone, wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    session.on(ResponseDone, lambda event: event.delta)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownLambdaType]
    session.on(5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    session.on(str)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType, reportCallIssue]


async def streams(session: voxwire.Session) -> None:
    async for event in session.stream(ResponseDone):
        assert_type(event, ResponseDone | Overflow)
    async for one in session.stream(ResponseCreated, ResponseDone):
        assert_type(one, ResponseCreated | ResponseDone | Overflow)  # type: ignore[assert-type]
    async for named in session.stream("response.done"):
        assert_type(named, Any | Overflow)
    async with session.stream(ServerEvent, limit=5, strict=True) as stream:
        assert_type(stream, EventStream[ServerEvent])
    async for any_event in session:
        assert_type(any_event, Event)


async def waits(session: voxwire.Session) -> None:
    assert_type(await session.wait_for(ResponseDone), ResponseDone)
    either = await session.wait_for(ResponseCreated, ResponseDone, timeout=1)
    assert_type(either, ResponseCreated | ResponseDone)  # type: ignore[assert-type]
    if isinstance(either, ResponseDone):
        assert_type(either, ResponseDone)
    assert_type(await session.wait_for("response.done"), Any)
    found = await session.wait_for(ResponseDone, where=lambda event: event.event_id == "e")
    assert_type(found, ResponseDone)
    assert_type(await session.wait_for(ResponseDone, "vendor.done"), Any)
    async with session.expect(SessionUpdated, timeout=5) as updated:
        pass
    assert_type(await updated, SessionUpdated)
    async with session.expect("session.updated") as named:
        pass
    assert_type(await named, Any)
    await session.wait_for(ResponseDone, where=lambda event: event.delta)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownLambdaType]
    await session.wait_for()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


def threads(session: voxwire.sync.Session) -> None:
    @session.on(ResponseDone)
    def done(event: ResponseDone) -> None: ...

    session.on(ResponseDone, done)
    session.on(ResponseDone, lambda event: assert_type(event, ResponseDone))  # type: ignore[assert-type]
    session.once("response.done", lambda event: assert_type(event, Any))
    assert_type(session.wait_for(ResponseDone), ResponseDone)
    assert_type(session.wait_for("response.done"), Any)
    with session.expect(ResponseCreated, ResponseDone) as expected:
        pass
    assert_type(expected.event, ResponseCreated | ResponseDone)  # type: ignore[assert-type]
    for event in session.stream(ResponseOutputTextDelta):
        assert_type(event, ResponseOutputTextDelta | Overflow)
    for each in session:
        assert_type(each, Event)

    @session.on(ResponseDone)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    def other(event: ResponseCreated) -> None: ...


# -- unions can be matched to the end -------------------------------------------------------------


def item(item: ConversationItem) -> str:
    match item:
        case voxwire.SystemMessage() | voxwire.UserMessage() | voxwire.AssistantMessage():
            return str(item.role)
        case voxwire.FunctionCall() | voxwire.McpCall():
            return item.name
        case voxwire.FunctionCallOutput():
            return item.call_id
        case voxwire.McpApprovalRequest() | voxwire.McpApprovalResponse():
            return str(item.id)
        case voxwire.McpListTools():
            return item.server_label
        case voxwire.Unknown():
            return str(item.type)
        case _:
            assert_never(item)


def part(part: UserContent | AssistantContent) -> str:
    match part:
        case voxwire.InputText() | voxwire.OutputText():
            return str(part.text)
        case voxwire.InputAudio() | voxwire.OutputAudio():
            return str(part.transcript)
        case voxwire.InputImage():
            return str(part.image_url)
        case voxwire.Unknown():
            return ""
        case _:
            assert_never(part)


def settings(form: AudioFormat, detection: TurnDetection) -> None:
    match form:
        case voxwire.PcmAudioFormat() | voxwire.PcmuAudioFormat() | voxwire.PcmaAudioFormat():
            pass
        case voxwire.Unknown():
            pass
        case _:
            assert_never(form)
    match detection:
        case voxwire.ServerVad() | voxwire.SemanticVad():
            pass
        case voxwire.Unknown():
            pass
        case _:
            assert_never(detection)


def one_is_missing(detection: TurnDetection) -> None:
    match detection:
        case voxwire.ServerVad() | voxwire.Unknown():
            pass
        case _:
            assert_never(detection)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def event(event: voxwire.TranslationServerEvent) -> str:
    match event:
        case voxwire.TranslationSessionCreated() | voxwire.TranslationSessionUpdated():
            return event.event_id
        case voxwire.SessionInputTranscriptDelta() | voxwire.SessionOutputTranscriptDelta():
            return event.delta
        case voxwire.SessionOutputAudioDelta():
            return event.delta
        case voxwire.SessionClosed() | voxwire.ErrorEvent():
            return event.event_id
        case voxwire.UnknownEvent():
            return str(event.type)
        case _:
            assert_never(event)
