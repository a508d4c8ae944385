"""What each voice is given to say, against a native's words: ``python -m benchmarks cases [FILE] [--at-least 0.92]``.

FILE has the format of ``tests/fixtures/said_cases.json``, which is run without one. Each input goes the way that it goes in a turn, up to
the phonemes of Kokoro and of the embedded eSpeak NG; no weights are needed. Printed is, for each kind, how many passed, and each failing
input with what came out.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import median, quantiles

from engines.text.speakable import speakable
from tests import said

_FEW = 10
"""A kind with fewer cases is judged with all the others alone."""
_GOAL_MS, _GOAL_P95_MS = 1.0, 5.0


def main() -> None:
    """Run a file of cases; ends with an error below the share that is asked for, over all and in every kind with ten cases or more."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks cases", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=said.OURS)
    parser.add_argument("--at-least", type=float, default=0.92, metavar="SHARE", help="share that must pass, 0 to 1 (default 0.92)")
    parser.add_argument("--kind", default="", help="only kinds that begin with this")
    options = parser.parse_args()
    found = [case for case in said.cases(options.file) if case["kind"].startswith(options.kind)]
    unchecked = sum(not case["check"] for case in found)
    low = list[str]()
    for voice in said.VOICES:
        kinds = defaultdict[str, list[said.Outcome]](list)
        for outcome in said.outcomes(found, voice):
            kinds[outcome.kind].append(outcome)
        print(f"\n{voice}: passed of all, kind")
        for kind, outcomes in sorted(kinds.items()):
            failed = [outcome for outcome in outcomes if not outcome.passed]
            print(f"{len(outcomes) - len(failed):4} of {len(outcomes):3}  {kind}")
            for outcome in failed:
                print(f"            {outcome.case['id']}: {outcome.case['input']!r} → {outcome.came_out}")
            if len(outcomes) >= _FEW and len(failed) > len(outcomes) * (1 - options.at_least):
                low.append(f"{voice} {kind}")
        every = [outcome for outcomes in kinds.values() for outcome in outcomes]
        share = sum(outcome.passed for outcome in every) / max(len(every), 1)
        print(f"{voice}: {sum(outcome.passed for outcome in every)} of {len(every)} ({share:.1%}, goal {options.at_least:.0%})")
        if every and share < options.at_least:
            low.append(f"{voice} over all")
    print(f"\nwithout a check: {unchecked} of {len(found)}, judged by hand or by tests")
    _times([(said.spoken_input(case), said.language_of(case)) for case in found if case["kind"].startswith(("say", "reply"))])
    if low:
        sys.exit(f"Below {options.at_least:.0%}: {', '.join(low)}")


def _times(texts: list[tuple[str, str]]) -> None:
    """How long the spoken form of one input takes, the first of a language apart (it loads the language's tables)."""
    for language in {language for _, language in texts}:
        speakable("1", language)
    lasted = []
    for text, language in texts:
        started = time.perf_counter()
        speakable(text, language)
        lasted.append((time.perf_counter() - started) * 1000)
    if len(lasted) > 1:
        print(
            f"spoken form of one input: median {median(lasted):.2f} ms (goal {_GOAL_MS}), 95 % within {quantiles(lasted, n=20)[-1]:.2f} ms "
            f"(goal {_GOAL_P95_MS})"
        )


if __name__ == "__main__":
    main()
