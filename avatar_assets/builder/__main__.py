"""The builder's command line."""

import argparse
import sys
from pathlib import Path

from .build import build
from .person import load, names

AVATARS = Path(__file__).resolve().parent.parent / "avatars"


def main(arguments: list[str] | None = None) -> int:
    """Builds the people named, or all; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m avatar_assets.builder", description="Builds the avatars from people/*.toml.")
    parser.add_argument("--out", type=Path, default=AVATARS, metavar="FOLDER", help="where the .glb files go (default: %(default)s)")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"who to build: {', '.join(names())} (default: all)")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or names():
        try:
            data = build(load(name))
        except ValueError as problem:
            print(problem, file=sys.stderr)
            return 2
        path = options.out / f"{name}.glb"
        path.write_bytes(data)
        print(f"{path}: {len(data) / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
