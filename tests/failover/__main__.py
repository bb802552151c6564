"""``make failover``: 200 conversations on 4 workers over Redis, killed at random."""

from __future__ import annotations

import asyncio
import sys

from redis_servers import redis_server

from .matrix import Matrix


def main() -> int:
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with redis_server() as server:
        outcome = asyncio.run(
            Matrix(store=server.url, sessions=sessions, every=8.0, pause=8.0, lease=5.0).run()
        )
    print(outcome.report())
    for problem in outcome.problems[:20]:
        print(problem)
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
