"""Fixtures for pytest: a Realtime server for each test, recordings played back, and cassettes.

A plugin that pytest finds by itself. The servers run on a loop in a thread of their own, so a test
may be plain or asynchronous, whichever runner it has. Importing this costs next to nothing; what a
fixture needs is imported by its first use. Knows pytest; knows no event.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from .servers import Cassette, Hosted, RealtimeServer, Replay

__all__ = ["Cassette", "RealtimeServer", "Replay"]


# --- fixtures ------------------------------------------------------------------------------------

_HOSTED = pytest.StashKey[list[Hosted[Any] | Cassette]]()


@pytest.fixture
def realtime_server_options() -> dict[str, Any]:
    """What the emulator of ``realtime_server`` is made with; override it to change that."""
    return {}


@pytest.fixture
def realtime_server(
    request: pytest.FixtureRequest, realtime_server_options: dict[str, Any]
) -> Iterator[RealtimeServer]:
    """A Realtime server on this machine that answers as it is told to, else with an echo."""
    from ..emulator import Emulator

    yield from _hosting(request, RealtimeServer(Emulator(**realtime_server_options)))


@pytest.fixture
def realtime_replay(request: pytest.FixtureRequest) -> Iterator[Callable[..., Replay]]:
    """Play a recording back: ``realtime_replay("turn.jsonl").url``.

    The name is looked up beside the test and in the root of the project. The options are those of
    ``voxwire.emulator.ReplayServer``; matching is strict unless they say otherwise, and what the
    client then does otherwise than on record fails the test.
    """
    running: list[Replay] = []

    def play(name: str | os.PathLike[str], **options: Any) -> Replay:
        replay = Replay(_find(request, name), **options)
        running.append(replay)
        request.node.stash.setdefault(_HOSTED, []).append(replay)
        return replay

    yield play
    for replay in running:
        replay.stop()


@pytest.fixture
def realtime_cassette(request: pytest.FixtureRequest) -> Iterator[Cassette]:
    """The cassette that the marker ``voxwire_cassette`` names: connect to its ``url``."""
    marker = request.node.get_closest_marker("voxwire_cassette")
    if marker is None:
        raise pytest.UsageError(
            "realtime_cassette needs a marker: @pytest.mark.voxwire_cassette('name.jsonl')"
        )
    options = dict(marker.kwargs)
    to = options.pop("to", None) or request.config.getoption("voxwire_to") or _default_server()
    name = marker.args[0] if marker.args else _default_name(request)
    path = request.path.parent / name
    mode = request.config.getoption("voxwire_record")
    wanted = mode == "all" or (mode == "once" and not path.exists())
    if not wanted and not path.exists():
        pytest.fail(
            f"there is no cassette {path}: record it with --voxwire-record=once "
            "(and OPENAI_API_KEY, or --voxwire-to for another server)",
            pytrace=False,
        )
    yield from _hosting(request, Cassette(path, to if wanted else None, options))


H = TypeVar("H", bound="Hosted[Any] | Cassette")


def _hosting(request: pytest.FixtureRequest, hosted: H) -> Iterator[H]:
    request.node.stash.setdefault(_HOSTED, []).append(hosted)
    yield hosted
    hosted.stop()


def _find(request: pytest.FixtureRequest, name: str | os.PathLike[str]) -> Path:
    places = (request.path.parent / name, request.config.rootpath / name)
    return next((place for place in places if place.exists()), places[0])


def _default_name(request: pytest.FixtureRequest) -> Path:
    test = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
    return Path("cassettes") / f"{request.path.stem}.{test}.jsonl"


def _default_server() -> str:
    base = os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
    return base.rstrip("/") + "/realtime"


# --- hooks ---------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("voxwire", "sessions of the Realtime API")
    group.addoption(
        "--voxwire-record",
        choices=("none", "once", "all"),
        default=os.environ.get("VOXWIRE_RECORD") or "none",
        help="record cassettes: none, once (those that are missing), all; "
        "else what VOXWIRE_RECORD says",
    )
    group.addoption(
        "--voxwire-to",
        metavar="URL",
        default=os.environ.get("VOXWIRE_RECORD_TO"),
        help="the server to record from; else VOXWIRE_RECORD_TO, or /realtime of OPENAI_BASE_URL",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "voxwire_cassette(name, to=, audio=, matching=, ...): the recording for "
        "realtime_cassette, made once and played back after",
    )
    mode = config.getoption("voxwire_record")
    if mode not in ("none", "once", "all"):
        raise pytest.UsageError(f"VOXWIRE_RECORD is none, once or all, not {mode!r}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Ask the servers of a test, once it is over, whether all went as it should."""
    try:
        result = yield
    except BaseException:  # the test has failed, by whatever: its servers may tell more about it
        if found := _finish(item, passed=False):
            item.add_report_section("call", "voxwire", "\n".join(found))
        raise
    if found := _finish(item, passed=True):
        pytest.fail("\n".join(found), pytrace=False)
    return result


def _finish(item: pytest.Item, *, passed: bool) -> list[str]:
    hosted_here = item.stash.get(_HOSTED, list[Hosted[Any] | Cassette]())
    return [text for hosted in hosted_here for text in hosted.finish(passed)]
