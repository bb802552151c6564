"""The exceptions of the HTTP half; where they stand in the tree is drawn in ``voxwire.errors``.

They hold what a program wants to know of a failure. How that is read from an answer is in
``answers``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InvalidEvent, VoxwireError

if TYPE_CHECKING:
    from .responses import RawResponse

__all__ = [
    "BadRequest",
    "Conflict",
    "Forbidden",
    "HttpConnectionError",
    "HttpError",
    "HttpProxyError",
    "HttpStatusError",
    "HttpTimeout",
    "InternalServerError",
    "InvalidRequest",
    "NotFound",
    "TooManyRequests",
    "Unauthorized",
    "UnprocessableEntity",
    "UnreadableAnswer",
    "error_of_status",
]


class InvalidRequest(InvalidEvent):
    """What the caller wants to ask for over HTTP breaks the protocol. Nothing was sent.

    ``path`` is a path into the body, such as ``$.session.audio.output.speed``; or the name of an
    argument that is not part of the body.
    """


class HttpError(VoxwireError):
    """An HTTP operation did not come to a good end. No part of it shows a key.

    Attributes:
        status: the HTTP status; ``None`` where no whole answer came.
        code, type, param: the server's name of the error, its class, and the parameter to blame;
            ``None`` where the server did not say.
        request_id: the server's id of the request, to show to its support.
        body: what came: a JSON value where it was JSON, else the text; ``None`` for nothing.
        response: the answer with its headers; ``None`` where none came.
        retry_after: the seconds that the server asked to wait; ``None`` where it did not.
        attempts: how often the request was sent.
        maybe_done: whether the server may have done what was asked all the same. Where this is
            false, nothing has happened, and asking anew does no harm.
    """

    status: int | None = None
    code: str | None = None
    type: str | None = None
    param: str | None = None
    request_id: str | None = None
    body: Any = None
    response: RawResponse[None] | None = None
    retry_after: float | None = None
    attempts: int = 1
    maybe_done: bool = False


class HttpTimeout(HttpError, TimeoutError):
    """No connection, or no answer, in the time allowed: see ``timeout=``."""


class HttpConnectionError(HttpError):
    """The server could not be reached, or the connection broke before the whole answer was there.

    ``maybe_done`` tells the two apart.
    """


class HttpProxyError(HttpConnectionError):
    """The proxy between here and the server cannot be reached, or does not let the request through:
    see ``proxy=``. ``status`` is the proxy's: 407 where it wants a user and a password."""


class UnreadableAnswer(HttpError):
    """The status says success, and the body is not what the operation answers with."""


class HttpStatusError(HttpError):
    """The server answered with a status that is no success: one without a class of its own.

    A redirect is one, for redirects are not followed: the key would go along.
    """


class BadRequest(HttpStatusError):
    """400: the server does not understand or does not like the request."""


class Unauthorized(HttpStatusError):
    """401: the key is missing or wrong."""


class Forbidden(HttpStatusError):
    """403: the key is known but may not do this."""


class NotFound(HttpStatusError):
    """404: no such call, model or path."""


class Conflict(HttpStatusError):
    """409: it does not fit the state that something is in."""


class UnprocessableEntity(HttpStatusError):
    """422: the form is right, the values are not."""


class TooManyRequests(HttpStatusError):
    """429: over a limit of rate or quota; ``retry_after`` says how long to wait, ``code`` which."""


class InternalServerError(HttpStatusError):
    """5xx: the server, or something in front of it, failed."""


_BY_STATUS: dict[int, type[HttpStatusError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: UnprocessableEntity,
    429: TooManyRequests,
}


def error_of_status(status: int) -> type[HttpStatusError]:
    """The class of a status that is no success."""
    return InternalServerError if status >= 500 else _BY_STATUS.get(status, HttpStatusError)
