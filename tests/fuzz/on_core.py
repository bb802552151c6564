"""What holds for a session without its socket, whatever the server says while it is used."""

from __future__ import annotations

from typing import Any

from voxwire_protocol import ConversationItemCreate, Event, ResponseCreate, UserMessage

from voxwire import XAI, AzureVoiceLive
from voxwire.audio.playback import Playback
from voxwire.errors import InvalidEvent
from voxwire.protocol.codec import REALTIME, TRANSLATION
from voxwire.session.core import Core
from voxwire.session.local_events import ConnectionClosed
from voxwire.tools import Tool
from voxwire.tools.toolset import ToolSet

from .cases import Case

MOST_WAITING = 64
"""Events that one frame of the server may lead to; some items of one response, at the most."""

CODECS = {
    "realtime": REALTIME,
    "translation": TRANSLATION,
    "xai": XAI(api_key="none").codec("realtime"),
    "voicelive": AzureVoiceLive("here", model="m", api_key="none").codec("realtime"),
}


def look_up(at: int = 0) -> str:
    """Look something up."""
    return f"nothing at {at}"


class Session:
    """A core, and what a program and a socket do with it."""

    def __init__(self, kind: str) -> None:
        self.core = Core(
            CODECS[kind],
            audio=1.0,
            playback=Playback(automatic=True),
            tools=ToolSet([Tool(look_up)]),
        )
        self.heard: list[Event] = []
        self.core.router.subscribe((Event,), self.heard.append)
        self.turns: list[Any] = []
        self.sent: list[Any] = []
        self.ran: set[tuple[str, str]] = set()

    def act(self, what: str) -> None:
        """What a program may do at any time."""
        core = self.core
        match what.split():
            case ["respond", policy]:
                said = {"type": "message", "role": "user", "content": []}
                item = ConversationItemCreate(item=UserMessage.from_dict(said))
                named: Any = policy
                self.turns.append(core.respond(ResponseCreate(), named, item))
            case ["cancel"]:
                core.cancel(self.turns[-1] if self.turns else None)
            case ["interrupt"]:
                core.interrupt()
            case ["played", ms]:
                core.interrupt(float(ms))
            case ["audio", count]:
                core.append(bytes(int(count)))
            case _:
                raise AssertionError(what)

    def flush(self) -> None:
        """Send what is to be sent, as the faces do."""
        rounds = 0
        while self.core.outbox:
            rounds += 1
            assert rounds <= MOST_WAITING, "what is sent leads to more to send, without end"
            try:
                event, frame = self.core.prepare(self.core.outbox.pop(0))
            except InvalidEvent as error:
                if error.cure != "replace the lone surrogate":
                    raise
                continue  # the server's id has half a character: no frame can carry it
            self.sent.append(self.core.sent(event, frame))

    def run_tools(self) -> None:
        while self.core.turns.to_run:
            call = self.core.turns.to_run.pop(0)
            key = (call.response_id, call.call_id)
            assert key not in self.ran, "a tool runs twice"
            self.ran.add(key)
            self.core.answered(call, "9")

    def end(self) -> None:
        """The connection breaks: nobody may be left waiting."""
        core = self.core
        core.ended(ConnectionClosed(code=1006, reason="", clean=False, expected=False))
        assert core.closed is not None
        assert all(turn.done for turn in self.turns), "a turn never ends"
        assert all(sent.done for sent in self.sent if sent is not None and sent.awaited)
        assert core.turns.idle, "there is still something to do"
        core.received(b'{"type":"response.created"}')  # what was on its way


def play(case: Case) -> None:
    """Hold a session with the frames and acts of the case."""
    session = Session(case.target.split()[1])
    core = session.core
    for step in case.steps:
        if step.kind == "do":
            session.act(str(step.what))
        elif step.kind == "c2s":
            session.sent.append(core.sent(None, step.frame))
        else:
            before = len(session.heard)
            event = core.received(step.frame)
            assert session.heard[before] is event, "an event was not handed on"
        assert len(core.outbox) <= MOST_WAITING, "too much is to be sent"
        session.flush()
        session.run_tools()
        session.flush()
        repr(core.session), core.usage.cost(), str(core.usage.cost())
    session.end()
