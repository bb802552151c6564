"""The page of errors has every exception, every code that the emulator knows, and every event of
trouble."""

from __future__ import annotations

import re

from markdown_blocks import ROOT

import voxwire
from voxwire import errors, http
from voxwire.emulator.api_errors import ApiError

PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
# Bases, which a program catches; those below them have the rows.
BASES = {"VoxwireError", "ConnectError", "StoreError", "HttpError", "HttpStatusError"}


def test_every_exception_has_a_cure() -> None:
    offered = [getattr(voxwire, name) for name in voxwire.__all__]
    names = {
        each.__name__
        for each in offered
        if isinstance(each, type) and issubclass(each, errors.VoxwireError)
    }
    assert names >= set(errors.__all__) | {"InvalidSignature", http.TooManyRequests.__name__}
    rows = [line for line in PAGE.splitlines() if line.startswith("|")]
    first = " ".join(row.split("|")[1] for row in rows)
    assert not sorted(name for name in names - BASES if f"`{name}`" not in first)
    assert not sorted(name for name in BASES if f"`{name}`" not in PAGE)


def test_every_code_of_the_emulator_has_a_cure() -> None:
    source = (ROOT / "src/voxwire/emulator/api_errors.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'cls\(\s*"([a-z_]+)"', source))
    assert ApiError.active("resp_1").code in codes
    assert len(codes) > 15
    assert not sorted(code for code in codes if f"`{code}`" not in PAGE)


def test_every_code_on_record_has_a_cure() -> None:
    vendors = (ROOT / "generated/reference/vendors.md").read_text(encoding="utf-8")
    openai = vendors.split("## OpenAI\n")[1].split("\n## ")[0].split("**Errors**")[1]
    codes = set(re.findall(r"^\| [^|]+ \| `([a-z_]+)` \|", openai.split("**")[0], re.MULTILINE))
    assert "response_cancel_not_active" in codes
    assert not sorted(code for code in codes if f"`{code}`" not in PAGE)


def test_every_event_of_trouble_is_there() -> None:
    for name in ("HandlerFailed", "ToolFailed", "Overflow", "ConnectionClosed", "ErrorEvent"):
        assert f"`{name}`" in PAGE
