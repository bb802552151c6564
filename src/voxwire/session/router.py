"""Who hears which event: subscriptions by class, base class or wire name, and bounded mailboxes.

This module knows how to match an event with those who asked for it. It does no I/O, starts no task
and no thread: a face (asyncio or threads) gives each mailbox a function that wakes its reader.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import attrs
from voxwire_protocol import Event, UnknownEvent

from ..errors import InvalidOption, QueueOverflow
from ..protocol.constraints import misspelt
from ..protocol.local_event import LocalEvent, Overflow

__all__ = ["Key", "Mailbox", "Router", "Subscription"]

E = TypeVar("E", bound=Event)

Key: TypeAlias = "type[Event] | str"
"""What to subscribe to: an event class, a base class (:class:`ServerEvent`, :class:`ClientEvent`,
:class:`Event` for all), or a wire name such as ``"response.done"``."""

BACKLOG = 1024
"""How many events are kept for handlers that ask for what came before them."""

MAX_BYTES = 16 * 1024 * 1024
"""How many bytes of frames a queue of events holds; audio is what fills it."""

UNREAD_BYTES = 256 * 1024
"""The same for events that nobody has asked for yet, and perhaps nobody will: seconds of sound.
A thousand sessions whose programs listen in another way would else hold gigabytes of it."""

Sink: TypeAlias = Callable[[Any], None]


@attrs.define(eq=False)
class Subscription:
    """One listener. ``cancel()`` ends it; an event that is on its way may still arrive."""

    keys: tuple[Key, ...]
    sink: Sink
    ended: Callable[[Subscription], None] = attrs.field(repr=False)
    active: bool = True

    def cancel(self) -> None:
        """Stop listening. Calling it again does nothing."""
        if self.active:
            self.active = False
            self.ended(self)


class Router:
    """Hands each event to those who subscribed to it, in the order in which they subscribed.

    Args:
        names: wire name -> class, aliases included. A subscription by a name in it is one by class,
            so a beta spelling and its current name are the same subscription.
    """

    def __init__(self, names: Mapping[str, type[Event]]) -> None:
        self._names = names
        self._subscriptions: list[Subscription] = []
        # Matching walks all subscriptions, so its outcome is kept for each kind of event until
        # a subscription comes or goes.
        self._plans: dict[Any, tuple[Subscription, ...]] = {}
        self.changed: Callable[[], None] = _nothing
        """Called when who listens to what may have changed."""
        # What came before anybody listened, for the first who do.
        self._early: deque[tuple[Event, type[Event]]] | None = deque()
        self._early_lost = self._early_bytes = 0

    def subscribe(self, keys: tuple[Key, ...], sink: Sink) -> Subscription:
        """Call `sink` with each event that any of `keys` matches; raises :class:`InvalidOption`."""
        if not keys:
            raise InvalidOption("name at least one event class or wire name to listen to")
        subscription = Subscription(tuple(self.key(key) for key in keys), sink, self._remove)
        self._subscriptions.append(subscription)
        self._plans.clear()
        self.changed()
        return subscription

    def dispatch(self, event: Event, origin: type[Event]) -> None:
        """Give `event` to its listeners. `origin` is :class:`ServerEvent` for what was received,
        :class:`ClientEvent` for what is sent, the event's own class for a local one: an
        :class:`UnknownEvent` does not tell by itself from which side it came."""
        if self._early is not None:
            self._keep(self._early, event, origin)
        plan = self._plans.get(type(event))
        if plan is None:
            name = event.type if isinstance(event, UnknownEvent) else None
            plan = self._plan(type(event), origin, name)
        for subscription in plan:
            if subscription.active:
                subscription.sink(event)

    def _keep(
        self, early: deque[tuple[Event, type[Event]]], event: Event, origin: type[Event]
    ) -> None:
        early.append((event, origin))
        self._early_bytes += _weight(event)
        while len(early) > BACKLOG or (self._early_bytes > UNREAD_BYTES and len(early) > 1):
            self._early_bytes -= _weight(early.popleft()[0])
            self._early_lost += 1

    @property
    def keeps_early(self) -> bool:
        """Whether what came first is still kept, for :meth:`catch_up`."""
        return self._early is not None

    def catch_up(self, subscription: Subscription) -> int:
        """Give `subscription` what came before it, as far as it is kept: see :meth:`forget`.
        Returns how many early events were not kept, the first time that there is a number."""
        for event, origin in tuple(self._early or ()):  # a full queue adds an Overflow to them
            name = event.type if isinstance(event, UnknownEvent) else None
            if subscription.active and _matches(subscription, type(event), origin, name):
                subscription.sink(event)
        lost, self._early_lost = self._early_lost, 0
        return lost

    def forget(self) -> None:
        """Keep early events no longer: those who were to hear them have."""
        self._early = None
        self.changed()

    def heard(self, cls: type[Event], origin: type[Event], *, early: bool = True) -> bool:
        """Whether anybody listens for events of that class, or may yet come to hear those of now:
        see :meth:`catch_up`. `early` leaves out the latter."""
        if early and self._early is not None:
            return True
        plan = self._plans.get(cls)
        return bool(self._plan(cls, origin, None) if plan is None else plan)

    def _plan(
        self, cls: type[Event], origin: type[Event], name: str | None
    ) -> tuple[Subscription, ...]:
        # An unknown event tells by its class neither its name nor from which side it came.
        key = cls if cls is not UnknownEvent else (origin, name)
        plan = self._plans.get(key)
        if plan is None:
            plan = tuple(s for s in self._subscriptions if _matches(s, cls, origin, name))
            if len(self._plans) > 1024:  # a server may invent names without end
                self._plans.clear()
            self._plans[key] = plan
        return plan

    def _remove(self, subscription: Subscription) -> None:
        self._subscriptions.remove(subscription)
        self._plans.clear()
        self.changed()

    def key(self, key: Key) -> Key:
        """What `key` stands for: the class, where a wire name has one; raises `InvalidOption`.

        A server may have events of its own, so a name that is not known is taken as it is, unless
        it is all but one that is.
        """
        if isinstance(key, str):
            known = self._names.get(key)
            if known is None and (meant := misspelt(key, self._names)):
                raise InvalidOption(
                    f"unknown event {key!r}: did you mean {meant!r}? (For an event of this name "
                    "that a server has of its own: UnknownEvent, and look at its type.)"
                )
            return known or key
        if isinstance(key, type) and issubclass(key, Event):
            return key
        raise InvalidOption(
            f"cannot listen to {key!r}: give an event class such as ResponseDone, "
            'ServerEvent, or a wire name such as "response.done"'
        )


def _nothing() -> None:
    pass


def _matches(
    subscription: Subscription, cls: type[Event], origin: type[Event], name: str | None
) -> bool:
    for key in subscription.keys:
        if isinstance(key, str):
            if key == name:
                return True
        elif issubclass(cls, key) or key is origin:
            return True
    return False


class Mailbox(Generic[E]):
    """A bounded queue between the router and one reader.

    When it is full its oldest event makes room, and the reader finds an :class:`Overflow` in the
    place of what it lost (or a :class:`QueueOverflow` is raised, where it asked for that).

    Args:
        name: what the queue is called in an :class:`Overflow`.
        limit: how many events it holds.
        max_bytes: how many bytes of received frames it holds; audio is what fills it.
        wake: called when there is something to read where nothing was, and at the end.
        overflowed: called once each time it begins to overflow.
        strict: raise instead of handing out an :class:`Overflow`.
        optional: it may be that nobody ever reads it. Until somebody does, it holds some
            :data:`UNREAD_BYTES`; when it is full, all of it goes, and what comes is only counted.
            The first reader is told how much that was. `overflowed` is not called: nobody has lost
            anything yet.
    """

    __slots__ = (
        "_bytes", "_dropped", "_events", "_most", "_overflowed", "_unread", "_wake",
        "closed", "limit", "max_bytes", "name", "reason", "strict",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        *,
        limit: int = 1024,
        max_bytes: int = MAX_BYTES,
        wake: Callable[[], None],
        overflowed: Callable[[Overflow], None] | None = None,
        strict: bool = False,
        optional: bool = False,
    ) -> None:
        if limit < 1:
            raise InvalidOption(f"limit={limit}: a queue holds at least one event")
        self.name = name
        self.limit = limit
        self.max_bytes = max_bytes
        self._most = min(max_bytes, UNREAD_BYTES) if optional else max_bytes
        self.strict = strict
        self.closed = False
        self.reason: BaseException | None = None
        self._wake = wake
        self._overflowed = overflowed
        self._events: deque[E] = deque()
        self._bytes = 0
        self._dropped = 0
        self._unread = optional

    def __len__(self) -> int:
        return len(self._events) + (self._dropped > 0)

    def put(self, event: E) -> None:
        """Add an event; a closed mailbox takes no more."""
        if self.closed:
            return
        if self._unread and self._dropped and not isinstance(event, LocalEvent):
            self._dropped += 1  # of Voxwire's own events, such as the end, none is lost
            return
        events = self._events
        events.append(event)
        try:  # as _weight() does, without a call for each event of each queue
            size = len(event._frame)  # pyright: ignore[reportPrivateUsage]
        except AttributeError:  # as there
            size = 0
        self._bytes += size
        if len(events) == 1:
            self._wake()  # behind others it wakes nobody: whoever waited was woken by the first
        elif len(events) > self.limit or self._bytes > self._most:
            self._make_room()

    def _make_room(self) -> None:
        if self._unread:
            self._dropped += len(self._events)
            self._events.clear()
            self._bytes = 0
            return
        began = False
        while len(self._events) > self.limit or (
            self._bytes > self._most and len(self._events) > 1
        ):
            self._bytes -= _weight(self._events.popleft())
            began = began or self._dropped == 0
            self._dropped += 1
        if began and self._overflowed is not None:
            self._overflowed(Overflow(queue=self.name, dropped=self._dropped))

    def take(self) -> E | Overflow | None:
        """The next event; ``None`` when there is none now. Raises as `strict` asks."""
        if self._unread:
            self._unread, self._most = False, self.max_bytes
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            if self.strict:
                raise QueueOverflow(dropped)
            return Overflow(queue=self.name, dropped=dropped)
        if not self._events:
            return None
        event = self._events.popleft()
        if self._events:
            self._bytes -= _weight(event)
        else:
            self._bytes = 0
        return event

    def close(self, reason: BaseException | None = None) -> None:
        """Take no more events. What is queued can still be read; then a reader gets `reason`
        raised, or simply ends where there is none. The first call counts."""
        if not self.closed:
            self.closed = True
            self.reason = reason
            self._wake()


def _weight(event: Event) -> int:
    try:
        return len(event._frame)  # pyright: ignore[reportPrivateUsage]  # `raw` takes four times as long
    except AttributeError:  # built by hand: there is no frame
        return 0
