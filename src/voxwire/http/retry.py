"""Whether to ask again, and when: by status, by what the server says, else by chance.

Numbers in, numbers out: this module waits for nothing and sends nothing.
"""

from __future__ import annotations

import json
import logging
import random
import ssl
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

import attrs
import httpx

from ..errors import InvalidOption
from ..protocol.redaction import (
    redact,
    redact_headers,
    redact_text,
    redact_url,
    secrets_of_headers,
    veiled_headers,
    without_frames,
)
from ..transport.proxy import Proxy, refusal_words
from ..transport.url import check_headers
from .address import Address
from .errors import (
    HttpConnectionError,
    HttpError,
    HttpProxyError,
    HttpTimeout,
    TooManyRequests,
    UnreadableAnswer,
)
from .operation import Operation, Timeout
from .responses import LONGEST, RawResponse, error_of, raw_response, unreadable

__all__ = ["DEFAULT_TIMEOUT", "Backoff", "Exchange", "Settings", "asked_to_wait", "may_help"]


_PASSING = frozenset({408, 409, 429})


def may_help(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the same request may fare better later; what the server says of that goes first."""
    said = headers.get("x-should-retry", "").lower()
    if said in ("true", "false"):
        return said == "true"
    return status in _PASSING or status >= 500


def asked_to_wait(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds for which a server asks to be left alone; ``None`` where it does not.

    ``Retry-After-Ms`` is the finer one and goes first; ``Retry-After`` is seconds or a date.
    """
    seconds = _number(headers.get("retry-after-ms"))
    if seconds is not None:
        return seconds / 1000
    later = headers.get("retry-after")
    seconds = _number(later)
    if seconds is not None or later is None:
        return seconds
    try:
        moment = parsedate_to_datetime(later)
    except (ValueError, TypeError):  # neither seconds nor a date: as if nothing had been said
        return None
    if moment.tzinfo is None:  # a date in UTC that says so by "-0000"
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:  # no number: perhaps a date
        return None
    return value if 0 <= value < float("inf") else None


@attrs.frozen(kw_only=True)
class Backoff:
    """How long to wait between attempts where the server does not say.

    The longest wait doubles with each attempt, and the wait is anything up to it by chance, so that
    many clients which failed together do not come back together.
    """

    first: float = 0.5
    """The longest wait after the first attempt, in seconds."""
    longest: float = 8.0
    """The longest wait after any."""
    patience: float = 60.0
    """A server that asks for a longer wait than this is not waited for: the error comes at once."""
    chance: Callable[[], float] = random.random
    """A number from 0 to 1."""

    def seconds(self, attempt: int, asked: float | None) -> float | None:
        """The wait after attempt ``attempt`` (1 is the first); ``None`` to give up."""
        if asked is not None:
            return asked if asked <= self.patience else None
        # The exponent has a limit, for a float does not take 2 to the 1100.
        return float(self.chance() * min(self.longest, self.first * 2.0 ** min(attempt - 1, 30)))


T = TypeVar("T")

DEFAULT_TIMEOUT = httpx.Timeout(30.0, connect=5.0)

_log = logging.getLogger("voxwire.http")

# Nothing has left this machine, or nothing but a handshake.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def check_retries(value: object) -> None:
    """Refuse what is no number of retries."""
    if not isinstance(value, int) or value < 0:
        raise InvalidOption(f"max_retries={value!r}: a whole number is needed, 0 for a single try")


@attrs.frozen(kw_only=True)
class Settings:
    """What a client is set up with."""

    address: Address
    timeout: Timeout
    max_retries: int = attrs.field(validator=lambda _, __, value: check_retries(value))
    backoff: Backoff
    clock: Callable[[], float]
    proxy: Proxy | None = None
    """What stands in between, where that is known."""


class Exchange(Generic[T]):
    """One operation under way."""

    def __init__(self, operation: Operation[T], settings: Settings) -> None:
        self._operation = operation
        self._settings = settings
        options = operation.options
        self._retries: int = options.get("max_retries", settings.max_retries)
        check_retries(self._retries)
        self._attempts = 0
        self._maybe_done = False
        # One key for all attempts: a server that knows it does the thing once.
        once = {"Idempotency-Key": str(uuid.uuid4())} if operation.repeatable else {}
        # Identity, for these are a few kilobytes, which nobody need blow up.
        self._first = httpx.Headers({"Accept-Encoding": "identity", **once})
        self._own = veiled_headers(options.get("headers"))
        check_headers(self._own)
        self._secrets = (*settings.address.secrets, *secrets_of_headers(self._own))

    def request(self, key: object = None) -> dict[str, Any]:
        """The next attempt, as keyword arguments of ``httpx.Client.build_request``.

        ``key`` is what the address's credential has given for it.
        """
        self._attempts += 1
        address = self._settings.address
        proved = httpx.Headers(address.headers)
        if address.credential is not None:
            proof = address.proof(key)
            proved.update(proof)
            self._secrets = (*self._secrets, *secrets_of_headers(proof))
        proved.update(self._own)
        whole = self._operation.with_account_key
        if whole is None or _is_client_secret(proved):
            request = dict(self._operation.request)
        else:
            request = dict(whole(address.model))
        headers = self._first.copy()
        headers.update(request.get("headers", {}))
        headers.update(proved)
        request["url"] = address.base_url + request["url"]
        request["headers"] = headers
        request["timeout"] = self._operation.options.get("timeout", self._settings.timeout)
        if _log.isEnabledFor(logging.DEBUG):
            said = _shown(request, self._secrets)
            _log.debug("-> %s %s %s", self._line(), redact_headers(headers, self._secrets), said)
        return request

    def answered(
        self, response: httpx.Response, *, whole: bool = True
    ) -> RawResponse[T] | HttpError | float:
        """The outcome, the error to raise, or the seconds to wait before the next attempt.

        ``whole`` tells whether its body was read to the end.
        """
        answer = raw_response(response, None, self._attempts)
        if answer.status == 407 and self._settings.proxy is not None:
            return self._next(self._of_proxy("", 407), again=False)
        _log.debug(
            "<- %s: %d, request %s, %d bytes",
            self._line(),
            answer.status,
            answer.request_id,
            len(answer.content),
        )
        if response.is_success and not whole:
            problem = f"its body is more than {LONGEST // 2**20} MiB"
            return unreadable(answer, problem, self._secrets)
        if response.is_success:
            try:
                parsed = self._operation.read(response)
            except (ValueError, TypeError, RecursionError) as error:
                # What reading an answer of any shape may raise; a body may hold a new key.
                problem = "its body is no JSON" if isinstance(error, json.JSONDecodeError) else ""
                problem = problem or redact_text(str(error), self._secrets)
            else:
                return raw_response(response, parsed, self._attempts)
            return unreadable(answer, problem, self._secrets)
        if answer.status == 404 and self._operation.gone is not None:
            return raw_response(response, self._operation.gone(), self._attempts)
        failure = error_of(answer, self._secrets)
        failure.retry_after = asked_to_wait(answer.headers, self._settings.clock())
        # A limiter turns requests away at the door; what a 5xx has done, nobody knows.
        failure.maybe_done = answer.status >= 500 or answer.status == 408
        safe = self._operation.repeatable or isinstance(failure, TooManyRequests)
        return self._next(failure, safe and may_help(answer.status, answer.headers))

    def failed(self, error: httpx.HTTPError | httpx.InvalidURL) -> HttpError | float:
        """The error to raise, or the seconds to wait before the next attempt."""
        where = redact_url(self._settings.address.base_url)
        sent = not isinstance(error, _NOT_SENT)
        kind: type[HttpError] = HttpConnectionError
        words = redact_text(str(error), self._secrets) or type(error).__name__
        if isinstance(error, httpx.TimeoutException):
            kind, words = HttpTimeout, f"no answer in time ({type(error).__name__}; see timeout=)"
        elif isinstance(error, httpx.DecodingError):
            kind, words = UnreadableAnswer, "the body cannot be decompressed"
        elif isinstance(error, (httpx.LocalProtocolError, httpx.InvalidURL)):
            # Not the library's words: they hold the header that it does not like.
            sent, words = False, "the request cannot be written: look at headers="
        refusal = None
        if self._settings.proxy is not None and _before_server(error):
            refusal = _status(words)
            lead = "{} gave no connection" if isinstance(error, httpx.ProxyError) else None
            failure = self._of_proxy(words, refusal, lead or "cannot reach {}")
        else:
            way = (
                where if self._settings.proxy is None else f"{where} through {self._settings.proxy}"
            )
            failure = kind(f"{self._line()} at {way}: {words}")
        failure.maybe_done = sent
        without_frames(error)
        failure.__cause__ = error if sent or isinstance(error, _NOT_SENT) else None
        help_ = isinstance(error, httpx.TransportError) and not isinstance(
            error, (httpx.LocalProtocolError, httpx.UnsupportedProtocol)
        )
        help_ = help_ and (refusal is None or refusal >= 500)
        return self._next(failure, help_ and (self._operation.repeatable or not sent))

    def _of_proxy(self, words: str, status: int | None, lead: str = "") -> HttpError:
        """The error for a proxy that is not there, or refuses; `lead` has a place for its name."""
        proxy = self._settings.proxy
        assert proxy is not None  # asked where there is one
        where = redact_url(self._settings.address.base_url)
        if status is not None:
            told = refusal_words(proxy, status)
        else:
            told = f"{lead.format(proxy)}: {redact_text(words, proxy.secrets)}"
        failure = HttpProxyError(f"{self._line()} at {where}: {told}")
        failure.status = status
        return failure

    def _next(self, error: HttpError, again: bool) -> HttpError | float:
        error.attempts = self._attempts
        # Of all attempts: one before may have been taken, whatever became of the last.
        self._maybe_done = error.maybe_done = self._maybe_done or error.maybe_done
        pause = None
        if again and self._attempts <= self._retries:
            pause = self._settings.backoff.seconds(self._attempts, error.retry_after)
        if pause is None:
            return error
        _log.info("%s: %s; again in %.3f s", self._line(), type(error).__name__, pause)
        return pause

    def _line(self) -> str:
        return f"{self._operation.name} (attempt {self._attempts})"


def _is_client_secret(headers: httpx.Headers) -> bool:
    """Whether the key among the headers is one that was made for a browser."""
    proof: str = headers.get("authorization", "")
    return proof.rpartition(" ")[2].startswith("ek_")


def _before_server(error: Exception) -> bool:
    """Whether what failed is the way to the proxy, or the proxy, and not the server behind it."""
    if isinstance(error, httpx.ProxyError):
        return True
    if not isinstance(error, httpx.ConnectError):
        return False
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return cause is None


def _status(words: str) -> int | None:
    """The status in what the library says of a proxy that refuses, such as "407 Who are you?"."""
    number = words[:3]
    return int(number) if number.isdigit() and words[3:4] in ("", " ") else None


def _shown(request: Mapping[str, Any], secrets: tuple[str, ...]) -> str:
    """The body in a log: without keys, and of an offer its size alone, for it holds a password."""
    if "json" in request:
        return json.dumps(redact(request["json"], secrets))
    if "files" in request:
        session = dict(request["files"]).get("session", (None, b"", None))[1]
        return f"<SDP> {json.dumps(redact(json.loads(session), secrets))}"
    return f"<SDP, {len(request['content'])} bytes>" if "content" in request else ""
