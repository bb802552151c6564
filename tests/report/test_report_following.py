"""A report of a session that is still running: the file as it grows, the server, the page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from chromium import Browser
from spoken_session import lines, tone
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

import voxwire
from voxwire import report
from voxwire.emulator import Emulator
from voxwire.errors import InvalidOption
from voxwire.recording.frames import entry
from voxwire.report.follow import Growing, Tail
from voxwire.report.server import LiveReport


def put(path: Path, *made: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in made)


class Shown:
    """What a page makes of what it is told."""

    def __init__(self) -> None:
        self.sessions: list[dict[str, Any]] = []

    def take(self, change: dict[str, Any]) -> None:
        if change["session"] == len(self.sessions):
            self.sessions.append({"rows": [], "waves": {"user": [], "model": []}})
        session = self.sessions[change["session"]]
        rows, waves = session["rows"] + change["rows"], session["waves"]
        for lane, new in change["waves"].items():
            waves[lane] = waves[lane][: new["from"]] + new["new"]
        self.sessions[change["session"]] = {**change["head"], "rows": rows, "waves": waves}


# --- the file ------------------------------------------------------------------------------------


def test_lines_come_when_they_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    tail = Tail(path)
    assert tail.entries() == (False, [])
    path.write_text('{"dir": "meta", "t": 0, "format": 1}\n{"dir": "c2s", "ev')
    assert len(tail.entries()[1]) == 1
    with path.open("a") as file:
        file.write('ent": {"type": "response.create"}}\nno line\n{"dir": "close"}\n')
    assert [type(one).__name__ for one in tail.entries()[1]] == ["Frame", "Close"]
    assert tail.entries() == (False, [])
    tail.close()


def test_a_file_that_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    tail = Tail(path)
    put(path, *lines()[:40])
    assert len(tail.entries()[1]) == 40
    path.write_text("")
    put(path, *lines()[:3])
    anew, found = tail.entries()
    assert (anew, len(found)) == (True, 3)
    other = tmp_path / "other.jsonl"
    put(other, *lines()[:9])
    other.replace(path)
    anew, found = tail.entries()
    assert (anew, len(found)) == (True, 9)
    path.unlink()
    assert tail.entries() == (False, [])
    tail.close()


@pytest.mark.parametrize("step", [5, 60])
def test_what_was_told_bit_by_bit_is_the_whole(tmp_path: Path, step: int) -> None:
    path = tmp_path / "call.jsonl"
    growing, page = Growing(path), Shown()
    made = [*lines(), *lines()]
    for i in range(0, len(made), step):
        put(path, *made[i : i + step])
        assert growing.read() is False
        for change in json.loads(json.dumps(growing.changes())):
            page.take(change)
    growing.tail.close()
    assert growing.changes() == []
    whole = report.read([entry(line) for line in made]).to_dict()
    for told, known in zip(page.sessions, whole["sessions"], strict=True):
        for sound in told["sounds"].values():
            sound.pop("n")
        assert told == known
    again = json.loads(json.dumps(growing.report()))
    assert [one["rows"] for one in again["sessions"]] == [one["rows"] for one in page.sessions]


def test_a_session_that_is_not_over_says_so(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    put(path, *lines()[:60])
    growing = Growing(path)
    growing.read()
    (change,) = growing.changes()
    assert change["head"]["finished"] is False
    put(path, lines()[0])  # another connection begins: this one has ended
    put(path, *lines()[1:4])
    growing.read()
    first, second = growing.changes()
    assert (first["head"]["finished"], second["head"]["finished"]) == (True, False)
    growing.tail.close()


# --- the server ----------------------------------------------------------------------------------


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveReport]:
    path = tmp_path / "call.jsonl"
    put(path, *lines()[:100])
    async with LiveReport(path) as live:
        yield live


def socket_of(url: str) -> str:
    return url.replace("http", "ws") + "events"


async def test_the_page_and_its_sound_are_served(live: LiveReport) -> None:
    async with httpx.AsyncClient() as http:
        page = await http.get(live.url)
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["cache-control"] == "no-store"
        origin = live.url.rsplit("/", 2)[0]
        assert f"connect-src {origin} {origin.replace('http', 'ws')};" in page.text
        sound = await http.get(f"{live.url}sound/0/0")
        assert sound.content[48_000 : 48_000 + 96_000] == tone(2.0)
        for path in ("sound/0/99", "sound/x/0", "sound/0", "nothing", "../", "sound/-1/-1"):
            assert (await http.get(live.url + path)).status_code == 404


async def test_only_who_knows_the_address_gets_in(live: LiveReport) -> None:
    parts = urlsplit(live.url)
    origin = f"http://{parts.netloc}"
    async with httpx.AsyncClient() as http:
        for path in ("", "/", "/wrong/", "/wrong/sound/0/0"):
            assert (await http.get(origin + path)).status_code == 404
        elsewhere = await http.get(live.url, headers={"Host": f"evil.example:{parts.port}"})
        assert elsewhere.status_code == 421
    for headers in ({"Origin": "https://evil.example"}, {}):
        with pytest.raises(InvalidStatus, match="403"):
            async with connect(socket_of(live.url), additional_headers=headers, proxy=None):
                pass
    with pytest.raises(InvalidStatus, match="404"):
        async with connect(f"ws://{parts.netloc}/wrong/events", origin=origin, proxy=None):  # type: ignore[arg-type]
            pass
    assert live.url != LiveReport("other.jsonl").url


async def test_what_is_written_is_told(live: LiveReport, tmp_path: Path) -> None:
    origin = live.url.rsplit("/", 2)[0]
    async with connect(socket_of(live.url), origin=origin, proxy=None, max_size=None) as socket:  # type: ignore[arg-type]
        first = json.loads(await socket.recv())["report"]
        assert first["source"] == "call.jsonl"
        assert len(first["sessions"][0]["rows"]) == 100
        put(tmp_path / "call.jsonl", *lines()[100:])
        rows = 100
        while rows < len(lines()):
            change = json.loads(await socket.recv())["change"]
            assert change["rows"][0]["n"] == rows + 1
            rows += len(change["rows"])
        assert change["head"]["finished"] is True
        (tmp_path / "call.jsonl").write_text("")
        assert json.loads(await socket.recv())["report"]["sessions"] == []


async def test_a_port_that_is_taken(live: LiveReport) -> None:
    port = urlsplit(live.url).port
    assert port is not None
    with pytest.raises(InvalidOption, match="0 takes a free one"):
        async with LiveReport("call.jsonl", port=port):
            pass


# --- the page ------------------------------------------------------------------------------------


async def test_the_page_follows_a_file(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    made = lines()
    async with LiveReport(path) as live:
        page = await browser.page(live.url)
        await page.until("document.querySelector('#status').textContent.includes('Nothing has')")
        put(path, *made[:60])
        await page.until("document.querySelectorAll('.turn').length === 2")
        await page.until("document.querySelector('#live').textContent === 'live'")
        await page.press("ArrowDown")
        put(path, *made[60:])
        await page.until("document.querySelectorAll('.turn').length === 6")
        chosen = "document.querySelector('#turns [aria-selected=true]').id"
        assert await page.run(chosen) == "turn-0"  # what was chosen still is
        await page.until("document.querySelector('.tile .value').textContent === '16.20 s'")
        await page.run(
            "URL.createObjectURL = (make => blob => { window.played = blob; return make(blob); })"
            "(URL.createObjectURL)"
        )
        await page.click("#turn-2 .act")
        await page.until("window.played")
        assert await page.run("window.played.size") == 44 + 6 * 48_000
        put(path, *made)  # somebody connects once more
        await page.until("document.querySelector('#session').options.length === 2")
        assert await page.run("document.querySelector('#session').value") == "1"
        assert page.errors == []


async def test_the_page_follows_a_session_that_is_held(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    async with Emulator() as server, LiveReport(path) as live:
        page = await browser.page(live.url)
        async with voxwire.connect(
            url=server.url, record=path, output_modalities=["text"]
        ) as session:
            await session.say("Good morning")
            await page.until("document.querySelectorAll('.turn').length === 2")
            said = await page.run("document.querySelector('.turn .said').textContent")
            assert said == "Good morning"
            await session.say("Good night")
            await page.until("document.querySelectorAll('.turn').length === 4")
        await page.until("document.querySelector('#rows-all').textContent.includes('close')")
    # The report went away with its server, and the page says so.
    await page.until("document.querySelector('#live').textContent === 'no longer followed'")
