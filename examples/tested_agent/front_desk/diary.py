"""Who comes on which evening. It knows no voice and no model."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


class Full(Exception):
    """There are not so many seats left."""


@dataclass
class Diary:
    """The bookings of all evenings."""

    seats: int = 20
    booked: dict[date, dict[str, int]] = field(default_factory=dict[date, dict[str, int]])

    def free(self, evening: date) -> int:
        """Seats that are left."""
        return self.seats - sum(self.booked.get(evening, {}).values())

    def book(self, evening: date, name: str, people: int) -> None:
        """Keep seats for somebody, or raise :class:`Full`."""
        if people > self.free(evening):
            raise Full(f"{self.free(evening)} seats are left on {evening:%A}")
        self.booked.setdefault(evening, {})[name] = people
