"""Functions that a user brings on the command line: ``--tools module:name``.

Knows modules and files; what a tool is, the library says.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from ..errors import InvalidOption
from ..tools.tool import AnyTool, Tool
from ..tools.toolset import ToolSet

__all__ = ["load_tools"]


def load_tools(names: Sequence[str]) -> list[AnyTool | Callable[..., Any]]:
    """The tools that these name: ``module:function``, ``file.py:function``, a list or a
    :class:`ToolSet` by its name, or all that ``@voxwire.tool`` has made in a module.

    Raises:
        InvalidOption: there is no such thing, or the module fails.
    """
    tools = ToolSet()
    for name in names:
        for each in _tools(name):
            tools.add(each)  # which says what is wrong with one, or that its name is taken
    return list(tools)


def _tools(given: str) -> Iterable[AnyTool | Callable[..., Any]]:
    where, colon, name = given.rpartition(":")
    if not colon or name.endswith(".py") or "/" in name or "\\" in name:
        where, name = given, ""
    module = _module(where, given)
    if not name:
        values: list[Any] = list(vars(module).values())
        found = [cast("AnyTool", each) for each in values if isinstance(each, Tool)]
        if not found:
            raise InvalidOption(
                f"--tools {given}: nothing in it is marked with @voxwire.tool; mark functions, or "
                f"name one, as in {given}:function"
            )
        return found
    value: Any = module
    for part in name.split("."):
        if not hasattr(value, part):
            near = get_close_matches(part, dir(value), 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise InvalidOption(f"--tools {given}: {where} has no {name}{hint}")
        value = getattr(value, part)
    if isinstance(value, (ToolSet, list, tuple)):
        return cast("Iterable[AnyTool]", value)
    if not callable(value):
        raise InvalidOption(
            f"--tools {given}: {name} is a {type(value).__name__}: name a function, a list of "
            "functions, or a ToolSet"
        )
    return [value]


def _module(where: str, given: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:  # the console script leaves it out
        sys.path.insert(0, here)
    try:
        if where.endswith(".py"):
            return _of_file(Path(where), given)
        return importlib.import_module(where)
    except InvalidOption:  # said already
        raise
    except ModuleNotFoundError as error:  # the module itself, or one that it needs
        if error.name is None or not f"{where}.".startswith(f"{error.name}."):
            raise InvalidOption(f"--tools {given}: {where} needs {error.name}") from error
        raise InvalidOption(
            f"--tools {given}: there is no module {error.name} here; name one that Python finds "
            "from this folder, or a file, as in tools.py:function"
        ) from None
    except BaseException as error:  # the user's own code, which may do anything while imported
        if isinstance(error, KeyboardInterrupt):
            raise
        said = f"{type(error).__name__}: {error}{_place(error, where)}"
        raise InvalidOption(f"--tools {given}: {where} cannot be imported: {said}") from error


def _of_file(path: Path, given: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise InvalidOption(f"--tools {given}: there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.parent.resolve()))
    spec.loader.exec_module(module)
    return module


def _place(error: BaseException, where: str) -> str:
    """The line of the user's own file at which it went wrong."""
    stem = where.rpartition(".py")[0] or where.replace(".", "/")
    trace, line = error.__traceback__, None
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).with_suffix("").as_posix().endswith(stem):
            line = trace.tb_lineno
        trace = trace.tb_next
    return "" if line is None else f" (line {line})"
