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
    from . import legacy as legacy
    from . import sync as sync
    from . import telemetry as telemetry
    from . import webhooks as webhooks
    from .approvals import McpApprovalRequested as McpApprovalRequested
    from .audio.files import FileAudio as FileAudio
    from .audio.formats import Format as Format
    from .audio.local import LocalAudio as LocalAudio
    from .audio.remote import RemoteAudio as RemoteAudio
    from .audio.wav import read_wav as read_wav
    from .audio.wav import stream_wav as stream_wav
    from .audio.wav import write_wav as write_wav
    from .codec.codec import Problem as Problem
    from .codec.codec import extras as extras
    from .codec.codec import is_valid as is_valid
    from .codec.codec import problems as problems
    from .codec.codec import rebuild as rebuild
    from .codec.codec import validate as validate
    from .connecting import Connect as Connect
    from .connecting import attach as attach
    from .connecting import connect as connect
    from .conversation.conversation import Conversation as Conversation
    from .conversation.events import ConversationInterrupted as ConversationInterrupted
    from .conversation.events import ConversationItemAppended as ConversationItemAppended
    from .conversation.events import ConversationItemCompleted as ConversationItemCompleted
    from .conversation.events import ConversationUpdated as ConversationUpdated
    from .conversation.usage import Usage as Usage
    from .costs import Cost as Cost
    from .costs import Price as Price
    from .costs import SessionUsage as SessionUsage
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
    from .errors import QueueOverflow as QueueOverflow
    from .errors import RecordingError as RecordingError
    from .errors import ServerError as ServerError
    from .errors import SessionExpired as SessionExpired
    from .errors import SessionOwned as SessionOwned
    from .errors import SteeringRefused as SteeringRefused
    from .errors import StoreError as StoreError
    from .errors import StoreUnavailable as StoreUnavailable
    from .errors import ToolError as ToolError
    from .errors import UnknownSession as UnknownSession
    from .errors import UpgradeRejected as UpgradeRejected
    from .errors import VoxwireError as VoxwireError
    from .errors import WaitTimeout as WaitTimeout
    from .events import ConnectionClosed as ConnectionClosed
    from .events import HandlerFailed as HandlerFailed
    from .events import LocalEvent as LocalEvent
    from .events import Overflow as Overflow
    from .events import Reconnected as Reconnected
    from .events import Reconnecting as Reconnecting
    from .events import ToolFailed as ToolFailed
    from .handles import Receipt as Receipt
    from .handles import Response as Response
    from .http.answers import RawResponse as RawResponse
    from .http.calling import CallAnswer as CallAnswer
    from .http.client import AsyncClient as AsyncClient
    from .http.client import Client as Client
    from .http.errors import BadRequest as BadRequest
    from .http.errors import Conflict as Conflict
    from .http.errors import Forbidden as Forbidden
    from .http.errors import HttpConnectionError as HttpConnectionError
    from .http.errors import HttpError as HttpError
    from .http.errors import HttpStatusError as HttpStatusError
    from .http.errors import HttpTimeout as HttpTimeout
    from .http.errors import InternalServerError as InternalServerError
    from .http.errors import InvalidRequest as InvalidRequest
    from .http.errors import NotFound as NotFound
    from .http.errors import TooManyRequests as TooManyRequests
    from .http.errors import Unauthorized as Unauthorized
    from .http.errors import UnprocessableEntity as UnprocessableEntity
    from .http.errors import UnreadableAnswer as UnreadableAnswer
    from .http.retrying import Backoff as Backoff
    from .keeping.events import OwnerChanged as OwnerChanged
    from .keeping.events import Resumed as Resumed
    from .keeping.events import StoreFailed as StoreFailed
    from .keeping.events import StoreRecovered as StoreRecovered
    from .keeping.kept import Kept as Kept
    from .keeping.options import Storing as Storing
    from .kinds.connecting import ConnectTranscription as ConnectTranscription
    from .kinds.connecting import ConnectTranslation as ConnectTranslation
    from .kinds.connecting import connect_transcription as connect_transcription
    from .kinds.connecting import connect_translation as connect_translation
    from .kinds.lines import Line as Line
    from .kinds.settings import TranscriptionOptions as TranscriptionOptions
    from .kinds.settings import TranslationOptions as TranslationOptions
    from .kinds.settings import transcription_session as transcription_session
    from .kinds.settings import translation_session as translation_session
    from .kinds.transcribing import Transcriber as Transcriber
    from .kinds.translating import Translated as Translated
    from .kinds.translating import Translator as Translator
    from .observing import Observation as Observation
    from .observing import observe as observe
    from .options import realtime_session as realtime_session
    from .playback.playback import Playback as Playback
    from .reconnect import Reconnect as Reconnect
    from .recording.recorder import Recorder as Recorder
    from .resuming import resume as resume
    from .servers.azure import Azure as Azure
    from .servers.azure import AzureVoiceLive as AzureVoiceLive
    from .servers.profiles import Abilities as Abilities
    from .servers.profiles import Compatible as Compatible
    from .servers.profiles import OpenAI as OpenAI
    from .servers.profiles import ServerProfile as ServerProfile
    from .servers.xai import XAI as XAI
    from .session import Session as Session
    from .steering import Answer as Answer
    from .steering import Steering as Steering
    from .steering import steer as steer
    from .store.file import FileStore as FileStore
    from .store.interface import Store as Store
    from .store.redis import RedisStore as RedisStore
    from .tools.later import Later as Later
    from .tools.tool import Call as Call
    from .tools.tool import Tool as Tool
    from .tools.tool import ToolContext as ToolContext
    from .tools.tool import tool as tool
    from .tools.toolset import ToolSet as ToolSet
    from .webhooks import InvalidSignature as InvalidSignature

# The one table of what this package itself offers; all other names are the protocol's.
_HOME = {
    "approvals": ("McpApprovalRequested",),
    "servers.azure": ("Azure", "AzureVoiceLive"),
    "codec": ("Problem", "extras", "is_valid", "problems", "rebuild", "validate"),
    "connecting": ("Connect", "attach", "connect"),
    "conversation": ("Conversation",),
    "conversation.events": (
        "ConversationInterrupted", "ConversationItemAppended", "ConversationItemCompleted",
        "ConversationUpdated",
    ),
    "conversation.usage": ("Usage",),
    "costs": ("Cost", "Price", "SessionUsage"),
    "errors": (
        "AuthenticationError", "ConnectError", "ConnectRefused", "ConnectTimeout",
        "ConnectionClosedError", "InvalidEvent", "InvalidOption", "NoOwner", "OwnershipLost",
        "PermissionDenied", "QueueOverflow", "RecordingError", "ServerError", "SessionExpired",
        "SessionOwned", "SteeringRefused", "StoreError", "StoreUnavailable", "ToolError",
        "UnknownSession", "UpgradeRejected", "VoxwireError", "WaitTimeout",
    ),
    "events": (
        "ConnectionClosed", "HandlerFailed", "LocalEvent", "Overflow", "Reconnected",
        "Reconnecting", "ToolFailed",
    ),
    "handles": ("Receipt", "Response"),
    "http.answers": ("RawResponse",),
    "http.calling": ("CallAnswer",),
    "http.client": ("AsyncClient", "Client"),
    "http.errors": (
        "BadRequest", "Conflict", "Forbidden", "HttpConnectionError", "HttpError",
        "HttpStatusError", "HttpTimeout", "InternalServerError", "InvalidRequest", "NotFound",
        "TooManyRequests", "Unauthorized", "UnprocessableEntity", "UnreadableAnswer",
    ),
    "http.retrying": ("Backoff",),
    "audio.files": ("FileAudio",),
    "audio.formats": ("Format",),
    "audio.local": ("LocalAudio",),
    "audio.remote": ("RemoteAudio",),
    "audio.wav": ("read_wav", "stream_wav", "write_wav"),
    "keeping.events": ("OwnerChanged", "Resumed", "StoreFailed", "StoreRecovered"),
    "keeping.kept": ("Kept",),
    "keeping.options": ("Storing",),
    "kinds.connecting": (
        "ConnectTranscription", "ConnectTranslation", "connect_transcription",
        "connect_translation",
    ),
    "kinds.lines": ("Line",),
    "kinds.settings": (
        "TranscriptionOptions", "TranslationOptions", "transcription_session",
        "translation_session",
    ),
    "kinds.transcribing": ("Transcriber",),
    "kinds.translating": ("Translated", "Translator"),
    "observing": ("Observation", "observe"),
    "options": ("realtime_session",),
    "playback": ("Playback",),
    "reconnect": ("Reconnect",),
    "resuming": ("resume",),
    "servers.profiles": ("Abilities", "Compatible", "OpenAI", "ServerProfile"),
    "recording": ("Recorder",),
    "session": ("Session",),
    "steering": ("Answer", "Steering", "steer"),
    "store.file": ("FileStore",),
    "store.interface": ("Store",),
    "store.redis": ("RedisStore",),
    "tools": ("Call", "Tool", "ToolContext", "tool"),
    "tools.later": ("Later",),
    "tools.toolset": ("ToolSet",),
    "servers.xai": ("XAI",),
    "webhooks": ("InvalidSignature",),
}  # fmt: skip
_MODULES = {name: module for module, names in _HOME.items() for name in names}
# What a program says the module of: voxwire.webhooks.unwrap.
_SUBMODULES = ("http", "legacy", "sync", "telemetry", "webhooks")

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is not None:
        value = getattr(import_module(f".{module}", __name__), name)
    elif name in _SUBMODULES:
        value = import_module(f".{name}", __name__)
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
