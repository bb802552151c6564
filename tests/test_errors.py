"""Exceptions as values: they are pickled, copied and compared, whatever their classes are made of.

Every exception class in the package is tried, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import multiprocessing
import pickle
import pkgutil
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import httpx
import pytest
from voxwire_protocol import ErrorEvent

import voxwire
from voxwire.emulator.api_errors import ApiError
from voxwire.http import RawResponse


def _exceptions() -> list[type[Exception]]:
    found: set[type[Exception]] = set()
    for module in pkgutil.walk_packages(voxwire.__path__, "voxwire."):
        if module.name.rpartition(".")[2] != "__main__":
            names = vars(importlib.import_module(module.name)).values()
            found |= {
                each
                for each in names
                if inspect.isclass(each)
                and issubclass(each, Exception)
                and each.__module__.startswith("voxwire")
            }
    return sorted(found, key=lambda each: each.__qualname__)


EXCEPTIONS = _exceptions()
EVENT = ErrorEvent.from_dict(
    {"type": "error", "event_id": "event_1", "error": {"type": "server_error", "message": "Busy"}}
)
# What the constructors take, by name.
PARTS: dict[str, Any] = {
    "body": "<html>",
    "close_code": 4000,
    "code": "rate_limit_exceeded",
    "cure": "write 1",
    "dropped": 3,
    "event": EVENT,
    "free_in": 1.5,
    "message": "no such model",
    "mistake": ApiError("invalid_value", "no such voice"),
    "owner": "worker-2",
    "param": "session.voice",
    "path": "$.session",
    "problem": "expected a number",
    "reason": "server_error",
    "response_id": "resp_1",
    "session_id": "sess_1",
    "status": "failed",
    "type": "invalid_request_error",
}


def _made(cls: type[Exception]) -> Exception:
    """One with a value in every attribute."""
    if inspect.isfunction(cls.__init__):
        names = [name for name in inspect.signature(cls.__init__).parameters if name != "self"]
        error = cls(**{name: PARTS[name] for name in names})
    else:  # Python's own, which takes the message
        error = cls("it went wrong")
    if isinstance(error, voxwire.HttpError):
        error.status, error.attempts, error.body = 503, 3, {"error": {"code": "busy"}}
        error.response = RawResponse(
            parsed=None,
            status=503,
            headers=httpx.Headers({"retry-after": "1"}),
            content=b"{}",
            request_id="req_1",
            method="POST",
            url="https://example.com/v1",
            attempts=3,
        )
    return error


def _raise(cls: type[Exception]) -> None:
    raise _made(cls)


@pytest.mark.parametrize("cls", EXCEPTIONS, ids=lambda cls: cls.__qualname__)
def test_an_exception_survives_pickling_and_copying(cls: type[Exception]) -> None:
    error = _made(cls)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is cls
        assert str(twin) == str(error)
        assert repr(twin) == repr(error)
        if issubclass(cls, voxwire.VoxwireError):
            assert twin == error
            assert vars(twin) == vars(error)
            assert hash(twin) == hash(error)
            assert len({twin, error}) == 1


def test_an_exception_comes_out_of_a_process_pool() -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        futures = {cls: pool.submit(_raise, cls) for cls in EXCEPTIONS}
        for cls, future in futures.items():
            error = future.exception(timeout=120)
            assert type(error) is cls, error
            assert str(error) == str(_made(cls))


def test_exceptions_are_compared_by_class_words_and_attributes() -> None:
    assert voxwire.ServerError(EVENT) == voxwire.ServerError(EVENT)
    assert voxwire.ConnectionClosedError(1006) != voxwire.ConnectionClosedError(1001)
    assert voxwire.SessionExpired(1001) != voxwire.ConnectionClosedError(1001)
    assert voxwire.ConnectTimeout("a") != voxwire.ConnectTimeout("b")
    assert voxwire.ToolError("a") != ValueError("a")
    one, other = voxwire.BadRequest("no"), voxwire.BadRequest("no")
    assert one == other
    other.code = "invalid_value"
    assert one != other


class _OfAProgram(voxwire.ToolError):
    """A class as a program derives it: with arguments of its own, and not all of them a message."""

    def __init__(self, order: int, *, retry: bool) -> None:
        super().__init__(f"order {order} cannot be changed")
        self.order = order
        self.retry = retry


def test_a_class_of_a_program_is_pickled_as_well() -> None:
    error = _OfAProgram(7, retry=True)
    error.add_note("seen twice")
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.order, twin.retry, str(twin)) == (7, True, "order 7 cannot be changed")
    assert twin.__notes__ == ["seen twice"]
    assert twin == error


def test_an_exception_can_be_compared_with_unhashable_arguments() -> None:
    error = voxwire.ToolError({"reason": ["closed"]})
    assert {error: 1}[pickle.loads(pickle.dumps(error))] == 1
