"""What goes wrong on purpose, as a client sees it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bench import append, typed, update
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from voxwire.emulator import (
    AnyFault,
    CloseAfter,
    CutFrame,
    Delay,
    Drop,
    Duplicate,
    Emulator,
    ErrorThenClose,
    Expire,
    Garbage,
    Hang,
    LoseBeginning,
    LoseEnd,
    Malformed,
    Nulls,
    RateLimited,
    Refuse,
    Reorder,
    Script,
    SlowReads,
    UnknownEvents,
    UnknownFields,
    fault_of,
    load,
)
from voxwire.emulator.fault_injector import FaultInjector, Pause
from voxwire.errors import InvalidOption

CREATE = {"type": "response.create", "response": {"output_modalities": ["text"]}}


@asynccontextmanager
async def failing(*faults: AnyFault | str, **options: Any) -> AsyncIterator[ClientConnection]:
    async with Emulator(faults=faults, **options) as server:
        async with connect(f"{server.url}?model=m", proxy=None) as socket:
            yield socket


async def turn(socket: ClientConnection, last: str = "response.done") -> list[Any]:
    """A turn in text: the frames as they come, JSON where they are."""
    await socket.send(json.dumps(typed("one two")))
    await socket.send(json.dumps(CREATE))
    frames: list[Any] = []
    while True:
        frame = await socket.recv()
        try:
            frames.append(json.loads(frame))
        except ValueError:
            frames.append(frame)
        if isinstance(frames[-1], dict) and frames[-1].get("type") == last:
            return frames


async def until_closed(socket: ClientConnection) -> tuple[int, int | None, str | None]:
    """How many frames came, and how it ended."""
    await socket.send(json.dumps(typed("one two")))
    await socket.send(json.dumps(CREATE))
    count = 0
    with pytest.raises(ConnectionClosed):
        while True:
            await socket.recv()
            count += 1
    return count, socket.close_code, socket.close_reason


@pytest.mark.parametrize(
    ("fault", "count", "code", "reason"),
    [
        (Drop(4), 4, 1006, ""),
        (CutFrame(4), 4, 1006, ""),
        (CloseAfter(4, 4321, "enough"), 4, 4321, "enough"),
        (Expire(2), 2, 1001, "invalid_request_error.session_expired"),
        ("cut:1", 1, 1006, ""),
    ],
)
async def test_ends(fault: AnyFault | str, count: int, code: int, reason: str) -> None:
    async with failing(fault) as socket:
        assert await until_closed(socket) == (count, code, reason)


async def test_error_before_anything() -> None:
    fault = ErrorThenClose({"code": "insufficient_quota", "message": "Pay."}, 3000, "quota")
    async with failing(fault) as socket:
        assert json.loads(await socket.recv())["error"]["code"] == "insufficient_quota"
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert (socket.close_code, socket.close_reason) == (3000, "quota")


async def test_refused_upgrade() -> None:
    with pytest.raises(InvalidStatus) as raised:
        async with failing(Refuse(429, "slow down", {"Retry-After": "1"})):
            pass
    response = raised.value.response
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")


async def test_hanging_upgrade_ends_with_the_server() -> None:
    async with Emulator(faults=[Hang()]) as server:
        with pytest.raises(TimeoutError):
            await connect(server.url, proxy=None, open_timeout=0.05)


async def test_duplicates() -> None:
    async with failing(Duplicate("response.created")) as socket:
        names = [frame["type"] for frame in await turn(socket)]
    assert names.count("response.created") == 2
    assert names.count("session.created") == 1


async def test_unknown_events_and_fields() -> None:
    async with failing(UnknownEvents(2), UnknownFields()) as socket:
        frames = await turn(socket)
    names = [frame["type"] for frame in frames]
    invented = names.count("emulator.invented")
    assert invented == (len(names) - invented - 1) // 2
    assert all("x_invented" in frame for frame in frames)
    assert "x_invented" in frames[0]["session"]["audio"]["input"]


async def test_nulls_of_the_live_service() -> None:
    async with failing(Nulls()) as socket:
        frames = await turn(socket)
    assert frames[0]["session"]["include"] is None
    done = frames[-1]["response"]
    assert done["status_details"] is None
    assert done["usage"]["total_tokens"] > 0


async def test_frames_that_are_no_events() -> None:
    async with failing(Malformed(2), Garbage(("junk",))) as socket:
        frames = await turn(socket)
    assert frames[0] == "junk"
    assert [frame for frame in frames if not isinstance(frame, dict)] == [
        "junk",
        "not json",
        '{"type":',
        [],
        b"\x00\xff",
    ]


async def test_rate_limits_fail_responses() -> None:
    async with failing(RateLimited(after=1)) as socket:
        assert (await turn(socket))[-1]["response"]["status"] == "completed"
        done = (await turn(socket))[-1]["response"]
    assert done["status"] == "failed"
    assert done["status_details"]["error"]["code"] == "rate_limit_exceeded"


async def test_slow_reads_and_delays_change_nothing_but_time() -> None:
    async with failing(SlowReads(0.001), Delay(0.001, "response.done")) as socket:
        assert (await turn(socket))[-1]["response"]["status"] == "completed"


async def test_reorders_only_what_has_no_order() -> None:
    script = Script()
    async with failing(Reorder(3), script=script) as socket:
        script.hear("one two three")
        heard = {"turn_detection": None, "transcription": {"model": "gpt-live-transcribe"}}
        for event in (
            update(audio={"input": heard}),
            append(bytes(9600)),
            {"type": "input_audio_buffer.commit"},
        ):
            await socket.send(json.dumps(event))
        names = [frame["type"] for frame in await turn(socket)]
        name = "conversation.item.input_audio_transcription.completed"
        while name not in names:
            names.append(json.loads(await socket.recv())["type"])
    order = [names.index(name) for name in ("response.output_item.done", "response.done")]
    assert order == sorted(order)
    swapped = names.index("response.output_item.done")
    assert names[swapped + 1] == "conversation.item.done"


def test_delay_is_a_pause_before_the_frame() -> None:
    assert FaultInjector([Delay(2.5)]).play({"type": "x"}) == [Pause(2.5), {"type": "x"}]


async def test_a_fault_that_comes_with_a_reply() -> None:
    async with Emulator() as server:
        server.on("two", reply="Well", fault="close:4123@3")
        async with connect(f"{server.url}?model=m", proxy=None) as socket:
            count, code, _ = await until_closed(socket)
    # Greeting, item added and done, response created; then three more.
    assert (count, code) == (7, 4123)


async def test_faults_of_the_moment() -> None:
    async with Emulator() as server:
        server.faults.append(Drop(0))
        async with connect(f"{server.url}?model=m", proxy=None) as socket:
            assert (await until_closed(socket))[0] == 0
        server.faults.clear()
        async with connect(f"{server.url}?model=m", proxy=None) as socket:
            assert (await turn(socket))[-1]["type"] == "response.done"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("cut:5", Drop(5)),
        ("cut-frame", CutFrame(0)),
        ("close:4000@10", CloseAfter(10, 4000)),
        ("delay:0.5@response.done", Delay(0.5, "response.done")),
        ("duplicate:error", Duplicate("error")),
        ("reorder", Reorder()),
        ("unknown-events:3", UnknownEvents(3)),
        ("unknown-fields", UnknownFields()),
        ("nulls", Nulls()),
        ("malformed", Malformed()),
        ("slow-reads:1.5", SlowReads(1.5)),
        ("expire:3", Expire(3)),
        ("lose-beginning", LoseBeginning()),
        ("lose-end:2", LoseEnd(2)),
        ("rate-limit", RateLimited()),
        ("refuse:401", Refuse(401)),
        ("hang", Hang()),
    ],
)
def test_faults_in_words(text: str, fault: AnyFault) -> None:
    assert fault_of(text) == fault


async def test_scripts_from_files(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    rule = {"match": "/tables?/", "calls": [{"name": "a", "arguments": {"n": 1}}, {"name": "b"}]}
    script = {"default": "Sorry?", "rules": [rule], "faults": ["nulls", {"expire": 99}]}
    path.write_text(json.dumps(script))
    loaded = load(path)
    assert loaded.faults == [Nulls(), Expire(99)]
    async with failing(script=loaded) as socket:
        done = (await turn(socket))[-1]["response"]
        assert done["output"][0]["content"][0]["text"] == "Sorry?"
        await socket.send(json.dumps(typed("two tables")))
        calls = (await turn(socket))[-1]["response"]["output"]
    assert [call["name"] for call in calls] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not YAML"),
        ("[]", "the script is no object"),
        ("rulez: []", "'rulez'"),
        ("rules: [{mach: x}]", "rule 1 has 'mach': did you mean match?"),
        (
            "rules:\n  - on: hello\n    reply: Hi\n",
            "rule 1 has the key True, for YAML reads on as true: what the user says",
        ),
        ("rules: [{'on': hello}]", "rule 1 has 'on': did you mean match?"),
        ("off: x", "the script has the key False, for YAML reads off as false"),
        ("rules: [{match: yes}]", "rule 1: match is true and no text"),
        ("rules: [{match: x, reply: [Fine, no]}]", "rule 1: reply is false and no text"),
        ("hear: [yes]", "hear is true and no text, for YAML reads yes, no, on and off so"),
        ("default: no", "default is false and no text"),
        ("rules: [{match: x, delay: soon}]", "rule 1: delay is no number"),
        ("rules: [{match: '/(/'}]", "no regular expression"),
        ("rules: [{arguments: {}}]", "call="),
        ("rules: [{calls: [{}]}]", "has no name"),
        ("faults: [boredom]", "is no fault"),
        ("hear: text", "hear is no list"),
    ],
)
def test_scripts_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(text)
    with pytest.raises(InvalidOption, match=r"script\.yaml") as raised:
        load(path)
    assert message in str(raised.value)
