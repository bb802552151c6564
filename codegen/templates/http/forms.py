"""Multipart forms for httpx."""

import json
from collections.abc import Mapping
from typing import Any

from .types import RequestFiles


def form_parts(fields: Mapping[str, Any], media_types: Mapping[str, str]) -> RequestFiles:
    """The parts of a form: text as it is, everything else as JSON."""
    parts: RequestFiles = []
    for name, value in fields.items():
        text = isinstance(value, str)
        content: str = value if text else json.dumps(value)
        media_type = media_types.get(name, "text/plain" if text else "application/json")
        parts.append((name, (None, content.encode(), media_type)))
    return parts
