"""Turns `specs/` into `generated/`. Knows specs and generators, and nothing of `voxwire`."""
