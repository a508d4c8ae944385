"""``python -m engines``: composition root of the command line, as `app.py` is of the app."""

import sys

from avatar_assets.findings import findings
from engines.cli import main

if __name__ == "__main__":
    sys.exit(main(checks=[findings]))
