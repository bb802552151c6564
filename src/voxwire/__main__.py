"""``python -m voxwire`` is the command ``voxwire``."""

from __future__ import annotations

from .cli import main

main()
