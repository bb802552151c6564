"""Who may answer, and when: the responses of a session, one at a time in its conversation.

It knows what a request for a response may ask for, and what happens to one when the user speaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

import attrs
from voxwire_protocol import ConversationItemTruncated, OutputAudioBufferCleared, RateLimitsUpdated

from .api_errors import ApiError
from .conversation_items import ConversationItems, ItemRecord
from .responder import turn_of
from .response_generator import ResponseGenerator
from .session_context import SessionContext
from .session_settings import SessionSettings, check_tools
from .token_usage import TokenCount, settings_tokens, tokens_of

__all__ = ["ResponseQueue"]

_Trigger = Literal["client", "speech", "idle"]
_OVERRIDDEN = (
    "instructions",
    "tools",
    "tool_choice",
    "output_modalities",
    "max_output_tokens",
    "parallel_tool_calls",
    "reasoning",
)


@attrs.define(kw_only=True, eq=False)
class ResponseQueue:
    """The responses of one session: those under way, and what the ones before have cost."""

    stage: SessionContext
    settings: SessionSettings
    items: ConversationItems
    active: ResponseGenerator | None = None
    """The one that writes to the conversation."""
    aside: dict[str, ResponseGenerator] = attrs.field(factory=dict[str, ResponseGenerator])
    """Those out of band, by their ids."""
    answered_ms: int | None = None
    """How long the last answer was, until someone asks."""
    _conversation: str = attrs.field(init=False)
    _known: TokenCount = attrs.field(init=False, factory=TokenCount)
    _asked: set[str] = attrs.field(init=False, factory=set[str])
    _number: int = attrs.field(init=False, default=0)
    _spent: int = attrs.field(init=False, default=0)
    _waiting: _Trigger | None = attrs.field(init=False, default=None)
    _playing: tuple[ResponseGenerator, float] | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._conversation = self.stage.ids.new("conv")

    def create(self, request: Mapping[str, Any]) -> None:
        """Answer because the client asks for it."""
        request = {name: value for name, value in request.items() if value is not None}
        conversation = request.get("conversation", "auto")
        if conversation not in ("auto", "none", self._conversation):
            raise ApiError(
                "invalid_value",
                f"There is no conversation {str(conversation)[:100]!r}; use 'auto' or 'none'.",
                "response.conversation",
            )
        modalities = request.get("output_modalities")
        if modalities not in (None, ["audio"], ["text"]):
            raise ApiError(
                "invalid_value",
                f"Invalid modalities: {modalities}. Supported are ['text'] and ['audio'].",
                "response.output_modalities",
            )
        check_tools(request.get("tools"), "response.tools")
        if conversation != "none" and self.active is not None:
            raise ApiError.active(self.active.id)
        self._start(request, "client", apart=conversation == "none")

    def answer(self, trigger: Literal["speech", "idle"]) -> None:
        """Answer because the user has spoken, or not spoken; after the one that is under way."""
        if self.active is not None:
            self._waiting = trigger
        else:
            self._start({}, trigger, apart=False)

    def _start(self, request: Mapping[str, Any], trigger: _Trigger, *, apart: bool) -> None:
        settings = self._settings(request)
        records = self._context(request)
        metadata = cast("Mapping[str, str] | None", request.get("metadata"))
        turn = turn_of(
            records,
            asked=() if apart else self._asked,
            trigger=trigger,
            settings=settings,
            session=self.settings.session,
            metadata=metadata,
            number=self._number,
        )
        self._number += 1
        if not apart:
            self._asked.update(record.id for record in records)
        lengths = {record.id: record.audio_ms for record in records if record.audio}
        read = settings_tokens(settings["instructions"], settings["tools"])
        response = ResponseGenerator(
            stage=self.stage,
            turn=turn,
            settings=settings,
            metadata=metadata,
            conversation_id=None if apart else self._conversation,
            items=None if apart else self.items,
            read=read + tokens_of([record.item for record in records], lengths),
            known=self._known,
            phases="reasoning" in self.settings.session,
            finished=self._finished,
        )
        if apart:
            self.aside[response.id] = response
        else:
            self.active = response
        response.start()

    def _settings(self, request: Mapping[str, Any]) -> dict[str, Any]:
        session = self.settings.session
        settings = {name: session.get(name) for name in _OVERRIDDEN}
        settings |= {name: request[name] for name in _OVERRIDDEN if name in request}
        audio = cast("Mapping[str, Any]", request.get("audio") or {})
        asked = cast("Mapping[str, Any]", audio.get("output") or {})
        settings["audio"] = {"output": {**self.settings.output, **asked}}
        return settings

    def _context(self, request: Mapping[str, Any]) -> list[ItemRecord]:
        if "input" not in request:
            return list(self.items)
        records: list[ItemRecord] = []
        for index, item in enumerate(cast("list[dict[str, Any]]", request["input"])):
            if item["type"] == "item_reference":
                param = f"response.input[{index}].id"
                records.append(self.items.need(item["id"], "reference", param))
            else:
                records.append(ItemRecord(item={"id": self.stage.ids.new("item"), **item}))
        return records

    def _finished(self, response: ResponseGenerator) -> None:
        if response.modality == "audio" and response.audio_ms:
            self.settings.spoken = True
        self._spent += response.read.total + response.written.total
        every = self.stage.habits.rate_limits_every
        if every and self._number % every == 0:
            self._rate_limits()
        if self.aside.pop(response.id, None) is not None:
            return
        self._known = response.read + response.written
        self.active = None
        self.answered_ms = response.audio_ms
        if response.audio_ms and self.stage.habits.media == "call":
            until = self.stage.timeline.now + response.audio_ms / 1000
            self._playing = (response, until)
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._start({}, waiting, apart=False)

    def _rate_limits(self) -> None:
        limit = self.stage.habits.tokens_per_minute
        remaining = max(0, limit - self._spent)
        reset = round((limit - remaining) * 60 / limit, 3) if limit else 60.0
        tokens = {"name": "tokens", "limit": limit, "remaining": remaining, "reset_seconds": reset}
        self.stage.send(RateLimitsUpdated, rate_limits=[tokens])

    def cancel(self, response_id: str | None) -> None:
        """The client wants no more of a response: of the active one where it names none."""
        response = self.active
        if response_id is not None and (response is None or response.id != response_id):
            response = self.aside.get(response_id)
        if response is None:
            raise ApiError.not_active()
        response.cancel("client_cancelled")

    def interrupt(self) -> None:
        """The user speaks: what is being answered is of no interest any more."""
        self._waiting = None
        if self.active is not None:
            self.active.cancel("turn_detected")
        self.clear_playback()

    def clear_playback(self) -> None:
        """In a call, where the server plays: stop, and forget what was not heard."""
        playing, self._playing = self._playing, None
        if playing is None or playing[1] <= self.stage.timeline.now:
            return
        response, until = playing
        response.stop_playing()
        self.stage.send(OutputAudioBufferCleared, response_id=response.id)
        left = until - self.stage.timeline.now
        for item_id in response.spoken_items[-1:]:
            heard = max(0, response.audio_ms - round(left * 1000))
            if item_id in self.items:
                self.items.truncate(item_id, 0, heard)
                self.stage.send(
                    ConversationItemTruncated,
                    item_id=item_id,
                    content_index=0,
                    audio_end_ms=heard,
                )

    def release(self) -> None:
        """Let the responses that hold go on."""
        for response in [self.active, *self.aside.values()]:
            if response is not None:
                response.release()

    def drop(self) -> None:
        """The session is over: nothing goes on."""
        for response in [self.active, *self.aside.values()]:
            if response is not None:
                response.stop()
