"""The steps from `specs/` to `generated/`, in order; what each of them does is told elsewhere."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from . import classes, reference, tables
from .bundle import PACKAGE
from .client import write_client
from .files import header, tidy, write
from .model import read_model
from .schema import Model

RUNTIME = Path(__file__).parent / "runtime" / "_runtime.py"


def generate(specs: Path, out: Path, *, http: bool = True) -> Model:
    """Write everything anew into `out`; when a step fails, what was there stays as it was."""
    model = read_model(specs)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        made = scratch / "generated"
        write_package(model, made / PACKAGE, scratch, http=http)
        reference.write_reference(model, made / "reference")
        # Whatever lies there and is not generated any more has to go.
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(made, out)
    return model


def write_package(model: Model, folder: Path, scratch: Path, *, http: bool) -> None:
    """Write the Python package."""
    write(folder / "py.typed", "")
    runtime = RUNTIME.read_text("utf-8")
    write(folder / "_runtime.py", header("codegen/runtime/_runtime.py") + runtime)
    write(folder / "models.py", classes.models(model))
    write(folder / "dicts.py", classes.dicts(model))
    write(folder / "unions.py", tables.unions(model))
    write(folder / "names.py", tables.names(model))
    write(folder / "rules.py", tables.rules(model))
    write(folder / "__init__.py", tables.index(model))
    if http:
        write_client(model, folder / "http", scratch)
    tidy(folder)
