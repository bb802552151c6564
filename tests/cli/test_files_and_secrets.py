"""``voxwire transcribe``, ``translate`` and ``secret``: what goes in, and what comes out where."""

from __future__ import annotations

import json
import re
import wave
from pathlib import Path

import pytest
from cli.terminals import call, run, terminal

import voxwire
from voxwire import TranscriptLine
from voxwire.audio import silence
from voxwire.cli.options import SubtitleFormat
from voxwire.cli.subtitles import written
from voxwire.cli.translate import SentencePrinter
from voxwire.emulator import tone

SCRIPT = """\
hear: ["Good morning.", "Let us begin."]
rules:
  - match: morning
    reply: Buenos días.
  - match: begin
    reply: Empecemos.
"""

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "script.yaml").write_text(SCRIPT)
    first, second = tone("good morning"), tone("let us begin")
    voxwire.write_wav(tmp_path / "a.wav", silence(400) + first + silence(1500) + second)
    voxwire.write_wav(tmp_path / "silent.wav", silence(1000))
    monkeypatch.chdir(tmp_path)
    return tmp_path


LOCAL = ["--local", "--script", "script.yaml"]


# --- transcribe -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], r"00:00\.\d{3}  Good morning\.\n00:02\.\d{3}  Let us begin\.\n"),
        (["--format", "plain"], r"Good morning\.\nLet us begin\.\n"),
        (
            ["-f", "srt"],
            r"1\n00:00:00,\d{3} --> 00:00:01,\d{3}\nGood morning\.\n\n"
            r"2\n00:00:02,\d{3} --> 00:00:03,\d{3}\nLet us begin\.\n\n",
        ),
        (["-f", "vtt"], r"WEBVTT\n\n1\n00:00:00\.\d{3} --> [^\n]+\nGood morning\.\n\n2\n(.*\n)+"),
    ],
)
def test_a_transcript_in_each_shape(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture, options: list[str], text: str
) -> None:
    done = call(monkeypatch, capfd, "transcribe", "a.wav", *LOCAL, *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(text, done.stdout), done.stdout


def test_a_transcript_in_a_file(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    options = ["-f", "plain", "--output", "out.txt"]
    done = call(monkeypatch, capfd, "transcribe", "a.wav", *LOCAL, *options)
    assert (done.returncode, done.stdout) == (0, "")
    assert (here / "out.txt").read_text() == "Good morning.\nLet us begin.\n"


def test_a_pipe_in_and_json_out(here: Path) -> None:
    done = run("transcribe", "-", *LOCAL, "--json", say=(here / "a.wav").read_bytes(), cwd=here)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["text"], second["text"]) == ("Good morning.", "Let us begin.")
    assert 0 <= first["start"] < first["end"] < second["start"]
    assert first["error"] is None


def test_pieces_of_equal_length(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    options = ["--segment", "2", "--language", "en", "-m", "gpt-live-transcribe"]
    done = call(monkeypatch, capfd, "transcribe", "a.wav", *LOCAL, *options)
    assert done.stdout.startswith("00:00.000  Good morning.\n00:02.000  Let us begin.\n")
    whisper = ["-m", "gpt-realtime-whisper", "--segment", "9"]
    done = call(monkeypatch, capfd, "transcribe", "a.wav", *LOCAL, *whisper)
    assert done.stdout == "00:00.000  Good morning.\n"


def test_a_transcript_on_a_screen_has_a_bar_below_and_a_bill_at_the_end(here: Path) -> None:
    with terminal("transcribe", "a.wav", *LOCAL, cwd=here) as screen:
        screen.shows(r"^usage +\d+ s transcribed, free here, ")
        assert screen.ends() == 0
    assert re.search(
        r"^00:00\.\d{3}  Good morning\.\n00:02\.\d{3}  Let us begin\.$", screen.text, re.M
    )
    assert "transcribing" not in screen.text
    assert b"transcribing" in screen.raw


@pytest.mark.parametrize("setting", [{}, {"NO_COLOR": "1"}])
def test_no_bar_runs_into_the_output_of_a_pipe(here: Path, setting: dict[str, str]) -> None:
    with terminal("transcribe", "a.wav", *LOCAL, cwd=here, env=setting, pipe="cat") as screen:
        screen.shows(r"Let us begin\.$")
        screen.ends()
    assert b"transcribing" not in screen.raw


def test_no_bar_without_colours_or_beside_a_log(here: Path) -> None:
    with terminal("transcribe", "a.wav", *LOCAL, cwd=here, env={"NO_COLOR": "1"}) as screen:
        screen.shows(r"^usage ")
        screen.ends()
    assert b"transcribing" not in screen.raw


def test_what_could_not_be_written_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    (here / "script.yaml").write_text("hear: [null, Let us begin.]")
    done = call(monkeypatch, capfd, "transcribe", "a.wav", *LOCAL, "-f", "plain")
    assert (done.returncode, done.stdout) == (1, "Let us begin.\n")
    assert "a line could not be written: audio_unintelligible" in done.stderr


def test_lines_without_times_and_with_what_breaks_subtitles() -> None:
    line = TranscriptLine(item_id="i", text="a --> b\n\nc\x1b[2J", start_ms=None)
    assert list(written(1, line, SubtitleFormat.TEXT)) == ["?          a --> b\n\nc\ufffd[2J"]
    (block,) = written(2, line, SubtitleFormat.SRT)
    assert block == "2\n00:00:00,000 --> 00:00:02,000\na -> b\nc\ufffd[2J\n"
    late = TranscriptLine(item_id="i", text="late", start_ms=3_723_004, end_ms=3_724_000)
    assert list(written(1, late, SubtitleFormat.TEXT)) == ["01:02:03.004  late"]


# --- translate ------------------------------------------------------------------------------------


def test_a_translation_in_text_and_sound(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    options = [*LOCAL, "--fast", "--to", "es", "--output", "b.wav"]
    done = call(monkeypatch, capfd, "translate", "a.wav", *options)
    assert (done.returncode, done.stdout) == (0, "Buenos días.\nEmpecemos.\n")
    with wave.open(str(here / "b.wav")) as file:
        assert file.getnframes() > 24000
    options = [*LOCAL, "--fast", "--to", "es", "--source", "--json"]
    done = call(monkeypatch, capfd, "translate", "a.wav", *options)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["text"] for line in lines if line["who"] == "speaker"] == [
        "Good morning.",
        "Let us begin.",
    ]
    assert [line["text"] for line in lines if line["who"] == "translation"] == [
        "Buenos días.",
        "Empecemos.",
    ]
    assert all(isinstance(line["at_ms"], int) for line in lines if line["who"] != "usage")
    assert lines[-1]["who"] == "usage"
    assert lines[-1]["local"] is True
    assert lines[-1]["cost"]["lines"]


@pytest.mark.parametrize("options", [[], ["--source"]])
def test_a_translation_at_the_pace_of_speech_on_a_screen(here: Path, options: list[str]) -> None:
    with terminal("translate", "a.wav", *LOCAL, "--to", "es", *options, cwd=here) as screen:
        screen.shows(r"^translation +♪ Buenos días\.$")
        screen.shows(r"^translation +♪ Empecemos\.$")
        screen.shows(r"^usage +\d+ s translated, ")
        assert screen.ends() == 0
    assert ("speaker      ♪ Good morning." in screen.text) is bool(options)


@pytest.mark.parametrize(
    ("chunks", "sentences"),
    [
        (["It costs 3.", "5 million euros."], ["It costs 3.5 million euros."]),
        (["It costs 3", ".", "5", " euros. ", "And", " more"], ["It costs 3.5 euros.", "And more"]),
        (["That was in 2025.", " Then we left."], ["That was in 2025.", "Then we left."]),
        (["Son 1.", "000 euros."], ["Son 1.000 euros."]),
        (["In the U.", "S. it is so."], ["In the U.S. it is so."]),
        (["am 3. ", "Mai. Gut."], ["am 3. Mai.", "Gut."]),
        (["One. Two! ", "Three"], ["One.", "Two!", "Three"]),
        (["好。不好。"], ["好。", "不好。"]),
        (["See voxwire.", "dev"], ["See voxwire.", "dev"]),
    ],
)
def test_a_point_within_a_number_ends_no_sentence(chunks: list[str], sentences: list[str]) -> None:
    words = SentencePrinter()
    told = [text for chunk in chunks for text, _ in words.put(chunk, None)]
    assert [*told, *(text for text, _ in words.rest())] == sentences


def test_a_sentence_ends_where_it_ends() -> None:
    words = SentencePrinter()
    assert list(words.put(" Is it", 200)) == []
    assert list(words.put(" 3.5 or", 400)) == []
    assert list(words.put(" “four?”", 600)) == [("Is it 3.5 or “four?”", 200)]
    assert list(words.put(" And", 800)) == []
    assert list(words.rest()) == [("And", 800)]
    assert list(words.rest()) == []


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["transcribe", "silent.wav", "--local"], 1, "no speech was found in it"),
        (["transcribe", "none.wav", "--local"], 2, "none.wav: No such file"),
        (["transcribe", "a.wav"], 2, "no key for OpenAI"),
        (["transcribe", "a.wav", "--local", "-o", "none/x"], 2, "there is no folder none"),
        (["transcribe", "a.wav", "--server", "xai"], 2, "no key for xAI"),
        (["transcribe", "a.wav", "--local", "-m", "gpt-realtime-whisper", "--prompt", "@none"], 2,
         "--prompt @none: No such file"),
        (["translate", "silent.wav", "--local", "--fast", "--to", "es"], 1,
         "nothing was translated"),
        (["translate", "script.yaml", "--local", "--to", "es"], 2, "make it one with ffmpeg"),
        (["secret", "--local", "--for", "translation"], 2, "wants --to LANGUAGE"),
        (["secret", "--local", "--to", "es"], 2, "give both or neither"),
        (["secret"], 2, "no key for OpenAI"),
        (["secret", "--url", "ws://127.0.0.1:9/v1/realtime"], 1, "127.0.0.1"),
    ],
)  # fmt: skip
def test_what_a_user_can_do_wrong_is_a_line_with_the_cure(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: Capture,
    options: list[str],
    code: int,
    said: str,
) -> None:
    done = call(monkeypatch, capfd, *options)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


# --- secret ---------------------------------------------------------------------------------------


def test_the_secret_alone_is_on_stdout(monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    done = call(monkeypatch, capfd, "secret", "--local", "--expires", "60")
    assert done.returncode == 0
    assert re.fullmatch(r"ek_\w+\n", done.stdout)
    assert re.search(
        r"^good until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ \((60|59) s\)$", done.stderr, re.M
    )
    assert done.stdout.strip() not in done.stderr


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (["--voice", "marin", "-i", "Be brief."], "realtime"),
        (["--for", "transcription"], "transcription"),
        (["--for", "translation", "--to", "es"], "translation"),
    ],
)
def test_a_secret_of_each_kind(
    monkeypatch: pytest.MonkeyPatch, capfd: Capture, options: list[str], kind: str
) -> None:
    done = call(monkeypatch, capfd, "secret", "--local", "--json", *options)
    made = json.loads(done.stdout)
    assert made["session"]["type"] == kind
    assert made["value"].startswith("ek_")
    assert made["expires_at"] > 1_700_000_000
    if kind == "realtime":
        assert made["session"]["audio"]["output"]["voice"] == "marin"
        assert made["session"]["instructions"] == "Be brief."
