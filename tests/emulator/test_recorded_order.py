"""The client's side of recordings of the live service: the same events come back, in order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bench import Bench, append

from voxwire.emulator import Script
from voxwire.emulator.responder import Call, Reply
from voxwire.emulator.speech_synthesis import tone
from voxwire.recording.frames import Frame, read

LIVE = ["openai_ws__*", "openai_ws_sideband__*", "azure_ws__*", "gateway_ws__*"]


def recorded(folder: Path) -> list[Path]:
    return sorted(path for pattern in LIVE for path in folder.glob(f"{pattern}.jsonl"))


def script_of(frames: list[Frame]) -> Script:
    """A script that answers as the recorded model did."""
    replies: list[Reply] = []
    script = Script(lambda turn: replies.pop(0))
    for frame in frames:
        event: Any = frame.event
        match frame.type:
            case "response.done":
                text, calls = "", []
                for item in event["response"]["output"]:
                    if item["type"] == "function_call":
                        calls.append(Call(item["name"], item["arguments"], item["call_id"]))
                    for part in item.get("content", []):
                        text += part.get("text") or part.get("transcript") or ""
                replies.append(Reply(text=text, calls=calls))
            case "conversation.item.input_audio_transcription.completed":
                script.hear(event["transcript"])
            case _:
                pass
    return script


def names(events: list[Any]) -> list[str]:
    """The names in order. Pieces come as many as there are, and those of different streams mix:
    each stream of pieces counts once, where it begins."""
    found: list[str] = []
    streaming: set[str] = set()
    for event in events:
        name = event["type"] if isinstance(event, dict) else event.type
        if name.endswith(".delta"):
            if name in streaming:
                continue
            streaming.add(name)
        else:
            streaming.discard(re.sub(r"\.(done|completed)$", ".delta", name))
        found.append(name)
    return found


def test_same_events_as_the_live_service(recordings_dir: Path) -> None:
    assert len(recorded(recordings_dir)) == 7
    for path in recorded(recordings_dir):
        frames = [entry for entry in read(path) if isinstance(entry, Frame)]
        expected = [frame.event for frame in frames if frame.dir == "s2c"]
        bench = Bench(script_of(frames))
        if frames[0].type == "session.created":
            bench.machine.open()
        # The authors of the recording cut its sound short: half of it is speech here.
        appends = sum(frame.type == "input_audio_buffer.append" for frame in frames)
        sound = bytes(48 * 1460) + tone("Hello, my name is Marcelo, good day to you all.")
        sound += bytes(4800 * appends - len(sound)) if appends else b""
        got: list[Any] = []
        queue: list[Any] = []
        number = 0
        for frame in frames:
            if frame.dir == "s2c":
                queue += bench.take()
                while not queue and bench.stage.timeline.step():
                    queue += bench.take()
                got += queue[:1]
                del queue[:1]
            elif frame.type == "input_audio_buffer.append":
                bench.send(append(sound[number * 4800 : (number + 1) * 4800]))
                number += 1
            else:
                bench.send(frame.event)
        got += queue + bench.run()
        assert names(got) == names(expected), path.name


def test_items_are_placed_as_by_the_live_service(recordings_dir: Path) -> None:
    """Also where the live service is odd: what it says when the second item is done."""
    path = recordings_dir / "openai_ws__tool_call_round.jsonl"
    frames = [entry for entry in read(path) if isinstance(entry, Frame)]
    bench = Bench(script_of(frames))
    got: list[Any] = []
    for frame in frames:
        if frame.dir == "c2s":
            got += bench.run(frame.event)

    def places(events: list[Any]) -> list[tuple[str, int | None]]:
        order: list[str] = []
        found: list[tuple[str, int | None]] = []
        for event in events:
            if event["type"] == "conversation.item.added":
                order.append(event["item"]["id"])
            if event["type"].startswith("conversation.item."):
                before = event["previous_item_id"]
                found.append((event["type"], None if before is None else order.index(before)))
        return sorted(found, key=str)

    expected = [frame.event for frame in frames if frame.dir == "s2c"]
    assert places([event.to_dict() for event in got]) == places(expected)
