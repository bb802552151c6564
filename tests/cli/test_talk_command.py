"""``voxwire talk``: through files and devices, interrupted, and what is on the screen meanwhile."""

from __future__ import annotations

import json
import math
import sys
import wave
from pathlib import Path
from typing import Any

import pytest
from cli.terminals import call, run, terminal

import voxwire
from voxwire.audio import silence
from voxwire.cli.levels import Metered
from voxwire.cli.voice_display import bar
from voxwire.emulator import tone
from voxwire.protocol.audio_format import PCM16

SCRIPT = """\
hear: ["What is the time?", "Stop that."]
rules:
  - match: time
    reply: "It is twenty past two, and the tide is coming in."
  - match: stop
    reply: "All right."
"""

# A device in the place of sounddevice's: the microphone hears a question, and the speaker plays by
# the clock.
DEVICE = """\
import threading, time
from types import SimpleNamespace
from voxwire.audio import silence
from voxwire.emulator import tone

class PortAudioError(Exception): ...

def query_devices(device, kind):
    return {"default_samplerate": 24000.0}

class Stream:
    def __init__(self, samplerate, blocksize, device, channels, dtype, callback):
        self.callback, self.begun, self.running = callback, time.monotonic(), True

    @property
    def time(self):
        return time.monotonic() - self.begun

    def start(self):
        threading.Thread(target=self.run, daemon=True).start()

    def close(self):
        self.running = False

class RawInputStream(Stream):
    def run(self):
        sound = silence(200) + tone("what is the time") + silence(600_000)
        for start in range(0, len(sound), 960):
            if not self.running:
                return
            self.callback(sound[start : start + 960], 480, None, None)
            time.sleep(0.02)

class RawOutputStream(Stream):
    def run(self):
        while self.running:
            data = bytearray(960)
            now = SimpleNamespace(outputBufferDacTime=self.time)
            self.callback(memoryview(data), 480, now, None)
            time.sleep(0.02)
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "script.yaml").write_text(SCRIPT)
    first, second = tone("what is the time"), tone("stop that")
    voxwire.write_wav(tmp_path / "q.wav", silence(200) + first + silence(1700) + second)
    voxwire.write_wav(tmp_path / "silent.wav", silence(1000))
    return tmp_path


def test_a_file_in_and_a_file_out_as_fast_as_it_goes(here: Path) -> None:
    options = ["talk", "--local", "--script", "script.yaml", "--input", "-", "--output", "a.wav"]
    sound = (here / "q.wav").read_bytes()
    done = run(*options, "--fast", say=sound, cwd=here)
    assert done.stderr == ""
    assert done.stdout == "It is twenty past two, and the tide is coming in.\nAll right.\n"
    assert done.returncode == 0
    with wave.open(str(here / "a.wav")) as file:  # both answers, and neither of them cut
        assert file.getnframes() * 1000 / 24000 > 60 * len("It is twenty past two, and All right.")


def test_in_real_time_the_user_cuts_in(here: Path) -> None:
    options = ["talk", "--local", "--script", "script.yaml", "--input", "q.wav"]
    with terminal(*options, "--output", "a.wav", cwd=here) as screen:
        screen.shows(r"^mic [█░]{20}  out [█░]{20}  (listening|you speak)")
        screen.shows(r"^user +♪ What is the time\?$")
        screen.shows(r"^assistant +interrupted after [0-9.]+ s$")
        screen.shows(r"^assistant +♪ All right\.$")
        screen.shows(r"^usage +2 responses, ")
        assert screen.ends() == 0
    assert "mic" not in screen.text  # it was there as long as the conversation
    assert screen.text.count("interrupted") == 1
    assert "█".encode() in screen.raw


def test_programs_are_told_line_by_line(here: Path) -> None:
    options = ["talk", "--local", "--script", "script.yaml", "--input", "q.wav", "--fast", "--json"]
    done = run(*options, "--record", "a.jsonl", cwd=here)
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    told = [(line["who"], line["kind"], line["text"]) for line in lines[:-1]]
    assert ("user", "heard", "What is the time?") in told
    assert ("assistant", "spoken", "All right.") in told
    assert told.count(("user", "speech", "begins")) == 2
    assert lines[-1]["kind"] == "usage"
    assert lines[-1]["transcription"]["seconds"] > 0
    assert (here / "a.jsonl").exists()


def test_a_file_in_which_nobody_speaks(here: Path) -> None:
    done = run("talk", "--local", "--input", "silent.wav", "--fast", cwd=here)
    assert done.returncode == 1
    assert done.stderr.startswith("voxwire: no speech was found")


def test_microphone_and_speaker_until_ctrl_c(here: Path) -> None:
    (here / "sounddevice.py").write_text(DEVICE)
    path = ":".join([str(here), *filter(None, sys.path)])
    options = ["talk", "--local", "--script", "script.yaml"]
    with terminal(*options, size=(50, 30), cwd=here, env={"PYTHONPATH": path}) as screen:
        screen.shows(r"^mic [█░]{8}  out [█░]{8}  you speak")
        screen.shows(r"^user\n  ♪ What is the time\?$")
        screen.shows(r"^mic [█░]{8}  out █+░*  answering")
        screen.press("\x03")
        screen.shows(r"^usage\n")
        assert screen.ends() == 0
    assert "Traceback" not in screen.text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "and the speaker need sounddevice: pip install 'voxwire[audio]'; or let it hear"),
        (["--output", "a.wav"], "--output goes with --input"),
        (["--fast"], "--fast goes with --input"),
        (["--input", "q.wav", "--speaker", "1"], "leave --microphone and --speaker"),
        (["--input", "none.wav"], "none.wav: No such file or directory"),
        (["--input", "script.yaml"], "(make it one with ffmpeg -i FILE -ac 1 -ar 24000 NEW.wav)"),
        (["--input", "q.wav", "--output", "none/a.wav"], "none/a.wav: there is no folder none"),
        (["--input", "q.wav", "--output", "."], "it cannot be written"),
    ],
)  # fmt: skip
def test_what_a_user_can_do_wrong_is_a_line_with_the_cure(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(here)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    done = call(monkeypatch, capfd, "talk", "--local", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


class Sink:
    """A speaker that plays when it is told to."""

    played = pending = 0.0

    def write(self, data: bytes) -> None:
        self.pending += len(data) / 48

    def flush(self) -> None: ...

    def clear(self) -> None:
        self.pending = 0


class Ears:
    """Sound that was, and a sink."""

    def __init__(self) -> None:
        self.speaker = Sink()
        self.pieces = [silence(20), b"\xff\x3f" * 480]

    @property
    async def microphone(self) -> Any:
        for piece in self.pieces:
            yield piece

    def open(self, input: Any, output: Any) -> None: ...

    def close(self) -> None: ...


async def test_levels_are_those_of_the_moment() -> None:
    ears = Ears()
    metered = Metered(ears)
    metered.open(PCM16, PCM16)
    heard = [metered.microphone.level async for _ in metered.microphone]
    assert heard == [-math.inf, pytest.approx(-6.02, abs=0.01)]
    assert metered.microphone.level == -math.inf  # it has ended
    metered.speaker.write(b"\xff\x3f" * 960 + silence(40))
    assert metered.speaker.level == pytest.approx(-6.02, abs=0.01)
    ears.speaker.played = 41
    assert metered.speaker.level == -math.inf
    metered.speaker.write(b"\xff\x3f" * 960)
    metered.speaker.clear()
    assert (metered.speaker.level, metered.speaker.pending) == (-math.inf, 0)


@pytest.mark.parametrize(
    ("loud", "shown"),
    [(-math.inf, "░░░░"), (-80, "░░░░"), (-27, "██░░"), (0, "████"), (3, "████")],
)
def test_a_bar_is_as_long_as_it_is_loud(loud: float, shown: str) -> None:
    assert "".join(bar(loud, 4)) == shown
    assert "".join(bar(loud, 4, fancy=False)) == shown.replace("█", "#").replace("░", "-")
