"""Transcription and translation without asyncio."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest

import voxwire
import voxwire.sync
from voxwire.audio import silence
from voxwire.emulator import Emulator
from voxwire.errors import ConnectionClosedError, ConnectRefused, InvalidOption


@pytest.fixture
def server() -> Iterator[Emulator]:
    portal = voxwire.sync.Portal()
    emulator = Emulator(brain=lambda turn: f"hola {turn.text}")
    portal.call(emulator.__aenter__())
    yield emulator
    portal.call(emulator.__aexit__(None, None, None))
    portal.close()


def test_a_transcription(server: Emulator) -> None:
    sound = silence(500) + server.speech("good morning")
    before = threading.active_count()
    with voxwire.sync.connect_transcription(url=server.url, language="en") as session:
        heard: list[str] = []
        session.on("input_audio_buffer.committed", lambda event: heard.append(event.item_id))
        pieces = [sound[:9600], sound[9600:]]
        lines = list(session.transcribe(pieces, settle=0.05))
        assert session.update(noise_reduction="near_field") is not None
        assert session.session.audio.input.noise_reduction.type == "near_field"
        assert session.usage.usage.transcription.count == 1
        assert repr(session).startswith("<voxwire.sync.Transcriber sess_")
    assert [line.text for line in lines] == ["good morning"]
    assert heard == [lines[0].item_id]
    assert threading.active_count() == before


def test_lines_by_hand(server: Emulator) -> None:
    server.hear("one")
    with voxwire.sync.connect_transcription(url=server.url, turn_detection=None) as session:
        session.append_audio(silence(200))
        session.clear_audio().acknowledged(5)
        written: queue.Queue[str] = queue.Queue()
        name = "conversation.item.input_audio_transcription.completed"
        session.on(name, lambda event: written.put(event.transcript))
        session.append_audio(silence(200))
        session.commit_audio().acknowledged(5)
        assert written.get(timeout=5).strip() == "one"


def test_a_handler_may_close_it(server: Emulator) -> None:
    ended = threading.Event()
    session = voxwire.sync.connect_transcription(url=server.url, turn_detection=None).open()

    def close(_: object) -> None:
        session.close()
        ended.set()

    session.on("input_audio_buffer.committed", close)
    session.append_audio(silence(200))
    session.commit_audio()
    assert ended.wait(10)
    session.close()  # and waits for the rest
    assert session.closed is not None


def test_a_translation_ends_with_its_source(server: Emulator) -> None:
    sound = silence(500) + server.speech("good morning")
    with voxwire.sync.connect_translation(url=server.url, to="es", speed=None) as session:
        text = "".join(chunk.text for chunk in session.translate(sound))
        assert session.closed is not None
    assert text == "hola good morning"
    assert server.connections[0].events[-1]["type"] == "session.close"


def test_leaving_a_translation_says_goodbye(server: Emulator) -> None:
    with voxwire.sync.connect_translation(url=server.url, to="es") as session:
        assert session.update(to="fr") is not None
        session.append_audio(silence(200))
    session.close()
    assert server.connections[0].events[-1]["type"] == "session.close"
    with pytest.raises(ConnectionClosedError):
        session.append_audio(silence(200))


def test_a_translation_that_fails_does_not(server: Emulator) -> None:
    with pytest.raises(KeyError):
        with voxwire.sync.connect_translation(url=server.url, to="es") as session:
            session.append_audio(silence(200))
            raise KeyError
    assert server.connections[0].events[-1]["type"] != "session.close"


def test_errors_are_those_of_the_other_face() -> None:
    with pytest.raises(ConnectRefused):
        voxwire.sync.connect_transcription(url="ws://127.0.0.1:9/").open()
    with pytest.raises(InvalidOption):
        voxwire.sync.connect_translation(url="ws://127.0.0.1:9/", to="es", speed=-1)
