"""The stage's npm modules (three, TalkingHead and the like): fetched once by npm, else taken from a CDN by the page, never committed."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
WEB = FOLDER / "web"
"""The only folder whose code is served."""
NODE_MODULES = FOLDER / "node_modules"
PACKAGES = {
    "three": "three",
    "talkinghead": "@met4citizen/talkinghead",
    "three-vrm": "@pixiv/three-vrm",
    "meshoptimizer": "meshoptimizer",
    "mediabunny": "mediabunny",
    "@mediabunny/aac-encoder": "@mediabunny/aac-encoder",
    "webrtcaec3": "@ennuicastr/webrtcaec3.js",
}
"""What the page calls a package, and what npm calls it."""
INTEGRITY = FOLDER / "module-integrity.json"
"""Digests of the modules, for browsers that take them from the CDN; written by ``python -m avatar_assets integrity``."""
CDN = "https://cdn.jsdelivr.net/npm"
NPM_TIMEOUT_S = 180
"""npm is ended after this time: on a network that swallows packets it would wait for many minutes."""
WITHOUT_NPM = "the 3-D figure is loaded from a CDN, or drawn flat without a network."


def installed() -> bool:
    """Whether every module is there in the version of the lock file.

    npm writes its own lock file into the folder when everything else is in place, so a fetch that was cut short does not count.
    """
    try:
        there = _versions(NODE_MODULES / ".package-lock.json")
    except (OSError, ValueError, KeyError):
        return False
    return there == _versions(FOLDER / "package-lock.json") and all((NODE_MODULES / name).is_dir() for name in PACKAGES.values())


def install(say: Callable[[str], None]) -> None:
    """Fetch the modules if they are missing and npm is there; `say` gets one line for each thing a user should know."""
    if installed():
        return
    npm = shutil.which("npm")
    if npm is None:
        say(f"npm is not installed: {WITHOUT_NPM}")
        return
    say("First start: fetching the 3-D figure's modules with npm …")
    command = [npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=http"]
    try:
        with subprocess.Popen(  # noqa: S603 - a fixed command
            command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace"
        ) as process:
            reason = _follow(process, say)
    except OSError as error:
        say(f"npm could not be started ({error}): {WITHOUT_NPM}")
        return
    if process.returncode or not installed():
        say(f"npm failed ({reason or 'no reason given'}): {WITHOUT_NPM}")
    else:
        say("The 3-D figure's modules are in place; later starts need no network.")


def _follow(process: subprocess.Popen[str], say: Callable[[str], None]) -> str:
    """Read npm's lines while it works; returns why it failed: it took too long, or its first line that is an error."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    watch = threading.Timer(NPM_TIMEOUT_S, end)
    watch.start()
    fetched, first = 0, ""
    try:
        for line in process.stdout or ():
            if "http fetch GET 200" in line or "http cache" in line:
                fetched += 1
                say(f"  {fetched} fetched: {line.split('/')[-1].split(' ')[0]}")
            elif "error" in line.lower():
                first = first or line.strip()
        process.wait()
    finally:
        watch.cancel()
    return f"it took longer than {NPM_TIMEOUT_S} s" if late.is_set() else first


def _versions(lock: Path) -> dict[str, str]:
    """The version of each package that the page needs, as one of npm's lock files has it."""
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return {short: packages.get(f"node_modules/{name}", {}).get("version", "") for short, name in PACKAGES.items()}


def import_map() -> dict[str, Any]:
    """Where the page finds its modules: ``{"source": "local" | "cdn", "imports": {…}}``; local ones are relative to the answer's.

    Those of the CDN come with their ``integrity``: address → digest. A browser runs no other bytes.
    """
    if installed():
        return {"source": "local", "imports": imports_at({short: f"./vendor/{short}" for short in PACKAGES})}
    versions = _versions(FOLDER / "package-lock.json")
    at = {short: f"{CDN}/{name}@{versions[short]}" for short, name in PACKAGES.items()}
    known = json.loads(INTEGRITY.read_text(encoding="utf-8"))
    integrity = {f"{at[short]}/{path}": digest for short, files in known.items() for path, digest in files.items()}
    return {"source": "cdn", "imports": imports_at(at), "integrity": integrity}


def imports_at(at: dict[str, str]) -> dict[str, str]:
    """What the page imports by name, where its packages lie at those places."""
    return {
        "three": f"{at['three']}/build/three.module.js",
        "three/addons/": f"{at['three']}/examples/jsm/",
        "talkinghead": f"{at['talkinghead']}/modules/talkinghead.mjs",
        "three-vrm": f"{at['three-vrm']}/lib/three-vrm.module.min.js",
        "meshoptimizer": f"{at['meshoptimizer']}/meshopt_simplifier.js",
        "mediabunny": f"{at['mediabunny']}/dist/bundles/mediabunny.min.mjs",
        "@mediabunny/aac-encoder": f"{at['@mediabunny/aac-encoder']}/dist/bundles/mediabunny-aac-encoder.min.mjs",
        "webrtcaec3": f"{at['webrtcaec3']}/dist/webrtcaec3-0.3.0.js",
    }
