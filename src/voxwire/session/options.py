"""Session settings by their everyday names, and the session object that they make.

The protocol nests settings by direction (``session.audio.output.voice``); a program says
``voice="marin"``. This module knows that mapping and nothing else: no server, no connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

import attrs
from voxwire_protocol import (
    UNSET,
    AudioFormat,
    AudioInput,
    AudioOutput,
    AudioTranscription,
    CustomVoice,
    NoiseReduction,
    PcmaAudioFormat,
    PcmAudioFormat,
    PcmuAudioFormat,
    Prompt,
    RealtimeAudio,
    RealtimeSession,
    Reasoning,
    ResponseAudio,
    ResponseAudioOutput,
    ResponseCreateParams,
    ToolChoice,
    Tracing,
    Truncation,
    TurnDetection,
)

from ..errors import InvalidOption
from ..protocol.constraints import nearest

if TYPE_CHECKING:
    from voxwire_protocol import (
        AudioFormatDict,
        AudioTranscriptionDict,
        ConversationItem,
        CustomVoiceDict,
        NoiseReductionDict,
        PromptDict,
        ReasoningDict,
        ResponseInputItem,
        ResponseInputItemDict,
        ToolChoiceDict,
        ToolDefinition,
        ToolDefinitionDict,
        TracingDict,
        TruncationDict,
        TurnDetectionDict,
    )

__all__ = ["ResponseOptions", "SessionOptions", "realtime_session", "response_params"]

_FORMATS: dict[str, AudioFormat] = {
    "pcm": PcmAudioFormat(rate=24000),
    "pcmu": PcmuAudioFormat(),
    "pcma": PcmaAudioFormat(),
}

Modality = Literal["text", "audio"]
Effort = Literal["minimal", "low", "medium", "high", "xhigh"]


class SessionOptions(TypedDict, total=False):
    """What :func:`voxwire.connect` and ``session.update`` take. Left out: as it is, or the server's
    default. The protocol's ways to clear a setting hold: ``""``, ``[]`` or ``None``."""

    instructions: str
    """What the model is told to be and to do."""
    output_modalities: list[Modality]
    """``["audio"]`` (which comes with a transcript) or ``["text"]``."""
    voice: str | CustomVoice | CustomVoiceDict
    """Whose voice; fixed once the model has spoken."""
    speed: float
    """Of the speech, 0.25 to 1.5."""
    turn_detection: TurnDetection | TurnDetectionDict | None
    """When the user's turn ends; ``None`` is push to talk."""
    transcription: AudioTranscription | AudioTranscriptionDict | str | None
    """Writes down what the user says; a string is the model's name."""
    noise_reduction: NoiseReduction | NoiseReductionDict | Literal["near_field", "far_field"] | None
    """How the microphone hears."""
    input_format: AudioFormat | AudioFormatDict | Literal["pcm", "pcmu", "pcma"]
    """Of the audio that is sent: 24 kHz PCM, or G.711 for phone lines."""
    output_format: AudioFormat | AudioFormatDict | Literal["pcm", "pcmu", "pcma"]
    """Of the audio that comes."""
    tool_choice: ToolChoice | ToolChoiceDict
    """``"auto"``, ``"none"``, ``"required"``, or one tool."""
    parallel_tool_calls: bool
    """Whether one response may call several tools."""
    reasoning: Reasoning | ReasoningDict | Effort
    """How hard to think; only for models that do."""
    max_output_tokens: int | Literal["inf"]
    """Of one response, 1 to 4096."""
    truncation: Truncation | TruncationDict
    """What happens when the conversation outgrows the model's context."""
    tracing: Tracing | TracingDict | None
    """Whether the service keeps a trace."""
    prompt: Prompt | PromptDict | None
    """A stored prompt. OpenAI has shut these down on 2026-11-30; other servers may have them."""
    include: list[Literal["item.input_audio_transcription.logprobs"]]
    """What else to send."""


class ResponseOptions(TypedDict, total=False):
    """What one response is asked to do otherwise than the session says."""

    instructions: str
    """In place of the session's."""
    output_modalities: list[Modality]
    """``["audio"]`` or ``["text"]``."""
    voice: str | CustomVoice | CustomVoiceDict
    """Whose voice."""
    output_format: AudioFormat | AudioFormatDict | Literal["pcm", "pcmu", "pcma"]
    """Of its audio."""
    conversation: Literal["auto", "none"]
    """``"none"`` keeps it out of the conversation; such responses run side by side."""
    metadata: dict[str, str]
    """Up to 15 pairs of your own, repeated by the server."""
    input: Sequence[ConversationItem | ResponseInputItem | ResponseInputItemDict]
    """Items in place of the conversation; ``[]`` begins with nothing."""
    tool_choice: ToolChoice | ToolChoiceDict
    """For this response."""
    tools: Sequence[ToolDefinition | ToolDefinitionDict]
    """In place of the session's: definitions of tools."""
    parallel_tool_calls: bool
    """For this response."""
    reasoning: Reasoning | ReasoningDict | Effort
    """For this response."""
    max_output_tokens: int | Literal["inf"]
    """Of this response."""
    prompt: Prompt | PromptDict | None
    """A stored prompt. OpenAI has shut these down on 2026-11-30; other servers may have them."""


_INPUT = ("turn_detection", "transcription", "noise_reduction")
_OUTPUT = ("voice", "speed")
_DIRECT = frozenset(attrs.fields_dict(RealtimeSession)) - {
    "type", "id", "object", "expires_at", "audio",
}  # fmt: skip


def realtime_session(
    *, tools: Sequence[Any] | None = None, base: RealtimeSession | None = None, **options: Any
) -> RealtimeSession:
    """The session object of some settings, to send or to hand to an HTTP operation.

    Args:
        tools: definitions of tools (``FunctionTool``, ``McpTool``, or a dict).
        base: a session to start from; its own settings stay where `options` names none.
        options: see :class:`SessionOptions`; also ``model``.

    Raises:
        InvalidOption: an unknown setting.
    """
    given = {name: value for name, value in options.items() if value is not UNSET}
    into = RealtimeSession() if base is None else base
    if not isinstance(into, RealtimeSession):
        raise InvalidOption(
            f"session is a {type(into).__name__}, and this takes a RealtimeSession: "
            "RealtimeSession.from_dict(...) makes one of a dict"
        )
    changes: dict[str, Any] = {} if tools is None else {"tools": list(tools)}
    inward: dict[str, Any] = {}
    outward: dict[str, Any] = {}
    for name, value in given.items():
        if name in _INPUT:
            inward[name] = coerced(name, value)
        elif name == "input_format":
            inward["format"] = format_named(value)
        elif name == "output_format":
            outward["format"] = format_named(value)
        elif name in _OUTPUT:
            outward[name] = value
        elif name in _DIRECT:
            changes[name] = coerced(name, value)
        else:
            known = {*_INPUT, *_OUTPUT, *_DIRECT, "input_format", "output_format"}
            raise unknown_option("setting of a session", name, known)
    audio: Any = into.audio
    if inward:
        audio = _changed(audio, RealtimeAudio, "input", AudioInput, inward)
    if outward:
        audio = _changed(audio, RealtimeAudio, "output", AudioOutput, outward)
    return attrs.evolve(into, audio=audio, **changes)


def _changed(audio: Any, whole: type, side: str, part: type, changes: dict[str, Any]) -> Any:
    """`audio` with changes to one of its sides, be it an instance, a dict, or not there."""
    dicts = isinstance(audio, Mapping)
    inner = cast("Any", audio).get(side) if dicts else getattr(audio, side, None)
    return _with(audio, whole, {side: _with(inner, part, changes)})


def _with(value: object, cls: type, changes: dict[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {**cast("Mapping[str, Any]", value), **changes}
    known: Any = value
    return attrs.evolve(known, **changes) if isinstance(value, cls) else cls(**changes)


def response_params(**options: Any) -> ResponseCreateParams:
    """The parameters of one response; see :class:`ResponseOptions`. Raises `InvalidOption`."""
    outward: dict[str, Any] = {}
    direct: dict[str, Any] = {}
    known = frozenset(attrs.fields_dict(ResponseCreateParams)) - {"audio"}
    for name, value in options.items():
        if value is UNSET:
            continue
        if name == "output_format":
            outward["format"] = format_named(value)
        elif name == "voice":
            outward["voice"] = value
        elif name in ("input", "tools"):
            direct[name] = list(cast("tuple[Any]", value)) if isinstance(value, tuple) else value
        elif name in known:
            direct[name] = coerced(name, value)
        else:
            raise unknown_option("setting of a response", name, {*known, "voice", "output_format"})
    if outward:
        direct["audio"] = ResponseAudio(output=ResponseAudioOutput(**outward))
    return ResponseCreateParams(**direct)


def format_named(value: Any) -> Any:
    """The audio format of a short name; anything else as it is."""
    if isinstance(value, str):
        if value not in _FORMATS:
            raise unknown_option("audio format", value, _FORMATS)
        return _FORMATS[value]
    return value


_BETA = {
    "modalities": "output_modalities",
    "input_audio_format": "input_format",
    "output_audio_format": "output_format",
    "input_audio_transcription": "transcription",
    "input_audio_noise_reduction": "noise_reduction",
    "max_response_output_tokens": "max_output_tokens",
    "pcm16": "pcm",
    "g711_ulaw": "pcmu",
    "g711_alaw": "pcma",
}


def unknown_option(what: str, name: str, known: Iterable[str]) -> InvalidOption:
    """The error for a name that there is not, with the one that was meant where one is near."""
    names = sorted(known)
    meant = _BETA.get(name, "")
    meant = meant if meant in names else nearest(name, names, alike=0.75)
    hint = f"did you mean {meant!r}?" if meant else f"expected one of {', '.join(names)}"
    return InvalidOption(f"unknown {what} {name!r}: {hint}")


def refuse_unknown(given: Iterable[str], *known: Callable[..., Any]) -> None:
    """Raise `InvalidOption` for an argument that neither a function nor its options know."""
    names = {name for each in known for name in each.__annotations__}
    for name in given:
        if name not in names:
            raise unknown_option("argument", name, names)


def coerced(name: str, value: Any) -> Any:
    """Short forms: a model's name for a transcription, a word for noise reduction or effort."""
    if isinstance(value, str):
        if name == "transcription":
            return AudioTranscription(model=value)
        if name == "noise_reduction":
            return NoiseReduction(type=value)
        if name == "reasoning":
            return Reasoning(effort=value)
    return value
