"""What came back: the answer as a program may look at it, and the error that it stands for.

Knows the shapes of error bodies. Does not know the operations.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Generic, Self, TypeVar

import attrs
import httpx

from ..protocol.redaction import redact, redact_text, redact_url
from .errors import HttpError, UnreadableAnswer, error_of_status

__all__ = ["LONGEST", "Body", "RawResponse", "error_of", "raw_response", "unreadable"]


# Error bodies are JSON values of every kind: what a strict checker calls unknown is the subject.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false


T = TypeVar("T")

_SHOWN = 300
_REQUEST_IDS = ("x-request-id", "apim-request-id", "x-ms-request-id")
_CURES = {
    401: "check the API key, and that it belongs to this server",
    403: "the key may not do this; check the project, the model and the region",
}


@attrs.frozen(kw_only=True)
class RawResponse(Generic[T]):
    """An answer with all that came with it. Its `repr` shows no content: that may be a secret."""

    parsed: T
    """What the operation answers with; ``None`` where this belongs to an error."""
    status: int
    """The HTTP status."""
    headers: httpx.Headers = attrs.field(repr=False)
    """The headers of the answer; the case of names does not matter."""
    content: bytes = attrs.field(repr=False)
    """The body as it came, decompressed."""
    request_id: str | None
    """The server's id of the request, to show to its support."""
    method: str
    """The method of the request."""
    url: str = attrs.field(repr=redact_url)
    """The address of the request."""
    attempts: int
    """How often the request was sent."""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")


def raw_response(response: httpx.Response, parsed: T, attempts: int) -> RawResponse[T]:
    """Our face of an answer: without the request, whose headers hold the key."""
    given = (response.headers.get(name) for name in _REQUEST_IDS)
    return RawResponse(
        parsed=parsed,
        status=response.status_code,
        headers=response.headers,
        content=response.content,
        request_id=next(filter(None, given), None),
        method=response.request.method,
        url=str(response.request.url),
        attempts=attempts,
    )


def error_of(answer: RawResponse[None], secrets: tuple[str, ...]) -> HttpError:
    """The error that a status stands for. Servers echo keys in what they say: they are cut out."""
    body = redact(_json_or_text(answer), secrets)
    told = body.get("error", body) if isinstance(body, Mapping) else body
    details: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    message = told if isinstance(told, str) else _said(details)
    code = _word(details.get("code"))
    words = f"{answer.method} {redact_url(answer.url)} was answered with HTTP {answer.status}"
    if message:
        words += f": {message[:_SHOWN]}"
    if 300 <= answer.status < 400:
        to = redact_url(answer.headers.get("location", ""), secrets)
        words += f": redirects{f' (to {to})' * bool(to)} are not followed, lest the key go along"
        words += "; give the new address as base_url="
    notes = [code, _CURES.get(answer.status), answer.request_id and f"request {answer.request_id}"]
    if any(notes):
        words += f" ({'; '.join(note for note in notes if note)})"
    error = error_of_status(answer.status)(words)
    error.code, error.body = code, body
    error.type, error.param = _word(details.get("type")), _word(details.get("param"))
    return _with_answer(error, answer)


def unreadable(answer: RawResponse[None], problem: str, secrets: tuple[str, ...]) -> HttpError:
    """The error for a success that is none."""
    kind = answer.headers.get("content-type", "no content type")
    error = UnreadableAnswer(
        f"{answer.method} {redact_url(answer.url)} was answered with HTTP {answer.status}, "
        f"but {problem} ({redact_text(kind, secrets)}, {len(answer.content)} bytes)"
    )
    error.body = redact(_json_or_text(answer), secrets)
    error.maybe_done = True
    return _with_answer(error, answer)


def _with_answer(error: HttpError, answer: RawResponse[None]) -> HttpError:
    error.status, error.request_id = answer.status, answer.request_id
    error.response, error.attempts = answer, answer.attempts
    return error


def _json_or_text(answer: RawResponse[None]) -> Any:
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        # Gateways answer with HTML: the text is better than nothing.
        return answer.text or None


def _said(details: Mapping[str, Any]) -> str:
    """The message, by the names that the services and the gateways before them give it."""
    for name in ("message", "detail", "error_description", "msg"):
        value = details.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _word(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


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
