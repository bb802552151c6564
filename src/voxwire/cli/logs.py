"""What the library logs while a command runs: warnings in a line, and all of it with --debug."""

from __future__ import annotations

import logging

__all__ = ["begin"]


def begin(debug: bool) -> None:
    """Have the log shown on stderr."""
    logger = logging.getLogger("voxwire")
    for handler in list(logger.handlers):
        if isinstance(handler, _Lines):
            logger.removeHandler(handler)
    logger.addHandler(_Lines(debug))
    logger.propagate = False
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)


class _Lines(logging.Handler):
    """A line for each record; the traceback only where it was asked for."""

    def __init__(self, debug: bool) -> None:
        super().__init__()
        self._debug = debug

    def emit(self, record: logging.LogRecord) -> None:
        from .screen import inform

        text = record.getMessage()
        if text.startswith("tool ") and not self._debug:
            return  # shown where the tool is
        error = record.exc_info[1] if record.exc_info else None
        if self._debug and record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        elif error is not None:
            text += f": {type(error).__name__}: {error}"
        inform(text)
