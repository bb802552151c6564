"""Every ``except`` says what it catches and why: a handler without words hides faults.

The words are a comment on the line of the ``except``, on the lines above it, or in its body. A
handler that does nothing but raise another exception with a message has said it in that message,
unless it catches everything: then it needs a comment as well. ``suppress(...)`` is an ``except``.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "codegen", "examples", "benchmarks")
EVERYTHING = {"Exception", "BaseException"}


def _names(kind: ast.expr | None) -> set[str]:
    """What is caught; nothing named is everything."""
    if kind is None:
        return {"BaseException"}
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return {ast.unparse(each) for each in kinds}


def _message(body: list[ast.stmt]) -> bool:
    """Whether it only raises another exception, with a text in it."""
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return False
    texts = (ast.JoinedStr, ast.Constant)
    return any(
        isinstance(node, ast.JoinedStr) or isinstance(node.value, str)
        for node in ast.walk(body[0].exc)
        if isinstance(node, texts)
    )


def _wordless(source: str) -> Iterator[int]:
    """The lines of handlers that say nothing."""
    comments = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    lines = source.splitlines()

    def above(line: int) -> bool:
        return line > 1 and lines[line - 2].lstrip().startswith("#")

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            last = node.body[-1].end_lineno or node.lineno
            said = any(line in comments for line in range(node.lineno, last + 1))
            plain = _message(node.body) and not _names(node.type) & EVERYTHING
            if not (said or plain or above(node.lineno)):
                yield node.lineno
        elif isinstance(node, ast.With | ast.AsyncWith):
            called = [item.context_expr for item in node.items]
            calls = [call.func for call in called if isinstance(call, ast.Call)]
            if any(ast.unparse(func).endswith("suppress") for func in calls):
                last = node.body[-1].end_lineno or node.lineno
                said = any(line in comments for line in range(node.lineno, last + 1))
                if not (said or above(node.lineno)):
                    yield node.lineno


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_except_says_what_it_catches_and_why(folder: str) -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in _wordless(path.read_text(encoding="utf-8"))
    ]
    assert not silent, "say in a comment what is caught and why:\n" + "\n".join(silent)


@pytest.mark.parametrize(
    ("source", "silent"),
    [
        ("try:\n    f()\nexcept OSError:\n    pass", True),
        ("try:\n    f()\nexcept OSError:  # it may be gone\n    pass", False),
        ("try:\n    f()\n# it may be gone\nexcept OSError:\n    pass", False),
        ("try:\n    f()\nexcept OSError:\n    # it may be gone\n    pass", False),
        ("try:\n    f()\nexcept OSError:\n    x = '# gone'", True),
        ("try:\n    f()\nexcept OSError as e:\n    raise ValueError(f'{e}') from e", False),
        ("try:\n    f()\nexcept OSError:\n    raise", True),
        ("try:\n    f()\nexcept OSError as e:\n    raise ValueError(e) from e", True),
        ("try:\n    f()\nexcept Exception as e:\n    raise ValueError('no') from e", True),
        ("try:\n    f()\nexcept:\n    raise ValueError('no')", True),
        ("with suppress(OSError):\n    f()", True),
        ("with suppress(OSError):  # it may be gone\n    f()", False),
    ],
)
def test_the_rule(source: str, silent: bool) -> None:
    assert bool(list(_wordless(source))) is silent
