"""The command ``voxwire``. Importing this needs nothing; running it needs the extra ``cli``."""

from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ["main"]

_EXTRA = ("typer", "rich")


def main() -> None:
    """The entry point of the command."""
    try:
        for name in _EXTRA:  # some of it is used late, and missing now is better
            if find_spec(name) is None:
                raise ModuleNotFoundError(name=name)
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
