"""``voxwire diff``: what is the same in two recordings, and how differences are told."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from voxwire.cli.app import app
from voxwire.recording.diff import Difference, compare
from voxwire.recording.frames import Entry, entry, read

Line = dict[str, Any]


def s2c(kind: str, **fields: Any) -> Line:
    return {"dir": "s2c", "event": {"type": kind, **fields}}


def c2s(kind: str, **fields: Any) -> Line:
    return {"dir": "c2s", "event": {"type": kind, **fields}}


def entries(*lines: Line) -> list[Entry]:
    return [entry(line) for line in lines]


def differences(a: list[Line], b: list[Line], **options: Any) -> list[Difference]:
    return compare(entries(*a), entries(*b), **options).differences


def found(a: list[Line], b: list[Line], **options: Any) -> list[tuple[Any, ...]]:
    return [(d.kind, d.a, d.b, d.path, d.values) for d in differences(a, b, **options)]


def session(prefix: str, t: float) -> list[Line]:
    """A turn with ids and times of its own."""
    item = {"id": f"{prefix}i1", "type": "message", "role": "user"}
    answer = {"id": f"{prefix}i2", "type": "message", "role": "assistant"}
    response = {"id": f"{prefix}r1", "status": "completed", "output": [answer]}
    lines = [
        s2c("session.created", session={"id": f"{prefix}s", "expires_at": int(t)}),
        c2s("conversation.item.create", event_id=f"{prefix}c1", item=item),
        s2c("conversation.item.added", item=item, previous_item_id=None),
        c2s("response.create", response={"metadata": {"voxwire_request": f"{prefix}-1"}}),
        s2c("conversation.item.added", item=answer, previous_item_id=f"{prefix}i1"),
        s2c("response.output_text.delta", item_id=f"{prefix}i2", delta="Yes", obfuscation=prefix),
        s2c("response.done", response=response),
        {"dir": "close", "code": 1000, "reason": ""},
    ]
    meta = {"dir": "meta", "format": 1, "url": f"wss://{prefix}/"}
    return [{**line, "t": t + i, "event_id": prefix} for i, line in enumerate([meta, *lines])]


def test_ids_and_times_may_be_others() -> None:
    assert found(session("a", 1), session("b", 99)) == []


def test_what_the_sides_say_at_once_may_come_in_either_order() -> None:
    one = [s2c("a"), c2s("b"), s2c("c")]
    assert found(one, [c2s("b"), s2c("a"), s2c("c")]) == []
    assert found(one, [s2c("c"), c2s("b"), s2c("a")]) != []


def test_an_id_stands_for_the_same_one_throughout() -> None:
    a = [s2c("x", item_id="1"), s2c("x", item_id="2"), s2c("y", item_id="1"), s2c("y", id="1")]
    b = [s2c("x", item_id="p"), s2c("x", item_id="q"), s2c("y", item_id="q"), s2c("y", id="q")]
    (only,) = differences(a, b)  # told once
    assert (only.kind, only.a, only.b, only.path) == ("id", 3, 3, "$.item_id")
    assert only.values == ("1", "q")
    assert only.before == ("1", "p")
    assert found(a, [*a[:1], *a[:1], *a[2:]]) == [("id", 2, 2, "$.item_id", ("2", "1"))]


def test_ids_that_somebody_chose_are_values() -> None:
    for one, other in [
        ({"prompt": {"id": "a"}}, {"prompt": {"id": "b"}}),
        (
            {"audio": {"output": {"voice": {"id": "a"}}}},
            {"audio": {"output": {"voice": {"id": "b"}}}},
        ),
        ({"connector_id": "a"}, {"connector_id": "b"}),
        ({"previous_item_id": "root"}, {"previous_item_id": "x"}),
        ({"metadata": {"id": "a"}}, {"metadata": {"id": "b"}}),
    ]:
        assert [d[0] for d in found([s2c("x", **one)], [s2c("x", **other)])] == ["value"]


@pytest.mark.parametrize(
    ("a", "b", "kind", "path", "values"),
    [
        ({"n": {"m": [1, 2]}}, {"n": {"m": [1, 3]}}, "value", "$.n.m[1]", (2, 3)),
        ({"n": [1]}, {"n": [1, {}]}, "only_b", "$.n[1]", (None, {})),
        ({"n": [1, 0]}, {"n": [1]}, "only_a", "$.n[1]", (0, None)),
        ({"n": None}, {}, "only_a", "$.n", (None, None)),
        ({}, {"n": None}, "only_b", "$.n", (None, None)),
        ({"n": True}, {"n": 1}, "value", "$.n", (True, 1)),
        ({"n": None}, {"n": {}}, "value", "$.n", (None, {})),
        ({"item_id": "a"}, {"item_id": None}, "value", "$.item_id", ("a", None)),
        ({"format_at": "a"}, {"format_at": "b"}, "value", "$.format_at", ("a", "b")),
    ],
)  # fmt: skip
def test_a_difference_has_its_path(a: Any, b: Any, kind: str, path: str, values: Any) -> None:
    assert found([s2c("x", **a)], [s2c("x", **b)]) == [(kind, 1, 1, path, values)]


def test_equal_numbers_are_equal() -> None:
    assert found([s2c("x", n=1)], [s2c("x", n=1.0)]) == []


def test_events_are_aligned_by_their_type() -> None:
    a = [s2c("a"), s2c("b", n=1), s2c("c"), s2c("d", n=1)]
    b = [s2c("a"), s2c("new"), s2c("b", n=1), s2c("d", n=2), s2c("e")]
    assert [(d.kind, d.type, d.a, d.b) for d in differences(a, b)] == [
        ("only_b", "new", None, 2),
        ("only_a", "c", 3, None),
        ("value", "d", 4, 4),
        ("only_b", "e", None, 5),
    ]


def test_items_are_aligned_by_what_they_are() -> None:
    def item(kind: str, n: int) -> Line:
        return s2c("conversation.item.added", item={"type": kind, "n": n})

    a = [item("message", 1), item("function_call", 2)]
    b = [item("function_call", 2)]
    assert found(a, b) == [("only_a", 1, None, "", (None, None))]


def test_how_it_ended_and_what_was_no_json() -> None:
    a = [{"dir": "s2c", "raw": "a"}, {"dir": "close", "code": 1000, "reason": ""}]
    b = [{"dir": "s2c", "raw": "b"}, {"dir": "close", "code": 4000, "reason": None}]
    assert found(a, b) == [
        ("value", 1, 1, "$", ("a", "b")),
        ("value", 2, 2, "$.code", (1000, 4000)),
    ]


def test_connections_are_compared_in_turn() -> None:
    two = [*session("a", 1), *session("b", 1)]
    assert found(two, [*session("c", 1), *session("d", 1)]) == []
    (only,) = differences(two, session("c", 1))
    assert (only.kind, only.connection, only.values) == ("connection", 2, (True, False))


def sound(data: bytes) -> str:
    return base64.b64encode(data).decode()


def spoken(*pieces: bytes) -> list[Line]:
    name = "response.output_audio.delta"
    return [s2c(name, item_id="i", delta=sound(piece)) for piece in pieces]


def test_audio_is_compared_by_length_or_content_or_not() -> None:
    a, other, longer = spoken(b"aaaa"), spoken(b"bbbb"), spoken(b"aaaaaa")
    assert found(a, other) == []
    assert found(a, longer) == [
        ("value", 1, 1, "$.delta", ("4 bytes of audio", "6 bytes of audio"))
    ]
    assert [d[3] for d in found(a, other, audio="content")] == ["$.delta"]
    assert found(a, a, audio="content") == []
    assert found(a, longer, audio="ignore") == []
    left_out = [{**spoken(b"")[0], "left_out": {"/delta": 8}}]
    assert found(spoken(b"aaaaaa"), left_out, audio="content") == []
    assert found(a, left_out) != []
    part = {"content": [{"type": "input_audio", "audio": sound(b"aa")}]}
    more = {"content": [{"type": "input_audio", "audio": sound(b"aaa")}]}
    assert [d[3] for d in found([s2c("x", item=part)], [s2c("x", item=more)])] == [
        "$.item.content[0].audio"
    ]


def test_pieces_can_be_joined_however_they_were_cut() -> None:
    def text(*pieces: str) -> list[Line]:
        return [s2c("response.output_text.delta", item_id="i", delta=piece) for piece in pieces]

    done = s2c("response.done")
    assert found([*text("a", "b", "c"), done], [*text("ab", "c"), done], join=True) == []
    assert found([*text("a", "b"), done], [*text("ab"), done]) != []
    assert [d[4] for d in found(text("a", "b"), text("ab", "x"), join=True)] == [("ab", "abx")]
    mixed = [text("a")[0], spoken(b"12")[0], text("b")[0], spoken(b"34")[0]]
    assert found(mixed, [*text("ab"), *spoken(b"1234")], join=True, audio="content") == []
    assert found(spoken(b"12", b"34"), spoken(b"1243"), join=True, audio="content") != []
    kept_out = [{**line, "left_out": {"/delta": 4}} for line in spoken(b"", b"")]
    assert found(spoken(b"123456"), kept_out, join=True, audio="content") == []


def test_what_is_appended_after_a_commit_is_another_piece() -> None:
    def append(data: bytes) -> Line:
        return c2s("input_audio_buffer.append", audio=sound(data))

    commit = c2s("input_audio_buffer.commit")
    a = [append(b"12"), append(b"34"), commit, append(b"56")]
    assert found(a, [append(b"1234"), commit, append(b"5"), append(b"6")], join=True) == []
    assert found(a, [append(b"12"), commit, append(b"3456")], join=True) != []


def test_patterns_pass_over_types_and_paths() -> None:
    a = [s2c("rate_limits.updated", n=1), s2c("x", usage={"a": 1}, n=1)]
    b = [s2c("x", usage={"a": 2}, n=2)]
    assert [d[3] for d in found(a, b)] == ["", "$.usage.a", "$.n"]
    assert [d[3] for d in found(a, b, ignore=["rate_limits.*", "$.usage*"])] == ["$.n"]


# --- the command ---------------------------------------------------------------------------------


def write(path: Path, lines: list[Line]) -> str:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def diff(tmp_path: Path, a: list[Line], b: list[Line], *options: str) -> Result:
    paths = write(tmp_path / "a.jsonl", a), write(tmp_path / "b.jsonl", b)
    return CliRunner().invoke(app, ["diff", *paths, *options])


def test_no_difference_is_said_and_is_no_failure(tmp_path: Path) -> None:
    result = diff(tmp_path, session("a", 1), session("b", 2))
    assert (result.exit_code, result.output) == (0, "no difference in 7 frames\n")


def test_differences_are_told_by_position_and_path(tmp_path: Path) -> None:
    a = [s2c("a", item_id="1"), s2c("b", n=[1]), c2s("c"), s2c("d", item_id="1")]
    b = [s2c("a", item_id="p"), s2c("b", n=["\x1b[0m"]), s2c("d", item_id="q"), s2c("e")]
    result = diff(tmp_path, [*a, *session("a", 1)], b)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"A {tmp_path / 'a.jsonl'}",
        f"B {tmp_path / 'b.jsonl'}",
        "     2      2  ← b  $.n[0]",
        "               A 1",
        '               B "\\u001b[0m"',
        "     3      -  → c  only in A",
        "     4      3  ← d  $.item_id",
        '               A "1"',
        '               B "q"',
        "                 1 was p before",
        "     -      4  ← e  only in B",
        "connection 2",
        "only A has this connection",
        "5 differences",
    ]


def test_of_long_texts_the_place_is_shown(tmp_path: Path) -> None:
    a, b = [s2c("a", n="x" * 200 + "1" + "y" * 90)], [s2c("a", n="x" * 200 + "2")]
    result = diff(tmp_path, a, b)
    assert [line.strip() for line in result.stdout.splitlines()[3:5]] == [
        "A …" + "x" * 19 + "1" + "y" * 38 + "…",
        "B …" + "x" * 19 + '2"',
    ]


def test_as_json(tmp_path: Path) -> None:
    result = diff(tmp_path, [s2c("a", n=1)], [s2c("a", n=2)], "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "a": str(tmp_path / "a.jsonl"),
        "b": str(tmp_path / "b.jsonl"),
        "equal": False,
        "frames": {"a": 1, "b": 1},
        "differences": [
            {"connection": 1, "kind": "value", "dir": "s2c", "type": "a", "a": 1, "b": 1,
             "path": "$.n", "values": [1, 2], "before": None},
        ],
    }  # fmt: skip


def test_options_reach_the_comparison(tmp_path: Path) -> None:
    a, b = spoken(b"aa", b"aa"), spoken(b"bbbb")
    assert diff(tmp_path, a, b).exit_code == 1
    assert diff(tmp_path, a, b, "--join").exit_code == 0
    assert diff(tmp_path, a, b, "--join", "--audio", "content").exit_code == 1
    assert diff(tmp_path, a, b, "--ignore", "response.*").exit_code == 0


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    result = diff(tmp_path, [s2c("a")] * 150, [s2c("b")] * 50)
    assert result.stdout.splitlines()[-2:] == ["and 100 more; --json lists all", "200 differences"]


def test_every_recording_is_like_itself(recordings_dir: Path) -> None:
    checked = 0
    for path in sorted(recordings_dir.glob("*.jsonl")):
        if path.name != "spec_examples.jsonl":
            lines = list(read(path))
            for join in (False, True):
                assert compare(lines, lines, audio="content", join=join).differences == [], path
            checked += 1
    assert checked > 10
