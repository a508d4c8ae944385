"""Note the digests of the browser modules, by which a page that takes them from the CDN knows them.

To be run when package-lock.json has changed, after `npm ci`.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
from pathlib import Path

from avatar_assets import npm_modules

_IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"'\s]+)["']""")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(_: argparse.Namespace) -> int:
    """Write the file."""
    npm_modules.INTEGRITY.write_text(json.dumps(integrity(), indent=2) + "\n", encoding="utf-8")
    print(npm_modules.INTEGRITY)
    return 0


def integrity() -> dict[str, dict[str, str]]:
    """Package → path → SHA-384 of every module that the page may import, as npm has brought them."""
    files = {short: npm_modules.NODE_MODULES / name for short, name in npm_modules.PACKAGES.items()}
    imports = {name: Path(at) for name, at in npm_modules.imports_at({short: str(folder) for short, folder in files.items()}).items()}
    web = [path for path in npm_modules.WEB.rglob("*.mjs") if path.is_file()]
    found = {path.resolve() for path in (files["talkinghead"] / "modules").glob("*.mjs")}  # some are imported by made-up names
    found |= {path.resolve() for path in imports.values() if path.is_file()}
    new = [imported for path in web for imported in _imported(path, imports)] + sorted(found)
    while new:
        found.update(new)
        new = [imported for path in new for imported in _imported(path, imports) if imported not in found]
    known: dict[str, dict[str, str]] = {}
    for short, folder in files.items():
        inside = sorted(path for path in found if path.is_relative_to(folder.resolve()))
        known[short] = {path.relative_to(folder.resolve()).as_posix(): _digest(path) for path in inside}
    return known


def _imported(path: Path, imports: dict[str, Path]) -> list[Path]:
    """The modules of packages that a module imports."""
    found = []
    for name in _IMPORT.findall(path.read_text(encoding="utf-8", errors="replace")):
        prefix = next((known for known in imports if name == known or (known.endswith("/") and name.startswith(known))), None)
        at = imports[prefix] / name.removeprefix(prefix) if prefix else path.parent / name
        if (prefix or name.startswith(".")) and at.is_file() and not at.resolve().is_relative_to(npm_modules.WEB):
            found.append(at.resolve())
    return found


def _digest(path: Path) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()
