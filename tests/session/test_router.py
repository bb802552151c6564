from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from voxwire_protocol import (
    ClientEvent,
    Event,
    InputAudioBufferClear,
    InputAudioBufferCleared,
    ResponseOutputTextDelta,
    ServerEvent,
    UnknownEvent,
)

import voxwire
from voxwire.errors import InvalidOption, QueueOverflow
from voxwire.protocol.codec import REALTIME
from voxwire.protocol.local_event import LocalEvent, Overflow
from voxwire.session.core import Core
from voxwire.session.local_events import HandlerFailed
from voxwire.session.router import Mailbox, Router


def _router() -> Router:
    return Router({**REALTIME.client, **REALTIME.server})


def _cleared(number: int = 0) -> InputAudioBufferCleared:
    return InputAudioBufferCleared(event_id=f"event_{number}")


def _heard(router: Router, *keys: type[Event] | str) -> list[Event]:
    heard: list[Event] = []
    router.subscribe(keys, heard.append)
    return heard


def test_matches_by_class_base_and_wire_name() -> None:
    router = _router()
    event, sent = _cleared(), InputAudioBufferClear()
    by_class = _heard(router, InputAudioBufferCleared)
    by_name = _heard(router, "input_audio_buffer.cleared")
    server, client, everything = (
        _heard(router, ServerEvent),
        _heard(router, ClientEvent),
        _heard(router, Event),
    )
    router.dispatch(event, ServerEvent)
    router.dispatch(sent, ClientEvent)
    assert by_class == by_name == server == [event]
    assert client == [sent]
    assert everything == [event, sent]


def test_each_event_of_voxwires_own_has_a_type_that_is_a_key() -> None:
    exported = [getattr(voxwire, name) for name in voxwire.__all__]
    classes = [cls for cls in exported if isinstance(cls, type) and issubclass(cls, LocalEvent)]
    own = {cls.type: cls for cls in classes if cls is not LocalEvent}
    assert len(own) == len(classes) - 1 > 15
    router = Core().router
    for cls in own.values():
        assert cls.type.startswith(("voxwire.", "conversation."))
        assert cls.type not in {**REALTIME.client, **REALTIME.server}
        assert router.key(cls.type) is cls
    event = Overflow(queue="q", dropped=1)
    heard = _heard(router, "voxwire.overflow")
    router.dispatch(event, Overflow)
    assert (heard, event.type) == ([event], "voxwire.overflow")
    with pytest.raises(InvalidOption, match=r"did you mean 'voxwire\.tool_failed'"):
        router.key("voxwire.tool_faild")


def test_a_beta_name_is_the_same_subscription_as_its_event() -> None:
    router = _router()
    heard = _heard(router, "response.text.delta")
    event = REALTIME.decode(
        b'{"type":"response.output_text.delta","event_id":"e","response_id":"r","item_id":"i",'
        b'"output_index":0,"content_index":0,"delta":"hi"}'
    )
    router.dispatch(event, ServerEvent)
    assert heard == [event]
    assert isinstance(event, ResponseOutputTextDelta)


def test_an_unknown_event_is_heard_by_its_name_and_by_the_side_it_came_from() -> None:
    router = _router()
    named, server, client = (
        _heard(router, "ping"),
        _heard(router, ServerEvent),
        _heard(router, ClientEvent),
    )
    event = REALTIME.decode(b'{"type":"ping","timestamp":1}')
    assert isinstance(event, UnknownEvent)
    router.dispatch(event, ServerEvent)
    assert named == server == [event]
    assert client == []


def test_several_keys_hear_an_event_once() -> None:
    router = _router()
    heard = _heard(router, InputAudioBufferCleared, ServerEvent, "input_audio_buffer.cleared")
    router.dispatch(_cleared(), ServerEvent)
    assert len(heard) == 1


def test_a_cancelled_subscription_hears_nothing_more_even_within_a_dispatch() -> None:
    router = _router()
    heard: list[Event] = []
    later = None

    def first(event: Event) -> None:
        assert later is not None
        later.cancel()
        later.cancel()

    router.subscribe((ServerEvent,), first)
    later = router.subscribe((ServerEvent,), heard.append)
    router.dispatch(_cleared(), ServerEvent)
    assert heard == []


@pytest.mark.parametrize("key", [int, 3, None, object()])
def test_what_is_no_event_cannot_be_listened_to(key: object) -> None:
    with pytest.raises(InvalidOption, match="event class"):
        _router().subscribe((key,), print)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("response.dnoe", "response.done"),
        ("respose.done", "response.done"),
        ("response.output_text.deltas", "response.output_text.delta"),
        ("session.udpated", "session.updated"),
        ("erorr", "error"),
        ("response_done", "response.done"),
        ("response.crate", "response.create"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_right_one(key: str, meant: str) -> None:
    with pytest.raises(InvalidOption, match=f"unknown event '{key}': did you mean '{meant}'"):
        _router().subscribe((key,), print)


# From servers that have them: xAI, aimock, Voice Live.
@pytest.mark.parametrize(
    "key",
    [
        "ping",
        "response.cancelled",
        "conversation.item.input_audio_transcription.updated",
        "response.audio_timestamp.delta",
        "response.video.delta",
        "session.usage.updated",
    ],
)
def test_a_servers_own_event_is_listened_to_by_its_name(key: str) -> None:
    router = _router()
    heard: list[Event] = []
    router.subscribe((key,), heard.append)
    event = UnknownEvent(key, {"type": key})
    router.dispatch(event, ServerEvent)
    assert heard == [event]


def test_no_key_is_refused() -> None:
    with pytest.raises(InvalidOption, match="at least one"):
        _router().subscribe((), print)


def _mailbox(**options: object) -> Mailbox[Event]:
    return Mailbox("test", wake=lambda: None, **options)  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(["put", "take"]), max_size=200), st.integers(1, 9))
def test_a_mailbox_loses_nothing_unsaid(steps: list[str], limit: int) -> None:
    """Whatever is put is either taken, still there, or counted in an Overflow, in order."""
    box = _mailbox(limit=limit)
    put = taken = 0
    for step in [*steps, *["take"] * (limit + 1)]:
        if step == "put":
            box.put(_cleared(put))
            put += 1
        elif (event := box.take()) is None:
            assert taken == put
        elif isinstance(event, Overflow):
            taken += event.dropped
        else:
            assert event == _cleared(taken)
            taken += 1
    assert taken == put


def test_a_mailbox_is_bounded_by_bytes_too_but_holds_at_least_one() -> None:
    box = _mailbox(limit=100, max_bytes=100)
    frame = b'{"type":"error","event_id":"%s","error":{"type":"t","message":"m"}}' % (b"x" * 200)
    for _ in range(3):
        box.put(REALTIME.decode(frame))
    assert box.take() == Overflow(queue="test", dropped=2)
    assert box.take() is not None
    assert box.take() is None


def test_overflow_is_told_once_for_each_time_it_begins() -> None:
    told: list[Overflow] = []
    box = _mailbox(limit=1, overflowed=told.append)
    for number in range(5):
        box.put(_cleared(number))
    assert len(told) == 1
    assert box.take() == Overflow(queue="test", dropped=4)
    box.take()
    for number in range(2):
        box.put(_cleared(number))
    assert len(told) == 2


def _frames(count: int) -> list[Event]:
    frame = b'{"type":"input_audio_buffer.cleared","event_id":"event_%d"}'
    return [REALTIME.decode(frame % number) for number in range(count)]


def test_an_optional_mailbox_keeps_nothing_that_nobody_reads_but_counts_it() -> None:
    told: list[Overflow] = []
    box = _mailbox(limit=3, optional=True, overflowed=told.append)
    first = _frames(9)
    for event in first:
        box.put(event)
    assert len(box) == 1  # the news of what is lost, and no event
    ours = HandlerFailed(handler="f", event=None, exception=ValueError())
    box.put(ours)
    assert told == []  # nobody has lost anything yet
    assert box.take() == Overflow(queue="test", dropped=9)
    assert box.take() is ours  # what Voxwire itself has to say is not lost
    # From the first reader on, it is a queue like all others.
    for event in first[:4]:
        box.put(event)
    assert box.take() == Overflow(queue="test", dropped=1)
    assert [box.take() for _ in range(4)] == [*first[1:4], None]
    assert told == [Overflow(queue="test", dropped=1)]


def test_an_optional_mailbox_holds_little_sound_until_it_is_read() -> None:
    sound = b'{"type":"response.output_audio.delta","event_id":"event_%d","delta":"%b"}'
    events = [REALTIME.decode(sound % (n, b"QUJD" * 16 * 1024)) for n in range(8)]
    box = _mailbox(limit=100, optional=True)
    for event in events[:6]:
        box.put(event)
    assert len(box) < 4  # of 64 KiB each
    box.take()
    while box.take() is not None:
        pass
    for event in events:
        box.put(event)
    assert [box.take() for _ in range(9)] == [*events, None]


def test_an_optional_mailbox_that_is_read_in_time_loses_nothing() -> None:
    box = _mailbox(limit=3, optional=True)
    first = _frames(3)
    for event in first:
        box.put(event)
    assert [box.take() for _ in range(4)] == [*first, None]


def test_who_listens_may_have_changed() -> None:
    heard: list[bool] = []
    router = _router()
    router.forget()
    router.changed = lambda: heard.append(router.heard(InputAudioBufferCleared, ServerEvent))
    subscription = router.subscribe((InputAudioBufferCleared,), print)
    subscription.cancel()
    assert heard == [True, False]


def test_a_strict_mailbox_raises() -> None:
    box = _mailbox(limit=1, strict=True)
    box.put(_cleared(0))
    box.put(_cleared(1))
    with pytest.raises(QueueOverflow, match="1 events were dropped"):
        box.take()
    assert box.take() == _cleared(1)


def test_a_closed_mailbox_gives_out_what_it_has() -> None:
    box = _mailbox(limit=4)
    box.put(_cleared())
    reason = RuntimeError()
    box.close(reason)
    box.close()
    box.put(_cleared(1))
    assert box.take() == _cleared()
    assert box.take() is None
    assert box.reason is reason


def test_a_mailbox_without_room_is_refused() -> None:
    with pytest.raises(InvalidOption, match="limit=0"):
        _mailbox(limit=0)
