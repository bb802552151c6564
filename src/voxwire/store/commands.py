"""What the owner of a session does for others: says, interrupts, changes, closes, and answers.

This module reads what was asked and calls the session's own methods. Who may ask is the store's
business: whoever may write to it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, cast

from voxwire_protocol import RealtimeSession

from ..errors import OwnershipLost, StoreError, VoxwireError
from ..session.core import log
from .base import Ask
from .owner import SessionOwner

__all__ = ["RemoteCommands", "answer_of", "body_of"]


def body_of(what: str, **given: Any) -> bytes:
    """What is asked, as it travels."""
    return json.dumps({"do": what, **given}, default=_plain, separators=(",", ":")).encode()


def answer_of(body: bytes) -> tuple[dict[str, Any] | None, str]:
    """What came of it; ``None`` and the reason where it was refused."""
    fields: Any = json.loads(body)
    if "error" in fields:
        return None, str(fields["error"])
    return cast("dict[str, Any]", fields["done"]), ""


def _plain(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    raise TypeError(f"{type(value).__name__} cannot travel through a store")


class RemoteCommands:
    """Does what is asked through the store, for one session of this process.

    Args:
        session: what is asked of it.
    """

    def __init__(self, keeper: SessionOwner, session: Any) -> None:
        self._keeper = keeper
        self._session = session
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener = asyncio.create_task(self._listen(), name="voxwire serving")

    async def close(self) -> None:
        """Stop listening. What is being done is answered, or ends with the session."""
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        own = {task for task in self._tasks if task is not asyncio.current_task()}
        if own:
            _, late = await asyncio.wait(own, timeout=1.0)
            for task in late:
                task.cancel()

    async def _listen(self) -> None:
        keeper = self._keeper
        while keeper.owned:
            waiting = asyncio.create_task(
                keeper.store.asked(keeper.lease, wait=keeper.lease.ttl / 3)
            )
            told = asyncio.create_task(keeper.asked.wait())
            try:
                await asyncio.wait([waiting, told], return_when=asyncio.FIRST_COMPLETED)
                if told.done() and not waiting.done():
                    # The store says that there is something, and has not told this process.
                    keeper.asked.clear()
                    self._take(await keeper.store.asked(keeper.lease, wait=0.0))
                self._take(await waiting)
            except OwnershipLost:  # by another process, or the keeper is claiming it again
                keeper.check()
                await asyncio.sleep(min(1.0, keeper.lease.ttl / 10))
            except StoreError:  # the keeper tells of it
                await asyncio.sleep(1.0)
            finally:
                waiting.cancel()
                told.cancel()
                await asyncio.gather(waiting, told, return_exceptions=True)

    def _take(self, asks: list[Ask]) -> None:
        for ask in asks:
            task = asyncio.create_task(self._do(ask), name="voxwire serving, one")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _do(self, ask: Ask) -> None:
        try:
            given: Any = json.loads(ask.body)
            do = _DOES.get(str(given.get("do")))
            if do is None:
                raise VoxwireError("the owner does not know how to do that")
            answer = {"done": await do(self._session, given)}
        except (
            VoxwireError,
            ValueError,
            TypeError,
        ) as error:  # who asked is told
            answer = {"error": str(error)}
        except Exception as error:  # whoever asked is told, and so is who runs the session
            log.exception("what was asked through the store failed")
            answer = {"error": f"{type(error).__name__}: {error}"}
        self._keeper.reply(ask.id, json.dumps(answer).encode())


async def _say(session: Any, given: Mapping[str, Any]) -> Any:
    options = dict(cast("Mapping[str, Any]", given.get("options") or {}))
    response = session.say(given["text"], **options)
    if given.get("wait", True):
        await response
    return {
        "id": response.id,
        "status": response.status,
        "text": "".join(response.text),
        "transcript": "".join(response.transcript),
    }


async def _interrupt(session: Any, given: Mapping[str, Any]) -> Any:
    await session.interrupt(given.get("played_ms"))
    return {}


async def _update(session: Any, given: Mapping[str, Any]) -> Any:
    await session.update(RealtimeSession.from_dict(dict(given["session"])))
    return {}


async def _close(session: Any, given: Mapping[str, Any]) -> Any:
    _later(session, session.close)
    return {}


async def _hand_over(session: Any, given: Mapping[str, Any]) -> Any:
    if not session.kept.held(int(given.get("fence", session.kept.fence))):
        return {}  # the owner of whom it was asked has left already
    _later(session, lambda: session.hand_over(timeout=float(given.get("timeout", 5.0))))
    return {}


def _later(session: Any, end: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """End the session when the answer is on its way, which the end waits for."""
    task = asyncio.create_task(end(), name="voxwire serving, the end")
    session.kept.ending = task


_DOES: Final = {
    "say": _say,
    "interrupt": _interrupt,
    "update": _update,
    "close": _close,
    "hand_over": _hand_over,
}
