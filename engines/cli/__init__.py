"""The command line: one module per command, found by its file name. Only here and in `app.py` is anything printed or parsed."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from engines.errors import EngineError


class Command(Protocol):
    """What a module of this package holds; its docstring's first line is the help."""

    __doc__: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Say which arguments the command takes."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; the exit status. Raises EngineError for what the user should be told."""
        ...


def main(arguments: Sequence[str] | None = None, checks: Sequence[Callable[..., object]] = ()) -> int:
    """Run the command that the arguments name.

    Args:
        arguments: without the program's name; None takes the process's own.
        checks: what `doctor` looks at besides: see `engines.cli.doctor.Check`.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m engines", description="Visavis on the command line.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for found in pkgutil.iter_modules(__path__):
        command = cast(Command, importlib.import_module(f"{__name__}.{found.name}"))
        about = command.__doc__.partition("\n")[0]
        one = commands.add_parser(found.name, help=about, description=about)
        command.add_arguments(one)
        one.set_defaults(run=command.run, checks=checks)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except EngineError as error:
        print(f"visavis: {error.message}", file=sys.stderr)
        return 1
