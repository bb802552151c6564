"""Which event acknowledges what was sent, and which error refuses it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from voxwire_protocol import ClientEvent, ConversationItemCreate, Event, UserMessage

from voxwire.errors import ConnectionClosedError, ServerError, VoxwireError
from voxwire.protocol.codec import REALTIME, TRANSLATION
from voxwire.session.acknowledgements import LIMIT, Acknowledgements, SentEvent


class Line:
    """Acknowledgements with JSON on both sides."""

    def __init__(self) -> None:
        self.acks = Acknowledgements()

    def send(self, kind: str, codec: Any = REALTIME, **fields: Any) -> SentEvent:
        return self.acks.sent(codec.event({"type": kind, **fields}))

    def hear(self, kind: str, codec: Any = REALTIME, **fields: Any) -> SentEvent | None:
        frame = json.dumps({"type": kind, "event_id": "e", **fields})
        return self.acks.apply(codec.decode(frame.encode()))


@pytest.fixture
def line() -> Line:
    return Line()


def text(words: str = "hello", **fields: Any) -> dict[str, Any]:
    content = [{"type": "input_text", "text": words}]
    return {"type": "message", "role": "user", "content": content, **fields}


SPEECH = {"type": "message", "role": "user", "content": [{"type": "input_audio"}], "id": "spoken"}

PAIRS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "session.update", "session": {"type": "realtime"}},
     {"type": "session.updated", "session": {"type": "realtime"}}),
    ({"type": "session.update", "session": {"type": "realtime"}},
     {"type": "transcription_session.updated", "session": {}}),
    ({"type": "conversation.item.create", "item": text()},
     {"type": "conversation.item.added", "item": text(id="i1")}),
    ({"type": "conversation.item.create", "item": text()},
     {"type": "conversation.item.created", "item": text(id="i1")}),
    ({"type": "conversation.item.create", "item": text()},
     {"type": "conversation.item.done", "item": text(id="i1")}),
    ({"type": "conversation.item.delete", "item_id": "i1"},
     {"type": "conversation.item.deleted", "item_id": "i1"}),
    ({"type": "conversation.item.retrieve", "item_id": "i1"},
     {"type": "conversation.item.retrieved", "item": text(id="i1")}),
    ({"type": "conversation.item.truncate", "item_id": "i1", "content_index": 0,
      "audio_end_ms": 5},
     {"type": "conversation.item.truncated", "item_id": "i1", "content_index": 0,
      "audio_end_ms": 5}),
    ({"type": "input_audio_buffer.commit"}, {"type": "input_audio_buffer.committed"}),
    ({"type": "input_audio_buffer.clear"}, {"type": "input_audio_buffer.cleared"}),
    ({"type": "output_audio_buffer.clear"}, {"type": "output_audio_buffer.cleared"}),
    ({"type": "response.create"}, {"type": "response.created", "response": {"id": "r"}}),
    ({"type": "response.cancel"}, {"type": "response.done", "response": {"id": "r"}}),
    ({"type": "response.cancel", "response_id": "r"},
     {"type": "response.done", "response": {"id": "r"}}),
    ({"type": "response.cancel"}, {"type": "response.cancelled"}),
]  # fmt: skip


@pytest.mark.parametrize(("event", "answer"), PAIRS)
def test_each_event_has_its_answer(line: Line, event: Any, answer: Any) -> None:
    others = [other for _, other in PAIRS if other["type"] != answer["type"]]
    sent = line.send(event["type"], **{k: v for k, v in event.items() if k != "type"})
    assert sent.awaited
    same = {other["type"] for one, other in PAIRS if one["type"] == event["type"]}
    for other in others:
        if other["type"] not in same:
            assert line.hear(**_event(other)) is None
    assert not sent.done
    assert line.hear(**_event(answer)) is sent
    assert sent.done
    assert sent.error is None
    assert sent.answer is not None
    assert line.hear(**_event(answer)) is None


def _event(fields: dict[str, Any]) -> dict[str, Any]:
    return {"kind": fields["type"], **{k: v for k, v in fields.items() if k != "type"}}


def test_translation_sessions_have_their_own(line: Line) -> None:
    update = line.send("session.update", TRANSLATION, session={})
    close = line.send("session.close", TRANSLATION)
    assert line.hear("session.closed", TRANSLATION) is close
    assert line.hear("session.updated", TRANSLATION, session={}) is update


def test_audio_is_never_acknowledged(line: Line) -> None:
    sent = line.send("input_audio_buffer.append", audio="QUJD")
    assert not sent.awaited
    line.acks.close(ConnectionClosedError(1000))
    assert not sent.done


def test_events_of_a_kind_are_answered_in_order(line: Line) -> None:
    first, second = (line.send("input_audio_buffer.clear") for _ in range(2))
    assert line.hear("input_audio_buffer.cleared") is first
    assert not second.done
    assert line.hear("input_audio_buffer.cleared") is second


def test_an_id_tells_which_item_is_meant(line: Line) -> None:
    first = line.send("conversation.item.create", item=text(id="a"))
    second = line.send("conversation.item.create", item=text(id="b"))
    assert line.hear("conversation.item.added", item=text(id="c")) is None
    assert line.hear("conversation.item.added", item=text(id="b")) is second
    assert not first.done
    deleted = line.send("conversation.item.delete", item_id="a")
    assert line.hear("conversation.item.deleted", item_id="b") is None
    assert line.hear("conversation.item.deleted", item_id="a") is deleted


def test_the_output_of_a_call_is_told_by_its_call(line: Line) -> None:
    def output(call_id: str) -> dict[str, Any]:
        return {"type": "function_call_output", "call_id": call_id, "output": "1"}

    first = line.send("conversation.item.create", item=output("c1"))
    second = line.send("conversation.item.create", item=output("c2"))
    assert line.hear("conversation.item.added", item={**output("c2"), "id": "x"}) is second
    assert line.hear("conversation.item.added", item={**output("c1"), "id": "y"}) is first


def test_an_item_that_is_told_of_twice_answers_once(line: Line) -> None:
    """The live service sends ``added`` and ``done`` for each item."""
    first, second = (line.send("conversation.item.create", item=text(words)) for words in "ab")
    assert line.hear("conversation.item.added", item=text("a", id="i1")) is first
    assert line.hear("conversation.item.done", item=text("a", id="i1")) is None
    assert not second.done
    assert line.hear("conversation.item.added", item=text("b", id="i2")) is second


def test_an_item_that_began_before_is_no_answer(line: Line) -> None:
    line.hear("conversation.item.added", item=text(id="i1"))
    sent = line.send("conversation.item.create", item=text())
    assert line.hear("conversation.item.done", item=text(id="i1")) is None
    assert line.hear("conversation.item.added", item=text(id="i2")) is sent


def test_what_others_say_is_no_answer(line: Line) -> None:
    sent = line.send("conversation.item.create", item=text())
    answer = {"type": "message", "role": "assistant", "content": [], "id": "i3"}
    assert line.hear("conversation.item.added", item=SPEECH) is None
    assert line.hear("conversation.item.added", item=answer) is None
    assert line.hear("conversation.item.added", item={**text(id="i4"), "content": []}) is sent


def test_items_may_be_given_as_dicts(line: Line) -> None:
    part: Any = {"type": "input_text", "text": "x"}
    item: Any = text()
    for given in (item, UserMessage(content=[part])):
        sent = line.acks.sent(ConversationItemCreate(item=given))
        assert line.hear("conversation.item.added", item=text()) is sent


def test_metadata_tells_responses_apart(line: Line) -> None:
    plain = line.send("response.create")
    one, two = (line.send("response.create", response={"metadata": {"n": n}}) for n in "12")
    assert line.hear("response.created", response={"metadata": {"n": "2", "own": "x"}}) is two
    assert line.hear("response.created", response={"metadata": {"n": "3"}}) is None
    assert line.hear("response.created", response={"metadata": None}) is plain
    assert line.hear("response.created", response={}) is one  # a server that repeats nothing


def test_a_cancel_waits_for_the_response_that_it_named(line: Line) -> None:
    sent = line.send("response.cancel", response_id="r1")
    assert line.hear("response.done", response={"id": "r2"}) is None
    assert line.hear("ping") is None
    assert line.hear("response.done", response={"id": "r1"}) is sent


def test_an_error_refuses_what_it_names(line: Line) -> None:
    first = line.send("input_audio_buffer.clear", event_id="one")
    second = line.send("input_audio_buffer.clear", event_id="two")
    error = {"type": "invalid_request_error", "code": "x", "message": "no", "event_id": "two"}
    assert line.hear("error", error=error) is second
    assert isinstance(second.error, ServerError)
    assert second.error.code == "x"
    assert not first.done
    assert line.hear("error", error=error) is None


@pytest.mark.parametrize("error", [None, "no", {}, [], {"event_id": None}, {"event_id": ["one"]}])
def test_an_error_that_names_nothing_refuses_nothing(line: Line, error: Any) -> None:
    sent = line.send("input_audio_buffer.clear", event_id="one")
    assert line.hear("error", error=error) is None
    assert line.hear("error") is None
    assert not sent.done


def test_an_error_without_an_id_refuses_the_one_event_that_waits(line: Line) -> None:
    error = {"type": "invalid_request_error", "message": "no such item"}
    first = line.send("input_audio_buffer.clear")
    second = line.send("conversation.item.delete", item_id="i")
    assert line.hear("error", error=error) is None  # it may be about either
    assert line.hear("input_audio_buffer.cleared") is first
    assert line.hear("error", error=error) is second
    assert isinstance(second.error, ServerError)


def test_a_deletion_without_an_id_acknowledges_the_oldest(line: Line) -> None:
    first = line.send("conversation.item.delete", item_id="a")
    second = line.send("conversation.item.delete", item_id="b")
    assert line.hear("conversation.item.deleted", item_id="b") is second
    assert line.hear("conversation.item.deleted") is first


def test_an_item_is_acknowledged_under_an_id_that_was_used_before(line: Line) -> None:
    first = line.send("conversation.item.create", item=text(id="i1"))
    assert line.hear("conversation.item.added", item=text(id="i1")) is first
    line.send("conversation.item.delete", item_id="i1")
    line.hear("conversation.item.deleted", item_id="i1")
    again = line.send("conversation.item.create", item=text(id="i1"))
    assert line.hear("conversation.item.added", item=text(id="i1")) is again


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [[]], {"id": {}, "content": 5}])
def test_nothing_that_a_server_says_raises(line: Line, value: Any) -> None:
    for event, _ in PAIRS:
        line.send(**_event(event))
    for _, answer in PAIRS:
        fields = dict.fromkeys((*answer, "item", "item_id", "response", "session"), value)
        line.hear(**{**_event(answer), **fields, "kind": answer["type"]})


def test_the_end_of_the_connection_ends_all_waits(line: Line) -> None:
    sent = line.send("input_audio_buffer.clear")
    woken: list[str] = []
    sent.subscribe(lambda: woken.append("a"))
    late = lambda: woken.append("never")  # noqa: E731
    sent.subscribe(late)
    sent.unsubscribe(late)
    sent.unsubscribe(late)
    error = ConnectionClosedError(1006)
    line.acks.close(error)
    assert sent.error is error
    assert woken == ["a"]
    sent.subscribe(lambda: woken.append("at once"))
    assert woken == ["a", "at once"]
    line.acks.close(ConnectionClosedError(1000))
    assert sent.error is error


def test_a_server_that_acknowledges_nothing_does_not_fill_the_memory(line: Line) -> None:
    first = line.send("input_audio_buffer.clear")
    for _ in range(LIMIT):
        line.send("input_audio_buffer.clear")
    # Whoever waits for it does not wait for ever.
    assert isinstance(first.error, VoxwireError)
    assert line.hear("input_audio_buffer.cleared") is not first


def test_every_client_event_either_has_an_answer_or_is_known_to_have_none() -> None:
    silent = set()
    for codec in (REALTIME, TRANSLATION):
        for cls in set(codec.client.values()):
            event: Event = cls.from_dict({})
            if isinstance(event, ClientEvent) and not Acknowledgements().sent(event).awaited:
                silent.add(cls.__name__)
    assert silent == {"InputAudioBufferAppend", "SessionInputAudioBufferAppend"}
