"""What the site has beside docs/*.md: the generated reference, pages that lie elsewhere, figures.

Nothing of it is copied into docs/. In the sources a link goes to the file where it lies, so that it
works on a page of a git host too; here it is turned towards the page on the site.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).parent))
import api_names
import example_pages
import site_links

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "generated" / "reference"
RESULTS = ROOT / "benchmarks"

# Pages of the repository that are pages of the site, too.
ELSEWHERE = {
    "specs/README.md": "specs.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "promises.md",
}
# The order of the reference in the menu; what is not named here follows.
FIRST = (
    "index", "realtime-events", "translation-events", "operations", "client-events",
    "server-events", "sessions", "items", "responses", "tools", "audio", "usage", "errors",
    "vendors",
)  # fmt: skip

_LINK = re.compile(r"(?<=\]\()([^)\s#:]+)(#[^)\s]*)?(?=\))")
_FENCE = re.compile(r"^(\s*(`{3,}|~{3,})).*?^\s*\2\s*$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"^<!--.*?-->\n?", re.MULTILINE | re.DOTALL)
_FIGURES = "<!-- figures -->"
_NAMES = "<!-- all names -->"
_FOREIGN = re.compile(
    r"<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preload|preconnect|icon))[^>]*"
    r"\bhref=[\"']?((?:https?:)?//[^\"'\s>]+)"
)


def _pages() -> dict[str, str]:
    """Path in the repository -> path on the site, for what lies outside of docs/."""
    reference = {
        path.relative_to(ROOT).as_posix(): f"reference/{path.name}"
        for path in sorted(REFERENCE.glob("*.md"))
    }
    return {**ELSEWHERE, **example_pages.readmes(), **reference}


def on_config(config: Any) -> Any:
    """Put the pages of the generated reference into the menu, and the examples."""
    names = {path.stem for path in REFERENCE.glob("*.md")}
    ordered = [name for name in FIRST if name in names]
    ordered += sorted(names - {*ordered, "legacy"}) + (["legacy"] if "legacy" in names else [])
    _replace(config.nav, "reference/", [f"reference/{name}.md" for name in ordered])
    _replace(config.nav, "examples/", ["examples.md", *example_pages.menu()])
    return config


def _replace(entries: list[Any], marker: str, pages: list[str]) -> None:
    for entry in entries:
        for title, value in entry.items() if isinstance(entry, dict) else ():
            if value == marker:
                entry[title] = pages
            elif isinstance(value, list):
                _replace(value, marker, pages)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages from elsewhere."""
    for source, target in _pages().items():
        files.append(File.generated(config, target, abs_src_path=str(ROOT / source)))
    for source, target in example_pages.listings().items():
        files.append(File.generated(config, target, content=example_pages.listing(source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links towards the site, put figures in, leave out what only the tests read."""
    page.meta.setdefault("search", _rank(page.file.src_uri))
    if page.file.abs_src_path is None:
        return markdown  # the listing of an example
    path = Path(page.file.abs_src_path).relative_to(ROOT).as_posix()
    if _FIGURES in markdown:
        markdown = markdown.replace(_FIGURES, _figures())
    if _NAMES in markdown:
        markdown = markdown.replace(_NAMES, api_names.table())
    if page.file.src_uri.startswith("api/"):
        markdown = api_names.expanded(markdown, Path(page.file.src_uri).stem)
    pieces: list[str] = []
    place = 0
    for fence in _FENCE.finditer(markdown):
        pieces += [_prose(markdown[place : fence.start()], path, page.file.src_uri), fence[0]]
        place = fence.end()
    pieces.append(_prose(markdown[place:], path, page.file.src_uri))
    return "".join(pieces)


def _rank(uri: str) -> dict[str, Any]:
    """How a page stands in the search: guides first, lists of links not at all."""
    if uri == "reference/index.md":
        return {"exclude": True}
    return {"boost": 0.5 if uri.startswith(("reference/", "api", "examples/")) else 2}


def _prose(text: str, path: str, uri: str) -> str:
    known = {**_pages(), **example_pages.listings()}

    def turned(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link[1]))
        if target in known:
            target = known[target]
        elif target.startswith("docs/"):
            target = target.removeprefix("docs/")
        else:
            return link[0]  # and the build fails over it
        return posixpath.relpath(target, posixpath.dirname(uri) or ".") + (link[2] or "")

    return _LINK.sub(turned, _COMMENT.sub("", text))


def _figures() -> str:
    """The picture and the tables that `make bench` has written."""
    if not (RESULTS / "results.md").is_file():
        return "No figures have been stored yet: run `make bench`.\n"
    tables = (RESULTS / "results.md").read_text(encoding="utf-8")
    picture = (RESULTS / "results.svg").read_text(encoding="utf-8")
    # On the site it takes the colour of the page, which a reader can switch.
    picture = re.sub(r"<style>.*?</style>\n", "", picture, flags=re.DOTALL)
    return f'<div class="figure">\n{picture}</div>\n\n{tables}'


def on_post_build(config: Any) -> None:
    """Every link leads somewhere, every public name is there, nothing comes from another host."""
    site = Path(config.site_dir)
    if faults := list(site_links.broken(site)):
        raise PluginError("\n".join(faults))
    for page in site.rglob("*.html"):
        for found in _FOREIGN.finditer(page.read_text(encoding="utf-8")):
            raise PluginError(f"{page.name} fetches {found[1] or found[2]}")
    for each in api_names.public():
        text = (site / "api" / f"{each.page}.html").read_text(encoding="utf-8")
        if f'id="{each.path}"' not in text:
            raise PluginError(
                f"{each.module}.{each.name} is not on api/{each.page}.html: has it a docstring?"
            )
