"""Azure's two servers: the Realtime API of Azure OpenAI, and Voice Live.

This module knows their addresses, their keys and their ways. It opens no connection.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import re
from collections.abc import Mapping
from typing import Any, ClassVar, cast
from urllib.parse import urlencode, urlsplit

import attrs

from ...errors import InvalidOption
from ...protocol.session_format import FLAT, SessionFormat
from ..credentials import Credential, KeyForm
from ..url import Kind, is_local, opening
from .profile import ServerProfile

__all__ = ["Azure", "AzureVoiceLive"]


@attrs.frozen
class Azure(ServerProfile):
    """Azure OpenAI: ``Azure("my-resource", deployment="voice", credential=token_provider)``.

    Without a key and a credential, ``AZURE_OPENAI_API_KEY`` is used.
    """

    title: ClassVar[str] = "Azure OpenAI"
    variable: ClassVar[str] = "AZURE_OPENAI_API_KEY"
    domain: ClassVar[str] = "openai.azure.com"
    scope: ClassVar[str] = "https://cognitiveservices.azure.com/.default"

    resource: str
    """The name of the resource, or its endpoint (``https://my-resource.openai.azure.com``)."""
    deployment: str | None = attrs.field(default=None, kw_only=True)
    """The name that you gave to the deployed model; ``model=`` of ``connect`` is another word for
    it."""
    credential: Any = attrs.field(default=None, kw_only=True, repr=False)
    """For Entra ID: a function, plain or async, that gives a token, or a credential of the
    azure-identity package."""

    def address(self, kind: Kind, model: str | None, call_id: str | None) -> str:
        if model is not None and self.deployment is not None and model != self.deployment:
            raise InvalidOption(
                f"model={model!r} and deployment={self.deployment!r}: Azure finds the model by its "
                "deployment; leave model= out"
            )
        deployment = model or self.deployment
        if kind in ("realtime", "translation") and not deployment:
            raise InvalidOption(
                "Azure OpenAI wants the name of your deployment: Azure(..., deployment=...)"
            )
        return opening(
            self._endpoint() + "/openai/v1/realtime",
            kind=kind,
            model=model if kind == "call" else deployment,
            call_id=call_id,
            default_model=None,
        )

    def _endpoint(self) -> str:
        name = self.resource.strip().rstrip("/")
        if "://" in name:
            parts = urlsplit(name)
            return f"{parts.scheme}://{parts.netloc}"
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", name):
            return f"https://{name}.{self.domain}"
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", name):
            return f"https://{name}"
        raise InvalidOption(
            f"{self.resource!r} is no Azure resource: give its name, or its endpoint such as "
            f"https://my-resource.{self.domain}"
        )

    def proof(self) -> tuple[Credential | None, KeyForm]:
        if self.credential is not None:
            if self.api_key is not None:
                raise InvalidOption("api_key= and credential= exclude each other: leave one out")
            return _token(self.credential, self.scope), "bearer"
        host = urlsplit(self._endpoint()).hostname or ""
        key = self.api_key or (None if is_local(host) else os.environ.get(self.variable))
        if not key and not is_local(host):
            raise InvalidOption(
                f"no key for {self.title}: pass api_key= or credential=, or set {self.variable}"
            )
        return key or None, "api-key"


def _voice(voice: Any) -> Any:
    if not isinstance(voice, str):
        return voice
    return {"type": "azure-standard" if "-" in voice else "openai", "name": voice}


@attrs.frozen
class AzureVoiceLive(Azure):
    """Azure Voice Live: ``AzureVoiceLive("my-resource", model="gpt-realtime", credential=...)``.

    A voice with a hyphen in its name (``en-US-Ava:DragonHDLatestNeural``) is one of Azure's, any
    other one of OpenAI's. Without a key and a credential, ``AZURE_VOICELIVE_API_KEY`` is used.
    """

    title: ClassVar[str] = "Azure Voice Live"
    variable: ClassVar[str] = "AZURE_VOICELIVE_API_KEY"
    domain: ClassVar[str] = "services.ai.azure.com"
    scope: ClassVar[str] = "https://ai.azure.com/.default"
    kinds: ClassVar[frozenset[str]] = frozenset({"realtime"})
    shape: ClassVar[SessionFormat] = attrs.evolve(FLAT, voice=_voice)

    model: str | None = attrs.field(default=None, kw_only=True)
    """Which model answers, by its own name; Voice Live deploys it."""
    query: Mapping[str, str] = attrs.field(factory=dict[str, str], kw_only=True)
    """What else the address says, such as ``agent-id`` and ``agent-project-name``."""
    api_version: str = attrs.field(default="2026-07-15", kw_only=True)

    def address(self, kind: Kind, model: str | None, call_id: str | None) -> str:
        if self.deployment is not None:
            raise InvalidOption("Voice Live has no deployments: name the model with model=")
        if model is not None and self.model is not None and model != self.model:
            raise InvalidOption(
                f"model={model!r} and model={self.model!r} in server=: leave one of them out"
            )
        name = model or self.model
        if not name and not self.query:
            raise InvalidOption("Voice Live wants a model: AzureVoiceLive(..., model=...)")
        query = {"api-version": self.api_version, **self.query}
        return opening(
            f"{self._endpoint()}/voice-live/realtime?{urlencode(query)}",
            kind=kind,
            model=name,
            call_id=None,
            default_model=None,
        )


def _token(credential: Any, scope: str) -> Credential:
    """What gives tokens, of a credential as azure-identity has them, or of a function."""
    ask = getattr(credential, "get_token", None)
    if ask is None:
        if not callable(credential):
            raise InvalidOption(
                f"credential={type(credential).__name__}: give a function that gives a token, or "
                "a credential of azure-identity; a key goes into api_key="
            )
        return cast("Credential", credential)

    async def token() -> str:
        given: Any = await _asked(ask, scope)
        return str(given.token)

    return token


async def _asked(ask: Any, scope: str) -> Any:
    given = ask(scope) if inspect.iscoroutinefunction(ask) else await asyncio.to_thread(ask, scope)
    return await given if inspect.isawaitable(given) else given
