"""Runs openapi-python-client: functions for the HTTP operations, on the classes of models.py.

Knows that generator and where ours differs from its output; the endpoints are the generator's work.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path

from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader
from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError

from .bundle import TEXT_BODY, form_encodings, http_document, text_media_types
from .files import docstring, header
from .problems import CodegenError
from .schema import Model, Operation

TEMPLATES = Path(__file__).parent / "templates" / "http"
SOURCE = "specs/realtime.openapi.yaml"
# attrs says less about `field(factory=dict)` than pyright wants to know, in the generator's file.
_LOOSE = "# pyright: reportUnknownVariableType=false"
_GENERATOR = "openapi_python_client"


def write_client(model: Model, folder: Path, scratch: Path) -> None:
    """Write the HTTP package into `folder`."""
    document = scratch / "openapi.json"
    document.write_text(json.dumps(http_document(model)), "utf-8")
    options = ConfigFile(
        project_name_override="http",
        package_name_override="http",
        post_hooks=[],
        # Not JSON and no form: it goes over the wire as it is.
        content_type_overrides=dict.fromkeys(sorted(text_media_types(model)), TEXT_BODY),
    )
    config = Config.from_sources(options, MetaType.NONE, document, "utf-8", True, folder)
    with contextlib.redirect_stdout(io.StringIO()):
        openapi = GeneratorData.from_dict(json.loads(document.read_text("utf-8")), config=config)
        if isinstance(openapi, GeneratorError):
            raise CodegenError(_complaint([openapi]))
        project = Project(openapi=openapi, config=config)
        _adapt(project, model)
        errors = project.build()
    if errors:
        raise CodegenError(_complaint(errors))
    shutil.rmtree(folder / "models")
    shutil.copy(TEMPLATES / "forms.py.jinja", folder / "forms.py")
    for path in sorted(folder.rglob("*.py")):
        source = path.read_text("utf-8").strip()
        if path.name == "client.py":
            source = f"{_LOOSE}\n{source}"
        path.write_text(f"{header(SOURCE)}{source}\n", "utf-8", newline="\n")


def _adapt(project: Project, model: Model) -> None:
    """Our templates before the generator's, and our models in place of its own."""
    project.env.loader = ChoiceLoader([FileSystemLoader(TEMPLATES), PackageLoader(_GENERATOR)])
    project.env.globals["encodings"] = form_encodings(model)
    docs = {operation.id: docstring(_about(operation), 4).strip() for operation in model.operations}
    project.env.globals["docs"] = docs
    for collection in project.openapi.endpoint_collections_by_tag.values():
        for endpoint in collection.endpoints:
            endpoint.relative_imports = {_ours(line) for line in endpoint.relative_imports}
            if endpoint.name not in docs:
                raise CodegenError(
                    f"the operationId {endpoint.name!r} is not in snake_case; rename it in the spec"
                )


def _about(operation: Operation) -> str:
    text = f"{operation.summary}.\n\n{operation.description}"
    return f"{text}\n\nDeprecated." if operation.deprecated else text


def _ours(line: str) -> str:
    """An import of one of its models, from its own module each, as an import from models.py."""
    module, _, name = line.partition(" import ")
    return f"from ....models import {name}" if module.startswith("from ...models.") else line


def _complaint(errors: object) -> str:
    lines = (
        [f"  {error}" for error in errors] if isinstance(errors, (list, tuple)) else [str(errors)]
    )
    return "\n".join(["openapi-python-client is not content, so nothing was written:", *lines])
