"""Errors: what they say of themselves, and that a process can hand them to another."""

from __future__ import annotations

import pickle

import pytest
from requirements import requirement

from engines.errors import (
    AudioError,
    ChatModelError,
    ConfigError,
    EngineError,
    InputError,
    MissingDependency,
    SpeechToTextError,
    TextToSpeechError,
)

ERRORS = {
    "counts": ChatModelError("It broke.", code="failed", retryable=True, counts_against_engine=True),
    "missing package": MissingDependency("Kokoro", "pip install kokoro"),
    "settings": ConfigError("No such option.", file="personas.yaml", line=3),
    **{kind.__name__: kind("It broke.", code="x") for kind in (EngineError, AudioError, InputError, SpeechToTextError, TextToSpeechError)},
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_an_error_survives_pickling_with_everything_it_says(error):
    error.__cause__ = ValueError("why")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(copy) is type(error)
    assert (str(copy), copy.args, vars(copy), copy.stage) == (str(error), error.args, vars(error), error.stage)


@requirement("engine.fair")
def test_nothing_counts_against_an_engine_unless_the_error_says_so():
    assert [name for name, error in ERRORS.items() if error.counts_against_engine] == ["counts"]


@requirement("app.bounded-logs")
def test_a_message_is_a_sentence_and_no_page():
    assert EngineError("x" * 1_000_000, code="x").message == "x" * 999 + "…"
    assert EngineError("x" * 1_000, code="x").message == "x" * 1_000
