"""``python -m avatar_assets``: what can be done with the people on the stage. Each command is a module of `avatar_assets.commands`."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from avatar_assets import commands
from engines.errors import EngineError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; its exit status.

    A command's module holds ``add_arguments(parser)`` and ``run(arguments) -> int``; its docstring's first line is the help.
    """
    parser = argparse.ArgumentParser(prog="python -m avatar_assets", description="Avatars and films of Visavis.")
    offered = parser.add_subparsers(required=True, metavar="COMMAND")
    for found in pkgutil.iter_modules(commands.__path__):
        command = importlib.import_module(f"{commands.__name__}.{found.name}")
        about = (command.__doc__ or "").partition("\n")[0]
        one = offered.add_parser(found.name, help=about, description=about)
        command.add_arguments(one)
        one.set_defaults(run=command.run)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except EngineError as error:
        print(f"visavis: {error.message}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
