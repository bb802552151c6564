"""A conversation with a listener at the far end of a wire, who says by marks what was heard."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import voxwire.sync
from voxwire import ConversationItemTruncated, RemoteAudio, ResponseDone
from voxwire.audio.remote import Piece
from voxwire.emulator import Emulator
from voxwire.protocol.audio_format import PCM16, PCMU
from voxwire.session.voice_loop import Audio


def take(line: RemoteAudio) -> list[Piece]:
    """What waits to be sent."""
    pieces = list(line.outgoing()._pieces)
    line.outgoing().clear()
    return pieces


def test_it_is_what_a_conversation_is_held_through() -> None:
    assert isinstance(RemoteAudio(), Audio)


def test_sound_goes_out_in_pieces_with_marks_and_is_counted_by_them() -> None:
    line = RemoteAudio(piece_ms=100)
    line.open(PCMU, PCMU)
    line.speaker.write(bytes(2000))
    pieces = take(line)
    assert [len(piece.audio) for piece in pieces] == [800, 800, 400]
    assert len({piece.mark for piece in pieces}) == 3
    assert (line.speaker.played, line.speaker.pending) == (0, 250)
    line.reached(pieces[0].mark)
    assert (line.speaker.played, line.speaker.pending) == (100, 150)
    line.reached("of somebody else")
    line.reached(pieces[2].mark)  # the one in between was reached as well
    line.reached(pieces[1].mark)
    assert (line.speaker.played, line.speaker.pending) == (250, 0)


def test_what_is_cleared_is_not_counted_when_its_marks_come_back() -> None:
    line = RemoteAudio()
    line.speaker.write(bytes(48 * 300))
    first, second, third = take(line)
    line.reached(first.mark)
    line.speaker.write(bytes(48 * 100))
    line.speaker.clear()
    assert [piece.clear for piece in take(line)] == [True]  # and not the piece that had not gone
    for piece in (second, third):  # the far end gives all of them back
        line.reached(piece.mark)
    assert (line.speaker.played, line.speaker.pending) == (100, 0)
    line.speaker.write(bytes(48 * 50))
    (piece,) = take(line)
    line.reached(piece.mark)
    assert line.speaker.played == 150


def test_nothing_is_forgotten_where_all_was_played() -> None:
    line = RemoteAudio()
    line.speaker.write(bytes(480))
    line.reached(take(line)[0].mark)
    line.speaker.clear()
    assert take(line) == []


async def test_what_nobody_takes_in_time_is_dropped_and_counted() -> None:
    line = RemoteAudio(keep_ms=100)
    for number in range(6):
        line.hear(bytes([number]) * 48 * 40)
    line.hear(b"")
    assert line.dropped == 4 * 48 * 40
    line.end()
    line.hear(b"after the end")
    assert [piece[0] async for piece in line.microphone] == [4, 5]


async def test_the_way_out_ends_with_the_conversation() -> None:
    line = RemoteAudio()
    reading = asyncio.create_task(anext(aiter(line.outgoing()), None))
    await asyncio.sleep(0)
    line.speaker.write(bytes(960))
    line.close()
    assert await reading is None  # what was not sent by then is not sent
    line.speaker.write(bytes(960))
    assert take(line) == []


@given(st.lists(st.tuples(st.sampled_from(["write", "reach", "clear"]), st.integers(1, 9000))))
def test_it_never_claims_more_than_was_played(steps: list[tuple[str, int]]) -> None:
    line = RemoteAudio(piece_ms=10)
    there: list[Piece] = []
    played = 0  # of what the far end got, in bytes
    for step, number in steps:
        if step == "write":
            line.speaker.write(bytes(number))
        elif step == "clear":
            line.speaker.clear()
        else:
            for piece in take(line):
                there = [] if piece.clear else [*there, piece]
            for piece in there[:number]:
                played += len(piece.audio)
                line.reached(piece.mark)
            there = there[number:]
        assert line.speaker.played <= played / 48
        assert line.speaker.pending >= 0


async def test_a_caller_cuts_in_and_the_server_is_told_what_the_marks_told() -> None:
    async with Emulator() as server:
        server.on("story", reply="Once upon a time there was a lighthouse that never slept.")
        server.on("stop", reply="Fine.")
        line = RemoteAudio()
        got: list[Piece] = []

        async def far_end() -> None:
            async for piece in line.outgoing():
                got.append(piece)

        carrying = asyncio.create_task(far_end())
        async with voxwire.connect(
            url=server.url, input_format="pcmu", output_format="pcmu"
        ) as session:
            talking = asyncio.create_task(session.talk(line))
            async with session.expect(ResponseDone, timeout=20):
                line.hear(server.speech("Tell me a story", PCMU) + b"\xff" * 8000)
            while sum(len(piece.audio) for piece in got) < session.conversation[-1].audio_ms * 8:
                await asyncio.sleep(0)
            line.reached(got[6].mark)
            async with session.expect(ConversationItemTruncated, timeout=20) as cut:
                line.hear(server.speech("Stop", PCMU))
            assert (await cut).audio_end_ms == sum(len(piece.audio) for piece in got[:7]) // 8
            assert [piece.clear for piece in got].count(True) == 1
            async with session.expect(ResponseDone, timeout=20):
                line.hear(b"\xff" * 8000)
            line.end()
            while not got[-1].audio or line.speaker.pending:
                line.reached(got[-1].mark)
                await asyncio.sleep(0)
            await asyncio.wait_for(talking, 20)
            assert session.conversation[-1].heard == "Fine."
        await carrying


def test_a_caller_cuts_in_where_there_is_no_asyncio(realtime_server: Any) -> None:
    realtime_server.on("story", reply="Once upon a time there was a lighthouse that never slept.")
    realtime_server.on("stop", reply="Fine.")
    line = RemoteAudio()
    got: list[Piece] = []
    some, cleared = threading.Event(), threading.Event()

    def far_end() -> None:
        for piece in line.outgoing():
            got.append(piece)
            if len(got) == 7:
                some.set()
            if piece.clear:
                cleared.set()

    with voxwire.sync.connect(url=realtime_server.url) as session:
        threads = [threading.Thread(target=far_end)]
        threads.append(threading.Thread(target=session.talk, args=[line]))
        for thread in threads:
            thread.start()
        line.hear(realtime_server.speech("Tell me a story") + bytes(48_000))
        assert some.wait(20)
        with session.expect(ConversationItemTruncated, timeout=20) as cut:
            line.reached(got[3].mark)
            line.hear(realtime_server.speech("Stop"))
        assert cut.event.audio_end_ms == sum(len(piece.audio) for piece in got[:4]) // 48
        assert cleared.wait(20)
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_a_piece_does_not_fill_the_screen() -> None:
    assert repr(Piece(bytes(960), "m")) == "Piece(audio=<960 bytes>, mark='m')"


def test_formats_are_those_of_the_session() -> None:
    line = RemoteAudio()
    line.open(PCM16, PCMU)
    assert line.speaker.format == PCMU
    line.hear(bytes(48 * 10_000))
    assert line.dropped == 0
    line.hear(bytes(2))
    assert line.dropped == 48 * 10_000
