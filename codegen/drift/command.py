"""`python -m codegen drift`: compares specs/ with a newer upstream document.

Exit status: 0 without drift, 1 with it, 2 if the comparison cannot be made.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..problems import CodegenError
from .compare import compare
from .explained import entries, judge
from .patch import make_patch
from .report import as_json, as_text
from .roots import our_roots, read_specs, upstream_roots


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the subcommand; `--specs` only if the program has none of its own."""
    parser.add_argument(
        "--upstream",
        required=True,
        type=Path,
        metavar="FILE",
        help="the OpenAPI document of the service, as JSON or YAML",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, explained ones included")
    parser.add_argument(
        "--write-patch",
        type=Path,
        metavar="FILE",
        help="write what was added upstream as a patch of specs/, for `git apply`",
    )


def run(specs: Path, upstream: Path, *, json: bool = False, write_patch: Path | None = None) -> int:
    """Compare, print and tell the exit status."""
    try:
        document = read_specs(specs)
        differences, walk = compare(our_roots(document), upstream_roots(upstream))
        verdict = judge(differences, entries(document.files.get("quirks.yaml")))
        if write_patch is not None:
            patch = make_patch(specs, verdict.drift, walk)
            write_patch.write_text(patch.text, encoding="utf-8")
            print(patch.summary(write_patch), file=sys.stderr)
    except CodegenError as error:  # a document that cannot be read or compared: a message is enough
        print(f"drift: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"drift: {write_patch}: cannot be written ({error}); name another file.",
              file=sys.stderr)  # fmt: skip
        return 2
    print(as_json(verdict, upstream.name) if json else as_text(verdict, upstream.name))
    return 0 if verdict.clean else 1
