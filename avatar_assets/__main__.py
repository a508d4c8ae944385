"""``python -m avatar_assets``: what can be done with the people on the stage. Each command is a module of `avatar_assets.commands`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from avatar_assets import commands
from engines.cli import dispatch


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; its exit status."""
    return dispatch([commands], "python -m avatar_assets", "Avatars and films of Visavis.", arguments)


if __name__ == "__main__":
    sys.exit(main())
