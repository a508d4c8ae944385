"""The command line: one module per command, found by its file name. Only here and in `app.py` is anything printed or parsed."""

from __future__ import annotations

import argparse
import importlib
import json
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


def main(
    arguments: Sequence[str] | None = None, checks: Sequence[Callable[..., object]] = (), more_commands: Sequence[ModuleType] = ()
) -> int:
    """Run the command of ``visavis`` that the arguments name; its exit status.

    Args:
        arguments: without the program's name; None takes the process's own.
        checks: what `doctor` looks at besides: see `engines.cli.doctor.Check`.
        more_commands: packages of commands besides these.
    """
    return dispatch([sys.modules[__name__], *more_commands], "visavis", "Visavis on the command line.", arguments, checks=checks)


def dispatch(packages: Sequence[ModuleType], program: str, description: str, arguments: Sequence[str] | None = None, **more: object) -> int:
    """Run the command that the arguments name, a module of one of the packages; its exit status.

    Args:
        packages: whose modules are `Command`s; a name that begins with an underscore is none.
        program: as the user calls it.
        description: of the program, for its help.
        arguments: without the program's name; None takes the process's own.
        more: what every command gets besides its arguments, as attributes of them.
    """
    parser = argparse.ArgumentParser(prog=program, description=description)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    names = [(package.__name__, found.name) for package in packages for found in pkgutil.iter_modules(package.__path__)]
    for package, name in (pair for pair in names if not pair[1].startswith("_")):
        command = cast(Command, importlib.import_module(f"{package}.{name}"))
        about = (command.__doc__ or "").partition("\n")[0]
        one = commands.add_parser(name, help=about, description=about)
        command.add_arguments(one)
        one.set_defaults(run=command.run, **more)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except EngineError as error:
        if getattr(options, "json", False):
            print(json.dumps({"error": {"code": error.code, "message": error.message}}, ensure_ascii=False))
        print(f"visavis: {error.message}", file=sys.stderr)
        return 1
