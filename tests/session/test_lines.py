"""Lines out of events, in the order of speech whatever the order of transcripts."""

from __future__ import annotations

from typing import Any

import pytest

from voxwire.audio.segments import Cut
from voxwire.protocol.codec import REALTIME
from voxwire.session.transcription import TranscriptLines

BEGAN = "input_audio_buffer.speech_started"
ENDED = "input_audio_buffer.speech_stopped"
COMMITTED = "input_audio_buffer.committed"
TRANSCRIPTION = "conversation.item.input_audio_transcription"


def heard(name: str, item_id: str, **fields: Any) -> Any:
    import json

    frame = {"type": name, "event_id": "e", "item_id": item_id, "content_index": 0, **fields}
    return REALTIME.decode(json.dumps(frame))


def apply(*events: Any) -> TranscriptLines:
    lines = TranscriptLines()
    for event in events:
        lines.apply(event)
    return lines


def spoken(item_id: str, start: int, end: int) -> list[Any]:
    return [
        heard(BEGAN, item_id, audio_start_ms=start),
        heard(ENDED, item_id, audio_end_ms=end),
        heard(COMMITTED, item_id),
    ]


def test_a_line_has_its_place_in_time() -> None:
    usage = {"type": "duration", "seconds": 2}
    lines = apply(
        *spoken("a", 100, 1100),
        heard(
            f"{TRANSCRIPTION}.completed",
            "a",
            transcript=" Hello. ",
            usage=usage,
            languages=[{"code": "en"}],
        ),
    )
    [line] = lines.take()
    assert (line.item_id, line.text, line.start_ms, line.end_ms) == ("a", "Hello.", 100, 1100)
    assert line.languages == ("en",)
    assert line.usage.seconds == 2
    assert lines.pending == 0
    assert lines.take() == []


def test_lines_come_in_the_order_of_speech() -> None:
    lines = apply(*spoken("a", 0, 10), *spoken("b", 20, 30), *spoken("c", 40, 50))
    lines.apply(heard(f"{TRANSCRIPTION}.completed", "c", transcript="three"))
    lines.apply(heard(f"{TRANSCRIPTION}.completed", "b", transcript="two"))
    assert lines.take() == []
    assert lines.pending == 3
    lines.apply(heard(f"{TRANSCRIPTION}.completed", "a", transcript="one"))
    assert [line.text for line in lines.take()] == ["one", "two", "three"]


def test_a_failed_line_holds_up_no_other_and_keeps_what_there_is() -> None:
    lines = apply(*spoken("a", 0, 10), *spoken("b", 20, 30))
    lines.apply(heard(f"{TRANSCRIPTION}.delta", "a", delta=" Hel"))
    lines.apply(heard(f"{TRANSCRIPTION}.completed", "b", transcript="two"))
    error = {"type": "server_error", "code": "x", "message": "m"}
    lines.apply(heard(f"{TRANSCRIPTION}.failed", "a", error=error))
    first, second = lines.take()
    assert first.text == "Hel"
    assert first.error is not None
    assert first.error.code == "x"
    assert second.error is None


def test_cuts_by_hand_are_taken_in_order() -> None:
    lines = TranscriptLines()
    lines.cut(Cut(start_ms=0, end_ms=1000))
    lines.cut(Cut(start_ms=1000, end_ms=1500))
    for item in ("a", "b"):
        lines.apply(heard(COMMITTED, item))
        lines.apply(heard(f"{TRANSCRIPTION}.completed", item, transcript=item))
    assert [(line.start_ms, line.end_ms) for line in lines.take()] == [(0, 1000), (1000, 1500)]


def test_a_cut_counts_whatever_the_server_reports_of_speech() -> None:
    lines = TranscriptLines()
    lines.cut(Cut(start_ms=0, end_ms=1000))
    lines.cut(Cut(start_ms=1000, end_ms=1500))
    for event in (*spoken("a", 321, 410), heard(COMMITTED, "a"), heard(COMMITTED, "b")):
        lines.apply(event)
    for item in ("a", "b"):
        lines.apply(heard(f"{TRANSCRIPTION}.completed", item, transcript=item))
    assert [(line.start_ms, line.end_ms) for line in lines.take()] == [(0, 1000), (1000, 1500)]


def test_an_early_state_of_a_transcript_is_no_line() -> None:
    name = f"{TRANSCRIPTION}.completed"
    early = heard(name, "a", transcript="Hello, my", status="in_progress")
    lines = apply(*spoken("a", 0, 900), early)
    assert lines.take() == []
    lines.apply(heard(name, "a", transcript="Hello, my name is Ann.", status="completed"))
    lines.apply(early)
    assert [line.text for line in lines.take()] == ["Hello, my name is Ann."]


def test_a_cut_without_speech_is_a_line_only_if_the_server_found_some() -> None:
    lines = TranscriptLines()
    error = {"type": "server_error", "code": "x", "message": "m"}
    ends = [("completed", {"transcript": text}) for text in ("", " soft ")]
    for item, (name, fields) in enumerate([*ends, ("failed", {"error": error})]):
        lines.cut(Cut(start_ms=0, end_ms=1000, speech=False))
        lines.apply(heard(COMMITTED, str(item)))
        lines.apply(heard(f"{TRANSCRIPTION}.{name}", str(item), **fields))
    assert [(line.item_id, line.text) for line in lines.take()] == [("1", "soft"), ("2", "")]
    assert lines.pending == 0


def test_text_comes_before_the_commit_from_a_model_that_streams() -> None:
    lines = TranscriptLines()
    lines.apply(heard(f"{TRANSCRIPTION}.delta", "a", delta=" Good"))
    lines.cut(Cut(start_ms=200, end_ms=900))
    lines.apply(heard(COMMITTED, "a"))
    lines.apply(heard(f"{TRANSCRIPTION}.delta", "b", delta=" Next"))
    lines.apply(heard(f"{TRANSCRIPTION}.completed", "a", transcript="Good morning."))
    assert [(line.text, line.start_ms) for line in lines.take()] == [("Good morning.", 200)]
    assert lines.pending == 1


def test_speakers_are_kept_apart() -> None:
    segment = {"id": "s", "speaker": "A", "text": "Hi", "start": 0.0, "end": 1.0}
    lines = apply(
        heard(f"{TRANSCRIPTION}.segment", "a", **segment),
        heard(f"{TRANSCRIPTION}.completed", "a", transcript="Hi"),
    )
    assert [one.speaker for one in lines.take()[0].segments] == ["A"]


@pytest.mark.parametrize("name", ["delta", "completed", "failed", "segment"])
def test_what_is_late_changes_nothing(name: str) -> None:
    lines = apply(heard(f"{TRANSCRIPTION}.completed", "a", transcript="one"))
    assert len(lines.take()) == 1
    lines.apply(heard(f"{TRANSCRIPTION}.{name}", "a", delta="x", transcript="x", error={}))
    lines.apply(heard(BEGAN, "a", audio_start_ms=1))
    assert lines.take() == []
    assert lines.pending == 0


@pytest.mark.parametrize("transcript", [None, 7, {}])
def test_a_server_without_the_whole_text_is_taken_by_its_pieces(transcript: Any) -> None:
    lines = apply(
        heard(f"{TRANSCRIPTION}.delta", "a", delta=" by"),
        heard(f"{TRANSCRIPTION}.delta", "a", delta=" pieces"),
        heard(f"{TRANSCRIPTION}.completed", "a", transcript=transcript, languages=None),
    )
    assert [line.text for line in lines.take()] == ["by pieces"]
