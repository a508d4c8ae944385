"""Genuine weights: what the tests get of them, and that nobody fails where there are none."""

from __future__ import annotations

import genuine
import pytest
from requirements import requirement

from engines.config.settings import load_settings
from engines.errors import EngineError
from engines.weights import store


@pytest.mark.parametrize("name", ["whisper-base", "kokoro", "piper", "silero-vad", "smart-turn"])
@requirement("weights.genuine")
def test_a_genuine_model_is_whole_and_true(name):
    folder = genuine.weights(name)
    assert store.find(genuine.model(name), load_settings().weights) == folder


@requirement("weights.genuine")
def test_where_nothing_can_be_had_a_test_is_skipped_with_the_reason(monkeypatch):
    def unreachable(*_):
        raise EngineError("Kokoro could not be fetched: nobody answers.", code="offline")

    monkeypatch.setattr(store, "fetch", unreachable)
    genuine.fetched.cache_clear()
    with pytest.raises(pytest.skip.Exception, match="nobody answers"):
        genuine.weights("kokoro")
    genuine.fetched.cache_clear()
