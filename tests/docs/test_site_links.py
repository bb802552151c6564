"""The built site's own links are followed; `make docs` fails where one leads nowhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "mkdocs"))

import site_links


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sound.svg").write_text("<svg/>")
    (tmp_path / "index.html").write_text('<h1 id="top">Voxwire</h1>')
    return tmp_path


@pytest.mark.parametrize(
    "link",
    ["../index.html", "../index.html#top", "#here", "https://example.com/x", "page.html#__search"],
)
def test_good_links_are_passed_over(site: Path, link: str) -> None:
    (site / "sub" / "page.html").write_text(
        f'<p id="here"><a href="{link}">x</a><img src="../sound.svg"></p>'
    )
    assert list(site_links.broken(site)) == []


@pytest.mark.parametrize(
    ("tag", "fault"),
    [
        ('<a href="../gone.html">', "there is no such page"),
        ('<a href="../index.html#bottom">', "there is no such anchor"),
        ('<a href="#there">', "there is no such anchor"),
        ('<a href="..">', "a folder"),
        ('<img src="gone.svg">', "there is no such page"),
        ('<a href="ftp:x">', "no address"),
    ],
)
def test_broken_links_are_told(site: Path, tag: str, fault: str) -> None:
    (site / "sub" / "page.html").write_text(tag)
    (told,) = site_links.broken(site)
    assert told.startswith("sub/page.html: ")
    assert fault in told
