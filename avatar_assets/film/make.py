"""Makes a film: the stage page, in a headless browser, acts a speech frame by frame and encodes it into a file."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from avatar_assets.avatar_files import AVATARS
from avatar_assets.film.background import picture_url
from avatar_assets.film.browser import Headless, find_browser, headless
from avatar_assets.film.captions import add_track, words_of
from avatar_assets.film.server import FilmServer, serving
from avatar_assets.npm_modules import WEB
from engines.api.frames import frame
from engines.api.wire import persona_to_wire, segment_to_wire
from engines.errors import EngineError, InputError
from engines.text.captions import captions
from engines.types import Persona, SpeechSegment

KINDS = (".mp4", ".webm")
"""Endings of films."""
_VIEWS = json.loads((WEB / "avatar" / "views.json").read_text(encoding="utf-8"))
_ROOMS = json.loads((WEB / "stage" / "backdrops" / "backdrops.json").read_text(encoding="utf-8"))
VIEWS, BACKGROUNDS = tuple(_VIEWS["views"]), tuple(_ROOMS["rooms"])
"""What the stage's menu offers."""
LEAD_MS, TAIL_MS = 400.0, 700.0
"""A face before the first word, for the mouth sets off before the sound; and after the last."""
_SILENT_S = 120.0
"""A page that says nothing for so long has failed."""
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Format:
    """What the film is like."""

    fps: int = 25
    width: int = 512
    height: int = 512
    captions: bool = False
    """A track of captions that players can show and hide."""
    view: str = _VIEWS["first"]
    """How near the camera stands: one of `VIEWS`."""
    background: str | Path = _ROOMS["first"]
    """One of `BACKGROUNDS`, or a picture of the user's."""
    dark: bool = False
    """The background is that of a dark page."""
    drawn: bool = False
    """The drawn face instead of the 3-D figure."""


class Film:
    """A film whose people are on the stage; see `opened`."""

    def __init__(self, server: FilmServer, browser: Headless, *, file: Path, form: Format, kind: str, note: Callable[[str], None]) -> None:
        self._server, self._browser, self._file, self._form, self._kind, self._note = server, browser, file, form, kind, note

    def shoot(self, segments: Sequence[SpeechSegment], tell: Callable[[float], None] = lambda _: None) -> None:
        """Let them say the segments, and write the file.

        Args:
            segments: what is said, by the first of the people.
            tell: is told which share of the film is done, 0 to 1; may raise to stop.

        Raises:
            EngineError: it could not be filmed, or not be written to the end.
        """
        self._server.speak(b"".join(frame(*segment_to_wire(segment)) for segment in segments))
        self.wait_for("done", tell)
        shown = captions(words_of(segments, LEAD_MS)) if self._form.captions else []
        if not shown:
            return
        plain = self._file.with_suffix(".plain")
        self._file.replace(plain)
        try:
            add_track(plain, self._file, shown, self._kind)
        finally:
            plain.unlink(missing_ok=True)

    def wait_for(self, kind: str, tell: Callable[[float], None] = lambda _: None) -> None:
        """Hear the film page's news until one of this type comes."""
        heard = time.monotonic()
        while True:
            self._browser.require_running()
            try:
                news = self._server.news.get(timeout=_LOOK_S)
            except queue.Empty:
                if time.monotonic() - heard > _SILENT_S:
                    raise EngineError(f"The browser said nothing for {_SILENT_S:.0f} s; no film was made.", code="browser") from None
                continue
            heard = time.monotonic()
            match news:
                case {"type": "failed", "message": message}:
                    raise EngineError(f"The film could not be made: {message}", code="film")
                case {"type": "notice", "text": text}:
                    self._note(str(text))
                case {"type": "progress", "share": share}:
                    tell(float(share))
            if news.get("type") == kind:
                return


@contextlib.contextmanager
def opened(
    people: Sequence[Persona], path: Path, form: Format, *, browser: str | None = None, note: Callable[[str], None] = lambda _: None
) -> Iterator[Film]:
    """Put people on the stage of a headless browser; the file takes its place when the block is left without an error, or vanishes.

    Args:
        people: who speaks, and who sits beside, if anybody.
        path: the file; its ending, one of `KINDS`, says which kind.
        form: what it is like.
        browser: the program; None looks for one.
        note: is told what an avatar lacks, in sentences; it can be filmed all the same.

    Raises:
        InputError: the ending, the place, the background or the avatar cannot be used, or there is no browser.
        EngineError: the browser failed.
    """
    require_kind(path)
    program = find_browser(browser)
    own = isinstance(form.background, Path)
    job = {
        "people": [persona_to_wire(persona, AVATARS) for persona in people],
        "drawn": form.drawn,
        "dark": form.dark,
        "choices": {"view": form.view, "backdrop": "own" if own else form.background, "captions": False, "background": True},
        "picture": picture_url(form.background) if isinstance(form.background, Path) else None,
        "suffix": path.suffix.lower().removeprefix("."),
        "fps": form.fps,
        "size": {"width": form.width, "height": form.height},
        "leadMs": LEAD_MS,
        "tailMs": TAIL_MS,
    }
    with whole_or_nothing(path) as beside:
        server = FilmServer(job, beside)
        with serving(server) as address, headless(program, address) as running:
            film = Film(server, running, file=beside, form=form, kind=path.suffix.lower(), note=note)
            film.wait_for("ready")
            yield film


def require_kind(path: Path) -> None:
    """Nothing, where the path names a kind of film.

    Raises:
        InputError: code ``no_film``: its ending is none of `KINDS`.
    """
    if path.suffix.lower() not in KINDS:
        what = f"The ending {path.suffix}" if path.suffix else "A name without an ending"
        raise InputError(f"{what} is no kind of film that can be made; end the name in {' or '.join(KINDS)}.", code="no_film")


@contextlib.contextmanager
def whole_or_nothing(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write to; what was written takes the place of `path` at the end, or vanishes on an error.

    Raises:
        InputError: code ``unwritable``: nothing can be written there; the message says why.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        beside.touch()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}. Choose another place with --out.", code="unwritable") from error
    try:
        yield beside
        beside.replace(path)
    except OSError as error:
        raise InputError(f"{path} could not be written to the end: {error.strerror or error}.", code="unwritable") from error
    finally:
        beside.unlink(missing_ok=True)
