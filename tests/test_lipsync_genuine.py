"""Genuine voices held against their own sound, by forced alignment and by level: nothing that their times are made or corrected with."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from genuine import weights
from requirements import requirement

from engines.conversation.speech import placed
from engines.lipsync.forced_alignment import timed
from engines.lipsync.timeline import viseme_timeline
from engines.speaking.pauses import pause_after
from engines.tts import kokoro_onnx, piper
from engines.types import Speech

TEXTS = (
    "Well, that depends on the season.",
    "My puppy bought a big rubber map, and nobody saw it.",
    "Seven silver ships passed the foggy shore.",
)


@pytest.mark.parametrize(("room", "model"), [(kokoro_onnx, "kokoro"), (piper, "piper")], ids=["kokoro", "piper"])
@requirement("lips.sound")
@requirement("talk.pauses")
def test_lips_are_true_to_the_sound_of_a_genuine_voice(room: ModuleType, model: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    folder = weights(model)
    onnxruntime.set_seed(1)  # Piper draws the noise in its voice and rhythm: here the same each time
    voice = room.load(room.Options(), "cpu", folder)
    starts, ends, pauses = list[float](), list[float](), list[float]()
    for text in TEXTS:
        for made in voice.synthesize(text):
            played = placed(made, room.INFO.name, pause_after(text, text))
            starts += word_starts(played, text)
            first, last = heard(played)
            pauses.append(first + played.audio.duration_ms - last)
            shapes = [viseme for viseme in viseme_timeline(played).visemes if viseme.name != "sil"]
            ends.append(shapes[-1].start_ms + shapes[-1].duration_ms - last)
            assert first <= 60, "nothing but a breath before the first sound"
    assert len(starts) > 15
    assert abs(np.median(starts)) <= 20, "Kokoro's, uncorrected, come 50 late"
    assert np.percentile(np.abs(starts), 80) <= 40
    assert np.median(np.abs(ends)) <= 40, "Kokoro's mouth, uncorrected, stays open for 300"
    assert all(250 <= pause <= 450 for pause in pauses)


def word_starts(speech: Speech, text: str) -> list[float]:
    """How many ms each word comes after where it is aligned with the sound."""
    aligned = timed(speech.audio, text, "en")
    assert aligned.timing == "aligned"
    return [ours.start_ms - theirs.start_ms for ours, theirs in zip(speech.words, aligned.words, strict=True)]


def heard(speech: Speech) -> tuple[float, float]:
    """When the sound is first and last within 30 dB of its loudest 5 ms."""
    window = speech.audio.sample_rate // 200
    samples = speech.audio.samples
    power = np.square(samples[: len(samples) // window * window].astype(np.float64)).reshape(-1, window).mean(axis=1)
    loud = np.flatnonzero(power > power.max() / 1000)
    return float(loud[0]) * 5, float(loud[-1] + 1) * 5
