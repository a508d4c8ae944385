"""The table of language models by memory, and what the machine says of itself."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from requirements import requirement

from engines.weights.hardware import memory_gb, torch_device
from engines.weights.recommended import Runtime, language_model, suggestions


@pytest.mark.parametrize("runtime", get_args(Runtime))
@requirement("engine.by-memory")
def test_every_machine_has_a_model_and_more_memory_never_gets_a_smaller_one(runtime):
    chosen = [language_model(runtime, memory, 64) for memory in (0.5, 4, 8, 11.5, 16, 23.4, 24, 64, 512)]
    ranks = [suggestions(runtime).index(model) for model in chosen]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[-1] == 0


@pytest.mark.parametrize("runtime", ["mlx", "cuda", "gguf"])
def test_from_24_gb_up_it_is_gpt_oss(runtime):
    assert "gpt-oss-20b" in language_model(runtime, 23.4, 8)  # what such a machine reports
    assert "gpt-oss" not in language_model(runtime, 16, 8)


def test_a_processor_of_few_cores_gets_a_model_that_it_is_quick_enough_for():
    assert [language_model("gguf", 64, cores) for cores in (2, 4, 8)] == list(reversed(suggestions("gguf")[:3]))


def test_nothing_too_small_to_talk_with_is_offered():
    for runtime in get_args(Runtime):
        for model in suggestions(runtime):
            (billions,) = re.findall(r"-([\d.]+)b\b", model.lower())
            assert float(billions) > 1


def test_apple_silicon_gets_four_bits():
    assert all("4bit" in model or "MXFP4" in model for model in suggestions("mlx"))


def test_the_machine_has_memory():
    assert 0.1 < memory_gb() < 100_000


def test_a_named_device_is_taken_at_its_word_and_auto_finds_one():
    pytest.importorskip("torch")
    assert torch_device("mps") == "mps"
    assert torch_device("auto", able=()) == "cpu"
    assert torch_device("auto") in {"cpu", "cuda", "mps"}
