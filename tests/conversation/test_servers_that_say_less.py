"""What a server leaves out, says twice or too early of an item is put right from the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from voxwire.conversation import Conversation, ConversationTracker
from voxwire.conversation.local_events import ConversationItemCompleted
from voxwire.protocol.codec import REALTIME
from voxwire.protocol.dialect import described
from voxwire.recording.frames import Frame, read


def tracker(**options: Any) -> ConversationTracker:
    return ConversationTracker(audio="all", **options)


def hear(cache: ConversationTracker, kind: str, **fields: Any) -> list[Any]:
    frame = json.dumps({"type": kind, "event_id": "e", **fields})
    return cache.apply(REALTIME.decode(frame.encode()))


def send(cache: ConversationTracker, kind: str, **fields: Any) -> None:
    cache.apply(REALTIME.decode_client(json.dumps({"type": kind, **fields}).encode()), sent=True)


def test_an_item_that_opens_as_incomplete_is_completed_by_its_end() -> None:
    cache = tracker()
    item = {"id": "a", "type": "message", "role": "assistant", "status": "incomplete"}
    hear(cache, "response.created", response={"id": "r", "status": "in_progress"})
    hear(cache, "response.output_item.added", response_id="r", item={**item, "content": []})
    hear(cache, "conversation.item.created", item={**item, "content": []})
    spoken = {**item, "status": "completed", "content": [{"type": "audio", "transcript": "Hi."}]}
    told = hear(cache, "response.output_item.done", response_id="r", item=spoken)
    assert [type(event) for event in told].count(ConversationItemCompleted) == 1
    assert (cache.conversation["a"].status, cache.conversation["a"].transcript) == (
        "completed", "Hi.",
    )  # fmt: skip


def test_an_item_that_was_interrupted_stays_incomplete() -> None:
    cache = tracker()
    item = {"id": "a", "type": "message", "role": "assistant", "content": []}
    hear(cache, "response.created", response={"id": "r", "status": "in_progress"})
    hear(cache, "conversation.item.added", item={**item, "status": "in_progress"})
    hear(cache, "response.output_item.added", response_id="r", item=item)
    hear(cache, "response.done", response={"id": "r", "status": "cancelled", "output": []})
    hear(cache, "conversation.item.done", item={**item, "status": "completed"})
    assert (cache.conversation["a"].status, cache.conversation["a"].interrupted) == (
        "incomplete", True,
    )  # fmt: skip


def spoken(cache: ConversationTracker, status: str = "completed") -> None:
    content = [{"type": "input_audio", "transcript": ""}]
    item = {"id": "u", "type": "message", "role": "user", "status": status, "content": content}
    hear(cache, "conversation.item.added", item=item)


def transcript(cache: ConversationTracker, words: str, **more: Any) -> list[Any]:
    kind = "conversation.item.input_audio_transcription.completed"
    return hear(cache, kind, item_id="u", content_index=0, transcript=words, **more)


@pytest.mark.parametrize("early_first", [True, False])
def test_an_early_state_of_a_transcript_does_not_replace_the_final_one(early_first: bool) -> None:
    cache = tracker()
    spoken(cache)
    early = [("Hello", "in_progress"), ("Hello, my", "in_progress")]
    final = [("Hello, my name is Ann.", "completed")]
    for words, status in early + final if early_first else final + early:
        transcript(cache, words, status=status)
        if early_first:
            assert cache.conversation["u"].transcript == words
    assert cache.conversation["u"].transcript == "Hello, my name is Ann."


def test_a_later_final_transcript_counts() -> None:
    cache = tracker()
    spoken(cache)
    transcript(cache, "Hello")
    transcript(cache, "Hello there")
    assert cache.conversation["u"].transcript == "Hello there"


@pytest.mark.parametrize("told", ["turn detection is off", "a commit is on its way"])
def test_speech_events_do_not_cut_a_turn_that_is_committed_by_hand(told: str) -> None:
    cache = tracker()
    if told == "turn detection is off":
        session = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        hear(cache, "session.updated", session=session)
    audio = bytes(range(256)) * 1000
    cache.append_audio(audio)
    send(cache, "input_audio_buffer.commit", event_id="c")
    hear(cache, "input_audio_buffer.speech_started", item_id="u", audio_start_ms=321)
    hear(cache, "input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=410)
    hear(cache, "input_audio_buffer.committed", item_id="u")
    spoken(cache)
    assert cache.conversation["u"].audio == audio
    assert cache.appended.taken == len(audio)


def test_what_a_client_sent_is_kept_where_the_server_does_not_show_it() -> None:
    cache = tracker()
    image = "data:image/png;base64,AAAA"
    content: list[dict[str, Any]] = [{"type": "input_image", "image_url": image}]
    item = {"id": "i", "type": "message", "role": "user", "content": content}
    send(cache, "conversation.item.create", item=item)
    shown = [{"type": "input_image", "image_url": None, "detail": "auto"}]
    for kind in ("conversation.item.added", "conversation.item.done"):
        hear(cache, kind, item={**item, "status": "completed", "content": shown})
    part: Any = cache.conversation["i"].content[0].part
    assert (part.image_url, part.detail) == (image, "auto")
    [message] = cache.conversation.to_messages()
    assert message["content"][0]["image_url"]["url"] == image
    creates, left_out, _ = cache.removal.items()
    again: Any = creates[0].item
    assert (again.content[0].image_url, left_out) == (image, [])
    kept = Conversation.restore(cache.conversation.snapshot())
    assert kept.to_messages() == cache.conversation.to_messages()


def test_the_arguments_of_a_call_that_a_client_added_are_kept() -> None:
    cache = tracker()
    call = {"id": "f", "type": "function_call", "call_id": "c", "name": "look_up"}
    send(cache, "conversation.item.create", item={**call, "arguments": '{"a":1}'})
    for kind in ("conversation.item.added", "conversation.item.done"):
        hear(cache, kind, item={**call, "status": "completed", "arguments": ""})
    assert cache.conversation["f"].arguments == '{"a":1}'


def test_a_user_item_that_stays_in_progress_is_completed_by_its_transcript() -> None:
    cache = tracker()
    spoken(cache, "in_progress")
    assert cache.conversation["u"].status == "in_progress"
    told = transcript(cache, "Hello.")
    assert [type(event) for event in told].count(ConversationItemCompleted) == 1
    assert cache.conversation["u"].status == "completed"


@pytest.mark.parametrize("event", ["committed", "transcribed"])
def test_what_ends_a_turn_may_be_ahead_of_its_item(event: str) -> None:
    cache = tracker()
    cache.append_audio(bytes(96_000))
    if event == "committed":  # by turn detection
        hear(cache, "input_audio_buffer.speech_started", item_id="u", audio_start_ms=100)
        hear(cache, "input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=900)
        hear(cache, "input_audio_buffer.committed", item_id="u")
    else:
        transcript(cache, "Hello.")
    content = [{"type": "input_audio", "transcript": None}]
    item = {"id": "u", "type": "message", "role": "user", "status": "in_progress"}
    told = hear(cache, "conversation.item.added", item={**item, "content": content})
    assert [type(event) for event in told].count(ConversationItemCompleted) == 1
    assert cache.conversation["u"].status == "completed"
    told = hear(cache, "input_audio_buffer.committed", item_id="u")
    assert ConversationItemCompleted not in map(type, told)


def test_a_turn_in_progress_is_not_completed_by_the_beginning_of_speech() -> None:
    cache = tracker()
    cache.append_audio(bytes(96_000))
    hear(cache, "input_audio_buffer.speech_started", item_id="u", audio_start_ms=100)
    spoken(cache, "in_progress")
    hear(cache, "input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=900)
    assert cache.conversation["u"].status == "in_progress"


def test_a_user_item_without_transcription_is_completed_by_its_commit() -> None:
    cache = tracker()
    cache.append_audio(bytes(9600))
    send(cache, "input_audio_buffer.commit", event_id="c")
    spoken(cache, "in_progress")
    told = hear(cache, "input_audio_buffer.committed", item_id="u")
    assert [type(event) for event in told].count(ConversationItemCompleted) == 1


@pytest.mark.parametrize("id", [None, "o"])
@pytest.mark.parametrize("less", [None, ""])
def test_words_and_outputs_that_a_server_does_not_show_are_kept(
    id: str | None, less: str | None
) -> None:
    cache = tracker()
    named = {} if id is None else {"id": id}
    output = {"type": "function_call_output", "call_id": "c", "output": "foggy"}
    send(cache, "conversation.item.create", item={**named, **output})
    for kind in ("conversation.item.added", "conversation.item.done"):
        hear(cache, kind, item={"id": "o", **output, "output": less})
    assert cache.conversation["o"].output == "foggy"
    said = {"type": "message", "role": "user"}
    words = [{"type": "input_text", "text": "How is the weather?"}]
    send(cache, "conversation.item.create", item={**said, "content": words})
    shown = {"id": "m", **said, "content": [{"type": "input_text", "text": less}]}
    for kind in ("conversation.item.added", "conversation.item.done"):
        hear(cache, kind, item={**shown, "status": "completed"})
    assert cache.conversation["m"].text == "How is the weather?"


def test_what_a_server_makes_of_the_words_of_a_client_counts() -> None:
    cache = tracker()
    item = {"id": "m", "type": "message", "role": "user"}
    send(
        cache,
        "conversation.item.create",
        item={**item, "content": [{"type": "input_text", "text": "a"}]},
    )
    content = [{"type": "input_text", "text": "b"}]
    hear(cache, "conversation.item.created", item={**item, "content": content})
    assert cache.conversation["m"].text == "b"


def test_a_transcript_that_a_truncation_took_away_does_not_come_back() -> None:
    cache = tracker()
    content = [{"type": "output_audio", "transcript": "Good morning to you."}]
    item = {"id": "a", "type": "message", "role": "assistant", "status": "completed"}
    hear(cache, "conversation.item.done", item={**item, "content": content})
    cut = {"item_id": "a", "content_index": 0, "audio_end_ms": 300}
    hear(cache, "conversation.item.truncated", **cut)
    content = [{"type": "output_audio", "transcript": None}]
    hear(cache, "conversation.item.retrieved", item={**item, "content": content})
    view = cache.conversation["a"]
    assert (view.transcript, view.item.content[0].transcript) == ("", None)
    assert (view.interrupted, view.content[0].interrupted) == (True, True)
    assert view.formatted["interrupted"] is True
    assert "interrupted" in repr(view)
    assert "interrupted" in repr(view.content[0])


XAI: dict[str, Any] = {
    "modalities": ["audio"],
    "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}},
}
"""The settings beside the turn detection, as xAI has them."""


def test_turn_detection_is_found_where_xai_says_it() -> None:
    cache = tracker()
    hear(cache, "session.created", session={"model": "grok", "turn_detection": {"type": None}})
    assert cache.appended.turn_detection is False
    detection = {"type": "server_vad"}
    hear(cache, "session.updated", session={**XAI, "turn_detection": detection})
    assert cache.appended.turn_detection is True


@pytest.mark.parametrize("refused", [True, False])
def test_turn_detection_that_the_answer_leaves_out_is_what_the_client_asked_for(
    refused: bool,
) -> None:
    cache = tracker()
    hear(cache, "session.updated", session={**XAI, "turn_detection": {"type": "server_vad"}})
    session = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    send(cache, "session.update", event_id="e1", session=session)
    assert cache.appended.turn_detection is True
    if refused:
        hear(cache, "error", error={"type": "invalid_request_error", "event_id": "e1"})
    hear(cache, "session.updated", session=XAI)
    assert cache.appended.turn_detection is refused


def test_an_idle_timeout_is_known_after_it_was_stored() -> None:
    cache = tracker()
    cache.append_audio(bytes(96_000))
    event = {"audio_start_ms": 500, "audio_end_ms": 1500, "item_id": "u"}
    hear(cache, "input_audio_buffer.timeout_triggered", **event)
    hear(cache, "input_audio_buffer.committed", item_id="u")
    spoken(cache)
    kept = Conversation.restore(cache.conversation.snapshot())
    assert (kept["u"].idle_timeout, kept["u"].audio_ms) == (True, 1000)


def test_an_empty_text_at_the_end_does_not_erase_what_was_written() -> None:
    cache = tracker()
    item = {"id": "a", "type": "message", "role": "assistant", "content": []}
    hear(cache, "conversation.item.created", item={**item, "status": "in_progress"})
    place = {"response_id": "r", "item_id": "a", "output_index": 0, "content_index": 0}
    hear(cache, "response.output_text.done", text="A kiwi.", **place)
    hear(cache, "response.content_part.done", part={"type": "text", "text": ""}, **place)
    assert cache.conversation["a"].text == "A kiwi."


# -- as recorded -----------------------------------------------------------------------------------


def recorded(folder: Path, name: str) -> ConversationTracker:
    path = folder / "more" / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"no {path}")
    cache = tracker()
    for entry in read(path):
        if isinstance(entry, Frame):
            decode = REALTIME.decode_client if entry.dir == "c2s" else REALTIME.decode
            cache.apply(decode(entry.data), sent=entry.dir == "c2s")
    return cache


def test_a_cascade_behind_voice_live_as_recorded(recordings_dir: Path) -> None:
    name = "azure_voice_live_ws__cascade_model_speaks_with_azure_voice"
    user, model = recorded(recordings_dir, name).conversation
    assert (user.status, model.status, model.transcript) == (
        "completed", "completed", "Hello there!",
    )  # fmt: skip


def test_an_image_behind_voice_live_as_recorded(recordings_dir: Path) -> None:
    cache = recorded(recordings_dir, "azure_voice_live_ws__image_input")
    image: Any = cache.conversation[0].content[0].part
    assert image.image_url.startswith("data:image/jpeg;base64,")
    assert cache.conversation[2].text.startswith("That")


def test_push_to_talk_on_xai_as_recorded(recordings_dir: Path) -> None:
    name = "xai_ws__push_to_talk_create_response_after_the_commit_reply"
    cache = recorded(recordings_dir, name)
    [user, _] = cache.conversation
    assert user.transcript == "Hello, my name is Marcelo."
    assert user.status == "completed"
    assert cache.appended.taken == cache.appended.total
    assert user.audio_ms == cache.appended.ms(cache.appended.total)


def test_an_idle_nudge_as_recorded(recordings_dir: Path) -> None:
    cache = recorded(recordings_dir, "openai_ws__idle_timeout_nudge_is_not_a_user_turn")
    nudges = [item for item in cache.conversation if item.idle_timeout]
    # The audio of the recording is shortened: its length is what the server says.
    assert [(item.role, item.audio_ms) for item in nudges] == [("user", 5792 - 672)]
    assert nudges[0].transcript == ""


def test_the_session_of_a_flat_server_is_read_in_the_current_format(recordings_dir: Path) -> None:
    path = recordings_dir / "more" / "azure_voice_live_ws__image_input.jsonl"
    if not path.exists():
        pytest.skip(f"no {path}")
    frames = [entry for entry in read(path) if isinstance(entry, Frame)]
    session = described(REALTIME.decode(frames[0].data))
    assert session.audio.output.voice
