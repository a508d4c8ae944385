"""Benchmark of `python -m avatar_assets video`: how far the lips are from the sound in the file, and how fast it is made.

For the lips, bursts of a tone with an open mouth each are filmed, and the file is decoded again: see `saved_video.py`, which measures the
page's films of everybody in the same way. Positive offsets mean a mouth that is late.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_assets.film.make import LEAD_MS, TAIL_MS, Format, opened
from avatar_assets.npm_modules import WEB
from benchmarks.saved_video import at_middles, offsets, onsets, read
from engines.config.personas import load_personas
from engines.config.settings import Settings
from engines.library.synthesis import speak
from engines.registry.registry import Registry
from engines.types import AudioChunk, Persona, SpeechSegment, Viseme, VisemeTimeline

EVERY_MS, BURST_MS, RATE = 500.0, 140.0, 24_000
CURVE_FROM_MS, CURVE_TO_MS = -200, 400
SYNC_TARGET_MS, SPEED_TARGET = 20.0, 1.2
CORES = 2
TEXT = (
    "Whales sing, and the song changes. Every humpback male in one ocean sings nearly the same tune, and each year they rewrite it "
    "together. "
    "Nobody knows why. Some think that it is meant for the others, and some that it is simply what one does on a long journey."
)
CURVE = f"""import {{ timelineOf, weightsAt, restWeights }} from {json.dumps((WEB / "lipsync" / "viseme-curves.mjs").as_uri())};
const timeline = timelineOf({{ visemes: ['aa'], vtimes: [0], vdurations: [{BURST_MS}] }});
const at = (_, index) => weightsAt(timeline, index + {CURVE_FROM_MS}, restWeights()).aa;
console.log(JSON.stringify(Array.from({{ length: {CURVE_TO_MS - CURVE_FROM_MS} }}, at)));"""
"""Prints how open the mouth should be, every ms from `CURVE_FROM_MS` of a burst."""


def main() -> int:
    """Print both numbers; 1 if a target was missed."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    person = next(iter(load_personas(Settings().personas_file).values()))
    done = subprocess.run(["node", "--input-type=module", "-e", CURVE], capture_output=True, text=True, check=True)
    curve = np.array(json.loads(done.stdout))
    reached = []
    with tempfile.TemporaryDirectory() as folder:
        for ending, fps in ((".mp4", 25), (".mp4", 30), (".webm", 25), (".webm", 30)):
            found = _offsets(person, Format(fps=fps, width=256, height=256), Path(folder) / f"sync{ending}", curve)
            median, p90 = float(np.nanmedian(found)), float(np.nanpercentile(np.abs(found), 90))
            reached.append(abs(median) <= SYNC_TARGET_MS)
            print(
                f"lips in {ending[1:]:4} at {fps}: median {median:+.1f} ms, p90 {p90:.1f} ms (asked: a median within {SYNC_TARGET_MS:.0f})",
                flush=True,
            )
        reached.append(_speed(person, Path(folder) / "talk.mp4"))
    return 0 if all(reached) else 1


def _offsets(person: Persona, form: Format, path: Path, curve: NDArray[np.float64], count: int = 16) -> NDArray[np.float64]:
    """Film `count` bursts to `path` and measure each one's mouth in the file: its offset in ms, NaN where it was not seen."""
    with opened([person], path, form) as film:
        film.shoot([_bursts(count)])
    decoded = read(path.read_bytes())
    begins = onsets(decoded)
    if len(begins) != count:
        raise SystemExit(f"{len(begins)} bursts were heard of {count}: the sound itself broke.")
    return offsets(at_middles(decoded), begins, curve, CURVE_FROM_MS)


def _speed(person: Persona, path: Path) -> bool:
    settings = Settings(tts="espeak_ng")
    form = Format(captions=True)
    with opened([person], path, form) as film:
        segments = list(speak(TEXT, person, Registry(settings).engines(person.language), settings.limits))
        begun = time.perf_counter()
        film.shoot(segments)
        took = time.perf_counter() - begun
    length = (LEAD_MS + TAIL_MS + sum(segment.audio.duration_ms for segment in segments)) / 1000
    print(f"film of {length:.1f} s, {form.width}x{form.height} at {form.fps}, {CORES} cores, {os.getloadavg()[0]:.1f} processes waiting")
    print(f"  made in {took:.1f} s: {length / took:.2f} times real time (asked: at least {SPEED_TARGET})")
    return length / took >= SPEED_TARGET


def _bursts(count: int) -> SpeechSegment:
    samples = np.zeros(round(count * EVERY_MS * RATE / 1000), np.float32)
    tone = 0.4 * np.sin(2 * np.pi * 500 * np.arange(round(BURST_MS * RATE / 1000)) / RATE)
    for index in range(count):
        first = round(index * EVERY_MS * RATE / 1000)
        samples[first : first + len(tone)] = tone
    visemes = tuple(Viseme("aa", index * EVERY_MS, BURST_MS) for index in range(count))
    return SpeechSegment(0, "", AudioChunk(samples, RATE), VisemeTimeline(visemes, (), "measured"))


if __name__ == "__main__":
    sys.exit(main())
