"""Whatever happens in a tool, its call is answered once and the session goes on; and tools whose
types belong to pydantic or annotated-types."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import decimal
import enum
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, TypedDict

import annotated_types
import attrs
import jsonschema
import msgspec
import pydantic
import pytest
from voxwire_protocol import ConversationItemCreate, FunctionCallOutput

import voxwire
from voxwire.emulator import Call, Emulator
from voxwire.errors import InvalidEvent, InvalidOption
from voxwire.protocol.codec import REALTIME
from voxwire.session.tool_tasks import MOST_AT_ONCE
from voxwire.tools.adapters import BadArguments
from voxwire.tools.mcp import Approvals, Nothing
from voxwire.tools.runner import Outcome, run
from voxwire.tools.tool import Call as ToolCall
from voxwire.tools.tool import Tool, ToolContext
from voxwire.tools.toolset import ToolSet
from voxwire.tools.tracker import MOST_CALLS, ToolBatches

TEXT: Any = {"output_modalities": ["text"]}
HALF = "\udce9"


@pytest.fixture
async def server() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Wordless(BaseException):
    def __str__(self) -> str:
        raise GeneratorExit

    __repr__ = __str__


class Classless:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("no class")


def nested_groups() -> ExceptionGroup[Exception]:
    group: Any = ValueError("inside")
    for _ in range(3000):
        group = ExceptionGroup("around", [group])
    return group


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
    "an error without words or a name": raising(Wordless()),
    "an end of an iterator, without words": raising(StopIteration(Unprintable())),
    "errors in errors": raising(nested_groups()),
    "GeneratorExit": raising(GeneratorExit()),
    "SystemExit": raising(SystemExit(2)),
    "MemoryError": raising(MemoryError()),
    "an object without a class": Classless,
    "a generator": lambda: (number for number in range(3)),
    "a very long number": lambda: 10**400,
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
    tool = Tool(later if asynchronous else RESULTS[name], name="look_up", timeout=10)
    failed: list[voxwire.ToolFailed] = []
    async with voxwire.connect(url=server.url, tools=[tool], **TEXT) as session:
        session.on(voxwire.ToolFailed, failed.append)
        answer = await asyncio.wait_for(session.say("call it"), 30)
        again = await asyncio.wait_for(session.say("hello"), 30)
        outputs = [item for item in session.conversation if item.type == "function_call_output"]
    assert (answer.status, again.status) == ("completed", "completed")
    assert len(outputs) == 1
    told = '"error"' in (outputs[0].output or "")
    # A ToolError is for the model, and no failure.
    assert len(failed) == (told and "ToolError" not in name)


async def test_a_function_that_cannot_be_cancelled_is_answered_at_its_limit(
    server: Emulator,
) -> None:
    async def hang() -> None:
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()

    released = asyncio.Event()
    server.on("call it", call="hang", arguments={})
    failed: list[voxwire.ToolFailed] = []
    tool = Tool(hang, timeout=0.05)
    async with voxwire.connect(url=server.url, tools=[tool], **TEXT) as session:
        session.on(voxwire.ToolFailed, failed.append)
        assert (await asyncio.wait_for(session.say("call it"), 30)).status == "completed"
        assert (await asyncio.wait_for(session.say("hello"), 30)).status == "completed"
        outputs = [item.output or "" for item in session.conversation if item.output]
    assert [json.loads(output)["error"] for output in outputs] == ["timeout"]
    assert [type(event.exception) for event in failed] == [TimeoutError]
    released.set()
    await asyncio.sleep(0)


async def test_a_function_ends_its_own_business_when_the_session_is_closed(
    server: Emulator,
) -> None:
    ended = started = False

    async def hold() -> None:
        nonlocal started, ended
        started = True
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(0)
            ended = True

    server.on("call it", call="hold", arguments={})
    async with voxwire.connect(url=server.url, tools=[hold], **TEXT) as session:
        session.say("call it")
        while not started:
            await asyncio.sleep(0.01)
    assert ended


async def test_a_part_of_a_tool_may_close_the_session(server: Emulator) -> None:
    done: list[str] = []

    async def hang_up(context: ToolContext) -> str:
        await asyncio.gather(context.session.close())
        done.append("closed")
        return ""

    server.on("call it", call="hang_up", arguments={})
    async with voxwire.connect(url=server.url, tools=[hang_up], **TEXT) as session:
        session.say("call it")
        async with asyncio.timeout(30):
            async for _ in session:
                pass
    assert done == ["closed"]


async def test_answers_that_come_later_hold_up_no_other_call(server: Emulator) -> None:
    async def never() -> None:
        await asyncio.sleep(1000)

    def search() -> voxwire.DeferredResult:
        return voxwire.DeferredResult(never())

    def look_up() -> str:
        return "found"

    calls = tuple(Call("search", {}) for _ in range(MOST_AT_ONCE + 1))
    server.on("search", call=calls)
    server.on("look it up", call="look_up", arguments={})
    async with voxwire.connect(url=server.url, tools=[search, look_up], **TEXT) as session:
        await asyncio.wait_for(session.say("search"), 60)
        await asyncio.wait_for(session.say("look it up"), 60)
        assert "found" in [item.output for item in session.conversation]


async def test_one_later_answer_may_be_for_several_calls(server: Emulator) -> None:
    ran: list[int] = []

    async def find() -> str:
        ran.append(1)
        await asked.wait()
        return "found"

    asked = asyncio.Event()
    shared = voxwire.DeferredResult(find())
    server.on("search", call=(Call("search", {}), Call("search", {})))
    tool = Tool(lambda: shared, name="search")
    async with voxwire.connect(url=server.url, tools=[tool], **TEXT) as session:
        await asyncio.wait_for(session.say("search"), 30)
        asked.set()
        async with asyncio.timeout(30):
            while [item.output for item in session.conversation].count("found") < 2:
                await asyncio.sleep(0.01)
    assert ran == [1]


@pytest.mark.parametrize("error", [GeneratorExit(), SystemExit(1), Wordless(), ValueError(HALF)])
async def test_work_that_comes_later_is_answered_whatever_it_raises(
    server: Emulator, error: BaseException
) -> None:
    async def fail() -> None:
        raise error

    server.on("search", call="search", arguments={})
    tool = Tool(lambda: voxwire.DeferredResult(fail()), name="search")
    async with voxwire.connect(url=server.url, tools=[tool], **TEXT) as session:
        async with session.expect(voxwire.ToolFailed, timeout=30) as failed:
            await asyncio.wait_for(session.say("search"), 30)
        assert (await failed).exception is error
        async with asyncio.timeout(30):
            while not any(item.output for item in session.conversation):
                await asyncio.sleep(0.01)


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


@dataclasses.dataclass
class Part:
    count: Annotated[int, annotated_types.Ge(1)]
    parts: list[Part] = dataclasses.field(default_factory=list)


class Place(NamedTuple):
    row: Annotated[int, annotated_types.Lt(10)]
    name: str = "aisle"


class Options(TypedDict):
    code: NotRequired[Annotated[str, annotated_types.Len(2, 3)]]


@attrs.frozen
class Box:
    weight: Annotated[decimal.Decimal, annotated_types.Gt(0)]


class Pair(msgspec.Struct):
    both: tuple[Annotated[int, annotated_types.MultipleOf(3)], str]


Aware = Annotated[datetime.datetime, annotated_types.Timezone(...)]
Naive = Annotated[datetime.datetime, annotated_types.Timezone(None)]
OrdinaryId = NewType("OrdinaryId", int)


@pytest.mark.parametrize(
    ("hint", "good", "bad", "where"),
    [
        (Part, {"count": 1}, {"count": 0}, "int >= 1 - at $.a.count"),
        (Part, {"count": 1, "parts": [{"count": 1}]}, {"count": 1, "parts": [{"count": 0}]},
         "int >= 1 - at $.a.parts[0].count"),
        (Place, [9], [10], "int < 10 - at $.a.row"),
        (Options, {"code": "ab"}, {"code": "abcd"}, "str of length <= 3 - at $.a.code"),
        (Box, {"weight": "1.5"}, {"weight": "0"}, "Decimal > 0 - at $.a.weight"),
        (Pair, {"both": [3, "x"]}, {"both": [4, "x"]}, "a multiple of 3 - at $.a.both[0]"),
        (dict[str, Part], {"x": {"count": 1}}, {"x": {"count": 0}}, "int >= 1 - at $.a.x.count"),
        (Annotated[int, annotated_types.Ge(1)] | Literal["all"] | None, "all", 0, "int >= 1"),
        (Annotated[int | None, annotated_types.Ge(1)], None, 0, "int >= 1 - at $.a"),
        (Annotated[str, annotated_types.Predicate(str.islower)], "a", "A", "satisfies islower"),
        (Annotated[str, annotated_types.Not(str.islower)], "A", "a", "does not satisfy islower"),
        (Annotated[bytes, annotated_types.MaxLen(1)], "AA==", "AAAA", "bytes of length <= 1"),
        (Aware, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "with a time zone"),
        (Naive, "2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "without a time zone"),
        (Annotated[float, annotated_types.MultipleOf(0.5)], 1.5, 0.7, "a multiple of 0.5"),
        (OrdinaryId, 5, "x", "int"),
    ],
)  # fmt: skip
async def test_constraints_hold_at_any_depth(hint: Any, good: Any, bad: Any, where: str) -> None:
    def take(a: Any) -> None:
        """Take."""

    take.__annotations__["a"] = hint
    schema = Tool(take).parameters
    jsonschema.validate({"a": good}, schema)
    assert (await _run(take, json.dumps({"a": good}))).output == "null"
    told = json.loads((await _run(take, json.dumps({"a": bad}))).output)
    assert told["error"] == "invalid_arguments"
    assert where in told["message"]


def test_what_json_schema_has_no_word_for_is_described() -> None:
    def take(
        a: Annotated[decimal.Decimal, "A price.", annotated_types.Ge(0)],
        b: Annotated[float, annotated_types.Unit("m")],
        c: Annotated[int, annotated_types.doc("How many.")],
    ) -> None:
        """Take."""

    properties = Tool(take).parameters["properties"]
    said = {name: schema["description"] for name, schema in properties.items()}
    assert said == {"a": "A price.; >= 0", "b": "in m", "c": "How many."}


@dataclasses.dataclass
class Trip:
    """A standard class with types of pydantic in it."""

    to: Address
    seats: Annotated[int, pydantic.Field(ge=1)] = 1


@pydantic.dataclasses.dataclass
class Ticket:
    seats: int = pydantic.Field(ge=1)


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)

    day: datetime.date
    tags: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("hint", "good", "bad", "where"),
    [
        (Trip, {"to": {"street": "x", "number": 1}}, {"to": {"street": "x", "number": 0}},
         "at $.a.to.number"),
        (Trip, {"to": {"street": "x", "number": 1}, "seats": 2},
         {"to": {"street": "x", "number": 1}, "seats": 0}, "at $.a.seats"),
        (Ticket, {"seats": 1}, {"seats": 0}, "at $.a.seats"),
        (Strict, {"day": "2026-01-01", "tags": ["x"]}, {"day": 1}, "at $.a.day"),
        (list[Address], [], [{"street": "x"}], "at $.a[0].number"),
        (pydantic.PositiveInt, 1, 0, "at $.a"),
        (Annotated[str, pydantic.StringConstraints(min_length=2)], "ab", "a", "at $.a"),
    ],
)  # fmt: skip
async def test_pydantic_reads_whatever_has_a_type_of_its_own_in_it(
    hint: Any, good: Any, bad: Any, where: str
) -> None:
    def take(a: Any) -> None:
        """Take."""

    take.__annotations__["a"] = hint
    jsonschema.validate({"a": good}, Tool(take).parameters)
    assert (await _run(take, json.dumps({"a": good}))).output == "null"
    told = json.loads((await _run(take, json.dumps({"a": bad}))).output)
    assert told["error"] == "invalid_arguments"
    assert where in told["message"]


async def test_the_default_in_a_field_is_the_parameters() -> None:
    def take(
        a: Annotated[int, pydantic.Field(default=3)],
        b: Annotated[list[int], pydantic.Field(default_factory=list)],
    ) -> list[Any]:
        """Take."""
        return [a, b]

    assert "required" not in Tool(take).parameters
    assert (await _run(take, "{}")).output == "[3,[]]"
    assert (await _run(take, '{"a": 4, "b": [1]}')).output == "[4,[1]]"


async def test_a_model_is_not_told_of_more_errors_than_it_can_read() -> None:
    def take(a: list[Address]) -> None:
        """Take."""

    told = json.loads((await _run(take, json.dumps({"a": [{}] * 1000}))).output)
    assert "and 1992 more" in told["message"]
    assert len(told["message"]) <= 500


def test_two_classes_of_one_name_are_two_definitions() -> None:
    def make(kind: Any) -> Any:
        class Item(pydantic.BaseModel):
            value: kind

        return Item

    def take(a: Any, b: Any) -> None:
        """Take."""

    take.__annotations__ |= {"a": list[make(int)], "b": list[make(str)]}  # type: ignore[misc]
    schema = Tool(take).parameters
    jsonschema.validate({"a": [{"value": 1}], "b": [{"value": "x"}]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"a": [{"value": 1}], "b": [{"value": 1}]}, schema)


@pytest.mark.parametrize("hint", [list[int] | set[int], datetime.datetime | datetime.date])
def test_a_type_that_cannot_be_read_is_refused_when_the_tool_is_made(hint: Any) -> None:
    def take(a: Any) -> None:
        """Take."""

    take.__annotations__["a"] = hint
    with pytest.raises(InvalidOption, match=r"take: .* is not supported"):
        Tool(take)


def test_enumerations_of_several_kinds_are_read_in_lists_and_with_none() -> None:
    def take(a: list[Mixed] | None = None, b: dict[str, Mixed] | None = None) -> None:
        """Take."""

    built = Tool(take).build({"a": ["two", 1], "b": {"x": 1}})
    assert built == {"a": [Mixed.TWO, Mixed.ONE], "b": {"x": Mixed.ONE}}
    with pytest.raises(BadArguments, match=r"Expected one of 1, 'two', got 2 - at \$\.a\[0\]"):
        Tool(take).build({"a": [2]})


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


class Batches:
    """The calls of one connection, by the frames about them."""

    def __init__(self) -> None:
        def look_up() -> str:
            """Look it up."""
            return ""

        self.batches = ToolBatches(ToolSet([look_up]))

    def hear(self, type: str, **fields: Any) -> list[str]:
        work = self.batches.apply(REALTIME.decode(json.dumps({"type": type, **fields}).encode()))
        return [call.call_id for call in work.run]

    def begin(self, id: str) -> None:
        self.hear("response.created", response={"id": id})

    def call(self, number: int, response_id: str = "r") -> list[str]:
        item = {
            "type": "function_call",
            "id": f"i{number}",
            "call_id": f"c{number}",
            "name": "look_up",
            "arguments": "{}",
            "status": "completed",
        }
        return self.hear("response.output_item.done", response_id=response_id, item=item)


def test_a_call_of_an_open_response_never_runs_twice(caplog: pytest.LogCaptureFixture) -> None:
    line = Batches()
    line.begin("r")
    ran = [call_id for number in range(MOST_CALLS + 100) for call_id in line.call(number)]
    assert len(ran) == MOST_CALLS
    assert line.call(0) == []
    assert line.call(MOST_CALLS + 50) == []
    assert len(caplog.records) == 1
    assert "no more of response" in caplog.text


def test_many_calls_of_other_responses_do_not_let_one_run_again() -> None:
    line = Batches()
    line.begin("long")
    assert line.call(0, "long") == ["c0"]
    for number in range(1, 3 * MOST_CALLS):
        line.begin(f"r{number}")
        assert line.call(number, f"r{number}") == [f"c{number}"]
        line.hear("response.done", response={"id": f"r{number}", "status": "completed"})
        line.batches.answered(ToolCall(name="look_up", arguments="", call_id=f"c{number}"), "")
        assert line.call(0, "long") == []


def test_an_answer_that_comes_after_many_other_calls_is_sent() -> None:
    line = Batches()
    line.begin("r")
    line.call(0)
    line.hear("response.done", response={"id": "r", "status": "completed"})
    late = ToolCall(name="look_up", arguments="", call_id="c0")
    line.batches.postponed(late)
    for number in range(1, 3 * MOST_CALLS):
        line.begin(f"r{number}")
        line.call(number, f"r{number}")
        line.hear("response.done", response={"id": f"r{number}", "status": "completed"})
        line.batches.answered(ToolCall(name="look_up", arguments="", call_id=f"c{number}"), "")
    assert line.batches.answered(late, "at last").send


@pytest.mark.parametrize("kind", ["responses", "calls", "drafts", "listed", "outputs", "again"])
def test_what_a_server_never_ends_has_a_bound(kind: str) -> None:
    line = Batches()
    line.begin("r")
    for number in range(100_000):
        if kind == "responses":
            line.begin(f"r{number}")
            line.call(number, f"r{number}")
        elif kind == "calls":
            line.call(number, f"r{number % 30}")
        elif kind == "drafts":
            line.hear("response.function_call_arguments.done", item_id=f"i{number}", arguments="{}")
        elif kind == "listed":
            item = {"type": "function_call", "id": f"i{number}", "name": "a", "arguments": ""}
            line.hear("conversation.item.added", item=item)
        elif kind == "outputs":
            output = FunctionCallOutput(call_id=f"c{number}", output="")
            line.batches.apply(ConversationItemCreate(item=output))
        else:
            line.begin("r")
            line.call(number, "r")
    known = line.batches
    held = [known._seen, known._answered, known._listed, known._batches]  # pyright: ignore
    assert max(map(len, held)) <= 2 * MOST_CALLS + 1
    assert sum(len(batch._drafts) for batch in known._batches.values()) <= MOST_CALLS  # pyright: ignore


def test_a_request_for_approval_is_told_and_answered_once_however_many_there_are() -> None:
    approvals = Approvals()
    sent: list[ConversationItemCreate] = []

    async def send(event: ConversationItemCreate) -> None:
        sent.append(event)

    def hear(number: int) -> list[Any]:
        item = {
            "type": "mcp_approval_request",
            "id": f"i{number}",
            "server_label": "s",
            "name": "n",
            "arguments": "{}",
        }
        frame = {"type": "conversation.item.done", "event_id": "e", "item": item}
        return approvals.apply(REALTIME.decode(json.dumps(frame).encode()))

    approvals.send = send
    (first,) = hear(0)
    with contextlib.closing(first.approve()):
        pass
    for number in range(1, 5000):
        (request,) = hear(number)
        assert hear(number) == []
    assert isinstance(first.approve(), Nothing)
    with pytest.raises(InvalidEvent, match=r"\$\.item\.reason.*half a character"):
        request.reject("\ud83d")
    refusal: Any = request.reject("no")
    assert not isinstance(refusal, Nothing)
    refusal.close()
    approvals.leave()
    assert isinstance(request.approve(), Nothing)


async def test_what_cannot_be_sent_after_all_is_sent_with_nothing_of_it(server: Emulator) -> None:
    content = [{"type": "input_text", "text": "x"}]
    item: Any = {"type": "message", "role": "user", "content": content}
    async with voxwire.connect(url=server.url, **TEXT) as session:
        before = session.say("first")
        changed = session.say(item)
        after = session.say("last")
        content[0]["text"] = "\ud83d"  # while it waits for its turn
        with pytest.raises(InvalidEvent, match="half a character"):
            await asyncio.wait_for(changed, 20)
        assert (await asyncio.wait_for(before, 20)).status == "completed"
        assert (await asyncio.wait_for(after, 20)).status == "completed"
        assert len(session.conversation) == 4


async def test_the_server_may_call_a_tool_with_half_a_character(server: Emulator) -> None:
    def look_up(name: str) -> str:
        """Look it up."""
        return name

    server.on("call it", call=Call("look_up", '{"name": "\\ud83d"}'))
    async with voxwire.connect(url=server.url, tools=[look_up], **TEXT) as session:
        assert (await asyncio.wait_for(session.say("call it"), 20)).status == "completed"
        assert (await asyncio.wait_for(session.say("hello"), 20)).status == "completed"
