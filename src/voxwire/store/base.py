"""What a store is: the few things that a session needs of what outlives its process.

This module knows names, bytes and times. It knows no event, no session and no database.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

import attrs

from ..errors import InvalidOption

__all__ = [
    "Ask",
    "Batch",
    "Claim",
    "Entry",
    "Kind",
    "Lease",
    "Listed",
    "Store",
    "Stored",
    "check_id",
    "new_token",
    "unfinished",
]

Kind: TypeAlias = Literal["s2c", "c2s", "note"]
"""A frame that the server sent, one that the client sent, or a note of Voxwire's own."""


@attrs.frozen(kw_only=True)
class Entry:
    """One line of a session's log."""

    kind: Kind
    data: bytes
    """The frame, or the note: JSON."""
    at: float
    """When it was written, in seconds since 1970, by the writer's clock."""
    position: str = ""
    """Its place in the log, given by the store: to be handed back to :meth:`Store.read`."""
    number: int = 0
    """Counts the lines of the session from 1, given by the store: one that is missing is gone."""
    fence: int = 0
    """The fencing token of the owner that wrote it."""


@attrs.frozen(kw_only=True)
class Lease:
    """The right to write to a session. It lasts `ttl` seconds from each write on."""

    session_id: str
    owner: str
    """What the process calls itself, for people."""
    token: str = attrs.field(repr=False)
    """What it is known by: random, so that nobody else has it."""
    fence: int
    """The number of the claim. Each has a higher one than all before it, also where the store has
    lost those meanwhile: it counts on from the store's clock, in microseconds."""
    ttl: float


@attrs.frozen(kw_only=True)
class Claim:
    """A line of the fencing log."""

    fence: int
    owner: str
    at: float


@attrs.frozen(kw_only=True)
class Ask:
    """What somebody wants of the owner."""

    id: str
    body: bytes


@attrs.frozen(kw_only=True)
class Batch:
    """All that an owner writes at one moment: it is stored as a whole or not at all."""

    number: int
    """Counts up with each batch of a lease, from 1, and leaves none out: one that comes again is
    not stored twice, and one too high shows that the store has lost what came before it."""
    entries: Sequence[Entry] = ()
    snapshot: bytes | None = None
    """The state after these entries, in place of the one before."""
    replies: Mapping[str, bytes] = attrs.Factory(dict[str, bytes])
    """Answers to those who asked, by :attr:`Ask.id`."""


@attrs.frozen(kw_only=True)
class Stored:
    """What is known of a session. To restore it: `snapshot`, then all entries after `covers`."""

    session_id: str
    fence: int
    """The fencing token of the last claim."""
    owner: str | None
    """Who holds it now; ``None`` where the lease has run out or was released."""
    free_in: float
    """Seconds until the lease runs out; 0 where nobody holds it."""
    ended: bool
    """Whether it was closed on purpose, so that there is nothing to take over."""
    snapshot: bytes | None
    covers: str
    """The position up to which the snapshot tells all; empty where there is none."""
    first: str
    """The position of the oldest entry that is still there; empty where there is none."""
    last: str
    """The position of the newest entry; empty where there is none."""
    lines: int = 0
    """How many lines its log has had."""
    missing: int = 0
    """How many of those after `covers` the store has lost."""
    claims: Sequence[Claim] = ()
    """The fencing log: who has owned it, oldest first."""


@attrs.frozen(kw_only=True)
class Listed:
    """A line of the list of sessions."""

    session_id: str
    owner: str | None
    ended: bool
    at: float
    """When its owner last wrote, in seconds since 1970."""


class Store(Protocol):
    """Where sessions live beyond their process. Every method may be called from any number of
    processes; all but :meth:`close` raise :class:`StoreUnavailable` where the store does not
    answer, or cannot do what it is asked.

    Three hold on to a session by its lease: :meth:`write`, :meth:`asked` and :meth:`release`. They
    raise :class:`OwnershipLost` where somebody else has claimed it since, and :class:`StateLost`
    where the store has lost it, in whole or in part. Nothing is stored then.
    """

    async def claim(self, session_id: str, owner: str, *, ttl: float, new: bool = False) -> Lease:
        """Become the owner. With `new` the session must not be there, be ended, or have no line
        (its owner died before it had begun), and begins empty (else :class:`StoreError`);
        without, it must be there, and not be ended (else :class:`UnknownSession`). Raises
        :class:`SessionOwned` while another lease runs."""
        ...

    async def reclaim(self, lease: Lease) -> Lease:
        """Claim again what the store has lost, after :class:`StateLost`: with the same owner token
        and a higher fence. Raises :class:`OwnershipLost` where somebody has claimed it since."""
        ...

    async def write(self, lease: Lease, batch: Batch) -> bool:
        """Store a batch and renew the lease; tells whether somebody has asked for something."""
        ...

    async def release(self, lease: Lease, *, ended: bool) -> None:
        """Give the session up: `ended` for good, else for somebody to claim."""
        ...

    async def load(self, session_id: str) -> Stored:
        """What there is of a session; raises :class:`UnknownSession`."""
        ...

    async def read(
        self, session_id: str, after: str = "", *, limit: int = 500, wait: float = 0.0
    ) -> list[Entry]:
        """The next entries after a position, waiting up to `wait` seconds for the first of them."""
        ...

    async def sessions(self) -> list[Listed]:
        """All sessions that there are, the latest first."""
        ...

    async def ask(self, session_id: str, body: bytes, *, timeout: float) -> bytes:
        """Ask the owner for something, and wait for the answer. Raises :class:`NoOwner` where
        nobody holds the session, and :class:`WaitTimeout` where no answer came in time."""
        ...

    async def asked(self, lease: Lease, *, wait: float) -> list[Ask]:
        """Take what was asked, waiting up to `wait` seconds. Nothing is handed out twice."""
        ...

    async def forget(self, session_id: str) -> None:
        """Delete all that there is of a session. One that is not there is none."""
        ...

    async def close(self) -> None:
        """Close connections and files. What is called later opens them again."""
        ...


_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,199}")


def new_token() -> str:
    """The owner token of a claim."""
    return secrets.token_hex(16)


def check_id(session_id: str) -> str:
    """`session_id`, if a session can be called that; else raises :class:`InvalidOption`."""
    if not isinstance(session_id, str) or not _ID.fullmatch(session_id):
        raise InvalidOption(
            f"session_id={session_id!r}: say 1 to 200 letters, digits, or . _ : @ + -, "
            "beginning with a letter or a digit"
        )
    return session_id


def unfinished(session_id: str) -> str:
    """What to say to who wants to begin a session that is there and was not closed."""
    return (
        f"{session_id} is there already, and was not closed: resume() takes it over, "
        "store.forget() deletes it"
    )
