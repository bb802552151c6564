"""``voxwire serve``: the command as people start it, with a client from outside."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import connect

from voxwire.recording import read

SCRIPT = """\
hear: [a table for two]
rules:
  - match: /^table/i
    reply: For how many?
faults: [duplicate:session.created]
"""


@contextmanager
def serving(*options: str) -> Iterator[list[str]]:
    """The lines that the command prints until it listens; the command runs meanwhile."""
    command = [sys.executable, "-m", "voxwire", "serve", "--port", "0", "--pace", "0", *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        lines: list[str] = []
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line.strip())
                if line.startswith("listening on "):
                    break
            yield lines
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=20)
        assert process.returncode == 0, said


def test_serves_a_script_and_records(tmp_path: Path) -> None:
    (tmp_path / "script.yaml").write_text(SCRIPT)
    options = ["--script", str(tmp_path / "script.yaml"), "--record", str(tmp_path / "out")]
    with serving(*options) as lines:
        url = lines[-1].removeprefix("listening on ")
        assert url.startswith("ws://127.0.0.1:")
        assert url.endswith("/v1/realtime")
        with connect(f"{url}?model=gpt-realtime-2.1", proxy=None) as socket:
            first = json.loads(socket.recv())
            assert json.loads(socket.recv()) == first
            item = {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Table, please"}],
            }
            socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
            socket.send(json.dumps({"type": "response.create"}))
            while (event := json.loads(socket.recv()))["type"] != "response.done":
                pass
            part = event["response"]["output"][0]["content"][0]
            assert part == {"type": "output_audio", "transcript": "For how many?"}
    (recording,) = (tmp_path / "out").iterdir()
    names = [getattr(entry, "type", None) for entry in read(recording)]
    assert names.count("session.created") == 2
    assert "response.create" in names


def test_serves_tls_with_a_certificate_of_its_own() -> None:
    with serving("--tls-self-signed") as lines:
        certificate = lines[0].removeprefix("certificate ").partition(":")[0]
        url = lines[-1].removeprefix("listening on ")
        assert url.startswith("wss://")
        trust = ssl.create_default_context(cafile=certificate)
        with connect(f"{url}?model=x", ssl=trust, proxy=None) as socket:
            assert json.loads(socket.recv())["type"] == "session.created"
    assert not Path(certificate).exists()


def test_tells_programs_where_it_listens() -> None:
    command = [sys.executable, "-m", "voxwire", "serve", "--port", "0", "--json", "--voice", "tone"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["kind"] == "listening"
        assert told["http_url"] == told["url"].replace("ws:", "http:").removesuffix("/realtime")
        with connect(f"{told['url']}?model=m", proxy=None) as socket:
            assert json.loads(socket.recv())["type"] == "session.created"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""
    assert process.returncode == 0


@pytest.mark.parametrize("given", ["option", "environment"])
def test_other_machines_are_let_in_with_the_token(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--host", "0.0.0.0"]
    if given == "option":
        options += ["--token", "sesame-1"]
    else:
        monkeypatch.setenv("VOXWIRE_TOKEN", "sesame-1")
    with serving(*options) as lines:
        url = lines[-1].removeprefix("listening on ") + "?model=m"
        for key, first in (("sesame-1", "session.created"), ("sesame-2", "error")):
            headers = {"Authorization": f"Bearer {key}"}
            with connect(url, additional_headers=headers, proxy=None) as socket:
                assert json.loads(socket.recv())["type"] == first
    assert not [line for line in lines if "sesame" in line]


@pytest.mark.parametrize(
    ("options", "cure"),
    [
        (["--fault", "cut:many"], "such as cut:5"),
        (["--fault", "boredom"], "use one of"),
        (["--script", "no/such.yaml"], "cannot be read"),
        (["--tls-key", "key.pem"], "name the certificate too"),
        (["--voice", "opera"], "espeak or tone"),
        (["--host", "0.0.0.0"], "--token, or VOXWIRE_TOKEN"),
        (["--host", "0.0.0.0", "--token", ""], "the token is empty"),
    ],
)
def test_says_what_is_wrong_with_its_options(options: list[str], cure: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "voxwire", "serve", *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30)
    assert (done.returncode, cure in done.stderr) == (2, True), done.stderr
