"""The fault matrix of recorded conversations: each cut at every frame, and continued.

Played without sockets, as ``renewing`` plays it: what a session knows, a line that breaks, and a
server that goes on in the words of the recording. What is compared is the end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import attrs
from voxwire_protocol import ConversationItemCreate, ResponseCreate

from voxwire.errors import VoxwireError
from voxwire.recording.frames import Frame, read, sessions
from voxwire.session.core import Core
from voxwire.session.local_events import ConnectionClosed
from voxwire.session.reconnect.restorer import Restorer
from voxwire.tools.toolset import ToolSet

from .continuing import Astray, Script, Server

__all__ = [
    "LEFT_OUT",
    "UNDECIDED",
    "Ended",
    "Place",
    "Recorded",
    "differences",
    "folder",
    "places",
    "play",
    "recorded",
]

Place = tuple[Literal["c2s", "s2c"], int]
"""A direction, and after how many of its frames the line breaks."""

LEFT_OUT = {
    "vercel_ai_speech_translation": "a translation has no conversation",
    "spec_examples": "single events, no session",
    "liusida_dictionary_console_log": "begins in a response: what was asked is not known",
    "openai_ws_sideband__webrtc_sideband_text_turn": "the call holds the conversation",
    "server_aimock_beta": "is refused when it opens, four times",
    "server_aimock 4": "mistakes and the answers to them, no conversation",
    "server_hf_speech_to_speech 4": "mistakes and the answers to them, no conversation",
    "server_hf_speech_to_speech 5": "the settings are refused, so that none can be told again",
}
"""What cannot be continued, and why: recordings, or one session of them by its number."""

UNDECIDED: dict[tuple[str, Place], str] = {
    ("xai_ws__tool_call_round 1", ("s2c", 21)): (
        "between a whole message and a call that nobody knows of yet: it looks like an answer "
        "that lacked its end only"
    ),
    **dict.fromkeys(
        [("server_aimock 3", place) for place in (("c2s", 3), ("s2c", 3), ("s2c", 4))],
        "the server has taken the sound, and names no item that is made of it",
    ),
}
"""Single cuts behind which nobody can know how to go on, and why."""

_VOICE_MS = (1760, 3760)
_FRAME_MS = 100


@attrs.frozen
class Recorded:
    """One recorded session."""

    name: str
    script: Script = attrs.field(repr=False)


@attrs.frozen
class Ended:
    """How a session ended."""

    said: list[tuple[Any, ...]]
    ran: list[str]
    moves: int
    frames: dict[str, int]
    """How many frames the first connection carried."""
    opened: int
    """So many of the server's were spent on opening."""


def folder() -> Path | None:
    """Where the recordings lie, if they are here."""
    named = os.environ.get("VOXWIRE_RECORDINGS")
    where = Path(named) if named else Path(__file__).parents[3] / "shared" / "recordings"
    return where if where.is_dir() else None


def recorded(where: Path) -> tuple[list[Recorded], dict[str, str]]:
    """The sessions that can be continued, and those that cannot, with the reason."""
    found: list[Recorded] = []
    left_out: dict[str, str] = {}
    for path in sorted(where.glob("*.jsonl")):
        if path.stem in LEFT_OUT:
            left_out[path.stem] = LEFT_OUT[path.stem]
            continue
        for number, entries in enumerate(sessions(read(path)), 1):
            name = f"{path.stem} {number}"
            if name in LEFT_OUT:
                left_out[name] = LEFT_OUT[name]
                continue
            frames = [entry for entry in entries if isinstance(entry, Frame)]
            found.append(Recorded(name, Script.of(frames)))
    return found, left_out


class _Broken(Exception):  # what happened to the line
    """The line broke."""


class _Run:
    def __init__(self, script: Script, cuts: list[Place]) -> None:
        self.script, self.cuts = script, cuts
        self.ran: list[str] = []
        self.moves = 0
        self.server = Server(script)
        self.count = {"c2s": 0, "s2c": 0}
        self.first: dict[str, int] = {}
        tools = {f.event["item"]["call_id"]: f.event["item"]["output"] for f in _outputs(script)}
        self.outputs = tools
        names = {
            event["item"]["name"]
            for frames in script.answers.values()
            for event in frames
            if event["type"] == "response.output_item.done"
            and event["item"].get("call_id") in tools
        }
        self.core = Core(tail=60.0, tools=ToolSet([_tool(name) for name in sorted(names)]))
        self.restoration = Restorer(self.core)

    def run(self) -> Ended:
        self.server.greet()
        self._drain()
        steps = list(self._steps())
        at = 0
        while True:
            try:
                while at < len(steps):
                    step = steps[at]
                    at += 1  # what was begun is the session's to finish
                    step()
                    self._flush()
                    if self.server.out:
                        self._hear()
                self._drain()
                break
            except _Broken:  # the cut, where it was asked for
                self._renew()
        said = [_said(item) for item in self.core.conversation]
        opened = len(self.script.greeting) + len(self.script.updated)
        return Ended(said, self.ran, self.moves, self.first or self.count, opened)

    def _steps(self) -> Iterator[Any]:
        """What the program does: only what is not the session's own to do."""
        frame_number = 0
        created: Any = None
        for frame in self.script.asked:
            kind, event = frame.type, frame.event
            if kind == "session.update":
                yield lambda event=event: self._settle(event)
            elif kind == "conversation.item.create":
                if event["item"]["type"] != "function_call_output":
                    created = ConversationItemCreate.from_dict(event)
                    yield lambda item=created: self._send(item)
            elif kind == "response.create":
                if not any(True for _ in _outputs(self.script)) or created is not None:
                    asked = ResponseCreate.from_dict(event)
                    yield lambda asked=asked: self.core.respond(asked)
                created = None
            elif kind == "input_audio_buffer.append":
                number, frame_number = frame_number, frame_number + 1
                yield lambda number=number: self._append(number)
            elif kind == "input_audio_buffer.commit":
                yield lambda event=event: self._send(event)
            else:
                raise Astray(f"{kind} is not played")
        yield self._drain

    # -- the line ----------------------------------------------------------------------------

    def _put(self, frame: bytes | str) -> None:
        self._cross("c2s")
        self.server.take(frame)

    def _hear(self) -> None:
        self._cross("s2c")
        self.core.received(self.server.out.popleft())
        self._act()
        self._flush()

    def _cross(self, direction: Literal["c2s", "s2c"]) -> None:
        cut = self.cuts[0] if self.cuts else None
        if cut is not None and cut[0] == direction and self.count[direction] >= cut[1]:
            self.cuts.pop(0)
            raise _Broken
        self.count[direction] += 1

    def _drain(self) -> None:
        while self.server.out or self.core.outbox:
            self._flush()
            if self.server.out:
                self._hear()

    # -- the session -------------------------------------------------------------------------

    def _send(self, event: Any) -> None:
        checked, frame = self.core.prepare(event)
        self._flush()
        self.core.sent(checked, frame)
        self._put(frame)

    def _settle(self, event: dict[str, Any]) -> None:
        frame = json.dumps({"event_id": self.core.next_event_id(), **event})
        self.core.sent(None, frame)
        self._put(frame)
        self._drain()

    def _append(self, number: int) -> None:
        begin, end = _VOICE_MS
        loud = begin <= number * _FRAME_MS + _FRAME_MS // 2 < end or not self.script.speech
        self._put(self.core.append((b"\x01\x10" if loud else b"\0\0") * (24 * _FRAME_MS)))

    def _act(self) -> None:
        calls = self.core.turns.to_run
        while calls:
            call = calls.pop(0)
            plain = next(id for id in self.outputs if call.call_id.startswith(id))
            self.ran.append(f"{call.name} {call.arguments}")
            self.core.answered(call, self.outputs[plain])

    def _flush(self) -> None:
        core = self.core
        while core.outbox and not core.down:
            event, frame = core.prepare(core.outbox.pop(0))
            core.sent(event, frame)
            self._put(frame)

    def _renew(self) -> None:
        """As ``renewing`` does, but at once."""
        while True:
            self.moves += 1
            self.first = self.first or dict(self.count)
            closed = ConnectionClosed(code=1006, reason="", clean=False, expected=False)
            self.restoration.lost(closed)
            self.server = Server(self.script, self.moves)
            self.count = {"c2s": 0, "s2c": 0}
            try:
                self.server.greet()
                self._hear_all()
                for parts in (self.restoration.settings, self.restoration.items):
                    for frame in parts():
                        self._put(frame)
                    self._hear_all()
                    for sent in self.restoration.own:
                        if sent.error is not None:
                            raise sent.error
                for frame in self.restoration.rest():
                    self._put(frame)
                told = self.restoration.done(attempt=1, seconds=0.0, planned=False)
                if told.left_out:
                    raise Astray(f"not restored: {told.left_out}")
                self._act()
                self._flush()
                return
            except _Broken:  # cut again, on the new line
                continue

    def _hear_all(self) -> None:
        while self.server.out:
            self._hear()


def play(one: Recorded, cuts: list[Place] | None = None) -> Ended | Exception:
    """Play a recorded session over lines with these cuts; what it dies of is its result."""
    try:
        return _Run(one.script, list(cuts or ())).run()
    except (Astray, VoxwireError, LookupError, TypeError, ValueError, AssertionError) as error:
        return error  # to be counted, with the place where it was cut


def places(whole: Ended) -> list[Place]:
    """Where the line of an undisturbed run can be cut, behind its opening."""
    found: list[Place] = [
        *(("c2s", after) for after in range(1, whole.frames["c2s"])),
        *(("s2c", after) for after in range(whole.opened, whole.frames["s2c"])),
    ]
    return found


def differences(one: Ended | Exception, whole: Ended) -> list[str]:
    """In what it differs from the undisturbed run."""
    if not isinstance(one, Ended):
        return [repr(one)]
    pairs = (("conversation", one.said, whole.said), ("tools", one.ran, whole.ran))
    return [f"{name}: {mine} is not {theirs}" for name, mine, theirs in pairs if mine != theirs]


def _outputs(script: Script) -> Iterator[Frame]:
    for frame in script.asked:
        item = frame.event.get("item") if isinstance(frame.event, dict) else None
        if item and item["type"] == "function_call_output":
            yield frame


def _tool(name: str) -> Any:
    def function() -> str:
        """Is answered from the recording."""
        return ""

    function.__name__ = function.__qualname__ = name
    return function


def _said(item: Any) -> tuple[Any, ...]:
    words = item.text or item.transcript or ""
    # Some servers give a call a role, which no client can tell another connection.
    role = item.role if item.type == "message" else None
    return (item.type, role, words, item.name, item.arguments, item.output)
