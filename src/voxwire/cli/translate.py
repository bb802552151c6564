"""``voxwire translate``: its options, and the words that come, sentence by sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from .options import (
    CA,
    OUTPUT,
    SESSION,
    Insecure,
    Json,
    Local,
    Record,
    Resource,
    Scripted,
    Server,
    ServerName,
    Url,
    translators,
)

if TYPE_CHECKING:
    from .target import CommandTarget

__all__ = ["HELP", "SentencePrinter", "translate"]


# Where a sentence may end: its mark, and what closes with it.
_END = re.compile(r"[.!?…。！？؟।]+[\"'”’»)\]]*")
_POINT = re.compile(r"(?:\d|\b\w)\.$")
"""What may go on behind the point: a number, or letters as of a name."""
_LONGEST = 400
"""Characters after which one is told though it has no end: some speakers pause for nothing."""


@attrs.define
class SentencePrinter:
    """Collects the words of one stream."""

    _text: str = ""
    _at_ms: int | None = None

    def put(self, words: str, at_ms: int | None) -> Iterator[tuple[str, int | None]]:
        """More words, and where they belong in time; gives the sentences that end with them."""
        for part, ended in self.cut(words):
            if not self._text.strip():
                self._at_ms = at_ms
            self._text += part
            if ended:
                yield from self.rest()

    def cut(self, words: str) -> list[tuple[str, bool]]:
        """More words in parts, each with whether a sentence ends with it. It keeps nothing."""
        whole, start, told = self._text + words, 0, len(self._text)
        parts: list[tuple[str, bool]] = []
        for found in _END.finditer(whole):
            end = found.end()
            if end >= told and _ends(whole[start:end], whole[end:]):
                parts.append((whole[told:end], True))
                start = told = end
        if told < len(whole):
            parts.append((whole[told:], len(whole) - start > _LONGEST))
        return parts

    def rest(self) -> Iterator[tuple[str, int | None]]:
        """What there is of a sentence."""
        text, self._text = self._text.strip(), ""
        if text:
            yield text, self._at_ms


def _ends(text: str, rest: str) -> bool:
    """Whether a sentence ends behind a mark: not within a number, a name or an address."""
    if _POINT.search(text) is None:
        return not rest or rest[0].isspace() or text[-1] in "。！？"
    # More has to come before that is known: 3.5, or U.S.
    return rest[:1].isspace() and rest.strip()[:1].isupper() and not text[-2:-1].isupper()


HELP = """Say in another language what is said in a WAV file.

It goes at the pace of speech, as the service wants it; --fast is for servers that take it faster,
such as that of --local.

Examples:

  voxwire translate talk.wav --to es
  voxwire translate talk.wav --to es -o charla.wav
  voxwire translate --local --fast talk.wav --to es --source --json
"""


def translate(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(help="A WAV file; - is stdin.", metavar="FILE", show_default=False)
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="The language to translate into, such as es.",
            metavar="LANGUAGE",
            show_default=False,
            rich_help_panel=SESSION,
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            envvar="VOXWIRE_TRANSLATION_MODEL",
            help="Who translates; gpt-realtime-translate, if left out.",
            show_default=False,
            rich_help_panel=SESSION,
            autocompletion=translators,
        ),
    ] = None,
    source: Annotated[
        bool,
        typer.Option("--source", help="Show what was said, too.", rich_help_panel=OUTPUT),
    ] = False,
    fast: Annotated[
        bool,
        typer.Option(
            "--fast",
            help="Send it as fast as it goes, not at the pace of speech.",
            rich_help_panel=SESSION,
        ),
    ] = False,
    local: Local = False,
    script: Scripted = None,
    server: Server = ServerName.OPENAI,
    url: Url = None,
    resource: Resource = None,
    insecure: Insecure = False,
    ca: CA = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the spoken translation to this WAV file.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    record: Record = None,
    as_json: Json = False,
) -> None:
    """Say it in another language."""
    import asyncio

    from .target import place_of
    from .wav_files import writable

    place = place_of(
        context,
        local=local,
        script=script,
        server=server,
        url=url,
        resource=resource,
        insecure=insecure,
        ca=ca,
    )
    if output is not None:
        writable(output)
    settings: dict[str, Any] = {
        "to": to,
        "model": model,
        "transcription": "gpt-realtime-whisper" if source else None,
        "speed": None if fast else 1.0,
        "record": record,
    }
    given = {
        name: value for name, value in settings.items() if value is not None or name == "speed"
    }
    raise typer.Exit(asyncio.run(_run(place, given, file, output, as_json)))


async def _run(
    place: CommandTarget, settings: dict[str, Any], file: str, output: Path | None, as_json: bool
) -> int:
    from contextlib import AsyncExitStack

    from .. import connect_translation
    from ..audio.files import write_wav
    from .event_text import Kind, Piece
    from .printer import Above, JsonLines, Plain, Printer, View
    from .screen import fail, screen, steps
    from .usage_text import bill, show_bill
    from .wav_files import Measured, sound_file

    sound = sound_file(file)
    console = screen()
    view: View = JsonLines(console, numbered=False) if as_json else Plain(console)
    # Words stream where there is one stream of them to read.
    streams = not as_json and "transcription" not in settings
    if console.is_terminal and not as_json:
        view = Printer(console) if streams else Above(console)
    spoken: list[bytes] = []
    said, source = SentencePrinter(), SentencePrinter()

    def show(who: str, kind: Kind, told: Iterable[tuple[str, int | None]]) -> None:
        for text, at_ms in told:
            data = {} if at_ms is None else {"at_ms": at_ms}
            view.show(Piece(who=who, kind=kind, text=text, data=data))

    something, sentences = False, 0
    async with AsyncExitStack() as stack:
        # Where words stream to the same terminal there is no room for a bar.
        seen = console.is_terminal and streams
        bar = steps("translating", unit="s", shown=not seen, console=console)
        step = stack.enter_context(bar)
        pace = 1.0 if settings["speed"] else None
        where = await stack.enter_async_context(place.reached(pace=pace))
        session = await stack.enter_async_context(connect_translation(**where, **settings))
        async for chunk in session.translate(Measured(sound, session.session, step)):
            something = something or bool(chunk.text or chunk.audio)
            if chunk.audio and output is not None:
                spoken.append(chunk.audio)
            if streams and chunk.text:
                for part, ended in said.cut(chunk.text):
                    key = f"sentence {sentences}"
                    if part:
                        view.show(Piece(who="translation", kind="spoken", text=part, key=key))
                    sentences += ended
                list(said.put(chunk.text, None))
            elif chunk.text:
                show("translation", "spoken", said.put(chunk.text, chunk.elapsed_ms))
            if chunk.source_text:
                show("speaker", "heard", source.put(chunk.source_text, chunk.elapsed_ms))
        show("speaker", "heard", source.rest())
        if not streams:
            show("translation", "spoken", said.rest())
        usage = session.usage
    if as_json:
        for piece in bill(usage, local=place.local):
            view.show(piece)
    view.end_line()
    if output is not None and spoken:
        write_wav(output, spoken)
    if not as_json:
        show_bill(usage, local=place.local)
    if not something:
        fail("nothing was translated: no speech was found in it")
        return 1
    return 0
