"""What all generated models share; knows attrs, msgspec and JSON values, and no single model.

The contract with the generated modules (``models.py``, ``unions.py``, ``names.py``, ``rules.py``):

**Models.** ``@attrs.frozen(kw_only=True, repr=False)`` on a subclass of :class:`Model`,
:class:`ServerEvent` or :class:`ClientEvent`; attribute names are the JSON keys. The class body has
``__hash__ = Model.__hash__``, and, where there is something to hide from ``repr``,
``_audio_ = frozenset({"delta"})`` and ``_secret_ = frozenset({"value"})`` (both plain class
attributes, annotated ``ClassVar[frozenset[str]]``). A property that gives bytes is
``return audio_bytes(self.delta)``. JSON numbers are ``int | float``, so that ``1`` stays ``1``.

**Unions.** A union of two or more objects is a marker class at run time::

    if TYPE_CHECKING:
        ConversationItem: TypeAlias = SystemMessage | UserMessage | FunctionCall | Unknown
    else:
        ConversationItem = union(
            "ConversationItem",
            __name__,
            by=("type", "role"),
            members={
                "message": {"system": "SystemMessage", "user": "UserMessage"},
                "function_call": "FunctionCall",
            },
            default=None,
            scalars=(),
        )

``members`` maps the value of the first key of ``by`` to a class name, or to a table for the second
key; an alias of a tag is one more entry. The names are looked up, when first needed, in the
``models`` module beside this one (or in the module that ``home=`` names). ``default`` is the member
for an object without a tag. ``scalars`` are the members that are no objects, as types: ``str``,
``int``, ``float``, ``bool``, ``list[str]``. A union of scalars and at most one class needs no
marker: ``str | CustomVoice | None | UnsetType`` is enough.

**Reading.** ``msgspec.json.Decoder(cls, dec_hook=dec_hook)`` is the fast path. Where it refuses,
:func:`structure` builds the same class from plain JSON values and never raises: what fits is typed,
what does not is left as it came, a required field that is missing is ``UNSET``. A member of a union
whose tag is unknown is :class:`Unknown` on both paths.

**Rules.** ``RULES: dict[str, dict[str, Rule]]``: class name -> field -> literal dict. ``UNIONS:
dict[str, Rule]`` gives each named union as ``{"by": (...), "members": {...}, "default": ...,
"scalars": (rule, ...)}`` with the same table as the marker. A rule has these keys, each left out
where it says nothing:

    required      True where the field must be there (never for what only the server sets)
    null          True where null is documented
    read_only     True for what only the server sets
    type          "string" | "integer" | "number" | "boolean" | "array" | "object"; absent: anything
    const         the one value (for an event with aliases: the canonical one)
    enum          tuple of all values, closed enums only
    minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of
    min_length, max_length, pattern, base64 (True)
    min_items, max_items, min_properties, max_properties
    items         rule of a list's elements (type "array")
    values        rule of a free map's values (type "object")
    ref           name of a class in RULES, or of a union in UNIONS
    any_of        tuple of rules, one of which must hold (inline unions)
    deprecated, secret   True; for the reference pages
"""

# Here, values of every kind pass through: what a strict checker calls unknown is the subject.
# pyright: basic, reportPrivateUsage=false

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from types import NoneType, UnionType
from typing import (
    Any,
    ClassVar,
    Final,
    Literal,
    Self,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs
import msgspec
import pybase64
from attrs.exceptions import FrozenInstanceError
from msgspec import UNSET, UnsetType

__all__ = [
    "UNSET",
    "ClientEvent",
    "Event",
    "Model",
    "Problem",
    "ServerEvent",
    "Unknown",
    "UnknownEvent",
    "UnsetType",
    "audio_bytes",
    "dec_hook",
    "enc_hook",
    "fields_of",
    "problems",
    "set_frame",
    "structure",
    "union",
]

_M = TypeVar("_M", bound="Model")

# A repr is for people: longer strings (instructions, data URLs) show their beginning.
_SHOWN: Final = 200
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Model:
    """What every generated type is: frozen, compared by value, three states for a field.

    A field that was left out is ``UNSET``, ``None`` is JSON null, anything else is the value.
    ``attrs.evolve(model, field=value)`` gives a changed copy.
    """

    __slots__ = ()

    _audio_: ClassVar[frozenset[str]] = frozenset()
    _secret_: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build from JSON values and never fail on a field: see ``problems`` for what did not fit.

        Undeclared keys are not kept.
        """
        return structure(cls, dict(data))

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, without the fields that are ``UNSET``; lists and dicts are copies."""
        return {
            name: plain(value)
            for name in fields_of(type(self))
            if (value := getattr(self, name)) is not UNSET
        }

    def __hash__(self) -> int:
        return hash((type(self), *(_frozen(getattr(self, name)) for name in fields_of(type(self)))))

    def __repr__(self) -> str:
        plan = _plan(type(self))
        parts = [
            f"{name}={self._shown(name, value, shape)}"
            for name, shape, default in plan.fields
            # A tag that says what the class name says already is noise.
            if (value := getattr(self, name)) is not UNSET and value != default
        ]
        return f"{type(self).__name__}({', '.join(parts)})"

    def _shown(self, name: str, value: object, shape: _Shape) -> str:
        if value is None:
            return "None"
        if name in self._secret_:
            return "<secret>"
        if name in self._audio_ and isinstance(value, (str, bytes)):
            return f"<{len(value)} chars>"
        if _misfit(shape, value):
            # It sits where another type belongs, so nothing says whether it holds a secret.
            return f"<{_json_name(value)}>"
        return _short(value)


class Event(Model):
    """A model that is a frame of its own, in either direction."""

    __slots__ = ("_frame",)

    _frame: bytes

    @property
    def type(self) -> str:
        """Its name on the wire, as it was received or is sent."""
        raise NotImplementedError  # a field of each event

    @property
    def raw(self) -> bytes | None:
        """The exact frame that was received; ``None`` for an event built by hand."""
        return getattr(self, "_frame", None)


class ServerEvent(Event):
    """An event that the server sends."""

    __slots__ = ()


class ClientEvent(Event):
    """An event that the client sends."""

    __slots__ = ()


# The slot's own setter: it passes by the frozen ``__setattr__`` and costs no Python call.
set_frame: Final = Event.__dict__["_frame"].__set__


class _Frozen:
    """For the two classes that are no attrs classes, so that msgspec asks ``enc_hook`` for them."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError


class Unknown(_Frozen):
    """A member of a union that the specification does not know, as it came.

    Attributes:
        type: its tag, where it is an object with one.
        payload: the JSON value.
    """

    __slots__ = ("payload", "type")
    __match_args__ = ("type", "payload")

    type: str | None
    payload: Any

    def __init__(self, type: str | None, payload: Any) -> None:
        object.__setattr__(self, "type", type)
        object.__setattr__(self, "payload", payload)

    def to_dict(self) -> Any:
        """The JSON value, copied."""
        return plain(self.payload)

    def __eq__(self, other: object) -> bool:
        return self.payload == other.payload if isinstance(other, Unknown) else NotImplemented

    def __hash__(self) -> int:
        return hash((Unknown, _frozen(self.payload)))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Unknown, (self.type, self.payload))

    def __repr__(self) -> str:
        # Keys only: nothing says which of the values is audio or a secret.
        return f"Unknown(type={self.type!r}, {_keys(self.payload)})"


class UnknownEvent(_Frozen, Event):
    """A frame that is no event of the specification; nothing in it is lost.

    Attributes:
        type: the wire name; empty where there is none.
        payload: the JSON value; ``UNSET`` where the frame is no JSON.
        reason: why it is no event; ``None`` where only its wire name is unknown.
    """

    __slots__ = ("payload", "reason", "type")
    __match_args__ = ("type", "payload")

    type: str
    payload: Any
    reason: str | None

    def __init__(
        self,
        type: str | None,
        payload: Any = UNSET,
        *,
        raw: bytes | None = None,
        reason: str | None = None,
    ) -> None:
        object.__setattr__(self, "type", type or "")
        object.__setattr__(self, "payload", payload)
        object.__setattr__(self, "reason", reason)
        if raw is not None:
            set_frame(self, raw)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; empty where the frame holds none."""
        return plain(self.payload) if isinstance(self.payload, dict) else {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UnknownEvent):
            return NotImplemented
        if self.payload is UNSET:
            return other.payload is UNSET and self.raw == other.raw
        return bool(self.payload == other.payload)

    def __hash__(self) -> int:
        return hash((UnknownEvent, self.raw if self.payload is UNSET else _frozen(self.payload)))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unknown_event, (self.type, self.payload, self.raw, self.reason))

    def __repr__(self) -> str:
        why = f", reason={self.reason!r}" if self.reason else ""
        return f"UnknownEvent(type={self.type!r}, {_keys(self.payload)}{why})"


def _unknown_event(
    type: str | None, payload: Any, raw: bytes | None, reason: str | None
) -> UnknownEvent:
    return UnknownEvent(type, payload, raw=raw, reason=reason)


# --- unions -------------------------------------------------------------------------------------


class _Union(type):
    """The type of a union marker: knows the members, and reads one from JSON values."""

    _by: tuple[str, ...]
    _members: Mapping[str, str | Mapping[str, str]]
    _default: str | None
    _scalars: tuple[Any, ...]
    _home: str
    _table: dict[Any, Any] | None
    _fallback: type[Model] | None
    _types: frozenset[type]
    _shape: _Shape

    def _resolve(cls) -> dict[Any, Any]:
        home = import_module(cls._home)
        table: dict[Any, Any] = {
            tag: (
                getattr(home, entry)
                if isinstance(entry, str)
                else {key: getattr(home, name) for key, name in entry.items()}
            )
            for tag, entry in cls._members.items()
        }
        cls._fallback = getattr(home, cls._default) if cls._default else None
        cls._shape = _shape_of(Union[(NoneType, *cls._scalars)])
        cls._shape.null = False
        flat: dict[Any, Any] = {}
        deep: dict[Any, Any] = {}
        for tag, entry in table.items():
            if type(entry) is dict:
                deep[tag] = {key: _box(member) for key, member in entry.items()}
            elif any(shape.marked for _, shape, _ in _plan(entry).fields):
                deep[tag] = _box(entry)
            else:
                flat[tag] = _box(entry)
        members: set[Any] = {cls._fallback, Unknown, *cls._shape.types} - {None}
        for entry in table.values():
            members.update(entry.values() if type(entry) is dict else (entry,))
        if cls._shape.items is not None:
            members.add(list)
        cls._types = frozenset(members)
        key, second = (*cls._by, None, None)[:2]
        cls._table, _SHORT[cls] = table, (key, flat, deep, second, cls._types)
        return table

    def __instancecheck__(cls, value: object) -> bool:
        if type(value) in cls._types:
            return True
        if cls._table is None:
            cls._resolve()
        return isinstance(value, tuple(cls._types))

    def read(cls, value: Any) -> Any:
        """The member that ``value`` is: an instance, a scalar as it came, or ``Unknown``."""
        table = cls._table
        if table is None:
            table = cls._resolve()
        if type(value) is dict:
            tag = value.get(cls._by[0]) if cls._by else None
            try:
                member = table.get(tag)
                if type(member) is dict:
                    member = member.get(value.get(cls._by[1]))
            except TypeError:  # a tag that is a list or an object
                member = None
            if member is None:
                if tag is None and cls._fallback is not None:
                    return structure(cls._fallback, value)
                return Unknown(tag if type(tag) is str else None, value)
            return structure(member, value)
        if type(value) in cls._types:
            return value
        return Unknown(None, value)


def union(
    name: str,
    module: str,
    *,
    by: tuple[str, ...],
    members: Mapping[str, str | Mapping[str, str]],
    default: str | None = None,
    scalars: tuple[Any, ...] = (),
    home: str | None = None,
) -> Any:
    """Make the run-time marker of a named union: see the module's docstring."""
    marker: Any = _Union(name, (), {"__module__": module, "__slots__": ()})
    marker._by, marker._members, marker._default = by, members, default
    marker._scalars, marker._table, marker._types = scalars, None, frozenset()
    marker._home = home or f"{__package__}.models"
    return marker


def dec_hook(kind: Any, value: Any) -> Any:
    """For msgspec: what a union marker stands for."""
    # The short way, for what fits; ``read`` is for all the rest.
    try:
        key, flat, deep, second, types = _SHORT[kind]
        if type(value) is dict:
            tag = value[key]
            box = flat.get(tag)
            if box is not None:
                return _convert((value,), box).value
            box = deep[tag]
            if type(box) is dict:
                box = box[value[second]]
            return _convert((value,), box, dec_hook=dec_hook).value
        if type(value) in types:
            return value
    except Exception:
        # Anything that does not fit, or that a server made up: `read` takes it all.
        pass
    return kind.read(value)


_convert: Final = msgspec.convert
# For the short way, by union: its first key; by tag the members with no union inside, and the
# others; its second key; and the types of what is no object. A table: attributes of a class with a
# metaclass of its own are found slowly.
_SHORT: dict[Any, tuple[Any, dict[Any, Any], dict[Any, Any], Any, frozenset[type]]] = {}
_BOXES: dict[type, Any] = {}


def _box(cls: type[Model]) -> Any:
    """A struct around one instance: msgspec looks up what it knows of a struct, and not of a class,
    without a detour, which halves the time of a small conversion.
    """
    box = _BOXES.get(cls)
    if box is None:
        box = _BOXES[cls] = msgspec.defstruct("Box", [("value", cls)], array_like=True)
    return box


def enc_hook(value: Any) -> Any:
    """For msgspec: the JSON value of what is no attrs class."""
    if isinstance(value, (Unknown, UnknownEvent)):
        return value.payload
    raise NotImplementedError(f"{type(value).__name__} is no JSON value")


# --- shapes: what a field may hold, read once from its annotation -------------------------------


class _Shape:
    """A type annotation, flattened: every way in which a value may fit."""

    __slots__ = ("any", "items", "literals", "marker", "model", "null", "types", "unset", "values")

    def __init__(self) -> None:
        self.any = False
        self.null = False
        self.unset = False
        self.types: set[type] = set()
        self.literals: list[Any] = []
        self.model: type[Model] | None = None
        self.marker: _Union | None = None
        self.items: _Shape | None = None
        self.values: _Shape | None = None

    @property
    def nested(self) -> bool:
        """Whether anything in here becomes an instance."""
        return bool(
            self.model
            or self.marker
            or (self.items and self.items.nested)
            or (self.values and self.values.nested)
        )

    @property
    def marked(self) -> bool:
        """Whether there may be a member of a union in here."""
        inner = (self.items, self.values)
        return bool(
            self.marker
            or any(shape is not None and shape.marked for shape in inner)
            or (self.model and any(shape.marked for _, shape, _ in _plan(self.model).fields))
        )

    def expected(self) -> str:
        """For people: what belongs here."""
        ways: list[str] = []
        if self.types & {str, int, float, bool}:
            ways += [_NAMES[kind] for kind in (str, int, float, bool) if kind in self.types]
            if "number" in ways and "integer" in ways:
                ways.remove("integer")
        if self.literals and str not in self.types:
            values = ", ".join(repr(value) for value in self.literals)
            ways.append(values if len(self.literals) == 1 else f"one of {values}")
        if self.model:
            ways.append(f"{self.model.__name__} object")
        if self.marker:
            scalars = self.marker._shape.expected() if self.marker._scalars else ""
            ways.append(f"{self.marker.__name__} object{' or ' + scalars if scalars else ''}")
        if self.items:
            ways.append(f"list of {self.items.expected()}")
        if self.values:
            ways.append("object")
        if self.null:
            ways.append("null")
        return " or ".join(ways) or "anything"


_NAMES: Final[dict[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "list",
    dict: "object",
    NoneType: "null",
}


def _shape_of(hint: Any, into: _Shape | None = None) -> _Shape:
    shape = into or _Shape()
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        for way in get_args(hint):
            _shape_of(way, shape)
    elif origin is Literal:
        shape.literals += get_args(hint)
    elif origin is list:
        shape.items = _shape_of(get_args(hint)[0])
    elif origin is dict:
        shape.values = _shape_of(get_args(hint)[1])
    elif hint is NoneType or hint is None:
        shape.null = True
    elif hint is UnsetType:
        shape.unset = True
    elif isinstance(hint, _Union):
        if hint._table is None:
            hint._resolve()
        shape.marker = hint
    elif isinstance(hint, type) and issubclass(hint, Model):
        shape.model = hint
    elif hint in (str, int, float, bool):
        shape.types.add(hint)
    else:
        shape.any = True
    return shape


class _Plan:
    """How to build one class from a dict, field by field."""

    __slots__ = ("fields", "names", "slots")

    def __init__(self, cls: type[Any]) -> None:
        hints = get_type_hints(cls)
        self.fields: list[tuple[str, _Shape, Any]] = []
        for field in attrs.fields(cls):
            default = UNSET if field.default is attrs.NOTHING else field.default
            self.fields.append((field.name, _shape_of(hints[field.name]), default))
        self.names = tuple(name for name, _, _ in self.fields)
        # With the slot's own setter: it passes by the frozen ``__setattr__``.
        self.slots = tuple(
            (name, getattr(cls, name).__set__, shape if shape.nested else None, default)
            for name, shape, default in self.fields
        )


_PLANS: dict[type, _Plan] = {}


def _plan(cls: type[Any]) -> _Plan:
    plan = _PLANS.get(cls)
    if plan is None:
        plan = _PLANS[cls] = _Plan(cls)
    return plan


def fields_of(cls: type[Model]) -> tuple[str, ...]:
    """The names of the fields, in the order of the specification."""
    return _plan(cls).names if attrs.has(cls) else ()


# --- reading what does not fit ------------------------------------------------------------------


def structure(cls: type[_M], data: dict[str, Any], *, strict_first: bool = True) -> _M:
    """Build ``cls`` from JSON values; never raises.

    ``strict_first=False`` saves the attempt where msgspec is known to refuse.
    """
    if strict_first:
        try:
            return cast(_M, msgspec.convert((data,), _box(cls), dec_hook=dec_hook).value)
        except Exception:  # whatever the reason, it is built field by field: reading never raises
            pass
    model = cls.__new__(cls)
    for name, put, shape, default in _plan(cls).slots:
        value = data.get(name, default)
        put(model, value if shape is None or value is UNSET else _value(shape, value))
    return model


def _value(shape: _Shape, value: Any) -> Any:
    """``value`` with all that fits ``shape`` typed."""
    if type(value) is dict:
        if shape.model is not None:
            return structure(shape.model, value)
        if shape.marker is not None:
            return shape.marker.read(value)
        if shape.values is not None and shape.values.nested:
            return {key: _value(shape.values, entry) for key, entry in value.items()}
    elif type(value) is list and shape.items is not None:
        return [_value(shape.items, entry) for entry in value] if shape.items.nested else value
    elif shape.marker is not None and value is not None and type(value) not in shape.types:
        return shape.marker.read(value)
    return value


@attrs.frozen
class Problem:
    """A place where a value is not what the specification says.

    Attributes:
        path: a JSON path such as ``$.session.audio.input``.
        expected: what belongs there.
        value: what is there; ``UNSET`` where nothing is.
        cure: what to do about it; may be empty.
        got: what is there, for people: shows no secret, no audio and no long text.
    """

    path: str
    expected: str
    value: Any = attrs.field(repr=False)
    cure: str = ""
    got: str = attrs.field(
        default=attrs.Factory(lambda problem: _json_name(problem.value), takes_self=True),
        kw_only=True,
    )

    def __str__(self) -> str:
        cure = f" ({self.cure})" if self.cure else ""
        return f"{self.path}: expected {self.expected}, got {self.got}{cure}"


def problems(model: Model, path: str = "$") -> Iterator[Problem]:
    """Where ``model`` is not what its annotations say: what the tolerant reading let through."""
    if not attrs.has(type(model)):
        return
    for name, shape, _ in _plan(type(model)).fields:
        yield from _check(shape, getattr(model, name), child_path(path, name))


def _check(shape: _Shape, value: Any, path: str) -> Iterator[Problem]:
    if _misfit(shape, value):
        yield Problem(path, shape.expected(), value)
    elif isinstance(value, Model):
        yield from problems(value, path)
    elif isinstance(value, list):
        items = shape.items or (shape.marker and shape.marker._shape.items)
        if items:
            for index, entry in enumerate(value):
                yield from _check(items, entry, f"{path}[{index}]")
    elif isinstance(value, dict) and shape.values is not None:
        for key, entry in value.items():
            yield from _check(shape.values, entry, child_path(path, key))


def _misfit(shape: _Shape, value: Any) -> bool:
    """Whether ``value`` itself, not what is inside it, is out of place."""
    if value is UNSET:
        return not shape.unset
    if shape.any:
        return False
    if value is None:
        return not shape.null
    if isinstance(value, Model):
        return not (
            (shape.model is not None and isinstance(value, shape.model))
            or (shape.marker is not None and isinstance(value, shape.marker))
        )
    if isinstance(value, Unknown):
        # A member with a tag of its own is news; a value without one is no member at all.
        return shape.marker is None or value.type is None
    kind = type(value)
    if kind in shape.types or (kind is int and float in shape.types):
        return False
    if any(kind is type(known) and value == known for known in shape.literals):
        return False
    if kind in (list, tuple) and shape.items is not None:
        return False
    if kind is dict and shape.values is not None:
        return False
    return shape.marker is None or _misfit(shape.marker._shape, value)


def child_path(path: str, key: str) -> str:
    """The JSON path of ``key`` in the object at ``path``."""
    return f"{path}.{key}" if _IDENTIFIER.fullmatch(key) else f"{path}[{key!r}]"


# --- small things -------------------------------------------------------------------------------


def audio_bytes(value: object) -> bytes:
    """The bytes of a base64 field; empty where it holds none (a server may send anything)."""
    if not isinstance(value, str):
        return b""
    try:
        return pybase64.b64decode(value)
    except (binascii.Error, ValueError):  # not yet: see below
        pass
    try:
        # Some servers leave out the padding.
        return pybase64.b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):  # no base64 at all
        return b""


_SCALARS: Final = frozenset({str, int, float, bool, NoneType})


def plain(value: Any) -> Any:
    """A JSON value for any mixture of models and JSON values; lists and dicts are copies."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, (Model, Unknown)):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items() if entry is not UNSET}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value


def _frozen(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(entry) for entry in value)
    if isinstance(value, Mapping):
        return frozenset((key, _frozen(entry)) for key, entry in value.items())
    return value


def _json_name(value: object) -> str:
    """What kind of JSON value it is, in a word that shows nothing of it."""
    if isinstance(value, Model):
        return type(value).__name__
    if isinstance(value, Unknown):
        return f"unknown {value.type!r}" if value.type else _json_name(value.payload)
    if value is UNSET:
        return "nothing"
    return _NAMES.get(type(value), type(value).__name__)


def _keys(payload: object) -> str:
    if isinstance(payload, Mapping):
        return f"keys={sorted(map(str, payload))!r}"
    return f"payload=<{_json_name(payload)}>"


def _short(value: object) -> str:
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]!r}+<{len(value) - _SHOWN} chars>"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_short(entry) for entry in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_short(entry)}' for key, entry in value.items())}}}"
    return repr(value)
