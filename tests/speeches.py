"""What every synthesizer's speech must be, whatever was said."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from engines.types import Speech


def assert_whole(speeches: list[Speech], text: str, rate: int) -> None:
    """All of the text, as finite sound at that rate, with measured phonemes that cover it and words in order."""
    assert "".join(word.text for speech in speeches for word in speech.words) == text
    for speech in speeches:
        audio = speech.audio
        assert (audio.samples.dtype, audio.samples.ndim, audio.sample_rate, speech.timing) == (np.float32, 1, rate, "measured")
        assert np.isfinite(audio.samples).all()
        assert np.abs(audio.samples).max(initial=0) <= 1
        ends = [0.0, *(phoneme.start_ms + phoneme.duration_ms for phoneme in speech.phonemes)]
        assert [phoneme.start_ms for phoneme in speech.phonemes] == pytest.approx(ends[:-1], abs=1e-6)
        assert ends[-1] == pytest.approx(audio.duration_ms, abs=1e-6)
        assert all(phoneme.duration_ms >= 0 and phoneme.phoneme.isprintable() for phoneme in speech.phonemes)
        edges = [0.0, *(edge for word in speech.words for edge in (word.start_ms, word.start_ms + word.duration_ms)), audio.duration_ms]
        assert all(word.text for word in speech.words)
        assert all(one <= other + 1e-6 for one, other in pairwise(edges))
