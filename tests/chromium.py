"""A real Chromium without a window, driven over its own protocol, for what is shown in a browser.

It needs the program and nothing else: no driver, no package. A test that asks for the fixture
``browser`` is skipped, with the reason, where there is no Chromium.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect

__all__ = ["Browser", "Chromium", "Page", "found"]

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SECONDS: Final = 20.0
"""How long a page may take for what it is told to do, before the test fails."""


def found() -> str | None:
    """The program: the one that VOXWIRE_CHROMIUM names, or the first of the usual names."""
    named = os.environ.get("VOXWIRE_CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


class Chromium:
    """The running program; a test session needs one.

    Args:
        extra: more of its switches, such as those for a microphone that is made up.

    Raises:
        RuntimeError: it does not start; the message has what it said.
    """

    def __init__(self, program: str, *extra: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        self._log = (folder / "log").open("w+")
        self._process = subprocess.Popen(
            [
                program,
                "--headless=new",
                "--remote-debugging-port=0",
                f"--user-data-dir={folder / 'profile'}",
                "--no-sandbox",  # root in a container has none
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-extensions",
                "--no-default-browser-check",
                "--no-first-run",
                "--mute-audio",
                "--autoplay-policy=no-user-gesture-required",
                "--force-color-profile=srgb",
                "--hide-scrollbars",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                *extra,
                "about:blank",
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self.url = self._address(folder / "profile" / "DevToolsActivePort")
        except BaseException:
            self.stop()
            raise

    def _address(self, port_file: Path) -> str:
        for _ in range(600):
            if self._process.poll() is not None:
                break
            with suppress(OSError):
                lines = port_file.read_text().split()
                if len(lines) == 2:
                    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            time.sleep(0.05)
        self._log.seek(0)
        raise RuntimeError(f"Chromium did not start: {self._log.read()[-2000:]}")

    def stop(self) -> None:
        """End it, with the processes that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()
        self._folder.cleanup()


class Browser:
    """A connection to Chromium, for one test: ``page = await browser.page()``.

    Each page has cookies and storage of its own, and is closed with the connection.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}
        self._contexts: list[str] = []

    async def __aenter__(self) -> Self:
        self._socket: ClientConnection = await connect(
            self._url, max_size=None, ping_interval=None, proxy=None, compression=None
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for context in self._contexts:
            await self.call("Target.disposeBrowserContext", browserContextId=context)
        await self._socket.close()
        await self._reading

    async def page(
        self,
        url: str | None = None,
        *,
        width: int = 1280,
        height: int = 800,
        mobile: bool = False,
        scheme: str = "light",
        reduced_motion: bool = False,
    ) -> Page:
        """A new page, with nothing in its storage; loaded if there is a ``url``."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        self._contexts.append(context)
        target = await self.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        page = Page(self, attached["sessionId"])
        self._pages[attached["sessionId"]] = page
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.call(f"{domain}.enable")
        await page.resize(width, height, mobile=mobile)
        motion = "reduce" if reduced_motion else "no-preference"
        await page.call(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": motion},
            ],
        )
        if url is not None:
            await page.open(url)
        return page

    async def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol, and wait for its result."""
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        await self._socket.send(json.dumps(message))
        async with asyncio.timeout(SECONDS):
            return await answer

    async def _read(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            answer = self._answers.pop(message.get("id"), None)
            if answer is not None and not answer.done():
                if "error" in message:
                    answer.set_exception(RuntimeError(message["error"]["message"]))
                else:
                    answer.set_result(message["result"])
            page = self._pages.get(message.get("sessionId", ""))
            if page is not None and "method" in message:
                page.told(message["method"], message["params"])


class Page:
    """One page. What it logs, what it throws and what it asks of the network is kept."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self._waiting: list[tuple[str, asyncio.Future[Mapping[str, Any]]]] = []
        self.console: list[str] = []
        """What the page logged, and what the browser logged about it."""
        self.errors: list[str] = []
        """Exceptions that nothing in the page caught, and errors that the browser logged."""
        self.requests: list[str] = []
        """The addresses that it asked for, its own among them."""
        self.dialogs: list[str] = []
        """What ``alert`` and its kind said. They are closed at once."""

    async def open(self, url: str) -> None:
        """Go to an address, and wait until it is loaded."""
        loaded = self._event("Page.loadEventFired")
        result = await self.call("Page.navigate", url=url)
        if result.get("errorText"):
            raise RuntimeError(f"{url}: {result['errorText']}")
        async with asyncio.timeout(SECONDS):
            await loaded

    async def resize(self, width: int, height: int, *, mobile: bool = False) -> None:
        """Give the page another size, in CSS pixels."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if mobile else 1,
            mobile=mobile,
        )

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page; a promise is waited for."""
        result = await self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in result:
            raise RuntimeError(_thrown(result["exceptionDetails"]))
        return result["result"].get("value")

    async def until(self, script: str, seconds: float = SECONDS) -> None:
        """Wait until an expression is true, as JavaScript sees it."""
        try:
            async with asyncio.timeout(seconds):
                while not await self.run(f"Boolean({script})"):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            said = "; ".join([*self.errors, *self.console]) or "nothing"
            raise TimeoutError(f"never true: {script} (the page said: {said})") from None

    async def text(self, selector: str) -> str:
        """The text of the first element that a CSS selector finds, as it is shown."""
        text: str = await self.run(f"document.querySelector({json.dumps(selector)}).innerText")
        return text

    async def click(self, selector: str) -> None:
        """Click in the middle of an element, as a mouse does: what covers it gets the click."""
        where = await self.run(
            "(() => {"
            f"const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'nearest', inline: 'nearest', behavior: 'instant'});"
            "const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=where[0],
                y=where[1],
                button="none" if kind == "mouseMoved" else "left",
                clickCount=0 if kind == "mouseMoved" else 1,
            )

    async def press(self, *keys: str) -> None:
        """Press keys by their names, such as ``ArrowDown``, ``Enter`` or ``a``."""
        for key in keys:
            text = {"Enter": "\r", "Space": " "}.get(key, key if len(key) == 1 else None)
            fields: dict[str, Any] = {"key": " " if key == "Space" else key, "code": key}
            if key in _CODES:
                fields["windowsVirtualKeyCode"] = _CODES[key]
            if text is not None:
                fields["text"] = text
            await self.call(
                "Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **fields
            )
            fields.pop("text", None)
            await self.call("Input.dispatchKeyEvent", type="keyUp", **fields)

    async def type(self, text: str) -> None:
        """Put text where the cursor is."""
        await self.call("Input.insertText", text=text)

    async def screenshot(self, path: Path, *, whole: bool = False) -> Path:
        """The page as a PNG file: what is in view, or all of it."""
        result = await self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(result["data"]))
        return path

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol on this page."""
        return await self._browser.call(method, self._session, **params)

    def told(self, method: str, params: Mapping[str, Any]) -> None:
        """Something happened in the page."""
        match method:
            case "Runtime.consoleAPICalled":
                values = [str(a.get("value", a.get("description"))) for a in params["args"]]
                self.console.append(" ".join(values))
            case "Runtime.exceptionThrown":
                self.errors.append(_thrown(params["exceptionDetails"]))
            case "Log.entryAdded":
                entry = params["entry"]
                self.console.append(entry["text"])
                if entry["level"] == "error":
                    self.errors.append(entry["text"])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Page.javascriptDialogOpening":
                self.dialogs.append(params["message"])
                closing = self.call("Page.handleJavaScriptDialog", accept=True)
                self._closing = asyncio.ensure_future(closing)
            case _:
                pass
        for waiting in list(self._waiting):
            if waiting[0] == method:
                self._waiting.remove(waiting)
                if not waiting[1].done():
                    waiting[1].set_result(params)

    def _event(self, method: str) -> asyncio.Future[Mapping[str, Any]]:
        future: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append((method, future))
        return future


def _thrown(details: Mapping[str, Any]) -> str:
    return details.get("exception", {}).get("description") or details["text"]


_CODES: Final[Mapping[str, int]] = {
    "ArrowDown": 40, "ArrowLeft": 37, "ArrowRight": 39, "ArrowUp": 38, "End": 35, "Enter": 13,
    "Escape": 27, "Home": 36, "PageDown": 34, "PageUp": 33, "Space": 32, "Tab": 9,
}  # fmt: skip
