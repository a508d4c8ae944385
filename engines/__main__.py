"""``python -m engines``: the command line."""

import sys

from engines.cli import main

sys.exit(main())
