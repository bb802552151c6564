"""Judges what a walk has noted: what was added, removed or changed upstream.

Knows which differences count; does not know which of them are meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .difference import Difference, shown
from .documents import Node
from .roots import FAMILIES, Direction, Roots
from .shapes import MISSING, Field, Shape
from .walk import Pairing, Sighting, Slot, Walk, values_path


def compare(ours: Roots, upstream: Roots) -> tuple[list[Difference], Walk]:
    """All differences, each once, and the notes that they come from."""
    walk = Walk()
    found: list[Difference] = []
    for label, _, direction in FAMILIES:
        found += _events(walk, label, ours, upstream, direction)
    found += _http(walk, ours, upstream)
    for name in sorted(ours.webhooks.keys() | upstream.webhooks.keys()):
        mine, theirs = ours.webhooks.get(name), upstream.webhooks.get(name)
        if mine and theirs:
            walk.visit(f"webhook {name}", mine, theirs, "received")
        else:
            found.append(_one_sided("webhook", f"webhook {name}", mine, theirs))
    for extra in walk.extras.values():
        found.append(
            Difference(
                "added",
                extra.what,
                extra.path,
                upstream=_summary(walk.shape(extra.source)),
                place=extra.place,
                source=extra.source,
                required=extra.required,
            )
        )
    for path, (node, there) in walk.members.items():
        if not there:
            found.append(Difference("removed", "member", path, place=node))
    for path, pairing in walk.fields.items():
        found += _field(path, pairing, walk)
    for path, slot in walk.slots.items():
        found += _place(path, slot)
        shared = walk.values[values_path(path, slot.ours)]
        # A definition that differs everywhere is told once; one that differs here is told here.
        if shared.kinds == shared.ours.kinds:
            found += _kinds(path, slot)
    for path, slot in walk.values.items():
        if slot.upstream:
            found += _kinds(path, slot)
            found += _values(path, slot)
            found += _limits(path, slot)
    each = {(d.kind, d.path, shown(d.upstream)): d for d in found}
    return sorted(each.values(), key=lambda d: (d.kind, d.path)), walk


def _one_sided(
    what: Any, path: str, mine: Node | None, theirs: Node | None, shown: Any = MISSING
) -> Difference:
    if mine is None:
        return Difference("added", what, path, upstream=shown, source=theirs)
    return Difference("removed", what, path, ours=shown, place=mine)


def _events(
    walk: Walk, label: str, ours: Roots, upstream: Roots, direction: Direction
) -> Iterator[Difference]:
    mine, theirs = ours.events.get(label, {}), upstream.events[label]
    for name in sorted(mine.keys() | theirs.keys()):
        if name in mine and name in theirs:
            walk.visit(f"{label} {name}", mine[name], theirs[name], direction)
        else:
            yield _one_sided("event", f"{label} {name}", mine.get(name), theirs.get(name))


def _http(walk: Walk, ours: Roots, upstream: Roots) -> Iterator[Difference]:
    for name in sorted(ours.operations.keys() | upstream.operations.keys()):
        mine, theirs = ours.operations.get(name), upstream.operations.get(name)
        if mine is None or theirs is None:
            yield _one_sided("operation", name, mine, theirs)
            continue
        left, right = _parts(mine), _parts(theirs)
        missing: list[str] = []
        for part in sorted(left.keys() | right.keys()):
            path = f"{name} {part}"
            if part not in left or part not in right:
                # A whole answer that is missing is told once, not again for each media type.
                if not any(part.startswith(f"{whole} ") for whole in missing):
                    missing.append(part)
                    yield _one_sided("operation", path, left.get(part), right.get(part))
                continue
            if part == "request" or part.startswith("parameter "):
                yield from _required(path, left[part], right[part])
            a, b = left[part].get("schema"), right[part].get("schema")
            if a is not None and b is not None:
                walk.visit(path, a, b, "received" if part.startswith("response") else "sent")


def _parts(operation: Node) -> dict[str, Node]:
    """What an operation is made of: parameters, bodies by media type, answers by status."""
    parts: dict[str, Node] = {}
    shared = Node(operation.document, operation.file, operation.keys[:-1])
    for holder in (shared, operation):
        for parameter in holder.children("parameters"):
            end = parameter.resolved()
            parts[f"parameter {end.value['in']} {end.value['name']}"] = end
    body = operation.get("requestBody")
    if body is not None:
        parts["request"] = body.resolved()
        for media in body.resolved().children("content"):
            parts[f"request {media.keys[-1]}"] = media
    for response in operation.children("responses"):
        status = f"response {response.keys[-1]}"
        end = response.resolved()
        parts[status] = end
        for media in end.children("content"):
            parts[f"{status} {media.keys[-1]}"] = media
        for header in end.children("headers"):
            parts[f"{status} header {header.keys[-1]}"] = header.resolved()
    return parts


def _required(path: str, mine: Node, theirs: Node) -> Iterator[Difference]:
    a, b = bool(mine.value.get("required")), bool(theirs.value.get("required"))
    if a != b:
        yield Difference("changed", "required", f"{path}#required", a, b, mine, theirs)


def _field(path: str, pairing: Pairing, walk: Walk) -> Iterator[Difference]:
    ours, place = pairing.ours, pairing.node
    sent = [s for s in pairing.sightings if s.direction == "sent"]
    received = [s for s in pairing.sightings if s.direction == "received"]
    there = [s for s in pairing.sightings if s.found]
    looked = received if ours.read_only else pairing.sightings
    if looked and not there:
        shown = _summary(walk.shape(ours.node))
        yield Difference("removed", "field", path, ours=shown, place=place)
        return
    access = _access(sent, received)
    if ours.read_only:
        if any(s.found for s in sent):
            yield _changed("access", path, "read-only", "also sent", ours, there[0].found)
    elif there and access:
        yield _changed("access", path, "everywhere", access, ours, there[0].found)
    for side in (sent, received):
        demanding = [s for s in side if s.found]
        # One class for requests and answers cannot require what only answers have.
        if ours.required or not demanding or (ours.read_only and sent):
            continue
        if all(s.required for s in demanding):
            yield _changed("required", path, False, True, ours, demanding[0].found)
    # Where ours splits one upstream object by its tag, ours may well require more.
    if ours.required and any(not s.required and not s.split for s in there):
        loose = next(s for s in there if not s.required and not s.split)
        yield _changed("required", path, True, False, ours, loose.found)


def _access(sent: Sequence[Sighting], received: Sequence[Sighting]) -> str | None:
    """Where upstream has a field, if not everywhere. Objects that ours splits do not tell."""
    sent, received = ([s for s in side if s.found or not s.split] for side in (sent, received))
    if all(s.found for s in (*sent, *received)):
        return None
    if sent and received and not any(s.found for s in sent):
        return "read-only"
    if sent and received and not any(s.found for s in received):
        return "only sent"
    return "not everywhere"


def _changed(what: Any, path: str, mine: Any, theirs: Any, ours: Field, found: Sequence[Field]
) -> Difference:  # fmt: skip
    return Difference(
        "changed", what, f"{path}#{what}", mine, theirs, ours.node, found[0].node if found else None
    )


def _place(path: str, slot: Slot) -> Iterator[Difference]:
    ours, shapes = slot.ours, [shape for shape, _ in slot.upstream]
    source = slot.upstream[0][1]
    nullable = any(s.nullable for s in shapes)
    if nullable != ours.nullable:
        yield Difference(
            "changed", "nullable", f"{path}#nullable", ours.nullable, nullable, slot.node, source
        )
    if any(s.deprecated for s in shapes) and not ours.deprecated:
        yield Difference(
            "changed", "deprecated", f"{path}#deprecated", False, True, slot.node, source
        )
    yield from _stated(path, "default", slot, ours.default, [s.default for s in shapes])


def _kinds(path: str, slot: Slot) -> Iterator[Difference]:
    kinds = slot.kinds
    if kinds != slot.ours.kinds:
        mine, theirs = " | ".join(sorted(slot.ours.kinds)), " | ".join(sorted(kinds))
        source = next(node for shape, node in slot.upstream if shape.kinds != slot.ours.kinds)
        yield Difference("changed", "type", f"{path}#type", mine, theirs, slot.node, source)


def _limits(path: str, slot: Slot) -> Iterator[Difference]:
    ours, shapes = slot.ours, [shape for shape, _ in slot.upstream]
    for key in sorted(ours.limits.keys() | {k for s in shapes for k in s.limits}):
        limit = ours.limits.get(key, MISSING)
        yield from _stated(path, key, slot, limit, [s.limits.get(key, MISSING) for s in shapes])


def _values(path: str, slot: Slot) -> Iterator[Difference]:
    """Enum values, each by itself, and whether others are allowed beside them."""
    ours = slot.ours
    # Opposite to an enum of ours, a bare string of upstream is vagueness: it tells no values.
    telling = [(s, node) for s, node in slot.upstream if s.values]
    if not telling:
        if ours.values and not ours.open:
            yield Difference(
                "changed", "type", f"{path}#values", ours.values, "any", slot.node,
                slot.upstream[0][1],
            )  # fmt: skip
        elif ours.values:
            for value in ours.values:
                yield Difference("removed", "value", f"{path}={value}", place=slot.node)
        return
    upstream: dict[Any, Node] = {}
    for shape, node in telling:
        for value in shape.values:
            upstream.setdefault(value, node)
    for value, node in upstream.items():
        if value not in ours.values:
            yield Difference(
                "added", "value", f"{path}={value}", upstream=value, place=slot.node, source=node
            )
    for value in ours.values:
        if any(value not in shape.values for shape, _ in telling):
            yield Difference("removed", "value", f"{path}={value}", ours=value, place=slot.node)
    is_open = any(s.open for s, _ in telling)
    if ours.values and is_open != ours.open:
        words = {True: "open", False: "closed"}
        yield Difference(
            "changed", "type", f"{path}#values", words[ours.open], words[is_open], slot.node,
            telling[0][1],
        )  # fmt: skip


def _stated(
    path: str, key: str, slot: Slot, mine: Any, theirs: Sequence[Any]
) -> Iterator[Difference]:
    """A limit or a default: what upstream states anywhere, ours must state as well."""
    stated: list[Any] = []
    for value in theirs:
        if value is not MISSING and value not in stated:
            stated.append(value)
    what: Any = "default" if key == "default" else "limit"
    if not stated and mine is not MISSING:
        yield Difference("removed", what, f"{path}#{key}", ours=mine, place=slot.node)
    for value in stated:
        if value != mine:
            node = next(n for (_, n), v in zip(slot.upstream, theirs, strict=True) if v == value)
            kind: Any = "added" if mine is MISSING else "changed"
            yield Difference(kind, what, f"{path}#{key}", mine, value, slot.node, node)


def _summary(shape: Shape) -> str:
    words = " | ".join(sorted(shape.kinds)) or "any"
    if shape.values:
        listed = ", ".join(str(v) for v in shape.values[:6])
        words += f" ({listed}{', …' if len(shape.values) > 6 else ''})"
    return words + (" or null" if shape.nullable else "")
