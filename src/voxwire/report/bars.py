"""What took time, as bars on three lanes: speech, responses, playing, tools.

It draws together what others measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from .clock import Clock
from .model import Bar, Exchange, Turn
from .playback_estimate import PlaybackEstimate
from .turns import Note

__all__ = ["bars"]


def bars(
    notes: Mapping[str, Note],
    turns: Iterable[Turn],
    exchanges: Mapping[str, Exchange],
    listener: PlaybackEstimate,
    started: Mapping[str, float],
    clock: Clock,
) -> list[Bar]:
    """All bars of a connection, in the order in which they begin.

    Args:
        started: speech that has not ended: item -> since when.
    """
    by_id = {turn.id: turn for turn in turns}
    found: list[Bar] = []
    for note in notes.values():
        turn = by_id.get(note.id)
        known = note.id if turn is not None else None
        if note.speech is not None:
            begin, end = note.speech
            label = (turn.text or turn.missing) if turn is not None else ""
            found.append(
                Bar(lane="user", kind="speech", at=begin, end=end, turn=known, label=label)
            )
        if note.called is not None:
            # Until the client has sent the output; one that never came has no end.
            over = note.answered
            end = clock.now if over is None else over
            name = (note.item.name if note.item is not None else None) or "tool"
            found.append(
                Bar(
                    lane="tools",
                    kind="tool",
                    at=note.called,
                    end=max(end, note.called),
                    turn=known,
                    label=name,
                    open=over is None,
                )
            )
    for id, begin in started.items():
        end = max(begin, clock.now)
        known = id if id in by_id else None
        found.append(Bar(lane="user", kind="speech", at=begin, end=end, turn=known, open=True))
    for turn in by_id.values():
        if turn.kind == "system" and turn.audio:
            continue  # silence
        if turn.kind in ("user", "system", "source", "translation") and not (
            turn.kind == "user" and turn.spoken
        ):
            bar = Bar(
                lane="user", kind="sent", at=turn.at, end=turn.end, turn=turn.id, label=turn.text
            )
            if turn.kind == "translation":
                bar = attrs.evolve(bar, lane="model", kind="response")
            found.append(bar)
    first: dict[str, str] = {}
    spoken: dict[str, str] = {}
    for turn in by_id.values():
        if turn.response is not None:
            first.setdefault(turn.response, turn.id)
            if turn.kind == "assistant":
                spoken.setdefault(turn.response, turn.id)
    for exchange in exchanges.values():
        end = clock.now if exchange.end is None else exchange.end
        found.append(
            Bar(
                lane="model",
                kind="response",
                at=exchange.at,
                end=max(end, exchange.at),
                turn=first.get(exchange.id),
                label=exchange.status or "in progress",
                open=exchange.end is None,
                cut=exchange.status in ("cancelled", "failed", "incomplete"),
            )
        )
    for voice in listener.voices.values():
        turn = by_id.get(voice.id)
        spans = [(span.at, span.over) for span in voice.spans]
        if not clock.timed and spans:
            spans = [(spans[0][0], spans[-1][1])]  # the gaps are those of the steps
        for begin, end in spans:
            found.append(
                Bar(
                    lane="model",
                    kind="playback",
                    at=begin,
                    end=end,
                    turn=None if turn is None else turn.id,
                    label="" if turn is None else turn.text,
                    cut=voice.cut is not None,
                )
            )
    for played in listener.calls:
        end = clock.now if played.end is None else played.end
        found.append(
            Bar(
                lane="model",
                kind="playback",
                at=played.at,
                end=max(end, played.at),
                turn=spoken.get(played.response or ""),
                open=played.end is None,
                cut=played.cut,
            )
        )
    return sorted(found, key=lambda bar: bar.at)
