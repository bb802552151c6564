"""What a server can repeat a hundred thousand times takes neither memory nor time without bound."""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from voxwire.protocol.codec import REALTIME
from voxwire.session.core import Core
from voxwire.session.responses.matcher import MOST_RUNNING
from voxwire.tools.toolset import ToolSet

MANY = 100_000

Make = Callable[[int], list[dict[str, Any]]]


def look_up(name: str = "") -> str:
    """Look it up."""
    return name


def _call(number: int) -> dict[str, Any]:
    return {
        "id": f"i{number}", "type": "function_call", "name": "look_up", "call_id": f"c{number}",
        "arguments": "{}", "status": "completed",
    }  # fmt: skip


KINDS: dict[str, Make] = {
    "responses that never end": lambda n: [
        {"type": "response.created", "response": {"id": f"r{n}", "status": "in_progress"}}
    ],
    "responses that only end": lambda n: [
        {"type": "response.done", "response": {"id": f"r{n}", "status": "completed", "output": []}}
    ],
    "drafts of calls": lambda n: [
        {
            "type": "response.output_item.added", "response_id": "r", "output_index": n,
            "item": {**_call(n), "status": "in_progress"},
        }
    ],
    "arguments of calls": lambda n: [
        {
            "type": "response.function_call_arguments.done", "response_id": "r", "output_index": 0,
            "item_id": f"i{n}", "call_id": f"c{n}", "arguments": "{}",
        }
    ],
    "listed calls": lambda n: [{"type": "conversation.item.added", "item": _call(n)}],
    "calls to run": lambda n: [
        {
            "type": "response.output_item.done", "response_id": "r", "output_index": n,
            "item": _call(n),
        }
    ],
    "items": lambda n: [
        {
            "type": "conversation.item.added",
            "item": {"id": f"i{n}", "type": "message", "role": "assistant", "content": []},
        }
    ],
    "content indices": lambda n: [
        {
            "type": "response.output_text.delta", "response_id": "r", "item_id": "a",
            "output_index": 0, "content_index": n, "delta": "x",
        }
    ],
    "transcripts of items that never come": lambda n: [
        {
            "type": "conversation.item.input_audio_transcription.delta", "item_id": f"i{n}",
            "content_index": 0, "delta": "x",
        }
    ],
    "speech that never becomes an item": lambda n: [
        {"type": "input_audio_buffer.speech_started", "item_id": f"i{n}", "audio_start_ms": n}
    ],
    "errors": lambda n: [{"type": "error", "error": {"message": "no", "event_id": f"e{n}"}}],
    "unknown events": lambda n: [{"type": f"vendor.{n}", "data": n}],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_thousand_times(kind: str) -> None:
    core = Core(tools=ToolSet([look_up]), items=1000)
    core.received(b'{"type":"response.created","event_id":"e","response":{"id":"r"}}')
    core.received(
        b'{"type":"conversation.item.added","event_id":"e","item":'
        b'{"id":"a","type":"message","role":"assistant","content":[]}}'
    )

    def feed(first: int, last: int) -> float:
        frames = [
            json.dumps({"event_id": "e", **event}).encode()
            for number in range(first, last)
            for event in KINDS[kind](number)
        ]
        began = time.process_time()
        for frame in frames:
            core.received(frame)
            core.outbox.clear()
        return time.process_time() - began

    feed(0, 1000)
    early = feed(1000, 11_000)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    feed(11_000, 21_000)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    late = feed(21_000, MANY)
    # Nothing is kept of ten thousand more but what its bound allows; of a response that ended, the
    # line on the bill.
    assert after - before < (6_000_000 if kind == "responses that only end" else 2_000_000)
    # In proportion, with room for a noisy machine: quadratic would be eighty times as much.
    assert late < early * 8 * 6 + 1.0


def test_a_response_that_this_side_asked_for_is_not_forgotten() -> None:
    core = Core()
    turn = core.respond(REALTIME.event({"type": "response.create"}))  # type: ignore[arg-type]
    for number in range(2 * MOST_RUNNING):
        core.received(
            json.dumps({"type": "response.created", "event_id": "e", "response": {
                "id": f"r{number}", "metadata": {"other": "x"}}}).encode()
        )  # fmt: skip
    assert not turn.done
    assert len(core.responses._floor.turns) <= MOST_RUNNING + 1
