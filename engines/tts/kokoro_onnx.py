"""Text-to-speech engine: Kokoro v1.0 in int8 on ONNX Runtime, with the phoneme times that the model itself decided on; without torch.

Model: https://github.com/thewh1teagle/kokoro-onnx (MIT), made from https://huggingface.co/hexgrad/Kokoro-82M (Apache-2.0), whose voices
kokoro-js carries as raw float32. The file gives out sound only. Its durations are one of its inner tensors: a few bytes behind the file
make that a second output, for protobuf joins a message that stands twice (https://protobuf.dev/programming-guides/encoding/#last-one-wins).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.errors import MissingDependency, TextToSpeechError
from engines.tts._failures import failure
from engines.tts._kokoro import LANGUAGES, Kokoro
from engines.tts._kokoro_voices import VOCABULARY
from engines.tts._onnx import Session, with_output
from engines.types import EngineInfo
from engines.weights import catalog, hub
from engines.weights.catalog import CatalogModel

INFO = EngineInfo(
    name="kokoro_onnx",
    stage="tts",
    title="Kokoro (ONNX)",
    summary="A natural voice in nine languages with exact lips, without torch; it fetches 120 MB once and then works offline.",
    requires=("onnxruntime", "kokorog2p"),
    install='pip install "onnxruntime>=1.23,<2" "kokorog2p>=0.7.2,<0.8"',
    languages=LANGUAGES,
    preference=12,
    pieces_at_once=max(1, (os.cpu_count() or 1) // 4),  # each run has four threads at most
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which model speaks, how fast, and with how much of the processor."""

    model: str = "kokoro"
    """``kokoro``, the catalog's, or a folder with kokoro-v1.0.int8.onnx and voices/*.bin."""
    speed: float = 1.0
    """0.5 (slow) to 2 (fast); values outside are moved to the nearest end."""
    threads: int = 0
    """0 is one for each core, four at most: more make the short first clause no quicker."""


_TRIAL = "Oh."
_WEIGHTS, _VOICES = "kokoro-v1.0.int8.onnx", "voices/*.bin"
_DURATIONS = "/encoder/Clip_output_0"
"""The tensor that holds the frames of each phoneme: float32 of shape (phonemes + 2,)."""


def files(options: Options, device: str) -> CatalogModel | hub.Model:  # noqa: ARG001 - the files are the same everywhere
    """The files of the model, by the catalog, or those of a folder."""
    if options.model == "kokoro":
        return catalog.named("kokoro")
    files = (_WEIGHTS, _VOICES)
    return hub.Model(name=options.model, what="The voice model", failure=TextToSpeechError, files=files, required=files)


def load(options: Options, device: str, folder: Path) -> Kokoro:  # noqa: ARG001 - int8 is made for processors
    """Open the model and say a word, which reads the pronunciations and tries the files; the network's first run is as quick as any.

    Raises:
        MissingDependency: onnxruntime is not installed, or what the default voice's language needs.
        TextToSpeechError: ``load_failed``, ``out_of_memory``, or what `Kokoro.synthesize` raises.
    """
    try:
        for package in INFO.requires:
            import_module(package)
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    try:
        opened = Session(with_output((folder / _WEIGHTS).read_bytes(), _DURATIONS), options.threads)
    except Exception as error:  # half a file, another model: ONNX Runtime has an error class for each, and they share no base of their own
        raise failure(error, f"The voice model {options.model!r} cannot be opened", "Fetch it again.", "load_failed") from error
    voice = Kokoro(OnnxNetwork(opened), folder.glob(_VOICES), options.speed, INFO.install)
    list(voice.synthesize(_TRIAL))
    return voice


class OnnxNetwork:
    """A `Network` on ONNX Runtime."""

    vocabulary = frozenset(VOCABULARY)

    def __init__(self, opened: Session) -> None:
        self._session = opened

    def styles(self, file: Path) -> NDArray[np.float32]:
        """A voice: the file is nothing but the numbers of a (510, 256) matrix."""
        return np.fromfile(file, "<f4").reshape(-1, 256)

    def say(self, phonemes: str, style: NDArray[np.float32], speed: float) -> tuple[NDArray[np.float32], Sequence[int]]:
        """Sound and frames; several threads may ask at once."""
        tokens = np.array([[0, *(VOCABULARY[character] for character in phonemes), 0]], np.int64)
        samples, frames = self._session.run(tokens=tokens, style=style[None], speed=np.full(1, speed, np.float32))
        return samples, frames.astype(int).tolist()
