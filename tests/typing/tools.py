"""Checked by the type checkers, not run: a tool keeps the signature of its function."""

from typing import Any, assert_type

from voxwire.tools import Call, Tool, ToolContext, tool
from voxwire.tools.toolset import ToolSet


@tool
def plain(city: str, days: int = 1) -> dict[str, int]:
    return {city: days}


@tool(name="other", timeout=3, approve=lambda call: call.name == "other")
async def slow(context: ToolContext) -> str:
    return context.call.name


assert_type(plain("Oslo", days=2), dict[str, int])
plain(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
plain("Oslo", hours=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def ask(call: Call) -> bool:
    assert_type(await slow(ToolContext(call=call)), str)
    return True


def function(x: int) -> None: ...


tools = ToolSet([plain, slow, function], approve=ask)
assert_type(tools.add(function), Tool[..., Any])
