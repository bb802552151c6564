"""Whatever happens in a tool, its call is answered once and the session goes on; and tools whose
types belong to pydantic or annotated-types."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import annotated_types
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import voxwire
from voxwire.emulator import Call, Emulator
from voxwire.errors import InvalidEvent, InvalidOption
from voxwire.tools.adapters import BadArguments
from voxwire.tools.runner import Outcome, run
from voxwire.tools.tool import Call as ToolCall
from voxwire.tools.tool import Tool, ToolContext
from voxwire.tools.toolset import ToolSet
from voxwire.tools.tracker import MOST_CALLS

TEXT: Any = {"output_modalities": ["text"]}
HALF = "\udce9"


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Mixed(enum.Enum):
    ONE = 1
    TWO = "two"


@dataclasses.dataclass
class Fraction:
    below: int

    def __post_init__(self) -> None:
        self.value = 1 / self.below


def cyclic() -> Any:
    """Contains itself."""
    value: list[Any] = []
    value.append(value)
    return value


def deep() -> Any:
    value: Any = []
    for _ in range(5000):
        value = [value]
    return value


def raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


class Dumps:
    def model_dump(self, mode: str) -> Any:
        raise LookupError("not now")


RESULTS: dict[str, Callable[[], Any]] = {
    "half a surrogate": lambda: "\ud83d",
    "half a surrogate inside": lambda: {"a": ["\ud83d"], "\ud83d": 1},
    "half a surrogate in an error": raising(ValueError(f"no file called caf{HALF}.txt")),
    "half a surrogate in a ToolError": raising(voxwire.ToolError(f"no file called caf{HALF}.txt")),
    "an error without words": raising(Unprintable()),
    "GeneratorExit": raising(GeneratorExit()),
    "a cancelling of its own": raising(asyncio.CancelledError()),
    "a value that contains itself": cyclic,
    "a value 5,000 deep": deep,
    "a set": lambda: {1, 2},
    "an object": object,
    "a model that cannot be dumped": Dumps,
}


@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize("name", RESULTS)
async def test_a_call_is_answered_once_whatever_comes_of_it(
    server: Emulator, name: str, asynchronous: bool
) -> None:
    async def later() -> Any:
        return RESULTS[name]()

    server.on("call it", call="look_up", arguments={})
    tool = Tool(later if asynchronous else RESULTS[name], name="look_up", timeout=5)
    async with voxwire.connect(url=server.url, tools=[tool], **TEXT) as session:
        answer = await asyncio.wait_for(session.say("call it"), 20)
        again = await asyncio.wait_for(session.say("hello"), 20)
        outputs = [item for item in session.conversation if item.type == "function_call_output"]
    assert (answer.status, again.status) == ("completed", "completed")
    assert len(outputs) == 1


@pytest.mark.parametrize(
    "arguments",
    ['{"a": "\ud83d"}', '{"a":' * 3000 + "1" + "}" * 3000, "[]", "{", '{"a": [[1], [2]]}'],
    ids=["half a character", "deep", "list", "cut", "unhashable"],
)
async def test_arguments_that_no_function_takes_are_answered(arguments: str) -> None:
    def take(a: set[int]) -> int:
        """Take."""
        return len(a)

    outcome = await _run(take, arguments)
    assert json.loads(outcome.output)["error"] == "invalid_arguments"


async def _run(function: Any, arguments: str) -> Outcome:
    tools = ToolSet([Tool(function, name="f")])
    call = ToolCall(name="f", arguments=arguments, call_id="c")
    return await run(tools, call, ToolContext(call=call))


async def test_a_class_that_raises_what_it_likes_is_answered_and_reported() -> None:
    def take(part: Fraction) -> float:
        """Take."""
        return part.value

    outcome = await _run(take, '{"part": {"below": 0}}')
    told = json.loads(outcome.output)
    assert told["error"] == "invalid_arguments"
    assert "division by zero" in told["message"]
    assert isinstance(outcome.error, ZeroDivisionError)
    assert (await _run(take, '{"part": {"below": 2}}')).output == "0.5"


async def test_an_enumeration_may_mix_texts_and_numbers() -> None:
    def take(which: Mixed = Mixed.ONE) -> str:
        """Take."""
        return which.name

    assert Tool(take).parameters["properties"]["which"]["enum"] == [1, "two"]
    assert (await _run(take, '{"which": "two"}')).output == "TWO"
    assert (await _run(take, '{"which": 1}')).output == "ONE"
    assert (await _run(take, "{}")).output == "ONE"
    wrong = json.loads((await _run(take, '{"which": true}')).output)
    assert "Expected one of 1, 'two'" in wrong["message"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    arguments=st.text() | st.from_regex(r'\{"[a-c]": ?.*\}'),
    result=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(st.characters(codec=None)) | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    ),
)
def test_an_outcome_can_always_be_written(arguments: str, result: Any) -> None:
    def take(a: int = 0, b: str = "", c: float = 0.0) -> Any:
        """Take."""
        return result

    outcome = asyncio.run(_run(take, arguments))
    assert outcome.output.encode()


# -- what the caller says --------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["\ud83d", f"caf{HALF}"], ids=["emoji", "file name"])
async def test_half_a_character_is_refused_before_anything_is_sent(
    server: Emulator, text: str
) -> None:
    async with voxwire.connect(url=server.url, **TEXT) as session:
        with pytest.raises(InvalidEvent, match=r"\$\.item\.content\[0\]\.text.*half a character"):
            session.say(text)
        with pytest.raises(InvalidEvent, match="half a character"):
            session.respond(instructions=text)
        with pytest.raises(InvalidEvent, match="half a character"):
            session.respond(metadata={text: "a"})
        with pytest.raises(InvalidEvent, match="half a character"):
            await session.update(instructions=text)
        with pytest.raises(InvalidEvent, match="half a character"):
            await session.send_raw('{"type":"x","a":"' + text + '"}')
        assert (await asyncio.wait_for(session.say("hello"), 20)).status == "completed"
        assert len(session.conversation) == 2


@pytest.mark.parametrize(
    ("tools", "words"),
    [
        (["x"], r"tools\[0\]='x' is no tool"),
        ([{"type": "function", "name": "look up"}], "cannot be the name"),
        (
            [{"type": "function", "name": "a"}, {"type": "function", "name": "a"}],
            r"tools\[0\] and tools\[1\] are both called 'a'",
        ),
    ],
)
def test_tools_that_no_server_takes_are_refused(tools: Any, words: str) -> None:
    with pytest.raises(InvalidOption, match=words):
        voxwire.connect(url="ws://127.0.0.1:1", tools=tools)


# -- pydantic and annotated-types ------------------------------------------------------------------


class Address(pydantic.BaseModel):
    street: str
    number: int = pydantic.Field(ge=1, description="The number of the house.")


class Order(pydantic.BaseModel):
    """An order of a customer."""

    items: list[str]
    to: Address
    title: str = ""


async def test_a_pydantic_model_is_a_parameter() -> None:
    def place(order: Order, count: int = 1) -> str:
        """Place an order."""
        assert isinstance(order, Order)
        return f"{len(order.items)} to {order.to.number}, {count}"

    schema = Tool(place).parameters
    described = schema["properties"]["order"]
    assert described["required"] == ["items", "to"]
    assert "title" in described["properties"]
    assert "title" not in described
    house = schema["$defs"]["Address"]["properties"]["number"]
    assert house == {"description": "The number of the house.", "minimum": 1, "type": "integer"}
    good = {"order": {"items": ["a", "b"], "to": {"street": "x", "number": 3}}, "count": 2}
    assert (await _run(place, json.dumps(good))).output == "2 to 3, 2"
    bad = {"order": {"items": "a", "to": {"street": "x", "number": 0}}}
    told = json.loads((await _run(place, json.dumps(bad))).output)
    assert told["error"] == "invalid_arguments"
    assert "at $.order.items" in told["message"]
    assert "at $.order.to.number" in told["message"]


async def test_a_field_of_pydantic_describes_and_limits_a_parameter() -> None:
    def take(
        people: Annotated[int, pydantic.Field(ge=1, le=8, description="How many people.")],
        orders: list[Order] | None = None,
    ) -> int:
        """Take."""
        return people

    described = Tool(take).parameters["properties"]["people"]
    expected = {"description": "How many people.", "maximum": 8, "minimum": 1, "type": "integer"}
    assert described == expected
    assert (await _run(take, '{"people": 8}')).output == "8"
    assert "at $.people" in (await _run(take, '{"people": 9}')).output


async def test_annotated_types_describe_and_limit_a_parameter() -> None:
    def take(
        people: Annotated[int, annotated_types.Interval(ge=1, le=8)],
        names: list[Annotated[str, annotated_types.MinLen(2)]] | None = None,
    ) -> int:
        """Take."""
        return people

    properties = Tool(take).parameters["properties"]
    assert (properties["people"]["minimum"], properties["people"]["maximum"]) == (1, 8)
    assert properties["names"]["anyOf"][0]["items"]["minLength"] == 2
    assert (await _run(take, '{"people": 8, "names": ["ab"]}')).output == "8"
    for wrong in ('{"people": 0}', '{"people": 1, "names": ["a"]}'):
        assert json.loads((await _run(take, wrong)).output)["error"] == "invalid_arguments"


def test_a_constraint_that_a_model_cannot_be_told_is_refused() -> None:
    def take(a: Annotated[int, annotated_types.Predicate(bool)]) -> None:
        """Take."""

    with pytest.raises(InvalidOption, match="cannot be told to a model"):
        Tool(take)


def test_a_field_as_a_default_is_refused_with_the_cure() -> None:
    def take(a: int = pydantic.Field(ge=0)) -> None:
        """Take."""

    with pytest.raises(InvalidOption, match=r"Annotated\[int, Field"):
        Tool(take)


def test_what_pydantic_refuses_is_told_to_the_model() -> None:
    def take(a: Address) -> None:
        """Take."""

    with pytest.raises(BadArguments, match=r"at \$\.a\.street"):
        Tool(take).build({"a": {"number": 1}})


# -- bounds ----------------------------------------------------------------------------------------


def test_a_call_of_an_open_response_never_runs_twice() -> None:
    from voxwire.protocol.codec import REALTIME
    from voxwire.tools.tracker import ToolBatches

    def look_up() -> str:
        """Look it up."""
        return ""

    batches = ToolBatches(ToolSet([look_up]))

    def done(number: int) -> list[Any]:
        item = {
            "type": "function_call",
            "id": f"i{number}",
            "call_id": f"c{number}",
            "name": "look_up",
            "arguments": "{}",
            "status": "completed",
        }
        frame = {"type": "response.output_item.done", "response_id": "r", "item": item}
        return batches.apply(REALTIME.decode(json.dumps(frame).encode())).run

    batches.apply(REALTIME.decode(b'{"type":"response.created","response":{"id":"r"}}'))
    ran = [call.call_id for number in range(MOST_CALLS + 100) for call in done(number)]
    assert len(ran) == MOST_CALLS
    assert done(0) == []
    assert done(MOST_CALLS + 50) == []


async def test_the_server_may_call_a_tool_with_half_a_character(server: Emulator) -> None:
    def look_up(name: str) -> str:
        """Look it up."""
        return name

    server.on("call it", call=Call("look_up", '{"name": "\\ud83d"}'))
    async with voxwire.connect(url=server.url, tools=[look_up], **TEXT) as session:
        assert (await asyncio.wait_for(session.say("call it"), 20)).status == "completed"
        assert (await asyncio.wait_for(session.say("hello"), 20)).status == "completed"
