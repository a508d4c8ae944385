"""The product with its real engines, on recordings of people: ``python -m benchmarks real [hearing] [voice] [turn] [--speech FOLDER]``.

Hearing: words and characters that are wrong, also in noise, by telephone and with silence around; languages; words out of no speech.
Voice: what machine listening makes of it, first clause, silences, loudness. Turn: from the end of a recording to the first audible sound.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.recordings import USUAL_FOLDER, read

PARTS = ("hearing", "voice", "turn")
OF_PEOPLE = {"hearing", "turn"}
"""Parts that need recordings."""


def main() -> None:
    """Measure what was asked for; ends with status 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks real", description="The product with its real engines.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all of them if none is named")
    parser.add_argument(
        "--speech", type=Path, default=USUAL_FOLDER, help="folder of recordings; benchmarks/recordings.py says what is in it"
    )
    parser.add_argument("--engine", default="", help="the only engine whose hearing is measured")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there is {', '.join(PARTS)}")
    recordings = read(asked.speech) if asked.speech.is_dir() else []
    good = True
    for part in asked.parts or PARTS:
        if part in OF_PEOPLE and not recordings:
            print(f"{part}: no recordings in {asked.speech}: give a folder with --speech")
            good = False
        elif part == "hearing":
            good &= import_module("benchmarks.real_hearing").measure(recordings, asked.engine)
        elif part == "turn":
            good &= import_module("benchmarks.real_turn").measure(recordings)
        else:
            good &= import_module("benchmarks.real_voice").measure()
    if not good:
        sys.exit(1)


if __name__ == "__main__":
    main()
