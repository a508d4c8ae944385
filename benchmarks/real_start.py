"""First and second start with genuine ears and voice: what they cost besides the network, and when the second one is ready."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from engines.config.settings import Settings
from engines.registry.registry import Registry
from engines.types import STAGES

HOUSE = Path(__file__).resolve().parent.parent
FIRST_GOAL_S, SECOND_GOAL_S = 60.0, 10.0
LONGEST_S = 600.0


def main() -> None:
    """Print both, and beside each its goal."""
    with tempfile.TemporaryDirectory() as folder:
        took_s, network_s, names = _prepared(Path(folder))
        print(f"first start: {', '.join(names)} ready after {took_s:.1f} s, {network_s:.1f} s of it downloading", end="; ")
        print(f"the rest {took_s - network_s:.1f} s (goal: at most {FIRST_GOAL_S:.0f})")
        again_s, _, names = _prepared(Path(folder))
        print(f"second start: {', '.join(names)} ready after {again_s:.1f} s, the page after {_page_s(folder):.1f} s", end=" ")
        print(f"(goal: at most {SECOND_GOAL_S:.0f})")
    if "faster_whisper" not in names or took_s - network_s > FIRST_GOAL_S or again_s > SECOND_GOAL_S:
        sys.exit(1)


def _prepared(weights: Path) -> tuple[float, float, list[str]]:
    """Seconds until every engine is loaded, those during which something was downloaded, and the engines."""
    registry = Registry(Settings(weights=weights, llm="scripted"))
    preparing = threading.Thread(target=registry.prepare, daemon=True)
    begun = now = time.perf_counter()
    preparing.start()
    network_s = 0.0
    while preparing.is_alive() and now - begun < LONGEST_S:
        time.sleep(0.02)
        before, now = now, time.perf_counter()
        if any(engine.state.name == "downloading" for stage in STAGES for engine in registry.awaited(stage)):
            network_s += now - before
    names = [registry.chosen(stage).info.name for stage in STAGES]
    registry.close()
    return now - begun, network_s, names


def _page_s(folder: str) -> float:
    """Seconds until ``python app.py`` tells its address."""
    environment = {**os.environ, "VISAVIS_WEIGHTS": folder, "VISAVIS_LLM": "scripted", "VISAVIS_PORT": "7995"}
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "app.py", "--no-browser"], cwd=HOUSE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        next(line for line in process.stdout or () if "Visavis is at" in line)
        return time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
