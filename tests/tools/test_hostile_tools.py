"""Any calls, any tools: each call is answered once, in a frame that can be written, and the session
goes on. The core without a socket, with the tasks that run tools."""

from __future__ import annotations

import asyncio
import datetime
import enum
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import annotated_types
import pydantic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import voxwire
from voxwire.session.core import Core
from voxwire.session.tool_tasks import ToolTasks
from voxwire.tools.tool import Tool
from voxwire.tools.toolset import ToolSet

NAMES = ("plain", "later", "hang", "deferred", "checked")


class Silent(BaseException):
    """Raises whenever somebody wants to know what it is."""

    def __str__(self) -> str:
        raise GeneratorExit

    __repr__ = __str__


class Liar:
    """Has no class, no length, no truth."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise KeyError("class")

    def __bool__(self) -> bool:
        raise ValueError("truth")

    def __len__(self) -> int:
        raise OSError("length")


class Dumps:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def model_dump(self, mode: str) -> Any:
        raise self.error


class Mood(enum.Enum):
    GOOD = 1
    BAD = "bad"
    NONE = None


@dataclass
class Share:
    of: int

    def __post_init__(self) -> None:
        self.value = 1 / self.of


class Visit(pydantic.BaseModel):
    day: datetime.date
    people: int = pydantic.Field(ge=1)


ERRORS: list[Callable[[], BaseException]] = [
    lambda: ValueError("no file called caf\udce9.txt"),
    lambda: voxwire.ToolError("\ud83d"),
    Silent,
    lambda: StopIteration(Silent()),
    lambda: GeneratorExit("\ud83d"),
    lambda: SystemExit(3),
    lambda: asyncio.CancelledError(),
    lambda: TimeoutError("of another server"),
    lambda: ExceptionGroup("several", [ValueError("\ud83d"), OSError()]),
    lambda: UnicodeEncodeError("utf-8", "\ud83d", 0, 1, "half"),
    RecursionError,
]


def cycle() -> Any:
    value: dict[str, Any] = {}
    value["self"] = [value]
    return value


def depth(size: int) -> Any:
    value: Any = "\ud83d"
    for number in range(size):
        value = [value] if number % 2 else {"inner": value}
    return value


any_text = st.text(st.characters(codec=None), max_size=8)
errors = st.sampled_from(ERRORS).map(lambda make: make())
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | any_text
    | st.binary(max_size=4)
    | st.datetimes()
    | st.builds(Liar)
    | st.builds(object)
    | errors.map(Dumps)
    | st.sampled_from(Mood)
    | st.builds(cycle)
    | st.sampled_from([100, 2000, 20_000]).map(depth)
    | st.just(range(3)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(any_text | st.integers() | st.none(), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=6,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcdx"), inner, max_size=4)
    ),
    max_leaves=8,
)
arguments = (
    any_text
    | st.dictionaries(st.sampled_from("abcdefx"), json_values, max_size=5).map(json.dumps)
    | st.sampled_from(
        [
            "",
            "{}",
            '{"a": ' * 2000 + "1" + "}" * 2000,
            "[" * 2000 + "]" * 2000,
            '{"a": "\\ud83d"}',
            '{"a": "\ud83d"}',
            '{"b": {"of": 0}}',
            '{"b": {"of": 2}}',
            '{"c": [[1], [2]]}',
            '{"c": [1, 1]}',
            '{"d": "bad", "e": {"day": "2026-01-01", "people": 2}}',
            '{"d": 1, "e": {"day": "2026-01-01", "people": 0}}',
            '{"f": -1}',
            '{"a": ' + "9" * 5000 + "}",
        ]
    )
)
calls = st.lists(
    st.tuples(
        st.sampled_from(NAMES) | any_text,
        arguments,
        st.sampled_from(["call_1", "call_2", "call_3", "call_\ud83d", ""]),
    ),
    min_size=1,
    max_size=5,
)


class Line:
    """A session without a socket, whose tools run."""

    def __init__(self, *tools: Tool[..., Any]) -> None:
        self.core = Core(tools=ToolSet(tools))
        self.tasks = ToolTasks(self.core, None, lambda: None)
        self.sent: list[dict[str, Any]] = []
        self.failed: list[voxwire.ToolFailed] = []
        self.core.router.subscribe((voxwire.ToolFailed,), self.failed.append)  # type: ignore[arg-type]

    def hear(self, type: str, **fields: Any) -> None:
        self.core.received(json.dumps({"type": type, "event_id": "event_1", **fields}))
        self.tasks.start_due()
        self.flush()

    def flush(self) -> None:
        outbox = self.core.outbox
        while outbox:
            event, frame = self.core.prepare(outbox.pop(0))
            self.core.sent(event, frame)
            self.sent.append(json.loads(frame))

    def outputs(self) -> list[dict[str, Any]]:
        items = [each["item"] for each in self.sent if each["type"] == "conversation.item.create"]
        return [item for item in items if item["type"] == "function_call_output"]

    def requests(self) -> int:
        return sum(each["type"] == "response.create" for each in self.sent)


def tools_of(result: Any, error: BaseException | None, left: threading.Event) -> list[Any]:
    def come() -> Any:
        if error is not None:
            raise error
        return result

    def plain(a: int = 0, b: Share | None = None, c: set[Any] | None = None) -> Any:
        """A plain function."""
        return come()

    async def later(d: Mood = Mood.GOOD, e: Visit | None = None) -> Any:
        """An async one."""
        return come()

    async def hang() -> None:
        """Cannot be cancelled."""
        while not left.is_set():
            try:
                await asyncio.sleep(0.02)
            except asyncio.CancelledError:
                continue

    async def work() -> Any:
        return come()

    def deferred() -> Any:
        """Answers later."""
        return voxwire.DeferredResult(work())

    def checked(f: Annotated[int, annotated_types.Ge(0)] = 0, a: Literal["x", 1] = "x") -> Any:
        """With limits."""
        return come()

    limits = {"hang": 0.05}
    functions = (plain, later, hang, deferred, checked)
    return [Tool(each, timeout=limits.get(each.__name__, 20.0)) for each in functions]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(calls=calls, result=values, error=st.none() | errors, silent=st.booleans())
def test_each_call_is_answered_once_and_the_session_goes_on(
    calls: list[tuple[str, str, str]], result: Any, error: BaseException | None, silent: bool
) -> None:
    asyncio.run(_converse(calls, result, error, silent))


async def _converse(
    calls: list[tuple[str, str, str]], result: Any, error: BaseException | None, silent: bool
) -> None:
    left = threading.Event()
    line = Line(*tools_of(result, error, left))
    line.core.respond(voxwire.ResponseCreate())
    line.flush()
    line.hear("response.created", response={"id": "resp_1", "conversation_id": "conv_1"})
    items = [
        {
            "type": "function_call",
            "id": f"item_{number}",
            "name": name,
            "arguments": given,
            "call_id": call_id,
            **({} if silent else {"status": "completed"}),
        }
        for number, (name, given, call_id) in enumerate(calls)
    ]
    for item in items:
        line.hear("response.output_item.done", response_id="resp_1", item=item)
    response = {"id": "resp_1", "conversation_id": "conv_1", "status": "completed", "output": items}
    line.hear("response.done", response=response)
    expected = {call_id for _, _, call_id in calls if call_id.isascii() and call_id}
    async with asyncio.timeout(60):
        while len(line.outputs()) < len(expected) or not line.core.turns.idle:
            if line.requests() > 1 and not line.core.turns.idle:
                number = line.requests()
                told = {"id": f"resp_{number}", "conversation_id": "conv_1"}
                line.hear("response.created", response=told)
                line.hear("response.done", response={**told, "status": "completed", "output": []})
            await asyncio.sleep(0.001)
            line.flush()
    answered = Counter(output["call_id"] for output in line.outputs())
    assert answered == Counter(expected)
    failures = Counter(event.call.call_id for event in line.failed)
    assert failures <= Counter(expected)
    by_id = {output["call_id"]: output["output"] for output in line.outputs()}
    for call_id, output in by_id.items():
        assert output.encode()[:0] == b""
        told = _error(output)
        if told in ("timeout", "invalid_output"):
            assert failures[call_id] == 1
        if told == "tool_failed" and not isinstance(error, voxwire.ToolError):
            assert failures[call_id] == 1
    line.core.respond(voxwire.ResponseCreate())
    line.flush()
    assert line.sent[-1]["type"] == "response.create"
    left.set()
    await line.tasks.close((), 20.0)


def _error(output: str) -> Any:
    try:
        told = json.loads(output)
    except (ValueError, RecursionError):
        return None
    return told.get("error") if isinstance(told, dict) else None
