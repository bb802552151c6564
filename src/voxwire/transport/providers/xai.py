"""xAI's voice server.

This module knows its address, its key and its ways. It opens no connection.
"""

from __future__ import annotations

import os
from typing import ClassVar
from urllib.parse import urlsplit

import attrs

from ...errors import InvalidOption
from ...protocol.session_format import XAI as XAI_SHAPE
from ...protocol.session_format import SessionFormat
from ..credentials import Credential, KeyForm
from ..url import Kind, is_local, opening
from .profile import Capabilities, ServerProfile

__all__ = ["XAI"]


_ABILITIES = Capabilities(truncates=False, echoes_metadata=False)


@attrs.frozen(kw_only=True)
class XAI(ServerProfile):
    """xAI: ``connect(server=voxwire.XAI(), voice="ara")``.

    Without a key, ``XAI_API_KEY`` is used. What was heard cannot be told to this server, so an
    interruption only cancels. The model that it takes by default is its own choice.
    """

    title: ClassVar[str] = "xAI"
    kinds: ClassVar[frozenset[str]] = frozenset({"realtime"})
    shape: ClassVar[SessionFormat] = XAI_SHAPE

    base_url: str = "https://api.x.ai/v1"
    abilities: Capabilities = _ABILITIES

    def address(self, kind: Kind, model: str | None, call_id: str | None) -> str:
        return opening(
            self.base_url.rstrip("/") + "/realtime",
            kind=kind,
            model=model,
            call_id=None,
            default_model=None,
        )

    def proof(self) -> tuple[Credential | None, KeyForm]:
        local = is_local(urlsplit(self.base_url).hostname or "")
        key = self.api_key or (None if local else os.environ.get("XAI_API_KEY"))
        if not key and not local:
            raise InvalidOption("no key for xAI: pass api_key=, or set XAI_API_KEY")
        return key or None, "bearer"
