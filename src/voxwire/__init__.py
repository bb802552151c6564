"""Voxwire: a typed SDK for the Realtime API and the servers that speak its protocol.

``voxwire.connect(...)`` opens a session. All event classes and models of the protocol are here too:
``from voxwire import ResponseDone``. Names are imported when they are first used, so that
``import voxwire`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voxwire_protocol import *  # noqa: F403

    from . import http as http
    from . import sync as sync
    from . import telemetry as telemetry
    from .audio.devices import LocalAudio as LocalAudio
    from .audio.files import FileAudio as FileAudio
    from .audio.files import read_wav as read_wav
    from .audio.files import stream_wav as stream_wav
    from .audio.files import write_wav as write_wav
    from .audio.playback.playback import Playback as Playback
    from .audio.remote import RemoteAudio as RemoteAudio
    from .conversation.conversation import Conversation as Conversation
    from .conversation.local_events import ConversationInterrupted as ConversationInterrupted
    from .conversation.local_events import ConversationItemAppended as ConversationItemAppended
    from .conversation.local_events import ConversationItemCompleted as ConversationItemCompleted
    from .conversation.local_events import ConversationUpdated as ConversationUpdated
    from .conversation.pricing import Cost as Cost
    from .conversation.pricing import Price as Price
    from .conversation.pricing import SessionUsage as SessionUsage
    from .conversation.usage import Usage as Usage
    from .errors import AuthenticationError as AuthenticationError
    from .errors import ConnectError as ConnectError
    from .errors import ConnectionClosedError as ConnectionClosedError
    from .errors import ConnectRefused as ConnectRefused
    from .errors import ConnectTimeout as ConnectTimeout
    from .errors import InvalidEvent as InvalidEvent
    from .errors import InvalidOption as InvalidOption
    from .errors import NoOwner as NoOwner
    from .errors import OwnershipLost as OwnershipLost
    from .errors import PermissionDenied as PermissionDenied
    from .errors import ProxyError as ProxyError
    from .errors import QueueOverflow as QueueOverflow
    from .errors import RecordingError as RecordingError
    from .errors import ResponseFailedError as ResponseFailedError
    from .errors import ResponseTimeoutError as ResponseTimeoutError
    from .errors import ServerError as ServerError
    from .errors import SessionExpired as SessionExpired
    from .errors import SessionOwned as SessionOwned
    from .errors import StateLost as StateLost
    from .errors import SteeringRefused as SteeringRefused
    from .errors import StoreError as StoreError
    from .errors import StoreUnavailable as StoreUnavailable
    from .errors import ToolError as ToolError
    from .errors import UnknownSession as UnknownSession
    from .errors import UpgradeRejected as UpgradeRejected
    from .errors import VoxwireError as VoxwireError
    from .errors import WaitTimeout as WaitTimeout
    from .http import webhooks as webhooks
    from .http.calls import CallAnswer as CallAnswer
    from .http.client import AsyncClient as AsyncClient
    from .http.client import Client as Client
    from .http.errors import BadRequest as BadRequest
    from .http.errors import Conflict as Conflict
    from .http.errors import Forbidden as Forbidden
    from .http.errors import HttpConnectionError as HttpConnectionError
    from .http.errors import HttpError as HttpError
    from .http.errors import HttpProxyError as HttpProxyError
    from .http.errors import HttpStatusError as HttpStatusError
    from .http.errors import HttpTimeout as HttpTimeout
    from .http.errors import InternalServerError as InternalServerError
    from .http.errors import InvalidRequest as InvalidRequest
    from .http.errors import NotFound as NotFound
    from .http.errors import TooManyRequests as TooManyRequests
    from .http.errors import Unauthorized as Unauthorized
    from .http.errors import UnprocessableEntity as UnprocessableEntity
    from .http.errors import UnreadableAnswer as UnreadableAnswer
    from .http.responses import RawResponse as RawResponse
    from .http.retry import Backoff as Backoff
    from .http.webhooks import InvalidSignature as InvalidSignature
    from .protocol import legacy as legacy
    from .protocol.audio_format import Format as Format
    from .protocol.codec import Problem as Problem
    from .protocol.codec import extras as extras
    from .protocol.codec import is_valid as is_valid
    from .protocol.codec import problems as problems
    from .protocol.codec import rebuild as rebuild
    from .protocol.codec import validate as validate
    from .protocol.local_event import LocalEvent as LocalEvent
    from .protocol.local_event import Overflow as Overflow
    from .recording.recorder import Recorder as Recorder
    from .session.connect import Connect as Connect
    from .session.connect import attach as attach
    from .session.connect import connect as connect
    from .session.connect_media import ConnectTranscription as ConnectTranscription
    from .session.connect_media import ConnectTranslation as ConnectTranslation
    from .session.connect_media import connect_transcription as connect_transcription
    from .session.connect_media import connect_translation as connect_translation
    from .session.local_events import ConnectionClosed as ConnectionClosed
    from .session.local_events import HandlerFailed as HandlerFailed
    from .session.local_events import ObserverFailed as ObserverFailed
    from .session.local_events import Reconnected as Reconnected
    from .session.local_events import Reconnecting as Reconnecting
    from .session.local_events import ResponseTimedOut as ResponseTimedOut
    from .session.local_events import ToolFailed as ToolFailed
    from .session.local_events import ToolRoundsExceeded as ToolRoundsExceeded
    from .session.media_options import TranscriptionOptions as TranscriptionOptions
    from .session.media_options import TranslationOptions as TranslationOptions
    from .session.media_options import transcription_session as transcription_session
    from .session.media_options import translation_session as translation_session
    from .session.options import realtime_session as realtime_session
    from .session.reconnect.policy import Reconnect as Reconnect
    from .session.response import Response as Response
    from .session.response import SendReceipt as SendReceipt
    from .session.session import Session as Session
    from .session.transcription import Transcriber as Transcriber
    from .session.transcription import TranscriptLine as TranscriptLine
    from .session.translation import Translated as Translated
    from .session.translation import Translator as Translator
    from .store.base import Store as Store
    from .store.local_events import OwnerChanged as OwnerChanged
    from .store.local_events import Resumed as Resumed
    from .store.local_events import StoreFailed as StoreFailed
    from .store.local_events import StoreRecovered as StoreRecovered
    from .store.local_events import StoreReset as StoreReset
    from .store.observer import Observation as Observation
    from .store.observer import observe as observe
    from .store.options import StoreOptions as StoreOptions
    from .store.redis import RedisStore as RedisStore
    from .store.remote import RemoteAnswer as RemoteAnswer
    from .store.remote import RemoteSession as RemoteSession
    from .store.remote import remote as remote
    from .store.resume import resume as resume
    from .store.sqlite import SQLiteStore as SQLiteStore
    from .store.stored_session import StoredSession as StoredSession
    from .tools.deferred import DeferredResult as DeferredResult
    from .tools.mcp import McpApprovalRequested as McpApprovalRequested
    from .tools.tool import Call as Call
    from .tools.tool import Tool as Tool
    from .tools.tool import ToolContext as ToolContext
    from .tools.tool import tool as tool
    from .tools.toolset import ToolSet as ToolSet
    from .transport.providers.azure import Azure as Azure
    from .transport.providers.azure import AzureVoiceLive as AzureVoiceLive
    from .transport.providers.profile import Capabilities as Capabilities
    from .transport.providers.profile import OpenAI as OpenAI
    from .transport.providers.profile import OpenAICompatible as OpenAICompatible
    from .transport.providers.profile import ServerProfile as ServerProfile
    from .transport.providers.xai import XAI as XAI

# The one table of what this package itself offers; all other names are the protocol's.
_HOME = {
    "audio.devices": ("LocalAudio",),
    "audio.files": ("FileAudio", "read_wav", "stream_wav", "write_wav"),
    "audio.playback.playback": ("Playback",),
    "audio.remote": ("RemoteAudio",),
    "conversation.conversation": ("Conversation",),
    "conversation.local_events": (
        "ConversationInterrupted", "ConversationItemAppended", "ConversationItemCompleted",
        "ConversationUpdated",
    ),
    "conversation.pricing": ("Cost", "Price", "SessionUsage"),
    "conversation.usage": ("Usage",),
    "errors": (
        "AuthenticationError", "ConnectError", "ConnectRefused", "ConnectTimeout",
        "ConnectionClosedError", "InvalidEvent", "InvalidOption", "NoOwner", "OwnershipLost",
        "PermissionDenied", "ProxyError", "QueueOverflow", "RecordingError", "ResponseFailedError",
        "ResponseTimeoutError", "ServerError", "SessionExpired",
        "SessionOwned", "StateLost", "SteeringRefused", "StoreError", "StoreUnavailable",
        "ToolError", "UnknownSession", "UpgradeRejected", "VoxwireError", "WaitTimeout",
    ),
    "http.calls": ("CallAnswer",),
    "http.client": ("AsyncClient", "Client"),
    "http.errors": (
        "BadRequest", "Conflict", "Forbidden", "HttpConnectionError", "HttpError",
        "HttpProxyError", "HttpStatusError", "HttpTimeout", "InternalServerError",
        "InvalidRequest", "NotFound", "TooManyRequests", "Unauthorized", "UnprocessableEntity",
        "UnreadableAnswer",
    ),
    "http.responses": ("RawResponse",),
    "http.retry": ("Backoff",),
    "http.webhooks": ("InvalidSignature",),
    "protocol.audio_format": ("Format",),
    "protocol.codec": ("Problem", "extras", "is_valid", "problems", "rebuild", "validate"),
    "protocol.local_event": ("LocalEvent", "Overflow"),
    "recording.recorder": ("Recorder",),
    "session.connect": ("Connect", "attach", "connect"),
    "session.connect_media": (
        "ConnectTranscription", "ConnectTranslation", "connect_transcription",
        "connect_translation",
    ),
    "session.local_events": (
        "ConnectionClosed", "HandlerFailed", "ObserverFailed", "Reconnected", "Reconnecting",
        "ResponseTimedOut", "ToolFailed", "ToolRoundsExceeded",
    ),
    "session.media_options": (
        "TranscriptionOptions", "TranslationOptions", "transcription_session",
        "translation_session",
    ),
    "session.options": ("realtime_session",),
    "session.reconnect.policy": ("Reconnect",),
    "session.response": ("Response", "SendReceipt"),
    "session.session": ("Session",),
    "session.transcription": ("Transcriber", "TranscriptLine"),
    "session.translation": ("Translated", "Translator"),
    "store.base": ("Store",),
    "store.local_events": (
        "OwnerChanged", "Resumed", "StoreFailed", "StoreRecovered", "StoreReset",
    ),
    "store.observer": ("Observation", "observe"),
    "store.options": ("StoreOptions",),
    "store.redis": ("RedisStore",),
    "store.remote": ("RemoteAnswer", "RemoteSession", "remote"),
    "store.resume": ("resume",),
    "store.sqlite": ("SQLiteStore",),
    "store.stored_session": ("StoredSession",),
    "tools.deferred": ("DeferredResult",),
    "tools.mcp": ("McpApprovalRequested",),
    "tools.tool": ("Call", "Tool", "ToolContext", "tool"),
    "tools.toolset": ("ToolSet",),
    "transport.providers.azure": ("Azure", "AzureVoiceLive"),
    "transport.providers.profile": ("Capabilities", "OpenAI", "OpenAICompatible", "ServerProfile"),
    "transport.providers.xai": ("XAI",),
}  # fmt: skip
_MODULES = {name: module for module, names in _HOME.items() for name in names}
# What a program says the module of: voxwire.webhooks.unwrap.
_SUBMODULES = {
    "http": "http",
    "legacy": "protocol.legacy",
    "sync": "sync",
    "telemetry": "telemetry",
    "webhooks": "http.webhooks",
}

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is not None:
        value = getattr(import_module(f".{module}", __name__), name)
    elif name in _SUBMODULES:
        value = import_module(f".{_SUBMODULES[name]}", __name__)
    elif name == "__all__":
        value = sorted({*_MODULES, *import_module("voxwire_protocol").__all__})
    elif name.startswith("_"):
        raise AttributeError(f"module 'voxwire' has no attribute {name!r}")
    else:
        try:
            value = getattr(import_module("voxwire_protocol"), name)
        except AttributeError:
            raise AttributeError(f"module 'voxwire' has no attribute {name!r}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_SUBMODULES, *import_module("voxwire_protocol").__all__})
