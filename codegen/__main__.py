"""The program: `python -m codegen`. Knows the commands and what they print."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .checking import CURE, differences
from .drift import command as drift
from .pipeline import generate
from .problems import CodegenError

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="codegen", description="Turns specs/ into generated/.")
    parser.add_argument("--specs", type=Path, default=ROOT / "specs", metavar="DIR")
    parser.add_argument("--out", type=Path, default=ROOT / "generated", metavar="DIR")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("generate", help="write generated/ anew (the default)")
    commands.add_parser("check", help="fail if generated/ is not what the specs give")
    drift.add_arguments(
        commands.add_parser("drift", help="compare the specs with the service's own document")
    )
    options = parser.parse_args(arguments)
    try:
        match options.command:
            case "drift":
                return drift.run(
                    options.specs,
                    options.upstream,
                    json=options.json,
                    write_patch=options.write_patch,
                )
            case "check":
                return _check(options.specs, options.out)
            case _:
                _generate(options.specs, options.out)
                return 0
    except CodegenError as error:  # a mistake in the specs, with its place: a message is enough
        print(f"codegen: {error}", file=sys.stderr)
        return 2


def _generate(specs: Path, out: Path) -> None:
    model = generate(specs, out)
    events = sum(len(family.server) + len(family.client) for family in model.families)
    print(
        f"{out}: {sum(1 for _ in model.objects())} types, {sum(1 for _ in model.unions())} unions, "
        f"{events} events, {len(model.operations)} operations"
    )


def _check(specs: Path, out: Path) -> int:
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / "generated"
        generate(specs, made)
        changed = list(differences(out, made))
    if not changed:
        return 0
    print(*changed, sep="\n", file=sys.stderr)
    print(f"{out} is not what {specs} gives.\n{CURE}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
