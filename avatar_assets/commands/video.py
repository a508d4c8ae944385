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
from engines.cli._shared.terminal import INTERRUPTED, note, progress, text_of
from engines.config.personas import PersonaBook
from engines.library.synthesis import Synthesizer
from engines.types import SpeechSegment

_SMALLEST, _LARGEST = 128, 2160


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
    voice = Synthesizer(arguments.persona, profile=arguments.profile, tts=arguments.tts, tell=progress)
    persona, (width, height) = voice.persona, arguments.size
    people = [persona, *([PersonaBook(voice.settings.personas_file).get(arguments.guest)] if arguments.guest else [])]
    looks = {"view": arguments.view, "background": arguments.background, "dark": arguments.dark, "drawn": arguments.drawn}
    form = Format(arguments.fps, width, height, arguments.captions, **looks)
    try:
        text = text_of(arguments.text, arguments.text_file)
        npm_modules.install(note)
        with opened(people, arguments.out, form, browser=arguments.browser, note=note) as film:
            begun = time.perf_counter()
            segments = _spoken(voice, text)
            spoken = time.perf_counter()
            film.shoot(segments, lambda share: progress(f"filming {share:.0%}"))
    except KeyboardInterrupt:
        progress("")
        print("visavis: stopped; no film was written", file=sys.stderr)
        return INTERRUPTED
    progress("")
    length, filming = (LEAD_MS + TAIL_MS + sum(one.audio.duration_ms for one in segments)) / 1000, time.perf_counter() - spoken
    who = f"{persona.name} with {voice.engine.title}"
    print(f"{arguments.out}: {length:.1f} s of {who}; spoken in {spoken - begun:.1f} s, filmed in {filming:.1f} s.")
    return 0


def _spoken(voice: Synthesizer, text: str) -> list[SpeechSegment]:
    segments: list[SpeechSegment] = []
    for segment in voice.segments(text):
        segments.append(segment)
        progress(f"speaking: {sum(one.audio.duration_ms for one in segments) / 1000:.0f} s")
    for notice in voice.notices or ():
        note(notice)
    return segments


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
