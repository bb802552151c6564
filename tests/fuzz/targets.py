"""The targets: how a case for each is made up, and what is to hold for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import attrs
from built_frames import example

from . import (
    on_codec,
    on_conversation,
    on_core,
    on_desk,
    on_emulator,
    on_recording,
    seeds,
)
from .cases import Case, Step
from .mutating import Mutator, write

ACTS = [
    "respond wait", "respond wait", "respond merge", "cancel", "interrupt",
    "played 0", "played 20", "played 1e9", "audio 0", "audio 4800",
]  # fmt: skip

BODIES = {
    "secrets": "ClientSecretCreateRequest",
    "translation": "TranslationClientSecretCreateRequest",
    "sessions": "LegacySessionCreateRequest",
    "transcriptions": "LegacyTranscriptionSessionCreateRequest",
    "accept": "RealtimeSession",
    "reject": "CallRejectRequest",
    "refer": "CallReferRequest",
}


@attrs.frozen
class Target:
    """Something to be tried: what plays a case raises where something does not hold."""

    name: str
    make: Callable[[Mutator, str], list[Step]]
    play: Callable[[Case], None]

    def case(self, chance: random.Random, *, recordings: bool) -> Case:
        """A case by chance."""
        return Case(self.name, tuple(self.make(Mutator(chance, recordings=recordings), self.name)))


def _frames(mutator: Mutator, name: str) -> list[Step]:
    way = mutator.chance.choice(["s2c", "c2s"])
    event = seeds.event(name.split()[1], way, mutator.chance, mutator.recordings)
    return [Step(way, mutator.text(event))]


def _conversation(mutator: Mutator, name: str) -> list[Step]:
    steps = mutator.session("realtime", server=True, client=True)
    if mutator.chance.random() < 0.5:
        steps.insert(0, Step("audio", str(mutator.chance.choice([0, 1, 4801, 48000]))))
    return steps


def _core(mutator: Mutator, name: str) -> list[Step]:
    family = "translation" if name.endswith("translation") else "realtime"
    steps = mutator.session(family, server=True, client=mutator.chance.random() < 0.3)
    for _ in range(mutator.chance.choice([0, 1, 3, 8])):
        # A translation has no responses: to ask for one is the caller's mistake.
        acts = [act for act in ACTS if family == "realtime" or not act.startswith("respond")]
        act = Step("do", mutator.chance.choice(acts))
        steps.insert(mutator.chance.randrange(len(steps) + 1), act)
    return steps


def _client(mutator: Mutator, name: str) -> list[Step]:
    family = {"beta": "realtime"}.get(name.split()[1], name.split()[1])
    return mutator.session(family, server=False, client=True)


def _body(mutator: Mutator, name: str) -> list[Step]:
    turn = mutator.chance.randrange(12)
    asked = example(BODIES[name.split()[1]], turn, full=mutator.chance.random() < 0.5, sending=True)
    return [Step("c2s", mutator.text(asked) if mutator.chance.random() < 0.95 else write(asked))]


def _recording(mutator: Mutator, name: str) -> list[Step]:
    steps = mutator.session(name.split()[1], server=True, client=True)
    if mutator.chance.random() < 0.5:
        told: dict[str, Any] = mutator.chance.choice([
            {"dir": "close", "t": 1.0, "code": 1000, "reason": "", "by": "server"},
            {"dir": "meta", "t": 1.0, "format": 1, "url": "wss://h.test/?model=m", "headers": {}},
            {"dir": "s2c", "t": 1.0, "raw": "no JSON"},
            {"dir": "c2s", "raw": "AAAA", "encoding": "base64"},
            {"dir": "s2c", "event": {}, "left_out": {"/delta": 4}},
        ])  # fmt: skip
        line = mutator.text(told)
        # A line of a file ends where a line ends.
        flat = " ".join(line.split("\n")) if isinstance(line, str) else b" ".join(line.split(b"\n"))
        steps.insert(mutator.chance.randrange(len(steps) + 1), Step("line", flat))
    return steps


def _webhook(mutator: Mutator, name: str) -> list[Step]:
    return [
        Step("line", mutator.text(example("RealtimeCallIncoming", mutator.chance.randrange(4))))
    ]


def _all() -> list[Target]:
    found = [Target(f"codec {name}", _frames, on_codec.play) for name in on_codec.CODECS]
    found += [
        Target(f"conversation {audio}", _conversation, on_conversation.play)
        for audio in ("none", "some", "all")
    ]
    found += [Target(f"core {name}", _core, on_core.play) for name in on_core.CODECS]
    found += [
        Target(f"emulator {name}", _client, on_emulator.play)
        for name in ("realtime", "transcription", "translation", "beta")
    ]
    found += [
        Target("recording realtime", _recording, on_recording.play),
        Target("recording translation", _recording, on_recording.play),
        Target("webhook call", _webhook, on_recording.play_webhook),
    ]
    found += [Target(f"desk {name}", _body, on_desk.play) for name in on_desk.PATHS]
    return found


TARGETS = {target.name: target for target in _all()}
