"""The Realtime server of speech-to-speech, with a canned model and a canned voice.

Everything that speaks the protocol is the package's own: what is canned is what needs weights.
Prints ``listening on URL``, and runs until it is ended.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from queue import Queue
from threading import Event
from typing import Any

from openai.types.realtime import RealtimeConversationItemFunctionCall
from openai.types.responses.response_function_tool_call import ResponseFunctionToolCall
from speech_to_speech.api.openai_realtime.pipeline_unit import PipelineUnit
from speech_to_speech.api.openai_realtime.server import RealtimeServer
from speech_to_speech.api.openai_realtime.service import RealtimeService
from speech_to_speech.baseHandler import BaseHandler
from speech_to_speech.LLM.chat import make_assistant_message
from speech_to_speech.LLM.lm_output_processor import LMOutputProcessor
from speech_to_speech.pipeline.cancel_scope import CancelScope
from speech_to_speech.pipeline.history import ResponseHistory
from speech_to_speech.pipeline.messages import (
    AUDIO_RESPONSE_DONE,
    EndOfResponse,
    LLMResponseChunk,
    TokenUsage,
)
from speech_to_speech.pipeline.turn_latency import TurnLatencyStore

SAMPLES = 1600


class Model(BaseHandler[Any, Any]):
    """Calls the tool for talk of the weather, reports what a tool gave back, repeats the rest.

    What it writes to the conversation, it proposes as ``history``: so do the package's own models.
    """

    def process(self, input: Any) -> Iterator[Any]:
        chat = input.runtime_config.chat
        anchor = chat.history_anchor_id()
        text, tool = answer(chat.to_transformers_chat()[-1])
        items = [make_assistant_message(text)] if tool is None else [as_item(tool)]
        common = {
            "turn_id": input.turn_id,
            "turn_revision": input.turn_revision,
            "response_key": input.response_key,
        }
        yield LLMResponseChunk(
            text=text,
            tools=[] if tool is None else [tool],
            history=ResponseHistory.capture(chat, items, after_item_id=anchor),
            runtime_config=input.runtime_config,
            response=input.response,
            **common,
        )
        yield TokenUsage(input_tokens=11, output_tokens=7, **common)
        history = ResponseHistory.capture(chat, items, after_item_id=anchor, complete=True)
        yield EndOfResponse(history=history, **common)


def answer(last: dict[str, Any]) -> tuple[str, ResponseFunctionToolCall | None]:
    """What to say to the last message, or which tool to call."""
    if last["role"] == "tool":
        return f"It will be {last['content']}.", None
    if "weather" in last["content"]:
        call = ResponseFunctionToolCall(
            type="function_call",
            id="fc_canned",
            call_id="call_canned",
            name="get_weather",
            arguments='{"city":"Oslo"}',
        )
        return "", call
    return f"You said: {last['content']}", None


def as_item(call: ResponseFunctionToolCall) -> RealtimeConversationItemFunctionCall:
    return RealtimeConversationItemFunctionCall(
        type=call.type,
        id=call.id,
        call_id=call.call_id,
        name=call.name,
        arguments=call.arguments,
    )


class Speaker(BaseHandler[Any, Any]):
    """A click for every text."""

    def process(self, input: Any) -> Iterator[Any]:
        yield AUDIO_RESPONSE_DONE if isinstance(input, EndOfResponse) else b"\x01\x00" * SAMPLES


class Microphone(BaseHandler[Any, Any]):
    """Hears nothing; hands on what ends a session."""

    def process(self, input: Any) -> Iterator[Any]:
        yield from ()


def unit(stop: Event) -> PipelineUnit:
    heard: Queue[Any] = Queue()
    prompts: Queue[Any] = Queue()
    answers: Queue[Any] = Queue()
    texts: Queue[Any] = Queue()
    spoken: Queue[Any] = Queue()
    events: Queue[Any] = Queue()
    listening, latency = Event(), TurnLatencyStore()
    listening.set()
    service = RealtimeService(
        text_prompt_queue=prompts, should_listen=listening, turn_latency_store=latency
    )
    handlers = [
        Microphone(stop, queue_in=heard, queue_out=prompts),
        Model(stop, queue_in=prompts, queue_out=answers),
        LMOutputProcessor(
            stop, queue_in=answers, queue_out=texts, setup_kwargs={"text_output_queue": events}
        ),
        Speaker(stop, queue_in=texts, queue_out=spoken),
    ]
    return PipelineUnit(
        index=0,
        service=service,
        cancel_scope=CancelScope(),
        should_listen=listening,
        response_playing=Event(),
        input_queue=heard,
        output_queue=spoken,
        text_output_queue=events,
        text_prompt_queue=prompts,
        handlers=handlers,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def announce(port: int) -> None:
    """Say so when somebody answers at the port: the server itself tells nobody."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            print(f"listening on ws://127.0.0.1:{port}/v1/realtime", flush=True)
            return


def main() -> None:
    stop, port = Event(), free_port()
    one = unit(stop)
    for handler in one.handlers:
        threading.Thread(target=handler.run, daemon=True).start()
    server = RealtimeServer(stop, [one], host="127.0.0.1", port=port)
    threading.Thread(target=announce, args=[port], daemon=True).start()
    server.run()


main()
