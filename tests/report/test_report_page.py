"""The page as a file: all in it, nothing from outside, nothing of a recording as markup."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from spoken_session import Tape, lines, tone

from voxwire import report
from voxwire.audio.g711 import ulaw_decode
from voxwire.errors import RecordingError
from voxwire.protocol.audio_format import PCM16, Format
from voxwire.recording.frames import Entry, entry
from voxwire.report.audio_clips import AudioClip, Peaks

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&quot;\"'`${alert(3)}"


def entries(*made: dict[str, Any]) -> list[Entry]:
    return [entry(line) for line in made]


def data_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="text/plain" id="data">([A-Za-z0-9+/=]*)</script>', html)
    assert found is not None
    data: dict[str, Any] = json.loads(gzip.decompress(b64decode(found[1])))
    return data


def sounds_of(html: str) -> dict[str, bytes]:
    found = re.findall(r'data-sound="([0-9-]+)">([A-Za-z0-9+/=]*)</script>', html)
    return {place: b64decode(text) for place, text in found}


@pytest.fixture(scope="module")
def html() -> str:
    return report.html(entries(*lines()), name="made up.jsonl")


def test_nothing_is_asked_of_a_network(html: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert set(rules) == {
        "default-src", "script-src", "style-src", "media-src", "base-uri", "form-action",
        "require-trusted-types-for", "trusted-types",
    }  # fmt: skip
    for tag, rule in (("<script>", "script-src"), ("<style>", "style-src")):
        assert html.count(tag) == 1
        body = html.split(tag)[1].split(tag.replace("<", "</"))[0]
        digest = b64encode(sha256(body.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert "unsafe" not in policy[1]
    assert not re.search(r"(?:src|href)\s*=", html.split("<script>")[0])
    assert not re.search(r"https?://", re.sub(r'content="[^"]*"', "", html))


def test_what_the_page_draws_is_what_programs_get(html: str) -> None:
    data = data_of(html)
    whole = report.read(entries(*lines()), name="made up.jsonl").to_dict()
    for session in (data["sessions"][0], whole["sessions"][0]):
        session.pop("sounds")
    assert data["sessions"] == whole["sessions"]
    assert data["source"] == "made up.jsonl"


def test_the_sound_is_in_it_as_it_was_recorded(html: str) -> None:
    infos = data_of(html)["sessions"][0]["sounds"]
    sounds = sounds_of(html)
    assert len(sounds) == len(infos)
    answer = infos["item-item_a1"]
    assert sounds[f"0-{answer['n']}"] == tone(6.0, hertz=130)
    assert (answer["lane"], answer["at"], answer["rate"]) == ("model", 5.5, 24000)
    user = [info for info in infos.values() if info["lane"] == "user"]
    assert sum(info["seconds"] for info in user) == pytest.approx(14.0)


def test_the_sound_can_be_left_out_or_made_smaller() -> None:
    made = entries(*lines())
    full, compact, none = (
        report.html(made, audio=mode) for mode in ("full", "compact", "none")
    )  # fmt: skip
    assert sounds_of(none) == {}
    assert data_of(none)["sound"] == "The sound is not in here."
    assert data_of(full)["sound"] == ""
    assert "8 kHz" in data_of(compact)["sound"]
    size, small = (sum(map(len, sounds_of(page).values())) for page in (full, compact))
    assert small == pytest.approx(size / 6, rel=0.001)
    assert data_of(compact)["sessions"][0]["waves"] == data_of(full)["sessions"][0]["waves"]
    table = b64decode(data_of(compact)["tables"]["audio/pcmu"])
    assert table == ulaw_decode(bytes(range(256)))


def test_long_sound_is_made_smaller_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxwire.report.page.LIMIT", 500_000)
    assert "8 kHz" in data_of(report.html(entries(*lines())))["sound"]


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 22_050])
def test_smaller_sound_is_the_same_sound(rate: int) -> None:
    sound = AudioClip(Format("audio/pcm", rate), "user", 0.0)
    ramp = b"".join(
        (int(30_000 * (i % 200 - 100) / 100)).to_bytes(2, "little", signed=True)
        for i in range(rate)
    )
    sound.add(ramp)
    info, data = sound.encoded("compact")
    assert info.format == "audio/pcmu"
    assert info.rate == (8_000 if rate % 8_000 == 0 else rate)
    assert len(data) == info.rate
    count = rate // info.rate
    values = memoryview(ramp).cast("h")
    decoded = memoryview(ulaw_decode(data)).cast("h")
    for i in range(400):
        mean = sum(values[i * count : (i + 1) * count]) / count
        assert decoded[i] == pytest.approx(mean, rel=0.05, abs=16)


@pytest.mark.parametrize("size", [1, 7, 960, 4_801])
def test_loudness_does_not_depend_on_how_sound_was_cut(size: int) -> None:
    sound = tone(0.5)
    whole, cut = Peaks(PCM16), Peaks(PCM16)
    whole.add(sound)
    for i in range(0, len(sound), size):
        cut.add(sound[i : i + size])
    assert whole.levels == cut.levels
    assert len(whole.levels) == 25
    loudest = max(abs(value) for value in memoryview(sound).cast("h"))
    assert max(whole.levels) == pytest.approx(loudest >> 8, abs=1)


def test_the_laws_have_a_loudness_of_their_own() -> None:
    peaks = Peaks(Format("audio/pcmu", 8_000))
    peaks.add(b"\xff" * 160 + b"\x80" * 160 + b"\x00" * 80)
    peaks.end()
    assert list(peaks.levels) == [0, 125, 125]


def test_what_a_recording_holds_is_never_markup() -> None:
    tape = Tape()
    tape.lines[0]["url"] = f"wss://host/{HOSTILE}"
    tape.server(1, "session.created", session={"type": "realtime", "model": HOSTILE})
    tape.server(2, HOSTILE, delta=HOSTILE)
    tape.server(3, "error", error={"code": HOSTILE, "message": HOSTILE})
    tape.server(4, "response.output_audio.delta", response_id="r", item_id=HOSTILE,
                output_index=0, content_index=0, delta="AAAA")  # fmt: skip
    page = report.html(entries(*tape.lines), name=f"{HOSTILE}.jsonl")
    assert "alert(" not in page.replace("&lt;script&gt;alert(1)&lt;/script&gt;", "").replace(
        "onerror=alert(2)&gt;&amp;quot;&quot;&#x27;`${alert(3)}", ""
    )
    assert page.count("<script>") == 1
    assert HOSTILE in json.dumps(data_of(page)).encode().decode("unicode_escape")


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines()))
    out = tmp_path / "call.html"
    assert report.write(path, out) == "full"
    assert data_of(out.read_text())["source"] == "call.jsonl"
    before = out.read_bytes()
    path.write_text("no recording\n")
    with pytest.raises(RecordingError):
        report.write(path, out)
    assert out.read_bytes() == before
    with pytest.raises(RecordingError, match="cannot be written"):
        report.write(entries(*lines()), tmp_path / "none" / "call.html")
    assert sorted(tmp_path.iterdir()) == [out, path]
