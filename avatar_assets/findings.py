"""Findings about the stage for the doctor: the personas' avatars, the npm modules, and whether films can be made."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator

from avatar_assets import npm_modules
from avatar_assets.avatar_files import avatar_names
from avatar_assets.render import draw
from engines.config.personas import load_personas
from engines.config.settings import PROJECT_ROOT, Settings
from engines.errors import EngineError
from engines.types import Finding

_PROBE_S = 60
_DRAWING_PROBE = """from avatar_assets.render.draw import context
from engines.errors import EngineError
try:
    print(context().info["GL_RENDERER"])
except EngineError as error:
    raise SystemExit(error.message)
"""


def findings(settings: Settings) -> Iterator[Finding]:
    """Everything about the stage that may be missing; nothing is changed."""
    yield from _avatars(settings)
    yield _modules()
    yield _film()


def _avatars(settings: Settings) -> Iterator[Finding]:
    avatars = avatar_names()
    try:
        people = load_personas(settings.personas_file)
    except EngineError:
        return  # the doctor has told already
    for person in people.values():
        if person.avatar not in avatars:
            there = f"There is {', '.join(avatars)}."
            yield Finding("people", "wrong", f"{person.name} has an avatar called {person.avatar!r} that is not there. {there}")


def _modules() -> Finding:
    what = "3-D figure"
    if npm_modules.installed():
        return Finding(what, "ok", "the modules are in place; no network is needed.")
    folder = npm_modules.FOLDER.relative_to(PROJECT_ROOT)
    if shutil.which("npm"):
        return Finding(what, "hint", "the modules are not fetched yet; the first start does it.", f"npm ci --prefix {folder}")
    return Finding(what, "hint", f"npm is not installed: {npm_modules.WITHOUT_NPM}", "install Node.js from https://nodejs.org")


def _film() -> Finding:
    """Whether the video command can draw; tried in a process of its own, for drivers may abort."""
    what = "film"
    if importlib.util.find_spec("moderngl") is None:
        return Finding(what, "hint", "moderngl is not installed: the video command cannot draw.", draw.INSTALL)
    mend = draw.EGL_PACKAGES if sys.platform.startswith("linux") else "install the driver of the graphics card"
    command = [sys.executable, "-c", _DRAWING_PROBE]
    try:
        done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=_PROBE_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return Finding(what, "hint", f"drawing did not start within {_PROBE_S} s.", mend)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"])[-1]
        return Finding(what, "hint", f"the video command cannot draw: {last}", mend)
    return Finding(what, "ok", f"the video command draws with {done.stdout.strip()}.")
