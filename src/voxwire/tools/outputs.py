"""What a tool returned, as the text that a model reads.

This module writes text. It does not know tools.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import msgspec
from voxwire_protocol import Unknown

__all__ = ["error_text", "output_text"]


def output_text(value: Any) -> str:
    """A text as it is; anything else as JSON: dataclasses, attrs classes, models, dates and all.

    Raises:
        TypeError: there is bytes in it, or something that has no form in JSON. The message has the
            cure.
    """
    if isinstance(value, str):
        return value
    plain = msgspec.to_builtins(
        value, builtin_types=(bytes, bytearray, memoryview), str_keys=True, enc_hook=_other
    )
    _refuse_bytes(plain)
    return msgspec.json.encode(plain).decode()


def error_text(kind: str, message: str) -> str:
    """What a model is told in place of an output: what went wrong, and nothing of the inside."""
    return msgspec.json.encode({"error": kind, "message": message}).decode()


def _refuse_bytes(value: object) -> None:
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(
            "bytes cannot be an output: a model reads text, so return base64.b64encode(data)"
            ".decode(), or a description of the data"
        )
    if isinstance(value, dict):
        for entry in cast("dict[str, object]", value).values():
            _refuse_bytes(entry)
    elif isinstance(value, (list, tuple)):
        for entry in cast("Iterable[object]", value):
            _refuse_bytes(entry)


def _other(value: Any) -> Any:
    if isinstance(value, str):  # of a class of its own, as Response.text is
        return str(value)
    if isinstance(value, Unknown):
        return value.to_dict()
    if callable(dump := getattr(value, "model_dump", None)):  # pydantic, which we do not import
        return dump(mode="json")
    raise TypeError(
        f"{type(value).__qualname__} has no form in JSON: return a text, a dict, a list, a "
        "dataclass or an attrs class"
    )
