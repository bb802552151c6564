"""An operation as a value: the request, how its answer is read, and whether it may be repeated.

It knows how what a caller gives is checked. It does not know the single operations.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypedDict, TypeVar, cast

import attrs
import httpx
from voxwire_protocol import UNSET, Model, RealtimeSession
from voxwire_protocol._runtime import plain, structure
from voxwire_protocol.http import Client as Wire

from ..errors import InvalidOption
from ..protocol.constraints import not_json
from ..protocol.extras import merged
from ..protocol.validation import check
from .errors import InvalidRequest

__all__ = [
    "CallOptions",
    "Operation",
    "Timeout",
    "as_status",
    "checked",
    "given",
    "operation",
    "wire",
    "with_model",
]

T = TypeVar("T")
M = TypeVar("M", bound=Model)

Timeout = float | httpx.Timeout | None
"""Seconds for each of: connecting, sending, waiting for the next bytes. ``None`` is for ever."""

wire = Wire(base_url="")
"""What the generated functions ask how to treat an unknown status; it sends nothing."""


class CallOptions(TypedDict, total=False):
    """What every operation takes besides its own arguments."""

    timeout: Timeout
    """In place of the client's."""
    max_retries: int
    """In place of the client's."""
    headers: Mapping[str, str]
    """Further headers; they win over all others."""
    extra: Mapping[str, Any]
    """Keys to add to the body that the protocol does not declare: by name, or by JSON pointer."""


@attrs.frozen(kw_only=True)
class Operation(Generic[T]):
    """A request that has been checked, ready to be sent: ``client.send(operation)``."""

    name: str
    """Its name in the specification."""
    request: Mapping[str, Any] = attrs.field(repr=False)
    """Method, path and body, as httpx takes them."""
    read: Callable[[httpx.Response], T] = attrs.field(repr=False)
    """What the body says. Raises ValueError for a body that is not what was promised."""
    with_account_key: Callable[[str | None], Mapping[str, Any]] | None = attrs.field(
        default=None, repr=False
    )
    """The request in place of `request` where the key is no client secret, if that is another one.
    It is given the model of a conversation that names none."""
    repeatable: bool = False
    """Whether it may be sent again when the first may have been taken."""
    gone: Callable[[], T] | None = attrs.field(default=None, repr=False)
    """What a 404 means, where it is no error."""
    options: CallOptions = attrs.field(factory=lambda: CallOptions(), repr=False)
    """What the caller asked for on top."""


def operation(
    name: str,
    request: dict[str, Any],
    read: Callable[[httpx.Response], T],
    options: CallOptions,
    **details: Any,
) -> Operation[T]:
    """Put an operation together, with what the caller adds to its body."""
    unknown = set(options) - set(CallOptions.__annotations__)
    if unknown:
        known = ", ".join(sorted(CallOptions.__annotations__))
        raise InvalidOption(f"{sorted(unknown)[0]!r} is no argument here; further ones are {known}")
    extra = options.get("extra")
    if extra:
        _writable(extra)
        request = {**request, **_extended(request, extra)}
    return Operation(name=name, request=request, read=read, options=options, **details)


def _extended(request: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    if "files" not in request:
        if "content" in request:
            raise InvalidOption("extra= has no place in a bare SDP offer: give session= too")
        return {"json": merged(request.get("json", {}), extra)}
    # A form: its JSON part is what can be added to.
    files = dict(request["files"])
    _, content, kind = files["session"]
    fields = merged({"session": json.loads(content)}, extra)
    if set(fields) != {"session"}:
        raise InvalidOption("extra= for a call goes into the session: extra={'session': {...}}")
    files["session"] = (None, json.dumps(fields["session"]).encode(), kind)
    return {"files": list(files.items())}


def checked(model: type[M], value: Model | Mapping[str, Any], options: CallOptions) -> M:
    """The body that a caller describes, in models, plain dicts or both. Raises `InvalidRequest`."""
    if not isinstance(value, (model, Mapping)):
        got = type(value).__name__
        raise InvalidRequest("$", f"expected {model.__name__}, or a dict like it, got {got}")
    for problem in check(model.__name__, value, extra=options.get("extra")):
        raise InvalidRequest(
            problem.path, f"expected {problem.expected}, got {problem.got}", problem.cure
        )
    body = plain(value)
    _writable(body)
    return structure(model, cast("dict[str, Any]", body))


def _writable(value: Any) -> None:
    for problem in not_json(value, "$"):
        raise InvalidRequest(problem.path, f"expected {problem.expected}, got {problem.got}")


def with_model(value: Any, model: str | None) -> Any:
    """The settings of a conversation with this model, if they name none; else the value as it is.

    A stored prompt may name the model, so one with a prompt is left alone.
    """
    if isinstance(value, RealtimeSession):
        if value.model is UNSET and value.prompt in (UNSET, None):
            return attrs.evolve(value, model=model)
    elif isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        if fields.get("type") == "realtime" and not fields.keys() & {"model", "prompt"}:
            return {**fields, "model": model}
    return cast("Any", value)


def given(**fields: Any) -> dict[str, Any]:
    """The fields that the caller has filled in."""
    return {name: value for name, value in fields.items() if value is not None}


def as_status(status: int, response: httpx.Response) -> httpx.Response:
    """A success with the status that the generated functions look for, its text read as UTF-8."""
    return httpx.Response(status, content=response.content, default_encoding="utf-8")
