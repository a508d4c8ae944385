"""Transcribe: recordings as text, JSON or subtitles."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engines.audio import decode
from engines.cli._shared.terminal import FAILED, INTERRUPTED, PARTLY, add_common, bar, note, print_json, progress, selection
from engines.errors import EngineError, InputError
from engines.library.transcription import Recognizer, Transcription
from engines.text.captions import captions, srt, vtt

FORMATS: dict[str, Callable[[Transcription], str]] = {
    "text": lambda heard: heard.text + "\n",
    "srt": lambda heard: srt(captions(heard.words)),
    "vtt": lambda heard: vtt(captions(heard.words)),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``FILE …``, ``--format``, ``--output-dir``, ``--language``, the engine."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a recording of any common format")
    parser.add_argument("--format", choices=[*FORMATS, "json"], default="text", help="of what is printed or written (text)")
    parser.add_argument("--output-dir", type=Path, metavar="FOLDER", help="write a file for each recording there, and print nothing")
    parser.add_argument("--language", metavar="TAG", help="the language that is spoken, such as en; found out if left out")
    add_common(parser, "stt", persona=False)


def run(arguments: argparse.Namespace) -> int:
    """Transcribe every file; the exit status is 3 where some of them could not be, 1 where none could."""
    form = "json" if arguments.json else arguments.format
    ears = Recognizer(language=arguments.language, profile=arguments.profile, stt=selection("stt", arguments.stt), tell=progress)
    failed, results = 0, list[dict[str, Any]]()
    try:
        for notice in ears.prepare():
            note(notice)
        with bar("Hearing", len(arguments.files)) as advance:
            for path in arguments.files:
                try:
                    heard = ears.hear(decode(path, max_ms=ears.settings.max_utterance_ms), words=form != "text")
                    results.append({"file": str(path), **heard.fields()})
                    if form != "json" or arguments.output_dir:
                        _put(heard, path, form, arguments.output_dir, many=len(arguments.files) > 1)
                except EngineError as error:
                    failed += 1
                    results.append({"file": str(path), "error": {"code": error.code, "message": error.message}})
                    note(f"{path}: {error.message}")
                advance()
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        ears.close()
    if form == "json" and not arguments.output_dir:
        print_json(results if len(arguments.files) > 1 else results[0])
    return 0 if not failed else PARTLY if failed < len(arguments.files) else FAILED


def _put(heard: Transcription, path: Path, form: str, folder: Path | None, *, many: bool) -> None:
    if folder is None:
        text = FORMATS[form](heard)
        print(f"{path}: {text}" if many and form == "text" else text, end="", flush=True)
        return
    target = folder / f"{path.stem}.{'txt' if form == 'text' else form}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.write_text(heard.json() if form == "json" else FORMATS[form](heard), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror}. Choose another place.", code="unwritable") from error
