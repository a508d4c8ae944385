"""The film of `python -m engines video`: how far the lips are from the sound in the file, and how fast it is made.

For the lips, bursts of a tone with one known mouth shape each are filmed, and the file is decoded again. Sound counts when its samples are
played; a picture stands until the next one, so the middle of that time counts. The known curve of each shape is laid over what the mouth's
part of the pictures shows, with the shift in time as the unknown. Positive offsets mean a mouth that is late.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_assets.render.draw import context
from avatar_assets.render.mouth import Mouth
from avatar_assets.render.script import script_of
from avatar_assets.render.shoot import Format, shoot
from engines.cli.video import speak
from engines.config.personas import load_personas
from engines.config.settings import Settings
from engines.registry.registry import Registry
from engines.types import AudioChunk, Persona, SpeechSegment, Viseme, VisemeName, VisemeTimeline

SHAPES: tuple[VisemeName, ...] = ("aa", "O", "E", "U")
EVERY_MS, BURST_MS, RATE = 600.0, 120.0, 24_000
ONSET = 0.1
ONSETS_APART_S = 0.3
SHIFTS_MS = np.arange(-150.0, 150.0, 0.5)
MOUTH = (slice(0.48, 0.66), slice(0.38, 0.62))
"""Rows and columns of the picture, as shares of it."""
SYNC_TARGET_MS = 20.0
CORES = 2
TEXT = (
    "Whales sing, and the song changes. Every humpback male in one ocean sings nearly the same tune, and each year they rewrite it "
    "together. "
    "Nobody knows why. Some think that it is meant for the others, and some that it is simply what one does on a long journey."
)


def main() -> int:
    """Print both numbers; 1 if a target was missed."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    person = next(iter(load_personas(Settings().personas_file).values()))
    reached = []
    with tempfile.TemporaryDirectory() as folder:
        for ending, fps in ((".mp4", 25), (".mp4", 30), (".webm", 25), (".webm", 30)):
            found = offsets(person, Format(fps=fps, width=256, height=256), Path(folder) / f"sync{ending}", count=24)
            median, p90 = float(np.median(found)), float(np.percentile(np.abs(found), 90))
            reached.append(abs(median) <= SYNC_TARGET_MS)
            print(
                f"lips in {ending[1:]:4} at {fps}: median {median:+.1f} ms, p90 {p90:.1f} ms (asked: a median within {SYNC_TARGET_MS:.0f})"
            )
        reached.append(_speed(person, Path(folder) / "talk.mp4"))
    return 0 if all(reached) else 1


def _speed(person: Persona, path: Path) -> bool:
    settings = Settings(tts="espeak_ng")
    begun = time.perf_counter()
    script = script_of(speak(TEXT, person, Registry(settings).engines(person.language), settings))
    voiced = time.perf_counter() - begun
    gl = context()
    renderer = gl.info["GL_RENDERER"]
    gl.release()
    begun, busy = time.perf_counter(), time.process_time()
    shoot(script, person, path, Format(captions=True))
    took, busy = time.perf_counter() - begun, time.process_time() - busy
    length = script.audio.duration_ms / 1000
    form = Format()
    print(f"film of {length:.1f} s, {form.width}x{form.height} at {form.fps}, {renderer}, {CORES} cores")
    print(f"  voice {voiced:.1f} s; film {took:.1f} s: {length / took:.2f} times real time (asked: at least 1)")
    print(f"  the processor was busy for {busy / length:.2f} s per second of film")
    return length >= took


def offsets(person: Persona, form: Format, path: Path, count: int) -> NDArray[np.float64]:
    """Film `count` bursts to `path` and measure each one's mouth in the file: its offset in ms, positive when late."""
    shapes = [SHAPES[index % len(SHAPES)] for index in range(count)]
    shoot(script_of([_bursts(shapes)]), person, path, form)
    onsets, times, pictures = _decoded(path, form.fps)
    if len(onsets) != count:
        raise SystemExit(f"{len(onsets)} bursts were heard of {count}: the sound itself broke.")
    return np.array([_fit(shape, (times - onset) * 1000, pictures) for shape, onset in zip(shapes, onsets, strict=True)])


def _bursts(shapes: list[VisemeName]) -> SpeechSegment:
    samples = np.zeros(round(len(shapes) * EVERY_MS * RATE / 1000), np.float32)
    tone = 0.4 * np.sin(2 * np.pi * 500 * np.arange(round(BURST_MS * RATE / 1000)) / RATE)
    visemes = []
    for index, shape in enumerate(shapes):
        first = round(index * EVERY_MS * RATE / 1000)
        samples[first : first + len(tone)] = tone
        visemes.append(Viseme(shape, index * EVERY_MS, BURST_MS))
    return SpeechSegment(0, "", AudioChunk(samples, RATE), VisemeTimeline(tuple(visemes), (), "measured"))


def _decoded(path: Path, fps: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """When bursts begin (s), when pictures count (s), and the mouth's part of each picture, shape (pictures, pixels)."""
    import av

    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    loud = np.concatenate([np.abs(frame.to_ndarray()[0]) for frame in frames]) > ONSET
    at = np.flatnonzero(loud) / frames[0].sample_rate + float(frames[0].time)
    onsets = at[np.diff(at, prepend=-np.inf) > ONSETS_APART_S]
    times, mouths = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            rows, columns = (
                slice(round(part.start * side), round(part.stop * side))
                for part, side in zip(MOUTH, (frame.height, frame.width), strict=True)
            )
            times.append(float(frame.time) + 0.5 / fps)
            mouths.append(frame.to_ndarray(format="gray")[rows, columns].astype(np.float64).ravel())
    return onsets, np.array(times), np.array(mouths)


def _fit(shape: VisemeName, tau: NDArray[np.float64], pictures: NDArray[np.float64]) -> float:
    """The shift (ms) that lays the shape's known curve best over the pictures around a burst, `tau` ms from its onset."""
    near = (tau > -EVERY_MS / 3) & (tau < EVERY_MS / 2)
    here, shown = tau[near], pictures[near]
    share = np.linspace(0, 1, len(shown))[:, np.newaxis]
    resting = shown[0] * (1 - share) + shown[-1] * share  # the head drifts a little meanwhile
    moved = np.abs(shown - resting).mean(axis=1)
    mouth = Mouth([Viseme(shape, 0.0, BURST_MS)])
    best = (np.inf, np.nan)
    for shift in SHIFTS_MS:
        expected = np.array([mouth.at(ms - shift)[shape] for ms in here])
        if (power := float(expected @ expected)) > 0:
            best = min(best, (float(((moved - (expected @ moved) / power * expected) ** 2).sum()), float(shift)))
    return best[1]


if __name__ == "__main__":
    sys.exit(main())
