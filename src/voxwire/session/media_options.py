"""Settings of transcription and translation sessions by their everyday names, and what they make.

This module knows those settings and nothing else: no server, no connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

import attrs
from voxwire_protocol import (
    UNSET,
    AudioFormat,
    AudioInput,
    AudioTranscription,
    NoiseReduction,
    TranscriptionAudio,
    TranscriptionSession,
    TranslationAudio,
    TranslationAudioInput,
    TranslationAudioOutput,
    TranslationSession,
    TranslationTranscription,
    TurnDetection,
)

from ..errors import InvalidOption
from ..transport.url import DEFAULT_TRANSCRIPTION_MODEL, DEFAULT_TRANSLATION_MODEL
from .options import coerced, format_named, unknown_option

__all__ = [
    "TranscriptionOptions",
    "TranslationOptions",
    "transcription_session",
    "translation_session",
]

# These transcribe a stream as it comes in; the service refuses any turn detection for them.
_WITHOUT_TURNS = ("gpt-live-transcribe", "gpt-realtime-whisper")


class TranscriptionOptions(TypedDict, total=False):
    """What :func:`voxwire.connect_transcription` takes. Left out: the server's default."""

    model: str
    """Who writes; ``gpt-live-transcribe``."""
    language: str
    """The language spoken, as in ``"en"``; left out, it is found out."""
    languages: list[str]
    """Languages that may be spoken."""
    keywords: list[str]
    """Names and terms to listen for."""
    prompt: str
    """A hint about words and style."""
    delay: Literal["minimal", "low", "medium", "high", "xhigh"]
    """How long to wait before writing: later is better. For models that write while somebody
    speaks: ``gpt-live-transcribe``, ``gpt-realtime-whisper``."""
    turn_detection: TurnDetection | Mapping[str, Any] | None
    """When a line ends; ``None`` is by commits, as :meth:`Transcriber.transcribe` makes them. The
    default model refuses any."""
    noise_reduction: NoiseReduction | Literal["near_field", "far_field"] | None
    """How the microphone hears."""
    input_format: AudioFormat | Literal["pcm", "pcmu", "pcma"]
    """Of the audio that is sent."""
    include: list[Literal["item.input_audio_transcription.logprobs"]]
    """What else to send."""


class TranslationOptions(TypedDict, total=False):
    """What :func:`voxwire.connect_translation` takes besides the language."""

    transcription: TranslationTranscription | Mapping[str, Any] | str | None
    """Writes down what is said, too, as ``source_text``; a string is the model's name."""
    noise_reduction: NoiseReduction | Literal["near_field", "far_field"] | None
    """How the microphone hears."""


_WRITING = ("model", "language", "languages", "keywords", "prompt", "delay")


def transcription_session(
    *, base: TranscriptionSession | None = None, **options: Any
) -> TranscriptionSession:
    """The session object of a transcription, to send or to mint a client secret for.

    Args:
        base: a session to start from; its own settings stay where `options` names none.
        options: see :class:`TranscriptionOptions`.

    Raises:
        InvalidOption: a setting that there is not, or two that exclude each other.
    """
    into = base if base is not None else TranscriptionSession()
    audio = into.audio if isinstance(into.audio, TranscriptionAudio) else TranscriptionAudio()
    incoming = audio.input if isinstance(audio.input, AudioInput) else AudioInput()
    writing = incoming.transcription
    if not isinstance(writing, AudioTranscription):
        writing = AudioTranscription()
    changes: dict[str, Any] = {}
    inward: dict[str, Any] = {}
    how: dict[str, Any] = {}
    for name, value in options.items():
        if name in _WRITING:
            how[name] = value
        elif name in ("turn_detection", "noise_reduction"):
            inward[name] = coerced(name, value)
        elif name == "input_format":
            inward["format"] = format_named(value)
        elif name == "include":
            changes[name] = value
        else:
            known = TranscriptionOptions.__annotations__
            raise unknown_option("setting of a transcription", name, known)
    if writing.model is UNSET:
        how.setdefault("model", DEFAULT_TRANSCRIPTION_MODEL)
    writing = attrs.evolve(writing, **how)
    if writing.model in _WITHOUT_TURNS:
        if inward.get("turn_detection", incoming.turn_detection) not in (None, UNSET):
            raise InvalidOption(
                f"turn_detection=: {writing.model} has no turn detection. Leave it out, so that "
                'transcribe() commits at pauses, or use model="gpt-transcribe"'
            )
        inward["turn_detection"] = None
    incoming = attrs.evolve(incoming, transcription=writing, **inward)
    return attrs.evolve(into, audio=attrs.evolve(audio, input=incoming), **changes)


def translation_session(
    *,
    to: str | None = None,
    model: str | None = None,
    base: TranslationSession | None = None,
    **options: Any,
) -> TranslationSession:
    """The session object of a translation, to mint a client secret for.

    Args:
        to: the language to translate into, as in ``"es"``.
        model: who translates; ``gpt-realtime-translate``.
        base: a session to start from.
        options: see :class:`TranslationOptions`.

    Raises:
        InvalidOption: a setting that there is not.
    """
    into = base or TranslationSession(model=model or DEFAULT_TRANSLATION_MODEL)
    if model is not None:
        into = attrs.evolve(into, model=model)
    audio = into.audio if isinstance(into.audio, TranslationAudio) else TranslationAudio()
    inward: dict[str, Any] = {}
    for name, value in options.items():
        if name == "transcription":
            inward[name] = (
                TranslationTranscription(model=value) if isinstance(value, str) else value
            )
        elif name == "noise_reduction":
            inward[name] = coerced(name, value)
        else:
            known = ("to", "model", *TranslationOptions.__annotations__)
            raise unknown_option("setting of a translation", name, known)
    if inward:
        incoming = audio.input if isinstance(audio.input, TranslationAudioInput) else None
        incoming = attrs.evolve(incoming or TranslationAudioInput(), **inward)
        audio = attrs.evolve(audio, input=incoming)
    if to is not None:
        audio = attrs.evolve(audio, output=TranslationAudioOutput(language=to))
    return into if audio == TranslationAudio() else attrs.evolve(into, audio=audio)
