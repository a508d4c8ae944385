"""Findings about the stage for the doctor: the personas' avatars, the npm modules, and whether films can be made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from avatar_assets import npm_modules
from avatar_assets.avatar_files import avatar_names
from avatar_assets.film.browser import find_browser
from engines.config.personas import load_personas
from engines.config.settings import PROJECT_ROOT, Settings
from engines.errors import EngineError
from engines.types import Finding


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
    """Whether there is a browser for the video command."""
    try:
        return Finding("film", "ok", f"the video command films with {find_browser()}.")
    except EngineError as error:
        return Finding("film", "hint", error.message, "install Chrome, Chromium or Edge")
