"""The way to another connection without I/O: what is sent, and what is not."""

from __future__ import annotations

import json
from typing import Any

from voxwire_protocol import ConversationItemCreate, InputText, ResponseCreate, UserMessage

from voxwire.session.core import Core
from voxwire.session.local_events import ConnectionClosed
from voxwire.session.reconnect.restorer import Restorer

LOST = ConnectionClosed(code=1006, reason="", clean=False, expected=False)


def frame(**event: Any) -> bytes:
    return json.dumps({"event_id": "e", **event}).encode()


def greeted() -> Core:
    core = Core()
    core.received(frame(type="session.created", session={"type": "realtime", "id": "sess_1"}))
    return core


def flushed(core: Core) -> list[dict[str, Any]]:
    """Send all that is to be sent."""
    sent = []
    while core.outbox:
        event, data = core.prepare(core.outbox.pop(0))
        core.sent(event, data)
        sent.append(json.loads(data))
    return sent


def moved(core: Core, restoration: Restorer) -> list[dict[str, Any]]:
    """Lose the connection and go on over another; all that was written there."""
    restoration.lost(LOST)
    frames = [*restoration.settings(), *restoration.items(), *restoration.rest()]
    restoration.done(attempt=1, seconds=0.0, planned=False)
    return [json.loads(each) for each in frames] + flushed(core)


def say(core: Core, text: str) -> None:
    item = UserMessage(content=[InputText(text=text)])
    core.respond(ResponseCreate(), item=ConversationItemCreate(item=item))


def test_a_request_that_had_not_been_written_is_written_once() -> None:
    core = greeted()
    restoration = Restorer(core)
    say(core, "hello")  # and lost, before anything of it was written
    sent = moved(core, restoration)
    assert [event["type"] for event in sent] == ["conversation.item.create", "response.create"]


def test_a_request_lost_twice_is_written_once_each_time() -> None:
    core = greeted()
    restoration = Restorer(core)
    say(core, "hello")
    flushed(core)
    for _ in range(3):
        sent = moved(core, restoration)
        assert [event["type"] for event in sent] == ["conversation.item.create", "response.create"]
    assert len({event["event_id"] for event in sent}) == 2


def test_another_connection_may_give_the_ids_of_the_old_one_anew() -> None:
    core = greeted()
    restoration = Restorer(core)
    turns = []
    for text in ("one", "two"):
        say(core, text)
        turns.append(core.responses.current)
        flushed(core)
        core.received(frame(type="response.created", response={"id": "resp_1"}))
        delta = {"item_id": "item_1", "output_index": 0, "content_index": 0, "delta": text}
        core.received(frame(type="response.output_text.delta", response_id="resp_1", **delta))
        done = {"id": "resp_1", "status": "completed", "output": []}
        core.received(frame(type="response.done", response=done))
        moved(core, restoration)
    assert [(turn.status, turn.text.value) for turn in turns if turn] == [
        ("completed", "one"), ("completed", "two"),
    ]  # fmt: skip
    assert core.conversation.usage.responses == 2


def test_what_an_attempt_that_failed_has_restored_is_not_sent_beside_the_next() -> None:
    core = greeted()
    restoration = Restorer(core, reminder="You were cut off.")
    item = {"id": "item_1", "type": "message", "role": "user", "status": "completed"}
    item |= {"content": [{"type": "input_text", "text": "hello"}]}
    core.received(frame(type="conversation.item.added", item=item))
    restoration.lost(LOST)
    assert len([*restoration.settings(), *restoration.items()]) == 2  # and lost again
    sent = moved(core, restoration)
    assert [event["item"]["role"] for event in sent] == ["user", "system"]


def test_an_answer_that_lacked_its_end_only_is_not_asked_for_again() -> None:
    core = Core(tail=60.0)
    detection = {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
    core.received(frame(type="session.created", session={"type": "realtime", **detection}))
    restoration = Restorer(core)
    core.append(bytes(48_000))
    for kind, told in (("started", {"audio_start_ms": 0}), ("stopped", {"audio_end_ms": 1000})):
        core.received(frame(type=f"input_audio_buffer.speech_{kind}", item_id="item_1", **told))
    core.received(frame(type="input_audio_buffer.committed", item_id="item_1"))
    spoken = {"id": "item_1", "type": "message", "role": "user", "status": "completed"}
    spoken |= {"content": [{"type": "input_audio", "transcript": "hello"}]}
    said = {"id": "item_2", "type": "message", "role": "assistant", "status": "completed"}
    said |= {"content": [{"type": "output_text", "text": "hello, too"}]}
    core.received(frame(type="conversation.item.added", item=spoken))
    core.received(frame(type="response.created", response={"id": "resp_1"}))
    place = {"response_id": "resp_1", "output_index": 0}
    begun = {**said, "status": "in_progress", "content": []}
    core.received(frame(type="response.output_item.added", item=begun, **place))
    core.received(frame(type="response.output_item.done", item=said, **place))
    sent = moved(core, restoration)  # before response.done
    assert [event["type"] for event in sent] == ["conversation.item.create"] * 2
