"""Functions as tools: what a model is told about them, when calls are due, and running one."""

from __future__ import annotations

from .tool import (
    AnyTool,
    Approve,
    Call,
    Tool,
    ToolContext,
    ToolError,
    tool,
)

__all__ = [
    "AnyTool",
    "Approve",
    "Call",
    "Tool",
    "ToolContext",
    "ToolError",
    "tool",
]
