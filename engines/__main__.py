"""``python -m engines``, installed as ``visavis``: composition root of the command line, as `app.py` is of the app."""

import sys

from avatar_assets import commands
from avatar_assets.findings import findings
from engines import cli


def visavis() -> int:
    """The command ``visavis``."""
    return cli.main(checks=[findings], more_commands=[commands])


def talk() -> int:
    """The command ``sts-avatar-cli``."""
    return cli.main(["talk", *sys.argv[1:]])


def chat() -> int:
    """The command ``voice-chat-cli``."""
    return cli.main(["chat", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(visavis())
