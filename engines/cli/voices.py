"""Voices: which ones an engine has, and their languages."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from engines.cli._shared.terminal import add_common, note, print_json, print_table, progress
from engines.library.synthesis import Synthesizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--language TAG``, the engine."""
    parser.add_argument("--language", metavar="TAG", help="only those that speak it, such as es or pt-BR")
    add_common(parser, "tts", persona=False)


def run(arguments: argparse.Namespace) -> int:
    """List the voices."""
    voice = Synthesizer(tts=arguments.tts, profile=arguments.profile, tell=progress)
    return show(voice, arguments.language, as_json=arguments.json)


def show(engine: Synthesizer, language: str | None, *, as_json: bool) -> int:
    """List the voices of an engine, and end it."""
    try:
        voices = [voice for voice in engine.voices() if not language or voice.language.lower().startswith(language.lower())]
        for notice in engine.notices or ():
            note(notice)
        title = engine.engine.title
    finally:
        engine.close()
    if as_json:
        print_json([asdict(voice) for voice in voices])
    else:
        print_table(("voice", "name", "language", "gender"), [(one.id, one.name, one.language, one.gender) for one in voices])
        note(f"{len(voices)} voices of {title}.")
    return 0
