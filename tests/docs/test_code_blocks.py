"""Every Python block of the README and of docs/ runs, against a server on this machine.

How a block is written so that it does: docs/writing.md.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import gc
import inspect
import io
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import markdown_blocks
import pytest
import typer
from block_setups import NAMES, SETUPS, World
from markdown_blocks import ROOT, Block

import voxwire
import voxwire.sync
from voxwire.cli.app import app

SECONDS = 20

BLOCKS = [
    block
    for page in markdown_blocks.pages()
    for block in markdown_blocks.blocks(page)
    if block.language == "python"
]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with World(monkeypatch.setattr) as world:
        # What OpenAI would be, and a folder that looks like a checkout.
        monkeypatch.setenv("OPENAI_API_KEY", "sk-local")
        monkeypatch.setenv("OPENAI_BASE_URL", world.server.http_url)
        (tmp_path / "examples").symlink_to(ROOT / "examples")
        monkeypatch.chdir(tmp_path)
        yield world


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """What is logged as an error: a handler that raised, an exception that nobody saw."""
    found: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: found.append(handler.format(record))  # type: ignore[method-assign]
    logs = [logging.getLogger(name) for name in ("voxwire", "asyncio")]
    level = logs[0].level
    for log in logs:
        log.addHandler(handler)
    yield found
    for log in logs:
        log.removeHandler(handler)
    logs[0].setLevel(level)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.where)
def test_block(block: Block, world: World, errors: list[str]) -> None:
    if re.search(r"^(async )?def test_", block.text, re.MULTILINE):
        _pytest(block)
        return
    for name in block.setups:
        assert name in SETUPS, f"{block.where}: there is no setup {name!r} in block_setups.py"
        SETUPS[name](world)
    tree = ast.parse(block.text)
    code = compile(
        block.text, block.where, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
    )
    names = {"__name__": "__main__"}
    exec(compile(_carried(block), block.where, "exec"), names)
    wanted = _wanted(tree) - names.keys()
    world.names = {name: NAMES[name](world) for name in sorted(wanted & NAMES.keys())}
    names |= world.names
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), _limited(block):
        if world.threaded:
            _perform_in_threads(code, names, world, "session" in wanted)
        elif "session" in wanted or code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(_perform(code, names, world, "session" in wanted))
        else:
            exec(code, names)
    gc.collect()  # what was forgotten is found now, and not in another test
    assert world.may_fail or not errors, "\n".join(errors)
    if block.output is not None:
        assert _fits(printed.getvalue(), block.output), printed.getvalue()


WHOLE = [
    block for block in BLOCKS if "asyncio.run(main())" in block.text and "Emulator" in block.text
]


@pytest.mark.parametrize("block", WHOLE, ids=lambda block: block.where)
def test_a_whole_program_runs_as_copied(block: Block, tmp_path: Path) -> None:
    """Without a key, a server or anything else that the page does not tell to start."""
    assert not block.setups
    program = tmp_path / "program.py"
    program.write_text(block.text)
    env = {key: value for key, value in os.environ.items() if not key.startswith("OPENAI_")}
    done = subprocess.run(
        [sys.executable, program], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert block.output is None or _fits(done.stdout, block.output), done.stdout


CONSOLES = [
    block
    for page in [*markdown_blocks.pages(), *sorted((ROOT / "examples").rglob("README.md"))]
    for block in markdown_blocks.blocks(page)
    if block.language == "console"
]


@pytest.mark.parametrize("block", CONSOLES, ids=lambda block: block.where)
def test_commands_exist(block: Block) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands: Any = typer.main.get_command(app)
    for line in re.findall(r"^\$ (.*?)(?: +#.*)?$", block.text, re.MULTILINE):
        words = [word for word in shlex.split(line) if word not in ("python", "-m")]
        if words[0] == "make":
            assert words[1] in targets, line
        elif words[0] == "voxwire":
            named = not words[1].startswith("--")
            assert not named or words[1] in commands.commands, line
            command = commands.commands[words[1]] if named else commands
            known = {opt for each in command.params for opt in each.opts} | {"-", "--help"}
            used = words[2:] if named else words[1:]
            assert {word.partition("=")[0] for word in used if word[0] == "-"} <= known, line


async def _perform(code: Any, names: dict[str, Any], world: World, given: bool) -> None:
    async with contextlib.AsyncExitStack() as stack:
        session = None
        if given:
            connecting = voxwire.connect(url=world.server.url, **world.options)
            session = names["session"] = await stack.enter_async_context(connecting)
        during = None if world.during is None else asyncio.create_task(world.during(session))
        made = eval(code, names)
        if inspect.iscoroutine(made):
            await made
        if during is not None:
            await during
        if world.after is not None:
            await world.after(session)


def _perform_in_threads(code: Any, names: dict[str, Any], world: World, given: bool) -> None:
    if not given:
        exec(code, names)
        return
    with voxwire.sync.connect(url=world.server.url, **world.options) as session:
        names["session"] = session
        exec(code, names)
        if world.after is not None:
            world.run(world.after(session))


@contextlib.contextmanager
def _limited(block: Block) -> Iterator[None]:
    """A block that waits for ever is a failure, also where it blocks the thread."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"{block.where} takes longer than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _pytest(block: Block) -> None:
    """A block of tests is run as tests are."""
    Path("test_block.py").write_text(ast.unparse(_carried(block)) + "\n" + block.text)
    Path("pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_block.py"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def _fits(printed: str, expected: str) -> bool:
    """Whether it is what the page says; ``…`` there stands for anything."""
    pattern = ".*".join(re.escape(piece) for piece in expected.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def _carried(block: Block) -> ast.Module:
    """The imports, functions and classes of the blocks above on the page. What is decorated with
    something that is not among them, such as ``@session.on``, belongs to its block alone."""
    carried: list[ast.stmt] = []
    made = set(dir(builtins))
    for other in BLOCKS:
        if other.page != block.page or other.line >= block.line:
            continue
        for statement in ast.parse(other.text).body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                made |= {(each.asname or each.name).split(".")[0] for each in statement.names}
            elif (
                isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                and not statement.name.startswith("test_")
                and {_root(each) for each in statement.decorator_list} <= made
            ):
                made.add(statement.name)
            else:
                continue
            carried.append(statement)
    return ast.Module(body=carried, type_ignores=[])


def _root(expression: ast.expr) -> str | None:
    while not isinstance(expression, ast.Name):
        expression = getattr(expression, "func", None) or getattr(expression, "value", None)  # type: ignore[assignment]
        if expression is None:
            return None
    return expression.id


def _wanted(tree: ast.Module) -> set[str]:
    """Names that are used and made nowhere in the block."""
    used: set[str] = set()
    made: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name):
                made.add(name)
            case ast.arg(arg=name):
                made.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                made.add(name)
            case ast.ClassDef(name=name):
                made.add(name)
            case ast.alias(name=name, asname=asname):
                made.add((asname or name).split(".")[0])
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                made.add(name)
            case _:
                pass
    return used - made
