"""The command ``voxwire``. Importing this needs nothing; running it needs the extra ``cli``."""

from __future__ import annotations

import sys

__all__ = ["main"]

_EXTRA = {"click", "rich", "typer"}


def main() -> None:
    """The entry point of the command."""
    try:
        from .app import run
    except ModuleNotFoundError as error:
        # The command line is an extra: said in words, if that is what is missing.
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        print(
            f"voxwire: the command line needs {missing}: pip install 'voxwire[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)
    run()
