"""What every Whisper that runs here has in common: languages, sound, which answers count, and how it fails."""

from __future__ import annotations

import numpy as np
import pytest

from engines.errors import SpeechToTextError
from engines.stt._whisper import RATE, WhisperSegment, code_of, decoding_of, likeliest, opening_whisper


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "en"),
        ("EN-gb", "en"),
        ("pt_BR", "pt"),
        ("nb", "no"),
        ("fil-PH", "tl"),
        ("jv", "jw"),
        ("cmn-Hans", "zh"),
        ("iw", "he"),
        ("", ""),
    ],
)
def test_a_tag_has_whispers_code(tag, code):
    assert code_of(tag) == code


@pytest.mark.parametrize(
    ("heard", "priors", "language"),
    [
        ({"en": 0.5, "es": 0.2}, {"es": 20.0, "en": 5.0}, "es"),
        ({"en": 0.5, "es": 0.2}, {}, "en"),
        ({"es": 0.99, "en": 0.002}, {"en": 5.0}, "es"),
        ({"zh": 0.57, "en": 0.3}, {"en": 5.0}, "en"),
        ({"fr": 0.9, "es": 0.03, "en": 0.03}, {"es": 20.0, "en": 5.0}, "fr"),
    ],
    ids=["a word of the conversation's", "nothing known", "a sentence of another", "a slip", "somebody else speaks"],
)
def test_what_is_likely_decides_where_whisper_is_unsure(heard, priors, language):
    assert likeliest(heard, priors) == language


@pytest.mark.parametrize(
    ("logprob", "compression", "no_speech", "heard"),
    [
        (-0.2, 1.0, 0.0, True), (-0.9, 1.0, 0.5, True), (-1.1, 1.0, 0.0, False), (-0.2, 2.5, 0.0, False),
        (-0.2, 1.0, 0.9, True), (-0.6, 1.0, 0.9, False), (float("nan"), 1.0, 0.0, False), (-0.2, 1.0, float("nan"), True),
    ],
)  # fmt: skip
def test_only_a_good_decoding_counts(logprob, compression, no_speech, heard):
    assert WhisperSegment("Thank you", logprob, compression, no_speech).is_reliable is heard


@pytest.mark.parametrize(("seconds", "once"), [(1, True), (30, True), (31, False)])
def test_times_are_asked_for_only_where_whisper_hears_more_than_once(seconds, once):
    assert decoding_of(np.zeros(seconds * RATE, np.float32))["without_timestamps"] is once


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (MemoryError(), "out_of_memory", "not enough memory"),
        (ValueError("no\n such  thing."), "load_failed", "'base' cannot be opened by MLX: no such thing. Fetch"),
        (SpeechToTextError("It lacks a file.", code="missing_files"), "missing_files", "It lacks a file."),
    ],
    ids=["memory", "other", "told already"],
)
def test_a_model_that_cannot_be_opened_says_why_in_a_line(error, code, said):
    with pytest.raises(SpeechToTextError) as caught, opening_whisper("base", "by MLX"):
        raise error
    assert caught.value.code == code
    assert said in caught.value.message
