"""What the code blocks of the documentation find around them: names, and a server with something
to say.

A block that uses one of the names in :data:`NAMES` without making it gets it. A setup is named in a
comment above a block, ``<!-- setup: name -->``, and says what the server answers, or what the user
does while the block runs.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import openai
from far_ends import PageSocket, TelephoneSocket

import voxwire
from voxwire.audio import silence
from voxwire.emulator import Call, Emulator, Policy, UnknownEvents, UserTurn
from voxwire.protocol.audio_format import PCM16, PCMU, Format
from voxwire.transport.url import opening

Driver = Callable[[Any], Awaitable[None]]


class World:
    """The server and the names of one block. The server runs in a thread of its own, so that
    blocks without asyncio, and those with their own loop, reach it in the same way."""

    def __init__(self, patch: Callable[[str, Any], None]) -> None:
        self.patch = patch
        """Puts something in the place of what has this name, until the block has ended."""
        self.names: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        """Of the session that the block is given."""
        self.socket: Any = None
        """Where a telephone or a page is at the other end."""
        self.threaded = False
        """Whether the block's session is one of ``voxwire.sync``."""
        self.during: Driver | None = None
        """Acts while the block runs; it is given the block's session."""
        self.after: Driver | None = None
        """Acts when the block has run to its end."""
        self.may_fail = False
        """Whether the block shows a failure that is logged as an error."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._stack = AsyncExitStack()

    def __enter__(self) -> World:
        self._thread.start()
        self.server = self.run(self._stack.enter_async_context(Emulator()))
        return self

    def __exit__(self, *exc: object) -> None:
        self.run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something where the server is."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


# --- names ---------------------------------------------------------------------------------------


class Speaker:
    """Plays nothing, and has heard all of it."""

    def __init__(self) -> None:
        self.written = b""
        self.pending = 0.0

    def write(self, audio: bytes) -> None:
        self.written += audio

    def flush(self) -> None: ...

    def clear(self) -> None: ...

    @property
    def played(self) -> float:
        return len(self.written) / 48


class Microphone:
    """Hears a sentence and then silence, in pieces of 20 ms, faster than time goes by."""

    def __init__(self, sound: bytes) -> None:
        self.sound = sound + bytes(48 * 1000)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.sound), 960):
            yield self.sound[start : start + 960]
            await asyncio.sleep(0)


class Desk:
    """A microphone and a speaker."""

    def __init__(self, sound: bytes) -> None:
        self.microphone = Microphone(sound)
        self.speaker = Speaker()

    def open(self, *formats: object) -> None: ...

    def close(self) -> None: ...


async def confirm(*_: object) -> bool:
    return True


NAMES: dict[str, Callable[[World], Any]] = {
    "server": lambda world: world.server,
    "speaker": lambda world: Speaker(),
    "microphone": lambda world: Microphone(world.server.speech("And the weather?")),
    "log": lambda world: logging.getLogger("the program"),
    "confirm": lambda world: confirm,
    "socket": lambda world: world.socket,
    "call": lambda world: voxwire.RealtimeCallIncoming.from_dict(world.server.incoming_call()),
    "speech": lambda world: world.server.speech("And the weather?") + bytes(48 * 800),
}
"""Beside these there is ``session``, open, connected to the server."""

# --- setups --------------------------------------------------------------------------------------

SETUPS: dict[str, Callable[[World], None]] = {}


def setup(name: str) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    def register(function: Callable[[World], None]) -> Callable[[World], None]:
        SETUPS[name] = function
        return function

    return register


@setup("a conversation that ends")
def _(world: World) -> None:
    """The user speaks, is answered, and hangs up."""
    world.server.hear("And the weather?")
    audio = world.server.speech("And the weather?") + bytes(48 * 800)

    async def drive(session: voxwire.Session) -> None:
        async with session.expect(voxwire.ResponseDone, timeout=10):
            await session.append_audio(audio)
        await session.close()

    world.during = drive


@setup("umbrella")
def _(world: World) -> None:
    """The model looks the weather up before it answers."""
    world.server.on("umbrella", call="get_weather", arguments={"city": "Oslo"})
    world.server.on(output_of="get_weather", reply="Yes: it rains in Oslo, at 9 degrees.")


@setup("a desk")
def _(world: World) -> None:
    """A microphone that hears a sentence, and a speaker, where there are none."""
    world.server.hear("Good morning.")
    world.patch("voxwire.LocalAudio", lambda: Desk(world.server.speech("Good morning.")))


@setup("a skipper")
def _(world: World) -> None:
    """Somebody at the desk books a berth by voice."""
    world.server.on("berth", call="book_berth", arguments={"number": 3, "boat": "Petrel"})
    world.server.on(output_of="book_berth", reply="See you tonight.")
    speech = world.server.speech("A berth for the Petrel, please.")
    world.patch("voxwire.LocalAudio", lambda: Desk(speech))


@setup("a recorded question")
def _(world: World) -> None:
    """A file in which somebody asks something."""
    voxwire.write_wav("question.wav", world.server.speech("Good morning."))


def _far_end(world: World, kind: Any, format: Format) -> None:
    world.server.on("weather", reply="A fresh wind from the west until noon, and then it eases.")
    world.server.on("thank", reply="Good bye.")
    question, thanks = (
        world.server.speech(text, format) for text in ("And the weather?", "Thank you.")
    )
    world.socket = kind(question, thanks, silence(800, format))


@setup("a telephone")
def _(world: World) -> None:
    """Somebody calls by way of Twilio, and cuts in."""
    _far_end(world, TelephoneSocket, PCMU)


@setup("a visitor")
def _(world: World) -> None:
    """Somebody talks to a page, and cuts in."""
    _far_end(world, PageSocket, PCM16)


@setup("a call that is put through")
def _(world: World) -> None:
    """A call over SIP: the caller asks for somebody, and is gone."""
    world.server.on("harbour master", call="put_through")
    world.server.on(output_of="put_through", reply="One moment.")
    world.server.on(None, reply="Good day, the harbour desk.")

    async def caller(_: Any) -> None:
        while not (world.server.connections and len(world.server.connections[0].events) > 1):
            await asyncio.sleep(0.01)
        (call,) = world.server.host.desk.calls
        name = voxwire.ResponseOutputAudioTranscriptDone
        async with voxwire.attach(call.id) as line:
            async with line.expect(
                name, timeout=10, where=lambda event: event.transcript == "One moment."
            ):
                await line.say("The harbour master, please")
        assert call.referred_to == "tel:+15550101"
        async with voxwire.AsyncClient() as client:
            await client.calls.hangup(call.id)

    world.during = caller


@setup("an answer, and the end")
def _(world: World) -> None:
    """The user asks in writing, is answered, and hangs up."""

    async def drive(session: voxwire.Session) -> None:
        await session.say("Hello?", output_modalities=["text"])
        await session.close()

    world.during = drive


@setup("nobody may come in")
def _(world: World) -> None:
    """No key is good."""
    world.server.host.policy = Policy(api_keys=["another"])


@setup("then a question")
def _(world: World) -> None:
    """When the block has run, the user asks in writing."""
    world.server.on(reply="Good morning.")

    async def ask(session: voxwire.Session) -> None:
        await session.say("Hello?", output_modalities=["text"])
        await session.close()

    world.after = ask


@setup("a question meanwhile")
def _(world: World) -> None:
    """While the block runs, the user asks in writing."""
    world.server.on(reply="Good morning.")

    async def ask(session: voxwire.Session) -> None:
        await session.say("Hello?", output_modalities=["text"])

    world.during = ask


@setup("a handler fails")
def _(world: World) -> None:
    world.may_fail = True

    async def end(session: voxwire.Session) -> None:
        await session.wait_for(voxwire.HandlerFailed, timeout=5)
        await session.close()

    world.after = end


@setup("the server fails")
def _(world: World) -> None:
    world.server.on(error="server_error")


@setup("a verdict and a summary")
def _(world: World) -> None:
    """The model answers to its instructions."""

    def answer(turn: UserTurn) -> str:
        return "yes" if "angry" in str(turn.response.get("instructions")) else "A parcel is late."

    world.server.on(reply=answer)


@setup("a slow answer")
def _(world: World) -> None:
    """The model stops after its first word."""
    world.server.on(reply="Once upon a time there was a harbour.", hold=1)


@setup("two answers")
def _(world: World) -> None:
    world.server.on(reply=["A play for two voices.", "Ein Stück für zwei Stimmen."])


@setup("a spoken question")
def _(world: World) -> None:
    """The server understands the speech, and answers it."""
    world.server.on("weather", reply="A fresh wind from the west.")


@setup("tools go wrong")
def _(world: World) -> None:
    """The model calls in every wrong way at once."""
    world.may_fail = True
    parties: list[object] = ["four", 12, 4]
    calls = [Call("book_table", {"people": people}) for people in parties]
    world.server.on("a table", call=[*calls, Call("cancel_table")])


@setup("a long search")
def _(world: World) -> None:
    """The model waits for what it called, and tells of it when it comes."""
    world.server.on("archive", call="search_archive", arguments={"query": "storms"})
    world.server.on("1911", output_of="*", reply="In 1911 there was a storm.")
    world.server.on(output_of="*", reply="I am looking.")


@setup("a question, and the end")
def _(world: World) -> None:
    """While the block runs, the user asks in writing, is answered, and hangs up."""
    SETUPS["then a question"](world)
    world.during, world.after = world.after, None


@setup("a long answer")
def _(world: World) -> None:
    world.server.on(reply="A fresh wind from the west until noon, then it eases.")


@setup("a long conversation")
def _(world: World) -> None:
    """When the block has run, the user asks, and cuts in."""
    world.server.on(reply="A fresh wind from the west until noon, then it eases.")
    first, second = (world.server.speech(text) for text in ("And the weather?", "Thank you."))
    silence = bytes(48 * 800)

    async def talk(session: voxwire.Session) -> None:
        for speech in (first, second):
            async with session.expect(voxwire.ResponseDone, timeout=10):
                await session.append_audio(speech + silence)
        await session.close()

    world.after = talk


@setup("something new")
def _(world: World) -> None:
    """The server sends events that are newer than the library."""
    world.server.faults.append(UnknownEvents())

    async def ask(session: voxwire.Session) -> None:
        await session.say("Hello?", output_modalities=["text"])
        await session.close()

    world.after = ask


@setup("threads")
def _(world: World) -> None:
    world.threaded = True


@setup("used")
def _(world: World) -> None:
    world.server.on(reply="A play for two voices.")


@setup("openai")
def _(world: World) -> None:
    """The other client would insist on TLS."""
    address = world.server.url.removesuffix("/realtime")
    world.patch("openai.AsyncOpenAI", partial(openai.AsyncOpenAI, websocket_base_url=address))


@setup("somewhere else")
def _(world: World) -> None:
    """Every server of a profile is this one."""
    here = urlsplit(world.server.url)

    def local(url: str, **details: Any) -> str:
        details["default_model"] = "the house's own"
        return urlunsplit(
            urlsplit(opening(url, **details))._replace(scheme="ws", netloc=here.netloc)
        )

    for module in ("azure", "xai"):
        world.patch(f"voxwire.transport.providers.{module}.opening", local)


@setup("a meeting")
def _(world: World) -> None:
    """A file in which two people speak."""
    server = world.server
    said = [server.speech("good morning all"), server.speech("let us begin")]
    silence = bytes(48 * 500), bytes(48 * 1200)
    voxwire.write_wav("meeting.wav", silence[0] + said[0] + silence[1] + said[1])


@setup("a talk")
def _(world: World) -> None:
    """The server translates one sentence."""
    world.server.hear("good morning all")
    world.server.on("good morning", reply="buenos días a todos")
