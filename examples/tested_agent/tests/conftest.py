"""What the tests share: an evening with few seats left, and the desk that knows of it."""

from datetime import date

import pytest
from front_desk import Diary, FrontDesk

FRIDAY = date(2026, 11, 27)


@pytest.fixture
def diary() -> Diary:
    return Diary(booked={FRIDAY: {"Abel": 8, "Berg": 6}})


@pytest.fixture
def desk(diary: Diary) -> FrontDesk:
    return FrontDesk(diary)
