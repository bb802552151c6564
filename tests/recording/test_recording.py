"""The recording format: what is written, what is left out, and what survives a crash."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from voxwire.errors import RecordingError
from voxwire.recording import Close, Frame, Meta, Recorder, read, sessions

KEY = "sk-proj-abcdefghijklmnop"


class Clock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "session.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def frames(path: Path) -> list[Frame]:
    return [entry for entry in read(path) if isinstance(entry, Frame)]


def test_writes_one_line_for_each_frame_with_its_time(path: Path) -> None:
    clock = Clock()
    with Recorder(path, url="wss://example.com/v1/realtime?model=m", clock=clock) as recorder:
        clock.now += 0.25
        recorder.server(b'{"type": "session.created", "session": {"id": "s1"}}')
        clock.now += 1
        recorder.client('{"type": "response.create"}')
        recorder.closed(1000, "bye", by="client")
    meta, *rest = lines(path)
    assert meta.pop("created").endswith("+00:00")
    assert meta == {
        "t": 0.0,
        "dir": "meta",
        "format": 1,
        "url": "wss://example.com/v1/realtime?model=m",
    }
    assert rest == [
        {
            "t": 0.25,
            "dir": "s2c",
            "event": {"type": "session.created", "session": {"id": "s1"}},
        },
        {"t": 1.25, "dir": "c2s", "event": {"type": "response.create"}},
        {"t": 1.25, "dir": "close", "code": 1000, "reason": "bye", "by": "client"},
    ]


def test_reads_back_what_was_written(path: Path) -> None:
    clock = Clock()
    with Recorder(path, clock=clock) as recorder:
        recorder.server('{"type":"a","text":"Grüße 😀"}')
        recorder.client("not json")
        recorder.client(b"\xff\x00")
        recorder.client(b"plain", binary=True)
        recorder.server("'quoted'")
        recorder.server(b'{"type":"a","n":NaN}')
        recorder.server(b'{"type":"a","half":"\\ud83d"}')
        recorder.server(b'{"type":"a","big":123456789012345678901234567890}')
        recorder.closed(None)
    meta, *rest = read(path)
    assert isinstance(meta, Meta)
    assert meta.begins
    assert rest == [
        Frame(dir="s2c", t=0.0, event={"type": "a", "text": "Grüße 😀"}),
        Frame(dir="c2s", t=0.0, raw="not json"),
        Frame(dir="c2s", t=0.0, raw=b"\xff\x00"),
        Frame(dir="c2s", t=0.0, raw=b"plain"),
        Frame(dir="s2c", t=0.0, raw="'quoted'"),
        Frame(dir="s2c", t=0.0, raw='{"type":"a","n":NaN}'),
        Frame(dir="s2c", t=0.0, event={"type": "a", "half": "\ud83d"}),
        Frame(dir="s2c", t=0.0, event={"type": "a", "big": 123456789012345678901234567890}),
        Close(t=0.0),
    ]
    assert "Grüße 😀" in path.read_text()


def test_the_message_of_a_frame_is_what_goes_on_the_wire() -> None:
    assert Frame(dir="s2c", event={"type": "a", "x": [1, None]}).data == '{"type":"a","x":[1,null]}'
    assert Frame(dir="s2c", raw=b"\xff").data == b"\xff"
    assert Frame(dir="s2c", event={"type": "a"}).type == "a"
    assert Frame(dir="s2c", event=[1]).type is None
    assert Frame(dir="s2c", raw="x").type is None


def test_each_line_is_on_disk_before_the_next_frame(path: Path) -> None:
    recorder = Recorder(path)
    recorder.server('{"type":"a"}')
    assert lines(path)[-1]["event"] == {"type": "a"}
    recorder.close()
    recorder.server('{"type":"b"}')
    assert lines(path)[-1]["event"] == {"type": "a"}


def test_continues_an_existing_file_as_a_new_connection(path: Path) -> None:
    for name in "ab":
        with Recorder(path, url=f"ws://localhost/{name}") as recorder:
            recorder.server(json.dumps({"type": name}))
    first, second = sessions(read(path))
    assert [entry.type for entry in first + second if isinstance(entry, Frame)] == ["a", "b"]


def test_a_recorder_begins_a_connection_again_after_a_reconnect(path: Path) -> None:
    clock = Clock()
    with Recorder(path, clock=clock) as recorder:
        clock.now += 5
        recorder.closed(1006, None)
        recorder.begin("ws://localhost/again", attempt=2)
        recorder.server('{"type":"a"}')
    first, second = sessions(read(path))
    assert first[-1] == Close(t=5.0, code=1006)
    assert second[0].fields["attempt"] == 2  # type: ignore[union-attr]
    assert second[1].t == 0.0


def test_a_cut_last_line_is_passed_over_and_the_file_can_be_continued(path: Path) -> None:
    with Recorder(path) as recorder:
        recorder.server('{"type":"a"}')
        recorder.server('{"type":"lost","text":"é"}')
    path.write_bytes(path.read_bytes()[:-5])
    assert [frame.type for frame in frames(path)] == ["a"]
    with Recorder(path) as recorder:
        recorder.server('{"type":"b"}')
    assert [frame.type for frame in frames(path)] == ["a", "b"]


def test_rubbish_inside_a_connection_is_named(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"dir":"s2c","event":{}}\n{"dir":"s2\n{"dir":"s2c","event":{}}\n')
    with pytest.raises(RecordingError, match=r"session\.jsonl:2: not JSON"):
        list(read(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": "X", "example": {}}\n', "dir is None"),
        ('{"dir": "sideways", "event": {}}\n', "'sideways'"),
        ('{"dir": "s2c"}\n', "'s2c'"),
        ("[1]\n", "dir is None"),
        ("hello\n", "no recording"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(path: Path, content: str, message: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(RecordingError, match=message):
        list(read(path))


def test_a_missing_file_and_a_folder_in_the_way_are_recording_errors(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"absent\.jsonl: cannot be read"):
        list(read(tmp_path / "absent.jsonl"))
    with pytest.raises(RecordingError, match="cannot be written"):
        Recorder(tmp_path)


def test_an_empty_file_is_an_empty_recording(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    assert list(read(tmp_path / "empty.jsonl")) == []


def test_no_key_is_written(path: Path) -> None:
    azure = "0123456789abcdef0123456789abcdef"
    with Recorder(
        path, url=f"wss://me:pw@host/v1?model=m&api-key={azure}&x={KEY}", secrets=[azure]
    ) as recorder:
        recorder.client(f'{{"type":"x","text":"my key is {KEY}, keep it"}}')
        recorder.client(f"garbage Bearer {azure} {KEY}")
        recorder.server(
            json.dumps(
                {
                    "type": "session.updated",
                    "client_secret": {"value": "plain-secret", "expires_at": 1},
                    "session": {
                        "tools": [
                            {
                                "type": "mcp",
                                "server_label": "d",
                                "authorization": "oauth-token",
                                "headers": {"X-Team": "plain-header"},
                            }
                        ]
                    },
                    "value": "ek_abcdefghijklmnop",
                    "note": azure,
                }
            )
        )
        recorder.closed(3000, f"bad key {KEY}")
    text = path.read_text()
    for secret in (
        KEY,
        azure,
        "plain-secret",
        "oauth-token",
        "plain-header",
        "ek_abcdef",
        "me:pw",
    ):
        assert secret not in text
    assert '"url":"wss://host/v1?model=m&api-key=<redacted>&x=<redacted>"' in text
    assert "my key is <redacted>, keep it" in text
    assert '"X-Team":"<redacted>"' in text


def test_audio_can_be_left_out_and_its_length_is_kept(path: Path) -> None:
    item = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_audio", "audio": "AAAA", "transcript": "hi"}],
    }
    with Recorder(path, audio=False) as recorder:
        recorder.client('{"type":"input_audio_buffer.append","audio":"AAAAAAAA"}')
        recorder.server('{"type":"response.output_audio.delta","delta":"AAAA"}')
        recorder.server('{"type":"response.output_audio_transcript.delta","delta":"word"}')
        recorder.client(json.dumps({"type": "conversation.item.create", "item": item}))
        recorder.client(
            '{"type":"session.update","session":{"audio":{"output":{"voice":"marin"}}}}'
        )
    append, audio, transcript, create, update = frames(path)
    assert append.event == {"type": "input_audio_buffer.append", "audio": ""}
    assert append.left_out == {"/audio": 8}
    assert audio.event["delta"] == ""
    assert audio.left_out == {"/delta": 4}
    assert transcript.event["delta"] == "word"
    assert transcript.left_out == {}
    assert create.event["item"]["content"][0] == {
        "type": "input_audio",
        "audio": "",
        "transcript": "hi",
    }
    assert create.left_out == {"/item/content/0/audio": 4}
    assert update.event["session"]["audio"] == {"output": {"voice": "marin"}}


class FullDisk(io.BytesIO):
    """A file that takes nothing more."""

    def write(self, data: object) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_ends_the_recording_and_not_the_session(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(path)
    monkeypatch.setattr("voxwire.recording.recorder._appending", lambda path: FullDisk())
    recorder.server('{"type":"a"}')
    recorder.server('{"type":"b"}')
    assert [record.message for record in caplog.records] == [
        f"{path}: recording ended: No space left on device"
    ]
    assert path.read_bytes() == b""


def test_leaves_no_file_open_between_connections(path: Path) -> None:
    recorder = Recorder(path)  # dialing may fail now: nobody has to close it
    recorder.server('{"type":"a"}')
    recorder.closed(1000)
    recorder.server('{"type":"late"}')
    recorder.closed(1000)
    assert [line["dir"] for line in lines(path)] == ["meta", "s2c", "close"]


def test_reads_the_dialect_of_other_recorders(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(
        '{"dir": "s2c", "event": {"type": "session.created"}}\n'
        '{"t": 2.5, "dir": "c2s", "raw": "\'not json\'"}\n'
        '{"t": 3.0, "dir": "c2s", "raw": "b\'\\\\x00\\\\x01\'"}\n'
        '{"t": 3.0, "dir": "c2s", "raw": "\'open"}\n'
        '{"t": 4, "dir": "close", "code": 4000, "reason": "r"}\n'
        '{"t": 0.0, "dir": "meta", "url": "ws://h/", "beta": false}\n'
        '{"t": 0.1, "dir": "meta", "status": 101}\n'
    )
    first, second = sessions(read(path))
    assert first == [
        Frame(dir="s2c", event={"type": "session.created"}),
        Frame(dir="c2s", t=2.5, raw="not json"),
        Frame(dir="c2s", t=3.0, raw=b"\x00\x01"),
        Frame(dir="c2s", t=3.0, raw="'open"),
        Close(t=4.0, code=4000, reason="r"),
    ]
    assert [entry.begins for entry in second if isinstance(entry, Meta)] == [True, False]


def test_a_close_ends_a_connection_where_no_meta_begins_the_next() -> None:
    hello, note = Frame(dir="s2c", event={}), Meta(fields={"note": "x"})
    close, meta = Close(code=1011), Meta(fields={"format": 1})
    assert sessions([hello, close, note, close, hello, hello]) == [
        [hello, close, note, close], [hello, hello],
    ]  # fmt: skip
    assert sessions([hello, close, meta, hello]) == [[hello, close], [meta, hello]]
    assert sessions([close, hello]) == [[close], [hello]]


def test_reads_the_shared_recordings(
    recordings_dir: Path, recorded: list[Path], recorded_live: list[Path]
) -> None:
    counts = {}
    for path in recorded + recorded_live:
        entries = list(read(path))
        assert len(entries) == len(path.read_text().splitlines())
        counts[path.stem] = len(sessions(entries))
    assert counts["server_aimock"] == 5
    assert counts["openai_ws__tool_call_round"] == 1
    with pytest.raises(RecordingError, match=r"spec_examples\.jsonl:1"):
        list(read(recordings_dir / "spec_examples.jsonl"))
