"""Running a call: whatever the model wrote and the function does, there is a text for the model."""

from __future__ import annotations

import asyncio
import base64
import contextvars
import datetime
import decimal
import enum
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import attrs
import pytest
from voxwire_protocol import PcmuAudioFormat, Unknown

from voxwire.errors import InvalidOption
from voxwire.tools import Approve, Call, Tool, ToolContext, ToolError, tool
from voxwire.tools.deferred import DeferredResult
from voxwire.tools.runner import Outcome, error_text, output_text, result_of, run
from voxwire.tools.toolset import ToolSet


def call(name: str = "tool", arguments: str = "{}") -> Call:
    return Call(name=name, arguments=arguments, call_id="call_1")


async def outcome(tools: ToolSet, arguments: str = "{}", name: str = "tool") -> Outcome:
    made = call(name, arguments)
    return await run(tools, made, ToolContext(call=made, session="the session"))


def only(function: Callable[..., Any], **options: Any) -> ToolSet:
    return ToolSet([Tool(function, name="tool", **options)])


def failure(result: Outcome) -> tuple[str, str]:
    told = json.loads(result.output)
    assert told.keys() == {"error", "message"}
    return told["error"], told["message"]


# --- what works ----------------------------------------------------------------------------------


async def test_an_async_function_runs_on_the_loop() -> None:
    async def function(city: str) -> dict[str, Any]:
        return {"city": city, "main": threading.current_thread() is threading.main_thread()}

    result = await outcome(only(function), '{"city": "Oslo"}')
    assert result == Outcome(output='{"city":"Oslo","main":true}')


async def test_a_plain_function_runs_in_a_thread_with_the_callers_context() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("set")

    def function() -> list[Any]:
        return [threading.current_thread() is threading.main_thread(), variable.get()]

    assert (await outcome(only(function))).output == '[false,"set"]'


async def test_a_plain_function_does_not_stop_the_loop() -> None:
    released = threading.Event()
    running = asyncio.create_task(outcome(only(lambda: released.wait(10))))
    await asyncio.sleep(0)
    released.set()  # only because the loop is free
    assert (await running).output == "true"


async def test_a_function_that_makes_a_coroutine() -> None:
    async def inner() -> str:
        return "inner"

    assert (await outcome(only(lambda: inner()))).output == "inner"


async def test_calls_run_side_by_side() -> None:
    meeting = asyncio.Barrier(2)

    async def function() -> str:
        await meeting.wait()
        return "met"

    tools = only(function)
    both = await asyncio.wait_for(asyncio.gather(outcome(tools), outcome(tools)), 10)
    assert [result.output for result in both] == ["met", "met"]


@pytest.mark.parametrize("arguments", ["", "  ", "{}"])
async def test_no_arguments_at_all(arguments: str) -> None:
    assert (await outcome(only(lambda: "done"), arguments)).output == "done"


async def test_a_tool_knows_where_its_call_comes_from() -> None:
    @tool(name="tool")
    def function(context: ToolContext) -> str:
        return f"{context.call.name} in {context.session}"

    assert (await outcome(ToolSet([function]))).output == "tool in the session"


# --- what does not -------------------------------------------------------------------------------


async def test_an_unknown_tool() -> None:
    result = await outcome(only(lambda: None), name="nope")
    assert failure(result) == ("unknown_tool", "There is no tool 'nope'. There is: tool.")
    assert result.error is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('{"city": ', "The arguments are not JSON: "),
        ("[1]", "The arguments are not a JSON object."),
        ("null", "The arguments are not a JSON object."),
        ('{"city": 7}', "Expected str, got int - at $.city"),
        ("{}", "Object missing required field city"),
    ],
)
async def test_bad_arguments(arguments: str, message: str) -> None:
    ran: list[str] = []

    def function(city: str) -> None:
        ran.append(city)

    result = await outcome(only(function), arguments)
    kind, said = failure(result)
    assert (kind, said.startswith(message), result.error, ran) == (
        "invalid_arguments",
        True,
        None,
        [],
    )


def raises(error: BaseException) -> Callable[[], None]:
    def function() -> None:
        raise error

    return function


def araises(error: BaseException) -> Callable[[], Any]:
    async def function() -> None:
        raise error

    return function


@pytest.mark.parametrize("make", [raises, araises])
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no such city"), "ValueError: no such city"),
        (KeyError("city"), "KeyError: 'city'"),
        (RuntimeError(), "RuntimeError"),
        (TimeoutError("the other server"), "TimeoutError: the other server"),
        (OSError("x" * 10_000), "OSError: " + "x" * 491),
    ],
)
async def test_a_function_that_raises(make: Any, error: Exception, message: str) -> None:
    result = await outcome(only(make(error)))
    assert failure(result) == ("tool_failed", message)
    assert result.error is error
    assert "Traceback" not in result.output


async def test_an_end_of_the_program_is_the_end_of_the_call_only() -> None:
    result = await outcome(only(raises(SystemExit(3))))
    assert failure(result) == ("tool_failed", "RuntimeError: SystemExit(3)")
    result = await outcome(only(raises(StopIteration("x"))))
    assert failure(result) == ("tool_failed", "RuntimeError: StopIteration: x")


async def test_words_for_the_model() -> None:
    result = await outcome(only(raises(ToolError("The line is busy; try in an hour."))))
    assert failure(result) == ("tool_failed", "The line is busy; try in an hour.")
    assert result.error is None


async def test_the_function_lost_a_task_of_its_own() -> None:
    async def function() -> None:
        task = asyncio.create_task(asyncio.sleep(10))
        task.cancel()
        await task

    assert failure(await outcome(only(function))) == ("tool_failed", "CancelledError")


async def test_a_cancelled_run_is_cancelled() -> None:
    started = asyncio.Event()

    async def function() -> None:
        started.set()
        await asyncio.sleep(100)

    running = asyncio.create_task(outcome(only(function)))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


# --- time ----------------------------------------------------------------------------------------


async def sleeps() -> None:
    await asyncio.sleep(100)


async def test_the_time_is_up() -> None:
    result = await outcome(only(sleeps, timeout=0.01))
    assert failure(result) == ("timeout", "There was no result within 0.01 seconds.")
    assert result.error is not None


async def test_a_hanging_plain_function_is_left_behind() -> None:
    released = threading.Event()
    try:
        result = await outcome(only(lambda: released.wait(100), timeout=0.01))
        assert failure(result)[0] == "timeout"
    finally:
        released.set()


async def test_the_set_has_a_limit_for_all() -> None:
    tools = ToolSet([Tool(sleeps, name="tool")], timeout=0.01)
    assert failure(await outcome(tools))[0] == "timeout"


async def test_a_tool_has_its_own_limit_or_the_sets_or_none() -> None:
    async def function() -> str:
        await asyncio.sleep(0.02)
        return "in time"

    for tools in (
        ToolSet([Tool(function, name="tool", timeout=60)], timeout=0.001),
        ToolSet([Tool(function, name="tool")], timeout=None),
    ):
        assert (await outcome(tools)).output == "in time"


# --- approval ------------------------------------------------------------------------------------


async def yes(call: Call) -> bool:
    return call.arguments == "{}"


@pytest.mark.parametrize(
    ("approve", "message"),
    [
        (lambda call: True, None),
        (yes, None),
        (lambda call: yes(call), None),
        (lambda call: False, "The user did not allow this call."),
        (lambda call: "Not now.", "Not now."),
        (lambda call: 1, "The user did not allow this call."),
        (lambda call: "", "The user did not allow this call."),
    ],
)
@pytest.mark.parametrize("where", ["tool", "set"])
async def test_approval(approve: Approve, message: str | None, where: str) -> None:
    ran: list[int] = []
    made = Tool(lambda: ran.append(1), name="tool", approve=approve if where == "tool" else None)
    result = await outcome(ToolSet([made], approve=approve if where == "set" else None))
    if message is None:
        assert ran == [1]
    else:
        assert failure(result) == ("refused", message)
        assert ran == []


async def test_a_tools_own_approval_goes_before_the_sets() -> None:
    made = Tool(lambda: "ran", name="tool", approve=lambda call: True)
    assert (await outcome(ToolSet([made], approve=lambda call: False))).output == "ran"


async def test_an_approval_that_raises_is_none() -> None:
    def approve(call: Call) -> bool:
        raise ConnectionError("nobody to ask")

    ran: list[int] = []
    result = await outcome(only(lambda: ran.append(1), approve=approve))
    assert failure(result) == ("tool_failed", "ConnectionError: nobody to ask")
    assert ran == []


async def test_nobody_is_asked_about_a_call_that_cannot_run() -> None:
    asked: list[Call] = []

    def approve(call: Call) -> bool:
        asked.append(call)
        return True

    await outcome(only(lambda: None, approve=approve), '{"unknown": 1}')
    assert asked == []


# --- answers that come later ---------------------------------------------------------------------


async def test_a_tool_that_is_not_done() -> None:
    later = DeferredResult()
    result = await outcome(only(lambda: later))
    assert result.later is later


@pytest.mark.parametrize("before", [True, False])
def test_a_later_answer_reaches_its_listener(before: bool) -> None:
    got: list[Any] = []
    later = DeferredResult()
    if before:
        later.listen(lambda value, error: got.append((value, error)))
    later.answer(42)
    if not before:
        later.listen(lambda value, error: got.append((value, error)))
    assert got == [(42, None)]
    with pytest.raises(InvalidOption, match="answered already"):
        later.answer(43)
    with pytest.raises(InvalidOption, match="answered already"):
        later.fail("no")
    assert got == [(42, None)]


def test_a_later_failure() -> None:
    got: list[Any] = []
    later = DeferredResult()
    later.listen(lambda value, error: got.append(error))
    later.fail("gone")
    assert failure(result_of(None, got[0])) == ("tool_failed", "RuntimeError: gone")


# --- outputs -------------------------------------------------------------------------------------


class Color(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int


@attrs.frozen
class Visit:
    at: Point


class Pydantic:
    def model_dump(self, mode: str) -> dict[str, str]:
        return {"mode": mode}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is, \u00e4 too", "as it is, \u00e4 too"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ({"a": [1, "\u00e4"]}, '{"a":[1,"\u00e4"]}'),
        ({1: "a"}, '{"1":"a"}'),
        ((1, 2), "[1,2]"),
        (Visit(Point(1)), '{"at":{"x":1}}'),
        ([Color.RED], '["red"]'),
        (datetime.date(2026, 11, 21), '"2026-11-21"'),
        (decimal.Decimal("1.10"), '"1.10"'),
        (PcmuAudioFormat(), '{"type":"audio/pcmu"}'),
        (Unknown("x", {"type": "x"}), '{"type":"x"}'),
        (Pydantic(), '{"mode":"json"}'),
    ],
)
def test_an_output_is_text(value: Any, text: str) -> None:
    assert output_text(value) == text
    assert result_of(value) == Outcome(output=text)


@pytest.mark.parametrize(
    "value", [b"x", bytearray(b"x"), {"a": [b"x"]}, [memoryview(b"x")], {"a": (1, b"x")}]
)
def test_bytes_are_refused_with_the_cure(value: Any) -> None:
    with pytest.raises(TypeError, match="base64"):
        output_text(value)
    result = result_of(value)
    assert failure(result)[0] == "invalid_output"
    assert isinstance(result.error, TypeError)


def test_the_cure_for_bytes_works() -> None:
    assert output_text(base64.b64encode(b"x").decode()) == "eA=="


@pytest.mark.parametrize("value", [object(), {"a": threading.Lock()}, {(1, 2): 3}])
def test_what_has_no_form_in_json(value: Any) -> None:
    assert failure(result_of(value))[0] == "invalid_output"


def test_an_error_is_json_whatever_is_in_it() -> None:
    assert json.loads(error_text("kind", 'a "quote"\n')) == {
        "error": "kind",
        "message": 'a "quote"\n',
    }
