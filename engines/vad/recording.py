"""Speech in a whole recording: the stretches in which somebody may be speaking. No engine hears anything else.

Two detectors must agree: something rises above the recording's own background, and, where faster-whisper is installed, Silero VAD
(https://github.com/snakers4/silero-vad, MIT) takes it for a voice. The file of its network is the one that faster-whisper's wheel
brings, so that hearing never waits for a download; it computes all frames in one step, 1.5 ms for a second of sound.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.vad.frames import FRAME, SAMPLE_RATE

_CONTEXT, _STATE = 64, (1, 1, 128)
"""Samples of the frame before that Silero sees too, and the shape of what it remembers."""
_AT_ONCE = 10_000
"""Frames of one step, some five minutes."""
_BEGINS, _GOES_ON = 0.5, 0.35
"""How sure Silero must be where speech begins, and while it goes on: what its authors advise."""
_LEAST_FRAMES = 5
"""160 ms of voice in all: the shortest word is as long, a click is not."""

_PRE_EMPHASIS = 0.97
"""How much of a sample is taken from the next one where loudness alone decides: it takes the rumble of cars and fans away, which rises and
falls by itself. Where Silero knows rumble from a voice, it would only hide voices in hiss."""
_FLOOR_PERCENTILE, _LOWEST_FLOOR_DB = 10, -80.0
"""The background is what the quietest tenth of the frames stay below; silence of nothing but zeros counts as this quiet."""
_RISE_DB = 3.0
"""How far a voice rises above the background, even in white noise that is nearly as loud; steady noise itself stays within 2.5 dB."""


def speech_in(samples: NDArray[np.float32], *, around_ms: float, longest_pause_ms: float) -> list[tuple[int, int]]:
    """(start, end) in samples of every stretch of speech in float32 samples, shape (n,), at 16 000 Hz; empty where nobody speaks.

    Without Silero, all of it is one stretch, or nothing is.

    Args:
        samples: the recording.
        around_ms: sound that is kept on either side of a stretch.
        longest_pause_ms: a longer pause ends a stretch.
    """
    silero = network()
    if not _rises(samples, 0.0 if silero else _PRE_EMPHASIS):
        return []
    if silero is None:
        return [(0, len(samples))]
    voiced = np.flatnonzero(_with_hysteresis(_probabilities(silero, samples)))
    if len(voiced) < _LEAST_FRAMES:
        return []
    breaks = np.flatnonzero(np.diff(voiced) * FRAME > longest_pause_ms * SAMPLE_RATE / 1000)
    around = round(around_ms * SAMPLE_RATE / 1000)
    firsts, lasts = np.r_[voiced[0], voiced[breaks + 1]] * FRAME, (np.r_[voiced[breaks], voiced[-1]] + 1) * FRAME
    middles = (lasts[:-1] + firsts[1:]) // 2
    starts = np.maximum(firsts - around, np.r_[0, middles])
    ends = np.minimum(lasts + around, np.r_[middles, len(samples)])
    return [(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def _rises(samples: NDArray[np.float32], emphasis: float) -> bool:
    """Whether something rises above the background for as long as a short word lasts."""
    emphasised = np.append(samples[:1], samples[1:] - emphasis * samples[:-1])
    frames = emphasised[: len(emphasised) // FRAME * FRAME].reshape(-1, FRAME)
    if len(frames) < _LEAST_FRAMES:
        return False
    level = 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + 1e-12)
    floor = max(float(np.percentile(level, _FLOOR_PERCENTILE)), _LOWEST_FLOOR_DB)
    return int((level > floor + _RISE_DB).sum()) >= _LEAST_FRAMES


@cache
def network() -> Any:
    """The session of Silero's network, opened once for all threads; None where it is not installed."""
    wheel = find_spec("faster_whisper")  # which is not imported: it takes half a second
    if wheel is None or not wheel.submodule_search_locations or find_spec("onnxruntime") is None:
        return None
    files = (file for folder in wheel.submodule_search_locations for file in Path(folder).glob("assets/silero_vad_v6.onnx"))
    if (file := next(files, None)) is None:
        return None
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    return runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _probabilities(silero: Any, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """How likely each frame is speech, 0 to 1."""
    frames = np.pad(samples, (0, -len(samples) % FRAME)).reshape(-1, FRAME)
    before = np.vstack([np.zeros((1, _CONTEXT), np.float32), frames[:-1, -_CONTEXT:]])
    seen = np.hstack([before, frames])
    h = c = np.zeros(_STATE, np.float32)
    found = []
    for start in range(0, len(seen), _AT_ONCE):
        likely, h, c = silero.run(None, {"input": seen[start : start + _AT_ONCE], "h": h, "c": c})
        found.append(likely.ravel())
    return np.concatenate(found)


def _with_hysteresis(likely: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether each frame is speech: from where it surely is until it no longer may be."""
    speaks, found = False, np.zeros(len(likely), np.bool_)
    for at, probability in enumerate(likely):
        speaks = bool(probability >= (_GOES_ON if speaks else _BEGINS))
        found[at] = speaks
    return found
