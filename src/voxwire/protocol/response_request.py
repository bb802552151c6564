"""What a request for a response says of itself, and the mark by which its response is known.

This module reads and marks requests; it keeps none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import attrs
from voxwire_protocol import ResponseCreate, ResponseCreateParams

__all__ = ["METADATA_KEY", "beside", "marked", "metadata"]

METADATA_KEY = "voxwire_request"
"""The metadata key by which a response tells whose request it answers."""

MOST_PAIRS = 16
"""How many pairs of metadata the protocol allows."""


def beside(request: ResponseCreate) -> bool:
    """Whether the response is to run out of band, beside the default conversation."""
    return _params(request).conversation == "none"


def metadata(request: ResponseCreate) -> dict[str, str]:
    """What a server may repeat in the response."""
    found = _params(request).metadata
    return dict(found) if isinstance(found, dict) else {}


def marked(request: ResponseCreate, token: str) -> ResponseCreate:
    """The request with `token` in its metadata, or as it is where there is no room for it."""
    kept = {key: value for key, value in metadata(request).items() if key != METADATA_KEY}
    if len(kept) >= MOST_PAIRS:
        return request
    params = attrs.evolve(_params(request), metadata={**kept, METADATA_KEY: token})
    return attrs.evolve(request, response=params)


def _params(request: ResponseCreate) -> ResponseCreateParams:
    params: Any = request.response
    if isinstance(params, Mapping):  # a program may put a dict into an event
        return ResponseCreateParams.from_dict(dict(cast("Mapping[str, Any]", params)))
    return params if isinstance(params, ResponseCreateParams) else ResponseCreateParams()
