"""What a client can do wrong, with the codes that the service gives it.

It knows codes and wording only; who notices the mistake is elsewhere.
"""

from __future__ import annotations

from typing import Any

import attrs
from voxwire_protocol import ErrorDetails

__all__ = ["ApiError"]


@attrs.frozen
class ApiError(Exception):
    """Something that the client should not have sent. ``code`` is the service's."""

    code: str | None
    message: str
    param: str | None = None
    type: str = "invalid_request_error"

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def details(self, event_id: Any = None) -> ErrorDetails:
        """The body of the ``error`` event; ``event_id`` names the client event at fault."""
        return ErrorDetails(
            type=self.type,
            code=self.code,
            message=self.message,
            param=self.param,
            event_id=event_id if isinstance(event_id, str) else None,
        )

    @property
    def reason(self) -> str:
        """The reason of a close for this mistake: type and code, within a close frame's room."""
        return (f"{self.type}.{self.code}" if self.code else self.type)[:120]

    # --- frames ---------------------------------------------------------------------------------

    @classmethod
    def not_json(cls) -> ApiError:
        return cls("invalid_json", "The frame could not be read as JSON.")

    @classmethod
    def binary(cls) -> ApiError:
        return cls("invalid_event", "Binary frames are not taken here; send JSON as text.")

    @classmethod
    def no_type(cls) -> ApiError:
        return cls("invalid_event", "The event has no 'type'.")

    # --- audio ----------------------------------------------------------------------------------

    @classmethod
    def bad_audio(cls, param: str = "audio") -> ApiError:
        return cls("invalid_value", f"Invalid '{param}': this is not audio in base64.", param)

    @classmethod
    def commit_empty(cls, ms: float) -> ApiError:
        return cls(
            "input_audio_buffer_commit_empty",
            "Error committing input audio buffer: at least 100ms of audio are needed, and the "
            f"buffer has {ms:.2f}ms.",
        )

    # --- items ----------------------------------------------------------------------------------

    @classmethod
    def no_item(cls, doing: str, item_id: object, param: str = "item_id") -> ApiError:
        return cls(
            f"item_{doing}_invalid_item_id",
            f"There is no item with the id {item_id!r} in this conversation.",
            param,
        )

    @classmethod
    def item_exists(cls, item_id: str) -> ApiError:
        return cls(
            "item_create_duplicate_item_id",
            f"Error adding item: an item with the id {item_id!r} exists already.",
            "item.id",
        )

    @classmethod
    def no_previous(cls, item_id: str) -> ApiError:
        return cls(
            "item_create_invalid_previous_item_id",
            f"Error adding item: there is no previous item with the id {item_id!r}.",
            "previous_item_id",
        )

    @classmethod
    def no_call(cls, call_id: str) -> ApiError:
        return cls(
            "invalid_tool_call_id",
            f"There is no function call {call_id!r} in this conversation.",
            "item.call_id",
        )

    @classmethod
    def not_truncatable(cls) -> ApiError:
        return cls("invalid_value", "Only model output audio messages can be truncated.", "item_id")

    @classmethod
    def too_short(cls, has: int, wanted: int) -> ApiError:
        return cls("invalid_value", f"Audio content of {has}ms is already shorter than {wanted}ms")

    # --- responses ------------------------------------------------------------------------------

    @classmethod
    def active(cls, response_id: str) -> ApiError:
        return cls(
            "conversation_already_has_active_response",
            f"Conversation already has an active response in progress: {response_id}. Wait until "
            "the response is finished before creating a new one.",
        )

    @classmethod
    def not_active(cls) -> ApiError:
        return cls("response_cancel_not_active", "Cancellation failed: no active response found")

    # --- sessions -------------------------------------------------------------------------------

    @classmethod
    def other_type(cls, wanted: object, running: str) -> ApiError:
        return cls(
            "invalid_parameter",
            f"Passing a {wanted} session update event to a {running} session is not allowed.",
            "session.type",
        )

    @classmethod
    def fixed(cls, what: str, param: str) -> ApiError:
        return cls("invalid_parameter", f"The {what} of a session cannot be changed.", param)

    @classmethod
    def voice_fixed(cls) -> ApiError:
        return cls(
            "cannot_update_voice",
            "Cannot update a conversation's voice if assistant audio is present.",
        )

    @classmethod
    def no_turns(cls) -> ApiError:
        return cls(
            "invalid_value",
            "Turn detection is not supported for this transcription model.",
            "session.audio.input.turn_detection",
        )

    @classmethod
    def unsupported(cls, param: str, model: object) -> ApiError:
        return cls("unsupported_parameter", f"'{param}' is not supported by {model}.", param)

    @classmethod
    def not_here(cls, name: str, kind: str) -> ApiError:
        return cls("invalid_value", f"'{name}' is not supported in a {kind} session.", "type")

    # --- connections, which these end -----------------------------------------------------------

    @classmethod
    def beta_disabled(cls) -> ApiError:
        return cls(
            "beta_api_shape_disabled",
            "The beta shape of the Realtime API is switched off; leave the OpenAI-Beta header out.",
        )

    @classmethod
    def no_key(cls) -> ApiError:
        return cls("missing_api_key", "No API key: send it as Authorization: Bearer.")

    @classmethod
    def bad_key(cls) -> ApiError:
        return cls("invalid_api_key", "Incorrect API key provided: it is not one of this server's.")

    @classmethod
    def no_model(cls) -> ApiError:
        return cls("missing_model", "The address names no model.", "model")

    @classmethod
    def bad_model(cls, model: str) -> ApiError:
        return cls("model_not_found", f"There is no model {model!r} here.", "model")

    @classmethod
    def transcriber(cls, model: str) -> ApiError:
        return cls(
            "invalid_model",
            f'Model "{model}" is a transcription model and cannot be used as the realtime session '
            "model. Use a realtime model for the session model. Pass this transcription model as "
            "audio.input.transcription.model instead.",
            "model",
        )

    @classmethod
    def bad_intent(cls, intent: str) -> ApiError:
        return cls("invalid_intent", f"There is no intent {intent!r}.", "intent")

    @classmethod
    def expired(cls, minutes: float) -> ApiError:
        return cls(
            "session_expired", f"Your session hit the maximum duration of {minutes:g} minutes."
        )
