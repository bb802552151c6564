"""The conversation cache: items, texts, calls, order, responses, usage."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from conversing import (
    added,
    answer,
    call,
    created,
    delta,
    done,
    finished,
    follow,
    heard,
    ids,
    message,
    names,
    output,
    said,
    spoken,
    transcribed,
)

from voxwire.conversation import Conversation, ConversationTracker
from voxwire.conversation.local_events import ConversationUpdated, Delta
from voxwire.conversation.usage import Tokens
from voxwire.errors import InvalidOption

# Text, arguments


def test_the_parts_of_a_text_read_as_one() -> None:
    content = [{"type": "input_text", "text": "hi"}, {"type": "input_text", "text": " there"}]
    item = follow([added(message("a", content=content, status="completed"))]).conversation["a"]
    assert item.text == "hi there"
    assert [part.text for part in item.content] == ["hi", " there"]
    assert (item.role, item.type, item.completed) == ("user", "message", True)


def test_the_pieces_of_arguments_become_json() -> None:
    cache = follow([added(call("c")), delta("function_call_arguments", "c", '{"la')])
    (event,) = cache.apply(delta("function_call_arguments", "c", 't":1}'))
    assert isinstance(event, ConversationUpdated)
    assert event.delta == Delta(arguments='t":1}')
    item = cache.conversation["c"]
    assert json.loads(item.arguments or "") == {"lat": 1}
    assert item.formatted["tool"] == {
        "type": "function", "name": "get_weather", "call_id": "call_c", "arguments": '{"lat":1}',
    }  # fmt: skip


def test_arguments_that_come_in_one_event_are_told_as_a_delta() -> None:
    cache = follow([output(call("c"))])
    (event,) = cache.apply(finished("function_call_arguments", "c", arguments='{"a":1}', name="f"))
    assert isinstance(event, ConversationUpdated)
    assert event.delta == Delta(arguments='{"a":1}')
    assert cache.conversation["c"].arguments == '{"a":1}'


def test_pieces_are_taken_in_also_where_nobody_is_told_of_them() -> None:
    told, silent = ConversationTracker(), ConversationTracker()
    silent.told = False
    sound = base64.b64encode(bytes(4801)).decode()
    for cache in (told, silent):
        cache.apply(added(message("a", "assistant")))
        for kind, piece in (
            ("output_audio", sound),
            ("output_audio_transcript", "Good morning"),
        ):
            events = cache.apply(delta(kind, "a", piece))
            assert len(events) == (1 if cache is told else 0)
        (event,) = cache.apply(finished("output_audio_transcript", "a", transcript="Hello"))
        assert isinstance(event, ConversationUpdated)
    assert told.conversation == silent.conversation
    assert silent.conversation["a"].content[0].audio_ms == 100


def test_a_done_event_replaces_what_the_deltas_built() -> None:
    cache = follow([added(message("a", "assistant")), delta("output_text", "a", "Helo")])
    (event,) = cache.apply(finished("output_text", "a", text="Hello"))
    assert isinstance(event, ConversationUpdated)
    assert event.delta is None
    assert cache.conversation["a"].text == "Hello"
    assert cache.apply(delta("output_text", "a", " again")) == []
    assert cache.conversation["a"].text == "Hello"


def test_a_done_event_tells_the_piece_that_was_missed() -> None:
    cache = follow([added(message("a", "assistant")), delta("output_text", "a", "Hel")])
    (event,) = cache.apply(finished("output_text", "a", text="Hello"))
    assert isinstance(event, ConversationUpdated)
    assert event.delta == Delta(text="lo")
    assert cache.apply(finished("output_text", "a", text="Hello")) == []


def test_a_done_event_without_its_text_keeps_what_there_is() -> None:
    cache = follow([added(message("a", "assistant")), delta("output_text", "a", "Hello")])
    for event in (finished("output_text", "a"), finished("content_part", "a")):
        assert cache.apply(event) == []
    assert cache.conversation["a"].text == "Hello"


def test_beta_part_types_read_as_the_current_ones() -> None:
    part = {"type": "audio", "transcript": "Hola"}
    item = message("a", "assistant", content=[part], status="completed")
    cache = follow([heard("conversation.item.created", previous_item_id=None, item=item)])
    assert [part.type for part in cache.conversation["a"].content] == ["output_audio"]
    assert cache.conversation["a"].transcript == "Hola"


def test_content_indexes_stand_in_their_order() -> None:
    cache = follow([added(message("a", "assistant"))])
    cache.apply(delta("output_text", "a", "second", content_index=1))
    cache.apply(delta("output_text", "a", "first ", content_index=0))
    assert cache.conversation["a"].text == "first second"


def test_response_done_reconciles_what_was_missed() -> None:
    cache = follow([created(), output(message("a", "assistant")), delta("output_text", "a", "He")])
    whole = message("a", "assistant", "Hello")
    events = cache.apply(done(output=[whole, call("c", "{}")]))
    assert [(item.id, item.text, item.status) for item in cache.conversation] == [
        ("a", "Hello", "completed"),
        ("c", "", "completed"),
    ]
    assert names(events) == [
        "conversation.updated", "conversation.item.completed",
        "conversation.updated", "conversation.item.appended", "conversation.item.completed",
    ]  # fmt: skip
    assert cache.conversation["c"].response_id == "resp_1"


# What is told


def test_events_of_an_item_of_the_model() -> None:
    cache = follow([created()])
    assert names(cache.apply(output(message("a", "assistant")))) == [
        "conversation.updated", "conversation.item.appended",
    ]  # fmt: skip
    assert cache.apply(added(message("a", "assistant"))) == []
    whole = message("a", "assistant", "Hi")
    finishing = heard("conversation.item.done", previous_item_id=None, item=whole)
    assert names(cache.apply(finishing)) == [
        "conversation.updated", "conversation.item.completed",
    ]  # fmt: skip
    assert cache.apply(output(whole, "done")) == []
    assert cache.apply(done(output=[whole])) == []


def test_a_clients_item_is_completed_at_once_and_once() -> None:
    cache = ConversationTracker()
    item = answer("o", "call_c")
    assert names(cache.apply(added(item)))[-1] == "conversation.item.completed"
    assert cache.apply(heard("conversation.item.done", previous_item_id=None, item=item)) == []
    assert cache.conversation["o"].completed
    assert cache.conversation["o"].output == "foggy"


def test_an_item_that_was_cut_short_is_not_completed() -> None:
    cache = follow([created(), output(message("a", "assistant"))])
    cut = message("a", "assistant", "Hel", status="incomplete")
    assert "conversation.item.completed" not in names(cache.apply(output(cut, "done")))
    cache.apply(done(status="cancelled", status_details={"type": "cancelled"}, output=[cut]))
    item = cache.conversation["a"]
    assert (item.status, item.completed, item.interrupted) == ("incomplete", False, True)


def test_a_response_that_ends_takes_its_items_along() -> None:
    cache = follow([created(), output(message("a", "assistant")), delta("output_text", "a", "Hi")])
    cache.apply(done(status="failed"))
    item = cache.conversation["a"]
    assert (item.status, item.completed, item.interrupted) == ("incomplete", False, False)


def test_what_is_over_does_not_begin_again() -> None:
    cache = follow([added(message("a", "assistant", "Hi"))])
    assert cache.apply(added(message("a", "assistant"))) == []
    assert cache.conversation["a"].status == "completed"


# Order


def test_items_stand_behind_their_predecessor() -> None:
    cache = follow([added(message("a", text="1")), added(message("c", text="3"), "a")])
    cache.apply(added(message("b", text="2"), "a"))
    cache.apply(added(message("d", text="4"), "c"))
    assert ids(cache) == ["a", "b", "c", "d"]
    assert cache.conversation["b"].previous_item_id == "a"


@pytest.mark.parametrize("head", [None, "root"])
def test_null_and_root_mean_the_head(head: str | None) -> None:
    cache = follow([added(message("b", text="2")), added(message("c", text="3"), "b")])
    cache.apply(added(message("a", text="1"), head))
    assert ids(cache) == ["a", "b", "c"]


def test_null_in_a_done_event_moves_nothing() -> None:
    cache = follow([added(message("a", text="1")), added(message("b", "assistant"), "a")])
    item = message("b", "assistant", "2")
    cache.apply(heard("conversation.item.done", previous_item_id=None, item=item))
    assert ids(cache) == ["a", "b"]


def test_null_does_not_move_what_was_sent_without_a_predecessor() -> None:
    cache = follow([added(message("a", text="1"))])
    for text in ("2", "3"):
        sent = message("x", text=text)
        del sent["id"]
        cache.apply(said("conversation.item.create", item=sent), sent=True)
    cache.apply(added(message("b", text="2")))
    cache.apply(added(message("c", text="3")))
    cache.apply(added(message("z", text="4")))
    assert ids(cache) == ["z", "a", "b", "c"]


def test_what_was_sent_to_the_head_or_behind_an_item_goes_there() -> None:
    cache = follow([added(message("a", text="1")), added(message("b", text="2"), "a")])
    for id, previous in (("h", "root"), ("m", "a")):
        create = said(
            "conversation.item.create", previous_item_id=previous, item=message(id, text=id)
        )
        cache.apply(create, sent=True)
        cache.apply(added(message(id, text=id)))
    assert ids(cache) == ["h", "a", "m", "b"]


def test_a_refused_item_is_not_awaited() -> None:
    cache = follow([added(message("a", text="1"))])
    create = said("conversation.item.create", event_id="mine", item=message("b", text="2"))
    cache.apply(create, sent=True)
    cache.apply(heard("error", error={"type": "x", "message": "no", "event_id": "mine"}))
    cache.apply(added(message("b", text="2")))
    assert ids(cache) == ["b", "a"]


def test_an_answer_does_not_stand_before_its_call() -> None:
    cache = follow([added(message("a", text="1")), output(call("c", "{}"))])
    cache.apply(added(answer("o", "call_c")))
    assert ids(cache) == ["a", "c", "o"]


def test_items_that_come_too_early_find_their_place_later() -> None:
    cache = follow([added(message("b", text="2"), "a"), added(message("c", text="3"), "b")])
    cache.apply(added(message("d", text="4"), "c"))
    cache.apply(added(message("x", text="0"), "nowhere"))
    cache.apply(added(message("a", text="1"), "x"))
    assert ids(cache) == ["x", "a", "b", "c", "d"]


def test_deleted_items_do_not_come_back_by_themselves() -> None:
    cache = follow([created(), output(message("a", "assistant"))])
    view = cache.conversation["a"]
    (event,) = cache.apply(heard("conversation.item.deleted", item_id="a"))
    assert isinstance(event, ConversationUpdated)
    assert event.item is view
    assert view.deleted
    assert cache.apply(delta("output_text", "a", "Hi")) == []
    assert cache.apply(output(message("a", "assistant", "Hi"), "done")) == []
    assert cache.apply(done(output=[message("a", "assistant", "Hi")])) == []
    assert len(cache.conversation) == 0
    cache.apply(added(message("a", text="a new one")))
    assert ids(cache) == ["a"]


# What is not in the conversation

UNKNOWN: list[tuple[str, dict[str, Any]]] = [
    ("response.output_text.delta", {"delta": "x"}),
    ("response.output_text.done", {"text": "x"}),
    ("response.output_audio.delta", {"delta": "AAAA"}),
    ("response.output_audio.done", {}),
    ("response.output_audio_transcript.delta", {"delta": "x"}),
    ("response.output_audio_transcript.done", {"transcript": "x"}),
    ("response.function_call_arguments.delta", {"delta": "x"}),
    ("response.function_call_arguments.done", {"arguments": "x"}),
    ("response.mcp_call_arguments.delta", {"delta": "x"}),
    ("response.mcp_call.completed", {}),
    ("mcp_list_tools.failed", {}),
    ("response.content_part.added", {"part": {"type": "text", "text": "x"}}),
    ("conversation.item.truncated", {"audio_end_ms": 10}),
    ("conversation.item.deleted", {}),
    ("conversation.item.retrieved", {"item": message("nope", text="x")}),
    ("conversation.item.input_audio_transcription.completed", {"transcript": "x"}),
    ("conversation.item.input_audio_transcription.failed", {"error": {}}),
    ("input_audio_buffer.committed", {}),
    ("output_audio_buffer.started", {}),
    ("no.such.event", {}),
]


@pytest.mark.parametrize(("type", "fields"), UNKNOWN)
def test_an_event_about_an_unknown_item_changes_nothing(type: str, fields: dict[str, Any]) -> None:
    cache = follow([added(message("a", text="1"))])
    before = cache.conversation.snapshot()["items"]
    place = {"response_id": "resp_1", "item_id": "nope", "output_index": 0, "content_index": 0}
    assert cache.apply(heard(type, **(place | fields))) == []
    assert cache.conversation.snapshot()["items"] == before


def test_the_output_beside_the_conversation_stays_out_of_it() -> None:
    cache = follow([created("resp_2", conversation_id=None)])
    item = message("a", "assistant")
    assert cache.apply(output(item, response_id="resp_2")) == []
    assert cache.apply(delta("output_text", "a", "x", response_id="resp_2")) == []
    whole = message("a", "assistant", "x")
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    assert cache.apply(done("resp_2", conversation_id=None, output=[whole], usage=usage)) == []
    assert len(cache.conversation) == 0
    assert cache.conversation.usage.total == 7


def test_output_whose_beginning_was_not_seen_leaves_the_conversation_again() -> None:
    cache = follow([output(message("a", "assistant"), response_id="resp_2")])
    cache.apply(done("resp_2", conversation_id=None, output=[message("a", "assistant", "x")]))
    assert len(cache.conversation) == 0


def test_an_item_without_an_id_or_of_an_unknown_type() -> None:
    assert (
        ConversationTracker().apply(added({"type": "message", "role": "user", "content": []})) == []
    )
    cache = follow([added({"id": "n", "type": "novelty", "status": "completed", "size": 3})])
    item = cache.conversation["n"]
    assert (item.type, item.status, item.item.payload["size"]) == ("novelty", "completed", 3)


# Hosted tools


def test_the_course_of_a_hosted_tool() -> None:
    listing = {"id": "l", "type": "mcp_list_tools", "server_label": "docs", "tools": []}
    cache = follow([added(listing)])
    cache.apply(heard("mcp_list_tools.in_progress", item_id="l"))
    assert cache.conversation["l"].status == "in_progress"
    cache.apply(heard("mcp_list_tools.completed", item_id="l"))
    assert cache.conversation["l"].status == "completed"

    base = {"id": "m", "type": "mcp_call", "server_label": "docs", "name": "find"}
    cache.apply(output(base | {"arguments": ""}))
    cache.apply(delta("mcp_call_arguments", "m", '{"q":'))
    cache.apply(finished("mcp_call_arguments", "m", arguments='{"q":1}'))
    cache.apply(heard("response.mcp_call.in_progress", item_id="m", output_index=0))
    cache.apply(heard("response.mcp_call.completed", item_id="m", output_index=0))
    cache.apply(output(base | {"arguments": '{"q":1}', "output": "found"}, "done"))
    item = cache.conversation["m"]
    assert (item.name, item.arguments, item.output) == ("find", '{"q":1}', "found")
    assert (item.status, item.completed) == ("completed", True)


def test_a_hosted_tool_that_fails() -> None:
    item = {"id": "m", "type": "mcp_call", "server_label": "d", "name": "f", "arguments": "{}"}
    cache = follow([output(item)])
    cache.apply(heard("response.mcp_call.failed", item_id="m", output_index=0))
    error = {"type": "http_error", "code": 500, "message": "down"}
    cache.apply(output(item | {"error": error}, "done"))
    found = cache.conversation["m"]
    assert (found.status, found.completed) == ("failed", False)
    assert found.item.error.message == "down"
    assert cache.conversation.to_messages()[-1] == {
        "role": "tool", "tool_call_id": "m", "content": "down",
    }  # fmt: skip


def test_a_request_for_approval_is_an_item() -> None:
    item = {"id": "r", "type": "mcp_approval_request", "server_label": "d", "name": "f"}
    cache = follow([added(item | {"arguments": '{"a":1}'})])
    found = cache.conversation["r"]
    assert (found.name, found.arguments, found.completed) == ("f", '{"a":1}', True)


# Usage


def test_usage_adds_up_and_counts_no_response_twice() -> None:
    usage = {
        "input_tokens": 10, "output_tokens": 5, "total_tokens": 15,
        "input_token_details": {
            "text_tokens": 4, "audio_tokens": 6, "cached_tokens": 3,
            "cached_tokens_details": {"text_tokens": 1, "audio_tokens": 2},
        },
        "output_token_details": {"text_tokens": 2, "audio_tokens": 2, "reasoning_tokens": 1},
    }  # fmt: skip
    cache = follow([done("r1", usage=usage), done("r1", usage=usage), done("r2", usage=usage)])
    found = cache.conversation.usage
    assert (found.responses, found.total, found.reasoning) == (2, 30, 2)
    assert found.input == Tokens(total=20, text=8, audio=12)
    assert found.cached == Tokens(total=6, text=2, audio=4)
    assert found.output == Tokens(total=10, text=4, audio=4)


def test_usage_beside_the_response() -> None:
    usage = {"input_tokens": 7, "output_tokens": 2, "output_token_details": {"audio_tokens": 2}}
    response = {"id": "r", "status": "completed", "status_details": "unimplemented", "usage": {}}
    cache = follow([heard("response.done", response=response, usage=usage)])
    assert cache.conversation.usage.input.total == 7
    assert cache.conversation.usage.output == Tokens(total=2, audio=2)


def test_transcription_is_counted_apart() -> None:
    tokens = {"type": "tokens", "input_tokens": 9, "output_tokens": 4, "total_tokens": 13}
    details = {"input_token_details": {"audio_tokens": 8, "text_tokens": 1}}
    cache = follow([added(spoken("a")), added(spoken("b"), "a"), added(spoken("c"), "b")])
    cache.apply(transcribed("a", "x", usage={"type": "duration", "seconds": 2.5}))
    cache.apply(transcribed("a", "x", usage={"type": "duration", "seconds": 2.5}))
    cache.apply(transcribed("b", "y", usage=tokens | details))
    cache.apply(transcribed("c", "z"))
    found = cache.conversation.usage
    assert (found.responses, found.total) == (0, 0)
    assert (found.transcription.count, found.transcription.seconds) == (3, 2.5)
    assert found.transcription.input == Tokens(total=9, text=1, audio=8)
    assert found.transcription.output == Tokens(total=4)


# Other shapes


def test_messages_for_a_chat_api() -> None:
    url = "data:image/png;base64,AAAA"
    picture = [{"type": "input_text", "text": "Look"}, {"type": "input_image", "image_url": url}]
    cache = follow([added(message("s", "system", "Be brief."))])
    for item in (
        message("u", content=picture, status="completed"),
        message("a1", "assistant", "A moment."),
        call("c1", '{"city":"Oslo"}'),
        call("c2", "{}"),
        call("c3", "{}"),
        message("u2", text="Well?"),
        answer("o2", "call_c2", "dry"),
        answer("o1", "call_c1", "wet"),
        spoken("silence"),
        message("a2", "assistant", "Wet."),
    ):
        cache.apply(added(item, ids(cache)[-1]))
    function = {"name": "get_weather", "arguments": '{"city":"Oslo"}'}
    assert cache.conversation.to_messages() == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look"},
                {"type": "image_url", "image_url": {"url": url}},
            ],
        },
        {"role": "assistant", "content": "A moment."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_c1", "type": "function", "function": function},
                {
                    "id": "call_c2",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": "{}"},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "call_c1", "content": "wet"},
        {"role": "tool", "tool_call_id": "call_c2", "content": "dry"},
        {"role": "user", "content": "Well?"},
        {"role": "assistant", "content": "Wet."},
    ]


def test_the_read_face_is_a_sequence() -> None:
    cache = follow([added(message("a", text="1")), added(message("b", text="2"), "a")])
    found = cache.conversation
    assert (len(found), found[0].id, found[-1].id, found["b"].text) == (2, "a", "b", "2")
    assert found.get("x") is None
    assert "a" in found
    assert found["a"] in found
    assert "x" not in found
    assert found["a"] is found.items[0]
    with pytest.raises(KeyError):
        found["x"]


def test_a_view_tells_the_present() -> None:
    cache = follow([added(message("a", "assistant"))])
    item = cache.conversation["a"]
    cache.apply(delta("output_text", "a", "now"))
    assert item.text == "now"
    with pytest.raises(AttributeError):
        item.text = "no"


def test_a_snapshot_is_json_and_comes_back_equal() -> None:
    cache = follow([created(), added(message("u", text="Hi")), output(message("a", "assistant"))])
    cache.apply(delta("output_text", "a", "Hel"))
    cache.apply(added(call("c", '{"a":1}'), "a"))
    cache.apply(added({"id": "n", "type": "novelty", "size": 3}, "c"))
    stored = json.loads(json.dumps(cache.conversation.snapshot()))
    again = Conversation.restore(stored)
    assert again == cache.conversation
    assert again["c"].item == cache.conversation["c"].item
    assert again["n"].item == cache.conversation["n"].item
    going_on = ConversationTracker(conversation=again)
    going_on.apply(delta("output_text", "a", "lo"))
    assert again["a"].text == "Hello"
    assert again != cache.conversation


@pytest.mark.parametrize(
    "data",
    [{}, {"version": 2, "items": [], "usage": {}}, {"version": 1, "items": [{}], "usage": {}}],
)
def test_what_is_no_snapshot_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        Conversation.restore(data)


@pytest.mark.parametrize("audio", ["some", -1, True, None])
def test_how_much_audio_to_keep_has_to_make_sense(audio: Any) -> None:
    with pytest.raises(InvalidOption, match="how many seconds"):
        ConversationTracker(audio=audio)


def test_a_repr_is_short() -> None:
    cache = follow([added(message("a", text="word " * 100))])
    assert len(repr(cache.conversation["a"])) < 120
    assert repr(cache.conversation) == "<Conversation of 1 items>"
