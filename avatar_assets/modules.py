"""The stage's npm modules (three, TalkingHead): fetched once by npm, else taken from a CDN by the page, never committed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
NODE_MODULES = FOLDER / "node_modules"
PACKAGES = {"three": "three", "talkinghead": "@met4citizen/talkinghead"}
"""What the page calls a package, and what npm calls it."""
CDN = "https://cdn.jsdelivr.net/npm"
NPM_TIMEOUT_S = 180
WITHOUT_NPM = "the 3-D figure is loaded from a CDN, or drawn flat without a network."


def installed() -> bool:
    """Whether every module of the lock file is there."""
    return all((NODE_MODULES / name / "package.json").is_file() for name in PACKAGES.values())


def install(say: Callable[[str], None]) -> None:
    """Fetch the modules if they are missing and npm is there; `say` gets one line for each thing a user should know."""
    if installed():
        return
    npm = shutil.which("npm")
    if npm is None:
        say(f"npm is not installed: {WITHOUT_NPM}")
        return
    say("First start: fetching the 3-D figure's modules with npm …")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=http"]
    try:
        with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # noqa: S603 - a fixed command
            output = _follow(process, say)
    except OSError as error:
        say(f"npm could not be started ({error}): {WITHOUT_NPM}")
        return
    if process.returncode or not installed():
        say(f"npm failed ({output or 'no reason given'}): {WITHOUT_NPM}")
    else:
        say("The 3-D figure's modules are in place; later starts need no network.")


def _follow(process: subprocess.Popen[str], say: Callable[[str], None]) -> str:
    """Read npm's lines while it works; returns the last one that is an error."""
    fetched, last = 0, ""
    for line in process.stdout or ():
        if "http fetch GET 200" in line or "http cache" in line:
            fetched += 1
            say(f"  {fetched} fetched: {line.split('/')[-1].split(' ')[0]}")
        elif "error" in line.lower():
            last = line.strip()
    process.wait(NPM_TIMEOUT_S)
    return last


def import_map() -> dict[str, Any]:
    """Where the page finds its modules: ``{"source": "local" | "cdn", "imports": {…}}``, as an import map wants it."""
    if installed():
        return {"source": "local", "imports": _imports("./vendor/three", "./vendor/talkinghead")}
    lock = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    at = {short: f"{CDN}/{name}@{lock[f'node_modules/{name}']['version']}" for short, name in PACKAGES.items()}
    return {"source": "cdn", "imports": _imports(at["three"], at["talkinghead"])}


def _imports(three: str, talkinghead: str) -> dict[str, str]:
    return {
        "three": f"{three}/build/three.module.js",
        "three/addons/": f"{three}/examples/jsm/",
        "talkinghead": f"{talkinghead}/modules/talkinghead.mjs",
    }
