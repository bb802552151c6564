"""What is said of parameters, in three layouts."""

from __future__ import annotations

import pytest

from voxwire.tools.docstrings import read

GOOGLE = """The weather in a city, now.

Ask for one city at a time.

Args:
    city: Where; a name that
        a map knows.
    unit (str, optional): In which unit: celsius or fahrenheit.
    *more: What else.

Returns:
    text: the weather.

Not after midnight.
"""

NUMPY = """The weather in a city, now.

Ask for one city at a time.

Parameters
----------
city : str
    Where; a name that
    a map knows.
unit, scale : {"celsius", "fahrenheit"}, optional
    In which unit: celsius or fahrenheit.

Returns
-------
str
    the weather
"""

SPHINX = """The weather in a city, now.

Ask for one city at a time.

:param city: Where; a name that
    a map knows.
:param str unit: In which unit: celsius or fahrenheit.
:type city: str
:returns: the weather
"""

CITY = "Where; a name that a map knows."
UNIT = "In which unit: celsius or fahrenheit."
TEXT = "The weather in a city, now.\n\nAsk for one city at a time."


@pytest.mark.parametrize(
    ("docstring", "text", "parameters"),
    [
        (
            GOOGLE,
            f"{TEXT}\n\nNot after midnight.",
            {"city": CITY, "unit": UNIT, "more": "What else."},
        ),
        (NUMPY, TEXT, {"city": CITY, "unit": UNIT, "scale": UNIT}),
        (SPHINX, TEXT, {"city": CITY, "unit": UNIT}),
        ("Just text: no layout.", "Just text: no layout.", {}),
        ("Note: all of this is text, and stays.", "Note: all of this is text, and stays.", {}),
        ("Do it.\n\nArgs:\n    city:\n", "Do it.", {}),
        ("", "", {}),
        (None, "", {}),
    ],
)
def test_a_docstring_is_taken_apart(
    docstring: str | None, text: str, parameters: dict[str, str]
) -> None:
    docs = read(docstring)
    assert docs.parameters == parameters
    assert " ".join(docs.text.split()) == " ".join(text.split())


def test_indentation_in_the_source_does_not_matter() -> None:
    def function() -> None:
        """Do it.

        Args:
            x: The first.

            y: The second.
        """

    assert read(function.__doc__).parameters == {"x": "The first.", "y": "The second."}
