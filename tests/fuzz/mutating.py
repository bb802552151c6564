"""Spoils frames with knowledge of their structure: fields, tags, ids, numbers, bytes, order.

Everything comes from one source of chance, so that the same seed spoils the same way. Knows no
target.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from voxwire_protocol.names import REALTIME_CLIENT, REALTIME_SERVER, TRANSLATION_SERVER

from . import seeds
from .cases import Step

TAGS = sorted({*REALTIME_SERVER, *REALTIME_CLIENT, *TRANSLATION_SERVER})
INNER = [
    "message", "function_call", "function_call_output", "mcp_call", "mcp_list_tools",
    "mcp_approval_request", "mcp_approval_response", "item_reference", "input_text", "output_text",
    "input_audio", "output_audio", "text", "audio", "input_image", "server_vad", "semantic_vad",
    "none", "auto", "function", "mcp", "realtime", "transcription", "tokens", "duration", "user",
    "assistant", "system", "completed", "in_progress", "incomplete", "failed", "cancelled",
]  # fmt: skip
IDS = [
    "a", "b", "root", "", " ", "None", "null", "item_1", "__class__", "../../etc/passwd", "\x00",
    "\u202e", "a" * 65, "i" * 100_000, "é", "😀", "%s%n", "{0}", "call_1", "0", "-1",
]  # fmt: skip
NUMBERS = [
    0, -1, 1, 2**31, 2**53, 2**63, -(2**63), 2**64, 10**40, 0.5, -0.0, 1e308, 1e-320, 3.9999, 24000,
]  # fmt: skip
BASE64 = [
    "A",
    "AA",
    "AA=",
    "====",
    "AAAA====",
    "A A A A",
    "_-_-",
    "é",
    "AAAAA",
    "\n",
    "AAAA" * 9000,
]


class Raw(str):
    """Text that stands in the frame as it is, where JSON would have a value."""


class Again(str):
    """A key that may stand in an object beside itself."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


RAW = [
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000, "-0", "1E2", '"\\ud800"',
    '"\\udc00\\ud800"', '"\\u0000"', "[" * 60 + "]" * 60, "[" * 3000 + "]" * 3000, '{"a":' * 200
    + "1" + "}" * 200, "tru", "", "'x'", "0x10", '"\t"', '"\\x"', "01", '"\ud800"',
]  # fmt: skip


def write(value: Any, spaced: bool = False) -> str:
    """JSON text, with the raw pieces as they are and keys as often as they are there."""
    if isinstance(value, Raw):
        return str(value)
    comma, colon = (" ,\n ", " : ") if spaced else (",", ":")
    if isinstance(value, dict):
        entries = (f"{json.dumps(str(k))}{colon}{write(v, spaced)}" for k, v in value.items())
        return f"{{{comma.join(entries)}}}"
    if isinstance(value, list):
        return f"[{comma.join(write(entry, spaced) for entry in value)}]"
    return json.dumps(value, ensure_ascii=False)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value: the container, and the key or index in it."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, entry in entries:
        yield value, key
        if isinstance(entry, (dict, list)):
            yield from places(entry)


class Mutator:
    """Spoils events and sequences."""

    def __init__(self, chance: random.Random, *, recordings: bool = True) -> None:
        self.chance = chance
        self.recordings = recordings

    # --- values ---------------------------------------------------------------------------------

    def value(self) -> Any:
        """Anything that may stand in a field."""
        pick = self.chance.choice
        return pick([
            lambda: None,
            lambda: pick([True, False]),
            lambda: pick(NUMBERS),
            lambda: pick(IDS),
            lambda: pick(INNER + TAGS),
            lambda: Raw(pick(RAW)),
            lambda: pick(BASE64),
            lambda: "x" * pick([1, 1000, 300_000]),
            list,
            dict,
            lambda: [self.value() for _ in range(self.chance.randrange(4))],
            lambda: {pick(IDS + INNER): self.value() for _ in range(self.chance.randrange(3))},
            lambda: {"type": pick(INNER), "id": pick(IDS), "role": pick(INNER)},
        ])()  # fmt: skip

    def spoil(self, event: Any) -> None:
        """Change one thing inside an event, in place."""
        known = list(places(event))
        if not known:
            return
        parent, key = self.chance.choice(known)
        value = parent[key]
        match self.chance.choice(
            ["drop", "null", "value", "value", "tag", "id", "number", "twice", "swap", "rename",
             "wrap", "grow", "cut", "add", "base64"]
        ):  # fmt: skip
            case "drop":
                del parent[key]
            case "null":
                parent[key] = None
            case "tag":
                tagged = [(p, k) for p, k in known if k in ("type", "role", "status", "object")]
                parent, key = self.chance.choice(tagged or [(parent, key)])
                parent[key] = self.chance.choice(TAGS if parent is event else INNER)
            case "id":
                named = [(p, k) for p, k in known if isinstance(k, str) and k.endswith("id")]
                parent, key = self.chance.choice(named or [(parent, key)])
                parent[key] = self.chance.choice(IDS)
            case "number":
                parent[key] = self.chance.choice(NUMBERS)
            case "base64":
                parent[key] = self.chance.choice(BASE64)
            case "twice" if isinstance(parent, dict):
                parent[Again(key)] = self.value()
            case "swap":
                other, place = self.chance.choice(known)
                one, two = copy.deepcopy(parent[key]), copy.deepcopy(other[place])
                parent[key], other[place] = two, one
            case "rename" if isinstance(parent, dict):
                parent[self.chance.choice(IDS + INNER)] = parent.pop(key)
            case "wrap":
                parent[key] = self.chance.choice([[value], {"type": value}, [value, value]])
            case "grow" if isinstance(value, list) and value:
                parent[key] = value * self.chance.choice([2, 50])
            case "cut" if isinstance(value, (str, list)):
                parent[key] = value[: len(value) // 2]
            case "add" if isinstance(value, dict):
                value[self.chance.choice(IDS + INNER)] = self.value()
            case _:
                parent[key] = self.value()

    def _deep(self, event: dict[str, Any]) -> None:
        """Put another event's insides, or the event itself, somewhere into it."""
        known = list(places(event))
        if known:
            parent, key = self.chance.choice(known)
            other, place = self.chance.choice(known)
            parent[key] = copy.deepcopy(other[place])

    def text(self, event: Any) -> str | bytes:
        """An event, spoilt more or less, as a frame."""
        event = copy.deepcopy(event)
        for _ in range(self.chance.choice([0, 1, 1, 1, 2, 2, 3, 6])):
            (self._deep if self.chance.random() < 0.1 else self.spoil)(event)
        text = write(event, spaced=self.chance.random() < 0.2)
        return text if self.chance.random() < 0.85 else self.bytes(text)

    def bytes(self, text: str) -> str | bytes:
        """The frame, damaged below its structure."""
        frame = text.encode("utf-8", "surrogatepass")
        at = self.chance.randrange(len(frame) + 1)
        match self.chance.choice(["cut", "byte", "insert", "double", "bom", "nul", "escape"]):
            case "cut":
                return frame[:at]
            case "byte":
                return frame[:at] + bytes([self.chance.randrange(256)]) + frame[at + 1 :]
            case "insert":
                piece = self.chance.choice(
                    [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b'"', b"{", b","]
                )
                return frame[:at] + piece + frame[at:]
            case "double":
                return frame + frame
            case "bom":
                return b"\xef\xbb\xbf" + frame
            case "escape":
                return text.replace('"type"', '"\\u0074ype"', 1)
            case _:
                return frame + b"\x00"

    # --- sequences ------------------------------------------------------------------------------

    def session(self, family: str, *, server: bool, client: bool) -> list[Step]:
        """A session of a family with its order and some of its frames spoilt."""
        events = seeds.session(family, self.chance, self.recordings)
        keep = {"s2c"} if not client else {"c2s"} if not server else {"s2c", "c2s"}
        events = [(way, event) for way, event in events if way in keep]
        start = self.chance.randrange(max(1, len(events)))
        if self.chance.random() < 0.5:
            start = 0
        events = events[start : start + self.chance.choice([5, 30, 80])]
        for _ in range(self.chance.choice([0, 1, 2, 5])):
            self._reorder(events, family, keep)
        share = self.chance.choice([0.0, 0.05, 0.3])
        return [
            Step(way, self.text(event) if self.chance.random() < share else write(event))
            for way, event in events
        ]

    def _reorder(self, events: seeds.Frames, family: str, keep: set[str]) -> None:
        at = self.chance.randrange(len(events) + 1)
        to = self.chance.randrange(len(events) + 1)
        match self.chance.choice(["drop", "again", "move", "foreign", "reverse"]):
            case "drop":
                del events[at : at + self.chance.choice([1, 1, 4])]
            case "again":
                events[to:to] = events[at : at + self.chance.choice([1, 1, 4])]
            case "move" if at < len(events):
                events.insert(to, events.pop(at))
            case "reverse":
                events[at : at + 6] = events[at : at + 6][::-1]
            case _:
                way = self.chance.choice(sorted(keep))
                named = family if family == "translation" else "realtime"
                event = seeds.event(named, way, self.chance, self.recordings)
                events.insert(at, (way, event))
