"""The pytest plugin: its fixtures under every kind of test, and what fails a test."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from scripted import CREATED, KEY, UPDATE, UPDATED

import voxwire
import voxwire.emulator.proxy
import voxwire.sync
from voxwire.recording.frames import Frame, read
from voxwire.testing.servers import RealtimeServer, _key_for

pytest_plugins = ["pytester"]

# What tests within a test import is forgotten after them: here it is kept, and kept whole.
ALL = [getattr(voxwire, name) for name in voxwire.__all__]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "testing.md"

if not [
    point for point in entry_points(group="pytest11") if point.value == "voxwire.testing.plugin"
]:
    pytest.skip("the plugin is not installed: pip install -e .", allow_module_level=True)


@pytest.fixture
def box(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with tests of its own."""
    for name in ("VOXWIRE_RECORD", "VOXWIRE_RECORD_TO", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
        # Hypothesis takes a second at the end of each run.
        "addopts = --strict-markers -p no:cacheprovider -p no:hypothesispytest\n"
        "filterwarnings = error\n"
    )
    return pytester


def write(path: Path, *lines: dict[str, Any]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


TURN = (CREATED, UPDATE, UPDATED)

# A client that is none of ours, and that does not mind how it ends.
CLIENT = """
import json
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

def update(url, instructions, count=2):
    with connect(url) as socket:
        try:
            socket.recv()
            session = {"type": "realtime", "instructions": instructions}
            socket.send(json.dumps({"type": "session.update", "session": session}))
            return json.loads(socket.recv())
        except ConnectionClosed:
            return None
"""


# --- the server ----------------------------------------------------------------------------------


def test_plain_and_asynchronous_tests_have_a_server(box: pytest.Pytester) -> None:
    box.makepyfile(
        """
        import voxwire, voxwire.sync

        OPTIONS = {"output_modalities": ["text"]}

        def test_plain(realtime_server):
            realtime_server.on("hi", reply="Good evening.")
            with voxwire.sync.connect(url=realtime_server.url, **OPTIONS) as session:
                assert session.say("hi").wait().text == "Good evening."

        async def test_asynchronous(realtime_server):
            realtime_server.on("hi", reply=lambda turn: turn.text.upper())
            async with voxwire.connect(url=realtime_server.url, **OPTIONS) as session:
                assert (await session.say("hi")).text == "HI"

        async def test_each_test_has_its_own(realtime_server):
            assert realtime_server.connections == []
            async with voxwire.connect(url=realtime_server.url, **OPTIONS) as session:
                assert (await session.say("hi")).text == "hi"
            (client,) = realtime_server.connections
            assert [e["type"] for e in client.events][-1] == "response.create"

        async def test_a_held_reply_goes_on_when_it_is_let(realtime_server):
            realtime_server.on("hi", reply="one two three", hold=True)
            async with voxwire.connect(url=realtime_server.url, **OPTIONS) as session:
                answer = session.say("hi")
                async for piece in answer.text:
                    break
                assert answer.status == "in_progress"
                realtime_server.release()
                assert (await answer).text == "one two three"
        """
    )
    box.runpytest().assert_outcomes(passed=4)


def test_tests_of_anyio_have_a_server(box: pytest.Pytester) -> None:
    pytest.importorskip("anyio", reason="anyio is not installed")
    box.makeini("[pytest]\naddopts = -p no:hypothesispytest\nfilterwarnings = error\n")
    box.makepyfile(
        """
        import pytest
        import voxwire

        pytestmark = pytest.mark.anyio

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        async def test_anyio(realtime_server):
            options = {"output_modalities": ["text"]}
            async with voxwire.connect(url=realtime_server.url, **options) as session:
                assert (await session.say("hi")).text == "hi"
        """
    )
    box.runpytest("-p", "anyio", "-p", "no:asyncio").assert_outcomes(passed=1)


def test_speech_says_what_it_was_made_of(box: pytest.Pytester) -> None:
    box.makepyfile(
        """
        import voxwire

        async def test_speech(realtime_server):
            realtime_server.hear("an order")
            async with voxwire.connect(
                url=realtime_server.url, turn_detection=None, output_modalities=["text"]
            ) as session:
                await session.append_audio(bytes(48 * 200))
                await session.commit_audio()
                assert (await session.respond()).text == "an order"
                await session.append_audio(realtime_server.speech("a second one"))
                await session.commit_audio()
                assert (await session.respond()).text == "a second one"
        """
    )
    box.runpytest().assert_outcomes(passed=1)


def test_the_options_of_the_server_can_be_overridden(box: pytest.Pytester) -> None:
    box.makeconftest(
        """
        import pytest

        @pytest.fixture
        def realtime_server_options():
            return {"brain": lambda turn: "always this"}
        """
    )
    box.makepyfile(
        """
        import voxwire.sync

        def test_options(realtime_server):
            with voxwire.sync.connect(url=realtime_server.url) as session:
                assert session.say("hi").wait().transcript == "always this"
        """
    )
    box.runpytest().assert_outcomes(passed=1)


def test_nothing_of_a_server_is_left_after_its_test(box: pytest.Pytester) -> None:
    box.makepyfile(
        """
        import contextlib
        import threading
        from websockets.sync.client import connect

        open_connections = contextlib.ExitStack()

        def test_leaves_a_connection_open(realtime_server):
            client = connect(realtime_server.url + "?model=m")
            open_connections.enter_context(client).recv()

        def test_after():
            open_connections.close()
            names = [t.name for t in threading.enumerate() if t.name == "voxwire"]
            assert names == []
        """
    )
    box.runpytest().assert_outcomes(passed=2)


# --- replays -------------------------------------------------------------------------------------


def replayed(box: pytest.Pytester, body: str) -> pytest.RunResult:
    write(box.path / "turn.jsonl", *TURN)
    box.makepyfile(CLIENT + "\n" + body)
    return box.runpytest()


def test_a_client_that_does_as_recorded_passes(box: pytest.Pytester) -> None:
    result = replayed(
        box,
        """
def test_same(realtime_replay):
    replay = realtime_replay("turn.jsonl")
    assert update(replay.url, "Hi")["type"] == "session.updated"
    assert len(replay.connections) == 1

def test_several(realtime_replay):
    assert update(realtime_replay("turn.jsonl").url, "Hi")
    assert update(realtime_replay("turn.jsonl").url, "Hi")
""",
    )
    result.assert_outcomes(passed=2)


def test_a_client_that_deviates_fails_its_test(box: pytest.Pytester) -> None:
    result = replayed(
        box,
        """
def test_other(realtime_replay):
    update(realtime_replay("turn.jsonl").url, "Ho")
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["turn.jsonl: session.update is not as recorded: $.session.instructions is 'Ho'*"]
    )


def test_a_client_that_leaves_early_fails_its_test(box: pytest.Pytester) -> None:
    result = replayed(
        box,
        """
def test_early(realtime_replay):
    with connect(realtime_replay("turn.jsonl").url) as socket:
        socket.recv()
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the client closed before it sent session.update"])


def test_in_tolerant_matching_deviations_are_the_tests_to_judge(box: pytest.Pytester) -> None:
    result = replayed(
        box,
        """
def test_other(realtime_replay):
    assert update(realtime_replay("turn.jsonl", matching="tolerant").url, "Ho")

def test_missing(realtime_replay):
    replay = realtime_replay("turn.jsonl", matching="tolerant", timeout=0.05)
    with connect(replay.url) as socket:
        socket.recv(), socket.recv()
    assert [d.kind for d in replay.deviations] == ["missing"]
""",
    )
    result.assert_outcomes(passed=2)


def test_a_test_that_fails_by_itself_is_told_of_deviations_too(box: pytest.Pytester) -> None:
    result = replayed(
        box,
        """
def test_other(realtime_replay):
    assert update(realtime_replay("turn.jsonl").url, "Ho"), "no answer"
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*no answer*", "*Captured voxwire call*", "turn.jsonl: session.update*"]
    )


def test_a_recording_is_found_in_the_root_too_and_missed_by_name(box: pytest.Pytester) -> None:
    write(box.path / "turn.jsonl", *TURN)
    folder = box.mkdir("deep")
    (folder / "test_deep.py").write_text(
        CLIENT
        + """
def test_root(realtime_replay):
    assert update(realtime_replay("turn.jsonl").url, "Hi")

def test_nowhere(realtime_replay):
    realtime_replay("nowhere.jsonl")
"""
    )
    result = box.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*RecordingError: */deep/nowhere.jsonl: cannot be read*"])


# --- cassettes -----------------------------------------------------------------------------------

CASSETTE = """
import pytest
import voxwire

@pytest.mark.voxwire_cassette("cassettes/hi.jsonl")
async def test_says(realtime_cassette):
    url = realtime_cassette.url
    async with voxwire.connect(url=url, output_modalities=["text"]) as session:
        answers = [(await session.say(text)).text for text in WORDS]
    assert answers == ["Good evening.", "It is late."]
"""
WORDS = 'WORDS = ["hi", "the time?"]\n'


@pytest.fixture
def service(realtime_server: RealtimeServer, monkeypatch: pytest.MonkeyPatch) -> RealtimeServer:
    """What stands for the real service."""
    realtime_server.on("hi", reply="Good evening.")
    realtime_server.on("time", reply="It is late.")
    monkeypatch.setenv("VOXWIRE_RECORD_TO", realtime_server.url)
    return realtime_server


def test_a_cassette_is_recorded_once_and_played_back_after(
    box: pytest.Pytester, service: RealtimeServer
) -> None:
    box.makepyfile(WORDS + CASSETTE)
    path = box.path / "cassettes" / "hi.jsonl"
    box.runpytest("--voxwire-record=once").assert_outcomes(passed=1)
    assert len(service.connections) == 1
    names = [entry.type for entry in read(path) if isinstance(entry, Frame)]
    assert names.count("response.done") == 2
    written = path.read_bytes()
    for option in ("--voxwire-record=once", "--voxwire-record=none"):
        box.runpytest(option).assert_outcomes(passed=1)
    box.runpytest().assert_outcomes(passed=1)
    assert len(service.connections) == 1
    assert path.read_bytes() == written
    assert [entry.name for entry in path.parent.iterdir()] == ["hi.jsonl"]


def test_a_cassette_that_is_missing_fails_with_the_cure(box: pytest.Pytester) -> None:
    box.makepyfile(WORDS + CASSETTE)
    result = box.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["there is no cassette */cassettes/hi.jsonl: record it with *once*"]
    )


def test_a_session_that_goes_otherwise_fails_the_test(
    box: pytest.Pytester, service: RealtimeServer
) -> None:
    box.makepyfile(test_it=WORDS + CASSETTE)
    box.runpytest("--voxwire-record=once").assert_outcomes(passed=1)
    box.makepyfile(test_it=WORDS.replace("hi", "ho") + CASSETTE)
    result = box.runpytest("--voxwire-record=once")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["hi.jsonl: conversation.item.create is not as recorded: $.item.content*is 'ho'*"]
    )


def test_a_test_that_fails_leaves_no_cassette(
    box: pytest.Pytester, service: RealtimeServer
) -> None:
    box.makepyfile(test_it='WORDS = ["hi", "nothing"]\n' + CASSETTE)
    box.runpytest("--voxwire-record=once").assert_outcomes(failed=1)
    assert list(box.path.glob("cassettes/*")) == []
    box.makepyfile(test_it=WORDS + CASSETTE)
    box.runpytest("--voxwire-record=once").assert_outcomes(passed=1)
    kept = (box.path / "cassettes" / "hi.jsonl").read_bytes()
    box.makepyfile(test_it='WORDS = ["hi", "nothing"]\n' + CASSETTE)
    box.runpytest("--voxwire-record=all").assert_outcomes(failed=1)
    assert (box.path / "cassettes" / "hi.jsonl").read_bytes() == kept


def test_all_cassettes_can_be_made_anew(
    box: pytest.Pytester, service: RealtimeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOXWIRE_RECORD", "all")
    box.makepyfile(WORDS + CASSETTE)
    for _ in range(2):
        box.runpytest().assert_outcomes(passed=1)
    assert len(service.connections) == 2
    entries = [e for e in read(box.path / "cassettes" / "hi.jsonl") if isinstance(e, Frame)]
    assert [e.type for e in entries].count("session.created") == 1


def test_a_cassette_has_a_name_and_a_server_of_its_own(
    box: pytest.Pytester, service: RealtimeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VOXWIRE_RECORD_TO")
    box.makepyfile(
        test_it=f"""
        import pytest, voxwire.sync

        @pytest.mark.parametrize("word", ["hi", "hi there/you"])
        @pytest.mark.voxwire_cassette(to={service.url!r}, audio=False)
        def test_says(realtime_cassette, word):
            with voxwire.sync.connect(url=realtime_cassette.url) as session:
                answer = session.say(word).wait()
                assert answer.transcript == "Good evening."
        """
    )
    box.runpytest("--voxwire-record=once").assert_outcomes(passed=2)
    paths = sorted((box.path / "cassettes").iterdir())
    assert [path.name for path in paths] == [
        "test_it.test_says-hi-there-you.jsonl",
        "test_it.test_says-hi.jsonl",
    ]
    left_out = [e.left_out for e in read(paths[0]) if isinstance(e, Frame) and e.left_out]
    assert left_out
    box.runpytest().assert_outcomes(passed=2)
    assert len(service.connections) == 2


def test_a_cassette_on_which_nothing_was_recorded(
    box: pytest.Pytester, service: RealtimeServer
) -> None:
    box.makepyfile(
        """
        import pytest

        @pytest.mark.voxwire_cassette("a.jsonl")
        def test_nothing(realtime_cassette):
            assert realtime_cassette.recording

        def test_no_marker(realtime_cassette):
            pass
        """
    )
    result = box.runpytest("--voxwire-record=once")
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines_random(
        ["a.jsonl: nothing was recorded*", "*realtime_cassette needs a marker*"]
    )


def test_the_key_of_the_environment_is_added_for_a_real_server_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    real = "wss://api.openai.com/v1/realtime"
    assert _key_for(real) == {"Authorization": f"Bearer {KEY}"}
    assert _key_for("ws://127.0.0.1:1/v1/realtime") == {}
    assert _key_for("ws://api.openai.com/v1/realtime") == {}  # it would travel unencrypted
    assert _key_for("wss://example.com/v1/realtime") == {}  # it is OpenAI's
    monkeypatch.delenv("OPENAI_API_KEY")
    assert _key_for(real) == {}


def test_a_mode_that_is_none_is_refused(
    box: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOXWIRE_RECORD", "sometimes")
    box.makepyfile("def test_nothing(): pass")
    result = box.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*VOXWIRE_RECORD is none, once or all, not 'sometimes'"])


# --- the plugin itself ---------------------------------------------------------------------------


def test_loading_the_plugin_imports_next_to_nothing() -> None:
    code = """
import sys, voxwire.testing.plugin
heavy = {"attrs", "msgspec", "websockets", "httpx", "voxwire_protocol", "voxwire.sync", "typer"}
print(sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_nothing_else_needs_pytest() -> None:
    code = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pytest", "_pytest"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hide())
import voxwire, voxwire.sync, voxwire.emulator, voxwire.emulator.proxy, voxwire.testing
[getattr(voxwire, name) for name in voxwire.__all__]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# --- the documentation ---------------------------------------------------------------------------


def blocks() -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(r"^```py(?:thon)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_page_on_testing(
    box: pytest.Pytester, realtime_server: RealtimeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its blocks is a file of tests, with the imports of the one before it."""
    realtime_server.on("capital of Norway", reply="Oslo.")
    monkeypatch.setenv("VOXWIRE_RECORD_TO", realtime_server.url)
    (box.path / "examples").symlink_to(ROOT / "examples")
    imports = "import pytest\nimport voxwire\nimport voxwire.sync\n"
    tests = 0
    for number, block in enumerate(blocks()):
        (box.path / f"test_block_{number}.py").write_text(imports + block)
        tests += len(re.findall(r"^(?:async )?def test_", block, re.MULTILINE))
    assert tests == 8
    files = sorted(box.path.glob("test_block_*.py"))  # not the examples' own tests
    box.runpytest("--voxwire-record=once", *files).assert_outcomes(passed=tests)
    box.runpytest(*files).assert_outcomes(passed=tests)
    assert len(realtime_server.connections) == 1
