"""Genuine Whisper base on a genuine voice: the language is found out, and windows shorter than thirty seconds say nothing twice."""

from __future__ import annotations

import numpy as np
import pytest
from genuine import weights
from requirements import requirement

from engines.audio import concatenate
from engines.stt import faster_whisper
from engines.tts import kokoro_onnx
from engines.types import AudioChunk

pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
pytest.importorskip("kokorog2p", reason="kokorog2p is not installed")

OF_PERSONA = {"en": 5.0}


@pytest.fixture(scope="module")
def ears():
    return faster_whisper.load(faster_whisper.Options(), "cpu", weights("whisper-base"))


@pytest.fixture(scope="module")
def voice():
    return kokoro_onnx.load(kokoro_onnx.Options(), "cpu", weights("kokoro"))


def said(voice, text: str, name: str = "af_heart") -> AudioChunk:
    return concatenate([piece.audio for piece in voice.synthesize(text, name)])


@requirement("talk.language")
def test_the_language_is_heard_whatever_the_persona_speaks(ears, voice):
    heard = ears.transcribe(said(voice, "Hola, ¿qué comen los lobos en invierno?", "ef_dora"), None, OF_PERSONA)
    assert heard.language == "es"
    assert "lobos" in heard.text.lower()


def test_a_short_utterance_is_said_once(ears, voice):
    heard = ears.transcribe(said(voice, "Ten of clubs."), None, OF_PERSONA)
    assert heard.text.lower().count("clubs") == 1


@requirement("talk.no-speech")
def test_noise_that_reaches_whisper_itself_becomes_nothing(ears):
    noise = np.random.default_rng(0).normal(0, 0.05, 48_000).astype(np.float32)
    segments, _ = ears.decode(noise, "en", {})
    assert not [segment.text for segment in segments if segment.is_reliable and len(segment.text) > 20]
