"""Saved video benchmark: how far the mouth is from the sound in a file that "Save video" gave, and how long the file is.

The real stage, in a real Chromium, films bursts of a tone, an open mouth for each. The file is read with PyAV: the pixels that differ
most between open and closed mouth give each frame's opening; the known curve is laid over it, with the shift in time as the unknown.
Positive offsets mean a mouth that is late.

Everybody is filmed: every avatar in the folder, as a figure and as the drawn face, a VRM, a GLB that has to be mended, and two people of
whom each says half.

Run `python -m benchmarks.saved_video` from the repository's root, after `npm ci` in `avatar_assets`. Needs playwright and Chromium.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from avatar_assets import npm_modules
from benchmarks import stages
from benchmarks.stages import Body

if TYPE_CHECKING:
    from playwright.sync_api import Browser

OFFSET_TARGET_MS = 20.0
LENGTH_TARGET_MS = 100.0
BURSTS = 16
ONSET_LEVEL = 0.06
"""Of full scale; a tenth of a burst's amplitude and above any encoder's noise."""
ONSET_APART_S = 0.3
MOUTH_SHARE = 0.005
"""The share of the picture that the mouth's pixels are."""
NOISE = 4.0
"""Brightness (of 255) by which pixels differ that do not move: the encoder's doing."""
SHIFTS_MS = np.arange(-250, 250)
MOSTLY = 0.8
"""The share of bursts that have to be seen for a measurement to count."""
SIZE = 480


@dataclass(frozen=True)
class Film:
    """A file's two tracks; times in s."""

    at: NDArray[np.float64]
    """When each frame is shown."""
    frames: NDArray[np.float32]
    """(frame, y, x), brightness 0 to 255."""
    sound: NDArray[np.float32]
    """Mono, −1 to 1."""
    sounding: NDArray[np.float64]
    """When each sample is heard."""
    length: float
    """From the beginning of the earlier track to the end of the later one."""


@dataclass(frozen=True)
class Row:
    """The numbers of somebody in a film, in ms."""

    name: str
    face: str
    """``figure`` or ``drawn``."""
    median_ms: float
    """NaN where too few bursts met a frame."""
    p90_ms: float
    """Of the absolute offsets."""
    longer_ms: float
    """The film than the speech."""
    begin_ms: float
    """The first picture after the first sound."""
    fps: float
    kind: str

    @property
    def reached(self) -> bool:
        """Whether it meets its targets."""
        return abs(self.median_ms) <= OFFSET_TARGET_MS and abs(self.longer_ms) <= LENGTH_TARGET_MS


def read(data: bytes) -> Film:
    """Decode a film."""
    import av

    at: list[float] = []
    frames = []
    blocks: list[NDArray[np.float32]] = []
    sounding: list[NDArray[np.float64]] = []
    with av.open(io.BytesIO(data), mode="r") as container:
        for frame in container.decode(video=0):
            at.append(float(frame.time or 0))
            frames.append(frame.to_ndarray(format="gray").astype(np.float32))
    with av.open(io.BytesIO(data), mode="r") as container:
        for block in container.decode(audio=0):
            resampled = av.AudioResampler("flt", "mono", block.sample_rate).resample(block)
            blocks.append(np.concatenate([piece.to_ndarray()[0] for piece in resampled]))
            sounding.append(float(block.time or 0) + np.arange(len(blocks[-1])) / block.sample_rate)
    sound, heard = np.concatenate(blocks), np.concatenate(sounding)
    return Film(np.array(at), np.array(frames), sound, heard, max(at[-1], float(heard[-1])) - min(at[0], float(heard[0])))


def onsets(film: Film) -> NDArray[np.float64]:
    """Times (s) at which bursts begin."""
    loud = film.sounding[np.abs(film.sound) > ONSET_LEVEL]
    return loud[np.diff(loud, prepend=-np.inf) > ONSET_APART_S]


def openings(film: Film, bursts: NDArray[np.float64]) -> NDArray[np.float64]:
    """How open the mouth is in each frame, in brightness of the pixels that tell it."""
    since = film.at[:, None] - bursts[None, :]
    open_, closed = ((since > 0.05) & (since < 0.13)).any(1), ~((since > -0.15) & (since < 0.3)).any(1)
    if open_.sum() < 3 or closed.sum() < 3:
        return np.zeros(len(film.at))
    difference = film.frames[open_].mean(0) - film.frames[closed].mean(0)
    telling = np.abs(difference) / (film.frames[open_].std(0) + film.frames[closed].std(0) + NOISE)  # eyes and hair move at other times too
    mouth = telling >= np.quantile(telling, 1 - MOUTH_SHARE)
    pixels: NDArray[np.float64] = (film.frames[:, mouth] @ np.sign(difference[mouth])).astype(np.float64)
    return pixels - np.median(pixels[closed])


def offsets(film: Film, bursts: NDArray[np.float64], curve: NDArray[np.float64], curve_from: float) -> NDArray[np.float64]:
    """Offset of each burst's mouth in ms, positive when late; NaN where fewer than three frames fell."""
    opening = openings(film, bursts)
    grid = np.arange(len(curve)) + curve_from
    found = []
    for begin in bursts:
        tau = (film.at - begin) * 1000
        near = (tau > -230) & (tau < 270)  # half-way to the neighbouring bursts
        best = (np.inf, np.nan)
        for shift in SHIFTS_MS if near.sum() >= 3 else ():
            expected = np.interp(tau[near] - shift, grid, curve, left=0, right=0)
            if (power := expected @ expected) > 0:
                scale = max(0.0, (expected @ opening[near]) / power)
                best = min(best, (float(((opening[near] - scale * expected) ** 2).sum()), float(shift)))
        found.append(best[1])
    return np.array(found)


def at_middles(film: Film) -> Film:
    """The same with the time of each picture in the middle of that in which it stands: a picture stands until the next one."""
    return replace(film, at=film.at + np.median(np.diff(film.at)) / 2)


def part_of(film: Film, bursts: NDArray[np.float64], seat: int, seats: int) -> Film:
    """The pictures from shortly before the first of some bursts to shortly after the last, of one of the seats; the sound is whole."""
    kept = (film.at > bursts[0] - 0.25) & (film.at < bursts[-1] + 0.45)
    return replace(film, at=film.at[kept], frames=np.array_split(film.frames[kept], seats, axis=2)[seat])


def take(browser: Browser, address: str, bodies: Sequence[Body], query: str) -> dict[str, Any]:
    """Let the stage film the bursts; motion is reduced, for only the mouth shall move."""
    page = browser.new_page(viewport={"width": SIZE, "height": SIZE}, reduced_motion="reduce")
    page.set_default_timeout(120_000)
    page.goto(f"{address}/saved_video.html")
    page.wait_for_function("window.benchmark")
    options = {"query": query, "avatars": [body.avatar for body in bodies], "bursts": BURSTS * len(bodies)}
    log: dict[str, Any] = page.evaluate("options => benchmark.film(options)", options)
    page.close()
    if log["faces"][0] != ("2d" if query else "3d"):
        raise SystemExit(f"{bodies[0].name}: the stage shows the {log['faces'][0]} face: {log.get('reason')}")
    return log


def report(bodies: Sequence[Body], log: dict[str, Any]) -> list[Row]:
    """Numbers of everybody in a film."""
    film = read(base64.b64decode(log["data"]))
    bursts = onsets(film)
    if len(bursts) != (played := BURSTS * len(bodies)):
        raise SystemExit(f"{bodies[0].name}: {len(bursts)} bursts are in the film, of {played} that were played.")
    rows = []
    for seat, (body, face, share) in enumerate(zip(bodies, log["faces"], np.split(bursts, len(bodies)), strict=True)):
        found = offsets(at_middles(part_of(film, share, seat, len(bodies))), share, np.array(log["curve"]), log["curveFrom"])
        seen = found[~np.isnan(found)]
        met = len(seen) >= MOSTLY * len(share)
        name = body.name if len(bodies) == 1 else f"{body.name} of two"
        rows.append(
            Row(
                name,
                {"3d": "figure", "2d": "drawn"}[face],
                round(float(np.median(seen)), 1) if met else float("nan"),
                round(float(np.percentile(np.abs(seen), 90)), 1) if met else float("nan"),
                round(film.length * 1000 - log["ms"], 1),
                round(float(film.at[0] - film.sounding[0]) * 1000, 1),
                round((len(film.at) - 1) / float(film.at[-1] - film.at[0]), 1),
                log["suffix"],
            )
        )
    return rows


def main() -> int:
    """Film everybody, print a table; 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--avatars", type=Path, default=stages.AVATARS, help="folder of GLB and VRM files")
    parser.add_argument("--only", default="", help="film those whose name contains this; “two” is two people")
    parser.add_argument("--keep", type=Path, help="also write the films into this folder")
    options = parser.parse_args()
    if not npm_modules.installed():
        print("The npm modules are missing. Run `npm ci` in avatar_assets first.", file=sys.stderr)
        return 2
    rows: list[Row] = []
    print(f"{'':16} {'':6} {'median':>7} {'p90':>6} {'longer':>7} {'begin':>6} {'fps':>5}   ms; mouth late is positive")
    with stages.opened(options.avatars) as (browser, address, bodies):
        scenes: list[tuple[tuple[Body, ...], str]] = [(tuple(bodies[:2]), "")]
        scenes += [((body,), query) for body in bodies for query in ("", "face=2d") if body.ours or not query]
        for people, query in scenes:
            if options.only not in ("two" if len(people) > 1 else people[0].name):
                continue
            log = take(browser, address, people, query)
            if options.keep:
                name = "-".join([*(body.avatar for body in people), *(["drawn"] if query else [])])
                (options.keep / f"{name}.{log['suffix']}").write_bytes(base64.b64decode(log["data"]))
            for row in report(people, log):
                rows.append(row)
                numbers = f"{row.median_ms:7} {row.p90_ms:6} {row.longer_ms:7} {row.begin_ms:6} {row.fps:5}"
                print(f"{row.name:16} {row.face:6} {numbers}   {row.kind}, {'reached' if row.reached else 'MISSED'}", flush=True)
    print(
        f"asked: median {OFFSET_TARGET_MS:.0f}, as long as the speech within {LENGTH_TARGET_MS:.0f};"
        f" {os.cpu_count()} cores, {os.getloadavg()[0]:.1f} processes waiting"
    )
    return 0 if all(row.reached for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
