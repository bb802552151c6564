"""The microphone and the speaker, on a machine that has neither."""

from __future__ import annotations

import asyncio
import struct
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from voxwire.audio import g711
from voxwire.audio.devices import LocalAudio, Microphone, Speaker
from voxwire.errors import InvalidOption
from voxwire.protocol.audio_format import PCMU, Format


class PortAudioError(Exception):
    pass


class FakeStream:
    """A device that plays or records when it is told to."""

    def __init__(self, sound: FakeSound, **options: Any) -> None:
        self.options = options
        self.callback = options["callback"]
        self.rate = options["samplerate"]
        self.time = 0.0
        self.latency = 0.0
        self.started = self.closed = False
        if self.rate not in sound.rates:
            raise PortAudioError("Invalid sample rate")

    def start(self) -> None:
        self.started = True

    def close(self) -> None:
        self.closed = True

    def play(self, ms: int) -> bytes:
        """The device asks for `ms` of sound, and hears it at once but for its latency."""
        data = bytearray(self.rate * ms // 1000 * 2)
        times = SimpleNamespace(outputBufferDacTime=self.time + self.latency)
        self.callback(memoryview(data), len(data) // 2, times, None)
        self.time += ms / 1000
        return bytes(data)

    def record(self, data: bytes) -> None:
        self.callback(memoryview(data), len(data) // 2, SimpleNamespace(), None)


class FakeSound:
    """The part of the sounddevice module that is used."""

    PortAudioError = PortAudioError

    def __init__(self, *rates: int, missing: str = "") -> None:
        self.rates = rates or (24000,)
        self.missing = missing
        self.streams: list[FakeStream] = []

    def query_devices(self, device: Any, kind: str) -> dict[str, float]:
        if kind == self.missing:
            raise PortAudioError("Error querying device -1")
        if device == "nobody":
            raise ValueError("No input device matching 'nobody'")
        return {"default_samplerate": float(self.rates[-1])}

    def _open(self, **options: Any) -> FakeStream:
        stream = FakeStream(self, **options)
        self.streams.append(stream)
        return stream

    RawInputStream = RawOutputStream = _open


def tone(rate: int, ms: int, value: int = 1000) -> bytes:
    return struct.pack("<h", value) * (rate * ms // 1000)


# --- the speaker ---------------------------------------------------------------------------------


def test_what_is_written_is_played_and_then_silence() -> None:
    sound = FakeSound()
    with Speaker(backend=sound) as speaker:
        (stream,) = sound.streams
        assert (stream.started, stream.options["channels"], stream.options["dtype"]) == (
            True,
            1,
            "int16",
        )
        speaker.write(tone(24000, 15))
        speaker.write(tone(24000, 15, 2000))
        assert speaker.pending == 30
        assert stream.play(20) == tone(24000, 15) + tone(24000, 5, 2000)
        assert stream.play(20) == tone(24000, 10, 2000) + bytes(480)
        assert speaker.pending == 0
        assert stream.play(20) == bytes(960)
    assert stream.closed


def test_silence_does_not_count_as_played() -> None:
    sound = FakeSound()
    with Speaker(backend=sound) as speaker:
        (stream,) = sound.streams
        stream.play(20)
        speaker.write(tone(24000, 30))
        stream.play(20)
        assert speaker.played == 20
        stream.play(20)
        stream.play(20)
        assert speaker.played == 30


def test_what_the_device_holds_was_not_heard_yet() -> None:
    sound = FakeSound()
    with Speaker(backend=sound) as speaker:
        (stream,) = sound.streams
        stream.latency = 0.05
        speaker.write(tone(24000, 40))
        stream.play(20)
        stream.play(20)
        assert (speaker.played, speaker.pending) == (0, 40)
        stream.time = 0.06
        assert speaker.played == pytest.approx(10, abs=0.1)
        assert speaker.pending == pytest.approx(30, abs=0.1)
        stream.time = 1
        assert (speaker.played, speaker.pending) == (40, 0)


def test_what_was_cleared_is_neither_played_nor_counted() -> None:
    sound = FakeSound()
    with Speaker(backend=sound) as speaker:
        (stream,) = sound.streams
        speaker.write(tone(24000, 100))
        stream.play(20)
        stream.time = 0.01  # in the middle of it
        speaker.clear()
        assert (speaker.played, speaker.pending) == (pytest.approx(10, abs=0.1), 0)
        assert stream.play(20) == bytes(960)
        stream.time = 5
        speaker.write(tone(24000, 20))
        stream.play(20)
        assert speaker.played == pytest.approx(30, abs=0.1)


def test_a_law_at_a_device_with_its_own_rate() -> None:
    pytest.importorskip("soxr")
    sound = FakeSound(48000)
    with Speaker(PCMU, backend=sound) as speaker:
        (stream,) = sound.streams
        speaker.write(g711.ulaw_encode(tone(8000, 200)))
        speaker.flush()
        assert speaker.pending == pytest.approx(200, abs=1)
        heard = struct.unpack("<4800h", stream.play(100))
        assert heard[2400:] == pytest.approx([1000] * 2400, abs=40)
        assert speaker.played == 100


def test_writing_opens_the_speaker() -> None:
    sound = FakeSound()
    speaker = Speaker(backend=sound)
    assert (speaker.played, speaker.pending) == (0, 0)
    speaker.clear()
    speaker.flush()
    speaker.write(tone(24000, 20))
    assert sound.streams[0].play(20) == tone(24000, 20)
    assert speaker.open() is speaker
    speaker.close()
    speaker.close()
    assert len(sound.streams) == 1
    speaker.write(tone(24000, 20))
    assert len(sound.streams) == 2


# --- the microphone ------------------------------------------------------------------------------


async def test_pieces_arrive_from_the_devices_thread() -> None:
    sound = FakeSound()
    microphone = Microphone(backend=sound).open()
    (stream,) = sound.streams
    pieces = [tone(24000, 20, value) for value in (1, 2, 3)]

    def device() -> None:
        for piece in pieces:
            stream.record(piece)
        microphone.close()

    reading = asyncio.create_task(_all(microphone))
    await asyncio.sleep(0)
    thread = threading.Thread(target=device)
    thread.start()
    assert await asyncio.wait_for(reading, 10) == pieces
    thread.join()
    assert stream.closed


async def _all(microphone: Microphone) -> list[bytes]:
    return [piece async for piece in microphone]


def test_a_plain_loop_reads_too() -> None:
    sound = FakeSound()
    microphone = Microphone(backend=sound).open()
    (stream,) = sound.streams
    seen: list[bytes] = []
    reader = threading.Thread(target=lambda: seen.extend(microphone), daemon=True)
    reader.start()
    stream.record(tone(24000, 20))
    microphone.close()
    reader.join(10)
    assert not reader.is_alive()
    assert seen == [tone(24000, 20)]


async def test_a_slow_reader_loses_the_oldest_and_is_told() -> None:
    sound = FakeSound()
    microphone = Microphone(backend=sound, keep_ms=40).open()
    for value in range(5):
        sound.streams[0].record(tone(24000, 20, value))
    microphone.close()
    assert await _all(microphone) == [tone(24000, 20, 3), tone(24000, 20, 4)]
    assert microphone.dropped == 3


async def test_a_microphone_at_its_own_rate() -> None:
    pytest.importorskip("soxr")
    sound = FakeSound(48000)
    microphone = Microphone(PCMU, backend=sound).open()
    for _ in range(10):
        sound.streams[0].record(tone(48000, 20))
    microphone.close()
    heard = b"".join(await _all(microphone))
    assert 1200 <= len(heard) <= 1600  # some is still in the resampler
    assert struct.unpack("<h", g711.ulaw_decode(heard)[1600:1602])[0] == pytest.approx(1000, abs=40)


# --- both ----------------------------------------------------------------------------------------


def test_both_are_opened_in_the_formats_of_the_session() -> None:
    sound = FakeSound(8000, 16000)
    audio = LocalAudio(input_device="mic", output_device=3, backend=sound)
    audio.open(Format("audio/pcm", 16000), PCMU)
    speaker, microphone = sound.streams
    assert (speaker.options["device"], speaker.rate) == (3, 8000)
    assert (microphone.options["device"], microphone.rate) == ("mic", 16000)
    audio.close()
    assert speaker.closed
    assert microphone.closed


def test_a_machine_without_a_microphone() -> None:
    sound = FakeSound(missing="input")
    with pytest.raises(InvalidOption) as caught, LocalAudio(backend=sound):
        pass
    assert str(caught.value) == (
        "no input of sound: default device: Error querying device -1 "
        "(python -m sounddevice lists devices)"
    )
    assert [stream.closed for stream in sound.streams] == [True]


def test_a_device_of_that_name_is_not_there() -> None:
    with pytest.raises(InvalidOption, match="device 'nobody': No input device matching"):
        Microphone(device="nobody", backend=FakeSound()).open()


def test_a_device_that_refuses_its_own_rate() -> None:
    sound = FakeSound(48000)
    sound.rates = (44100,)
    sound.query_devices = lambda device, kind: {"default_samplerate": 48000.0}  # type: ignore[method-assign]
    with pytest.raises(InvalidOption, match="Invalid sample rate"):
        Speaker(backend=sound).open()


def test_without_sounddevice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(InvalidOption, match=r"pip install 'voxwire\[audio\]'"):
        Speaker().open()


def test_without_portaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError("PortAudio library not found")

    monkeypatch.setattr("voxwire.audio.devices.import_module", missing)
    with pytest.raises(InvalidOption, match=r"library not found \(apt install libportaudio2"):
        Microphone().open()
