"""What an error is to the user of a command: a line with the cure, and an exit code.

Knows the library's errors, and how to say in options what they say in arguments.
"""

from __future__ import annotations

import errno
from pathlib import PurePath
from typing import Any

from ..errors import InvalidEvent, InvalidOption, RecordingError, VoxwireError
from .screen import fail

__all__ = ["exit_code_of", "in_options"]

# The library says what to do in Python; here it is done with options.
_WORDS = (
    ("(token=, or --token or VOXWIRE_TOKEN)", "(--token, or VOXWIRE_TOKEN)"),
    ("pass tls=ssl.create_default_context(cafile=...)", "--ca FILE"),
    (" (see open_timeout=)", ""),
    ("insecure=True", "--insecure"),
    ("pass api_key=, or set OPENAI_API_KEY", "set VOXWIRE_API_KEY for --url, or OPENAI_API_KEY"),
    ("or connect to a local server with url=", "or try it with --local"),
    ("use server= with a profile", "use --server"),
    (
        "(save it as WAV with 16-bit PCM)",
        "(make it one with ffmpeg -i FILE -ac 1 -ar 24000 NEW.wav)",
    ),
)


def exit_code_of(error: BaseException) -> int | None:
    """Tell the user what went wrong, and give the exit code; None for what is a bug."""
    if isinstance(error, VoxwireError):
        fail(in_options(str(error)))
        # What was asked wrongly, or of a file that is none, and what did not work out.
        return 2 if isinstance(error, (InvalidOption, InvalidEvent, RecordingError)) else 1
    if isinstance(error, ModuleNotFoundError) and error.name == "prompt_toolkit":
        fail("this needs prompt_toolkit: pip install 'voxwire[cli]'")
        return 2
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno == errno.EPIPE:
            return 1
        name: Any = error.filename
        where = f"{name}: " if isinstance(name, (str, PurePath)) else ""
        fail(f"{where}{error.strerror or error}")
        return 1
    return None


def in_options(text: str) -> str:
    """What the library says, in the words of the command line."""
    for python, option in _WORDS:
        text = text.replace(python, option)
    return text
