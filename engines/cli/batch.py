"""Batch: every line of a file as a WAV and a JSON file of visemes; a run that was ended goes on where it was."""

from __future__ import annotations

import argparse
from pathlib import Path

from engines.cli._shared.terminal import FAILED, INTERRUPTED, PARTLY, add_common, bar, note, print_json, progress, text_of
from engines.errors import InputError, TextToSpeechError
from engines.library.reply import save
from engines.library.synthesis import Synthesizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``FILE``, ``--output-dir``, ``--prefix``, who says it with which engine."""
    parser.add_argument("file", metavar="FILE", help="one text a line (UTF-8); - is the standard input; empty lines count and are skipped")
    parser.add_argument("--output-dir", type=Path, default=Path("var/batch"), metavar="FOLDER", help="where the files go (var/batch)")
    parser.add_argument("--prefix", default="line", metavar="NAME", help="what names begin with: NAME_000.wav, NAME_000.json (line)")
    parser.add_argument("--voice", metavar="VOICE", help="in place of the persona's own")
    add_common(parser, "tts")


def run(arguments: argparse.Namespace) -> int:
    """Say every line that is not there yet; the exit status is 3 where some of them could not be said, 1 where none could."""
    lines = text_of(None, arguments.file).splitlines()
    folder, prefix = arguments.output_dir, arguments.prefix
    if not prefix or Path(prefix).name != prefix:
        raise InputError(f"--prefix {prefix!r} is no beginning of a file's name.", code="prefix")
    todo = {number: line for number, line in enumerate(lines) if line.strip() and not _is_done(folder, prefix, number)}
    failures: dict[int, str] = {}
    voice = Synthesizer(arguments.persona, voice=arguments.voice, profile=arguments.profile, tts=arguments.tts, tell=progress)
    try:
        voice.prepare()
        for notice in voice.notices or ():
            note(notice)
        with bar("Saying", len(todo)) as advance:
            for number, spoken in zip(todo, voice.batch(todo.values()), strict=True):
                if isinstance(spoken, InputError | TextToSpeechError):
                    failures[number] = spoken.message
                    note(f"line {number + 1}: {spoken.message}")
                else:
                    wav, visemes = _files(folder, prefix, number)
                    save(spoken, None, visemes)
                    save(spoken, wav, None)  # last: where it is, the line is done
                advance()
    except KeyboardInterrupt:
        note("stopped; the same command goes on from here")
        return INTERRUPTED
    finally:
        voice.close()
    said = len(todo) - len(failures)
    if arguments.json:
        print_json({"said": said, "failed": {str(number + 1): why for number, why in failures.items()}, "folder": str(folder)})
    else:
        print(f"{said} of {len(todo)} lines said, {len(lines) - len(todo)} empty or there before; in {folder}.")
    return 0 if not failures else PARTLY if said else FAILED


def _files(folder: Path, prefix: str, number: int) -> tuple[Path, Path]:
    name = f"{prefix}_{number:03}"
    return folder / f"{name}.wav", folder / f"{name}.json"


def _is_done(folder: Path, prefix: str, number: int) -> bool:
    return _files(folder, prefix, number)[0].exists()
