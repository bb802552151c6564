"""From a spec folder to the model that everything is generated from.

Knows the order of the steps and which schemas travel in which direction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from . import quirks as quirk_file
from .documents import DocumentReader, check_aliases, roots, with_event_aliases
from .loading import load
from .normalise import read_schemas
from .problems import Place, Problems
from .schema import Alias, Model, Object, Schema, Union, names_in
from .vendors import read_vendors


def read_model(folder: Path) -> Model:
    """Everything that the specs of a folder say; raises SpecErrors with all that is wrong."""
    specs, quirks = quirk_file.apply(load(folder))
    problems = Problems()
    schemas, files = read_schemas(specs, quirks, problems)
    problems.raise_if_any()
    documents = DocumentReader(specs, quirks, schemas, problems)
    families = documents.families()
    operations = documents.operations()
    check_aliases(quirks, families, problems)
    at = Place(quirk_file.FILE, "/vendor")
    vendors = read_vendors(quirks.vendor, families, problems, at)
    problems.raise_if_any()
    schemas = with_event_aliases(schemas, families)
    received, sent = roots(families, operations)
    model = Model(
        schemas,
        files,
        families,
        operations,
        received=_reach(schemas, received, read_only=True),
        sent=_reach(schemas, sent, read_only=False),
        vendors=vendors,
    )
    for name in sorted(schemas.keys() - model.received - model.sent - _aliases(schemas)):
        problems.add(
            schemas[name].place,
            f"{name} is used by no document",
            "refer to it from an event, an operation or a type that is used, or delete it",
        )
    problems.raise_if_any()
    return model


def _aliases(schemas: Mapping[str, Schema]) -> set[str]:
    """Plain named types are written out where they are used, so they need no user."""
    return {name for name, schema in schemas.items() if isinstance(schema, Alias)}


def _reach(
    schemas: Mapping[str, Schema], start: Iterable[str], *, read_only: bool
) -> frozenset[str]:
    """All schemas that lie within the given ones."""
    found: set[str] = set()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        match schemas[name]:
            case Object(properties=properties):
                for prop in properties:
                    if read_only or not prop.read_only:
                        todo.extend(names_in(prop.type))
            case Union(members=members):
                for member in members:
                    todo.extend(names_in(member))
            case Alias(type=type_):
                todo.extend(names_in(type_))
    return frozenset(found)
