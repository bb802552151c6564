"""From events to what a person wants to read of a session: who said what, in order.

Knows events of both families and both directions; prints nothing. An event has as many pieces as
it has news: text piece by piece as it comes, and of the rest only what was not told before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import voxwire_protocol as p

from ..protocol.dialect import described
from .event_text import Kind, Piece, compact, entries, error_text, facts_of, text_of, values, whole

__all__ = ["TranscriptView"]

_PCM_RATE = 48_000  # bytes of a second of 24 kHz, 16 bit, mono
_G711_RATE = 8_000


class TranscriptView:
    """Tells one connection's events, in the order in which they are given."""

    def __init__(self) -> None:
        self._sent: list[str] = []  # what the client said and the server has not echoed yet
        self._told: set[str] = set()  # keys of text, ids of calls and outputs
        self._audio: dict[str, int] = {}  # response -> bytes heard
        self._rate = _PCM_RATE
        self._facts: list[str] = []  # what is known of the session
        self._names: dict[str, str] = {}  # item -> the function that it calls

    def sent(self, event: p.Event) -> Iterator[Piece]:
        """What a client's event tells."""
        match event:
            case p.ConversationItemCreate(item=item):
                for piece in self._item(item):
                    self._sent.append(f"{piece.kind} {piece.text}")
                    yield piece
            case p.ResponseCreate(response=p.ResponseCreateParams(instructions=str(said))) if said:
                yield Piece(who="client", kind="note", text=f"asks for a response: {said}")
            case p.ResponseCancel():
                yield Piece(who="client", kind="note", text="cancels the response")
            case p.ConversationItemTruncate(audio_end_ms=end):
                yield Piece(who="client", kind="note", text=f"cuts the reply at {end} ms")
            case p.UnknownEvent():
                yield self._unknown("client", event)
            case _:
                pass

    def received(self, event: p.Event) -> Iterator[Piece]:
        """What a server's event tells."""
        match event:
            case p.SessionCreated() | p.SessionUpdated():
                yield from self.settings(described(event))
            case p.TranslationSessionCreated(session=session):
                yield from self.settings(session)
            case p.TranslationSessionUpdated(session=session):
                yield from self.settings(session)
            case p.ConversationItemAdded(item=item) | p.ConversationItemCreated(item=item):
                yield from self._echo(item)
            case p.ConversationItemDone(item=item):
                yield from self._echo(item)
            case p.ConversationItemInputAudioTranscriptionCompleted(transcript=text):
                yield from whole("user", "heard", text)
            case p.ConversationItemInputAudioTranscriptionFailed(error=error):
                yield Piece(
                    who="server", kind="error", text=f"not transcribed: {error_text(error)}"
                )
            case p.ResponseOutputTextDelta(item_id=item, content_index=index, delta=delta):
                yield from self._more("text", item, index, delta)
            case p.ResponseOutputAudioTranscriptDelta(
                item_id=item, content_index=index, delta=delta
            ):
                yield from self._more("spoken", item, index, delta)
            case p.ResponseOutputTextDone(item_id=item, content_index=index, text=text):
                yield from self._all("text", item, index, text)
            case p.ResponseOutputAudioTranscriptDone(
                item_id=item, content_index=index, transcript=text
            ):
                yield from self._all("spoken", item, index, text)
            case p.ResponseOutputAudioDelta():
                key = str(event.response_id)
                self._audio[key] = self._audio.get(key, 0) + len(event.audio)
            case p.SessionInputTranscriptDelta(delta=delta):
                yield from self._more("heard", "input", 0, delta, who="speaker")
            case p.SessionOutputTranscriptDelta(delta=delta):
                yield from self._more("spoken", "output", 0, delta, who="translation")
            case p.SessionOutputAudioDelta():
                self._audio["translation"] = self._audio.get("translation", 0) + len(event.audio)
            case p.ResponseOutputItemAdded(item=p.FunctionCall(id=str(item), name=str(name))):
                self._names[item] = name
            case p.ResponseFunctionCallArgumentsDone(item_id=item, call_id=call):
                # Clients answer from here on; the item itself comes later, if at all.
                known = text_of(event.name) or self._names.get(str(item))
                if known:
                    yield from self._call(call, known, event.arguments)
            case p.ResponseOutputItemDone(item=item):
                yield from self._calls(item)
            case p.ResponseDone(response=p.RealtimeResponse() as response):
                yield from self._response(response)
            case p.ConversationItemTruncated(audio_end_ms=end):
                yield Piece(who="server", kind="note", text=f"the reply was cut at {end} ms")
            case p.ErrorEvent(error=error):
                yield Piece(who="server", kind="error", text=error_text(error))
            case p.McpListToolsFailed():
                yield Piece(
                    who="server", kind="error", text="the tools of an MCP server did not load"
                )
            case p.UnknownEvent(type=name):
                # Some servers send their own events, such as pings, again and again.
                piece = self._unknown("server", event)
                yield from self._once(f"unknown {name}", piece.who, piece.kind, piece.text)
            case _:
                pass

    def ended(self) -> Iterator[Piece]:
        """What is left to tell when nothing more comes."""
        for key in list(self._audio):
            yield from self._heard(key)

    def settings(self, session: Any) -> Iterator[Piece]:
        """What is new in the settings of a session."""
        output = getattr(getattr(session, "audio", None), "output", None)
        kind = getattr(getattr(output, "format", None), "type", None)
        self._rate = _G711_RATE if kind in ("audio/pcmu", "audio/pcma") else _PCM_RATE
        facts = facts_of(session)
        news = [fact for fact in facts if fact and fact not in self._facts]
        if news:
            now = "now " if self._facts else ""
            yield Piece(who="session", kind="session", text=now + ", ".join(news))
        self._facts = facts

    def _item(self, item: Any) -> Iterator[Piece]:
        match item:
            case p.SystemMessage(content=parts) | p.UserMessage(content=parts):
                who = "system" if isinstance(item, p.SystemMessage) else "user"
                for part in entries(parts):
                    match part:
                        case p.InputText(text=text):
                            yield from whole(who, "text", text)
                        case p.InputAudio(transcript=text):
                            yield from whole(who, "heard", text)
                        case p.InputImage():
                            yield Piece(who=who, kind="note", text="shows an image")
                        case _:
                            pass
            case p.AssistantMessage(content=parts):
                for part in entries(parts):
                    yield from whole("assistant", "text", getattr(part, "text", None))
                    yield from whole("assistant", "spoken", getattr(part, "transcript", None))
            case p.FunctionCallOutput(call_id=call, output=output):
                yield from self._output(call, output)
            case p.McpApprovalRequest(id=name, name=tool, arguments=arguments):
                text = f"may {tool} run? {compact(arguments)}"
                yield from self._once(f"ask {name}", "tool", "note", text)
            case p.McpApprovalResponse(approve=approve):
                yield Piece(who="user", kind="note", text="yes" if approve is True else "no")
            case p.McpListTools(tools=tools) if tools:
                names = ", ".join(str(getattr(tool, "name", "?")) for tool in entries(tools))
                yield from self._once(f"list {names}", "session", "note", f"hosted tools: {names}")
            case _:
                pass

    def _echo(self, item: Any) -> Iterator[Piece]:
        """An item as the server shows it: news only if the client of this socket did not send it.

        What the model says is told where it is said.
        """
        key = f"item {getattr(item, 'id', None)}"
        if key in self._told or isinstance(item, p.AssistantMessage):
            return
        for piece in self._item(item):
            self._told.add(key)
            said = f"{piece.kind} {piece.text}"
            if said in self._sent:
                self._sent.remove(said)
            else:
                yield piece

    def _calls(self, item: Any) -> Iterator[Piece]:
        match item:
            case p.FunctionCall(name=name, arguments=arguments, call_id=call):
                yield from self._call(call, name, arguments)
            case p.McpCall(id=call, name=name, arguments=arguments, output=output, error=error):
                yield from self._call(call, name, arguments)
                if text_of(output):
                    yield from self._output(call, output)
                elif error:
                    yield from self._once(f"output {call}", "tool", "error", error_text(error))
            case _:
                yield from self._item(item) if isinstance(item, p.McpApprovalRequest) else ()

    def _call(self, call: object, name: Any, arguments: Any) -> Iterator[Piece]:
        named = text_of(name) or "?"
        data = {"name": named, "arguments": values(arguments), "call_id": call}
        text = f"{named} {compact(arguments)}"
        yield from self._once(f"call {call}", "assistant", "call", text, data)

    def _output(self, call: object, output: Any) -> Iterator[Piece]:
        data = {"call_id": call, "output": values(output)}
        yield from self._once(f"output {call}", "tool", "output", compact(output), data)

    def _response(self, response: p.RealtimeResponse) -> Iterator[Piece]:
        for item in entries(response.output):
            yield from self._calls(item)
            key = getattr(item, "id", None)
            # Some servers stream nothing: what they said stands only here.
            if not any(told.startswith(f"said {key} ") for told in self._told):
                yield from self._item(item) if isinstance(item, p.AssistantMessage) else ()
        yield from self._heard(str(response.id))
        if response.status not in ("completed", None, p.UNSET):
            details = response.status_details
            why = getattr(details, "reason", None)
            error = getattr(details, "error", None)
            told = text_of(why) or (error_text(error) if error else "")
            kind: Kind = "error" if response.status == "failed" else "status"
            text = f"response {response.status}" + (f": {told}" if told else "")
            yield Piece(who="server", kind=kind, text=text)

    def _unknown(self, who: str, event: p.UnknownEvent) -> Piece:
        text = f"sends {event.type}, which is not in the specs"
        if event.reason is not None:
            text = f"sends what is no event: {event.reason}"
        return Piece(who=who, kind="note", text=text)

    def _heard(self, key: str) -> Iterator[Piece]:
        heard = self._audio.pop(key, 0)
        if heard:
            who = "translation" if key == "translation" else "assistant"
            seconds = heard / self._rate
            text = f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
            yield Piece(who=who, kind="audio", text=f"{text} of audio")

    def _more(
        self, kind: Kind, item: Any, index: Any, delta: Any, who: str = "assistant"
    ) -> Iterator[Piece]:
        key = f"said {item} {kind} {index}"
        self._told.add(key)
        if isinstance(delta, str) and delta:
            yield Piece(who=who, kind=kind, text=delta, key=key)

    def _all(self, kind: Kind, item: Any, index: Any, text: Any) -> Iterator[Piece]:
        """The text at its end: told only where it did not come in deltas."""
        yield from self._once(f"said {item} {kind} {index}", "assistant", kind, text_of(text))

    def _once(
        self, key: str, who: str, kind: Kind, text: str, data: Mapping[str, Any] | None = None
    ) -> Iterator[Piece]:
        if key not in self._told:
            self._told.add(key)
            yield Piece(who=who, kind=kind, text=text, data=data or {})
