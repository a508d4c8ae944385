"""Let a persona say a text and write it as a film, lips moving with the words.

The voice is the one of the app: the same engines, sentences and people. The picture is the page's own stage, in a browser without a window.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path

from avatar_assets import npm_modules
from avatar_assets.film.make import BACKGROUNDS, KINDS, LEAD_MS, TAIL_MS, VIEWS, Format, opened
from engines.config.personas import PersonaBook
from engines.config.settings import Settings, load_settings
from engines.conversation.turn import TurnRequest, run_turn
from engines.errors import EngineError, InputError, MissingDependency, TextToSpeechError
from engines.events import SegmentReady, TurnFailed
from engines.registry.registry import Engines, Registry
from engines.types import Persona, SpeechSegment

_SMALLEST, _LARGEST = 128, 2160
_UNDER_WAY = {"idle", "downloading", "loading"}
_LOOK_S = 0.1
_INTERRUPTED = 130
"""The exit status of what was ended with Ctrl-C."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--text … | --text-file FILE``, ``--out FILE`` and what the film is like."""
    form = Format()
    text = parser.add_mutually_exclusive_group(required=True)
    text.add_argument("--text", metavar="TEXT", help="what is said")
    text.add_argument("--text-file", metavar="FILE", help="a file (UTF-8) with what is said; - is the standard input")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=f"the film; its ending says which kind: {', '.join(KINDS)}")
    parser.add_argument("--persona", metavar="ID", help="who says it; the first in personas.yaml if left out")
    parser.add_argument("--guest", metavar="ID", help="who sits beside, listens and looks")
    parser.add_argument("--tts", metavar="NAME[:MODEL]", help="the voice engine; the best that can be loaded if left out")
    parser.add_argument("--fps", type=int, choices=(25, 30), default=form.fps, help=f"pictures a second ({form.fps} if left out)")
    size = f"{form.width}x{form.height}"
    parser.add_argument("--size", type=_size, default=size, metavar="WxH", help=f"in pixels ({size} if left out)")
    parser.add_argument("--view", choices=VIEWS, default=form.view, help=f"how near the camera stands ({form.view} if left out)")
    parser.add_argument(
        "--background",
        type=_background,
        default=form.background,
        metavar="NAME|FILE",
        help=f"what is behind the person: {', '.join(BACKGROUNDS)} ({form.background} if left out), or a picture (JPEG, PNG, WebP)",
    )
    parser.add_argument("--dark", action="store_true", help="the background as in a dark page")
    parser.add_argument("--drawn", action="store_true", help="the drawn face instead of the 3-D figure")
    parser.add_argument("--captions", action="store_true", help="add a track of captions, which players can show and hide")
    parser.add_argument("--browser", metavar="PROGRAM", help="Chrome, Chromium or Edge; looked for in the usual places if left out")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="work with the settings of this file")


def run(arguments: argparse.Namespace) -> int:
    """Put people on the stage, speak, film."""
    settings = load_settings(arguments.profile, tts=arguments.tts, persona=arguments.persona)
    book = PersonaBook(settings.personas_file)
    persona = book.get(settings.persona) if settings.persona else book.first(None)
    width, height = arguments.size
    people = [persona, *([book.get(arguments.guest)] if arguments.guest else [])]
    looks = {"view": arguments.view, "background": arguments.background, "dark": arguments.dark, "drawn": arguments.drawn}
    form = Format(arguments.fps, width, height, arguments.captions, **looks)
    try:
        text = read_text(arguments)
        npm_modules.install(_note)
        with opened(people, arguments.out, form, browser=arguments.browser, note=_note) as film:
            begun = time.perf_counter()
            engines = _engines(settings, persona.language)
            segments = speak(text, persona, engines, settings)
            spoken = time.perf_counter()
            film.shoot(segments, lambda share: _tell(f"filming {share:.0%}"))
    except KeyboardInterrupt:
        _tell("")
        print("visavis: stopped; no film was written", file=sys.stderr)
        return _INTERRUPTED
    _tell("")
    length, filming = (LEAD_MS + TAIL_MS + sum(one.audio.duration_ms for one in segments)) / 1000, time.perf_counter() - spoken
    who = f"{persona.name} with {engines.tts.info.title}"
    print(f"{arguments.out}: {length:.1f} s of {who}; spoken in {spoken - begun:.1f} s, filmed in {filming:.1f} s.")
    return 0


def speak(text: str, persona: Persona, engines: Engines, settings: Settings) -> list[SpeechSegment]:
    """The text in the persona's voice, by way of a turn: what the app would say of it, and how.

    Raises:
        InputError: code ``empty``: there are no words in it.
        TextToSpeechError: the voice failed.
    """
    limits = settings.limits
    segments = []
    for event in run_turn(TurnRequest("video", persona, None, reply=text, limits=limits), engines):
        if isinstance(event, TurnFailed):
            raise TextToSpeechError(event.message, code=event.code, retryable=event.retryable)
        if isinstance(event, SegmentReady):
            segments.append(event.segment)
            _tell(f"speaking: {sum(segment.audio.duration_ms for segment in segments) / 1000:.0f} s")
    if not segments:
        raise InputError("There are no words in that text to be said.", code="empty")
    return segments


def _engines(settings: Settings, language: str) -> Engines:
    """The engines of the turn, once the voice that was asked for is loaded, or the best one is.

    Raises:
        EngineError: there is no such voice engine, or the one that was asked for cannot work here.
    """
    registry = Registry(settings)
    registry.check()
    registry.retry("tts")
    while under_way := [one for one in (*registry.awaited("tts"), registry.chosen("tts")) if one.state.name in _UNDER_WAY]:
        state = under_way[0].state
        share = f" {state.done / state.total:.0%}" if state.total else ""
        _tell(f"{under_way[0].info.title}: {state.name}{share}")
        time.sleep(_LOOK_S)
    for one in registry.awaited("tts"):
        if settings.tts and one.state.name == "needs":
            raise MissingDependency(one.info.title, one.state.detail)
        if settings.tts:
            raise EngineError(f"{one.info.title} cannot speak here: {one.state.detail}", code="unfit")
        print(f"visavis: {one.info.title} cannot speak here: {one.state.detail}", file=sys.stderr)
    engines = registry.engines(language)
    for notice in engines.notices:
        print(f"visavis: {notice}", file=sys.stderr)
    return engines


def read_text(arguments: argparse.Namespace) -> str:
    """What shall be said.

    Raises:
        InputError: code ``unreadable`` or ``empty``.
    """
    text, where = arguments.text, arguments.text_file
    try:
        if where == "-":
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        elif where is not None:
            text = Path(where).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{where} cannot be read: {error.strerror}.", code="unreadable") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is no text in UTF-8; save it as plain text.", code="unreadable") from error
    if not text.strip():
        raise InputError("The text is empty; say what is to be said with --text.", code="empty")
    return str(text)


def _size(words: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,4})[xX×](\d{1,4})", words)
    width, height = (int(number) for number in found.groups()) if found else (0, 0)
    if not all(_SMALLEST <= side <= _LARGEST and side % 2 == 0 for side in (width, height)):
        raise argparse.ArgumentTypeError(
            f"{words!r} is no size; width x height such as 512x512, even numbers from {_SMALLEST} to {_LARGEST}"
        )
    return width, height


def _background(words: str) -> str | Path:
    """A room's name; whatever looks like the name of a file, or is one, is a picture."""
    if words in BACKGROUNDS:
        return words
    path = Path(words)
    if not words or not (path.suffix or len(path.parts) > 1 or path.exists()):
        raise argparse.ArgumentTypeError(f"{words!r} is no background; choose {', '.join(BACKGROUNDS)}, or a picture (JPEG, PNG, WebP)")
    return path


def _note(sentence: str) -> None:
    print(f"visavis: {sentence}", file=sys.stderr)


def _tell(news: str) -> None:
    """Show how far it is, in place of what was shown before; nothing where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{news}", end="", file=sys.stderr, flush=True)
