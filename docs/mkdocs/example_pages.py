"""The examples as pages of the site: their READMEs as they are, and their files as listings.

What the READMEs link to is a page.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"

_LINK = re.compile(r"(?<=\]\()([^)\s#:]+)")
_LANGUAGES = {".py": "python", ".js": "js", ".json": "json"}


def readmes() -> dict[str, str]:
    """Path in the repository -> path on the site, of what is written to be read."""
    pages = {"examples/README.md": "examples.md"}
    for path in sorted(EXAMPLES.glob("*/README.md")):
        pages[path.relative_to(ROOT).as_posix()] = f"examples/{path.parent.name}.md"
    return pages


def listings() -> dict[str, str]:
    """Path in the repository -> path on the site, of the files that the READMEs link to."""
    pages: dict[str, str] = {}
    for readme in readmes():
        folder = posixpath.dirname(readme)
        for link in _LINK.findall((ROOT / readme).read_text(encoding="utf-8")):
            path = posixpath.normpath(posixpath.join(folder, link))
            if path.startswith("examples/") and Path(path).suffix in _LANGUAGES:
                pages[path] = f"{path}.md"
    return pages


def menu() -> list[str]:
    """The examples in the order of examples/README.md."""
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    known = {**readmes(), **listings()}
    paths = [posixpath.normpath(posixpath.join("examples", link)) for link in _LINK.findall(text)]
    return [known[path] for path in dict.fromkeys(paths) if path in known]


def listing(path: str) -> str:
    """A file as a page."""
    text = (ROOT / path).read_text(encoding="utf-8")
    name = path.removeprefix("examples/")
    return f"# {name}\n\n````{_LANGUAGES[Path(path).suffix]}\n{text}````\n"
