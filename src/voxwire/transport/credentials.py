"""Keys and tokens: in which forms they are given, how they are checked, and as what they are sent.

This module knows nothing of addresses, and never shows a key.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias

from ..errors import InvalidOption
from ..protocol.redaction import veiled

__all__ = ["Credential", "KeyForm", "checked_key", "given_key", "key_headers"]

Credential: TypeAlias = "str | Callable[[], str | Awaitable[str]]"
"""A key, or what gives a fresh one for each connection: a function, plain or async. A plain one may
block: it is called in a thread."""

KeyForm: TypeAlias = Literal["bearer", "api-key", "subprotocol"]
"""As what a key is sent: the header ``Authorization: Bearer``, the header ``api-key``, or a
subprotocol of the WebSocket, which is the one way that a browser has."""


async def given_key(credential: Credential) -> str:
    """The key itself. What the function raises is not caught; :class:`InvalidOption` for no key."""
    if isinstance(credential, str):
        return veiled(credential)
    given: Any
    if inspect.iscoroutinefunction(credential):
        given = await credential()
    else:
        given = await asyncio.to_thread(credential)
        if inspect.isawaitable(given):
            given = await given
    if not isinstance(given, str) or not given:
        raise InvalidOption(f"the token provider gave no text but {type(given).__name__}")
    return veiled(given)


def checked_key(key: str) -> str:
    """The key, if it can be one. Raises :class:`InvalidOption`, which does not show it."""
    if not key.isascii() or any(c.isspace() for c in key):
        raise InvalidOption("the API key has a space, a line end or a character no key has")
    return veiled(key)


def key_headers(form: KeyForm, key: str) -> dict[str, str]:
    """The header that carries a key."""
    if form == "api-key":
        return {"api-key": veiled(key)}
    return {"Authorization": veiled(f"Bearer {key}")}
