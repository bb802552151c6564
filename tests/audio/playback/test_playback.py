"""What was heard, and what an interruption tells the server."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voxwire_protocol import (
    ConversationItemDelete,
    ConversationItemTruncate,
    Event,
    OutputAudioBufferClear,
    ResponseCancel,
)

from voxwire.audio.playback import Playback
from voxwire.errors import InvalidOption
from voxwire.protocol.codec import REALTIME

PCM_SECOND, G711_SECOND = 48_000, 8_000


def server(type: str, **fields: Any) -> Event:
    return REALTIME.decode(json.dumps({"type": type, "event_id": "event_1", **fields}))


def created(response_id: str = "resp_1", **fields: Any) -> Event:
    response = {"id": response_id, "object": "realtime.response", "status": "in_progress"}
    return server(
        "response.created",
        response={**response, "conversation_id": "conv_1", "output": []} | fields,
    )


def done(response_id: str = "resp_1", status: str = "completed") -> Event:
    return server("response.done", response={"id": response_id, "status": status, "output": []})


def delta(item_id: str, size: int, response_id: str = "resp_1") -> Event:
    return server(
        "response.output_audio.delta",
        response_id=response_id,
        item_id=item_id,
        output_index=0,
        content_index=0,
        delta=base64.b64encode(bytes(size)).decode(),
    )


def audio_done(item_id: str, response_id: str = "resp_1") -> Event:
    return server(
        "response.output_audio.done",
        response_id=response_id,
        item_id=item_id,
        output_index=0,
        content_index=0,
    )


def session(format: str = "audio/pcm", **detection: Any) -> Event:
    turns = {"type": "server_vad", **detection}
    return server(
        "session.created",
        session={
            "type": "realtime",
            "audio": {"input": {"turn_detection": turns}, "output": {"format": {"type": format}}},
        },
    )


SPEECH = server("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_user")


def fed(*events: Event, **options: Any) -> Playback:
    playback = Playback(**options)
    for event in events:
        assert playback.apply(event) == []
    return playback


def truncate(item_id: str, ms: int) -> ConversationItemTruncate:
    return ConversationItemTruncate(item_id=item_id, content_index=0, audio_end_ms=ms)


def delete(item_id: str) -> ConversationItemDelete:
    return ConversationItemDelete(item_id=item_id)


def cancel(response_id: str = "resp_1") -> ResponseCancel:
    return ResponseCancel(response_id=response_id)


# --- what was heard ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "size", "report", "ms"),
    [
        ("audio/pcm", 4800, {"ms": 50}, 50),
        ("audio/pcm", 4800, {"samples": 1200}, 50),
        ("audio/pcm", 4800, {"size": 2400}, 50),
        ("audio/pcm", 4800, {"size": 2401}, 50),
        ("audio/pcm", 4800, {"size": 2399}, 49),
        ("audio/pcmu", 800, {"ms": 50}, 50),
        ("audio/pcmu", 800, {"samples": 400}, 50),
        ("audio/pcma", 800, {"size": 407}, 50),
        ("audio/pcm", 4800, {"ms": 50.99}, 50),
        ("audio/pcm", 4800, {"ms": 1e9}, 100),
    ],
)
@pytest.mark.parametrize("item_id", [None, "item_1"])
def test_a_report_of_what_was_played(
    format: str, size: int, report: dict[str, Any], ms: int, item_id: str | None
) -> None:
    playback = fed(session(format), created(), delta("item_1", size))
    playback.played(**report, item_id=item_id)
    assert playback.played_ms("item_1") == ms
    assert playback.received_ms("item_1") == 100
    assert playback.interrupt() == [truncate("item_1", ms), cancel()]


def test_a_response_may_have_a_format_of_its_own() -> None:
    audio = {"output": {"format": {"type": "audio/pcmu"}}}
    playback = fed(session(), created(audio=audio), delta("item_1", G711_SECOND))
    assert playback.received_ms("item_1") == 1000
    assert playback.interrupt(250) == [truncate("item_1", 250), cancel()]


def test_the_format_of_a_beta_session() -> None:
    flat = server("session.created", session={"output_audio_format": "g711_alaw"})
    playback = fed(flat, created(), delta("item_1", G711_SECOND))
    assert playback.received_ms("item_1") == 1000


def test_a_position_goes_through_the_items_in_the_order_in_which_they_came() -> None:
    playback = fed(created(), *(delta(f"item_{n}", PCM_SECOND) for n in (1, 2, 3)))
    assert playback.playing == "item_1"
    playback.played(ms=1500)
    assert playback.playing == "item_2"
    assert [playback.played_ms(f"item_{n}") for n in (1, 2, 3)] == [1000, 500, 0]


def test_interleaved_items_are_heard_as_they_came() -> None:
    order = ["item_1", "item_2", "item_1", "item_2"]
    playback = fed(created(), *(delta(item, PCM_SECOND) for item in order))
    playback.played(ms=2500)
    assert playback.played_ms("item_1") == 1500
    assert playback.played_ms("item_2") == 1000


def test_positions_cross_a_change_of_format() -> None:
    law = {"output": {"format": {"type": "audio/pcmu"}}}
    playback = fed(created(), delta("item_1", PCM_SECOND), done())
    playback.apply(created("resp_2", audio=law))
    playback.apply(delta("item_2", G711_SECOND, "resp_2"))
    playback.played(ms=1500)
    assert (playback.played_ms("item_1"), playback.played_ms("item_2")) == (1000, 500)


def test_positions_do_not_drift_over_many_small_reports() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND))
    for step in range(1, 1001):
        playback.played(ms=step * 0.9999)
    assert playback.played_ms("item_1") == 999


def test_positions_are_exact_to_the_sample() -> None:
    for samples in range(0, 24_000, 997):
        playback = fed(created(), delta("item_1", PCM_SECOND), delta("item_2", PCM_SECOND))
        playback.played(samples=24_000 + samples)
        playback.played(samples=samples + 1, item_id="item_2")
        assert playback.played_ms("item_2") == (samples + 1) // 24


def test_an_old_report_takes_nothing_back() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND))
    playback.played(ms=500)
    playback.played(ms=400)
    playback.played(ms=100, item_id="item_1")
    assert playback.played_ms("item_1") == 500


def test_silence_after_the_last_sound_is_not_counted_against_the_next() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND), done())
    playback.played(ms=5000)
    playback.apply(created("resp_2"))
    playback.apply(delta("item_2", PCM_SECOND, "resp_2"))
    playback.played(ms=5250)
    assert playback.played_ms("item_2") == 250


def test_a_report_on_a_later_item_says_that_the_earlier_ones_were_heard() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND), delta("item_2", PCM_SECOND))
    playback.played(ms=300, item_id="item_1")
    playback.played(ms=10, item_id="item_2")
    assert playback.played_ms("item_1") == 1000
    assert playback.playing == "item_2"


def test_a_report_on_an_item_that_is_not_there_changes_nothing() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND))
    playback.played(ms=300, item_id="item_9")
    assert playback.played_ms("item_1") == playback.played_ms("item_9") == 0
    assert playback.received_ms("item_9") == 0


@pytest.mark.parametrize(
    "report", [{}, {"ms": 1, "size": 48}, {"ms": -1}, {"ms": float("nan")}, {"ms": float("inf")}]
)
def test_a_report_is_one_length(report: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        Playback().played(**report)


def test_marks_say_what_was_heard() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND))
    first = playback.mark()
    playback.apply(delta("item_1", PCM_SECOND))
    playback.apply(delta("item_2", PCM_SECOND))
    second = playback.mark()
    assert first != second
    playback.reached(first)
    assert playback.played_ms("item_1") == 1000
    playback.reached("somebody else's")
    assert playback.interrupt() == [truncate("item_1", 1000), delete("item_2"), cancel()]
    # A provider gives all marks back when its buffer is cleared: that is no news of listening.
    playback.reached(second)
    assert playback.played_ms("item_2") == 0


def test_a_mark_covers_those_before_it() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND))
    first = playback.mark()
    playback.apply(delta("item_1", PCM_SECOND))
    playback.reached(playback.mark())
    playback.reached(first)
    assert playback.played_ms("item_1") == 2000


# --- interruptions -------------------------------------------------------------------------------


def test_the_heard_is_kept_the_unheard_deleted_and_the_cancel_comes_last() -> None:
    first, *rest = [delta(f"item_{n}", PCM_SECOND) for n in (1, 2, 3)]
    playback = fed(created(), first, audio_done("item_1"), *rest)
    assert playback.interrupt(1500) == [truncate("item_2", 500), delete("item_3"), cancel()]


def test_what_was_heard_to_its_end_is_left_alone() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND), audio_done("item_1"), done())
    assert playback.interrupt(1000) == []


def test_an_item_that_may_still_grow_is_cut_where_it_ends_now() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND))
    assert playback.interrupt(1000) == [truncate("item_1", 1000), cancel()]


def test_an_item_of_which_nothing_was_heard_is_deleted() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND))
    assert playback.interrupt(0.9) == [delete("item_1"), cancel()]


def test_a_finished_response_is_not_cancelled() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND), audio_done("item_1"), done())
    assert playback.interrupt(300) == [truncate("item_1", 300)]


def test_a_response_without_sound_is_cancelled() -> None:
    assert fed(created()).interrupt() == [cancel()]


def test_an_interruption_is_not_repeated() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND))
    assert len(playback.interrupt(300)) == 2
    assert playback.interrupt(400) == []


def test_nothing_is_running_and_nothing_is_sent() -> None:
    assert Playback().interrupt() == []
    assert Playback().interrupt(0) == []


def test_without_any_report_it_is_unknown_what_was_heard() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND))
    assert playback.interrupt() == [cancel()]
    assert not playback.accepts(delta("item_1", 48))


def test_an_interruption_by_samples_of_an_item() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND), delta("item_2", PCM_SECOND))
    events = playback.interrupt(item_id="item_1", samples=1200)
    assert events == [truncate("item_1", 50), delete("item_2"), cancel()]


def test_an_item_without_speech_cannot_be_cut() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND))
    with pytest.raises(InvalidOption, match=r"item_id='item_user'.*message of the assistant"):
        playback.interrupt(item_id="item_user", samples=1200)
    assert playback.interrupt(300) == [truncate("item_1", 300), cancel()]


def test_sound_after_an_interruption_is_counted_from_there() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND))
    playback.interrupt(300)
    playback.apply(done(status="cancelled"))
    playback.apply(created("resp_2"))
    playback.apply(delta("item_2", PCM_SECOND, "resp_2"))
    assert playback.interrupt(700) == [truncate("item_2", 400), cancel("resp_2")]


def test_stragglers_are_not_for_the_listener() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND))
    text = server("response.output_audio_transcript.delta", response_id="resp_1", delta="late")
    assert playback.accepts(delta("item_1", 48))
    assert playback.accepts(text)
    playback.interrupt(300)
    assert not playback.accepts(delta("item_1", 48))
    assert not playback.accepts(text)
    assert playback.accepts(done(status="cancelled"))
    assert playback.accepts(delta("item_9", 48, "resp_2"))
    playback.apply(delta("item_1", PCM_SECOND))
    assert playback.received_ms("item_1") == 1000


def test_an_item_that_begins_after_the_interruption_is_deleted_once() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND))
    playback.interrupt(300)
    assert playback.apply(delta("item_2", PCM_SECOND)) == [delete("item_2")]
    assert playback.apply(delta("item_2", PCM_SECOND)) == []
    assert not playback.accepts(delta("item_2", 48))


@pytest.mark.parametrize("type", ["conversation.item.deleted", "conversation.item.truncated"])
def test_what_the_server_took_away_is_not_taken_away_again(type: str) -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND), delta("item_2", PCM_SECOND))
    playback.apply(server(type, item_id="item_1", content_index=0, audio_end_ms=100))
    assert not playback.accepts(delta("item_1", 48))
    assert playback.interrupt(1500) == [truncate("item_2", 500), cancel()]


def test_a_server_without_truncation_gets_only_the_cancel() -> None:
    playback = fed(created(), delta("item_1", PCM_SECOND), delta("item_2", 48), truncates=False)
    assert playback.interrupt(300) == [cancel()]
    assert playback.apply(delta("item_3", 48)) == []


def test_a_server_that_names_no_response() -> None:
    start = server("response.created", response={})
    bare = server("response.output_audio.delta", item_id="item_1", delta="AAAA" * 12)
    playback = fed(start, bare)
    assert playback.interrupt(0) == [delete("item_1"), ResponseCancel()]
    playback.apply(start)
    assert playback.accepts(server("response.output_audio.delta", item_id="item_2", delta="AAAA"))


# --- beside the conversation ---------------------------------------------------------------------


def test_speech_beside_the_conversation_is_cancelled_and_not_truncated() -> None:
    playback = fed(
        created("resp_aside", conversation_id=None), delta("item_1", PCM_SECOND, "resp_aside")
    )
    assert playback.interrupt(300) == [cancel("resp_aside")]


def test_silent_work_beside_the_conversation_goes_on() -> None:
    playback = fed(created("resp_aside", conversation_id=None), created("resp_1"))
    assert playback.interrupt(0) == [cancel("resp_1")]


@pytest.mark.parametrize("before", [True, False])
def test_an_item_that_is_listed_is_in_the_conversation_whatever_its_response_says(
    before: bool,
) -> None:
    item = {"id": "item_1", "type": "message", "role": "assistant", "content": []}
    listed = server("conversation.item.added", item=item, previous_item_id=None)
    sound = delta("item_1", PCM_SECOND)
    playback = fed(created(conversation_id=None), *([listed, sound] if before else [sound, listed]))
    assert playback.interrupt(300) == [truncate("item_1", 300), cancel()]


# --- the user speaks -----------------------------------------------------------------------------


def test_the_server_cancels_by_itself_when_the_user_speaks() -> None:
    playback = fed(session(), created(), delta("item_1", PCM_SECOND), SPEECH)
    assert playback.interrupt(300) == [truncate("item_1", 300)]


def test_the_server_was_told_not_to() -> None:
    playback = fed(
        session(interrupt_response=False), created(), delta("item_1", PCM_SECOND), SPEECH
    )
    assert playback.interrupt(300) == [truncate("item_1", 300), cancel()]


def test_speech_interrupts_by_itself_where_that_is_asked_for() -> None:
    playback = fed(session(), created(), delta("item_1", PCM_SECOND), automatic=True)
    playback.played(ms=300)
    assert playback.apply(SPEECH) == [truncate("item_1", 300)]
    assert playback.apply(SPEECH) == []


def test_speech_interrupts_nothing_where_the_session_says_so() -> None:
    playback = fed(session(interrupt_response=False), created(), automatic=True)
    assert playback.apply(SPEECH) == []
    assert playback.accepts(delta("item_1", 48))


# --- a server that plays -------------------------------------------------------------------------


def test_a_playing_server_is_told_to_stop_making_and_then_to_stop_playing() -> None:
    playback = fed(created(), mode="server")
    assert playback.interrupt() == [cancel(), OutputAudioBufferClear()]


def test_a_playing_server_clears_what_is_left_of_a_finished_response() -> None:
    playback = fed(created(), done(), mode="server")
    assert playback.interrupt() == [OutputAudioBufferClear()]


def test_a_playing_server_handles_speech_itself() -> None:
    playback = fed(session(), created(), SPEECH, mode="server", automatic=True)
    assert playback.interrupt() == [OutputAudioBufferClear()]


# --- whatever happens ----------------------------------------------------------------------------

_sizes = st.sampled_from([0, 2, 47, 48, 480, 4800])
_steps = st.one_of(
    st.builds(delta, st.sampled_from(["item_1", "item_2", "item_3"]), _sizes),
    st.builds(audio_done, st.sampled_from(["item_1", "item_2"])),
    st.builds(created, st.sampled_from(["resp_1", "resp_2"])),
    st.builds(done, st.sampled_from(["resp_1", "resp_2"])),
    st.just(SPEECH),
    st.floats(0, 500),
    st.tuples(st.sampled_from(["item_1", "item_2"]), st.integers(0, 300)),
    st.just("interrupt"),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["audio/pcm", "audio/pcmu"]), st.lists(_steps, max_size=40))
def test_never_beyond_what_came_never_nothing_never_twice(
    format: str, steps: list[Event | float | tuple[str, int] | str]
) -> None:
    playback = Playback()
    playback.apply(session(format))
    cut: list[str] = []
    for step in [*steps, "interrupt"]:
        sent = []
        if isinstance(step, Event):
            sent = playback.apply(step)
        elif isinstance(step, float):
            playback.played(ms=step)
        elif isinstance(step, tuple):
            playback.played(item_id=step[0], samples=step[1])
        else:
            sent = playback.interrupt()
        kinds = [type(event) for event in sent]
        assert ResponseCancel not in kinds[: len(kinds) - kinds.count(ResponseCancel)]
        for event in sent:
            if isinstance(event, ConversationItemTruncate):
                assert 0 < event.audio_end_ms <= playback.received_ms(event.item_id)
            if isinstance(event, ConversationItemTruncate | ConversationItemDelete):
                cut.append(event.item_id)
            REALTIME.encode(event)
    assert len(cut) == len(set(cut))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        [
            "session.created",
            "response.created",
            "response.done",
            "response.output_audio.delta",
            "response.output_audio.done",
            "response.output_item.done",
            "conversation.item.added",
            "conversation.item.deleted",
            "input_audio_buffer.speech_started",
        ]
    ),
    st.dictionaries(
        st.sampled_from(["response", "item", "item_id", "response_id", "delta", "session"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["id", "type", "role", "audio", "input", "output", "format"]),
                    inner,
                )
            ),
            max_leaves=8,
        ),
    ),
)
def test_nothing_that_a_server_says_raises(type: str, fields: dict[str, Any]) -> None:
    playback = Playback(automatic=True)
    event = server(type, **fields)
    playback.apply(event)
    playback.accepts(event)
    for sent in playback.interrupt(10):
        REALTIME.encode(sent)


@pytest.mark.parametrize(
    "name", ["openai_ws__text_in_audio_out_turn", "xai_ws__text_in_audio_out_turn"]
)
def test_recorded_speech_is_followed(recordings_dir: Path, name: str) -> None:
    playback = Playback()
    sizes: dict[str, int] = {}
    for line in (recordings_dir / f"{name}.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["dir"] == "s2c":
            event = entry["event"]
            playback.apply(REALTIME.decode(json.dumps(event)))
            if event["type"] == "response.output_audio.delta":
                size = len(base64.b64decode(event["delta"]))
                sizes[event["item_id"]] = sizes.get(event["item_id"], 0) + size
    assert sizes
    for item_id, size in sizes.items():
        assert playback.received_ms(item_id) == size // 48
    last = list(sizes)[-1]
    assert playback.interrupt(1, item_id=last) == [truncate(last, 1)]
