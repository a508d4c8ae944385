"""Voice activity detection and the end-of-turn model: what is speech, what is none, and a file that is no model."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from engines.errors import ConfigError
from engines.turn_end.smart_turn import SmartTurn
from engines.vad.energy import Energy
from engines.vad.frames import FRAME, SAMPLE_RATE
from engines.vad.silero import Silero

RANDOM = np.random.default_rng(7)


def frames(samples):
    samples = np.asarray(samples, np.float32)
    return samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)


def noise(seconds, db):
    return (10 ** (db / 20) * RANDOM.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)


def test_loudness_hears_a_voice_above_the_noise_and_not_the_noise():
    detector = Energy()
    quiet = [detector.probability(frame) for frame in frames(noise(2, -50))]
    loud = [detector.probability(frame) for frame in frames(noise(1, -25))]
    after = [detector.probability(frame) for frame in frames(noise(1, -50))]
    assert max(quiet) < 0.5 < min(loud)
    assert max(after[2:]) < 0.5


def test_loudness_forgets_a_stream():
    detector = Energy()
    for frame in frames(noise(1, -60)):
        detector.probability(frame)
    assert detector.probability(noise(0.032, -20)) > 0.5
    detector.reset()
    assert detector.probability(noise(0.032, -20)) < 0.5


@pytest.mark.parametrize("opened", [Silero, SmartTurn])
@pytest.mark.parametrize("content", [None, b"", b"no model at all"])
def test_a_file_that_is_no_model_is_one_sentence(opened, content, tmp_path):
    pytest.importorskip("onnxruntime")
    if content is not None:
        (tmp_path / import_module(opened.__module__).FILE).write_bytes(content)
    with pytest.raises(ConfigError, match=r"cannot be opened\. Fetch it again"):
        opened(tmp_path)
