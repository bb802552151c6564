"""Our own specs written as one OpenAPI document, as the service publishes its own.

So that the drift tests need no copy of the real one.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from codegen.drift.documents import Document
from codegen.drift.roots import FAMILIES, our_roots
from codegen.loading import load

SPECS = Path(__file__).resolve().parents[2] / "specs"
PROSE = "A sentence that only upstream has."


def export(specs: Path = SPECS) -> dict[str, Any]:
    documents = load(specs).documents
    http = documents["realtime.openapi.yaml"]
    schemas: dict[str, Any] = {}
    for document in documents.values():
        schemas |= document.get("$defs", {})
    roots = our_roots(Document(documents))
    for label, union, _ in FAMILIES:
        payloads = roots.events[label].values()
        schemas[union] = {"anyOf": [{"$ref": f"#/$defs/{p.name}"} for p in payloads]}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Upstream", "version": "1"},
        "paths": http["paths"],
        "webhooks": http["webhooks"],
        "components": http["components"] | {"schemas": schemas},
    }
    return json.loads(json.dumps(_rewritten(document)))


def _rewritten(value: Any) -> Any:
    if isinstance(value, list):
        return [_rewritten(item) for item in value]
    if not isinstance(value, dict):
        return value
    out: dict[str, Any] = {}
    for key, item in value.items():
        if key == "$ref" and "$defs/" in item:
            out[key] = re.sub(r"^.*\$defs/", "#/components/schemas/", item)
        elif key == "description" and isinstance(item, str):
            out[key] = PROSE
        else:
            out[key] = _rewritten(item)
    return out


def copy_specs(folder: Path) -> Path:
    """A copy of specs/ without the differences to the real upstream document."""
    specs = folder / "specs"
    shutil.copytree(SPECS, specs)
    quirks = specs / "quirks.yaml"
    text = quirks.read_text(encoding="utf-8")
    quirks.write_text(text[: text.index("\ndrift:")] + "\ndrift: []\n", encoding="utf-8")
    return specs
