"""The agent: what it is told to be, and what it can do. The diary keeps the bookings."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import voxwire

from .diary import Diary, Full

INSTRUCTIONS = """
You are the front desk of a small restaurant, on the telephone. Be brief and kind.
Look up whether there are seats before you promise any, and book under a name.
"""


class FrontDesk:
    """An agent that takes bookings. Its tools are methods, so each call can have its own."""

    def __init__(self, diary: Diary) -> None:
        self.diary = diary

    def free_seats(self, evening: date) -> int:
        """How many seats are free on an evening."""
        return self.diary.free(evening)

    def book_table(
        self, evening: date, name: str, people: Annotated[int, "from one to eight"]
    ) -> str:
        """Book a table, once the guest has said for how many, when, and under which name."""
        if not 1 <= people <= 8:
            raise voxwire.ToolError("We seat one to eight; larger parties write to us.")
        try:
            self.diary.book(evening, name, people)
        except Full as problem:  # the diary's own refusal, in words for the model
            raise voxwire.ToolError(str(problem)) from None
        return f"Booked: {people} on {evening:%A, %d %B} for {name}."

    def connect(self, **options: Any) -> voxwire.Connect:
        """A session in which the agent is on duty; `options` are those of `voxwire.connect`."""
        return voxwire.connect(
            instructions=INSTRUCTIONS, tools=[self.free_seats, self.book_table], **options
        )
