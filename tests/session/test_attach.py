"""The sideband of a call: no greeting, an update instead; and calls that are not there."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from scripted import KEY, SESSION

import voxwire
import voxwire.sync
from voxwire.emulator import Emulator
from voxwire.emulator.replay import ReplayServer
from voxwire.errors import InvalidEvent, InvalidOption, ServerError, UpgradeRejected


async def _accepted(server: Emulator) -> str:
    """The id of a phone call that rings and is taken."""
    call_id: str = server.incoming_call()["data"]["call_id"]
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{server.http_url}/realtime/calls/{call_id}/accept",
            json={"type": "realtime", "model": "gpt-realtime-2.1", "instructions": "Front desk."},
            headers={"Authorization": f"Bearer {KEY}"},
        )
    assert answer.status_code == 200
    return call_id


async def test_the_session_is_known_before_it_is_handed_out() -> None:
    async with Emulator() as server:
        async with voxwire.attach(await _accepted(server), url=server.url) as session:
            assert session.session.instructions == "Front desk."
            said = await session.say("Hello")
            assert said.status == "completed"
        guest = server.connections[0]
    assert set(guest.query) == {"call_id"}
    first = guest.events[0]
    assert (first["type"], first["session"]) == ("session.update", {"type": "realtime"})


async def test_settings_and_tools_go_into_the_first_update() -> None:
    async with Emulator() as server:

        def hang_up() -> str:
            return "done"

        attaching = voxwire.attach(
            await _accepted(server), url=server.url, instructions="Be kind.", tools=[hang_up]
        )
        async with attaching as session:
            assert session.session.instructions == "Be kind."
            assert session.session.tools[0].name == "hang_up"
        updates = [e for e in server.connections[0].events if e["type"] == "session.update"]
    assert len(updates) == 1


async def test_an_interruption_stops_the_voice_at_the_server() -> None:
    async with Emulator() as server:
        server.on("story", reply="Once upon a time there was a very long story.", hold=2)
        async with voxwire.attach(await _accepted(server), url=server.url) as session:
            response = session.say("A story")
            await session.wait_for("response.output_audio_transcript.delta", timeout=5)
            await session.interrupt(100)
            assert (await response).status == "cancelled"
        sent = [event["type"] for event in server.connections[0].events]
    assert sent[-2:] == ["response.cancel", "output_audio_buffer.clear"]
    assert "conversation.item.truncate" not in sent


async def test_a_call_that_is_not_there_is_a_refusal() -> None:
    async with Emulator() as server:
        with pytest.raises(UpgradeRejected, match="no call with the id 'rtc_none'") as caught:
            await voxwire.attach("rtc_none", url=server.url)
    assert caught.value.event is not None
    assert caught.value.close_code == 4000


async def test_a_refused_update_is_a_server_error() -> None:
    async with Emulator() as server:
        call_id = await _accepted(server)
        with pytest.raises(ServerError):
            await voxwire.attach(
                call_id, url=server.url, session=voxwire.RealtimeSession(model="another")
            )


async def test_a_line_that_says_nothing_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with ReplayServer([], hold=True) as server:
        attaching = voxwire.attach("rtc_1", url=server.url)
        real = asyncio.timeout
        monkeypatch.setattr(asyncio, "timeout", lambda s: real(None if s is None else s / 100))
        async with attaching as session:
            assert session.session is None
    assert "not acknowledged" in caplog.text


@pytest.mark.parametrize(
    ("call_id", "options", "kind", "message"),
    [
        ("", {}, InvalidOption, "'' is no call"),
        (None, {}, InvalidOption, "begins with rtc_"),
        ("evt_1", {}, InvalidOption, "the webhook's data.call_id"),
        ("c", {"server": voxwire.XAI(api_key=KEY)}, InvalidOption, "no calls"),
        ("c", {"url": "ws://h.test/", "api_key": KEY}, InvalidOption, "unencrypted"),
        ("c", {"voice": 7, "url": "ws://localhost/"}, InvalidEvent, "voice"),
        ("c", {"colour": 7, "url": "ws://localhost/"}, InvalidOption, "unknown argument"),
    ],
)
def test_wrong_arguments_are_told_at_once(
    call_id: Any, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        voxwire.attach(call_id, **options)


async def test_without_asyncio() -> None:
    updated = {"type": "session.updated", "event_id": "e", "session": SESSION}
    script: list[dict[str, Any]] = [
        {"dir": "c2s", "event": {"type": "session.update", "session": {"type": "realtime"}}},
        {"dir": "s2c", "event": updated},
    ]
    async with ReplayServer(script, hold=True) as server:

        def answer() -> str:
            with voxwire.sync.attach("rtc_1", url=server.url) as session:
                return str(session.session.id)

        assert await asyncio.to_thread(answer) == "sess_1"
