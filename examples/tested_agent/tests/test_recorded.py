"""A whole conversation, recorded once and played back ever after.

The recording says what the model said. What the desk sends has to be what it sent then, to the
letter: change an instruction or a tool, and this test fails until it is recorded anew.
"""

from datetime import date

import pytest
from front_desk import Diary, FrontDesk

from voxwire.testing import Cassette

FRIDAY = date(2026, 11, 27)


@pytest.mark.voxwire_cassette("recordings/friday.jsonl")
async def test_a_table_on_friday(
    realtime_cassette: Cassette, desk: FrontDesk, diary: Diary
) -> None:
    async with desk.connect(url=realtime_cassette.url, output_modalities=["text"]) as session:
        await session.say("Hello! Is there a table for four on Friday, 27 November 2026?")
        answer = await session.say("Wonderful. Please book it, the name is Cohen.")
    assert diary.booked[FRIDAY]["Cohen"] == 4
    assert "Friday" in answer.text
    assert answer.status == "completed"
