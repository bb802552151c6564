"""Frames of 200 ms without a gap, by a clock that the test winds."""

from __future__ import annotations

import asyncio

import pytest
from manual_clock import ManualClock, settled

from voxwire.audio import silence
from voxwire.audio.pacing import Frames, Pacer
from voxwire.protocol.audio_format import PCM16

FRAME = PCM16.size(ms=200)
SILENT = silence(200)


def sound(ms: int, value: int = 1) -> bytes:
    return bytes([value]) * PCM16.size(ms=ms)


# -- frames ---------------------------------------------------------------------------------------


def test_frames_are_of_one_length_and_lose_nothing() -> None:
    frames = Frames()
    whole = bytes(range(256)) * 400
    for at in range(0, len(whole), 1000):
        frames.add(whole[at : at + 1000])
    frames.ended = True
    taken = b""
    while frames.ready:
        frame = frames.take()
        assert len(frame) == FRAME
        taken += frame
    assert taken[: len(whole)] == whole
    assert not any(taken[len(whole) :])
    assert frames.take() == SILENT


def test_where_nothing_is_said_there_is_silence() -> None:
    assert Frames().take() == SILENT


def test_speech_begins_with_a_cushion_so_that_it_has_no_holes() -> None:
    frames = Frames(cushion_ms=100)
    frames.add(sound(280))
    assert frames.take() == SILENT
    assert frames.held == len(sound(280))
    frames.add(sound(20))
    assert frames.take() == sound(200)
    frames.add(sound(100))
    assert frames.take() == sound(200)  # once it flows, a frame is enough


def test_the_end_of_speech_is_filled_up_and_the_next_one_waits_again() -> None:
    frames = Frames(cushion_ms=100)
    frames.add(sound(300))
    frames.take()
    assert frames.take() == sound(100) + silence(100)
    frames.add(sound(250))
    assert frames.take() == SILENT


# -- the pacer ------------------------------------------------------------------------------------


async def test_silence_goes_on_at_the_pace_of_the_clock() -> None:
    clock, sent = ManualClock(), list[bytes]()
    pacer = Pacer(_into(sent), clock=clock)
    pacer.start()
    await clock.wind(1.0)
    assert sent == [SILENT] * 6  # at 0, 0.2, ... 1.0
    await pacer.feed(sound(500))
    await clock.wind(1.0)
    assert sent[6:] == [sound(200), sound(200), sound(100) + silence(100), SILENT, SILENT]
    await pacer.stop()
    await clock.wind(1.0)
    assert len(sent) == 11


async def test_a_fast_source_is_held_back() -> None:
    clock, sent = ManualClock(), list[bytes]()
    pacer = Pacer(_into(sent), clock=clock, keep_ms=2000)
    feeding = asyncio.create_task(pacer.feed(sound(5000)))
    await clock.wind(1.0)
    assert not feeding.done()
    await clock.wind(3.0)
    assert feeding.done()
    assert pacer.frames.held <= PCM16.size(ms=2000)
    await pacer.stop()


async def test_double_speed_is_twice_as_fast() -> None:
    clock, sent = ManualClock(), list[bytes]()
    pacer = Pacer(_into(sent), clock=clock, speed=2.0)
    pacer.start()
    await clock.wind(1.0)
    assert len(sent) == 11
    await pacer.stop()


async def test_a_machine_that_slept_does_not_make_up_for_it() -> None:
    clock, sent = ManualClock(), list[bytes]()
    pacer = Pacer(_into(sent), clock=clock)
    pacer.start()
    await settled()
    clock.time = 3600.0
    for _, woken in clock.sleepers:
        woken.set()
    clock.sleepers.clear()
    await settled()
    assert len(sent) < 5
    await clock.wind(0.4)
    assert len(sent) < 7
    await pacer.stop()


async def test_a_short_delay_is_made_up_for() -> None:
    clock, sent = ManualClock(), list[bytes]()
    pacer = Pacer(_into(sent), clock=clock)
    pacer.start()
    await settled()
    clock.time = 1.0
    for _, woken in clock.sleepers:
        woken.set()
    clock.sleepers.clear()
    await settled()
    assert len(sent) == 6
    await pacer.stop()


async def test_the_end_waits_for_what_was_fed() -> None:
    clock, sent = ManualClock(), list[bytes]()
    pacer = Pacer(_into(sent), clock=clock)
    await pacer.feed(sound(450))
    ending = asyncio.create_task(pacer.end())
    await clock.wind(0.2)
    assert not ending.done()
    await clock.wind(0.4)
    assert ending.done()
    assert b"".join(sent).startswith(sound(450))
    before = len(sent)
    await clock.wind(1.0)
    assert len(sent) == before


async def test_stopping_with_the_rest_sends_it_at_once() -> None:
    clock, sent = ManualClock(), list[bytes]()
    pacer = Pacer(_into(sent), clock=clock)
    await pacer.feed(sound(900))
    await pacer.stop(rest=True)
    assert b"".join(sent).rstrip(b"\0") == sound(900)


async def test_without_a_pace_there_is_no_silence_in_between() -> None:
    sent = list[bytes]()
    pacer = Pacer(_into(sent), speed=None)
    await pacer.feed(sound(450))
    await settled()
    assert sent == [sound(200), sound(200)]
    await pacer.feed(sound(150))
    await pacer.end()
    assert sent == [sound(200)] * 3


async def test_who_feeds_is_told_why_nothing_goes_out() -> None:
    async def broken(frame: bytes) -> None:
        raise ConnectionError("gone")

    pacer = Pacer(broken, clock=ManualClock(), keep_ms=400)
    with pytest.raises(ConnectionError, match="gone"):
        for _ in range(10):
            await pacer.feed(sound(400))
            await settled()
    await pacer.stop()


def _into(sent: list[bytes]):  # type: ignore[no-untyped-def]
    async def write(frame: bytes) -> None:
        sent.append(frame)

    return write
