"""The body of an answer while it arrives: as much of it as any of these operations answers with.

It knows sizes, and nothing of what is in a body.
"""

from __future__ import annotations

from typing import Final, Self

import httpx

__all__ = ["LONGEST", "Body"]

LONGEST: Final = 16 * 2**20
"""Bytes of a body that are read, decompressed: a few kilobytes are usual."""


class Body:
    """Collects the pieces of a body, until it is too long."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self.whole = True
        """Whether nothing was left out."""

    @classmethod
    def read(cls, response: httpx.Response) -> Self:
        """The body of an answer that is still open."""
        body = cls()
        try:
            for piece in response.iter_bytes():
                if not body._takes(piece):
                    break
        finally:
            response.close()
        return body

    @classmethod
    async def aread(cls, response: httpx.Response) -> Self:
        """The same, where waiting is awaited."""
        body = cls()
        try:
            async for piece in response.aiter_bytes():
                if not body._takes(piece):
                    break
        finally:
            await response.aclose()
        return body

    def _takes(self, piece: bytes) -> bool:
        self._size += len(piece)
        self.whole = self._size <= LONGEST
        if self.whole:
            self._pieces.append(piece)
        return self.whole

    def of(self, response: httpx.Response) -> httpx.Response:
        """The answer with what was taken for its body, which is not compressed any more."""
        headers = httpx.Headers(response.headers)
        headers.pop("content-encoding", None)
        return httpx.Response(
            response.status_code,
            headers=headers,
            content=b"".join(self._pieces),
            request=response.request,
            extensions={"reason_phrase": response.reason_phrase.encode("latin-1", "replace")},
        )
