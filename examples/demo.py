"""A conversation from end to end, without a key: `make demo`.

A Realtime server on this machine plays the model's part, by a script. Our session talks to it
through a real socket: a written turn; a batch of tools of which one fails; a spoken turn, which
the user interrupts half-way. After each the conversation is shown as the session keeps it. Leaves
in out/ the recording (demo.jsonl), what was said (transcript.md) and what was heard (reply.wav).
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from harbour import berth_free, tide_at
from rich import box
from rich.console import Console
from rich.table import Table

import voxwire
from voxwire.audio.files import write_wav
from voxwire.emulator import Call, Emulator

OUT = Path("out")
CHUNK = 960  # bytes: 20 ms of 24 kHz PCM, as a microphone gives it


def script(server: Emulator) -> None:
    """What the model says."""
    server.on("speaking to", reply="To the harbour desk. I know the tides and the berths.")
    server.on(
        "pier four",
        call=[Call("tide_at", {"pier": 4}), Call("berth_free", {"pier": 4, "metres": 9})],
    )
    server.on(
        output_of="*",
        reply="High water is at 14:20. Whether the berth is free I cannot say: the office is shut.",
    )
    server.on(
        "weather",
        reply="A fresh wind from the west until noon, then it eases, and towards the evening the "
        "clouds break up and it stays dry through the night.",
    )
    server.hear("And the weather?")


async def speak(session: voxwire.Session, audio: bytes) -> None:
    """Send what a microphone would: short chunks, and the silence after the words."""
    audio += bytes(48 * 800)
    for start in range(0, len(audio), CHUNK):
        await session.append_audio(audio[start : start + CHUNK])


def show(session: voxwire.Session, console: Console, title: str) -> None:
    """The conversation as it stands."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE)
    for column in ("who", "what", "status", "audio"):
        table.add_column(column, overflow="fold")
    for item in session.conversation:
        if item.type == "function_call":
            who, what = "assistant", f"calls {item.name}({item.arguments})"
        elif item.type == "function_call_output":
            who, what = "tool", str(item.output)
        else:
            who, what = item.role or "", item.text or item.heard
        status = "interrupted" if item.interrupted else item.status or ""
        sound = f"{item.audio_ms / 1000:.2f} s" if item.audio_ms else ""
        table.add_row(who, what, status, sound)
    console.print(table)
    console.print()


def transcript(session: voxwire.Session) -> str:
    """What was said, as Markdown."""
    lines = ["# Transcript", ""]
    for message in session.conversation.to_messages():
        calls = [call["function"]["name"] for call in message.get("tool_calls", [])]
        said = f"calls {', '.join(calls)}" if calls else message["content"]
        lines += [f"**{message['role']}**: {said}", ""]
    return "\n".join(lines).rstrip() + "\n"


async def converse(console: Console) -> None:
    recording = OUT / "demo.jsonl"
    recording.unlink(missing_ok=True)
    async with (
        Emulator(pace=4.0 if console.is_terminal else None) as server,
        voxwire.connect(
            url=server.url,
            instructions="You are the desk of a small harbour. Answer in a sentence or two.",
            transcription="gpt-transcribe",
            voice="marin",
            tools=[tide_at, berth_free],
            keep_audio="all",
            record=recording,
        ) as session,
    ):
        script(server)
        console.print(f"connected to {server.url} ({session.session.model})\n")

        console.print("[bold]user[/]       Who am I speaking to?")
        console.print("[bold]assistant[/]  ", end="")
        async for piece in session.say("Who am I speaking to?", output_modalities=["text"]).text:
            console.print(piece, end="")
        console.print("\n")
        show(session, console, "after a written turn")

        question = "High water at pier four, and is there a berth for nine metres?"
        console.print(f"[bold]user[/]       {question}")
        answer = await session.say(question, output_modalities=["text"])
        console.print(f"[bold]assistant[/]  {answer.text}\n")
        show(session, console, "after a batch of tools, one of which failed")

        console.print("[bold]user[/]       (speaks) And the weather?")
        async with session.expect(voxwire.ResponseDone, timeout=30):
            await speak(session, server.speech("And the weather?"))
        reply = session.conversation[-1]
        heard = reply.audio_ms / 2
        console.print(f"[bold]assistant[/]  (speaks {reply.audio_ms / 1000:.2f} s)")
        console.print(f"[bold]user[/]       (interrupts after {heard / 1000:.2f} s)\n")
        async with session.expect(voxwire.ConversationItemTruncated, timeout=10):
            await session.interrupt(heard)
        show(session, console, "after a spoken turn, interrupted half-way")

        write_wav(OUT / "reply.wav", reply.audio)
        (OUT / "transcript.md").write_text(transcript(session), encoding="utf-8")
        usage = session.usage
        console.print(
            f"{usage.responses} responses, {usage.total} tokens, "
            f"${usage.cost().total:.4f} at the prices of {usage.model}\n"
        )


def main() -> None:
    OUT.mkdir(exist_ok=True)
    console = Console(highlight=False)
    # The tool that fails is shown in the conversation; its traceback would only frighten here.
    logging.getLogger("voxwire").setLevel(logging.CRITICAL)
    asyncio.run(converse(console))
    for name in ("demo.jsonl", "transcript.md", "reply.wav"):
        console.print(f"{OUT / name}  {(OUT / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
