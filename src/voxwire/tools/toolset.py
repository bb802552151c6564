"""The functions that a model may call: a collection by name, and what a session is told of it.

This module collects. It runs nothing, and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from voxwire_protocol import FunctionTool

from ..errors import InvalidOption
from .tool import AnyTool, Approve, Tool, tool_name

__all__ = ["ToolSet"]


class ToolSet:
    """The functions that a model may call, by name.

    Args:
        tools: tools, or plain functions.
        timeout: seconds that a call may take where its tool does not say; ``None`` for no limit.
        approve: asked before each call of a tool that has no `approve` of its own.
    """

    def __init__(
        self,
        tools: Iterable[AnyTool | Callable[..., Any]] = (),
        *,
        timeout: float | None = 60.0,
        approve: Approve | None = None,
    ) -> None:
        self.timeout = timeout
        self.approve = approve
        self._tools: dict[str, AnyTool] = {}
        for each in tools:
            self.add(each)

    def add(self, tool: AnyTool | Callable[..., Any]) -> AnyTool:
        """Add a tool; raises :class:`InvalidOption` where the name is taken."""
        added = cast("AnyTool", tool) if isinstance(tool, Tool) else Tool(tool)
        if added.name in self._tools:
            raise InvalidOption(
                f"there is a tool {added.name!r} already: remove it first, or give this one "
                "another name="
            )
        self._tools[added.name] = added
        return added

    def remove(self, tool: AnyTool | Callable[..., Any] | str) -> AnyTool:
        """Take a tool out, by name or itself; raises :class:`InvalidOption` if it is not in."""
        name = tool if isinstance(tool, str) else getattr(tool, "name", None) or tool_name(tool)
        if name not in self._tools:
            known = ", ".join(map(repr, self._tools)) or "none"
            raise InvalidOption(f"there is no tool {name!r} (there is {known})")
        return self._tools.pop(name)

    def get(self, name: str) -> AnyTool | None:
        """The tool of this name."""
        return self._tools.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __iter__(self) -> Iterator[AnyTool]:
        return iter(list(self._tools.values()))

    def __len__(self) -> int:
        return len(self._tools)

    def definitions(self) -> list[FunctionTool]:
        """What a session is given for these tools."""
        return [tool.definition for tool in self]

    def merge(self, by_hand: Iterable[Any] | None = None) -> list[Any]:
        """All tools for ``session.update``: those set by hand, and then these.

        Args:
            by_hand: tools of the protocol, as objects or dicts. One that describes a tool of this
                set just as it is, as a session that was read back does, is not given twice.

        Raises:
            InvalidOption: two different tools have the same name.
        """
        own = {tool.name: tool.definition for tool in self}
        merged: list[Any] = []
        for each in by_hand or ():
            given = cast("Mapping[str, Any]", each if isinstance(each, Mapping) else each.to_dict())
            name = given.get("name") if given.get("type") == "function" else None
            if name not in own:
                merged.append(each)
            elif given != own[name].to_dict():
                raise InvalidOption(
                    f"tool {name!r} is set by hand and registered as a function too: leave one out"
                )
        return [*merged, *own.values()]
