"""A function's parameters as a model sees them, and the arguments that a model gives for them.

This module reads signatures and builds checked arguments. It calls nothing.
"""

# JSON values of every kind pass through here: what a strict checker calls unknown is the subject.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from ..errors import InvalidOption
from . import docstrings
from .adapters import Adapter, BadArguments, adapter_of, decode_other
from .schema import Schema, add_default

__all__ = ["Arguments", "BadArguments", "Signature"]

Arguments = dict[str, Any]
"""Built arguments: parameter name -> value."""


class Signature:
    """The parameters of one function.

    Args:
        function: any callable with annotated parameters.
        name: what to call it in messages.
        hidden: a class: the one parameter annotated with it is filled in by the caller and not
            shown to the model.

    Raises:
        InvalidOption: a parameter that no JSON object can fill.
    """

    def __init__(self, function: Callable[..., Any], name: str, hidden: type) -> None:
        docs = docstrings.read(_docstring(function))
        self.text = docs.text
        """The description of the function in its docstring."""
        self.hidden: str | None = None
        """The name of the parameter that the caller fills in, if there is one."""
        self.schema: Schema = {"type": "object", "properties": {}}
        """JSON Schema of the object that the model writes."""
        self._positional: list[str] = []
        self._read: dict[str, Callable[[Any, str], Any]] = {}
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        hints = _hints(function, name)
        for parameter in inspect.signature(function).parameters.values():
            hint = hints.get(parameter.name, inspect.Parameter.empty)
            if _is(hint, hidden):
                if self.hidden is not None:
                    raise InvalidOption(f"{name}: only one parameter can be a {hidden.__name__}")
                self.hidden = parameter.name
            else:
                _refuse(name, parameter, hint)
                adapter = _adapter(name, parameter, hint)
                given = parameter.default is not inspect.Parameter.empty
                default = _same(parameter) if given else adapter.default
                schema = self._merge(parameter.name, adapter.schema)
                if said := docs.parameters.get(parameter.name):
                    schema.setdefault("description", said)
                if given:
                    add_default(schema, parameter.default)
                if adapter.read is not None:
                    self._read[parameter.name] = adapter.read
                if default is None:
                    self.schema.setdefault("required", []).append(parameter.name)
                    fields.append((parameter.name, adapter.hint))
                else:
                    field = msgspec.field(default_factory=default)
                    fields.append((parameter.name, adapter.hint, field))
            if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
                self._positional.append(parameter.name)
        self.schema["additionalProperties"] = False
        self._struct = msgspec.defstruct(
            "Arguments", fields, kw_only=True, forbid_unknown_fields=True
        )
        try:
            self._convert({})
        except msgspec.ValidationError:
            pass  # an argument that has to be there is not
        except TypeError as error:  # a type that msgspec does not read: now, and not at each call
            raise InvalidOption(f"{name}: {error}") from None

    def _merge(self, name: str, schema: Schema) -> Schema:
        """Put the schema of a parameter into the whole, from whose root references count."""
        defs: Schema = schema.get("$defs", {})
        known: Schema = self.schema.get("$defs", {})
        # Two classes of one name are two definitions.
        names = {own: own for own in defs}
        for own, each in defs.items():
            if known.get(own, each) != each:
                names[own] = f"{name}_{own}"
        renamed: Schema = _renamed(schema, names)
        renamed.pop("$defs", None)
        if defs:
            own_defs = {names[own]: _renamed(each, names) for own, each in defs.items()}
            self.schema["$defs"] = {**known, **own_defs}
        self.schema["properties"][name] = renamed
        return renamed

    def build(self, given: Mapping[str, Any]) -> Arguments:
        """The function's arguments from a JSON object; raises :class:`BadArguments`."""
        try:
            built = self._convert(given)
        except msgspec.ValidationError as error:
            # A number in quotes is what was meant; what else is wrong stays wrong.
            try:
                built = self._convert(given, strict=False)
            except msgspec.ValidationError:
                raise BadArguments(str(error).replace("`", "")) from None
        arguments = {name: getattr(built, name) for name in self._struct.__struct_fields__}
        for name, read in self._read.items():
            if name in given:  # else it has its default
                arguments[name] = read(arguments[name], f"$.{name}")
        return arguments

    def _convert(self, given: Mapping[str, Any], *, strict: bool = True) -> Any:
        return msgspec.convert(given, self._struct, strict=strict, dec_hook=decode_other)

    def call(self, function: Callable[..., Any], arguments: Arguments, hidden: Any) -> Any:
        """Call `function` with built arguments."""
        if self.hidden is not None:
            arguments = {**arguments, self.hidden: hidden}
        first = [arguments[name] for name in self._positional]
        rest = {name: value for name, value in arguments.items() if name not in self._positional}
        return function(*first, **rest)


def _adapter(name: str, parameter: inspect.Parameter, hint: Any) -> Adapter:
    try:
        return adapter_of(hint)
    except (TypeError, NameError) as error:
        raise InvalidOption(
            f"{name}: parameter {parameter.name!r} cannot be filled from JSON: {error}"
        ) from None
    except RecursionError:
        raise InvalidOption(
            f"{name}: the type of parameter {parameter.name!r} contains itself: only a class may"
        ) from None


def _refuse(name: str, parameter: inspect.Parameter, hint: Any) -> None:
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        raise InvalidOption(
            f"{name}: {parameter} cannot be described to a model: name each parameter"
        )
    if type(parameter.default).__module__ == "pydantic.fields":
        raise InvalidOption(
            f"{name}: put the Field of parameter {parameter.name!r} into its annotation: "
            "Annotated[int, Field(ge=0)]"
        )
    if hint is inspect.Parameter.empty:
        cure = (
            "make the tool from the bound method, as in tool(thing.method)"
            if parameter.name in ("self", "cls")
            else f"annotate it, as in {parameter.name}: str"
        )
        raise InvalidOption(f"{name}: parameter {parameter.name!r} has no type: {cure}")


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    """A copy of a schema in which definitions have other names."""
    if isinstance(schema, list):
        return [_renamed(each, names) for each in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: _renamed(each, names) for key, each in schema.items()}
    if isinstance(ref := copy.get("$ref"), str):
        own = ref.removeprefix("#/$defs/")
        copy["$ref"] = f"#/$defs/{names.get(own, own)}"
    return copy


def _same(parameter: inspect.Parameter) -> Callable[[], Any]:
    """Gives the default itself: the function gets the very object that its signature has."""
    return lambda: parameter.default


def _is(hint: Any, hidden: type) -> bool:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return hint is hidden or hidden in get_args(hint)  # as it is, or "or None"


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    target: Any = inspect.unwrap(function)
    while isinstance(target, functools.partial):
        target = target.func
    if not inspect.isroutine(target):
        target = type(target).__call__
    try:
        return get_type_hints(target, include_extras=True)
    except NameError as error:
        raise InvalidOption(
            f"{name}: an annotation cannot be read: {error} "
            "(define the class at the top level of its module)"
        ) from None


def _docstring(function: Callable[..., Any]) -> str | None:
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function):
        return inspect.getdoc(function)
    return type(function).__call__.__doc__ or type(function).__doc__
