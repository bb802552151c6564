"""What holds for the emulator, whatever its clients send."""

from __future__ import annotations

import json
from typing import Any

from voxwire_protocol import ErrorEvent

from voxwire.emulator.beta_dialect import BetaDialect
from voxwire.emulator.session_context import Ended
from voxwire.protocol.codec import REALTIME, TRANSLATION, validate

from . import seeds
from .cases import Case

ANSWERS = {
    "session.update": {"session.updated"},
    "input_audio_buffer.append": None,
    "session.input_audio_buffer.append": None,
    "input_audio_buffer.commit": {"input_audio_buffer.committed"},
    "input_audio_buffer.clear": {"input_audio_buffer.cleared"},
    "output_audio_buffer.clear": {"output_audio_buffer.cleared"},
    "conversation.item.create": {"conversation.item.added"},
    "conversation.item.retrieve": {"conversation.item.retrieved"},
    "conversation.item.truncate": {"conversation.item.truncated"},
    "conversation.item.delete": {"conversation.item.deleted"},
    "response.create": {"response.created"},
    "response.cancel": {"response.done"},
    "session.close": {"session.closed"},
}
"""What answers a client's event, if it is not an error; None where nothing need come."""


def play(case: Case) -> None:
    """Let a client say the frames of the case, and check each answer."""
    _, family = case.target.split()
    codec = TRANSLATION if family == "translation" else REALTIME
    beta = BetaDialect() if family == "beta" else None
    server = seeds.machine(family)
    server.open()
    closing = False
    for step in case.steps:
        frame: Any = step.what if beta is None else beta.incoming(step.what)
        before = _taken(server, codec, beta)
        server.receive(frame)
        answers = server.stage.out[:]
        said = _named(codec.decode_client(step.frame))
        if said is None or said not in codec.client:
            assert [event.type for event in answers] == ["error"] or closing or beta, (
                "no frame of the protocol, and no error"
            )
        for _ in range(200):  # what takes its time
            if not server.stage.timeline.step():
                break
        after = _taken(server, codec, beta)
        wanted = ANSWERS.get(said or "")
        if wanted is not None and not closing and beta is None:
            names = {event.type for event in [*answers, *after] if not isinstance(event, Ended)}
            assert names & {*wanted, "error"}, f"{said} had no answer, only {sorted(names)}"
        closing = (
            closing or any(isinstance(event, Ended) for event in after) or (said == "session.close")
        )
        del before
    # It still serves.
    server.stage.timeline.run()
    _taken(server, codec, beta)
    server.receive(json.dumps({"type": "no.such.event", "event_id": "last"}))
    assert closing or [e.error.event_id for e in server.stage.out if isinstance(e, ErrorEvent)] == [
        "last"
    ], "the server does not answer any more"
    server.stop()


def _taken(server: Any, codec: Any, beta: BetaDialect | None) -> list[Any]:
    """What the server has sent; all of it is valid, and can be put on a wire."""
    events: list[Any] = server.stage.take()
    for event in events:
        if isinstance(event, Ended):
            continue
        assert validate(event) == [], f"{event.type} is not valid: {validate(event)[0]}"
        codec.encode(event, checked=True)
        if beta is not None:
            beta.outgoing(event.to_dict())
    return events


def _named(event: Any) -> str | None:
    name = getattr(event, "type", None)
    return name if isinstance(name, str) else None
