"""What a program holds of a response and of what it sent: to await, and to read as it comes."""

from __future__ import annotations

import asyncio
import base64
import copy
import gc
import json
import pickle
from collections.abc import AsyncIterator
from typing import Any

import pytest
from responding import Desk
from voxwire_protocol import ResponseCreate

from voxwire.errors import (
    ConnectionClosedError,
    QueueOverflow,
    ServerError,
    WaitTimeout,
)
from voxwire.protocol.codec import REALTIME
from voxwire.session.acknowledgements import Acknowledgements
from voxwire.session.response import Response, SendReceipt
from voxwire.session.responses import state as turns
from voxwire.session.responses.state import ResponseState
from voxwire.tools.runner import output_text


class Held(Desk):
    """A desk with one response that was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = self.ask()
        self.turn.keep_audio = True
        self.response = self.handle(self.turn)

    def handle(self, turn: ResponseState) -> Response:
        async def cancel(turn: ResponseState) -> None:
            self.cancel(turn)

        async def abandon(turn: ResponseState) -> None:
            self._send(self.responses.abandon(turn))

        return Response(turn, cancel, abandon)

    def begin(self) -> None:
        self.created("r1", self.creates[0])

    def audio(self, *pieces: bytes) -> None:
        for piece in pieces:
            delta = base64.b64encode(piece).decode()
            self.says("response.output_audio.delta", response_id="r1", item_id="i", delta=delta)

    def words(self, *pieces: str) -> None:
        for piece in pieces:
            self.text("r1", piece)


@pytest.fixture
def held() -> Held:
    return Held()


async def all_of(pieces: Any) -> list[Any]:
    return [piece async for piece in pieces]


async def settle() -> None:
    """Let whatever can run, run."""
    for _ in range(5):
        await asyncio.sleep(0)


def readers(turn: ResponseState) -> int:
    return len(turn._readers)


# -- reading as it comes --------------------------------------------------------------------------


async def test_several_readers_each_read_all_from_the_start_to_the_end(held: Held) -> None:
    early = asyncio.create_task(all_of(held.response.text))
    await settle()
    held.begin()
    held.words("a", "b")
    middle = asyncio.create_task(all_of(held.response.text))
    await settle()
    held.words("c")
    await settle()
    held.done("r1")
    assert await early == await middle == ["a", "b", "c"]
    assert await all_of(held.response.text) == ["a", "b", "c"]  # and after the end
    assert readers(held.turn) == 0


async def test_a_reader_gets_each_piece_when_it_comes(held: Held) -> None:
    held.begin()
    pieces = aiter(held.response.text)
    held.words("a")
    assert await anext(pieces) == "a"
    waiting = asyncio.ensure_future(anext(pieces))
    await settle()
    assert not waiting.done()
    held.words("b")
    assert await waiting == "b"
    held.done("r1")
    with pytest.raises(StopAsyncIteration):
        await anext(pieces)


async def test_who_leaves_early_is_forgotten(held: Held) -> None:
    held.begin()
    held.words("a", "b")
    held.audio(b"12")
    for pieces in (held.response.text, held.response.audio, held.response.stream()):
        iterator: Any = aiter(pieces)
        await anext(iterator)
        assert readers(held.turn) == 1
        await iterator.aclose()
        assert readers(held.turn) == 0
    async for _ in held.response.audio:
        break
    gc.collect()
    await settle()
    assert readers(held.turn) == 0
    held.words("c")
    held.done("r1")
    assert await all_of(held.response.text) == ["a", "b", "c"]


async def test_a_reader_that_is_cancelled_is_forgotten(held: Held) -> None:
    held.begin()
    for waiting in (all_of(held.response.text), all_of(held.response.audio), _await(held)):
        task = asyncio.create_task(waiting)
        await settle()
        assert readers(held.turn) == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert readers(held.turn) == 0


async def _await(held: Held) -> Response:
    return await held.response


async def test_what_was_said_is_a_text_up_to_now(held: Held) -> None:
    held.begin()
    held.words("Hel")
    first = held.response.text
    held.words("lo")
    assert (first, held.response.text) == ("Hel", "Hello")
    assert await _then_done(held, first) == ["Hel", "lo"]


async def _then_done(held: Held, pieces: Any) -> list[str]:
    held.done("r1")
    return await all_of(pieces)


async def test_text_and_speech_are_read_apart_and_together(held: Held) -> None:
    held.begin()
    held.words("text")
    kind = "response.output_audio_transcript.delta"
    held.says(kind, response_id="r1", item_id="i2", delta="speech")
    held.done("r1")
    assert (held.response.text, held.response.transcript) == ("text\nspeech", "speech")
    assert await all_of(held.response.text) == ["text", "\n", "speech"]
    assert await all_of(held.response.transcript) == ["speech"]
    assert await all_of(held.response.stream()) == ["text", "\n", "speech"]


def test_a_text_can_be_sent_stored_and_copied(held: Held) -> None:
    held.begin()
    held.words("Hello")
    held.done("r1")
    text = held.response.text
    frame = REALTIME.encode({"type": "response.create", "response": {"instructions": text}})
    assert json.loads(frame)["response"]["instructions"] == "Hello"
    assert output_text(text) == "Hello"
    assert output_text({"said": text}) == '{"said":"Hello"}'
    for copied in (pickle.loads(pickle.dumps(text)), copy.copy(text), copy.deepcopy([text])[0]):
        assert copied == "Hello"


async def test_readers_follow_a_response_that_turned_out_to_be_anothers(held: Held) -> None:
    reading = asyncio.create_task(all_of(held.response.text))
    listening = asyncio.create_task(all_of(held.response.audio))
    held.created("vad")
    held.text("vad", "not")
    held.text("vad", "yours")
    held.audio(b"no")
    await settle()
    held.error(of=held.creates[0])
    await settle()
    held.done("vad")
    held.created("r1", held.creates[1])
    held.words("yours")
    held.audio(b"ok")
    held.done("r1")
    assert (await reading)[-1] == "yours"
    assert (await listening)[-1] == b"ok"
    assert held.response.text == "yours"
    assert held.response.id == "r1"


# -- audio ----------------------------------------------------------------------------------------


async def test_audio_is_read_as_bytes(held: Held) -> None:
    held.begin()
    held.audio(b"12", b"34")
    held.says("response.output_audio.delta", response_id="r1", item_id="i", delta=5)
    held.says("response.output_audio.delta", response_id="r1", item_id="i", delta="not base64!")
    held.done("r1")
    pieces = await all_of(held.response.audio)
    assert pieces[:2] == [b"12", b"34"]
    assert all(isinstance(piece, bytes) for piece in pieces)


async def test_a_reader_who_keeps_up_gets_more_than_is_kept(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "MAX_AUDIO", 8)  # two pieces of base64
    held.begin()
    pieces = aiter(held.response.audio)
    for number in range(20):
        held.audio(b"%03d" % number)
        assert await anext(pieces) == b"%03d" % number
    assert len(held.turn.audio) == 2


async def test_who_comes_too_late_for_the_first_audio_is_told_how_much_is_gone(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "MAX_AUDIO", 8)
    held.begin()
    slow = aiter(held.response.audio)
    held.audio(b"000")
    assert await anext(slow) == b"000"
    held.audio(*(b"%03d" % number for number in range(1, 5)))
    with pytest.raises(QueueOverflow) as caught:
        await anext(slow)
    assert caught.value.dropped == 2
    with pytest.raises(QueueOverflow) as caught:
        await all_of(held.response.audio)
    assert caught.value.dropped == 3
    assert readers(held.turn) == 0


async def test_one_piece_is_kept_however_long_it_is(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "MAX_AUDIO", 8)
    held.begin()
    held.audio(bytes(100))
    held.done("r1")
    assert await all_of(held.response.audio) == [bytes(100)]


async def test_no_audio_is_kept_for_a_response_that_nobody_asked_for(held: Held) -> None:
    held.begin()
    held.done("r1")
    held.created("vad")
    held.says("response.output_audio.delta", response_id="vad", item_id="i", delta="QUJD")
    current = held.responses.current
    assert current is not None
    assert current.audio == []


# -- the end --------------------------------------------------------------------------------------


async def test_awaiting_gives_the_response_itself_as_often_as_one_likes(held: Held) -> None:
    waiting = [asyncio.create_task(_await(held)) for _ in range(3)]
    await settle()
    held.begin()
    assert (held.response.status, held.response.done) == ("in_progress", False)
    held.done("r1", usage={"total_tokens": 3, "input_tokens": 1, "output_tokens": 2})
    assert await asyncio.gather(*waiting) == [held.response] * 3
    assert await held.response is held.response
    assert (held.response.status, held.response.done) == ("completed", True)
    assert held.response.usage is not None
    assert held.response.usage.total_tokens == 3


@pytest.mark.parametrize("status", ["failed", "cancelled", "incomplete"])
async def test_a_response_that_ends_otherwise_raises_nothing(held: Held, status: str) -> None:
    held.begin()
    held.done("r1", status)
    assert (await held.response).status == status
    assert await all_of(held.response.text) == []


@pytest.mark.parametrize("refused", [True, False])
async def test_what_ends_with_an_error_raises_it_after_what_came(held: Held, refused: bool) -> None:
    heard: list[str] = []

    async def read(pieces: AsyncIterator[Any]) -> None:
        async for piece in pieces:
            heard.append(piece)

    tasks = [
        asyncio.create_task(read(aiter(held.response.text))),
        asyncio.create_task(read(aiter(held.response.stream()))),
        asyncio.create_task(read(aiter(held.response.audio))),
        asyncio.create_task(_await(held)),
    ]
    await settle()
    expected: type[Exception] = ServerError
    if refused:
        held.error("invalid_value", of=held.creates[0])
    else:
        held.begin()
        held.words("a")
        held.audio(b"b")
        held.responses.close(ConnectionClosedError(1006))
        expected = ConnectionClosedError
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, expected)
    assert len(heard) == (0 if refused else 3)
    with pytest.raises(expected):
        await held.response
    with pytest.raises(expected):
        await all_of(held.response.text)
    assert held.response.status == "failed"


async def test_a_response_is_cancelled_through_its_handle(held: Held) -> None:
    held.begin()
    await held.response.cancel()
    await held.response.cancel()
    assert held.cancels == ["r1"]
    held.done("r1", "cancelled")
    assert (await held.response).status == "cancelled"


def test_a_handle_tells_its_id_calls_and_state(held: Held) -> None:
    assert held.response.id is None
    assert repr(held.response) == "<voxwire.Response (no id yet) queued>"
    assert (held.response.usage, held.response.calls) == (None, [])
    held.begin()
    assert held.response.id == "r1"
    call = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"}
    held.done("r1", output=[call, {"type": "message", "role": "assistant", "content": []}, 5])
    assert [call.name for call in held.response.calls] == ["f"]
    assert [response.id for response in held.response.responses] == ["r1"]
    assert repr(held.response) == "<voxwire.Response r1 completed>"


# -- receipts -------------------------------------------------------------------------------------


def receipt(acks: Acknowledgements, kind: str, **fields: Any) -> SendReceipt:
    return SendReceipt(acks.sent(REALTIME.event({"type": kind, **fields})))


def hears(acks: Acknowledgements, kind: str, **fields: Any) -> None:
    acks.apply(REALTIME.decode(json.dumps({"type": kind, "event_id": "e", **fields}).encode()))


async def test_a_receipt_waits_for_its_answer() -> None:
    acks = Acknowledgements()
    sent = receipt(acks, "input_audio_buffer.clear", event_id="one")
    assert sent.event_id == "one"
    waiting = [asyncio.create_task(sent.acknowledged()) for _ in range(2)]
    await settle()
    hears(acks, "input_audio_buffer.cleared")
    first, second = await asyncio.gather(*waiting)
    assert first is second is await sent.acknowledged(timeout=0)
    assert repr(sent) == "<voxwire.Receipt InputAudioBufferClear one>"


async def test_a_receipt_of_what_is_never_acknowledged_does_not_wait() -> None:
    sent = receipt(Acknowledgements(), "input_audio_buffer.append", audio="QUJD")
    assert await sent.acknowledged() is None


async def test_a_refusal_is_raised_to_all_who_wait() -> None:
    acks = Acknowledgements()
    sent = receipt(acks, "input_audio_buffer.commit", event_id="one")
    waiting = asyncio.create_task(sent.acknowledged())
    await settle()
    hears(acks, "error", error={"code": "empty", "message": "no", "event_id": "one"})
    for wait in (waiting, sent.acknowledged()):
        with pytest.raises(ServerError, match="empty: no"):
            await wait


async def test_the_end_of_the_connection_is_raised_to_who_waits() -> None:
    acks = Acknowledgements()
    sent = receipt(acks, "input_audio_buffer.commit")
    acks.close(ConnectionClosedError(1001, "over"))
    with pytest.raises(ConnectionClosedError, match="1001: over"):
        await sent.acknowledged()


async def test_a_wait_that_times_out_says_for_what_and_leaves_nothing_behind() -> None:
    acks = Acknowledgements()
    sent = receipt(acks, "session.update", session={"type": "realtime"})
    with pytest.raises(WaitTimeout, match=r"no answer to SessionUpdate within 0\.001 s"):
        await sent.acknowledged(timeout=0.001)
    assert sent._sent._wake == []
    hears(acks, "session.updated", session={"type": "realtime"})
    assert await sent.acknowledged(timeout=0) is not None


async def test_an_answer_in_the_moment_of_the_timeout_counts() -> None:
    acks = Acknowledgements()
    sent = receipt(acks, "input_audio_buffer.clear")
    waiting = asyncio.create_task(sent.acknowledged(timeout=0))
    await asyncio.sleep(0)  # it waits, and its time is over
    hears(acks, "input_audio_buffer.cleared")
    assert await waiting is not None


def test_a_receipt_of_an_event_without_an_id() -> None:
    assert SendReceipt(Acknowledgements().sent(ResponseCreate())).event_id is None
