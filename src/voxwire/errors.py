"""Every exception that Voxwire raises, and which of them a caller may want to tell apart.

    VoxwireError
    ├── InvalidEvent (ValueError)            what the caller wants to send is wrong: not sent
    │   └── InvalidRequest                       the same over HTTP
    ├── InvalidOption (ValueError)           a combination of arguments that cannot work
    ├── ConnectError                         no session came about
    │   ├── ConnectTimeout (TimeoutError)        no answer in time
    │   ├── ConnectRefused                       no server there, or no such host
    │   ├── ProxyError                           a proxy is not there, or refuses
    │   └── UpgradeRejected                      an HTTP status in place of the upgrade
    │       ├── AuthenticationError                  401, or the close code 3000
    │       └── PermissionDenied                     403
    ├── ConnectionClosedError                the session has ended
    │   └── SessionExpired                       the server's time limit: close code 1001
    ├── HttpError                            an HTTP operation did not come to a good end
    │   ├── HttpTimeout (TimeoutError)           no answer in time
    │   ├── HttpConnectionError                  no connection, or it broke before the whole answer
    │   │   └── HttpProxyError                       a proxy is not there, or refuses
    │   ├── UnreadableAnswer                     a success whose body is not what was promised
    │   └── HttpStatusError                      a status that is no success
    │       ├── BadRequest                           400
    │       ├── Unauthorized                         401
    │       ├── Forbidden                            403
    │       ├── NotFound                             404
    │       ├── Conflict                             409
    │       ├── UnprocessableEntity                  422
    │       ├── TooManyRequests                      429
    │       └── InternalServerError                  5xx
    ├── InvalidSignature                     a webhook that is not to be believed
    ├── ServerError                          an ``error`` event, raised for whoever caused it
    ├── ResponseFailedError                  ``raise_for_status()`` of one that came to no good end
    ├── ResponseTimeoutError (TimeoutError)  a response was silent for ``response_timeout`` seconds
    ├── WaitTimeout (TimeoutError)           the awaited event did not come in time
    ├── QueueOverflow                        a reader was too slow, and asked for an exception
    ├── ToolError                            for a tool to raise: the model is told its words
    ├── RecordingError                       a recording that cannot be read or written
    └── StoreError                           about sessions that are kept in a store
        ├── StoreUnavailable                     it does not answer, or refuses to write
        ├── UnknownSession                       there is no such session, or it has been closed
        ├── SessionOwned                         another process holds it
        ├── OwnershipLost                        another process has taken it over
        ├── StateLost                            the store no longer has what was stored
        ├── NoOwner                              nobody holds it, so nobody can answer
        └── SteeringRefused                      its owner could not do what was asked

Those of HTTP are in ``voxwire.http.errors``, that of webhooks in ``voxwire.http.webhooks``;
``voxwire`` itself offers all.

What a server says is never in itself an exception: an ``error`` event is an event. It becomes a
:class:`ServerError` only for a call that waits for the outcome of what it sent.

No message here holds a key: addresses are shown without their user info and without the query
values that carry secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voxwire_protocol import ErrorEvent

__all__ = [
    "AuthenticationError",
    "ConnectError",
    "ConnectRefused",
    "ConnectTimeout",
    "ConnectionClosedError",
    "InvalidEvent",
    "InvalidOption",
    "NoOwner",
    "OwnershipLost",
    "PermissionDenied",
    "ProxyError",
    "QueueOverflow",
    "RecordingError",
    "ResponseFailedError",
    "ResponseTimeoutError",
    "ServerError",
    "SessionExpired",
    "SessionOwned",
    "StateLost",
    "SteeringRefused",
    "StoreError",
    "StoreUnavailable",
    "ToolError",
    "UnknownSession",
    "UpgradeRejected",
    "VoxwireError",
    "WaitTimeout",
]


class VoxwireError(Exception):
    """The root: ``except VoxwireError`` catches all that Voxwire raises of its own.

    An exception can be pickled and copied, so it comes out of a process pool as it went in. Two
    are equal if their class, their message and their attributes are.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        # The arguments of an exception are its message, which is not what most classes here are
        # made of: it is put together from its parts, without calling __init__.
        return _restored, (type(self), self.args), self.__dict__ or None

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, VoxwireError):
            return NotImplemented
        return self.args == other.args and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), str(self)))


def _restored(cls: type[VoxwireError], args: tuple[Any, ...]) -> VoxwireError:
    error = cls.__new__(cls, *args)
    error.args = args  # a TimeoutError sets them in its __init__ only
    return error


class InvalidEvent(VoxwireError, ValueError):
    """An event that the caller wants to send breaks the protocol. Nothing was sent.

    Attributes:
        path: where in the event, as a JSON path such as ``$.session.audio.input.format.rate``.
        problem: what is wrong there.
        cure: what to do about it; may be empty.
    """

    def __init__(self, path: str, problem: str, cure: str = "") -> None:
        self.path = path
        self.problem = problem
        self.cure = cure
        super().__init__(f"{path}: {problem}" + (f" ({cure})" if cure else ""))


class InvalidOption(VoxwireError, ValueError):
    """Arguments that cannot work together, or a value that no server takes."""


class ConnectError(VoxwireError):
    """The session could not be opened."""


class ConnectTimeout(ConnectError, TimeoutError):
    """The server did not complete the connection within the time allowed."""


class ConnectRefused(ConnectError):
    """Nobody listens at the address, the name does not resolve, or TLS failed."""


class ProxyError(ConnectError):
    """The proxy between here and the server cannot be reached, or does not let the connection
    through: see ``proxy=``.

    Attributes:
        status: the HTTP status that the proxy answered with, such as 407 where it wants a user and
            a password; ``None`` where it gave none.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class UpgradeRejected(ConnectError):
    """The server answered the WebSocket upgrade with an HTTP status, or closed right after it.

    Attributes:
        status: the HTTP status; ``None`` where the upgrade succeeded and the server then refused
            with an ``error`` event and a close (as OpenAI does for a wrong key or model).
        body: the first 2,000 characters of the answer; empty where there was none.
        close_code: the WebSocket close code where the server closed; else ``None``.
        event: the ``error`` event that came before the close, if one came.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        body: str = "",
        close_code: int | None = None,
        event: ErrorEvent | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.close_code = close_code
        self.event = event
        super().__init__(message)


class AuthenticationError(UpgradeRejected):
    """The key is missing or wrong: HTTP 401, or the close code 3000 after the upgrade."""


class PermissionDenied(UpgradeRejected):
    """The key is known but may not do this: HTTP 403."""


class ConnectionClosedError(VoxwireError):
    """The connection has ended, so what was asked for can no longer happen.

    Attributes:
        code: the WebSocket close code; 1006 where the connection broke without a close frame.
        reason: the reason that came with it; may be empty. OpenAI sends ``type`` or ``type.code``.
        event: the last ``error`` event before the close, if one came.
    """

    def __init__(self, code: int, reason: str = "", *, event: ErrorEvent | None = None) -> None:
        self.code = code
        self.reason = reason
        self.event = event
        said = f": {reason}" if reason else ""
        super().__init__(f"the session ended with close code {code}{said}")


class SessionExpired(ConnectionClosedError):
    """The server ended the session because its time is over (60 minutes at OpenAI, code 1001)."""


class ServerError(VoxwireError):
    """The server answered what was sent with an ``error`` event.

    Attributes:
        event: the event itself. ``event.error`` has ``type``, ``code``, ``message``, ``param``.
        code: ``event.error.code``; ``None`` where the server gave none.
    """

    def __init__(self, event: ErrorEvent) -> None:
        self.event = event
        error = event.error
        # A compatible server may send a bare string or nothing at all in place of the object.
        code = getattr(error, "code", None)
        self.code: str | None = code if isinstance(code, str) else None
        message = getattr(error, "message", None)
        text = message if isinstance(message, str) else str(error)
        super().__init__(f"{self.code}: {text}" if self.code else text)


class ResponseFailedError(VoxwireError):
    """A response failed or is incomplete; raised by ``response.raise_for_status()`` alone.

    Attributes:
        status: ``"failed"`` or ``"incomplete"``.
        code: what the server gives as the reason, such as ``"rate_limit_exceeded"`` or
            ``"max_output_tokens"``; ``None`` where it gives none.
        message: the server's words; may be empty.
        response_id: the id of the response; ``None`` where it has none.
    """

    def __init__(
        self,
        status: str,
        *,
        code: str | None = None,
        message: str = "",
        response_id: str | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.response_id = response_id
        why = ": ".join(part for part in (code, message) if part)
        super().__init__(f"the response is {status}" + (f" ({why})" if why else ""))


class ResponseTimeoutError(VoxwireError, TimeoutError):
    """The server sent nothing of a response for the time that ``response_timeout`` allows. The
    response has been cancelled and given up; the session goes on with what waits."""


class WaitTimeout(VoxwireError, TimeoutError):
    """What was waited for did not come within the given time. The session goes on."""


class QueueOverflow(VoxwireError):
    """A bounded queue was full and its reader had asked for an exception.

    Attributes:
        dropped: how many events were lost since the reader last took one.
    """

    def __init__(self, dropped: int) -> None:
        self.dropped = dropped
        super().__init__(
            f"the reader is too slow: {dropped} events were dropped "
            "(read faster, or give the stream a larger limit)"
        )


class ToolError(VoxwireError):
    """Raise it in a tool to tell the model, in these words, why there is no result."""


class RecordingError(VoxwireError):
    """A file is no recording, or cannot be read or written. The message names file and line."""


class StoreError(VoxwireError):
    """Something about a session that is kept in a store, or about the store."""


class StoreUnavailable(StoreError):
    """The store does not answer, or refuses: full, read-only, in the middle of a failover."""


class UnknownSession(StoreError):
    """The store has no such session, or one that was closed on purpose."""


class SessionOwned(StoreError):
    """Another process holds the session.

    Attributes:
        owner: who that is, as it called itself.
        free_in: seconds until its lease runs out, unless it is renewed.
    """

    def __init__(self, session_id: str, owner: str, free_in: float) -> None:
        self.owner = owner
        self.free_in = free_in
        super().__init__(
            f"{session_id} is held by {owner}; its lease runs out in {free_in:.1f} s unless it is "
            "renewed (wait= waits for that)"
        )


class OwnershipLost(StoreError):
    """Another process has taken the session over: this one may no longer act for it."""


class StateLost(StoreError):
    """The store no longer has what was stored in it, in whole or in part: it was emptied, has
    evicted it, or went back to an older state. The owner of a session claims it again and stores it
    whole (:class:`StoreReset`)."""


class NoOwner(StoreError):
    """Nobody holds the session now, so nobody can do what was asked; ``resume`` takes it over."""


class SteeringRefused(StoreError):
    """The owner of a session could not do what was asked of it through the store."""
