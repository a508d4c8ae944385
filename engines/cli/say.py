"""Say: a text, in a persona's voice, as WAV and visemes."""

from __future__ import annotations

import argparse
from pathlib import Path

from engines.cli._shared.terminal import INTERRUPTED, add_common, note, print_json, progress, text_of
from engines.library.reply import save
from engines.library.synthesis import Synthesizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``TEXT|FILE|-``, ``--out FILE``, who says it with which engine."""
    parser.add_argument("text", metavar="TEXT|FILE|-", help="what is said, a file (UTF-8) with it, or - for the standard input")
    parser.add_argument("--out", type=Path, default=Path("said.wav"), metavar="FILE", help="the WAV file; visemes go beside it (said.wav)")
    parser.add_argument("--voice", metavar="VOICE", help="in place of the persona's own")
    add_common(parser, "tts")


def run(arguments: argparse.Namespace) -> int:
    """Say it."""
    named = arguments.text == "-" or (len(arguments.text) < 200 and Path(arguments.text).is_file())
    text = text_of(None, arguments.text) if named else text_of(arguments.text, None)
    voice = Synthesizer(arguments.persona, voice=arguments.voice, profile=arguments.profile, tts=arguments.tts, tell=progress)
    try:
        spoken = voice.say(text)
        for notice in voice.notices or ():
            note(notice)
        wav, visemes = save(spoken, arguments.out, arguments.out.with_suffix(".json"))
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        voice.close()
    if arguments.json:
        print_json({"audio": str(wav), "timeline": str(visemes), "sampleRate": spoken.audio.sample_rate, **spoken.visemes()})
    else:
        print(f"{wav}: {spoken.audio.duration_ms / 1000:.1f} s, {visemes}")
    return 0
