"""Synchronisation benchmark: how far the mouth is from the sound, and how soon it rests after an interruption, for everybody.

Bursts of a tone, each with one known viseme, are played through the real stage in a real Chromium. On the audio thread a tap
notes when each burst passes; every frame notes which mouth is shown. The known curve of each viseme is fitted to what was
shown, with the shift in time as the unknown. Sound counts when the device plays it (the browser's output timestamps), the
mouth when its frame is drawn. Positive offsets mean a mouth that is late.

Everybody is every avatar in the folder, a VRM and a GLB that has to be mended. Each is measured three times: with the drawing stubbed, so
that a slow processor does not count, with a gap of 400 ms before the last bursts, and with interruptions; drawn by the processor; and as
the drawn face.

Run `python -m benchmarks.av_sync` from the repository's root, after `npm ci` in `avatar_assets`. Needs playwright and Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from avatar_assets import npm_modules
from avatar_assets.avatar_files import AVATARS
from benchmarks import stages
from benchmarks.stages import Body
from tests.fixtures.browser import STUB_DRAWING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ONSET_RMS = 0.02
"""A block louder than this belongs to a burst."""
ONSET_APART_S = 0.3
SHIFTS_MS = np.arange(-250, 250)
"""The next burst is twice as far."""
OPEN = 0.05
"""A mouth that was never opened further for a burst was not drawn while it lasted."""
MOSTLY = 0.8
"""The share of bursts that have to be seen for a measurement to count."""
MEDIAN_TARGET_MS, P90_TARGET_MS, DRAWN_TARGET_MS, REST_TARGET_MS = 15.0, 30.0, 60.0, 150.0
"""What is asked: of median and p90 where the drawing is stubbed or 2-D, of the median where a processor draws, of the slowest rest."""
GAP_MS = 400
SIDE = 512


@dataclass(frozen=True)
class Offsets:
    """How late the mouth is, in ms; NaN where too few bursts met a frame."""

    median: float
    p90: float
    """Of the absolute values."""


@dataclass(frozen=True)
class Row:
    """All the numbers of one body; None of what it does not have."""

    name: str
    stubbed: Offsets
    gap: Offsets
    drawn: Offsets
    fps: float
    """Where a processor draws."""
    flat: Offsets | None
    """The drawn face."""
    rest_ms: float
    """From an interruption to the first frame at rest, the slowest."""

    @property
    def missed(self) -> list[str]:
        """Which targets were missed; a number that could not be measured is one."""
        exact = {"stubbed": self.stubbed, "after the gap": self.gap, **({"2-D": self.flat} if self.flat else {})}
        wanted = {name: abs(one.median) <= MEDIAN_TARGET_MS and one.p90 <= P90_TARGET_MS for name, one in exact.items()}
        wanted |= {"drawn": abs(self.drawn.median) <= DRAWN_TARGET_MS, "rest": self.rest_ms <= REST_TARGET_MS}
        return [name for name, reached in wanted.items() if not reached]


def onsets(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Context times (s) at which bursts begin, from rows of (time, rms)."""
    loud = blocks[:, 1] > ONSET_RMS
    edges: NDArray[np.float64] = blocks[1:][loud[1:] & ~loud[:-1], 0]
    apart = np.diff(edges, prepend=-np.inf) > ONSET_APART_S
    return edges[apart]


def offsets(log: dict[str, Any]) -> NDArray[np.float64]:
    """Offset of each burst's mouth in ms, positive when late, by fitting its known curve; NaN where no frame fell."""
    frames = log["frames"]
    drawn = np.array([frame["at"] for frame in frames])
    stamps = np.array([(frame["performanceTime"], frame["contextTime"]) for frame in frames])
    heard = np.interp(drawn, stamps[:, 0], stamps[:, 1]) + np.maximum(0, drawn - stamps[-1, 0]) / 1000
    bursts = onsets(np.array(log["blocks"]))
    if len(bursts) != len(log["shapes"]):
        return np.full(len(log["shapes"]), np.nan)  # the sound itself broke
    return np.array([fit(log, frames, heard, shape, begin) for shape, begin in zip(log["shapes"], bursts, strict=True)])


def fit(log: dict[str, Any], frames: list[dict[str, Any]], heard: NDArray[np.float64], shape: str, begin: float) -> float:
    """The shift (ms) that lays the known curve of a shape best over the frames around a burst; NaN if none of them shows it."""
    tau = (heard - begin) * 1000
    near = (tau > -230) & (tau < 270)  # half-way to the neighbouring bursts
    shown = np.array([frame["weights"][shape] for frame in frames])[near]
    if not (shown > OPEN).any():
        return float("nan")
    curve = np.array(log["curves"][shape])
    grid = np.arange(len(curve)) + log["curveFrom"]
    best = (np.inf, np.nan)
    for shift in SHIFTS_MS:
        expected = np.interp(tau[near] - shift, grid, curve, left=0, right=0)
        power = expected @ expected
        if power > 0:
            error = float(((shown - (expected @ shown) / power * expected) ** 2).sum())
            best = min(best, (error, float(shift)))
    return best[1]


def summary(found: NDArray[np.float64]) -> Offsets:
    """Median and p90 of single offsets."""
    seen = found[~np.isnan(found)]
    if not len(seen) or len(seen) < MOSTLY * len(found):
        return Offsets(float("nan"), float("nan"))
    return Offsets(round(float(np.median(seen)), 1), round(float(np.percentile(np.abs(seen), 90)), 1))


def play(browser: Browser, address: str, body: Body, *, query: str = "", script: str = "", **options: int) -> dict[str, Any]:
    """Play bursts to a body in a fresh page; what was noted."""
    page = browser.new_page(viewport={"width": SIDE, "height": SIDE})
    page.set_default_timeout(120_000)
    page.add_init_script(script)
    page.goto(f"{address}/av_sync.html")
    page.wait_for_function("window.benchmark")
    log: dict[str, Any] = page.evaluate("options => benchmark.measure(options)", {"query": query, "avatar": body.avatar, **options})
    page.close()
    if log["face"] != ("2d" if query else "3d"):
        raise SystemExit(f"{body.name}: the stage shows the {log['face']} face: {log.get('reason')}")
    return log


def measure(browser: Browser, address: str, body: Body) -> Row:
    """All the numbers of one body."""
    stubbed = play(browser, address, body, script=STUB_DRAWING, segments=3, gap=GAP_MS, rests=3)
    found, last = offsets(stubbed), stubbed["bursts"]
    drawn = play(browser, address, body, segments=2)
    times = [frame["at"] for frame in drawn["frames"]]
    flat = play(browser, address, body, query="face=2d", segments=2) if body.ours else None
    return Row(
        body.name,
        summary(found[:-last]),
        summary(found[-last:]),
        summary(offsets(drawn)),
        round(1000 * (len(times) - 1) / (times[-1] - times[0]), 1),
        summary(offsets(flat)) if flat else None,
        round(max(stubbed["rests"]), 1),
    )


def main() -> int:
    """Measure everybody, print a table; 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--avatars", type=Path, default=AVATARS, help="folder of GLB and VRM files")
    parser.add_argument("--only", default="", help="measure those whose name contains this")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args()
    if not npm_modules.installed():
        print("The npm modules are missing. Run `npm ci` in avatar_assets first.", file=sys.stderr)
        return 2
    print(f"{'':11} {'stubbed':>13} {'after a gap':>13} {'software':>13} {'':>5} {'2-D face':>13} {'':>6}")
    print(f"{'':11}" + f" {'median':>7} {'p90':>5}" * 3 + f" {'fps':>5} {'median':>7} {'p90':>5} {'rest':>6}   ms; mouth late is positive")
    rows = []
    with stages.opened(options.avatars) as (browser, address, bodies):
        for body in bodies:
            if options.only not in body.name:
                continue
            row = measure(browser, address, body)
            rows.append(row)
            flat = f"{row.flat.median:7} {row.flat.p90:5}" if row.flat else f"{'':13}"
            exact = " ".join(f"{one.median:7} {one.p90:5}" for one in (row.stubbed, row.gap, row.drawn))
            mark = f"MISSED: {', '.join(row.missed)}" if row.missed else "reached"
            print(f"{row.name:11} {exact} {row.fps:5} {flat} {row.rest_ms:6}   {mark}", flush=True)
    print(
        f"asked: median {MEDIAN_TARGET_MS:.0f} and p90 {P90_TARGET_MS:.0f}, median {DRAWN_TARGET_MS:.0f} in software,"
        f" rest {REST_TARGET_MS:.0f}; {os.cpu_count()} cores, {os.getloadavg()[0]:.1f} processes waiting"
    )
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    return 1 if any(row.missed for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
