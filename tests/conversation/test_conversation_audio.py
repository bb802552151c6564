"""The conversation cache: sound, speech, transcripts, cuts, and what is kept in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conversing import (
    added,
    b64,
    created,
    delta,
    done,
    finished,
    follow,
    heard,
    ids,
    message,
    output,
    said,
    speech,
    spoken,
    transcribed,
)

from voxwire.conversation import Conversation, ConversationTracker
from voxwire.conversation.buffers import AudioBuffer, spoken_share
from voxwire.conversation.local_events import ConversationInterrupted, ConversationUpdated, Delta
from voxwire.protocol.audio_format import PCM16, PCMU

SECOND = bytes(range(256)) * 187 + bytes(128)  # 48,000 bytes of which no two pieces look the same


def session(**settings: Any) -> dict[str, Any]:
    return {"type": "realtime", "audio": {"input": settings, "output": settings}}


def speaking(
    audio: bytes, words: str = "", cache: ConversationTracker | None = None
) -> ConversationTracker:
    """An assistant's item with that much sound."""
    cache = cache or ConversationTracker(audio="all")
    cache.apply(created())
    cache.apply(output(message("a", "assistant")))
    if words:
        cache.apply(delta("output_audio_transcript", "a", words))
    if audio:
        cache.apply(delta("output_audio", "a", b64(audio)))
    return cache


def truncate(cache: ConversationTracker, ms: int) -> list[Any]:
    event = heard("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=ms)
    return list(cache.apply(event))


# What the model says


def test_sound_and_words_add_up() -> None:
    cache = speaking(SECOND[:4800], "Hello")
    (event,) = cache.apply(delta("output_audio", "a", b64(SECOND[4800:9600])))
    assert isinstance(event, ConversationUpdated)
    assert event.delta == Delta(audio=SECOND[4800:9600])
    item = cache.conversation["a"]
    assert (item.audio, item.audio_ms, item.transcript) == (SECOND[:9600], 200, "Hello")
    assert item.content[0].type == "output_audio"


def test_no_sound_is_kept_unless_asked_for() -> None:
    cache = speaking(SECOND, cache=ConversationTracker())
    item = cache.conversation["a"]
    assert (item.audio, item.audio_ms) == (b"", 1000)


def test_sound_after_its_end_is_not_part_of_it() -> None:
    cache = speaking(SECOND[:480])
    cache.apply(finished("output_audio", "a"))
    assert cache.apply(delta("output_audio", "a", b64(SECOND[:480]))) == []
    assert cache.conversation["a"].audio_ms == 10


def test_the_final_words_replace_what_the_deltas_built() -> None:
    cache = speaking(b"", "Helo")
    cache.apply(finished("output_audio_transcript", "a", transcript="Hello."))
    assert cache.conversation["a"].transcript == "Hello."


@pytest.mark.parametrize(
    ("settings", "bytes_per_ms"),
    [
        ({}, 48),
        ({"format": {"type": "audio/pcm", "rate": 24000}}, 48),
        ({"format": {"type": "audio/pcmu"}}, 8),
        ({"format": {"type": "audio/pcma"}}, 8),
        ({"format": {"type": "audio/pcm", "rate": 16000}}, 32),
    ],
)
def test_lengths_and_cuts_in_every_format(settings: dict[str, Any], bytes_per_ms: int) -> None:
    cache = ConversationTracker(audio="all")
    cache.apply(heard("session.created", session=session(**settings)))
    speaking(SECOND[: 100 * bytes_per_ms], cache=cache)
    item = cache.conversation["a"]
    assert item.audio_ms == 100
    truncate(cache, 33)
    assert item.audio == SECOND[: 33 * bytes_per_ms]
    assert item.audio_ms == 33


def test_the_beta_names_its_formats_in_another_way() -> None:
    cache = ConversationTracker(audio="all")
    cache.apply(heard("session.created", session={"output_audio_format": "g711_ulaw"}))
    speaking(SECOND[:800], cache=cache)
    assert cache.conversation["a"].audio_ms == 100
    assert cache.conversation["a"].content[0].format == PCMU


def test_a_response_may_have_a_format_of_its_own() -> None:
    cache = ConversationTracker()
    cache.apply(created(audio={"output": {"format": {"type": "audio/pcmu"}}}))
    cache.apply(output(message("a", "assistant")))
    cache.apply(delta("output_audio", "a", b64(SECOND[:800])))
    assert cache.conversation["a"].audio_ms == 100


# Truncation


def test_fifty_milliseconds_are_1200_samples() -> None:
    cache = speaking(SECOND[:9600], "one two three four")
    truncate(cache, 50)
    item = cache.conversation["a"]
    assert item.audio == SECOND[:2400]
    assert PCM16.samples(len(item.audio)) == 1200
    assert (item.transcript, item.heard, item.interrupted) == ("", "one", True)


def test_a_cut_through_several_chunks() -> None:
    cache = speaking(b"")
    for start in range(0, 9600, 480):
        cache.apply(delta("output_audio", "a", b64(SECOND[start : start + 480])))
    truncate(cache, 55)
    assert cache.conversation["a"].audio == SECOND[:2640]


@pytest.mark.parametrize("ms", [200, 201, 10**6])
def test_a_cut_at_or_past_the_end_keeps_all(ms: int) -> None:
    cache = speaking(SECOND[:9600], "one two")
    assert truncate(cache, ms) == []
    item = cache.conversation["a"]
    assert (item.audio, item.transcript, item.interrupted) == (SECOND[:9600], "one two", False)


def test_what_still_comes_in_after_a_cut_was_not_heard() -> None:
    cache = speaking(SECOND[:9600], "one two three four")
    truncate(cache, 100)
    whole = [{"type": "output_audio", "transcript": "one two three four five"}]
    cut = message("a", "assistant", content=whole, status="incomplete")
    for event in (
        delta("output_audio", "a", b64(SECOND[:480])),
        delta("output_audio_transcript", "a", " five"),
        finished("output_audio_transcript", "a", transcript="one two three four five"),
        finished("content_part", "a", part={"type": "audio", "transcript": "one two three"}),
        output(cut, "done"),
        done(status="cancelled", output=[cut]),
    ):
        cache.apply(event)
    item = cache.conversation["a"]
    assert (item.audio_ms, item.transcript, item.heard) == (100, "", "one two")
    assert cache.conversation.to_messages() == [{"role": "assistant", "content": "one two"}]


def test_cutting_again_cuts_what_is_left() -> None:
    cache = speaking(SECOND[:9600], "one two three four")
    truncate(cache, 100)
    truncate(cache, 150)
    assert cache.conversation["a"].audio_ms == 100
    truncate(cache, 50)
    item = cache.conversation["a"]
    assert (item.audio, item.heard) == (SECOND[:2400], "one")


def test_a_cut_is_as_long_where_no_sound_is_kept() -> None:
    cache = speaking(SECOND[:9600], "one two three four", ConversationTracker())
    truncate(cache, 50)
    item = cache.conversation["a"]
    assert (item.audio, item.audio_ms, item.heard) == (b"", 50, "one")


def test_a_cut_on_a_call_whose_sound_does_not_pass_here() -> None:
    cache = speaking(b"", "one two three four")
    truncate(cache, 700)
    item = cache.conversation["a"]
    assert (item.transcript, item.heard, item.audio_ms, item.interrupted) == ("", "", 700, True)


@pytest.mark.parametrize(
    ("kept", "words"),
    [(0, ""), (1, ""), (4, ""), (5, "Hello"), (6, "Hello"), (8, "Hello"), (11, "Hello world")],
)
def test_the_words_that_were_heard_end_with_a_word(kept: int, words: str) -> None:
    assert spoken_share("Hello world", kept, 11) == words


def test_words_without_spaces_are_cut_anywhere() -> None:
    assert spoken_share("今日は天気がいい", 50, 100) == "今日は天"


# Turns of the user


def test_speech_is_cut_out_of_what_was_appended() -> None:
    cache = ConversationTracker(audio="all")
    for start in range(0, 48_000, 4_800):
        cache.append_audio(SECOND[start : start + 4_800])
    speech(cache, "u", 100, 500)
    assert "u" not in cache.conversation
    cache.apply(heard("input_audio_buffer.committed", previous_item_id=None, item_id="u"))
    cache.apply(added(spoken("u")))
    item = cache.conversation["u"]
    assert PCM16.samples(len(item.audio)) == 9600
    assert item.audio == SECOND[4_800:24_000]
    assert item.audio_ms == 400


def test_speech_whose_item_is_there_already() -> None:
    cache = follow([added(spoken("u"))], audio="all")
    cache.append_audio(SECOND)
    speech(cache, "u", 100, 500)
    assert cache.conversation["u"].audio == SECOND[4_800:24_000]


def test_a_stop_without_a_start_gives_no_sound() -> None:
    cache = ConversationTracker(audio="all")
    cache.append_audio(SECOND)
    speech(cache, "u", None, 500)
    cache.apply(added(spoken("u")))
    assert (cache.conversation["u"].audio, cache.conversation["u"].audio_ms) == (b"", 0)


def test_a_second_turn_counts_from_the_beginning_of_the_session() -> None:
    cache = ConversationTracker(audio="all")
    cache.append_audio(SECOND)
    speech(cache, "u", 100, 500)
    cache.apply(heard("input_audio_buffer.committed", item_id="u"))
    cache.append_audio(SECOND)
    speech(cache, "v", 900, 1_200)
    cache.apply(added(spoken("u")))
    cache.apply(added(spoken("v"), "u"))
    assert cache.conversation["v"].audio == (SECOND + SECOND)[43_200:57_600]


def test_speech_beyond_what_was_appended_is_as_long_as_the_server_says() -> None:
    cache = ConversationTracker(audio="all")
    cache.append_audio(SECOND[:480])
    speech(cache, "u", 1_460, 4_256)
    cache.apply(added(spoken("u")))
    assert (cache.conversation["u"].audio, cache.conversation["u"].audio_ms) == (b"", 2_796)


def test_a_commit_by_hand_goes_to_the_item_that_it_names() -> None:
    cache = ConversationTracker(audio="all")
    cache.apply(heard("session.created", session=session(turn_detection=None)))
    cache.append_audio(SECOND[:9_600])
    cache.apply(said("input_audio_buffer.commit"), sent=True)
    cache.append_audio(SECOND[9_600:14_400])  # spoken before the answer came
    cache.apply(heard("input_audio_buffer.committed", item_id="u"))
    cache.apply(added(message("t", text="typed meanwhile")))
    cache.apply(added(spoken("u"), "t"))
    cache.apply(said("input_audio_buffer.commit"), sent=True)
    cache.apply(heard("input_audio_buffer.committed", item_id="v"))
    cache.apply(added(spoken("v"), "u"))
    found = cache.conversation
    assert (found["t"].audio, found["u"].audio) == (b"", SECOND[:9_600])
    assert found["v"].audio == SECOND[9_600:14_400]


def test_appended_events_count_as_they_are_sent() -> None:
    cache = ConversationTracker(audio="all")
    cache.apply(said("input_audio_buffer.append", audio=b64(SECOND[:9_600])), sent=True)
    cache.apply(heard("input_audio_buffer.committed", item_id="u"))
    cache.apply(added(spoken("u")))
    assert cache.conversation["u"].audio == SECOND[:9_600]


def test_what_was_cleared_is_not_committed() -> None:
    cache = ConversationTracker(audio="all")
    cache.append_audio(SECOND[:4_800])
    cache.apply(said("input_audio_buffer.clear"), sent=True)
    cache.append_audio(SECOND[4_800:9_600])
    cache.apply(heard("input_audio_buffer.cleared"))
    cache.apply(heard("input_audio_buffer.committed", item_id="u"))
    cache.apply(added(spoken("u")))
    assert cache.conversation["u"].audio == SECOND[4_800:9_600]


@pytest.mark.parametrize(
    "error", [{"event_id": "mine"}, {"code": "input_audio_buffer_commit_empty"}]
)
def test_a_refused_commit_takes_nothing(error: dict[str, Any]) -> None:
    cache = ConversationTracker(audio="all")
    cache.append_audio(SECOND[:2_400])
    cache.apply(said("input_audio_buffer.commit", event_id="mine"), sent=True)
    cache.apply(heard("error", error={"type": "x", "message": "too little"} | error))
    cache.append_audio(SECOND[2_400:9_600])
    cache.apply(said("input_audio_buffer.commit"), sent=True)
    cache.apply(heard("input_audio_buffer.committed", item_id="u"))
    cache.apply(added(spoken("u")))
    assert cache.conversation["u"].audio == SECOND[:9_600]


def test_a_commit_in_the_middle_of_speech_ends_it() -> None:
    cache = ConversationTracker(audio="all")
    cache.append_audio(SECOND)
    speech(cache, "u", 100, None)
    cache.apply(said("input_audio_buffer.commit"), sent=True)
    cache.append_audio(SECOND)
    cache.apply(heard("input_audio_buffer.committed", item_id="u"))
    cache.apply(added(spoken("u")))
    assert cache.conversation["u"].audio == SECOND[4_800:]


def test_an_idle_timeout_gives_an_item_with_the_silence() -> None:
    cache = ConversationTracker(audio="all")
    cache.append_audio(SECOND)
    event = {"audio_start_ms": 0, "audio_end_ms": 900, "item_id": "u"}
    cache.apply(heard("input_audio_buffer.timeout_triggered", **event))
    cache.apply(heard("input_audio_buffer.committed", item_id="u"))
    cache.apply(added(spoken("u")))
    item = cache.conversation["u"]
    assert (item.audio_ms, item.idle_timeout) == (900, True)
    assert item.audio == SECOND[: PCM16.size(ms=900)]
    assert cache.conversation.to_messages() == []


def test_a_commit_that_names_no_item_empties_the_buffer_all_the_same() -> None:
    cache = ConversationTracker(audio="all")
    cache.append_audio(SECOND[:4_800])
    assert cache.apply(heard("input_audio_buffer.committed")) == []
    cache.append_audio(SECOND[4_800:9_600])
    cache.apply(heard("input_audio_buffer.committed", item_id="u"))
    cache.apply(added(spoken("u")))
    assert cache.conversation["u"].audio == SECOND[4_800:9_600]


def test_the_same_commit_twice_takes_no_more() -> None:
    cache = ConversationTracker(audio="all")
    cache.append_audio(SECOND[:4_800])
    committed = heard("input_audio_buffer.committed", item_id="u")
    cache.apply(committed)
    cache.append_audio(SECOND[4_800:9_600])
    cache.apply(committed)
    cache.apply(added(spoken("u")))
    cache.apply(heard("input_audio_buffer.committed", item_id="v"))
    cache.apply(added(spoken("v"), "u"))
    assert cache.conversation["u"].audio == SECOND[:4_800]
    assert cache.conversation["v"].audio == SECOND[4_800:9_600]


def test_another_session_counts_its_own_milliseconds() -> None:
    cache = ConversationTracker(audio="all")
    cache.append_audio(SECOND)
    cache.apply(heard("session.created", session=session()))
    cache.append_audio(SECOND[::-1])
    speech(cache, "u", 0, 100)
    cache.apply(added(spoken("u")))
    assert cache.conversation["u"].audio == SECOND[::-1][:4_800]


def test_another_format_in_the_middle_of_a_session() -> None:
    cache = ConversationTracker(audio="all")
    cache.append_audio(SECOND)
    settings = session(format={"type": "audio/pcmu"})
    cache.apply(heard("session.updated", session=settings))
    cache.append_audio(SECOND[:8_000])
    speech(cache, "u", 1_100, 1_500)
    cache.apply(added(spoken("u")))
    item = cache.conversation["u"]
    assert (item.audio, item.audio_ms) == (SECOND[800:4_000], 400)


def test_speech_without_a_predecessor_stands_at_the_end() -> None:
    cache = follow([added(message("a", text="1"))])
    speech(cache, "u", 0, 100)
    cache.apply(added(spoken("u")))
    assert ids(cache) == ["a", "u"]


@pytest.mark.parametrize(("last", "item_id"), [("assistant", "a"), ("user", None)])
def test_speech_interrupts(last: str, item_id: str | None) -> None:
    cache = follow([added(message("a", "assistant", "Hi"))])
    if last == "user":
        cache.apply(added(message("u", text="Hm"), "a"))
    event = heard("input_audio_buffer.speech_started", audio_start_ms=70, item_id="v")
    assert cache.apply(event) == [
        ConversationInterrupted(item_id=item_id, speech_item_id="v", audio_start_ms=70)
    ]


# Transcripts of the user


def test_a_transcript_may_be_ahead_of_its_item() -> None:
    cache = ConversationTracker()
    assert cache.apply(transcribed("u", "Hello")) == []
    assert "u" not in cache.conversation
    cache.apply(added(spoken("u")))
    assert cache.conversation["u"].transcript == "Hello"


def test_an_empty_transcript_is_not_a_missing_one() -> None:
    cache = follow([added(spoken("u")), added(spoken("v"), "u")])
    assert cache.conversation["u"].transcript is None
    (event,) = cache.apply(transcribed("u", ""))
    assert isinstance(event, ConversationUpdated)
    assert event.delta is None
    assert cache.conversation["u"].transcript == ""
    assert cache.conversation["v"].transcript is None


def test_a_late_transcript_goes_to_its_own_item() -> None:
    cache = follow([added(spoken("u")), added(spoken("v"), "u")])
    cache.apply(transcribed("v", "two"))
    (event,) = cache.apply(transcribed("u", "one"))
    assert isinstance(event, ConversationUpdated)
    assert (event.item.id, event.delta) == ("u", Delta(transcript="one"))
    assert [item.transcript for item in cache.conversation] == ["one", "two"]


def test_pieces_of_a_transcript() -> None:
    name = "conversation.item.input_audio_transcription.delta"
    cache = follow([heard(name, item_id="u", content_index=0, delta=" Hel")])
    cache.apply(added(spoken("u")))
    cache.apply(heard(name, item_id="u", content_index=0, delta="lo"))
    assert cache.conversation["u"].transcript == " Hello"
    cache.apply(transcribed("u", "Hello."))
    cache.apply(heard("conversation.item.done", previous_item_id=None, item=spoken("u")))
    assert cache.conversation["u"].transcript == "Hello."


def test_a_transcription_that_fails() -> None:
    cache = follow([added(spoken("u"))])
    error = {"type": "x", "code": "audio_unintelligible", "message": "no words"}
    name = "conversation.item.input_audio_transcription.failed"
    cache.apply(heard(name, item_id="u", content_index=0, error=error))
    part = cache.conversation["u"].content[0]
    assert (part.transcript, part.transcription_error.code) == (None, "audio_unintelligible")
    again = Conversation.restore(json.loads(json.dumps(cache.conversation.snapshot())))
    assert again == cache.conversation


# Memory


def test_the_latest_seconds_are_kept() -> None:
    cache = speaking(b"", cache=ConversationTracker(audio=0.1))
    for start in range(0, 48_000, 2_400):
        cache.apply(delta("output_audio", "a", b64(SECOND[start : start + 2_400])))
    item = cache.conversation["a"]
    assert (item.audio, item.audio_ms) == (SECOND[-4_800:], 1000)
    truncate(cache, 975)
    assert item.audio == SECOND[-4_800:-1_200]
    cache.apply(output(message("b", "assistant")))
    for start in (0, 2_400):
        cache.apply(delta("output_audio", "b", b64(SECOND[start : start + 2_400])))
    assert (item.audio, cache.conversation["b"].audio) == (b"", SECOND[:4_800])


def test_reading_does_not_change_what_is_kept() -> None:
    sound = AudioBuffer()
    for start in range(0, 100, 10):
        sound.hold(SECOND[start : start + 10])
        sound.size += 10
    sound.forget(15)
    assert sound.value == SECOND[15:100]
    sound.forget(3)
    assert sound.value == SECOND[18:100]
    sound.cut(50)
    assert (sound.value, sound.held, sound.size) == (SECOND[18:50], 32, 50)
    sound.forget(100)
    assert (sound.value, sound.held) == (b"", 0)


def test_silence_is_not_hoarded_while_the_server_listens() -> None:
    cache = ConversationTracker(audio="all")
    cache.apply(heard("session.created", session=session(turn_detection={"type": "server_vad"})))
    appended = cache._ledger.appended
    for _ in range(200):
        cache.append_audio(SECOND)
    assert appended.held <= 61 * 48_000
    speech(cache, "u", 190_000, None)
    for _ in range(100):
        cache.append_audio(SECOND)
    speech(cache, "u", None, 300_000)
    cache.apply(added(spoken("u")))
    assert cache.conversation["u"].audio == SECOND * 110
    for _ in range(61):
        cache.append_audio(SECOND)
    assert appended.held <= 61 * 48_000


def test_nothing_is_hoarded_where_no_sound_is_kept() -> None:
    cache = ConversationTracker()
    cache.append_audio(SECOND)
    speech(cache, "u", 100, 500)
    cache.apply(added(spoken("u")))
    assert cache._ledger.appended.held == 0
    assert cache.conversation["u"].audio_ms == 400


def test_a_callers_buffer_may_be_used_again() -> None:
    cache = ConversationTracker(audio="all")
    buffer = bytearray(SECOND[:480])
    cache.append_audio(buffer)
    buffer[:] = bytes(480)
    cache.apply(heard("input_audio_buffer.committed", item_id="u"))
    cache.apply(added(spoken("u")))
    assert cache.conversation["u"].audio == SECOND[:480]


def test_retrieved_sound_is_kept_once() -> None:
    cache = follow([added(spoken("u"))], audio="all")
    part = {"type": "input_audio", "transcript": None, "audio": b64(SECOND)}
    for _ in range(2):
        cache.apply(heard("conversation.item.retrieved", item=spoken("u") | {"content": [part]}))
    item = cache.conversation["u"]
    assert (item.audio, item.audio_ms) == (SECOND, 1000)
    assert "audio" not in item.item.content[0].to_dict()


def test_sound_that_was_sent_as_an_item_is_kept() -> None:
    part = {"type": "input_audio", "audio": b64(SECOND)}
    cache = ConversationTracker(audio="all")
    item = spoken("u") | {"content": [part]}
    del item["status"]
    cache.apply(said("conversation.item.create", item=item), sent=True)
    cache.apply(added(spoken("u")))
    assert cache.conversation["u"].audio == SECOND


def test_a_snapshot_holds_the_sound_that_is_kept() -> None:
    cache = speaking(SECOND[:9_600], "one two three four")
    truncate(cache, 50)
    stored = json.loads(json.dumps(cache.conversation.snapshot()))
    again = Conversation.restore(stored)
    assert again == cache.conversation
    assert (again["a"].audio, again["a"].heard) == (SECOND[:2_400], "one")
    ConversationTracker(conversation=again)
    assert (again["a"].audio, again["a"].audio_ms) == (b"", 50)
