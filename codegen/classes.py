"""Runs datamodel-code-generator: attrs classes, and TypedDicts of what a client sends.

Knows that generator and our template for it; the types themselves are the generator's work.
"""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datamodel_code_generator import (
    Formatter,
    InputFileType,
    LiteralType,
    PythonVersion,
    generate,
)
from datamodel_code_generator.enums import DataModelType

from .bundle import PACKAGE, dicts_document, models_document
from .files import docstring, header
from .problems import CodegenError
from .schema import Model, Object, Property

TEMPLATES = Path(__file__).parent / "templates" / "models"
_RUNTIME = "ClientEvent Event Model ServerEvent audio_bytes"


# An event declares its tag as a property, which pyright does not want replaced by a frozen field.
_TAGS = "# pyright: reportIncompatibleMethodOverride=false\n"


def models(model: Model) -> str:
    """The source of models.py."""
    bases = _bases(model)
    extra = {schema.name: _template_data(schema, bases) for schema in model.objects()}
    source = _run(
        models_document(model),
        output_model_type=DataModelType.DataclassesDataclass,
        custom_template_dir=TEMPLATES,
        extra_template_data=extra,
        use_standard_collections=True,
        # Messages of the specs in their own order; annotations are strings, so any order will do.
        keep_model_order=False,
    )
    imports = [
        "import attrs",
        "from msgspec import UNSET, UnsetType",
        "from typing import ClassVar",
    ]
    imports += [f"from ._runtime import {name}" for name in _RUNTIME.split()]
    doc = "The types of the protocol: what they hold. To read and write them is the runtime's part."
    return header("specs/") + _TAGS + _with_imports(source, doc, imports)


def dicts(model: Model) -> str:
    """The source of dicts.py."""
    source = _run(
        dicts_document(model),
        output_model_type=DataModelType.TypingTypedDict,
        custom_template_dir=TEMPLATES,
        class_name_suffix="Dict",
        use_type_alias=True,
    )
    return header("specs/") + _with_imports(
        source,
        "What a client sends, as plain dicts for a type checker: the twins of classes in `models`.",
        [],
    )


def _run(document: Mapping[str, Any], **options: Any) -> str:
    noise = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stderr(noise):
        warnings.simplefilter("always")
        result = generate(
            json.dumps(document),
            input_file_type=InputFileType.AsyncAPI,
            target_python_version=PythonVersion.PY_311,
            enum_field_as_literal=LiteralType.All,
            use_union_operator=True,
            strict_nullable=True,
            strict_refs=True,
            use_schema_description=True,
            use_typed_nullable_map_values=True,
            disable_timestamp=True,
            formatters=[Formatter.BUILTIN],
            **options,
        )
    said = [str(warning.message) for warning in caught] + noise.getvalue().splitlines()
    if said:
        raise CodegenError(
            "datamodel-code-generator is not content, so nothing was written:\n  "
            + "\n  ".join(said)
        )
    if not isinstance(result, str):
        raise CodegenError("datamodel-code-generator did not give one module")
    return result


def _with_imports(source: str, doc: str, imports: list[str]) -> str:
    lines = [line for line in source.splitlines() if not line.startswith("#")]
    future = "from __future__ import annotations"
    body = "\n".join(line for line in lines if line != future)
    body = body.replace(f"from {PACKAGE}.", "from .")
    return "\n".join([docstring(doc), "", future, "", *imports, body, ""])


def _bases(model: Model) -> dict[str, str]:
    bases: dict[str, str] = {}
    for family in model.families:
        for side, base in ((family.server, "ServerEvent"), (family.client, "ClientEvent")):
            for event in side:
                known = bases.setdefault(event.schema, base)
                if known != base:
                    bases[event.schema] = "Event"
    return bases


def _template_data(schema: Object, bases: Mapping[str, str]) -> dict[str, Any]:
    """What the template needs beside the types."""
    text = schema.description
    if schema.deprecated:
        text += "\n\nDeprecated."
    return {
        "base": bases.get(schema.name, "Model"),
        "doc": docstring(text, 4),
        "docs": {prop.name: docstring(_property_text(prop), 4) for prop in schema.properties},
        "assigned": {prop.name: _assigned(prop) for prop in schema.properties},
        "views": {
            prop.bytes_property: prop.name for prop in schema.properties if prop.bytes_property
        },
        "audio": _names(prop.name for prop in schema.properties if prop.bytes_property),
        "secret": _names(prop.name for prop in schema.properties if prop.secret),
    }


def _property_text(prop: Property) -> str:
    text = prop.description
    if prop.deprecated:
        text += "\n\nDeprecated."
    return text


def _assigned(prop: Property) -> str:
    """What follows the type: a tag has its value, what may be left out has UNSET."""
    if prop.tag is not None:
        return f" = {json.dumps(prop.tag.value)}"
    return "" if prop.required else " | UnsetType = UNSET"


def _names(names: Any) -> str:
    found = sorted(names)
    return f"frozenset({{{', '.join(map(json.dumps, found))}}})" if found else ""
