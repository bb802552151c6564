"""The page in a real browser: what is seen, heard, clicked, typed, and what is not run."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from chromium import Browser, Page
from spoken_session import SESSION, Tape, lines
from test_report_page import HOSTILE

from voxwire import report
from voxwire.recording.frames import entry

Shown = Callable[..., Awaitable[Page]]


@pytest.fixture
def shown(browser: Browser, tmp_path: Path) -> Shown:
    """Make a page of some lines, and open it."""

    async def show(made: list[dict[str, Any]], **options: Any) -> Page:
        audio = options.pop("audio", None)
        out = tmp_path / "report.html"
        name = options.pop("name", "made up.jsonl")
        report.write([entry(line) for line in made], out, name=name, audio=audio)
        page = await browser.page(out.as_uri(), **options)
        await page.until("document.querySelector('#tiles .tile')")
        return page

    return show


async def texts(page: Page, selector: str) -> list[str]:
    found: list[str] = await page.run(
        f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent)"
    )
    return found


async def test_a_session_is_shown(shown: Shown, tmp_path: Path) -> None:
    page = await shown(lines())
    assert page.console == []
    assert await page.text("h1") == "made up.jsonl"
    assert await texts(page, ".tile .value") == [
        "16.20 s", "6", "1.15 s", "750", "$0.0154", "2 errors",
    ]  # fmt: skip
    assert await texts(page, ".turn .who") == ["User", "Tool", "Model", "User", "Model", "User"]
    assert await texts(page, ".turn .unheard") == [" two in the night and at twenty past two"]
    await page.until("document.querySelectorAll('.b').length")
    # A bar lies where its time is: speech from 2.0 to 4.0 of 16.2 seconds.
    place = await page.run(
        "(() => { const b = document.querySelector('.b.speech').getBoundingClientRect(),"
        " v = document.querySelector('#view').getBoundingClientRect();"
        " return [(b.left - v.left) / v.width, b.width / v.width]; })()"
    )
    assert place == pytest.approx([2.0 / 16.2, 2.0 / 16.2], abs=0.003)
    # And something is drawn above it, and nothing where nobody spoke.
    loud = (
        "(t => { const c = document.querySelector('#wave-user'),"
        " x = Math.round(t / 16.2 * c.width);"
        " const d = c.getContext('2d').getImageData(x, 0, 1, Math.floor(c.height / 2) - 2).data;"
        " return d.some(v => v); })"
    )
    assert await page.run(f"{loud}(3.0)") is True
    assert await page.run(f"{loud}(1.5)") is False
    assert page.errors == []
    assert page.requests == [(tmp_path / "report.html").as_uri()]


async def test_a_turn_is_heard(shown: Shown) -> None:
    page = await shown(lines())
    # What is played is looked at where the page hands it over.
    await page.run(
        "URL.createObjectURL = (make => blob => { window.played = blob; return make(blob); })"
        "(URL.createObjectURL)"
    )
    await page.click("#turn-2 .act")
    await page.until("document.querySelector('#clock').textContent.endsWith('0:06.0')")
    await page.until("!document.querySelector('#cursor').hidden")
    wav = await page.run(
        "window.played.arrayBuffer().then(b => { const d = new DataView(b);"
        " return [b.byteLength, d.getUint32(24, true), d.getUint16(34, true)]; })"
    )
    assert wav == [44 + 6 * 48_000, 24_000, 16]
    assert await page.text("#playing") == "Model: High water at pier four is at five to"
    await page.press("Space")
    await page.until("document.querySelector('#pause').getAttribute('aria-label') === 'Play'")
    await page.press("Escape")
    assert await page.run("document.querySelector('#player').hidden") is True
    await page.click("#turn-0 .act")  # a piece of what the user sent
    await page.until("document.querySelector('#clock').textContent.endsWith('0:02.0')")
    assert await page.run("window.played.size") == 44 + 2 * 48_000
    assert page.errors == []


@pytest.mark.parametrize("law", ["audio/pcmu", "audio/pcma"])
async def test_sound_of_a_phone_line_is_heard(shown: Shown, law: str) -> None:
    made = lines()
    line = json.loads(json.dumps(SESSION))
    line["audio"]["output"]["format"] = {"type": law}
    for one in made:
        if one.get("event", {}).get("session") == SESSION:
            one["event"]["session"] = line
    page = await shown(made)
    await page.run(
        "URL.createObjectURL = (make => blob => { window.played = blob; return make(blob); })"
        "(URL.createObjectURL)"
    )
    await page.click("#turn-2 .act")
    await page.until("window.played")
    rate = "window.played.arrayBuffer().then(b => new DataView(b).getUint32(24, true))"
    assert await page.run(rate) == 8_000
    assert page.errors == []


async def test_the_keyboard_does_it_all(shown: Shown) -> None:
    page = await shown(lines())
    chosen = "document.querySelector('#turns [aria-selected=true]')?.id"
    await page.press("ArrowDown", "ArrowDown")
    assert await page.run(chosen) == "turn-1"
    await page.press("ArrowUp")
    assert await page.run(chosen) == "turn-0"
    await page.press("Enter")  # its events: the first of them is chosen
    assert await page.text("#detail-title") == (
        "18 ↓ input_audio_buffer.speech_started at 0:02.300, 107 bytes"
    )
    assert json.loads(await page.text("#raw"))["audio_start_ms"] == 1000
    await page.press("e")
    assert "transcription.failed" in await page.text("#detail-title")
    await page.press("e")
    assert "response.create" in await page.text("#detail-title")
    await page.press("Escape")
    assert await page.run("document.querySelector('#detail').hidden") is True
    await page.press("4")
    assert await page.run("document.querySelector('#panel-usage').hidden") is False
    assert "audio output" in await page.text("#panel-usage")
    await page.press("+", "+")
    await page.until("!document.querySelector('#brush').hidden")
    await page.press("0")
    await page.until("document.querySelector('#brush').hidden")
    await page.press("?")
    assert await page.run("document.querySelector('#keys').open") is True
    await page.press("Escape")
    assert await page.run("document.querySelector('#keys').open") is False
    await page.press("/")
    await page.type("pier four")
    await page.until("document.querySelector('#found').textContent")
    assert (await page.text("#found")).startswith("2 turns, ")
    assert len(await texts(page, ".turn.other")) == 4
    assert page.errors == []


async def test_events_are_filtered(shown: Shown) -> None:
    page = await shown(lines())
    rows = "document.querySelector('#rows-all').style.height"

    async def choose(select: str, value: str) -> None:
        await page.run(
            f"(s => {{ s.value = {json.dumps(value)}; s.dispatchEvent(new Event('change')); }})"
            f"(document.querySelector({json.dumps(select)}))"
        )

    total = len(lines())
    sound = sum("audio" in json.dumps(line).split('"type"')[-1][:60] for line in lines())
    assert await page.run(rows) != f"{30 * total}px"
    await page.click("#with-sound")
    assert await page.run(rows) == f"{30 * total}px"
    assert sound
    # Only what is in view is in the page, however many there are.
    assert await page.run("document.querySelectorAll('.row').length") < 60
    await choose("#direction", "sent")
    assert await page.run(rows) == f"{30 * 146}px"
    await choose("#direction", "")
    await choose("#type", "conversation.item.added")
    assert await page.run(rows) == f"{30 * 7}px"
    assert set(await texts(page, ".row .type")) == {"conversation.item.added"}
    await choose("#type", "")
    await page.click("#only-bad")
    assert await page.run(rows) == f"{30 * 5}px"
    assert len(await texts(page, ".row.lv-error")) == 2
    await page.click(".row.lv-error")
    assert json.loads(await page.text("#raw"))["error"]["message"] == "Too quiet."
    await page.run("document.querySelector('#rows').focus()")
    await page.press("ArrowDown")
    assert "response.create" in await page.text("#detail-title")


async def test_a_problem_leads_to_its_event(shown: Shown) -> None:
    page = await shown(lines())
    await page.click("#tab-problems")
    assert await texts(page, ".finding .what") == [
        "✕ Not transcribed", "✕ Error", "▲ Would be refused", "▲ No event", "Not in the specs",
    ]  # fmt: skip
    await page.click(".finding.warning")
    assert "response.create" in await page.text("#detail-title")
    await page.click(".flag.error")
    assert "transcription.failed" in await page.text("#detail-title")


async def test_a_recording_cannot_run_anything(shown: Shown) -> None:
    tape = Tape()
    tape.lines[0]["url"] = f"wss://host/{HOSTILE}?model={HOSTILE}"
    tool = {"type": "function", "name": HOSTILE, "parameters": {}}
    tape.server(1, "session.created",
                session={"type": "realtime", "model": HOSTILE, "tools": [tool]})  # fmt: skip
    item = {"id": HOSTILE, "type": "message", "role": "user",
            "content": [{"type": "input_text", "text": HOSTILE}]}  # fmt: skip
    tape.item(1.5, item, None)
    call = {"id": f"c{HOSTILE}", "type": "function_call", "name": HOSTILE, "call_id": HOSTILE,
            "arguments": HOSTILE}  # fmt: skip
    tape.item(1.6, call, HOSTILE)
    output = {"id": "o", "type": "function_call_output", "call_id": HOSTILE, "output": HOSTILE}
    tape.item(1.7, output, HOSTILE)
    tape.server(2, HOSTILE, delta=HOSTILE)
    tape.server(2, "__proto__", delta=HOSTILE)
    tape.server(3, "error", error={"code": HOSTILE, "message": HOSTILE})
    tape.server(4, "response.output_audio.delta", response_id="r", item_id=HOSTILE,
                output_index=0, content_index=0, delta="AAAA")  # fmt: skip
    tape.lines.append({"dir": "s2c", "t": 5, "raw": HOSTILE})
    tape.lines.append({"dir": "close", "t": 6, "code": 4000, "reason": HOSTILE})
    page = await shown([*tape.lines, *tape.lines], name=f"{HOSTILE}.jsonl")
    for tab in ("events", "problems", "latency", "usage", "session"):
        await page.click(f"#tab-{tab}")
    await page.press("ArrowDown", "ArrowDown", "e", "e", "e")
    assert await page.text("#turns .said") == HOSTILE
    # Nothing ran, nothing was fetched, and what would be markup is text.
    assert page.dialogs == []
    assert len(page.requests) == 1
    assert await page.run("document.querySelectorAll('#main img, #main script').length") == 0
    assert page.errors == []
    # The browser itself refuses markup made of texts, and scripts that are not the page's own.
    with pytest.raises(RuntimeError, match="TrustedHTML"):
        await page.run("document.body.innerHTML = '<b>bold</b>'")
    with pytest.raises(RuntimeError, match="TrustedScript"):
        await page.run("document.createElement('script').textContent = 'window.ran = 1'")
    await page.run(
        "(s => { s.append('window.ran = 1'); document.body.append(s); })"
        "(document.createElement('script'))"
    )
    assert await page.run("'ran' in window") is False
    with pytest.raises(RuntimeError, match="Failed to fetch"):
        await page.run("fetch('https://example.invalid/')")


async def test_several_connections_have_a_chooser(shown: Shown) -> None:
    other = Tape()
    item = {"id": "i", "type": "message", "role": "user",
            "content": [{"type": "input_text", "text": "Somebody else"}]}  # fmt: skip
    other.item(1.0, item, None)
    page = await shown([*lines(), *other.lines])
    assert await texts(page, "#session option") == [
        "1 of 2: gpt-realtime-2.1", "2 of 2: gpt-realtime-2.1",
    ]  # fmt: skip
    await page.run(
        "(s => { s.value = '1'; s.dispatchEvent(new Event('change')); })"
        "(document.querySelector('#session'))"
    )
    assert await texts(page, ".turn .said") == ["Somebody else"]
    await page.press("ArrowDown", "Enter")
    assert (await page.text("#detail-title")).startswith("238 ")


async def test_every_recording_opens(
    browser: Browser, recorded: list[Path], recorded_live: list[Path], tmp_path: Path
) -> None:
    page = await browser.page()
    for path in recorded + recorded_live:
        out = tmp_path / f"{path.stem}.html"
        report.write(path, out)
        first = report.read(path).sessions[0]
        await page.open(out.as_uri())
        await page.until("document.querySelector('#tiles .tile')")
        assert await texts(page, "#turns .turn .who") == [turn.who for turn in first.turns]
        assert page.errors == [], path.name


async def test_without_times_and_without_sound(shown: Shown) -> None:
    made = [{key: value for key, value in line.items() if key != "t"} for line in lines()]
    page = await shown(made, audio="none")
    notice = await page.text("#notice")
    assert "no times" in notice
    assert "The sound is not in here." in notice
    assert await page.run("document.querySelectorAll('.act').length") == 6  # events only
    await page.until("document.querySelectorAll('.tick').length")
    assert all(text.startswith("#") for text in await texts(page, ".tick"))
    await page.click("#tab-latency")
    assert await page.text("#panel-latency") == "The recording has no times."
    assert page.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_is_readable_in_the_light_and_in_the_dark(shown: Shown, scheme: str) -> None:
    page = await shown(lines(), scheme=scheme)
    await page.press("e")
    await page.click("#tab-problems")
    poor = await page.run(CONTRAST)
    assert poor == []
    dark = await page.run("document.documentElement.dataset.theme")
    assert dark == scheme
    await page.click("#theme")
    other = await page.run("document.documentElement.dataset.theme")
    assert other != scheme


async def test_it_fits_on_a_phone(shown: Shown) -> None:
    page = await shown(lines(), width=360, height=740, mobile=True)
    for tab in ("transcript", "events", "problems", "latency", "usage", "session"):
        await page.click(f"#tab-{tab}")
        assert await page.run("document.documentElement.scrollWidth") == 360, tab
        panel = "turns" if tab == "transcript" else f"panel-{tab}"
        box = await page.run(
            f"(r => [r.left, r.right, r.height])"
            f"(document.querySelector('#{panel}').getBoundingClientRect())"
        )
        assert box[0] >= 0
        assert box[1] <= 360
        assert box[2] > 60, tab
    small = await page.run(
        "[...document.querySelectorAll('header button, .tabs button, .turn .act')]"
        ".filter(b => b.offsetParent && b.getBoundingClientRect().height < 30).length"
    )
    assert small == 0
    assert page.errors == []


async def test_everything_has_a_name(shown: Shown) -> None:
    page = await shown(lines())
    await page.press("ArrowDown", "Space", "e")
    await page.call("Accessibility.enable")
    tree = await page.call("Accessibility.getFullAXTree")
    roles = ("button", "tab", "combobox", "searchbox", "slider", "checkbox", "listbox", "option",
             "image")  # fmt: skip
    nameless = [
        node
        for node in tree["nodes"]
        if not node["ignored"]
        and node["role"]["value"] in roles
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []
    assert len(tree["nodes"]) > 100


async def test_nothing_moves_for_those_who_asked_for_that(shown: Shown) -> None:
    page = await shown(lines(), reduced_motion=True)
    moving = "document.getAnimations().filter(a => a.playState === 'running').length"
    assert await page.run(moving) == 0


# Texts whose colour is too close to that of the ground below them (WCAG AA: 4.5 to 1).
CONTRAST = """(() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => { const f = v => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const poor = new Set();
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some(c => c.nodeType === 3 && c.textContent.trim());
    if (!own || !node.offsetParent || node.closest('dialog, pre')) continue;
    let ground = null;
    for (let up = node; up && !ground; up = up.parentElement) {
      const colour = getComputedStyle(up).backgroundColor;
      const [r, g, b, a = 1] = parse(colour);
      if (!colour.startsWith('color') && a > 0.9) ground = [r, g, b];
    }
    const a = light(parse(getComputedStyle(node).color)), b = light(ground || [255, 255, 255]);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.add(`${node.className}: ${ratio.toFixed(2)}`);
  }
  return [...poor];
})()"""
