"""Functions as tools: what a model is told about one, and how it is called.

This module describes. When a call is due, and running it, are not its business.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar, overload

import attrs
from voxwire_protocol import UNSET, FunctionTool

from ..errors import InvalidOption, ToolError
from .schema import Schema
from .signature import Arguments, Signature

__all__ = ["AnyTool", "Approve", "Call", "Tool", "ToolContext", "ToolError", "tool"]

P = ParamSpec("P")
R = TypeVar("R")


@attrs.frozen(kw_only=True)
class Call:
    """A model's wish to have a function run."""

    name: str
    """The function's name."""

    arguments: str
    """The arguments as the model wrote them: JSON text, with luck."""

    call_id: str
    """Ties the output to the call."""

    item_id: str = ""
    """The conversation item that the call is."""

    response_id: str = ""
    """The response that made it."""


@attrs.frozen(kw_only=True)
class ToolContext:
    """Where a call comes from. A tool that has a parameter annotated with this class gets it
    filled in, and the model does not see the parameter."""

    call: Call
    """The call being answered."""

    session: Any = None
    """The session that it came over."""


Approve: TypeAlias = Callable[[Call], "bool | str | Awaitable[bool | str]"]
"""Asked before a call runs: True lets it run; False, or a text that says why, refuses it."""


class Tool(Generic[P, R]):
    """A function that a model may call. It can be called like the function itself.

    Args:
        function: a function, plain or async, with annotated parameters. Plain functions run in a
            thread of their own.
        name: what the model calls it by; the function's name where it is left out.
        description: when to use it; the docstring's text where it is left out.
        parameters: a JSON Schema of the arguments, in place of the one made from the signature.
            The function is then called with the arguments as keywords, unchecked.
        timeout: seconds that it may take; the tool set's where it is left out.
        approve: asked before each call.
        idempotent: whether it may run again with the same arguments, where nobody knows whether it
            has run to its end: on the next worker, after one has died. Looking something up is;
            booking a table is not.

    Raises:
        InvalidOption: the model could not be told about it, with what to do about that.
    """

    def __init__(
        self,
        function: Callable[P, R],
        /,
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        approve: Approve | None = None,
        idempotent: bool = False,
    ) -> None:
        if not callable(function):
            raise InvalidOption(f"{function!r} is no tool: give a function")
        self.function = function
        self.name = tool_name(function, name)
        if timeout is not None and not timeout > 0:
            raise InvalidOption(f"{self.name}: timeout={timeout!r} is no time to run in")
        self.timeout = timeout
        self.approve = approve
        self.idempotent = idempotent
        self._signature = (
            Signature(function, self.name, ToolContext) if parameters is None else None
        )
        self.parameters: Schema = dict(
            self._signature.schema if self._signature is not None else parameters or {}
        )
        if description is None:
            text = self._signature.text if self._signature is not None else function.__doc__
            description = (text or "").strip()
        if len(description) > _LONGEST_DESCRIPTION:
            raise InvalidOption(
                f"{self.name}: the description has {len(description)} characters, and servers take "
                f"{_LONGEST_DESCRIPTION}: pass a shorter one as description="
            )
        self.description = description

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<voxwire.Tool {self.name}>"

    @property
    def definition(self) -> FunctionTool:
        """What a session is given."""
        return FunctionTool(
            name=self.name,
            description=self.description or UNSET,
            parameters=self.parameters,
        )

    def build(self, given: Mapping[str, Any]) -> Arguments:
        """Check the arguments of a call and build them; raises :class:`BadArguments`."""
        return dict(given) if self._signature is None else self._signature.build(given)

    def run(self, arguments: Arguments, context: ToolContext) -> Any:
        """Call the function with built arguments: its result, or an awaitable of it."""
        if self._signature is not None:
            return self._signature.call(self.function, arguments, context)
        return self.function(**arguments)  # type: ignore[call-arg]


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    timeout: float | None = None,
    approve: Approve | None = None,
    idempotent: bool = False,
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a function a tool, as ``@tool`` or ``@tool(name=..., ...)``; see :class:`Tool`."""
    if function is not None:
        return Tool(function, **options)

    def decorate(function: Callable[..., Any]) -> AnyTool:
        return Tool(function, **options)

    return decorate


AnyTool: TypeAlias = Tool[..., Any]
"""A tool, whatever its function takes and returns."""

_LONGEST_DESCRIPTION = 1024
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def tool_name(function: object, name: str | None = None) -> str:
    """The name that a function has as a tool; raises :class:`InvalidOption` if it can have none."""
    target = getattr(function, "func", function)  # of a functools.partial
    found = name if name is not None else getattr(target, "__name__", "")
    if not _NAME.fullmatch(found):
        raise InvalidOption(
            f"{found!r} cannot be the name of a tool: pass name= with 1 to 64 letters, digits, "
            "'_' or '-'"
        )
    return found
