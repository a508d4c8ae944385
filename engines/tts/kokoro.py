"""Text-to-speech engine: Kokoro v1.0 on torch, with the phoneme times that the model itself decided on.

Model and voices: https://huggingface.co/hexgrad/Kokoro-82M (Apache-2.0).
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import MissingDependency, TextToSpeechError
from engines.tts._failures import failure
from engines.tts._kokoro import LANGUAGES, Kokoro
from engines.types import EngineInfo
from engines.weights import hub
from engines.weights.hardware import torch_device

INFO = EngineInfo(
    name="kokoro",
    stage="tts",
    title="Kokoro",
    summary="A natural voice in nine languages with exact lips; it fetches 350 MB once and then works offline.",
    requires=("torch", "kokoro", "kokorog2p"),
    install='pip install "kokoro>=0.9.4,<0.10" "kokorog2p>=0.7.2,<0.8"',
    languages=LANGUAGES,
    preference=15 if f"{sys.platform}-{platform.machine()}" == "darwin-arm64" else -1,  # elsewhere the same voice needs no torch
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which model speaks, and how fast."""

    model: str = "hexgrad/Kokoro-82M"
    """A hub id, or a folder with config.json, kokoro-v1_0.pth and voices/*.pt."""
    speed: float = 1.0
    """0.5 (slow) to 2 (fast); values outside are moved to the nearest end."""


_WARM_UP = "Hello, it is good to see you here again."
_CONFIG, _WEIGHTS, _VOICES = "config.json", "kokoro-v1_0.pth", "voices/*.pt"
_PARTS = {"bert", "bert_encoder", "predictor", "text_encoder", "decoder"}
"""Of the weights: Kokoro would leave a missing one random."""


def files(options: Options, device: str) -> hub.Model:  # noqa: ARG001 - the files are the same everywhere
    """The files of the model."""
    files = (_CONFIG, _WEIGHTS, _VOICES)
    return hub.Model(name=options.model, what="The voice model", failure=TextToSpeechError, files=files, required=files)


def load(options: Options, device: str, folder: Path) -> Kokoro:
    """Open the model and say a sentence to warm up: the first is slow.

    ``auto`` is CUDA where there is one, else the processor, which says the short first clause of a reply sooner than Apple's GPU.

    Raises:
        MissingDependency: kokoro is not installed, or what the default voice's language needs.
        TextToSpeechError: ``load_failed``, ``out_of_memory``, or what `Kokoro.synthesize` raises.
    """
    try:
        torch, kokoro, _ = map(import_module, INFO.requires)
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    on = torch_device(device, able=("cuda",))
    try:
        if absent := _PARTS - torch.load(folder / _WEIGHTS, map_location="meta", weights_only=True).keys():
            raise ValueError(f"{_WEIGHTS} lacks {', '.join(sorted(absent))}")
        model = kokoro.KModel(repo_id="hexgrad/Kokoro-82M", config=str(folder / _CONFIG), model=str(folder / _WEIGHTS)).to(on).eval()
    except Exception as error:  # a damaged file, or a device that is not there, makes json, pickle, zipfile and torch raise almost anything
        then = "Fetch it again." if on == "cpu" else "Set the device to cpu, or fetch it again."
        raise failure(error, f"The voice model {options.model!r} cannot be opened on {on}", then, "load_failed") from error
    voice = Kokoro(TorchNetwork(model), folder.glob(_VOICES), options.speed, INFO.install)
    list(voice.synthesize(_WARM_UP))
    return voice


class TorchNetwork:
    """A `Network` on torch."""

    def __init__(self, model: Any) -> None:
        self.model, self.vocabulary = model, frozenset[str](model.vocab)
        # Torch makes itself at home in every thread anew: the first step in a fresh one, and each turn has its own, takes 100 ms longer.
        self._worker = ThreadPoolExecutor(1, "kokoro")

    def styles(self, file: Path) -> NDArray[np.float32]:
        """A voice, which the file keeps with the shape (510, 1, 256)."""
        pack = import_module("torch").load(file, map_location="cpu", weights_only=True)
        return np.asarray(pack.squeeze(1).numpy(), np.float32)

    def say(self, phonemes: str, style: NDArray[np.float32], speed: float) -> tuple[NDArray[np.float32], Sequence[int]]:
        """Sound and frames; one call after the other."""
        tensor = import_module("torch").from_numpy(style[None])
        output = self._worker.submit(self.model, phonemes, tensor, speed, return_output=True).result()
        return output.audio.numpy(), output.pred_dur.tolist()
