"""``python -m avatar_assets.check FILE``: whether the stage can show an avatar, what is put right, and what to do about the rest."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from avatar_assets.checking.contract import CONTRACT, LIMITS, megabytes, shown
from avatar_assets.checking.person import Report, check, finding


def report_on(path: Path) -> Report:
    """Look at a file; one that is too big is refused unread.

    Raises:
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    if size > LIMITS["bytes"]:
        return Report(shown(path.name), findings=[finding("too_big", size=megabytes(size), most=LIMITS["bytes"] // 1_000_000)])
    return check(path.name, path.read_bytes())


def _told(report: Report) -> str:
    lines = [f"{report.file}: {CONTRACT['verdicts'][report.verdict]}"]
    for level, title in CONTRACT["levels"].items():
        if texts := [f"    {one.text}" for one in report.findings if one.level == level]:
            lines += [f"  {title}", *texts]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell of each file; 1 if one cannot be shown, 2 if one cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m avatar_assets.check", description="Tells whether the stage can show an avatar (.glb, .vrm)."
    )
    parser.add_argument("file", nargs="+", type=Path, help="a GLB or VRM file")
    parser.add_argument("--json", action="store_true", help="print the reports as JSON, one line each")
    options = parser.parse_args(arguments)
    worst = 0
    for path in options.file:
        try:
            report = report_on(path)
        except OSError as error:
            print(f"{path}: cannot be read: {error.strerror}.", file=sys.stderr)
            worst = 2
            continue
        print(json.dumps(report.to_json(), ensure_ascii=False) if options.json else _told(report))
        worst = max(worst, int(report.verdict == "refused"))
    return worst


if __name__ == "__main__":
    sys.exit(main())
