"""Servers as values: where one is, what it wants as proof, how it writes, what it can do.

Each profile turns what a caller wants to open into a target to dial and a codec to speak with. This
module refuses what cannot work. It opens no connection.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from voxwire_protocol import Event

from ...errors import InvalidOption
from ...protocol.codec import REALTIME, TRANSLATION, Codec
from ...protocol.dialect import TRANSCRIPTION, Dialect, aliased
from ...protocol.redaction import redact_url, veiled
from ...protocol.session_format import CURRENT, FLAT, SessionFormat
from ..credentials import Credential, KeyForm
from ..url import DEFAULT_BASE_URL, DEFAULT_MODEL, Kind, Target, keyed, opening, target

__all__ = ["Capabilities", "OpenAI", "OpenAICompatible", "ServerProfile", "located"]

_KINDS: dict[str, str] = {
    "realtime": "conversations",
    "call": "calls to attach to",
    "transcription": "transcription sessions",
    "translation": "translation sessions",
}


def _veiled(key: Credential | None) -> Credential | None:
    return veiled(key)


@attrs.frozen(kw_only=True)
class Capabilities:
    """What a server can do, where servers differ. As it stands, what OpenAI can."""

    greets: bool = True
    """It sends ``session.created`` unasked. One that does not is not waited for."""
    acknowledges: bool = True
    """It answers ``session.update``. One that does not is not waited for."""
    truncates: bool = True
    """It understands ``conversation.item.truncate``. Without it, an interruption only cancels."""
    echoes_metadata: bool = True
    """It repeats a response's metadata. Without it, responses are told apart by their order."""
    takes_item_ids: bool = True
    """It keeps the ids that a client gives to items."""


@attrs.frozen(kw_only=True)
class ServerProfile:
    """A server to connect to: ``voxwire.connect(server=...)``. The base of all profiles."""

    title: ClassVar[str] = "the server"
    kinds: ClassVar[frozenset[str]] = frozenset(_KINDS)
    """What it offers."""
    shape: ClassVar[SessionFormat] = CURRENT

    api_key: Credential | None = attrs.field(default=None, repr=False, converter=_veiled)
    """A key, or a function, plain or async, that gives a fresh one for each connection."""
    aliases: Mapping[str, str | type[Event]] = attrs.field(factory=dict[str, Any])
    """The server's own names of events: name -> the wire name or the class that it means."""
    session: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    """The server's own settings, sent with each change of the session."""
    abilities: Capabilities = Capabilities()

    def address(self, kind: Kind, model: str | None, call_id: str | None) -> str:
        """The address that opens a session of this kind. Raises :class:`InvalidOption`."""
        raise NotImplementedError

    def proof(self) -> tuple[Credential | None, KeyForm]:
        """The key, from the profile or from the environment, and how this server takes it.

        Raises:
            InvalidOption: there is none, and the server wants one.
        """
        return self.api_key, "bearer"

    def headers(self) -> dict[str, str]:
        """Further headers for this server."""
        return {}

    def target(
        self,
        kind: Kind,
        *,
        model: str | None = None,
        call_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        insecure: bool = False,
    ) -> Target:
        """Where to dial, and with what. Raises :class:`InvalidOption` for what cannot work."""
        if kind not in self.kinds:
            raise InvalidOption(
                f"{self.title} has no {_KINDS[kind]}: use another server for that, "
                "such as server=voxwire.OpenAI()"
            )
        address = self.address(kind, model, call_id)
        given = {**self.headers(), **(headers or {})}
        key: Credential | None = None
        form: KeyForm = "bearer"
        if not {"authorization", "api-key"} & {name.lower() for name in given}:
            key, form = self.proof()
        return keyed(address, key, form=form, headers=given, insecure=insecure)

    def codec(self, kind: Kind) -> Codec:
        """How to speak with it in a session of this kind."""
        if kind == "translation":
            return TRANSLATION
        base = TRANSCRIPTION if kind == "transcription" else REALTIME
        own = self.abilities
        plain = own.echoes_metadata and own.takes_item_ids and self.shape is CURRENT
        if plain and not self.aliases and not self.session:
            return base
        return Dialect(
            base,
            aliases=aliased(self.aliases),
            shape=self.shape,
            session=self.session,
            echoes_metadata=own.echoes_metadata,
            takes_item_ids=own.takes_item_ids,
        )


@attrs.frozen(kw_only=True)
class OpenAI(ServerProfile):
    """OpenAI itself, or what stands before it.

    Without a key, ``OPENAI_API_KEY`` is used.
    """

    title: ClassVar[str] = "OpenAI"

    base_url: str | None = None
    """Else ``OPENAI_BASE_URL``, or ``https://api.openai.com/v1``."""
    organization: str | None = None
    """Else ``OPENAI_ORG_ID``."""
    project: str | None = None
    """Else ``OPENAI_PROJECT_ID``."""
    safety_identifier: str | None = None
    """Tells your users apart for OpenAI's checks: a hash of a name, not a name."""
    subprotocol: bool = False
    """Send the key as browsers do, as a subprotocol: for ephemeral keys."""

    def address(self, kind: Kind, model: str | None, call_id: str | None) -> str:
        base = self.base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL
        return opening(
            base.rstrip("/") + "/realtime",
            kind=kind,
            model=model,
            call_id=call_id,
            default_model=DEFAULT_MODEL,
        )

    def proof(self) -> tuple[Credential | None, KeyForm]:
        url = None if self.base_url is None else self.base_url.rstrip("/") + "/realtime"
        # Whether it may travel without TLS is said where it is used.
        known = target(api_key=self.api_key, url=url, insecure=True).secrets
        key = self.api_key or (known[0] if known else None)
        return key, "subprotocol" if self.subprotocol else "bearer"

    def headers(self) -> dict[str, str]:
        # The environment's account is at OpenAI, not at another address.
        known: Mapping[str, str] = os.environ if self.base_url is None else {}
        account = {
            "OpenAI-Organization": self.organization or known.get("OPENAI_ORG_ID"),
            "OpenAI-Project": self.project or known.get("OPENAI_PROJECT_ID"),
            "OpenAI-Safety-Identifier": self.safety_identifier,
        }
        return {name: value for name, value in account.items() if value}


@attrs.frozen
class OpenAICompatible(ServerProfile):
    """Any other server that speaks the protocol.

    It is sent no key but the one that is given here, and no model but the one that is named.
    """

    title: ClassVar[str] = "this server"

    url: str = attrs.field(repr=lambda url: repr(redact_url(url)))
    """The full address: ``wss://host/v1/realtime``."""
    flat: bool = attrs.field(default=False, kw_only=True)
    """It wants sessions in the flat shape of the beta."""
    key_form: KeyForm = attrs.field(default="bearer", kw_only=True)
    """As what it takes its key."""

    def address(self, kind: Kind, model: str | None, call_id: str | None) -> str:
        if self.flat and kind == "transcription":
            raise InvalidOption("flat=True: transcription sessions have the current shape only")
        return opening(self.url, kind=kind, model=model, call_id=call_id, default_model=None)

    def proof(self) -> tuple[Credential | None, KeyForm]:
        return self.api_key, self.key_form

    @property
    def shape(self) -> SessionFormat:  # type: ignore[override]  # for all others it is fixed
        """How it writes sessions."""
        return FLAT if self.flat else CURRENT


def located(
    kind: Kind,
    *,
    server: ServerProfile | None = None,
    model: str | None = None,
    call_id: str | None = None,
    api_key: Credential | None = None,
    url: str | None = None,
    headers: Mapping[str, str] | None = None,
    insecure: bool = False,
    url_name: str = "url",
) -> tuple[ServerProfile, Target]:
    """Who is meant by the arguments of a ``connect`` function, and where that is.

    Raises:
        InvalidOption: arguments that exclude each other, or that the server cannot serve.
    """
    if server is None:
        where = target(
            kind=kind,
            model=model,
            call_id=call_id,
            api_key=api_key,
            url=url,
            headers=headers,
            insecure=insecure,
            url_name=url_name,
        )
        return ServerProfile(), where
    if not isinstance(server, ServerProfile):
        raise InvalidOption(
            f"server={type(server).__name__}: give a profile such as voxwire.XAI(), "
            f"or the address as {url_name}="
        )
    if url is not None:
        raise InvalidOption(
            "server= and url= exclude each other: server= knows its address; for another one use "
            "url= alone, or server=voxwire.OpenAICompatible(url)"
        )
    if api_key is not None:
        if server.api_key is not None:
            raise InvalidOption(
                "two keys: one in api_key= and one in server=; leave one of them out"
            )
        server = attrs.evolve(server, api_key=api_key)
    where = server.target(kind, model=model, call_id=call_id, headers=headers, insecure=insecure)
    if not server.abilities.greets:
        where = attrs.evolve(where, greets=False)
    return server, where
