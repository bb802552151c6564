"""What the tools of all workers did: one file, to which each appends whole lines."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

__all__ = ["Ledger"]


class Ledger:
    """The file of what was done."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def book(self, session: str, fence: int, **fields: Any) -> bool:
        """Book, unless a later owner of the session has been here: what a system behind a tool does
        with the fencing token that it is given."""
        with self.path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            lines = [json.loads(line) for line in file]
            if any(line["session"] == session and line.get("fence", 0) > fence for line in lines):
                return False
            self.write(what="booked", session=session, fence=fence, **fields)
        return True

    def write(self, **fields: Any) -> None:
        """One line, as a whole or not at all, also for who is killed in the middle."""
        line = json.dumps({"at": time.time(), "pid": os.getpid(), **fields}) + "\n"
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def read(self) -> list[dict[str, Any]]:
        """All lines."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]
