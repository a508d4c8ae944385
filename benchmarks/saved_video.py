"""Saved video benchmark: how far the mouth is from the sound in a file that "Save video" gave, and how long the file is.

The real stage, in a real Chromium, films bursts of a tone, an open mouth for each. The file is read with PyAV: the pixels that differ
most between open and closed mouth give each frame's opening; the known curve is laid over it, with the shift in time as the unknown.
Positive offsets mean a mouth that is late.

Run `python -m benchmarks.saved_video` from the repository's root, after `npm ci` in `avatar_assets`. Needs playwright and Chromium.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import sys
import tempfile
import threading
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_assets import modules
from benchmarks import chromium
from benchmarks.av_sync import STAGE, StageServer

VARIANTS = {"2-D face": "face=2d", "3-D figure": ""}
OFFSET_TARGET_MS = 20.0
LENGTH_TARGET_MS = 100.0
BURSTS = 16
ONSET_LEVEL = 0.06
"""Of full scale; a tenth of a burst's amplitude and above any encoder's noise."""
ONSET_APART_S = 0.3
MOUTH_SHARE = 0.01
"""The share of the picture that the mouth's pixels are."""
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
    mouth = np.abs(difference) >= np.quantile(np.abs(difference), 1 - MOUTH_SHARE)
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


def take(query: str, avatar: str, base: str) -> dict[str, Any]:
    """Let the stage film the bursts; motion is reduced, for only the mouth shall move."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = [*chromium.QUIET, *chromium.SOFTWARE_GL, chromium.AUTOPLAY]
        browser = playwright.chromium.launch(executable_path=chromium.PROGRAM, args=flags)
        page = browser.new_page(viewport={"width": SIZE, "height": SIZE}, reduced_motion="reduce")
        page.goto(f"{base}/saved_video.html")
        page.wait_for_function("window.benchmark")
        log: dict[str, Any] = page.evaluate("options => benchmark.film(options)", {"query": query, "avatar": avatar, "bursts": BURSTS})
        browser.close()
    return log


def report(name: str, log: dict[str, Any]) -> dict[str, Any]:
    """Numbers of one variant, and whether they reach its targets."""
    if log["face"] != name[:3].replace("-", "").lower():
        raise SystemExit(f"{name}: the stage shows the {log['face']} face: {log.get('reason')}")
    film = read(base64.b64decode(log["data"]))
    bursts = onsets(film)
    if len(bursts) != BURSTS:
        raise SystemExit(f"{name}: {len(bursts)} bursts are in the file, of {BURSTS} that were played.")
    found = offsets(film, bursts, np.array(log["curve"]), log["curveFrom"])
    seen = found[~np.isnan(found)]
    if len(seen) < MOSTLY * BURSTS:
        raise SystemExit(f"{name}: only {len(seen)} of {BURSTS} bursts met a frame. The machine is too busy to measure on.")
    median, over = float(np.median(seen)), film.length * 1000 - log["ms"]
    return {
        "variant": name,
        "kind": log["suffix"],
        "median_ms": round(median, 1),
        "p90_abs_ms": round(float(np.percentile(np.abs(seen), 90)), 1),
        "longer_ms": round(over, 1),
        "fps": round((len(film.at) - 1) / (film.at[-1] - film.at[0]), 1),
        "reached": abs(median) <= OFFSET_TARGET_MS and abs(over) <= LENGTH_TARGET_MS,
    }


def main() -> int:
    """Film each variant, print a table; 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--avatar", default="mia", help="stem of a GLB file in the folder of avatars")
    parser.add_argument("--only", default="", help="run the variants whose name contains this")
    parser.add_argument("--keep", type=Path, help="also write the films into this folder")
    options = parser.parse_args()
    if not modules.installed():
        print("The npm modules are missing. Run `npm ci` in avatar_assets first.", file=sys.stderr)
        return 2
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        StageServer.avatars = STAGE / "avatars"
        StageServer.import_map = Path(folder) / "modules.json"
        StageServer.import_map.write_text(json.dumps(modules.import_map()), encoding="utf-8")
        with ThreadingHTTPServer(("127.0.0.1", 0), StageServer) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            print(f"{'':12} {'median':>7} {'p90 |·|':>8} {'longer':>7} {'fps':>6}   ms; mouth late is positive")
            for name, query in VARIANTS.items():
                if options.only not in name:
                    continue
                log = take(query, options.avatar, f"http://127.0.0.1:{server.server_port}")
                if options.keep:
                    (options.keep / f"{name.replace(' ', '-')}.{log['suffix']}").write_bytes(base64.b64decode(log["data"]))
                row = report(name, log)
                rows.append(row)
                mark = "reached" if row["reached"] else "MISSED"
                numbers = f"{row['median_ms']:7} {row['p90_abs_ms']:8} {row['longer_ms']:7} {row['fps']:6}"
                print(f"{name:12} {numbers}   {row['kind']}, {mark}", flush=True)
            server.shutdown()
    return 0 if all(row["reached"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
