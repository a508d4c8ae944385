"""Our people, weighed and timed: size of each file, time until it stands on the stage, frames a second without a graphics card.

Loading is timed in a running page on loopback, from the wish to see somebody until the first frame could be seen, with the drawing itself
left out: that belongs to the graphics card. For the frames a second everything is drawn by the processor, 512 x 512, on two cores.

Run `python -m benchmarks.avatars` from the repository's root, after `npm ci` in `avatar_assets`. Needs playwright and Chromium.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from avatar_assets import npm_modules
from avatar_assets.avatar_files import AVATARS, avatar_names
from benchmarks.stages import StageServer
from tests.fixtures import chromium
from tests.fixtures.browser import STUB_DRAWING

SIDE = 512
CORES = 2
LOADS, WATCHED_MS = 7, 6000
LARGEST_MB, LOAD_TARGET_MS, FPS_TARGET = 2.5, 300.0, 20.0
"""What is asked: of every file, of the median load, and of low-power mode."""


def main() -> int:
    """Print one line per person; 1 if a target was missed."""
    if not npm_modules.installed():
        print("The npm modules are missing. Run `npm ci` in avatar_assets first.", file=sys.stderr)
        return 2
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    StageServer.avatars = AVATARS
    people = avatar_names()
    with tempfile.TemporaryDirectory() as folder:
        StageServer.import_map = Path(folder) / "modules.json"
        StageServer.import_map.write_text(json.dumps(npm_modules.import_map()), encoding="utf-8")
        with ThreadingHTTPServer(("127.0.0.1", 0), StageServer) as server, sync_playwright() as playwright:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            browser = playwright.chromium.launch(
                executable_path=chromium.PROGRAM, args=[*chromium.QUIET, *chromium.SOFTWARE_GL, chromium.AUTOPLAY]
            )
            address = f"http://127.0.0.1:{server.server_port}"
            loads = dict(zip(people, _loads(browser, address, people), strict=True))
            rows = [(name, loads[name], _fps(browser, address, name, "low"), _fps(browser, address, name, "full")) for name in people]
            browser.close()
            server.shutdown()
    print(f"avatars: drawn by the processor, {SIDE} x {SIDE}, {CORES} cores")
    print(f"{'':10} {'MB':>6} {'load ms':>8} {'fps low':>8} {'fps full':>9}")
    missed = False
    for name, load, low, full in rows:
        size = (StageServer.avatars / f"{name}.glb").stat().st_size / 1e6
        reached = size < LARGEST_MB and load <= LOAD_TARGET_MS and low >= FPS_TARGET
        missed |= not reached
        print(f"{name:10} {size:6.2f} {load:8.0f} {low:8.1f} {full:9.1f}   {'reached' if reached else 'MISSED'}")
    print(
        f"asked: below {LARGEST_MB} MB, at most {LOAD_TARGET_MS:.0f} ms (median of {LOADS}), {FPS_TARGET:.0f} fps or more in low-power mode"
    )
    return 1 if missed else 0


def _loads(browser: Browser, address: str, people: list[str]) -> list[float]:
    """Median time (ms) until each of the people stands on the stage, one after the other in the same page."""
    rows: list[list[float]] = _asked(browser, f"{address}/avatars.html?mode=low", "load", {"avatars": people, "times": LOADS}, STUB_DRAWING)
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def _fps(browser: Browser, address: str, name: str, mode: str) -> float:
    """Frames a second of one person in a page of their own; `mode` is low or full."""
    found: float = _asked(browser, f"{address}/avatars.html?mode={mode}", "fps", {"avatar": name, "ms": WATCHED_MS})
    return found


def _asked(browser: Browser, address: str, call: str, options: dict[str, Any], script: str = "") -> Any:
    """What `benchmark.call(options)` answers in a fresh page."""
    page = browser.new_page(viewport={"width": SIDE, "height": SIDE})
    page.set_default_timeout(120_000)
    page.add_init_script(script)
    page.goto(address)
    page.wait_for_function("window.benchmark")
    answer = page.evaluate(f"options => benchmark.{call}(options)", options)
    if failure := page.evaluate("window.failure ?? null"):
        raise SystemExit(f"{address}: {failure}")
    page.close()
    return answer


if __name__ == "__main__":
    sys.exit(main())
