"""Whisper on CTranslate2 (faster-whisper): hearing in about a hundred languages, int8 on a processor, float16 on an NVIDIA card.

What Whisper makes up where nobody speaks is kept out twice: the Silero detector that the wheel brings cuts away what is not speech before
Whisper hears it, and a stretch that fails Whisper's own tests of a good decoding (Radford et al. 2022, section 4.5) is not passed on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines import hub
from engines.errors import MissingDependency, SpeechToTextError
from engines.text.prompts import is_out_of_memory
from engines.text.whisper import (
    LARGEST_COMPRESSION,
    LARGEST_NO_SPEECH,
    LEAST_LOGPROB,
    RATE,
    WINDOW_S,
    code_of,
    failure,
    is_heard,
    samples_of,
    tag_of,
    unknown_language,
)
from engines.types import AudioChunk, EngineInfo, Transcript

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


def model_of(options: Options, device: str) -> hub.Model:  # noqa: ARG001 - the files are the same everywhere
    """The files of the model."""
    return hub.Model(
        name=_SIZES.get(options.model, options.model),
        what="The Whisper model",
        failure=SpeechToTextError,
        files=("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"),
        required=("config.json", "model.bin", "tokenizer.json", "vocabulary.*"),
    )


def load(options: Options, device: str) -> FasterWhisper:
    """Fetch the model if it is not here yet, open it and let it hear a second of silence, so that the first turn does not wait.

    ``auto`` is an NVIDIA card where CTranslate2 finds one; on a Mac, all that it has is the processor.

    Raises:
        MissingDependency: faster-whisper is not installed.
        SpeechToTextError: code ``out_of_memory``, ``load_failed``, or one of `hub.fetch`'s.
    """
    try:
        import ctranslate2  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy
        import faster_whisper  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    folder = hub.fetch(model_of(options, device))
    on = "cuda" if device == "cuda" or (device == "auto" and ctranslate2.get_cuda_device_count()) else "cpu"
    compute = ("float16" if on == "cuda" else "int8") if options.compute == "auto" else options.compute
    try:
        model = faster_whisper.WhisperModel(str(folder), device=on, compute_type=compute, cpu_threads=options.threads)
        ears = FasterWhisper(model, options)
        ears.warm_up()
    except Exception as error:
        if is_out_of_memory(error):
            raise failure(error) from error
        why = " ".join(str(error).split())[:200].rstrip(".")
        message = f"The Whisper model {options.model!r} cannot be opened on {on} as {compute}: {why}. Fetch it again, or choose another."
        raise SpeechToTextError(message, code="load_failed") from error
    return ears


class FasterWhisper:
    """A `SpeechToText`. Safe to share between threads: CTranslate2 puts the utterances of several in a queue."""

    def __init__(self, model: Any, options: Options) -> None:
        self._model = model
        self._options = options

    def transcribe(self, audio: AudioChunk, language: str | None = None) -> Transcript:
        """The words as Whisper writes them, with punctuation; empty where nobody speaks.

        `language` is a BCP 47 tag; None lets Whisper find out, and the transcript says which it was.

        Raises:
            SpeechToTextError: code ``language`` (the model does not know it), ``bad_samples``, ``bad_rate``, ``out_of_memory``, ``failed``.
        """
        code = self._code(language) if language else None
        samples = samples_of(audio)
        if samples is None:
            return Transcript("", language)
        try:
            speech = _speech(samples)
            if not len(speech):
                return Transcript("", language)
            segments, info = self._decode(speech, code)
            text = " ".join(
                part.text.strip() for part in segments if is_heard(part.avg_logprob, part.compression_ratio, part.no_speech_prob)
            )
        except Exception as error:
            raise failure(error) from error
        return Transcript(text.strip(), language or tag_of(info.language))

    def warm_up(self) -> None:
        """Go once through everything a turn needs."""
        silence = np.zeros(RATE, np.float32)
        _speech(silence)
        segments, _ = self._decode(silence, "en", max_new_tokens=1)
        list(segments)

    def _decode(self, samples: NDArray[np.float32], code: str | None, max_new_tokens: int | None = None) -> tuple[Iterable[Any], Any]:
        segments, info = self._model.transcribe(
            samples,
            language=code,
            beam_size=self._options.beam_size,
            temperature=0.0,  # one try: the retries at higher temperatures are slow, and are where most inventions come from
            condition_on_previous_text=False,  # or one mistake is repeated to the end
            compression_ratio_threshold=LARGEST_COMPRESSION,
            log_prob_threshold=LEAST_LOGPROB,
            no_speech_threshold=LARGEST_NO_SPEECH,
            without_timestamps=len(samples) <= WINDOW_S * RATE,  # one window needs none, and they cost a token each
            max_new_tokens=max_new_tokens,
            vad_filter=False,  # it is done already
        )
        return segments, info

    def _code(self, language: str) -> str:
        code = code_of(language)
        known = code in self._model.supported_languages
        if known and self._model.model.is_multilingual:  # Cantonese came with large-v3 only
            known = self._model.hf_tokenizer.token_to_id(f"<|{code}|>") is not None
        if not known:
            raise unknown_language(self._options.model, language)
        return code


def _speech(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the voice detector takes for speech, joined; pauses under two seconds stay."""
    from faster_whisper import vad  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy

    chunks, _ = vad.collect_chunks(samples, vad.get_speech_timestamps(samples))
    return np.concatenate(chunks).astype(np.float32, copy=False)
