"""Synchronisation benchmark: how far the mouth is from the sound, and how soon it rests after an interruption.

Bursts of a tone, each with one known viseme, are played through the real stage in a real Chromium. On the audio thread a tap
notes when each burst passes; every frame notes which mouth is shown. The known curve of each viseme is fitted to what was
shown, with the shift in time as the unknown. Sound counts when the device plays it (the browser's output timestamps), the
mouth when its frame is drawn. Positive offsets mean a mouth that is late.

Run `python -m benchmarks.av_sync` from the repository's root, after `npm ci` in `avatar_assets`. Needs playwright and Chromium.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_assets import modules
from benchmarks import chromium, other_avatars

HERE = Path(__file__).resolve().parent
STAGE = modules.FOLDER
VENDOR = {f"/stage/vendor/{short}/": modules.NODE_MODULES / name for short, name in modules.PACKAGES.items()}
STUB_DRAWING = """for (const kind of ['drawElements', 'drawArrays', 'drawElementsInstanced', 'drawArraysInstanced', 'clear'])
  WebGL2RenderingContext.prototype[kind] = () => {};"""

VRM = "made"
"""Stem of the VRM that is made of one of our own people."""
ONSET_RMS = 0.02
"""A block louder than this belongs to a burst."""
ONSET_APART_S = 0.3
SHIFTS_MS = np.arange(-600, 600)
REST_TARGET_MS = 150.0
MOSTLY = 0.9
"""The share of bursts that have to be seen for a measurement to count."""


@dataclass(frozen=True)
class Variant:
    """One way of running the stage, and what is asked of it (ms)."""

    name: str
    query: str = ""
    stubbed: bool = False
    gap: int = 0
    vrm: bool = False
    median_target: float = 60.0
    p90_target: float | None = None


VARIANTS = (
    Variant("3-D, draw call stubbed", stubbed=True, median_target=15, p90_target=30),
    Variant("3-D, stubbed, 400 ms gap", stubbed=True, gap=400, median_target=15, p90_target=30),
    Variant("3-D, software rendering", median_target=60),
    Variant("VRM, draw call stubbed", stubbed=True, vrm=True, median_target=15, p90_target=30),
    Variant("2-D face", query="face=2d", median_target=15, p90_target=30),
)


class StageServer(SimpleHTTPRequestHandler):
    """Serves the stage, its browser modules and this benchmark's page on loopback."""

    import_map: Path
    """The file answered as `modules.json`."""
    avatars: Path
    made: Path
    """Folder of the VRM that this benchmark makes."""

    def translate_path(self, path: str) -> str:
        """Map a URL path to a file; everything outside the known folders does not exist."""
        path = path.split("?", maxsplit=1)[0]
        folders = {**VENDOR, "/stage/avatars/": self.avatars, "/stage/": STAGE, "/": HERE}
        if path == "/stage/modules.json":
            return str(self.import_map)
        if path.endswith(".vrm"):
            return str(self.made / Path(path).name)
        prefix = next(prefix for prefix in folders if path.startswith(prefix))
        file = (folders[prefix] / path.removeprefix(prefix)).resolve()
        return str(file) if file.is_relative_to(folders[prefix]) else ""

    def log_message(self, format: str, *args: object) -> None:
        """Keep the report clean."""


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
        raise SystemExit(f"{len(bursts)} bursts were heard of {len(log['shapes'])} that were played: the sound itself broke.")
    return np.array([fit(log, frames, heard, shape, begin) for shape, begin in zip(log["shapes"], bursts, strict=True)])


def fit(log: dict[str, Any], frames: list[dict[str, Any]], heard: NDArray[np.float64], shape: str, begin: float) -> float:
    """The shift (ms) that lays the known curve of a shape best over the frames around a burst."""
    tau = (heard - begin) * 1000
    near = (tau > -230) & (tau < 270)  # half-way to the neighbouring bursts
    shown = np.array([frame["weights"][shape] for frame in frames])[near]
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


def run(variant: Variant, avatar: str, base: str) -> tuple[dict[str, Any], list[dict[str, float]]]:
    """Play one variant in a fresh Chromium: its log, and the rounds of interruption."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.PROGRAM, args=[*chromium.QUIET, *chromium.SOFTWARE_GL, chromium.AUTOPLAY]
        )
        results: list[Any] = []
        for call, more in (("measureOffset", {"gap": variant.gap}), ("measureRest", {"times": 5})):
            page = browser.new_page(viewport={"width": 512, "height": 512})
            if variant.stubbed:
                page.add_init_script(STUB_DRAWING)
            page.goto(f"{base}/av_sync.html")
            page.wait_for_function("window.benchmark")
            results.append(page.evaluate(f"options => benchmark.{call}(options)", {"query": variant.query, "avatar": avatar, **more}))
            page.close()
        browser.close()
    return results[0], results[1]


def report(variant: Variant, log: dict[str, Any], rests: list[dict[str, float]]) -> dict[str, Any]:
    """Numbers of one variant, and whether they reach its targets."""
    wanted = "2d" if "2d" in variant.query else "3d"
    if log["face"] != wanted:
        raise SystemExit(f"{variant.name}: the stage shows the {log['face']} face: {log.get('reason')}")
    found = offsets(log)
    seen = found[~np.isnan(found)]
    if len(seen) < MOSTLY * len(found):
        raise SystemExit(f"{variant.name}: only {len(seen)} of {len(found)} bursts met a frame. The machine is too busy to measure on.")
    median, p90 = float(np.median(seen)), float(np.percentile(np.abs(seen), 90))
    rest = max(row["rest"] for row in rests)
    times = [frame["at"] for frame in log["frames"]]
    reached = abs(median) <= variant.median_target and rest <= REST_TARGET_MS and (variant.p90_target is None or p90 <= variant.p90_target)
    return {
        "variant": variant.name,
        "median_ms": round(median, 1),
        "p90_abs_ms": round(p90, 1),
        "rest_ms": round(rest, 1),
        "fps": round(1000 * (len(times) - 1) / (times[-1] - times[0]), 1),
        "latency_ms": round(1000 * (log["baseLatency"] + (log["outputLatency"] or 0)), 1),
        "mouth_open_at_stop": round(min(row["open"] for row in rests), 2),
        "reached": reached,
    }


def main() -> int:
    """Run the chosen variants, print a table; 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--avatar", default="mia", help="stem of a GLB file in that folder")
    parser.add_argument("--avatars", type=Path, default=STAGE / "avatars", help="folder of GLB files")
    parser.add_argument("--only", default="", help="run the variants whose name contains this")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args()
    StageServer.avatars = options.avatars.resolve()
    if not modules.installed():
        print("The npm modules are missing. Run `npm ci` in avatar_assets first.", file=sys.stderr)
        return 2
    if not (avatar := StageServer.avatars / f"{options.avatar}.glb").is_file():
        print(f"{avatar} is missing. Build it first: python -m avatar_assets.builder", file=sys.stderr)
        return 2
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        StageServer.made = Path(folder)
        (StageServer.made / f"{VRM}.vrm").write_bytes(other_avatars.vrm(1).to_bytes())
        StageServer.import_map = Path(folder) / "modules.json"
        StageServer.import_map.write_text(json.dumps(modules.import_map()), encoding="utf-8")
        with ThreadingHTTPServer(("127.0.0.1", 0), StageServer) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            print(f"{'':26} {'median':>7} {'p90 |·|':>8} {'rest':>6} {'fps':>6}   ms; mouth late is positive")
            for variant in VARIANTS:
                if options.only not in variant.name:
                    continue
                row = report(variant, *run(variant, VRM if variant.vrm else options.avatar, f"http://127.0.0.1:{server.server_port}"))
                rows.append(row)
                mark = "reached" if row["reached"] else "MISSED"
                print(
                    f"{row['variant']:26} {row['median_ms']:7} {row['p90_abs_ms']:8} {row['rest_ms']:6} {row['fps']:6}   {mark}", flush=True
                )
            server.shutdown()
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["reached"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
