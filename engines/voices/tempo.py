"""Tempo: speech made slower or faster at the same pitch (FFmpeg's atempo, by way of PyAV), its times with it; the same for every voice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engines.errors import MissingDependency
from engines.types import AudioChunk, Speech

SLOWEST, FASTEST = 0.5, 2.0
"""Speeds, 1 being the voice's own."""


def at_speed(speech: Speech, speed: float) -> Speech:
    """The same speech at another speed, between `SLOWEST` and `FASTEST`.

    Raises:
        MissingDependency: PyAV is not installed.
    """
    speed = min(max(speed, SLOWEST), FASTEST)
    if speed == 1 or not len(speech.audio.samples):
        return speech
    audio = AudioChunk(_stretched(speech.audio, speed), speech.audio.sample_rate)
    share = audio.duration_ms / speech.audio.duration_ms
    phonemes = tuple(replace(one, start_ms=one.start_ms * share, duration_ms=one.duration_ms * share) for one in speech.phonemes)
    words = tuple(replace(one, start_ms=one.start_ms * share, duration_ms=one.duration_ms * share) for one in speech.words)
    return replace(speech, audio=audio, phonemes=phonemes, words=words)


def _stretched(audio: AudioChunk, speed: float) -> NDArray[np.float32]:
    try:
        import av  # noqa: PLC0415 - heavy
        import av.filter  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependency("Another speed", "pip install -r requirements.txt") from error
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=audio.sample_rate, format="flt", layout="mono", channels=1)
    tempo, sink = graph.add("atempo", str(speed)), graph.add("abuffersink")
    source.link_to(tempo)
    tempo.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(audio.samples[None, :], format="flt", layout="mono")
    frame.sample_rate, frame.pts = audio.sample_rate, 0
    graph.push(frame)
    graph.push(None)
    pieces: list[NDArray[np.float32]] = []
    while True:
        try:
            pieces.append(graph.pull().to_ndarray().reshape(-1).astype(np.float32))
        except (EOFError, av.error.BlockingIOError):
            break
    wanted = round(len(audio.samples) / speed)
    made = np.concatenate([np.zeros(0, np.float32), *pieces])[:wanted]
    return np.pad(made, (0, wanted - len(made))).astype(np.float32)
