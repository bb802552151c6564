"""What the server keeps behind its door: sessions, calls, secrets, and the brain that answers.

It knows how a session of each family is made and how a reply is found. It opens no socket.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import attrs

from ..protocol.audio_format import format_of
from .admission import Admission, Family, Policy
from .faults import RateLimited
from .http_api import HttpApi, PhoneCall
from .realtime_session import RealtimeSession
from .responder import Reply, Said, UserTurn, reply_of
from .script import Script
from .session_context import Habits, Ids, SessionContext
from .session_runner import SessionRunner
from .session_settings import DEFAULT_MODEL, SessionSettings, realtime, transcription
from .speech_synthesis import Voice, speak, tone
from .translation_session import DEFAULT_TRANSLATOR, TranslationSession, translation

__all__ = ["SessionRegistry"]

_log = logging.getLogger("voxwire.emulator")

_Rules: TypeAlias = RealtimeSession | TranslationSession


@attrs.define(kw_only=True, eq=False)
class SessionRegistry:
    """The insides of a server."""

    script: Script
    habits: Habits
    policy: Policy
    voice: Voice
    pace: float | None
    seed: int | None
    clock: Callable[[], float]
    session_seconds: float
    listens: str = "127.0.0.1"
    """At which address it is found."""
    rooms: set[SessionRunner] = attrs.field(factory=set[SessionRunner])
    latest: SessionRunner | None = None
    """The room that was opened last."""
    desk: HttpApi = attrs.field(init=False)
    _sessions: int = attrs.field(init=False, default=0)
    _thinking: set[asyncio.Task[None]] = attrs.field(init=False, factory=set[asyncio.Task[None]])

    def __attrs_post_init__(self) -> None:
        self.desk = HttpApi(self, Ids(self.seed), self.clock, self.policy, self.listens)

    # --- sessions -------------------------------------------------------------------------------

    def enter(self, admission: Admission) -> SessionRunner:
        """The room for someone who was let in."""
        if admission.call_id is not None:
            call = self.desk.calls.need(admission.call_id, "open")
            assert call.room is not None
            return call.room
        stage = self._stage(self.habits)
        family, secret = admission.family, admission.secret
        wanted: dict[str, Any] = {"type": family}
        if secret is not None and secret.family == family:
            wanted = dict(secret.wanted)
        if admission.model is not None:
            wanted["model"] = admission.model
        session = self._whole(family, wanted, stage.ids, self._expiry())
        return self._room(stage, family, session)

    def describe(self, family: Family, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The whole session object that a request describes, or its Mistake."""
        self._sessions += 1
        return self._whole(family, changes, self._new_ids(), 0)

    def _whole(
        self, family: Family, changes: Mapping[str, Any], ids: Ids, expires_at: int
    ) -> dict[str, Any]:
        session_id = ids.new("sess")
        if family == "translation":
            name = changes.get("model") or DEFAULT_TRANSLATOR
            machine = TranslationSession(
                self._stage(self.habits), translation(name, session_id, expires_at)
            )
            machine.configure(changes)
            return machine.session
        if family == "transcription":
            settings = SessionSettings(transcription(session_id, expires_at))
        else:
            model = changes.get("model") or DEFAULT_MODEL
            settings = SessionSettings(realtime(str(model), session_id, expires_at))
        settings.update(changes)
        return settings.session

    def _expiry(self) -> int:
        return int(self.clock() + self.session_seconds)

    def _new_ids(self) -> Ids:
        return Ids(None if self.seed is None else f"{self.seed}/{self._sessions}")

    def _stage(self, habits: Habits) -> SessionContext:
        self._sessions += 1
        stage = SessionContext(
            ids=self._new_ids(),
            script=self.script,
            think=lambda turn, answer: self._think(turn, answer, stage),
            habits=habits,
            voice=self.voice,
        )
        return stage

    def _room(
        self, stage: SessionContext, family: Family, session: dict[str, Any]
    ) -> SessionRunner:
        rules: _Rules
        if family == "translation":
            rules = TranslationSession(stage, session)
        else:
            rules = RealtimeSession(stage, session)
        room = self.latest = SessionRunner(stage, rules, self.pace)
        self.rooms.add(room)
        return room

    async def leave(self, room: SessionRunner) -> None:
        """The last one has gone."""
        self.rooms.discard(room)
        await room.stop()

    # --- calls ----------------------------------------------------------------------------------

    def open_call(self, call: PhoneCall, session: Mapping[str, Any]) -> None:
        """Begin the session of a call. It goes on without anyone attached."""
        stage = self._stage(attrs.evolve(self.habits, media="call"))
        whole = {**session, "expires_at": self._expiry()}
        call.room = self._room(stage, "realtime", whole)
        call.room.start()

    def end_call(self, call: PhoneCall) -> None:
        """Hang up: whoever is attached is sent away."""
        call.state = "ended"
        if call.room is not None:
            call.room.stage.end(1000)
            call.room.wake()

    def incoming(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """A phone call that comes in: the event that the service would post to a webhook."""
        call = self.desk.calls.add("ringing")
        ids = Ids(call.id)
        return {
            "id": ids.new("evt"),
            "object": "event",
            "created_at": int(self.clock()),
            "type": "realtime.call.incoming",
            "data": {
                "call_id": call.id,
                "sip_headers": [{"name": n, "value": v} for n, v in headers.items()],
            },
        }

    # --- answers --------------------------------------------------------------------------------

    def _think(
        self, turn: UserTurn, answer: Callable[[Reply], None], stage: SessionContext
    ) -> None:
        """Have the script answer: at once, or when its author and its voice are ready."""
        for fault in self.script.faults:
            if isinstance(fault, RateLimited) and turn.number >= fault.after:
                answer(Reply(error="rate_limit_exceeded"))
                return
        try:
            said = self.script.answer(turn)
        except Exception:
            # A user's function, which may raise anything: the response fails, the server stays.
            said = _broken()
        if isinstance(said, Reply) and (self.voice is tone or not _aloud(turn, said)):
            answer(said)
            return
        task = asyncio.ensure_future(self._later(said, turn, answer, stage))
        self._thinking.add(task)
        task.add_done_callback(self._thinking.discard)

    async def _later(
        self,
        said: Reply | Awaitable[Said],
        turn: UserTurn,
        answer: Callable[[Reply], None],
        stage: SessionContext,
    ) -> None:
        try:
            reply = said if isinstance(said, Reply) else reply_of(await said)
            if self.voice is not tone and _aloud(turn, reply):
                # A voice may be a program that takes its time: the others must not wait for it.
                settings: Mapping[str, Any] = turn.response.get("audio") or {"output": {}}
                output: Mapping[str, Any] = settings["output"]
                format, speed = format_of(output.get("format")), output.get("speed") or 1.0
                audio = await asyncio.to_thread(
                    speak, reply.text, format, voice=self.voice, speed=speed
                )
                reply = attrs.evolve(reply, audio=audio)
        except Exception:  # as above; a voice is a user's function too
            reply = _broken()
        answer(reply)
        for room in self.rooms:
            if room.stage is stage:
                room.wake()

    async def close(self) -> None:
        """End everything that is going on."""
        for task in self._thinking:
            task.cancel()
        for room in list(self.rooms):
            await self.leave(room)


def _broken() -> Reply:
    _log.exception("the brain failed")
    return Reply(error={"code": "server_error", "message": "The brain failed."})


def _aloud(turn: UserTurn, reply: Reply) -> bool:
    """Whether a reply has yet to be spoken. A translation always is."""
    modalities = turn.response.get("output_modalities") or ["audio"]
    return "audio" in modalities and bool(reply.text) and reply.audio is None
