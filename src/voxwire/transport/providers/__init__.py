"""Servers: where each is, how a client proves itself to it, and how it speaks the protocol."""

from __future__ import annotations

from ..url import DEFAULT_BASE_URL, DEFAULT_MODEL, Target, target

__all__ = ["DEFAULT_BASE_URL", "DEFAULT_MODEL", "Target", "target"]
