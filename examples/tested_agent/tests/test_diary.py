"""What the agent relies on, without a model."""

from datetime import date

import pytest
from front_desk import Diary, Full

FRIDAY = date(2026, 11, 27)


def test_an_evening_fills_up(diary: Diary) -> None:
    diary.book(FRIDAY, "Cohen", 4)
    assert diary.free(FRIDAY) == 2
    with pytest.raises(Full, match="2 seats are left on Friday"):
        diary.book(FRIDAY, "Dorn", 3)
    assert diary.free(FRIDAY) == 2
