"""Build the avatars from their parameters in builder/people/*.toml.

Needs the packages of requirements-dev.txt; the same versions of them write the same bytes on every processor.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from avatar_assets.avatar_files import AVATARS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``[--out FOLDER] [NAME …]``."""
    parser.add_argument("--out", type=Path, default=AVATARS, metavar="FOLDER", help="where the .glb files go (default: %(default)s)")
    parser.add_argument("names", nargs="*", metavar="NAME", help="who to build: the name of a file in builder/people (default: all)")


def run(arguments: argparse.Namespace) -> int:
    """Build the people named, or all; 2 if there is no such person or a parameter is wrong."""
    from avatar_assets.builder.build import build  # noqa: PLC0415 - SciPy and scikit-image wait until they are needed
    from avatar_assets.builder.person import load, names  # noqa: PLC0415

    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or names():
        try:
            data = build(load(name))
        except ValueError as problem:
            print(problem, file=sys.stderr)
            return 2
        path = arguments.out / f"{name}.glb"
        path.write_bytes(data)
        print(f"{path}: {len(data) / 1e6:.2f} MB")
    return 0
