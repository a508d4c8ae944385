"""Terminal: what all commands share of arguments, input and output. News go to the standard error, results to the standard output."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from engines.config.settings import Settings
from engines.errors import InputError
from engines.library.reply import Reply
from engines.registry.discovery import EngineDiscovery
from engines.types import STAGES, Stage

INTERRUPTED = 130
"""The exit status of what was ended with Ctrl-C."""
FAILED = 1
PARTLY = 3
"""The exit status where some of many things failed."""
_MOST_TEXT = 1_000_000
"""Characters of a text that is read from a file."""
ENGINE: dict[Stage, str] = {
    stage: f"the engine that {does}; the best that can be loaded if left out"
    for stage, does in zip(STAGES, ("hears", "thinks", "speaks"), strict=True)
}
"""What the arguments that name an engine are for."""


def add_common(parser: argparse.ArgumentParser, *stages: Stage, persona: bool = True) -> None:
    """``--persona``, the engines of these stages, ``--profile``, ``--json``."""
    if persona:
        parser.add_argument("--persona", metavar="ID", help="who it is, an id from personas.yaml; the first in it if left out")
    for stage in stages:
        parser.add_argument(f"--{stage}", metavar="NAME[:MODEL]", help=ENGINE[stage])
    parser.add_argument("--profile", type=Path, metavar="FILE", help="with the settings of this file")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def selection(stage: Stage, words: str | None) -> str | None:
    """The engine that words name: ``NAME``, ``NAME:MODEL``, or a model alone, which the best engine here that takes one works with."""
    options = EngineDiscovery(Settings()).options(stage)
    if not words or words.partition(":")[0] in {option.info.name for option in options}:
        return words
    fit = [
        option.info.name for option in options if option.takes_model and option.state.name != "unfit" and not option.info.only_where_here
    ]
    return f"{fit[0]}:{words}" if fit else words


def note(sentence: str) -> None:
    """Tell something by the way."""
    progress("")
    print(f"visavis: {sentence}", file=sys.stderr)


def progress(news: str) -> None:
    """Show how far it is, in place of what was shown before; nothing where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{news}", end="", file=sys.stderr, flush=True)


class Advance(Protocol):
    """Moves a progress bar by one step."""

    def __call__(self) -> object:
        """One more is done."""
        ...


@contextmanager
def bar(what: str, total: int) -> Iterator[Advance]:
    """A progress bar on the standard error, where somebody watches."""
    from rich.console import Console  # noqa: PLC0415 - only where something is shown
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda: shown.advance(task)


def print_json(value: Any) -> None:
    """A result for programs."""
    print(json.dumps(value, ensure_ascii=False, indent=1), flush=True)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A result for people; as wide as it needs to be where it goes to a file."""
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(*head, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def text_of(text: str | None, where: str | None) -> str:
    """What shall be said: the text itself, or that of a file (UTF-8); ``-`` is the standard input.

    Raises:
        InputError: code ``unreadable``, ``too_long`` or ``empty``.
    """
    try:
        if where == "-":
            text = sys.stdin.buffer.read(4 * _MOST_TEXT).decode("utf-8-sig")
        elif where is not None:
            with Path(where).open(encoding="utf-8-sig") as file:
                text = file.read(_MOST_TEXT + 1)
    except OSError as error:
        raise InputError(f"{where} cannot be read: {error.strerror}.", code="unreadable") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is no text in UTF-8; save it as plain text.", code="unreadable") from error
    if len(text or "") > _MOST_TEXT:
        raise InputError(f"{where} has more than {_MOST_TEXT} characters; say it in parts.", code="too_long")
    if not (text or "").strip():
        raise InputError("The text is empty; say what is to be said.", code="empty")
    return str(text)


def reply_json(reply: Reply, **files: Path | None) -> dict[str, Any]:
    """A reply for programs: what was heard, what was said and when, and where the files are."""
    failure = reply.failure
    return {
        "transcript": reply.transcript,
        "language": reply.language,
        "text": reply.text,
        **{name: str(path) for name, path in files.items() if path},
        **reply.visemes(),
        "error": {"code": failure.code, "message": failure.message} if failure else None,
    }
