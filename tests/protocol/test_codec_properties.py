"""Damaged frames: whatever a server sends, reading does not raise and nothing is lost."""

from __future__ import annotations

import copy
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest
from built_frames import TABLES, TURNS, canonical, example
from hypothesis import given, settings
from hypothesis import strategies as st
from said import recorded_in
from voxwire_protocol import Event, UnknownEvent
from voxwire_protocol.rules import RULES

from voxwire.errors import InvalidEvent
from voxwire.protocol.codec import REALTIME, TRANSLATION, Codec, extras, problems, rebuild, validate

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**53, max_value=2**80),
    st.floats(),
    st.text(max_size=8),
    st.text(st.characters(categories=["Cs"]), max_size=2),
    st.sampled_from(["", "realtime", "message", "user", "auto", "audio", "audio/pcm", "AAAA"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


@cache
def frames() -> list[tuple[str, dict[str, Any]]]:
    """The tables' names with JSON objects: built ones, and recorded ones where there are any."""
    found = [
        (table, example(cls.__name__, turn, full=full))
        for table in TABLES
        for _, cls in canonical(TABLES[table])
        for turn in range(TURNS)
        for full in (True, False)
    ]
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "recordings"
    folder = Path(os.environ.get("VOXWIRE_RECORDINGS", default))
    for path in recorded_in(folder):
        family = "translation" if "translation" in path.name else "realtime"
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if "event" in entry and entry.get("dir") in ("s2c", "c2s"):
                side = "server" if entry["dir"] == "s2c" else "client"
                found.append((f"{family} {side}", entry["event"]))
    return found


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A frame with up to three of its nodes dropped, nulled, replaced, renamed or cut."""
    table, data = draw(st.sampled_from(frames()))
    data = copy.deepcopy(data)
    for _ in range(draw(st.integers(min_value=1, max_value=3))):
        places = list(nodes(data))
        if not places:
            break
        parent, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["drop", "null", "retype", "rename", "cut", "wrap", "add"])):
            case "drop":
                del parent[key]
            case "null":
                parent[key] = None
            case "retype":
                parent[key] = draw(VALUES)
            case "rename" if isinstance(key, str):
                parent[draw(st.text(max_size=8))] = parent.pop(key)
            case "cut" if isinstance(parent[key], (str, list)):
                parent[key] = parent[key][: len(parent[key]) // 2]
            case "cut":
                parent[key] = {}
            case "wrap":
                parent[key] = draw(st.sampled_from([[parent[key]], {"type": parent[key]}]))
            case _ if isinstance(parent, dict):
                parent[draw(st.text(max_size=8))] = draw(VALUES)
            case _:
                parent.append(draw(VALUES))
    return table, data


def nodes(value: Any) -> Any:
    """Every place in a JSON value, as the container and the key in it."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, entry in entries:
        yield value, key
        if isinstance(entry, (dict, list)):
            yield from nodes(entry)


def codec_of(table: str) -> Codec:
    return REALTIME if table.startswith("realtime") else TRANSLATION


def read(table: str, frame: bytes) -> Event:
    codec = codec_of(table)
    return (codec.decode if table.endswith("server") else codec.decode_client)(frame)


def same(one: Any, two: Any) -> bool:
    """Deep equality that tells 1 from True and from 1.0, and finds NaN equal to itself."""
    if type(one) is not type(two):
        return False
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(two) and all(map(same, one, two))
    return repr(one) == repr(two) if isinstance(one, float) else bool(one == two)


def sent_as_meant(sent: Any, meant: Any) -> bool:
    """The same, but for the tag of an object that can be of one kind only: it may be left out."""
    if isinstance(sent, dict) and isinstance(meant, dict):
        added = sent.keys() - meant.keys()
        kept = all(key in sent and sent_as_meant(sent[key], meant[key]) for key in meant)
        return kept and added <= {"type"}
    if isinstance(sent, list) and isinstance(meant, list):
        return len(sent) == len(meant) and all(map(sent_as_meant, sent, meant))
    return same(sent, meant)


def check(table: str, frame: bytes) -> Event:
    """What holds for every frame."""
    event = read(table, frame)
    assert event.raw == frame
    try:
        data = json.loads(frame.decode("utf-8", "surrogatepass"))
    except ValueError:
        data = None
    tag = data.get("type") if isinstance(data, dict) else None
    cls = TABLES[table].get(tag) if isinstance(tag, str) else None
    if cls is not None:
        assert type(event) is cls
    elif data is not None:
        assert type(event) is UnknownEvent
        assert event.type == (tag if isinstance(tag, str) else "")
    if isinstance(data, dict):
        assert same(rebuild(event), data)
    # None of these may raise either.
    extras(event), validate(event), repr(event), hash(event), event.to_dict()
    for problem in problems(event):
        assert problem.path.startswith("$")
        assert str(problem)
    return event


@given(damaged())
@settings(max_examples=600, deadline=None)
def test_damaged_frames_are_read_and_given_back(case: tuple[str, dict[str, Any]]) -> None:
    table, data = case
    compact = json.dumps(data, separators=(",", ":")).encode()
    event = check(table, compact)
    other = check(table, json.dumps(data, indent=2).encode())
    assert repr(other) == repr(event)
    if "NaN" not in repr(data) and "nan" not in repr(data):
        assert other == event


@given(damaged(), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_the_order_of_keys_changes_nothing(case: tuple[str, dict[str, Any]], random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            entries = list(value.items())
            random.shuffle(entries)
            return {key: shuffled(entry) for key, entry in entries}
        return [shuffled(entry) for entry in value] if isinstance(value, list) else value

    table, data = case
    one = check(table, json.dumps(data).encode())
    two = check(table, json.dumps(shuffled(data), separators=(",", ":")).encode())
    assert type(one) is type(two)
    assert same(one.to_dict(), two.to_dict())
    assert {problem.path for problem in problems(one)} == {p.path for p in problems(two)}


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_bytes_are_read(draw: st.DataObject) -> None:
    table, data = draw.draw(st.sampled_from(frames()))
    frame = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
    place = draw.draw(st.integers(min_value=0, max_value=len(frame)))
    match draw.draw(st.sampled_from(["cut", "insert", "replace", "double"])):
        case "cut":
            frame = frame[:place]
        case "insert":
            frame = frame[:place] + draw.draw(st.binary(min_size=1, max_size=3)) + frame[place:]
        case "replace":
            frame = (
                frame[:place] + draw.draw(st.binary(min_size=1, max_size=1)) + frame[place + 1 :]
            )
        case _:
            frame += frame[place:]
    event = read(table, frame)
    assert event.raw == frame
    try:
        oracle = json.loads(frame.decode("utf-8", "surrogatepass"))
    except ValueError:
        # The decoders may skip over damage in undeclared fields: then it is the class all the same.
        extras(event), rebuild(event), problems(event), repr(event), hash(event)
    else:
        check(table, frame)
        assert same(rebuild(event), oracle)


@given(st.one_of(st.binary(max_size=80), st.text(max_size=80)))
@settings(max_examples=200, deadline=None)
def test_any_bytes_and_any_text_are_read(frame: bytes | str) -> None:
    for codec in (REALTIME, TRANSLATION):
        for decode in (codec.decode, codec.decode_client):
            event = decode(frame)
            extras(event), rebuild(event), problems(event), repr(event), hash(event)


@given(damaged())
@settings(max_examples=200, deadline=None)
def test_models_take_any_object(case: tuple[str, dict[str, Any]]) -> None:
    table, data = case
    cls = TABLES[table].get(str(data.get("type")))
    for model in () if cls is None else (cls.from_dict(data),):
        assert type(model) is cls
        problems(model), validate(model), repr(model), hash(model)
        declared = RULES[cls.__name__].keys() & data.keys()
        assert declared <= model.to_dict().keys()


@given(damaged())
@settings(max_examples=400, deadline=None)
def test_what_is_sent_is_refused_or_valid(case: tuple[str, dict[str, Any]]) -> None:
    """Nothing but InvalidEvent is ever raised, and what passes is what was meant, and valid."""
    table, data = case
    codec = codec_of(table)
    try:
        frame = codec.encode(data)
    except InvalidEvent as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        assert refusal.path.startswith("$")
        assert str(refusal).startswith(refusal.path)
        return
    assert sent_as_meant(json.loads(frame), data)
    event = codec.decode_client(frame)
    assert type(event) is codec.client[data["type"]]
    assert problems(event) == []
    assert validate(event) == []


@pytest.mark.parametrize("table", TABLES)
def test_the_tolerant_reading_is_the_same_where_everything_fits(table: str) -> None:
    """A misfit in one field makes the whole event take the slow way; the rest must not change."""
    for name, data in frames():
        if name == table and "event_id" in data:
            event = read(table, json.dumps(data).encode())
            if isinstance(event, UnknownEvent):
                continue
            slow = read(table, json.dumps({**data, "event_id": [1]}).encode())
            assert attrs.evolve(slow, event_id=getattr(event, "event_id")) == event  # noqa: B009
