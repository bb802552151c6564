"""Follows the links of the built site: pages, anchors, images. Other hosts are not asked."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_REFERS = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src"}


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {value for key in ("id", "name") if (value := given.get(key))}
        if target := given.get(_REFERS.get(tag, "")):
            self.links.add(target)


def broken(site: Path) -> Iterator[str]:
    """What is wrong with each link that leads nowhere."""
    site = site.resolve()
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    for path, page in sorted(pages.items()):
        if path.name == "404.html":  # made for the root of a host, which a folder is not
            continue
        for link in sorted(page.links):
            if fault := _fault(link, path, pages):
                yield f"{path.relative_to(site)}: {link}: {fault}"


def _fault(link: str, path: Path, pages: dict[Path, _Page]) -> str:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        known = parts.scheme in ("https", "http") and parts.hostname
        return "" if known or parts.scheme in ("mailto", "javascript") else "no address"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.exists():
        return "there is no such page"
    if target.is_dir():
        return "a folder, which opens on no page from disk" if target != path.parent else ""
    fragment = unquote(parts.fragment)
    page = pages.get(target)
    if fragment and page is not None and fragment not in page.anchors:
        # What the theme's own scripts scroll to.
        return "" if fragment.startswith("__") else "there is no such anchor"
    return ""
