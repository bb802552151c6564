"""Audio on its way up: frames, pieces, and when a commit by hand makes sense."""

from __future__ import annotations

import array
import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voxwire_protocol import InputAudioBufferAppend, InputAudioBufferClear, InputAudioBufferCommit

from voxwire.errors import InvalidOption
from voxwire.protocol.codec import REALTIME
from voxwire.session import input_audio as uplink
from voxwire.session.input_audio import MAX_APPEND, MIN_COMMIT_MS, Uplink, pieces

PCM_MS = 48
G711_MS = 8


def session(**input: Any) -> Any:
    created = {"type": "realtime", "audio": {"input": input}}
    return received(created)


def received(content: Any) -> Any:
    event: Any = REALTIME.decode(
        json.dumps({"type": "session.created", "session": content}).encode()
    )
    return event.session


@given(audio=st.binary(max_size=100))
def test_a_frame_is_what_the_codec_would_write(audio: bytes) -> None:
    encoded = base64.b64encode(audio).decode()
    event = InputAudioBufferAppend(event_id="evt_1", audio=encoded)
    frame = Uplink().frame(audio, "evt_1")
    assert json.loads(frame) == json.loads(REALTIME.encode(event))
    assert REALTIME.decode_client(frame) == event


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_audio_of_every_length_is_cut_to_what_an_event_may_hold(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink, "MAX_APPEND", 6)
    for size, sizes in ((1, [1]), (6, [6]), (7, [6, 1]), (18, [6, 6, 6])):
        audio = bytes(range(size))
        cut = list(pieces(kind(audio)))
        assert [len(piece) for piece in cut] == sizes
        assert b"".join(cut) == audio


def test_a_full_piece_stays_below_the_limit_and_ends_with_a_sample() -> None:
    frame = Uplink().frame(bytes(MAX_APPEND), "evt_" + "0" * 40)
    assert len(frame) <= 15 * 1024 * 1024
    assert MAX_APPEND % 2 == 0


def test_no_audio_is_no_piece() -> None:
    for audio in (b"", bytearray(), memoryview(b"")):
        assert list(pieces(audio)) == []


def test_samples_in_an_array_are_taken_as_the_bytes_they_are() -> None:
    samples = array.array("h", [1, -2, 3])
    assert b"".join(pieces(memoryview(samples))) == samples.tobytes()


@pytest.mark.parametrize("audio", ["QUJD", None, 5, [1, 2], memoryview(b"abcd")[::2]])
def test_what_is_no_audio_is_refused_with_the_cure(audio: Any) -> None:
    with pytest.raises(InvalidOption, match="bytes in the session's input format"):
        list(pieces(audio))


# -- commits by hand ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "per_ms"),
    [
        ({}, PCM_MS),
        ({"format": {"type": "audio/pcm", "rate": 24000}}, PCM_MS),
        ({"format": {"type": "audio/pcmu"}}, G711_MS),
        ({"format": {"type": "audio/pcma"}}, G711_MS),
    ],
)
def test_a_turn_needs_a_tenth_of_a_second(form: dict[str, Any], per_ms: int) -> None:
    up = Uplink()
    up.frame(bytes(per_ms * MIN_COMMIT_MS - 1), "e")
    with pytest.raises(InvalidOption, match=r"99 ms of audio .* at least 100 ms: append more"):
        up.check_commit(session(**form))
    up.frame(b"x", "e")
    up.check_commit(session(**form))


def test_audio_counts_however_it_was_sent() -> None:
    up = Uplink()
    encoded = base64.b64encode(bytes(PCM_MS * MIN_COMMIT_MS)).decode()
    up.sent(InputAudioBufferAppend(audio=encoded))
    assert up.appended == PCM_MS * MIN_COMMIT_MS
    up.check_commit(session())


@pytest.mark.parametrize("event", [InputAudioBufferCommit(), InputAudioBufferClear()])
def test_the_count_starts_anew(event: Any) -> None:
    up = Uplink()
    up.frame(bytes(PCM_MS * 500), "e")
    up.sent(event)
    assert up.appended == 0
    with pytest.raises(InvalidOption, match="0 ms"):
        up.check_commit(session())


@pytest.mark.parametrize(
    "described",
    [
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad"}}}},
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}},
        {"type": "transcription", "audio": {"input": {"turn_detection": {"type": "server_vad"}}}},
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "of_their_own"}}}},
        {"id": "beta", "turn_detection": {"type": "server_vad"}},
    ],
)
def test_none_where_turn_detection_ends_the_turns(described: Any) -> None:
    up = Uplink()
    up.frame(bytes(PCM_MS * 500), "e")
    with pytest.raises(InvalidOption, match="turn_detection=None"):
        up.check_commit(received(described))


@pytest.mark.parametrize(
    "described",
    [
        {"type": "realtime", "audio": {"input": {"turn_detection": None}}},
        {"type": "realtime", "audio": {"input": {}}},
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": None}}}},
        {"type": "realtime", "audio": {"input": {"format": {"type": "audio/of_their_own"}}}},
        {"type": "realtime", "audio": {"input": {"format": "not specified"}}},
        {"type": "realtime", "audio": 5},
        {"id": "beta", "turn_detection": None, "input_audio_format": "pcm16"},
        {"id": "beta", "turn_detection": {"type": None}, "input_audio_format": "not specified"},
        {},
        None,
        5,
        [],
    ],
)
def test_elsewhere_it_is_the_servers_to_refuse(described: Any) -> None:
    up = Uplink()
    up.frame(bytes(PCM_MS * 500), "e")
    up.check_commit(received(described))
