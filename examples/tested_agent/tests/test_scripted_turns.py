"""What the desk does with what a model says. The model's part is written down here.

`realtime_server` comes with voxwire: a server on this machine, without a key and without a bill.
"""

from datetime import date
from typing import Any

import pytest
from front_desk import Diary, FrontDesk

import voxwire
from voxwire.testing import RealtimeServer

FRIDAY = date(2026, 11, 27)
BOOKING = {"evening": "2026-11-27", "name": "Cohen", "people": 4}


async def test_a_table_is_booked(
    realtime_server: RealtimeServer, desk: FrontDesk, diary: Diary
) -> None:
    realtime_server.on("Friday", call="free_seats", arguments={"evening": "2026-11-27"})
    realtime_server.on(output_of="free_seats", reply="For four? Under which name?")
    realtime_server.on("Cohen", call="book_table", arguments=BOOKING)
    realtime_server.on(output_of="book_table", reply="See you on Friday.")
    async with desk.connect(url=realtime_server.url) as session:
        question = await session.say("Is there a table on Friday, for four?")
        answer = await session.say("Cohen.")
    assert (question.transcript, answer.transcript) == (
        "For four? Under which name?",
        "See you on Friday.",
    )
    # What the model was told by the tools, in order.
    outputs = [item.output for item in session.conversation if item.output]
    assert outputs == ["6", "Booked: 4 on Friday, 27 November for Cohen."]
    assert diary.booked[FRIDAY]["Cohen"] == 4


async def test_a_table_is_booked_by_voice(
    realtime_server: RealtimeServer, desk: FrontDesk, diary: Diary
) -> None:
    realtime_server.on("Cohen", call="book_table", arguments=BOOKING)
    async with (
        desk.connect(url=realtime_server.url) as session,
        session.expect(voxwire.ResponseOutputAudioTranscriptDone, timeout=10),
    ):
        await session.append_audio(realtime_server.speech("Four, on Friday. Cohen."))
        await session.append_audio(bytes(48_000))  # a second of silence ends the turn
    assert diary.free(FRIDAY) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({**BOOKING, "people": 7}, "6 seats are left on Friday"),
        ({**BOOKING, "people": 40}, "We seat one to eight"),
        ({**BOOKING, "evening": "soon"}, "invalid_arguments"),
    ],
)
async def test_what_cannot_be_is_not_booked_and_the_model_is_told_why(
    realtime_server: RealtimeServer,
    desk: FrontDesk,
    diary: Diary,
    arguments: dict[str, Any],
    told: str,
) -> None:
    realtime_server.on("a table", call="book_table", arguments=arguments)
    async with desk.connect(url=realtime_server.url, output_modalities=["text"]) as session:
        await session.say("a table, please")
    (output,) = [item.output for item in session.conversation if item.output]
    assert told in str(output)
    assert diary.free(FRIDAY) == 6


async def test_a_guest_who_cuts_in_is_heard(
    realtime_server: RealtimeServer, desk: FrontDesk
) -> None:
    # The answer stands still in the middle, until it is cancelled: there is no race to win.
    realtime_server.on("menu", reply="We have herring in nine ways, and then ...", hold=20)
    async with desk.connect(url=realtime_server.url) as session:
        answer = session.say("What is on the menu?")
        heard = b""
        async for piece in answer.audio:
            heard += piece
            if len(heard) >= 48 * 400:  # milliseconds of 24 kHz PCM
                break
        async with session.expect(voxwire.ConversationItemTruncated, timeout=10) as cut:
            await session.interrupt(400)
        assert (await cut).audio_end_ms == 400
        assert (await answer).status == "cancelled"


async def test_the_model_is_told_what_it_is_there_for(
    realtime_server: RealtimeServer, desk: FrontDesk
) -> None:
    async with desk.connect(url=realtime_server.url):
        pass
    (client,) = realtime_server.connections
    (update,) = [event for event in client.events if event["type"] == "session.update"]
    assert "under a name" in update["session"]["instructions"]
    assert [tool["name"] for tool in update["session"]["tools"]] == ["free_seats", "book_table"]


async def test_a_booking_outlives_the_connection(
    realtime_server: RealtimeServer, desk: FrontDesk, diary: Diary
) -> None:
    realtime_server.on("Cohen", call="book_table", arguments=BOOKING)
    # The line breaks in the middle of the answer that comes after the booking.
    realtime_server.on(output_of="book_table", reply="See you on Friday.", fault="cut:3")
    with pytest.raises(voxwire.ConnectionClosedError):
        async with desk.connect(url=realtime_server.url) as session:
            await session.say("Four, on Friday. Cohen.")
    assert diary.booked[FRIDAY]["Cohen"] == 4
