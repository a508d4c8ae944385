"""The command line: one module per command, found by its file name. Only here and in `app.py` is anything printed or parsed."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Protocol, cast

from engines.errors import EngineError


class Command(Protocol):
    """What a module of a package of commands holds; its docstring's first line is the help."""

    __doc__: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Say which arguments the command takes."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; the exit status. Raises EngineError for what the user should be told."""
        ...


def main(arguments: Sequence[str] | None = None, checks: Sequence[Callable[..., object]] = ()) -> int:
    """Run the command of ``python -m engines`` that the arguments name; its exit status.

    Args:
        arguments: without the program's name; None takes the process's own.
        checks: what `doctor` looks at besides: see `engines.cli.doctor.Check`.
    """
    return dispatch(sys.modules[__name__], "python -m engines", "Visavis on the command line.", arguments, checks=checks)


def dispatch(package: ModuleType, program: str, description: str, arguments: Sequence[str] | None = None, **more: object) -> int:
    """Run the command that the arguments name, a module of the package; its exit status.

    Args:
        package: whose modules are `Command`s.
        program: as the user calls it.
        description: of the program, for its help.
        arguments: without the program's name; None takes the process's own.
        more: what every command gets besides its arguments, as attributes of them.
    """
    parser = argparse.ArgumentParser(prog=program, description=description)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for found in pkgutil.iter_modules(package.__path__):
        command = cast(Command, importlib.import_module(f"{package.__name__}.{found.name}"))
        about = (command.__doc__ or "").partition("\n")[0]
        one = commands.add_parser(found.name, help=about, description=about)
        command.add_arguments(one)
        one.set_defaults(run=command.run, **more)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except EngineError as error:
        print(f"visavis: {error.message}", file=sys.stderr)
        return 1
