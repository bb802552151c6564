"""From events to what a person wants to read of a session: who said what, in order.

Knows events of both families and both directions; prints nothing. An event has as many pieces as
it has news: text piece by piece as it comes, and of the rest only what was not told before. Texts
that are written at the same time come one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import voxwire_protocol as p

from ..protocol.dialect import described, early_transcript
from ..tools.runner import failure_of
from .event_text import Kind, Piece, compact, entries, error_text, facts_of, text_of, values, whole

__all__ = ["TranscriptView"]

_MOST_HELD = 4096
"""So many pieces wait for the end of a text; with more, it is taken for ended."""
_MOST_UNENDED = 40
"""The same for what a translation hears and says: it has no end but that of its sentences."""
_SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！")

_PCM_RATE = 48_000  # bytes of a second of 24 kHz, 16 bit, mono
_G711_RATE = 8_000


class _OneByOne:
    """Keeps each text whole where several are written at the same time: while one is open, the
    others wait, and so does all that belongs behind a text. Notes and errors do not."""

    def __init__(self) -> None:
        self.most = _MOST_HELD
        self._open = ""
        self._response: dict[str, str] = {}  # text -> the response that it is part of
        self._item: dict[str, str] = {}
        self._waiting: list[Piece] = []
        self._ended: set[str] = set()  # of those that wait

    def begin(self, key: str, item: object, response: object) -> None:
        """A text goes on: it is known what it belongs to."""
        self._item[key], self._response[key] = str(item), str(response)

    def put(self, piece: Piece) -> Iterator[Piece]:
        """What there is to show, now that `piece` has come."""
        if self._open and piece.key != self._open and (piece.key or piece.kind in _IN_ORDER):
            self._waiting.append(piece)
            if len(self._waiting) > self.most:
                yield from self.end(self._open)
            return
        if piece.key in self._item:
            self._open = piece.key
        yield piece

    def end(self, *keys: str) -> Iterator[Piece]:
        """These texts are whole."""
        for key in keys:
            self._item.pop(key, None)
            self._response.pop(key, None)
            if any(piece.key == key for piece in self._waiting):
                self._ended.add(key)
        if self._open not in keys:
            return
        self._open = ""
        while self._waiting and not self._open:
            key = self._waiting[0].key
            if not key:
                yield self._waiting.pop(0)
                continue
            yield from (piece for piece in self._waiting if piece.key == key)
            self._waiting = [piece for piece in self._waiting if piece.key != key]
            if key not in self._ended:
                self._open = key
            self._ended.discard(key)

    def end_item(self, item: object) -> Iterator[Piece]:
        """An item is whole."""
        yield from self.end(*[key for key, of in self._item.items() if of == item])

    def end_response(self, *responses: object) -> Iterator[Piece]:
        """These responses are over; without any, all are."""
        yield from self.end(
            *[key for key, of in self._response.items() if not responses or of in responses]
        )

    def end_others(self, responses: Collection[str]) -> Iterator[Piece]:
        """All responses but these are over."""
        yield from self.end(*[key for key, of in self._response.items() if of not in responses])


_IN_ORDER: Final = ("text", "spoken", "call", "output", "audio")
"""What waits for a text that is open. What the user has said does not: it is known late, and stands
before the answer where that can still be done."""


class TranscriptView:
    """Tells one connection's events, in the order in which they are given."""

    def __init__(self) -> None:
        self._texts = _OneByOne()
        self._sent: list[str] = []  # what the client said and the server has not echoed yet
        self._told: set[str] = set()  # keys of text, ids of calls and outputs
        self._audio: dict[str, int] = {}  # response -> bytes heard
        self._rate = _PCM_RATE
        self._facts: list[str] = []  # what is known of the session
        self._names: dict[str, str] = {}  # item -> the function that it calls
        self._called: dict[str, str] = {}  # call -> the function
        self._written: set[str] = set()  # items that a response has begun
        self._aside: set[str] = set()  # responses that are out-of-band
        self._early: dict[tuple[object, object], Any] = {}  # transcripts that are not final

    def sent(self, event: p.Event) -> Iterator[Piece]:
        """What a client's event tells."""
        for piece in self._sent_pieces(event):
            yield from self._texts.put(piece)

    def received(self, event: p.Event) -> Iterator[Piece]:
        """What a server's event tells."""
        for piece in self._received_pieces(event):
            yield from self._texts.put(piece)
        match event:
            case p.ResponseOutputTextDone(item_id=item, content_index=index):
                yield from self._texts.end(_key(item, "text", index))
            case p.ResponseOutputAudioTranscriptDone(item_id=item, content_index=index):
                yield from self._texts.end(_key(item, "spoken", index))
            case p.SessionInputTranscriptDelta() | p.SessionOutputTranscriptDelta():
                kind = "input" if isinstance(event, p.SessionInputTranscriptDelta) else "output"
                if text_of(event.delta).rstrip().endswith(_SENTENCE_ENDS):
                    yield from self._texts.end(kind)
            case p.ResponseOutputItemDone(item=item):
                yield from self._texts.end_item(getattr(item, "id", None))
            case p.ResponseDone(response=response):
                yield from self._texts.end_response(getattr(response, "id", None))
            case p.ResponseCreated(response=response):
                if getattr(response, "conversation_id", p.UNSET) is None:
                    self._aside.add(str(getattr(response, "id", None)))
                else:  # one at a time: what came of others is over, though no end of it has come
                    yield from self._texts.end_others(self._aside)
            case _:
                pass

    def _sent_pieces(self, event: p.Event) -> Iterator[Piece]:
        match event:
            case p.ConversationItemCreate(item=item):
                for piece in (*self._calls(item), *self._item(item)):
                    self._sent.append(f"{piece.kind} {piece.text}")
                    yield piece
            case p.ResponseCreate(response=p.ResponseCreateParams(instructions=str(said))) if said:
                yield Piece(who="client", kind="note", text=f"asks for a response: {said}")
            case p.ResponseCancel():
                yield Piece(who="client", kind="note", text="cancels the response")
            case p.ConversationItemTruncate(item_id=item, audio_end_ms=end):
                text = f"cuts the reply at {end} ms"
                yield from self._once(f"cut {item} {end}", "client", "note", text)
            case p.UnknownEvent():
                yield from self._unknown("client", event)
            case _:
                pass

    def _received_pieces(self, event: p.Event) -> Iterator[Piece]:
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
                yield from self._echo(item, done=True)
            case p.ConversationItemInputAudioTranscriptionCompleted(
                item_id=item, content_index=index, transcript=text
            ):
                if early_transcript(event):
                    self._early[item, index] = text
                else:
                    yield from self._spoken_by_user(item, index, text)
            case p.InputAudioBufferTimeoutTriggered(
                audio_start_ms=int(start), audio_end_ms=int(end)
            ):
                text = f"nobody spoke for {(end - start) / 1000:.1f} s: asks for a response"
                yield Piece(who="server", kind="note", text=text)
            case p.ConversationItemInputAudioTranscriptionFailed(error=error):
                # Of the user, so that it does not stand in the middle of the answer.
                yield Piece(who="user", kind="error", text=f"not transcribed: {error_text(error)}")
            case p.ResponseOutputTextDelta(item_id=item, content_index=index, delta=delta):
                self._texts.begin(_key(item, "text", index), item, event.response_id)
                yield from self._more("text", item, index, delta)
            case p.ResponseOutputAudioTranscriptDelta(
                item_id=item, content_index=index, delta=delta
            ):
                self._texts.begin(_key(item, "spoken", index), item, event.response_id)
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
                yield from self._translated("input", delta)
            case p.SessionOutputTranscriptDelta(delta=delta):
                yield from self._translated("output", delta)
            case p.SessionOutputAudioDelta():
                self._audio["translation"] = self._audio.get("translation", 0) + len(event.audio)
            case p.ResponseOutputItemAdded(item=item):
                self._written.add(str(getattr(item, "id", None)))
                if isinstance(item, p.FunctionCall) and isinstance(item.name, str):
                    self._names[str(item.id)] = item.name
            case p.ResponseFunctionCallArgumentsDone(item_id=item, call_id=call):
                # Clients answer from here on; the item itself comes later, if at all.
                known = text_of(event.name) or self._names.get(str(item))
                if known:
                    yield from self._call(call, known, event.arguments)
            case p.ResponseOutputItemDone(item=item):
                yield from self._calls(item)
            case p.ResponseDone(response=p.RealtimeResponse() as response):
                yield from self._response(response)
            case p.ConversationItemTruncated(item_id=item, audio_end_ms=end):
                text = f"the reply was cut at {end} ms"
                yield from self._once(f"cut {item} {end}", "server", "note", text)
            case p.ErrorEvent(error=error):
                yield Piece(who="server", kind="error", text=error_text(error))
            case p.McpListToolsFailed():
                yield Piece(
                    who="server", kind="error", text="the tools of an MCP server did not load"
                )
            case p.UnknownEvent():
                yield from self._unknown("server", event)
            case _:
                pass

    def ended(self) -> Iterator[Piece]:
        """What is left to tell when nothing more comes."""
        yield from self._texts.end_response()
        for (item, index), text in self._early.items():
            yield from self._spoken_by_user(item, index, text)
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
                for index, part in enumerate(entries(parts)):
                    match part:
                        case p.InputText(text=text):
                            yield from whole(who, "text", text)
                        case p.InputAudio(transcript=text):
                            yield from self._spoken_by_user(item.id, index, text)
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

    def _echo(self, item: Any, *, done: bool = False) -> Iterator[Piece]:
        """An item as the server shows it: news only if the client of this socket did not send it.

        What the model says is told where it is said; else, where another client has put it there.
        """
        id = str(getattr(item, "id", None))
        key = f"item {id}"
        if key in self._told or id in self._written or self._said(id):
            return
        if isinstance(item, p.AssistantMessage):
            if not done:
                return
            self._told.add(f"said {id} whole")
        call = isinstance(item, p.FunctionCall) and item.status != "in_progress"
        for piece in (*(self._calls(item) if call else ()), *self._item(item)):
            self._told.add(key)
            said = f"{piece.kind} {piece.text}"
            if said in self._sent:
                self._sent.remove(said)
            else:
                yield piece

    def _said(self, item: object) -> bool:
        """Whether anything was told of what the model says in an item."""
        return any(told.startswith(f"said {item} ") for told in self._told)

    def _spoken_by_user(self, item: object, index: object, text: Any) -> Iterator[Piece]:
        """What the user has said. The server may show it with the item, and say it once more."""
        if not isinstance(item, str):  # sent without an id
            yield from whole("user", "heard", text)
        elif isinstance(text, str) and text.strip():
            yield from self._once(f"user {item} {index}", "user", "heard", text.strip())

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
        self._called[str(call)] = named
        yield from self._once(f"call {call}", "assistant", "call", text, data)

    def _output(self, call: object, output: Any) -> Iterator[Piece]:
        data = {"call_id": call, "output": values(output)}
        why = failure_of(output) if isinstance(output, str) else None
        if why is None:
            yield from self._once(f"output {call}", "tool", "output", compact(output), data)
        else:
            text = f"{self._called.get(str(call), 'a tool')} failed: {why}"
            yield from self._once(f"output {call}", "tool", "error", text, data)

    def _response(self, response: p.RealtimeResponse) -> Iterator[Piece]:
        for item in entries(response.output):
            yield from self._calls(item)
            key = getattr(item, "id", None)
            # Some servers stream nothing: what they said stands only here.
            if isinstance(item, p.AssistantMessage) and not self._said(key):
                yield from self._item(item)
        yield from self._heard(str(response.id))
        if response.status not in ("completed", None, p.UNSET):
            details = response.status_details
            why = getattr(details, "reason", None)
            error = getattr(details, "error", None)
            told = text_of(why) or (error_text(error) if error else "")
            kind: Kind = "error" if response.status == "failed" else "status"
            text = f"response {response.status}" + (f": {told}" if told else "")
            yield Piece(who="server", kind=kind, text=text)

    def _unknown(self, who: str, event: p.UnknownEvent) -> Iterator[Piece]:
        if event.reason is not None:
            text = f"sends what is no event: {event.reason}"
            yield Piece(who=who, kind="note", text=text)
        else:  # some have events of their own, such as pings, and send them again and again
            text = f"sends {event.type}, which is not in the specs"
            yield from self._once(f"unknown {who} {event.type}", who, "note", text)

    def _heard(self, key: str) -> Iterator[Piece]:
        heard = self._audio.pop(key, 0)
        if heard:
            who = "translation" if key == "translation" else "assistant"
            seconds = heard / self._rate
            text = f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
            yield Piece(who=who, kind="audio", text=f"{text} of audio")

    def _more(self, kind: Kind, item: Any, index: Any, delta: Any) -> Iterator[Piece]:
        key = _key(item, kind, index)
        self._told.add(key)
        if isinstance(delta, str) and delta:
            yield Piece(who="assistant", kind=kind, text=delta, key=key)

    def _translated(self, stream: str, delta: Any) -> Iterator[Piece]:
        """What a translation hears, or says: each stream has lines of its own."""
        self._texts.begin(stream, stream, stream)
        self._texts.most = _MOST_UNENDED
        who, kind = _TRANSLATION[stream]
        if isinstance(delta, str) and delta:
            yield Piece(who=who, kind=kind, text=delta, key=stream)

    def _all(self, kind: Kind, item: Any, index: Any, text: Any) -> Iterator[Piece]:
        """The text at its end: told only where it did not come in deltas."""
        yield from self._once(_key(item, kind, index), "assistant", kind, text_of(text))

    def _once(
        self, key: str, who: str, kind: Kind, text: str, data: Mapping[str, Any] | None = None
    ) -> Iterator[Piece]:
        if key not in self._told:
            self._told.add(key)
            yield Piece(who=who, kind=kind, text=text, data=data or {})


_TRANSLATION: Final[Mapping[str, tuple[str, Kind]]] = {
    "input": ("speaker", "heard"),
    "output": ("translation", "spoken"),
}


def _key(item: object, kind: str, index: object) -> str:
    return f"said {item} {kind} {index}"
