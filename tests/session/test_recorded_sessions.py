"""Recordings of real servers, played through whole sessions of both faces over a real socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from said import NOTHING, SAID, tokens, words

import voxwire
from voxwire.emulator.replay import ReplayServer
from voxwire.recording.frames import Entry, Frame, read, sessions


@pytest.mark.parametrize("name", SAID)
async def test_what_was_said(name: str, recordings_dir: Path, connect: Any) -> None:
    recorded = sessions(read(recordings_dir / f"{name}.jsonl"))
    said: list[Any] = []
    async with ReplayServer([entry for each in recorded for entry in each], hold=True) as server:
        for entries in recorded:
            # On the line beside a call, the server does not greet.
            call = {"call_id": "rtc_1"} if "sideband" in name else {}
            try:
                async with connect(url=server.url, **call) as session:
                    await _say_again(session, entries)
            except voxwire.UpgradeRejected:  # the beta's server, to whom speaks the current shape
                said.append((NOTHING, (0, 0, 0, 0, 0)))
            else:
                said.append((words(session.conversation), tokens(session.conversation)))
    assert said == SAID[name]


async def _say_again(session: Any, entries: list[Entry]) -> None:
    """Send what the recording's client sent, each when as much had come as on record."""
    events = aiter(session)
    for entry in entries:
        if _is_sent(entry):
            await session.send_raw(entry.data)
        elif isinstance(entry, Frame):
            await anext(events)


def _is_sent(entry: Entry) -> bool:
    return isinstance(entry, Frame) and entry.dir == "c2s"
