"""What a tool returned, as the text that a model reads.

This module writes text. It does not know tools.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias, cast

import attrs
import msgspec
from voxwire_protocol import Unknown

from .deferred import DeferredResult
from .signature import Arguments, BadArguments
from .threads import in_thread
from .tool import AnyTool, Call, ToolContext, ToolError
from .toolset import ToolSet

__all__ = [
    "Before",
    "Outcome",
    "error_text",
    "output_text",
    "result_of",
    "run",
    "said_of",
    "writable_text",
]


def output_text(value: Any) -> str:
    """A text as it is; anything else as JSON: dataclasses, attrs classes, models, dates and all.

    Raises:
        TypeError: there is bytes in it, or something that has no form in JSON. The message has the
            cure.
    """
    if isinstance(value, str):
        return writable_text(str.__str__(value))
    plain = msgspec.to_builtins(
        value, builtin_types=(bytes, bytearray, memoryview), str_keys=True, enc_hook=_other
    )
    _refuse_bytes(plain)
    try:
        return msgspec.json.encode(plain).decode()
    except UnicodeEncodeError:  # half a surrogate pair somewhere in it
        return json.dumps(plain, ensure_ascii=False).encode("utf-8", "replace").decode()


def error_text(kind: str, message: str) -> str:
    """What a model is told in place of an output: what went wrong, and nothing of the inside."""
    return msgspec.json.encode({"error": kind, "message": writable_text(message)}).decode()


def writable_text(text: str) -> str:
    """The text, with a question mark in place of each half of a surrogate pair: such halves come
    from file names and cut strings, and no frame can carry them."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


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
        return str.__str__(value)
    if isinstance(value, Unknown):
        return value.to_dict()
    if callable(dump := getattr(value, "model_dump", None)):  # pydantic, which we do not import
        return dump(mode="json")
    raise TypeError(
        f"{type(value).__qualname__} has no form in JSON: return a text, a dict, a list, a "
        "dataclass or an attrs class"
    )


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of a call."""

    output: str = ""
    """The text for the model, an explanation where it went wrong."""

    error: BaseException | None = None
    """What the function raised, for the log; ``None`` also where the fault is the model's."""

    fault: str | None = None
    """What kind of thing went wrong, as the model is told; ``None`` where nothing did."""

    later: DeferredResult | None = None
    """Where the answer comes from, if there is none yet."""


Before: TypeAlias = Callable[[Call], Awaitable[Outcome | None]]
"""Asked right before a function begins; an outcome of its own keeps it from that."""


async def run(
    tools: ToolSet, call: Call, context: ToolContext, before: Sequence[Before] = ()
) -> Outcome:
    """Run a call. Never raises for what the model wrote or the function did.

    Args:
        before: asked when all is ready and allowed, and the function is to begin.
    """
    tool = tools.get(call.name)
    if tool is None:
        known = ", ".join(each.name for each in tools) or "none"
        return _failed("unknown_tool", f"There is no tool {call.name!r}. There is: {known}.")
    try:
        arguments = tool.build(_decode(call.arguments))
    except BadArguments as error:  # the model's mistake: it is told, and may try again
        return _failed("invalid_arguments", str(error))
    except Exception as error:  # such as a __post_init__ that raises what it likes
        return _failed("invalid_arguments", said_of(error), error)
    try:
        refusal = await _refusal(tools, tool, call)
        if refusal is not None:
            return _failed("refused", refusal)
        for each in before:
            instead = await each(call)
            if instead is not None:
                return instead
        value = await _limited(tools, tool, arguments, context)
    except _TookTooLong as error:  # the tool's own limit: the model is told
        return _failed("timeout", str(error), error)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return result_of(None, error)  # the function's own affair, such as a task that it lost
    except (KeyboardInterrupt, SystemExit):
        raise  # the program is to end
    except BaseException as error:
        # A tool may raise anything: the model is told that it failed, the log says how.
        return result_of(None, error)
    return Outcome(later=value) if isinstance(value, DeferredResult) else result_of(value)


class _TookTooLong(Exception):
    """The time limit of a call. A timeout that a function raises itself is none of these."""


def result_of(value: Any, error: BaseException | None = None) -> Outcome:
    """The outcome of a function that returned `value` or raised `error`."""
    if error is None:
        try:
            return Outcome(output=output_text(value))
        except RecursionError as unwritable:  # one that contains itself, or as good as that
            return _failed("invalid_output", "The output contains itself.", unwritable)
        except (TypeError, ValueError) as unwritable:
            # A value that is no JSON: the program's mistake, which the log tells.
            return _failed("invalid_output", said_of(unwritable, named=False), unwritable)
        except Exception as unwritable:  # of a model_dump, or whatever else writes itself
            return _failed("invalid_output", said_of(unwritable), unwritable)
    if isinstance(error, ToolError):
        return _failed("tool_failed", said_of(error, named=False))
    return _failed("tool_failed", said_of(error), error)


def said_of(error: BaseException, *, named: bool = True) -> str:
    """What an exception says, with its class in front; never raises."""
    try:
        words = str(error)
    except Exception:  # a __str__ of its own, which fails
        words = ""
    name = type(error).__name__
    if named or not words:
        words = f"{name}: {words}" if words else name
    return words[:_LONGEST_REASON]


def _failed(kind: str, message: str, error: BaseException | None = None) -> Outcome:
    return Outcome(output=error_text(kind, message), error=error, fault=kind)


_LONGEST_REASON = 500


def _decode(text: str) -> dict[str, Any]:
    # Models leave the text empty for a function without parameters.
    try:
        given: object = msgspec.json.decode(text) if text.strip() else {}
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadArguments(f"The arguments are not JSON: {error}") from None
    except RecursionError:
        raise BadArguments("The arguments are nested too deeply.") from None
    if isinstance(given, dict):
        return cast("dict[str, Any]", given)
    raise BadArguments("The arguments are not a JSON object.")


async def _refusal(tools: ToolSet, tool: AnyTool, call: Call) -> str | None:
    """Why the call may not run; ``None`` where it may."""
    approve = tool.approve or tools.approve
    if approve is None:
        return None
    if inspect.iscoroutinefunction(approve):
        answer = await approve(call)
    else:  # it may ask at a prompt
        answer = await in_thread(lambda: approve(call), "voxwire tool")
        if inspect.isawaitable(answer):
            answer = await answer
    if answer is True:
        return None
    return answer if isinstance(answer, str) and answer else "The user did not allow this call."


async def _limited(
    tools: ToolSet, tool: AnyTool, arguments: Arguments, context: ToolContext
) -> Any:
    seconds = tool.timeout if tool.timeout is not None else tools.timeout
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await _call(tool, arguments, context)
    except TimeoutError:  # ours, or one that the tool itself raised
        if limit.expired():
            raise _TookTooLong(f"There was no result within {seconds:g} seconds.") from None
        raise


async def _call(tool: AnyTool, arguments: Arguments, context: ToolContext) -> Any:
    if inspect.iscoroutinefunction(tool.function):
        return await tool.run(arguments, context)
    value = await in_thread(lambda: tool.run(arguments, context), "voxwire tool")
    # A callable object, or a plain function that makes a coroutine.
    return await value if inspect.isawaitable(value) else value
