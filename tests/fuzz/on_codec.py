"""What holds for the codec, whatever a frame holds."""

from __future__ import annotations

import json
from typing import Any

from voxwire_protocol import Event, UnknownEvent
from voxwire_protocol._runtime import structure

from voxwire.errors import InvalidEvent
from voxwire.protocol.codec import REALTIME, TRANSLATION, Codec, extras, problems, rebuild, validate

from .cases import Case

CODECS = {"realtime": REALTIME, "translation": TRANSLATION}


def play(case: Case) -> None:
    """Read every frame of the case, and check what came of it."""
    codec = CODECS[case.target.split()[1]]
    for step in case.steps:
        server = step.kind == "s2c"
        table = codec.server if server else codec.client
        decode = codec.decode if server else codec.decode_client
        event = decode(step.frame)
        assert event.raw == step.frame, "the frame is not kept"
        if isinstance(step.what, str):
            assert decode(step.what).raw == step.frame, "text is not read as its bytes are"
        check(codec, table, event)


def check(codec: Codec, table: Any, event: Event) -> None:
    frame = event.raw or b""
    assert frame.startswith(b"{") or isinstance(event, UnknownEvent) or frame[:1].isspace()
    # None of these may raise.
    repr(event), hash(event), extras(event), validate(event)
    for problem in problems(event):
        assert problem.path.startswith("$"), problem
        assert str(problem)
    if isinstance(event, UnknownEvent):
        assert event.reason or event.type is not None, "an unknown event without type and reason"
        if event.type is not None:
            assert event.type not in table, f"{event.type} is known"
        assert codec.encode(event, checked=True) == frame
        return
    try:
        data = json.loads(frame.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        data = None  # the decoders pass over damage in what is not declared
    if data is not None:
        assert type(event) is table.get(data.get("type")), "the class is not that of the type"
        assert same(rebuild(event), data), "the frame cannot be put together again"
        slow = structure(type(event), data, strict_first=False)
        assert same(slow.to_dict(), event.to_dict()), "the two ways of reading differ"
    rewritten(codec, event)


def rewritten(codec: Codec, event: Event) -> None:
    """What was read can be written, and what is read of that is the same."""
    if "Infinity" in (text := json.dumps(event.to_dict())) or "NaN" in text:
        return  # no numbers of JSON: they are read, and written as null
    try:
        frame = codec.encode(event, checked=True)
    except InvalidEvent:
        return  # half a character, which no frame can carry
    again = (codec.decode if type(event) in codec.server.values() else codec.decode_client)(frame)
    assert type(again) is type(event), "another class after writing and reading"
    assert codec.encode(again, checked=True) == frame, "writing and reading is not stable"


def same(one: Any, two: Any) -> bool:
    """Deep equality that tells 1 from True and from 1.0, and finds NaN equal to itself."""
    todo = [(one, two)]
    while todo:
        one, two = todo.pop()
        if type(one) is not type(two):
            return False
        if isinstance(one, dict):
            if one.keys() != two.keys():
                return False
            todo += [(one[key], two[key]) for key in one]
        elif isinstance(one, list):
            if len(one) != len(two):
                return False
            todo += zip(one, two, strict=True)
        elif repr(one) != repr(two) if isinstance(one, float) else one != two:
            return False
    return True
