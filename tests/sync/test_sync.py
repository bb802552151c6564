"""The threaded face against a real WebSocket server on loopback."""

from __future__ import annotations

import inspect
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from scripted import CLEAR, CREATED, UPDATE, UPDATED, cleared, close
from voxwire_protocol import InputAudioBufferClear, InputAudioBufferCleared, SessionUpdated

import voxwire
import voxwire.sync
from voxwire.emulator.replay import ReplayServer
from voxwire.errors import (
    ConnectionClosedError,
    ConnectRefused,
    InvalidEvent,
    InvalidOption,
    WaitTimeout,
)
from voxwire.session.local_events import ConnectionClosed, HandlerFailed


@contextmanager
def serving(*script: dict[str, Any], hold: bool = True) -> Iterator[ReplayServer]:
    portal = voxwire.sync.Portal()
    server = ReplayServer([CREATED, *script], hold=hold)
    portal.call(server.__aenter__())
    try:
        yield server
    finally:
        portal.call(server.__aexit__(None, None, None))
        portal.close()


@contextmanager
def live(*script: dict[str, Any], hold: bool = True) -> Iterator[voxwire.sync.Session]:
    with (
        serving(*script, hold=hold) as server,
        voxwire.sync.connect(url=server.url) as session,
    ):
        yield session


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (voxwire.sync.Session, voxwire.Session),
        (voxwire.sync.Response, voxwire.Response),
        (voxwire.sync.SendReceipt, voxwire.SendReceipt),
    ],
)
def test_the_two_faces_offer_the_same(here: type, there: type) -> None:
    def offered(cls: type) -> set[str]:
        return {name for name in dir(cls) if not name.startswith("_")}

    asyncio_only = {
        "greeting", "is_kept", "keep", "reading", "restore", "restored", "serve_threads", "stream",
        "within",
    }  # fmt: skip
    threads_only = {"wait"}
    assert offered(there) - offered(here) <= asyncio_only
    assert offered(here) - offered(there) <= threads_only
    for name in offered(here) & offered(there):
        ours, theirs = getattr(here, name), getattr(there, name)
        if callable(ours):
            # Plain handlers always run in threads here, so there is no switch for it.
            wanted = [p for p in inspect.signature(theirs).parameters if p != "thread"]
            assert list(inspect.signature(ours).parameters) == wanted, name


def test_events_are_iterated_to_the_end() -> None:
    with live(hold=False) as session:
        events = list(session)
    assert [type(event).__name__ for event in events] == ["SessionCreated", "ConnectionClosed"]


def test_subscribe_then_act() -> None:
    with live(UPDATE, UPDATED) as session:
        with session.expect(SessionUpdated, timeout=5) as updated:
            receipt = session.send(
                {"type": "session.update", "session": {"type": "realtime", "instructions": "Hi"}}
            )
        assert updated.event.session.instructions == "Hi"
        assert receipt.acknowledged(5) == updated.event
        assert receipt.event_id


def test_handlers_may_block_and_use_the_session() -> None:
    threads: list[str] = []
    done = threading.Event()
    with live(CLEAR, cleared(1), CLEAR, cleared(2)) as session:

        @session.on(InputAudioBufferCleared)
        def again(event: InputAudioBufferCleared) -> None:
            threads.append(threading.current_thread().name)
            if len(threads) == 1:
                session.send(InputAudioBufferClear())
            else:
                done.set()

        session.send(InputAudioBufferClear())
        assert done.wait(5)
        assert session.off(InputAudioBufferCleared, again)
    assert not any(name == "voxwire" for name in threads)


def test_a_failing_handler_is_an_event() -> None:
    failures: list[HandlerFailed] = []
    with live(CLEAR, cleared(1), hold=False) as session:
        session.on(HandlerFailed, failures.append)
        session.once("input_audio_buffer.cleared", lambda event: 1 / 0)
        session.send(InputAudioBufferClear())
        list(session)
    assert isinstance(failures[0].exception, ZeroDivisionError)


def test_streams_and_waits() -> None:
    with live(CLEAR, cleared(1), cleared(2), hold=False) as session:
        with session.stream(InputAudioBufferCleared) as stream:
            session.send(InputAudioBufferClear())
            assert [event.event_id for event in stream] == ["event_c1", "event_c2"]  # type: ignore[union-attr]
    with live() as session, pytest.raises(WaitTimeout):
        session.wait_for(InputAudioBufferCleared, timeout=0.01)


def test_leaving_an_iteration_early_keeps_the_rest() -> None:
    with live(hold=False) as session:
        for event in session:
            assert type(event).__name__ == "SessionCreated"
            break
        assert [type(event) for event in session] == [ConnectionClosed]


def test_errors_are_those_of_the_other_face() -> None:
    with pytest.raises(ConnectRefused):
        voxwire.sync.connect(url="ws://127.0.0.1:9/").open()
    with pytest.raises(InvalidOption):
        voxwire.sync.connect(model="m", call_id="c", api_key="sk-x")
    with live() as session, pytest.raises(InvalidEvent):
        session.send({"type": "nothing"})  # type: ignore[typeddict-item]
    with live(close(4321, "gone"), hold=False) as session, pytest.raises(ConnectionClosedError):
        list(session)


def test_closing_twice_and_using_after_it(tmp_path: Path) -> None:
    with serving() as server:
        session = voxwire.sync.connect(url=server.url, record=tmp_path / "r.jsonl").open()
        session.close()
        session.close()
        assert session.closed is not None
        assert session.closed.expected
        assert "sync.Session" in repr(session)
        with pytest.raises(ConnectionClosedError):
            session.send(InputAudioBufferClear())


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    with live() as session:
        session.send(InputAudioBufferClear())
    assert threading.active_count() == before


FORKED = """
import os, sys, threading
import voxwire, voxwire.sync
from voxwire.emulator import Emulator

portal = voxwire.sync.Portal()
server = Emulator()
portal.call(server.__aenter__())
session = voxwire.sync.connect(url=server.url, output_modalities=["text"]).open()
events = iter(session)
next(events)
# A lock that another thread holds at the fork is held in the child for ever.
session._portal._lock.acquire()
child = os.fork()
if child == 0:
    refused = []
    for use in (
        lambda: session.say("hello"),
        lambda: session.send({"type": "input_audio_buffer.clear"}),
        lambda: session.on("error", print),
        lambda: next(events),
        lambda: session.record("x.jsonl"),
        lambda: session.hand_over(),
    ):
        try:
            use()
        except RuntimeError as error:
            refused.append("forked" in str(error))
    assert session.conversation is not None
    session.close()
    try:
        with session:
            raise KeyError("the program's own")
    except KeyError:
        os._exit(0 if refused == [True] * 6 else 1)
    os._exit(2)
session._portal._lock.release()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
# What the child did has harmed nothing.
answer = session.say("Still here").wait()
assert answer.text == "Still here"
session.close()
portal.call(server.__aexit__(None, None, None))
portal.close()
print("done")
"""


def test_a_forked_process_hears_that_the_session_is_its_parents() -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore", "-c", FORKED],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "done\n"), ran.stderr
