"""The browser of the tests does what the tests believe that it does."""

from __future__ import annotations

from pathlib import Path

import pytest
from chromium import Browser

PAGE = """<!doctype html><meta charset="utf-8"><title>A pier</title>
<meta name="viewport" content="width=device-width">
<style>body { background: #fff } @media (prefers-color-scheme: dark) { body { background: #000 } }
div { height: 3000px }</style><div></div>
<button>Tide</button><input><p></p>
<script>
const say = text => { document.querySelector("p").textContent += text + " "; };
document.querySelector("button").onclick = () => say("clicked");
document.onkeydown = event => say(event.key);
</script>"""


async def test_a_page_is_shown_clicked_and_typed_into(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(PAGE)
    page = await browser.page(path.as_uri(), scheme="dark", width=360, mobile=True)
    assert await page.run("document.title") == "A pier"
    assert await page.run("getComputedStyle(document.body).backgroundColor") == "rgb(0, 0, 0)"
    assert await page.run("new Promise(done => setTimeout(() => done(innerWidth), 1))") == 360
    await page.click("button")
    await page.press("ArrowDown", "?")
    assert await page.text("p") == "clicked ArrowDown ?"
    await page.click("input")
    await page.until("document.activeElement === document.querySelector('input')")
    await page.type("high water")
    await page.until("document.querySelector('input').value === 'high water'")
    png = await page.screenshot(tmp_path / "page.png")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert page.requests == [path.as_uri()]
    assert page.errors == []


async def test_what_goes_wrong_in_a_page_is_heard_of(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<script>console.log('now', 4); alert('boo'); missing()</script>")
    page = await browser.page(path.as_uri())
    await page.until("true")
    assert page.console == ["now 4"]
    assert page.dialogs == ["boo"]
    assert "missing is not defined" in page.errors[0]
    with pytest.raises(RuntimeError, match="nothing"):
        await page.run("nothing()")
    with pytest.raises(RuntimeError, match="ERR_FILE_NOT_FOUND"):
        await page.open((tmp_path / "none.html").as_uri())
