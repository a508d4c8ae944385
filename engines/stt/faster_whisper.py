"""Speech-to-text engine: Whisper on CTranslate2 (faster-whisper), int8 on a processor, float16 on an NVIDIA card.

The Silero detector that the wheel brings cuts away what is not speech before Whisper hears it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import MissingDependency, SpeechToTextError
from engines.stt._whisper import LEAST_LOGPROB, LocalWhisper, WhisperSegment, decoding_of, opening_whisper
from engines.types import EngineInfo
from engines.weights import catalog, hub
from engines.weights.catalog import CatalogModel

_SIZES = {
    size: f"Systran/faster-whisper-{size}" for size in "tiny tiny.en base base.en small small.en medium medium.en large-v2 large-v3".split()
}
_SIZES |= {"large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo", "distil-large-v3": "Systran/faster-distil-whisper-large-v3"}
"""The hub's names of the usual sizes."""

INFO = EngineInfo(
    name="faster_whisper",
    stage="stt",
    title="faster-whisper",
    summary="Whisper on this machine: good hearing in about a hundred languages, after one download (145 MB for the base model).",
    requires=("faster_whisper",),
    install='pip install "faster-whisper>=1.2,<2"',
    models=tuple(_SIZES),
    preference=10,
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which Whisper, and how it computes."""

    model: str = "base"
    """A size (``tiny`` … ``large-v3-turbo``), a hub id of a CTranslate2 model, or a local folder with one."""
    compute: str = "auto"
    """A compute type of CTranslate2 (``int8``, ``float16``, ``float32`` …); ``auto`` is int8 on a processor, float16 on CUDA."""
    beam_size: int = 1
    """Hypotheses kept while decoding: 5 makes slightly fewer mistakes and takes about twice as long."""
    threads: int = 0
    """Threads on a processor; 0 leaves it to CTranslate2."""


def files(options: Options, device: str) -> CatalogModel | hub.Model:  # noqa: ARG001 - the files are the same everywhere
    """The files of the model: the default size by the catalog, any other by the hub."""
    if options.model == "base":
        return catalog.named("whisper-base")
    return hub.Model(
        name=_SIZES.get(options.model, options.model),
        what="The Whisper model",
        failure=SpeechToTextError,
        files=("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"),
        required=("config.json", "model.bin", "tokenizer.json", "vocabulary.*"),
    )


def load(options: Options, device: str, folder: Path) -> FasterWhisper:
    """Open the model and let it hear a second of silence, so that the first turn does not wait.

    ``auto`` is an NVIDIA card where CTranslate2 finds one; on a Mac, all that it has is the processor.

    Raises:
        MissingDependency: faster-whisper is not installed.
        SpeechToTextError: code ``out_of_memory`` or ``load_failed``.
    """
    try:
        import ctranslate2  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy
        import faster_whisper  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    on = "cuda" if device == "cuda" or (device == "auto" and ctranslate2.get_cuda_device_count()) else "cpu"
    compute = ("float16" if on == "cuda" else "int8") if options.compute == "auto" else options.compute
    with opening_whisper(options.model, f"on {on} as {compute}"):
        model = faster_whisper.WhisperModel(str(folder), device=on, compute_type=compute, cpu_threads=options.threads)
        whisper = FasterWhisper(model, options)
        whisper.warm_up()
    return whisper


class FasterWhisper(LocalWhisper):
    """A `SpeechToText`: CTranslate2 puts the utterances of several threads in a queue."""

    def __init__(self, model: Any, options: Options) -> None:
        super().__init__(options.model)
        self._model, self._options = model, options

    def knows(self, code: str) -> bool:
        """See `LocalWhisper.knows`."""
        if code not in self._model.supported_languages:
            return False
        if not self._model.model.is_multilingual:
            return True
        return self._model.hf_tokenizer.token_to_id(f"<|{code}|>") is not None  # Cantonese came with large-v3 only

    def speech_in(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the voice detector takes for speech, joined; pauses under two seconds stay."""
        from faster_whisper import vad  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy

        chunks, _ = vad.collect_chunks(samples, vad.get_speech_timestamps(samples))
        return np.concatenate(chunks).astype(np.float32, copy=False)

    def decode(self, samples: NDArray[np.float32], code: str | None, longest: int | None = None) -> tuple[Iterable[WhisperSegment], str]:
        """See `LocalWhisper.decode`."""
        parts, info = self._model.transcribe(
            samples,
            language=code,
            beam_size=self._options.beam_size,
            log_prob_threshold=LEAST_LOGPROB,
            max_new_tokens=longest,
            vad_filter=False,  # it is done already
            **decoding_of(samples),
        )
        segments = (
            WhisperSegment(f" {part.text.strip()}", part.avg_logprob, part.compression_ratio, part.no_speech_prob) for part in parts
        )  # decoded as they are taken
        return segments, str(info.language)
