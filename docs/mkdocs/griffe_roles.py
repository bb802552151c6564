"""Docstrings written for ``help()`` as pages read them: roles become links.

``:class:`Overflow``` names an object as the module that says it would; where that object is on a
page, its name is a link there, and elsewhere it stays a name in code.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|func|meth|attr|data|exc|mod|py:\w+):`(~?)([^`]+)`")


class Roles(griffe.Extension):
    """Rewrites the roles of each docstring, once its package has been read."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Walk the package."""
        self._walk(pkg)

    def _walk(self, scope: Any) -> None:
        for member in [scope, *scope.members.values()]:
            if member.is_alias or member.docstring is None:
                continue
            member.docstring.value = _ROLE.sub(
                lambda role, member=member: _link(role, member), member.docstring.value
            )
        for member in scope.members.values():
            if not member.is_alias and (member.is_module or member.is_class):
                self._walk(member)


def _link(role: re.Match[str], member: Any) -> str:
    name = role[2].rsplit(".", 1)[-1] if role[1] else role[2]
    path = _path(role[2], member)
    code = f"<code>{name}{'()' if ':meth:' in role[0] or ':func:' in role[0] else ''}</code>"
    return f'<autoref identifier="{path}" optional>{code}</autoref>' if path else code


def _path(name: str, member: Any) -> str | None:
    """What `name` means where `member` is defined."""
    scope = member
    while scope is not None:
        if scope.is_class and name.split(".")[0] in scope.all_members:
            return f"{scope.path}.{name}"
        scope = scope.parent
    if name.startswith("voxwire."):
        return name
    try:
        return str(member.resolve(name))
    except griffe.NameResolutionError:
        return f"voxwire.{name}"
