"""Shoots a film: a persona says a script into a file. Where script, acting, drawing and writing meet."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_assets.npm_modules import FOLDER
from avatar_assets.render import backdrop, stage
from avatar_assets.render.acting import Acting
from avatar_assets.render.avatar import find, read
from avatar_assets.render.draw import Painter, context
from avatar_assets.render.film import Film, kind_of, require_writable, whole_or_nothing
from avatar_assets.render.script import Script, captions
from engines.types import Persona

OVERSAMPLING = 1.5
"""Pictures are drawn so many times larger than the film and scaled down: smooth edges for less than OpenGL's own smoothing costs without a
graphics card (measured with llvmpipe: 43 ms of processor time against 67 ms with four samples a pixel)."""


@dataclass(frozen=True, slots=True)
class Format:
    """What the film is like."""

    fps: int = 25
    width: int = 512
    height: int = 512
    captions: bool = False
    """A track of captions that players can show and hide."""
    view: str = stage.FIRST_VIEW
    """How near the camera stands: one of `stage.VIEWS`."""
    background: str | Path = backdrop.FIRST_BACKDROP
    """One of `backdrop.BACKDROPS`, or a picture of the user's."""
    dark: bool = False
    """The background is that of a dark page."""


def avatar_of(persona: Persona) -> Path:
    """The file of the persona's body.

    Raises:
        InputError: code ``avatar``: there is none.
    """
    return find(FOLDER / "avatars", persona.avatar)


def check(persona: Persona, path: Path, form: Format) -> tuple[str, ...]:
    """Find out, before anything is spoken, whether the film could be made.

    Returns:
        What the avatar lacks, in sentences; it can be filmed all the same.

    Raises:
        EngineError: what `shoot` would raise.
    """
    kind_of(path)
    avatar = read(avatar_of(persona))
    if isinstance(form.background, Path):
        backdrop.check_picture(form.background)
    context().release()
    require_writable(path)
    return avatar.notices


def shoot(script: Script, persona: Persona, path: Path, form: Format, tell: Callable[[float], None] = lambda _: None) -> None:
    """Write the film.

    A picture stands for 1/fps seconds, and it shows the mouth of the middle of that time: lips are never further from the sound than half
    of it (20 ms at 25 pictures a second).

    Args:
        script: what is said.
        persona: who says it.
        path: the file; its ending, .mp4 or .webm, says which kind. It is only replaced once the film is whole.
        form: what it is like.
        tell: is told after every picture which share of the film is done, 0 to 1; may raise to stop.

    Raises:
        InputError: the ending, the place, the avatar or the background cannot be used.
        MissingDependency: a package is missing.
        EngineError: code ``no_egl``: there is no way to draw here.
    """
    kind, avatar, acting = kind_of(path), read(avatar_of(persona)), Acting(script, persona.mood, persona.liveliness)
    count = math.ceil(script.audio.duration_ms * form.fps / 1000)
    room = _room(form, persona.colour)
    said = captions(script) if form.captions else []
    with (
        whole_or_nothing(path) as beside,
        Painter(avatar, room, form.view, acting.gestures()) as painter,
        Film(beside, kind, size=(form.width, form.height), fps=form.fps, audio=script.audio, captions=said) as film,
    ):
        for number in range(count):
            film.add(painter.draw(acting.at((number + 0.5) * 1000 / form.fps)))
            tell((number + 1) / count)


def _room(form: Format, colour: str) -> NDArray[np.uint8]:
    """What is behind the person, as large as it is drawn."""
    width, height = round(form.width * OVERSAMPLING), round(form.height * OVERSAMPLING)
    if isinstance(form.background, Path):
        return backdrop.picture(form.background, width=width, height=height)
    return backdrop.paint(form.background, colour, dark=form.dark, width=width, height=height)
