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
    "failure_of",
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
        named = repr(call.name[:_LONGEST_NAME])
        return _failed("unknown_tool", f"There is no tool {named}. There is: {known}.")
    try:
        arguments = tool.build(_decode(call.arguments))
    except BadArguments as error:  # the model's mistake: it is told, and may try again
        return _failed("invalid_arguments", said_of(error, named=False))
    except KeyboardInterrupt:
        raise  # the program is to end
    except BaseException as error:  # such as a __post_init__ that raises what it likes
        return _failed("invalid_arguments", said_of(error), error)
    try:
        refusal = await _refusal(tools, tool, call)
        if refusal is not None:
            return _failed("refused", refusal)
        for each in before:
            instead = await each(call)
            if instead is not None:
                return instead
        return await _limited(tools, tool, arguments, context)
    except asyncio.CancelledError as error:
        if _cancelled():
            raise
        return result_of(None, error)  # of whoever was asked
    except KeyboardInterrupt:
        raise  # the program is to end
    except BaseException as error:  # an approval may raise anything, too
        return result_of(None, error)


def _cancelled() -> bool:
    """Whether a CancelledError is about the present task, and not about one that it awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def result_of(value: Any, error: BaseException | None = None) -> Outcome:
    """The outcome of a function that returned `value` or raised `error`; never raises."""
    if error is None:
        try:
            return Outcome(output=output_text(value))
        except RecursionError as unwritable:  # the program's mistake as well
            said = "The output contains itself, or is nested too deeply."
            return _failed("invalid_output", said, unwritable)
        except (TypeError, ValueError) as unwritable:
            # A value that is no JSON: the program's mistake, which the log tells.
            return _failed("invalid_output", said_of(unwritable, named=False), unwritable)
        except BaseException as unwritable:  # of a model_dump, or whatever else writes itself
            return _failed("invalid_output", said_of(unwritable), unwritable)
    if isinstance(error, ToolError):
        return _failed("tool_failed", said_of(error, named=False))
    return _failed("tool_failed", said_of(error), error)


def said_of(error: BaseException, *, named: bool = True) -> str:
    """What an exception says, with its class in front; never raises."""
    try:
        words = str.__str__(str(error))
    except BaseException:  # a __str__ of its own, which fails: the call is answered without
        words = ""
    name = type(error).__name__
    if named or not words:
        words = f"{name}: {words}" if words else name
    return words[:_LONGEST_REASON]


def _failed(kind: str, message: str, error: BaseException | None = None) -> Outcome:
    return Outcome(output=error_text(kind, message), error=error, fault=kind)


_LONGEST_REASON = 500
_LONGEST_NAME = 64  # of a tool


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


_left: set[asyncio.Task[Outcome]] = set()
"""Functions that were cancelled at their limit and go on: a loop holds tasks weakly."""


async def _limited(
    tools: ToolSet, tool: AnyTool, arguments: Arguments, context: ToolContext
) -> Outcome:
    """Run the function in a task of its own, so that one that does not let itself be cancelled
    holds nothing up."""
    seconds = tool.timeout if tool.timeout is not None else tools.timeout
    work = asyncio.create_task(_outcome(tool, arguments, context), name=f"voxwire tool {tool.name}")
    try:
        await asyncio.wait([work], timeout=seconds)
    except asyncio.CancelledError:  # the session ends: the function may clean up
        work.cancel()
        await asyncio.wait([work])
        raise
    if work.done():
        return work.result()
    work.cancel()
    _left.add(work)
    work.add_done_callback(_left.discard)
    error = TimeoutError(f"There was no result within {seconds:g} seconds.")
    return _failed("timeout", str(error), error)


async def _outcome(tool: AnyTool, arguments: Arguments, context: ToolContext) -> Outcome:
    """Call the function, and write down what it returned or raised, where it ran: what writes
    itself may block as the function may."""
    try:
        if inspect.iscoroutinefunction(tool.function):
            return _written(await tool.run(arguments, context))
        value = await in_thread(lambda: _returned(tool.run(arguments, context)), "voxwire tool")
        return value if isinstance(value, Outcome) else _written(await value)
    except KeyboardInterrupt:
        raise  # the program is to end
    except asyncio.CancelledError as error:
        if _cancelled():
            raise
        return result_of(None, error)  # the function's own affair, such as a task that it lost
    except BaseException as error:
        # A tool may raise anything: the model is told that it failed, the log says how.
        return result_of(None, error)


def _returned(value: Any) -> Any:
    """The outcome of a plain function, unless there is something to await: it may be a callable
    object, or make a coroutine."""
    return value if inspect.isawaitable(value) else _written(value)


def _written(value: Any) -> Outcome:
    return Outcome(later=value) if isinstance(value, DeferredResult) else result_of(value)


_AGENTS_SDK = "An error occurred while running the tool"


def failure_of(output: str) -> str | None:
    """Why a tool failed, as its output reports it: that of :func:`error_text`, of others who put an
    ``error`` into an object, or of the openai-agents package; else ``None``. That a person has
    refused a call is no failure of the tool."""
    if output.startswith(_AGENTS_SDK):
        return output
    if not output.lstrip().startswith("{"):
        return None
    try:
        fields = msgspec.json.decode(output, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError):  # text that only looks like JSON
        return None
    kind, message = fields.get("error"), fields.get("message")
    if isinstance(kind, dict):  # as in an `error` event
        about = cast("dict[str, Any]", kind)
        kind, message = about.get("code") or about.get("type") or "error", about.get("message")
    if not kind or kind == "refused":
        return None
    words = [word for word in (kind, message) if isinstance(word, str) and word]
    return ": ".join(words) or "error"
