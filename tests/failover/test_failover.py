"""Conversations on workers that are killed at random end as if nobody had disturbed them."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis_servers import redis_cluster, redis_server

from .matrix import Matrix


async def run(store: str, sessions: int) -> None:
    matrix = Matrix(
        store=store, sessions=sessions, workers=2, turns=4, kills=3, every=2.0, lease=1, pause=0.5
    )
    outcome = await matrix.run()
    assert outcome.problems == []
    assert outcome.kills > 0
    assert outcome.take_overs > 0
    assert outcome.booked == sessions * 2


async def test_over_redis() -> None:
    with redis_server() as server:
        await run(server.url, 10)


async def test_over_a_cluster() -> None:
    with redis_cluster() as nodes:
        await run(f"cluster+{nodes[0].url}", 6)


async def test_over_a_file(tmp_path: Path) -> None:
    await run(str(tmp_path / "sessions.db"), 6)


@pytest.mark.parametrize("seed", [2])
async def test_undisturbed_workers_need_no_take_over(tmp_path: Path, seed: int) -> None:
    matrix = Matrix(
        store=str(tmp_path / "s.db"), sessions=3, workers=1, turns=2, kills=0, seed=seed
    )
    outcome = await matrix.run()
    assert (outcome.problems, outcome.take_overs, outcome.unknown) == ([], 0, 0)
