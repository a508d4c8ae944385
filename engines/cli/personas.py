"""Personas: who there is, and what is wrong with a persona file."""

from __future__ import annotations

import argparse
from pathlib import Path

from engines.cli._shared.terminal import add_common, print_json, print_table
from engines.config.personas import load_personas
from engines.config.settings import load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``check`` or ``list``, and a file."""
    parser.add_argument("what", choices=("check", "list"), help="check: say what is wrong, by line; list: say who there is")
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the persona file; that of the settings if left out")
    add_common(parser, persona=False)


def run(arguments: argparse.Namespace) -> int:
    """Read the file; a mistake in it is the error that ends the command."""
    path = arguments.file or load_settings(arguments.profile).personas_file
    people = load_personas(path)
    if arguments.json:
        print_json([{"id": one.id, "name": one.name, "line": one.line, "language": one.language} for one in people.values()])
    elif arguments.what == "list":
        print_table(("id", "name", "language", "about"), [(one.id, one.name, one.language, one.line) for one in people.values()])
    else:
        print(f"{path}: {len(people)} people, nothing wrong.")
    return 0
