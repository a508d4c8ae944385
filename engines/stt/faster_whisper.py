"""Whisper on CTranslate2 (faster-whisper): hearing in about a hundred languages, int8 on a processor, float16 on an NVIDIA card.

What Whisper makes up where nobody speaks is kept out twice: the Silero detector that the wheel brings cuts away what is not speech before
Whisper hears it, and a stretch that fails Whisper's own tests of a good decoding (Radford et al. 2022, section 4.5) is not passed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.audio import require_sound, resample
from engines.errors import AudioError, MissingDependency, SpeechToTextError
from engines.types import AudioChunk, EngineInfo, Transcript

INFO = EngineInfo(
    name="faster_whisper",
    stage="stt",
    title="faster-whisper",
    summary="Whisper on this machine: good hearing in about a hundred languages, after one download (145 MB for the base model).",
    requires=("faster_whisper",),
    install='pip install "faster-whisper>=1.2,<2"',
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


_RATE = 16_000  # what Whisper was trained on
_FILES = ("config.json", "model.bin", "tokenizer.json")
_LARGEST_COMPRESSION = 2.4
"""Length of the text over its length compressed: above it, one phrase is repeated over and over."""
_LEAST_LOGPROB = -1.0
"""Mean log-probability of a token: below it, Whisper is guessing."""
_LARGEST_NO_SPEECH, _SURE_LOGPROB = 0.6, -0.5
"""Where Whisper itself thinks that nobody spoke, only a text it is sure of counts: the first alone is too often wrong."""
_WHISPER_CODES = {"nb": "no", "fil": "tl", "jv": "jw", "iw": "he", "in": "id", "cmn": "zh"}
"""Languages that Whisper knows by another code than BCP 47."""
_TAGS = {"jw": "jv"}
"""And those of its codes that are no BCP 47 tags."""


def load(options: Options, device: str) -> FasterWhisper:
    """Fetch the model if it is not here yet, open it and let it hear a second of silence, so that the first turn does not wait.

    ``mps`` runs on the processor, which is what CTranslate2 has on a Mac.

    Raises:
        MissingDependency: faster-whisper is not installed.
        SpeechToTextError: code ``offline``, ``gated``, ``unknown_model``, ``missing_files``, ``disk_full``, ``out_of_memory``,
            ``download_failed`` or ``load_failed``.
    """
    try:
        import faster_whisper  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    on = "cuda" if device == "cuda" else "cpu"
    compute = ("float16" if on == "cuda" else "int8") if options.compute == "auto" else options.compute
    folder = _folder(options.model)
    _require_files(folder)
    try:
        model = faster_whisper.WhisperModel(str(folder), device=on, compute_type=compute, cpu_threads=options.threads)
        ears = FasterWhisper(model, options)
        ears.warm_up()
    except Exception as error:
        if _is_out_of_memory(error):
            raise _out_of_memory() from error
        why = str(error).rstrip(".")
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
        try:
            require_sound(audio)
            samples = resample(audio, _RATE).samples
        except AudioError as error:
            if error.code in {"silent", "too_short"}:
                return Transcript("", language)
            raise SpeechToTextError(error.message, code=error.code) from error
        try:
            speech = _speech(samples)
            if not len(speech):
                return Transcript("", language)
            segments, info = self._decode(speech, code)
            text = " ".join(segment.text.strip() for segment in segments if _is_heard(segment))
        except Exception as error:
            if _is_out_of_memory(error):
                raise _out_of_memory() from error
            message = f"{INFO.title} could not follow that recording. Please say it again."
            raise SpeechToTextError(message, code="failed", retryable=True) from error
        return Transcript(text.strip(), language or _TAGS.get(info.language, info.language))

    def warm_up(self) -> None:
        """Go once through everything a turn needs."""
        silence = np.zeros(_RATE, np.float32)
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
            compression_ratio_threshold=_LARGEST_COMPRESSION,
            log_prob_threshold=_LEAST_LOGPROB,
            no_speech_threshold=_LARGEST_NO_SPEECH,
            without_timestamps=len(samples) <= 30 * _RATE,  # one window needs none, and they cost a token each
            max_new_tokens=max_new_tokens,
            vad_filter=False,  # it is done already
        )
        return segments, info

    def _code(self, language: str) -> str:
        base = re.split("[-_]", language)[0].lower()
        code = _WHISPER_CODES.get(base, base)
        known = code in self._model.supported_languages
        if known and self._model.model.is_multilingual:  # Cantonese came with large-v3 only
            known = self._model.hf_tokenizer.token_to_id(f"<|{code}|>") is not None
        if not known:
            message = (
                f"The Whisper model {self._options.model!r} does not know the language {language!r}. Choose another model or language."
            )
            raise SpeechToTextError(message, code="language")
        return code


def _speech(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the voice detector takes for speech, joined; pauses under two seconds stay."""
    from faster_whisper import vad  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy

    chunks, _ = vad.collect_chunks(samples, vad.get_speech_timestamps(samples))
    return np.concatenate(chunks).astype(np.float32, copy=False)


def _is_heard(segment: Any) -> bool:
    return bool(
        segment.avg_logprob >= _LEAST_LOGPROB
        and segment.compression_ratio <= _LARGEST_COMPRESSION
        and (segment.no_speech_prob <= _LARGEST_NO_SPEECH or segment.avg_logprob >= _SURE_LOGPROB)
    )


def _folder(model: str) -> Path:
    """Where the model lies on this machine, fetched if need be. Of a hub id, a copy that is here already serves without the network."""
    import faster_whisper  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy
    from huggingface_hub import errors  # noqa: PLC0415 - heavy

    sizes = faster_whisper.available_models()
    if model not in sizes:
        folder = Path(model).expanduser()
        if model and folder.is_dir():
            return folder
        if model.count("/") != 1 or model.startswith((".", "/", "~")):
            message = f"There is no Whisper model or folder called {model[:200]!r}. Choose one of {', '.join(sizes)}, a hub id or a folder."
            raise SpeechToTextError(message, code="unknown_model")
    try:
        return Path(faster_whisper.download_model(model))
    except Exception as error:
        code, why = _why_not_fetched(error, errors)
        message = f"The Whisper model {model!r} {why}"
        raise SpeechToTextError(message, code=code, retryable=code in {"offline", "download_failed"}) from error


def _why_not_fetched(error: Exception, errors: Any) -> tuple[str, str]:
    if isinstance(error, errors.GatedRepoError):
        return "gated", "is given out only to accounts that accepted its terms. Accept them on its page, then run: hf auth login"
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return "unknown_model", "is not on the hub. Check its name, or name a local folder."
    answered = isinstance(error.__cause__, errors.HfHubHTTPError)  # then the hub was reached, but did not serve
    if isinstance(error, errors.LocalEntryNotFoundError | errors.OfflineModeIsEnabled) and not answered:
        return "offline", "is not on this machine, and the hub cannot be reached. Connect to the internet, or name a local folder."
    if isinstance(error, OSError) and error.errno == 28:
        return "disk_full", "does not fit on the disk. Free some space, then try again."
    return "download_failed", f"could not be fetched ({type(error).__name__}). Try again: what has arrived is kept."


def _require_files(folder: Path) -> None:
    missing = [name for name in _FILES if not (folder / name).is_file()]
    missing += [] if list(folder.glob("vocabulary.*")) else ["vocabulary.json"]
    if missing:
        lacks = f"The Whisper folder {str(folder)!r} lacks {', '.join(missing)}."
        message = f"{lacks} Fetch the model again, or make the folder with ct2-transformers-converter."
        raise SpeechToTextError(message, code="missing_files")


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or bool(re.search(r"out of memory|bad_alloc|bad allocation", str(error), re.IGNORECASE))


def _out_of_memory() -> SpeechToTextError:
    message = "There is not enough memory for this Whisper model. Choose a smaller one, or close other programs."
    return SpeechToTextError(message, code="out_of_memory")
