"""A command as a program, in a real terminal or on pipes.

The terminal is a pseudo terminal whose screen is kept by a terminal emulator, so that a test sees
what a person would.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs
import pyte
import pytest

from voxwire.cli import main

LATEST = 20.0
"""Seconds after which a screen that does not show what is waited for has failed."""

_KEYS = ("OPENAI_", "AZURE_", "XAI_", "VOXWIRE_")


def environment(**more: str) -> dict[str, str]:
    """The environment without keys and settings of the machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_KEYS)}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):  # a terminal has a size of its own
        kept.pop(name, None)
    kept["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return {**kept, **more}


def run(
    *arguments: str | Path,
    say: str | bytes | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the command on pipes, to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "voxwire", *map(str, arguments)],
        input=say.encode() if isinstance(say, str) else say or b"",
        capture_output=True,
        cwd=cwd,
        env=environment(**(env or {})),
        timeout=60,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@attrs.frozen
class Done:
    """What a command printed, and how it ended."""

    stdout: str
    stderr: str
    returncode: int


def call(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: str | Path
) -> Done:
    """Run the command in this process, which is quicker: for what needs no pipe and no signal."""
    for name in os.environ:
        if name.startswith(_KEYS):
            monkeypatch.delenv(name)
    monkeypatch.setattr("sys.argv", ["voxwire", *map(str, arguments)])
    try:
        main()
        code: object = 0
    except SystemExit as exited:
        code = exited.code or 0
    out, err = capfd.readouterr()
    assert isinstance(code, int)
    return Done(out, err, code)


class Terminal:
    """A command in a terminal of this size."""

    def __init__(
        self, process: subprocess.Popen[bytes], master: int, size: tuple[int, int]
    ) -> None:
        self._process = process
        self._master = master
        self.screen = pyte.HistoryScreen(*size, history=1000, ratio=0.5)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""

    def press(self, text: str) -> None:
        """Type this."""
        os.write(self._master, text.encode())

    def shows(self, pattern: str) -> re.Match[str]:
        """Wait until the screen, or what has scrolled off it, has this; gives the match."""
        until = time.monotonic() + LATEST
        while True:
            found = re.search(pattern, self.text, re.MULTILINE)
            if found is not None:
                return found
            if not self._read(until):
                raise AssertionError(f"{pattern!r} is not on the screen:\n{self.text}")

    @property
    def text(self) -> str:
        """All lines there were, without what is left blank at their ends."""
        past = [
            "".join(line[column].data for column in range(self.screen.columns))
            for line in self.screen.history.top
        ]
        return "\n".join(line.rstrip() for line in [*past, *self.screen.display]).rstrip()

    def ends(self) -> int:
        """Wait for the end; gives the exit code."""
        until = time.monotonic() + LATEST
        while self._read(until):
            pass
        return self._process.wait(10)

    def _read(self, until: float) -> bool:
        left = until - time.monotonic()
        if left <= 0 or not select.select([self._master], [], [], left)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other side has closed: so an end looks on Linux
            return False
        if not data:
            return False
        self.raw += data
        self._stream.feed(data)
        if b"\x1b[6n" in data:  # the program asks where the cursor is
            row, column = self.screen.cursor.y + 1, self.screen.cursor.x + 1
            os.write(self._master, f"\x1b[{row};{column}R".encode())
        return True


def _as_in_a_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # Who runs the tests in the background may have it ignored, and a child would, too.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def terminal(
    *arguments: str | Path,
    size: tuple[int, int] = (80, 40),
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    pipe: str | None = None,
) -> Iterator[Terminal]:
    """Run the command in a terminal; with `pipe`, its output goes through that program first."""
    shell = () if pipe is None else ("sh", "-c", f'"$@" | {pipe}', "sh")
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = subprocess.Popen(
        [*shell, sys.executable, "-m", "voxwire", *map(str, arguments)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=cwd,
        env=environment(**{"TERM": "xterm-256color", **(env or {})}),
        start_new_session=True,
        preexec_fn=_as_in_a_terminal,
    )
    os.close(slave)
    try:
        yield Terminal(process, master, size)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        os.close(master)
