"""The fault matrix: each scene with the connection cut at and in every frame, in both directions.

What is compared is the end: the conversation, the tools that ran, and what was read, beside those
of a run that nobody disturbed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

import voxwire
from voxwire.emulator import Emulator

from .line import Cut, Direction, Line
from .scenes import Scene, Seen

__all__ = ["Outcome", "cuts", "disturbed", "run"]

PATIENCE = 30.0
"""Seconds after which a scene counts as stuck."""

POLICY = voxwire.Reconnect(first_delay=0.002, longest_delay=0.01, attempts=8)


@attrs.frozen
class Outcome:
    """How a scene ended."""

    said: tuple[tuple[Any, ...], ...]
    """The conversation as the session has it."""
    held: tuple[tuple[Any, ...], ...]
    """The conversation as the server of the last connection has it: text only."""
    ran: tuple[str, ...]
    read: tuple[str, ...]
    moves: int
    frames: dict[Direction, int]
    """How many frames the first connection carried."""

    def differences(self, other: Outcome) -> list[str]:
        """In what it differs from the undisturbed run."""
        pairs = (
            ("conversation", self.said, other.said),
            ("the server's conversation", self.held, other.held),
            ("tools", sorted(self.ran), sorted(other.ran)),
            ("what was read", sorted(self.read), sorted(other.read)),
        )
        return [f"{name}: {mine} is not {theirs}" for name, mine, theirs in pairs if mine != theirs]


async def run(scene: Scene, faults: Sequence[Cut | None] = ()) -> Outcome:
    """Play a scene over a line with these faults."""
    seen = Seen()
    async with Emulator() as server, Line(server.url, list(faults)) as line:
        scene.prepare(server)
        async with (
            asyncio.timeout(PATIENCE),
            voxwire.connect(url=line.url, reconnect=POLICY, **scene.options) as session,
        ):
            seen.follow(session)
            await scene.play(session, server, seen)
            await seen.settled()
            said = tuple(_said(item) for item in session.conversation)
            held = tuple(_held(item) for item in server.conversation)
        moves = sum(isinstance(event, voxwire.Reconnected) for event in seen.moves)
        return Outcome(
            said=said,
            held=held,
            ran=tuple(seen.ran),
            read=tuple(seen.read),
            moves=moves,
            frames=dict(line.first.frames) if line.first is not None else {"c2s": 0, "s2c": 0},
        )


def cuts(whole: Outcome) -> Iterator[Cut]:
    """Every place at which the line of an undisturbed run can be cut, but before its greeting."""
    directions: tuple[Direction, ...] = ("c2s", "s2c")
    for direction in directions:
        # A session that has not been opened has nothing to lose: that is a failed connect.
        for after in range(_OPENED[direction], whole.frames[direction]):
            for inside in (False, True):
                yield Cut(direction, after, inside)


_OPENED: dict[Direction, int] = {"c2s": 1, "s2c": 2}
"""Frames that open a session: its settings, and the greeting and answer to them."""


async def disturbed(
    scene: Scene, faults: Sequence[Sequence[Cut]], side_by_side: int = 12
) -> list[Outcome | BaseException]:
    """Play a scene once for each of these rows of cuts: one for each connection."""
    free = asyncio.Semaphore(side_by_side)

    async def one(row: Sequence[Cut]) -> Outcome | BaseException:
        async with free:
            try:
                return await run(scene, row)
            except Exception as error:  # what a scene dies of is its result
                return error

    return await asyncio.gather(*map(one, faults))


def _said(item: Any) -> tuple[Any, ...]:
    words = item.text or item.transcript or item.output or ""
    return (item.type, item.role, words, item.name, item.arguments, item.interrupted)


def _held(item: dict[str, Any]) -> tuple[Any, ...]:
    parts = item.get("content") or []
    words = "".join(part.get("text") or part.get("transcript") or "" for part in parts)
    return (item["type"], item.get("role"), words or item.get("output") or item.get("arguments"))
