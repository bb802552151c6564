"""``voxwire record``: the address it prints, the line for each session, and how it ends."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from voxwire.cli.app import app
from voxwire.cli.record import wording
from voxwire.emulator import Refuse, ReplayServer
from voxwire.emulator.frame_pump import FramePump
from voxwire.recording.frames import Close, Frame, read, sessions

CREATED = {"dir": "s2c", "event": {"type": "session.created", "event_id": "e1"}}


class Running:
    """The command as a program, while it listens."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.url = ""
        self.before: list[str] = []

    async def line(self) -> str:
        assert self._process.stdout is not None
        return (await asyncio.wait_for(self._process.stdout.readline(), 20)).decode().rstrip("\n")

    async def interrupt(self, number: signal.Signals = signal.SIGINT) -> tuple[str, str]:
        self._process.send_signal(number)
        out, err = await asyncio.wait_for(self._process.communicate(), 20)
        return out.decode(), (err or b"").decode()

    @property
    def code(self) -> int | None:
        return self._process.returncode


@asynccontextmanager
async def recording(*options: str, before: int = 0) -> AsyncIterator[Running]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voxwire", "record", "--port", "0", *options, stdout=pipe, stderr=pipe
    )
    try:
        running = Running(process)
        running.before = [await running.line() for _ in range(before)]
        assert (await running.line()).startswith("recording ws://127.0.0.1:")
        found = re.fullmatch(r"listening on (wss?://127\.0\.0\.1:[0-9]+/\S*)", await running.line())
        assert found is not None
        running.url = found[1]
        yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_records_until_it_is_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "deep" / "a.jsonl"
    async with ReplayServer([CREATED], hold=True) as server:
        async with recording("--to", server.url, str(path)) as running:
            async with connect(f"{running.url}?model=m") as client:
                await client.recv()
            assert re.fullmatch(
                r" +1  /v1/realtime\?model=m  0 sent, 1 received in [0-9.]+ s, "
                r"closed by the client with 1000",
                await running.line(),
            )
            async with connect(running.url) as client:
                await client.recv()
                out, err = await running.interrupt(number)
                await client.wait_closed()
                assert client.close_code == 1001
            assert running.code == 0
    assert err == ""
    assert re.fullmatch(
        r" +2  /v1/realtime  0 sent, 1 received in [0-9.]+ s, stopped here\n"
        rf"2 sessions, 2 frames in {re.escape(str(path))}\n",
        out,
    )
    sections = sessions(read(path))
    assert [[e.type for e in s if isinstance(e, Frame)] for s in sections] == [
        ["session.created"],
        ["session.created"],
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")
async def test_a_refused_client_is_a_line_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    async with ReplayServer([], fault=Refuse(403)) as server:
        async with recording("--to", server.url, "--out", str(path)) as running:
            with pytest.raises(InvalidStatus):
                await connect(running.url)
            assert await running.line() == "   1  /v1/realtime  refused with HTTP 403"
            out, _ = await running.interrupt()
    assert out == "nobody came: nothing is on record\n"
    assert list_of(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")
async def test_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    async with ReplayServer([CREATED], hold=True) as server:
        options = ("--to", server.url, "--tls-self-signed", str(path))
        async with recording(*options, before=1) as running:
            certificate = running.before[0].removeprefix("certificate ").partition(": trust")[0]
            assert running.url.startswith("wss://")
            context = ssl.create_default_context(cafile=certificate)
            async with connect(running.url, ssl=context) as client:
                await client.recv()
            await running.line()
            await running.interrupt()
            assert not exists(certificate)
    assert len(list(read(path))) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")
async def test_programs_are_told_in_json(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    async with ReplayServer([CREATED], hold=True) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "voxwire", "record", "--port", "0", "--json"),
            *("--to", server.url, str(path)),
            stdout=asyncio.subprocess.PIPE,
        )
        running = Running(process)
        told = json.loads(await running.line())
        assert (told["kind"], told["to"], told["file"]) == ("listening", server.url, str(path))
        async with connect(told["url"]) as client:
            await client.recv()
        session = json.loads(await running.line())
        assert (session["kind"], session["received"], session["status"]) == ("session", 1, None)
        assert session["close"] == {"by": "client", "code": 1000, "reason": ""}
        out, _ = await running.interrupt()
    assert json.loads(out) == {"kind": "end", "sessions": 1, "frames": 1, "file": str(path)}


def exists(path: str) -> bool:
    return Path(path).exists()


def list_of(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize(
    ("close", "end"),
    [
        (
            Close(code=4000, reason="a \x1b b", by="server"),
            "closed by the server with 4000 a \x1b b",
        ),
        (Close(by="server"), "broken off by the server"),
        (Close(code=1000, reason="", by="client"), "closed by the client with 1000"),
        (Close(code=1001), "stopped here"),
    ],
)
def test_how_a_session_ended(close: Close, end: str) -> None:
    passage = FramePump(number=1, url="wss://host/p?a=b", sent=2, received=3, closed=close)
    assert wording(passage) == f"   1  /p?a=b  2 sent, 3 received in 0.0 s, {end}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--to", "host"], "no address of a server"),
        (["--to", "ws://host/", "a.jsonl", "--out", "b.jsonl"], "give one of them"),
        (["--to", "ws://host/", "--tls-key", "a.pem"], "name the certificate too"),
        (["--to", "ws://host/", "--tls-cert", "none.pem"], "none.pem: no certificate"),
        (["--to", "ws://host/", "--tls-self-signed", "--tls-key", "a"], "leave --tls-cert out"),
        (["--to", "wss://host/", "--ca", "none.pem"], "none.pem: no certificate of an auth"),
        (
            ["--to", "ws://host/", "--host", "192.0.2.1"],
            "cannot listen at 192.0.2.1:8766: "
            + ("Cannot assign" if sys.version_info < (3, 13) else "could not bind"),
        ),
    ],
)
def test_what_cannot_work_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["record", *options])
    assert result.exit_code != 0
    assert said in str(result.exception)
    assert list(tmp_path.iterdir()) == []
