"""Token: let a program on another machine use the API; it shows the token as Authorization: Bearer TOKEN."""

from __future__ import annotations

import argparse
from pathlib import Path

from engines.api.access.tokens import Tokens
from engines.config.settings import load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``create NAME``, ``list``, ``revoke NAME``."""
    parser.add_argument("what", choices=("create", "list", "revoke"), help="make one, shown once; say whose there are; take one back")
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="of whoever uses it")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="with the settings of this file")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    tokens = Tokens(load_settings(arguments.profile).tokens)
    match arguments.what:
        case "create":
            print(tokens.create(arguments.name))
        case "revoke":
            tokens.revoke(arguments.name)
        case _:
            print("\n".join(tokens.names()) or "There are no tokens.")
    return 0
