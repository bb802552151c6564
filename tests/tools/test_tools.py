"""Functions as tools: what the model is told, and the arguments that it gives."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from voxwire_protocol import FunctionTool, McpTool, RealtimeSession, SessionUpdate

from voxwire.errors import InvalidOption
from voxwire.protocol.codec import REALTIME
from voxwire.tools import Call, Tool, ToolContext, tool
from voxwire.tools.signature import BadArguments
from voxwire.tools.toolset import ToolSet

CONTEXT = ToolContext(call=Call(name="any", arguments="{}", call_id="call_1"))


@dataclass
class Place:
    city: str
    country: str = "NO"


@tool
def get_weather(
    city: str,
    unit: Literal["celsius", "fahrenheit"] = "celsius",
    days: Annotated[int, "How many days ahead."] = 1,
) -> dict[str, Any]:
    """The weather in a city, now.

    Args:
        city: Where.
        days: Not this: the annotation says it better.
    """
    return {"city": city, "unit": unit, "days": days}


def call(made: Tool[..., Any], **given: Any) -> Any:
    return made.run(made.build(given), CONTEXT)


# --- what the model is told ----------------------------------------------------------------------


def test_the_definition_is_the_signature_and_the_docstring() -> None:
    assert get_weather.definition == FunctionTool(
        name="get_weather",
        description="The weather in a city, now.",
        parameters={
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where."},
                "unit": {
                    "type": "string",
                    "enum": ["celsius", "fahrenheit"],
                    "default": "celsius",
                },
                "days": {"type": "integer", "description": "How many days ahead.", "default": 1},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
    )


def test_a_tool_is_still_the_function() -> None:
    assert get_weather("Oslo", days=2) == {"city": "Oslo", "unit": "celsius", "days": 2}


def test_options_win_over_the_function() -> None:
    @tool(name="weather", description="Rain?", timeout=3)
    def function(city: str) -> None:
        """Not this."""

    assert (function.name, function.description, function.timeout) == ("weather", "Rain?", 3)


def test_a_function_without_parameters_or_words() -> None:
    @tool
    def ping() -> str:
        return "pong"

    assert ping.definition.to_dict() == {
        "type": "function",
        "name": "ping",
        "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
    }
    assert call(ping) == "pong"


def test_the_context_is_filled_in_and_not_shown() -> None:
    @tool
    def whoami(name: str, context: ToolContext) -> str:
        return f"{name} {context.call.call_id}"

    @tool
    def maybe(context: ToolContext | None = None) -> ToolContext | None:
        return context

    assert whoami.parameters["properties"].keys() == {"name"}
    assert call(whoami, name="Ada") == "Ada call_1"
    assert maybe.parameters["properties"] == {}
    assert call(maybe) is CONTEXT


def test_a_class_that_contains_itself_can_be_described() -> None:
    jsonschema.Draft202012Validator.check_schema(Tool(count_nodes).parameters)
    validator = jsonschema.Draft202012Validator(Tool(count_nodes).parameters)
    assert validator.is_valid({"tree": {"children": [{"children": []}]}})
    assert not validator.is_valid({"tree": {"children": [{"children": 1}]}})
    assert call(Tool(count_nodes), tree={"children": [{"children": []}]}) == 2


@dataclass
class Node:
    children: list[Node]


def count_nodes(tree: Node) -> int:
    return 1 + sum(count_nodes(child) for child in tree.children)


def test_bound_methods_partials_and_callable_objects() -> None:
    class Desk:
        def book(self, people: int) -> str:
            """Book a table."""
            return f"for {people}"

        def __call__(self, people: int) -> str:
            """Call the desk."""
            return f"desk {people}"

    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    method = Tool(Desk().book)
    assert (method.name, method.description) == ("book", "Book a table.")
    assert call(method, people=2) == "for 2"
    partial = Tool(functools.partial(add, b=10))
    assert (partial.name, partial.description) == ("add", "Add.")
    assert call(partial, a=1) == 11
    thing = Tool(Desk(), name="desk")
    assert thing.description == "Call the desk."
    assert call(thing, people=3) == "desk 3"


def test_positional_parameters() -> None:
    def subtract(a: int, /, b: int) -> int:
        return a - b

    assert call(Tool(subtract), a=5, b=3) == 2


def test_a_schema_of_ones_own() -> None:
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    made = Tool(lambda **given: given, name="search", parameters=schema)
    assert made.definition.parameters == schema
    assert call(made, q="x", other=1) == {"q": "x", "other": 1}


def test_the_definition_can_be_sent() -> None:
    session = RealtimeSession(tools=[get_weather.definition])
    frame = REALTIME.encode(SessionUpdate(session=session))
    assert json.loads(frame)["session"]["tools"] == [get_weather.definition.to_dict()]


# --- what is refused -----------------------------------------------------------------------------


def no_type(city): ...  # type: ignore[no-untyped-def]


def star(*cities: str) -> None: ...


def stars(**cities: str) -> None: ...


def plane(z: complex) -> None: ...


def two(a: ToolContext, b: ToolContext) -> None: ...


class Plain:
    def method(self, x: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (no_type, "no_type: parameter 'city' has no type: annotate it, as in city: str"),
        (star, "star: *cities: 'str' cannot be described to a model: name each parameter"),
        (stars, "name each parameter"),
        (plane, "plane: parameter 'z' cannot be filled from JSON: complex has no form in JSON"),
        (two, "two: only one parameter can be a ToolContext"),
        (Plain.method, "make the tool from the bound method, as in tool(thing.method)"),
        (lambda: None, "'<lambda>' cannot be the name of a tool: pass name="),
        ("get_weather", "'get_weather' is no tool: give a function"),
    ],
)
def test_a_function_that_a_model_cannot_be_told_about(
    function: Callable[..., Any], message: str
) -> None:
    with pytest.raises(InvalidOption) as caught:
        Tool(function)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"name": ""},
        {"name": "two words"},
        {"name": "x" * 65},
        {"description": "x" * 1025},
        {"timeout": 0},
        {"timeout": -1},
    ],
)
def test_options_that_cannot_work(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        tool(**options)(get_weather.function)


def test_a_class_out_of_sight() -> None:
    class Local: ...

    def function(x: Local) -> None: ...

    with pytest.raises(InvalidOption, match="define the class at the top level"):
        Tool(function)


# --- the arguments -------------------------------------------------------------------------------


def visit(place: Place, others: list[Place] | None = None, count: int = 1) -> Any:
    return place, others, count


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ({"place": {"city": "Oslo"}}, (Place("Oslo"), None, 1)),
        (
            {"place": {"city": "Bonn", "country": "DE"}, "others": [{"city": "Oslo"}], "count": 2},
            (Place("Bonn", "DE"), [Place("Oslo")], 2),
        ),
        # Numbers in quotes, and whole numbers with a point, are what models write at times.
        ({"place": {"city": "Oslo"}, "count": "3"}, (Place("Oslo"), None, 3)),
        ({"place": {"city": "Oslo"}, "count": 3.0}, (Place("Oslo"), None, 3)),
    ],
)
def test_arguments_are_built(given: dict[str, Any], result: Any) -> None:
    assert call(Tool(visit), **given) == result


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Object missing required field place"),
        ({"place": {}}, "Object missing required field city - at $.place"),
        ({"place": {"city": 1}}, "Expected str, got int - at $.place.city"),
        (
            {"place": {"city": "x"}, "others": [{"city": "x"}, {"city": None}]},
            "Expected str, got null - at $.others[1].city",
        ),
        ({"place": {"city": "x"}, "count": "many"}, "Expected int, got str - at $.count"),
        ({"place": {"city": "x"}, "count": 1.5}, "Expected int, got float - at $.count"),
        ({"place": {"city": "x"}, "colour": 1}, "Object contains unknown field colour"),
    ],
)
def test_arguments_that_do_not_fit_are_named_by_their_path(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadArguments) as caught:
        Tool(visit).build(given)
    assert str(caught.value) == message


def test_the_default_is_the_very_object_of_the_signature() -> None:
    marker: list[int] = []

    def function(x: list[int] = marker) -> list[int]:
        return x

    assert call(Tool(function)) is marker


def test_a_default_that_json_cannot_hold_is_left_out_of_the_schema() -> None:
    def function(x: Any = inspect) -> Any:
        return x

    made = Tool(function)
    assert made.parameters["properties"] == {"x": {}}
    assert "required" not in made.parameters
    assert call(made) is inspect


# --- sets of tools -------------------------------------------------------------------------------


def first() -> str:
    return "first"


def second() -> str:
    return "second"


def test_a_set_of_tools_by_name() -> None:
    tools = ToolSet([first, get_weather])
    assert [each.name for each in tools] == ["first", "get_weather"]
    assert "first" in tools
    assert "second" not in tools
    assert len(tools) == 2
    assert tools.get("get_weather") is get_weather
    assert tools.get("second") is None
    assert [each.name for each in tools.definitions()] == ["first", "get_weather"]


def test_a_name_is_taken_once() -> None:
    tools = ToolSet([first])
    with pytest.raises(InvalidOption, match="there is a tool 'first' already: remove it first"):
        tools.add(Tool(second, name="first"))
    assert call(next(iter(tools))) == "first"


@pytest.mark.parametrize("which", ["first", first, Tool(first)])
def test_a_tool_is_removed_by_name_or_itself(which: Any) -> None:
    tools = ToolSet([first, second])
    assert tools.remove(which).name == "first"
    assert [each.name for each in tools] == ["second"]
    with pytest.raises(InvalidOption, match=r"there is no tool 'first' \(there is 'second'\)"):
        tools.remove(which)


def test_tools_set_by_hand_stay_in_front() -> None:
    by_hand = FunctionTool(name="look", parameters={"type": "object", "properties": {}})
    hosted = McpTool(server_label="docs", server_url="https://example.com/mcp")
    as_dict = {"type": "function", "name": "listen"}
    tools = ToolSet([first])
    assert tools.merge([by_hand, hosted, as_dict]) == [
        by_hand,
        hosted,
        as_dict,
        *tools.definitions(),
    ]
    assert tools.merge() == tools.merge([]) == tools.definitions()


def test_a_tool_read_back_from_the_session_is_not_given_twice() -> None:
    tools = ToolSet([first, second])
    echoed = [tools.definitions()[1], tools.definitions()[0].to_dict()]
    assert tools.merge(echoed) == tools.definitions()


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidOption, match="tool 'first' is set by hand and registered"):
        ToolSet([first]).merge([FunctionTool(name="first", description="Another one.")])
