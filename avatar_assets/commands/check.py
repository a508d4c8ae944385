"""Tell whether the stage can show an avatar (.glb, .vrm), what is put right, and what to do about the rest.

The browser's own modules inspect the files, run by Node.js in one process: see `check.mjs`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from avatar_assets import npm_modules
from engines.config.settings import PROJECT_ROOT

_SCRIPT = Path(__file__).with_suffix(".mjs")
_NOT_CHECKED = 2
"""The exit status when a file, or any, could not be read and checked."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``FILE … [--json]``."""
    parser.add_argument("file", nargs="+", help="a GLB or VRM file")
    parser.add_argument("--json", action="store_true", help="print the reports as JSON, one line each")


def run(arguments: argparse.Namespace) -> int:
    """Report on each file; 1 if one cannot be shown, 2 if one cannot be read or checked."""
    node = shutil.which("node")
    if node is None:
        print("Node.js is not installed, and it runs the check: install it from https://nodejs.org", file=sys.stderr)
        return _NOT_CHECKED
    if not npm_modules.installed():
        folder = npm_modules.FOLDER.relative_to(PROJECT_ROOT)
        print(f"The check needs the 3-D figure's npm modules, which are not fetched yet: npm ci --prefix {folder}", file=sys.stderr)
        return _NOT_CHECKED
    command = [node, "--no-warnings", str(_SCRIPT), "--json" if arguments.json else "--text", *arguments.file]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - a fixed program with file names
