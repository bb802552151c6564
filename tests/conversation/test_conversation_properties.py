"""The conversation cache under every order of events, and under none that makes sense."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from built_frames import canonical, example
from conversing import (
    added,
    answer,
    b64,
    call,
    created,
    delta,
    done,
    finished,
    heard,
    message,
    output,
    said,
    spoken,
    transcribed,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from voxwire_protocol import Event
from voxwire_protocol.names import REALTIME_CLIENT, REALTIME_SERVER

from voxwire.conversation import Conversation, ConversationTracker
from voxwire.protocol.codec import REALTIME

TRANSCRIPTION = "conversation.item.input_audio_transcription.delta"
REPLY = {"type": "output_audio", "transcript": "It is wet."}
WET = message("reply", "assistant", content=[REPLY], status="completed")
USAGE = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}

# What comes in one order within each line, and in any order between them.
TURN = [
    heard("input_audio_buffer.speech_started", audio_start_ms=100, item_id="user"),
    heard("input_audio_buffer.speech_stopped", audio_end_ms=500, item_id="user"),
    heard("input_audio_buffer.committed", previous_item_id=None, item_id="user"),
    added(spoken("user")),
    heard("conversation.item.done", previous_item_id=None, item=spoken("user")),
]
WRITTEN_DOWN = [
    heard(TRANSCRIPTION, item_id="user", content_index=0, delta="Is it"),
    heard(TRANSCRIPTION, item_id="user", content_index=0, delta=" wet?"),
    transcribed("user", "Is it wet?", usage={"type": "duration", "seconds": 1}),
]
CALLING = [
    created(),
    output(call("call")),
    added(call("call"), "user"),
    delta("function_call_arguments", "call", '{"city":'),
    delta("function_call_arguments", "call", '"Oslo"}'),
    finished("function_call_arguments", "call", name="get_weather", arguments='{"city":"Oslo"}'),
    heard("conversation.item.done", previous_item_id=None, item=call("call", '{"city":"Oslo"}')),
    output(call("call", '{"city":"Oslo"}'), "done"),
    done(output=[call("call", '{"city":"Oslo"}')], usage=USAGE),
    added(answer("answer", "call_call"), "call"),
    created("resp_2"),
    output(message("reply", "assistant"), response_id="resp_2"),
    added(message("reply", "assistant"), "answer"),
    delta("output_audio_transcript", "reply", "It is wet", response_id="resp_2"),
    delta("output_audio", "reply", b64(bytes(480)), response_id="resp_2"),
    finished("output_audio", "reply", response_id="resp_2"),
    output(WET, "done", response_id="resp_2"),
    done("resp_2", output=[WET], usage=USAGE),
]
ASIDE = [
    created("resp_3", conversation_id=None),
    output(message("aside", "assistant"), response_id="resp_3"),
    delta("output_text", "aside", "Angry.", response_id="resp_3"),
    output(message("aside", "assistant", "Angry."), "done", response_id="resp_3"),
    done("resp_3", conversation_id=None, usage=USAGE),
]
THREADS = [TURN, WRITTEN_DOWN, CALLING, ASIDE]


def interleaved(order: list[int]) -> list[Event]:
    rests = [iter(thread) for thread in THREADS]
    return [next(rests[number]) for number in order]


def heard_in(events: list[Event]) -> Conversation:
    cache = ConversationTracker(audio="all")
    cache.append_audio(bytes(48_000))
    for event in events:
        cache.apply(event)
    return cache.conversation


IN_ORDER = [number for number, thread in enumerate(THREADS) for _ in thread]


@given(st.permutations(IN_ORDER))
@settings(max_examples=200, deadline=None)
def test_every_order_that_the_protocol_allows_ends_in_the_same_state(order: list[int]) -> None:
    expected = heard_in(interleaved(IN_ORDER))
    assert [item.id for item in expected] == ["user", "call", "answer", "reply"]
    assert [item.audio_ms for item in expected] == [400, 0, 0, 10]
    assert expected["user"].transcript == "Is it wet?"
    assert (expected.usage.responses, expected.usage.total) == (3, 36)
    assert heard_in(interleaved(order)) == expected


@given(st.permutations(IN_ORDER), st.data())
@settings(max_examples=200, deadline=None)
def test_whole_events_that_come_twice_change_nothing(order: list[int], data: st.DataObject) -> None:
    events: list[Event] = []
    for event in interleaved(order):
        events.append(event)
        if ".delta" not in str(getattr(event, "type", "")):
            events += [event] * data.draw(st.integers(0, 2))
    assert heard_in(events) == heard_in(interleaved(IN_ORDER))


SENT = [
    said("input_audio_buffer.append", audio=b64(bytes(960))),
    said("input_audio_buffer.commit", event_id="e1"),
    said("input_audio_buffer.clear"),
    said("conversation.item.create", item=message("typed", text="Hi")),
    said("conversation.item.create", item=message("first", text="Hi"), previous_item_id="root"),
]
OTHERS = [
    heard("conversation.item.truncated", item_id="reply", content_index=0, audio_end_ms=5),
    heard("conversation.item.deleted", item_id="call"),
    heard("conversation.item.deleted", item_id="user"),
    heard("conversation.item.retrieved", item=WET),
    heard("input_audio_buffer.cleared"),
    heard("input_audio_buffer.timeout_triggered", audio_start_ms=0, audio_end_ms=9, item_id="x"),
    heard("session.created", session={"type": "realtime"}),
    heard("error", error={"type": "x", "message": "no", "event_id": "e1"}),
    added(message("typed", text="Hi")),
    added(message("first", text="Hi"), "root"),
    added(message("lost", text="Hi"), "nowhere"),
    done("resp_2", status="cancelled"),
]
EVERYTHING = [(event, False) for thread in [*THREADS, OTHERS] for event in thread] + [
    (event, True) for event in SENT
]


def check(conversation: Conversation) -> None:
    """What holds whatever was heard."""
    found = [item.id for item in conversation]
    assert len(found) == len(set(found)) == len(conversation)
    for item in conversation:
        assert conversation.get(item.id) is item
        assert not item.deleted
        assert item.formatted["text"] == item.text
    conversation.to_messages()
    stored = json.loads(json.dumps(conversation.snapshot()))
    assert Conversation.restore(stored) == conversation


@given(
    st.lists(st.sampled_from(range(len(EVERYTHING))), max_size=120),
    st.sampled_from(["none", "all", 0.2]),
)
@settings(max_examples=300, deadline=None)
def test_missing_repeated_and_shuffled_events_raise_nothing(picked: list[int], audio: Any) -> None:
    cache = ConversationTracker(audio=audio)
    for index in picked:
        event, sent = EVERYTHING[index]
        cache.apply(event, sent=sent)
    check(cache.conversation)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["user", "a", "message", "function_call", "in_progress", "root"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "role", "content", "status", "text", "audio"]), inner
        )
    ),
    max_leaves=6,
)
FRAMES = [
    (wire, sent)
    for table, sent in ((REALTIME_SERVER, False), (REALTIME_CLIENT, True))
    for wire, _ in canonical(table)
]
TABLES = {False: REALTIME_SERVER, True: REALTIME_CLIENT}


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[Event, bool]:
    """An event of any kind about the same few items, some of its values replaced by others."""
    wire, sent = draw(st.sampled_from(FRAMES))
    frame = example(TABLES[sent][wire].__name__, draw(st.integers(0, 11)), sending=sent)
    frame = copy.deepcopy(frame) | {"type": wire}
    for holder in (frame, frame.get("item"), frame.get("response"), frame.get("part")):
        if not isinstance(holder, dict):
            continue
        for key in ("item_id", "id", "previous_item_id", "response_id"):
            if key in holder:
                holder[key] = draw(st.sampled_from(["a", "b", "c"]))
        for key in draw(st.lists(st.sampled_from(sorted(holder)), max_size=2)):
            if key != "type" or holder is not frame:
                holder[key] = draw(JSON)
        for key in draw(st.lists(st.sampled_from(sorted(holder)), max_size=1)):
            if key != "type":
                holder.pop(key, None)
    text = json.dumps(frame)
    return (REALTIME.decode_client(text) if sent else REALTIME.decode(text)), sent


@given(st.lists(spoilt(), max_size=30))
@settings(max_examples=200, deadline=None)
def test_nothing_that_a_server_says_raises(events: list[tuple[Event, bool]]) -> None:
    cache = ConversationTracker(audio="all")
    for event, sent in events:
        cache.apply(event, sent=sent)
    check(cache.conversation)


@pytest.mark.parametrize("audio", ["none", 1.0])
def test_memory_does_not_grow_with_ids_that_never_come(audio: Any) -> None:
    cache = ConversationTracker(audio=audio)
    for number in range(3_000):
        id = f"item_{number}"
        cache.apply(transcribed(id, "lost"))
        cache.apply(created(id))
        cache.apply(said("conversation.item.create", item=message(id, text="lost")), sent=True)
    ledger = cache._ledger
    assert max(len(ledger.awaited), len(ledger.running), len(ledger._created)) <= 1024
    assert len(cache.conversation) == 0
