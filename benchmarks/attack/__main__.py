"""Runs every part, or the named ones, one after the other: each file of this folder without a leading underscore is one."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LONGEST_S = 1800
"""A part that takes longer has failed."""
PARTS = sorted(module.name for module in pkgutil.iter_modules([str(HERE)]) if not module.name.startswith("_"))


def main() -> None:
    """Each part is a program of its own, which prints its numbers beside their goals and fails where one is missed."""
    if unknown := set(sys.argv[1:]) - set(PARTS):
        sys.exit(f"There is no part called {', '.join(sorted(unknown))}; there is {', '.join(PARTS)}")
    missed = [part for part in sys.argv[1:] or PARTS if not _ran(part)]
    if missed:
        sys.exit(f"attack: missed a goal or did not run to the end: {', '.join(missed)}")


def _ran(part: str) -> bool:
    command = [sys.executable, "-m", f"benchmarks.attack.{part}"]
    try:
        return subprocess.run(command, cwd=HERE.parent.parent, check=False, timeout=LONGEST_S).returncode == 0
    except subprocess.TimeoutExpired:
        print(f"attack: {part} did not end within {LONGEST_S} s")
        return False


if __name__ == "__main__":
    main()
