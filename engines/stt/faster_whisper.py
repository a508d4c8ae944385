"""Speech-to-text engine: Whisper on CTranslate2 (faster-whisper), int8 on a processor, float16 on an NVIDIA card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import MissingDependency, SpeechToTextError
from engines.stt._whisper import (
    LEAST_LOGPROB,
    RATE,
    SURE_LOGPROB,
    WINDOW_S,
    LocalWhisper,
    WhisperSegment,
    decoding_of,
    likeliest,
    opening_whisper,
)
from engines.types import EngineInfo
from engines.weights import catalog, hub
from engines.weights.catalog import CatalogModel
from engines.weights.recommended import WHISPERS

_SIZES = WHISPERS["ctranslate2"]

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


_FRAMES_A_SECOND = 100
"""Of the spectrogram."""
_FULL_WINDOW = WINDOW_S * _FRAMES_A_SECOND
_SHORTEST_WINDOW, _SILENCE_BEHIND_S = 1_500, 5.0
"""Frames of the shortest window, and how far a window reaches beyond the speech. With 2 s less, one clip in ten is said over and over."""
_TOKENS_AT_LEAST, _TOKENS_A_SECOND, _MOST_TOKENS = 24, 24, 224
"""Most tokens that an utterance may become; languages whose letters are three bytes need up to 15 a second, English 5."""


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

    def decode(
        self, samples: NDArray[np.float32], code: str | None, priors: Mapping[str, float], longest: int | None = None
    ) -> tuple[Iterable[WhisperSegment], str]:
        """See `LocalWhisper.decode`."""
        if len(samples) <= WINDOW_S * RATE:
            segment, spoken = self._window(samples, code, priors, longest)
            return [segment], spoken
        spoken = code or self._language(self._encoded(samples[: WINDOW_S * RATE], _FULL_WINDOW), priors)
        parts, _ = self._model.transcribe(
            samples,
            language=spoken,
            beam_size=self._options.beam_size,
            log_prob_threshold=LEAST_LOGPROB,
            max_new_tokens=longest,
            vad_filter=False,  # it is done already
            **decoding_of(samples),
        )
        segments = (
            WhisperSegment(f" {part.text.strip()}", part.avg_logprob, part.compression_ratio, part.no_speech_prob) for part in parts
        )  # decoded as they are taken
        return segments, spoken

    def _window(
        self, samples: NDArray[np.float32], code: str | None, priors: Mapping[str, float], longest: int | None
    ) -> tuple[WhisperSegment, str]:
        """What is said in one window, and in which language. The library would compute the encoder twice, once to find the language.

        Whisper was trained on windows of 30 s, and the encoder takes as long as its window. One that ends some seconds behind the speech is
        heard as well; only now and then the decoder says one phrase over and over, or stops early and is not sure. The usual window mends
        that.
        """
        seconds = len(samples) / RATE
        most = longest or min(_MOST_TOKENS, round(_TOKENS_AT_LEAST + _TOKENS_A_SECOND * seconds))
        shorter = max(_SHORTEST_WINDOW, round((seconds + _SILENCE_BEHIND_S) * _FRAMES_A_SECOND) // 2 * 2)
        for frames in (shorter, _FULL_WINDOW):
            encoded = self._encoded(samples, min(frames, _FULL_WINDOW))
            spoken = code or self._language(encoded, priors)
            segment, tokens = self._decoded(encoded, spoken, most)
            if frames >= _FULL_WINDOW or longest or (tokens < most and segment.is_reliable and segment.logprob >= SURE_LOGPROB):
                break
        return segment, spoken

    def _encoded(self, samples: NDArray[np.float32], frames: int) -> Any:
        from faster_whisper.audio import pad_or_trim  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy

        return self._model.encode(pad_or_trim(self._model.feature_extractor(samples), frames))

    def _language(self, encoded: Any, priors: Mapping[str, float]) -> str:
        if not self._model.model.is_multilingual:
            return "en"
        (found,) = self._model.model.detect_language(encoded)
        return likeliest({mark.strip("<|>"): probability for mark, probability in found}, priors)

    def _decoded(self, encoded: Any, code: str, most: int) -> tuple[WhisperSegment, int]:
        """What the decoder writes of an encoded window, and the number of its tokens, which is at most `most`."""
        from faster_whisper.tokenizer import Tokenizer  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy
        from faster_whisper.transcribe import (  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy
            get_compression_ratio,
            get_suppressed_tokens,
        )

        model = self._model
        tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=code)
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        (result,) = model.model.generate(
            encoded,
            [prompt],
            beam_size=self._options.beam_size,
            max_length=len(prompt) + most,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = result.sequences_ids[0]
        text = tokenizer.decode(tokens).strip()
        logprob = result.scores[0] * len(tokens) / (len(tokens) + 1)
        compression = get_compression_ratio(text) if text else 0.0
        return WhisperSegment(text, logprob, compression, result.no_speech_prob), len(tokens)
