"""Names and padding that look like the service's, the same ones for the same seed."""

from __future__ import annotations

import random
import string

__all__ = ["Ids"]

_ALPHABET = string.ascii_letters + string.digits
_PADDED = 16


class Ids:
    """A source of ids. Two with the same seed give the same ids in the same order."""

    def __init__(self, seed: int | str | None = None) -> None:
        self._random = random.Random(seed)

    def new(self, prefix: str, length: int = 21) -> str:
        """A new id, such as ``item_`` with 21 letters and digits."""
        return f"{prefix}_{self._letters(length)}"

    def padding(self, delta: str) -> str:
        """Letters that fill a text delta up, so that its length on the wire tells nothing."""
        return self._letters(_PADDED - len(delta) % _PADDED)

    def _letters(self, length: int) -> str:
        return "".join(self._random.choices(_ALPHABET, k=length))
