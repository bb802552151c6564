"""The names of what is reported: those of the GenAI semantic conventions, and Voxwire's own.

This module is a list. The conventions are in development; where they have no name for what a
realtime session does, the name begins with ``voxwire``.
"""

from __future__ import annotations

from typing import Final

# --- attributes of the conventions ---------------------------------------------------------------

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
OUTPUT_TYPE: Final = "gen_ai.output.type"
TOKEN_TYPE: Final = "gen_ai.token.type"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHED_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
ERROR_TYPE: Final = "error.type"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"

# --- content, only where it is asked for ---------------------------------------------------------

INSTRUCTIONS: Final = "gen_ai.system_instructions"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_RESULT: Final = "gen_ai.tool.call.result"

# --- values --------------------------------------------------------------------------------------

GENERATE: Final = "generate_content"
"""A response: what comes of it may be text, speech and calls, which is more than ``chat``."""
EXECUTE_TOOL: Final = "execute_tool"
TRANSCRIBE: Final = "transcribe"

# --- Voxwire's own -------------------------------------------------------------------------------

SESSION_ID: Final = "voxwire.session.id"
SESSION_KIND: Final = "voxwire.session.kind"
SESSION_PART: Final = "voxwire.session.part"
LINK: Final = "voxwire.link"
CLOSE_CODE: Final = "voxwire.close.code"
BESIDE: Final = "voxwire.response.out_of_band"
FIRST_AUDIO: Final = "voxwire.response.time_to_first_audio"
SINCE: Final = "voxwire.latency.since"
REASON: Final = "voxwire.interruption.reason"
QUEUE: Final = "voxwire.queue.name"
DROPPED: Final = "voxwire.queue.dropped"
HANDLER: Final = "voxwire.handler.name"
ATTEMPT: Final = "voxwire.reconnect.attempt"
SECONDS: Final = "voxwire.reconnect.seconds"
PLANNED: Final = "voxwire.reconnect.planned"
COST: Final = "voxwire.cost.usd"
