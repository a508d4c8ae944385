"""Speech-to-text engine: Whisper on MLX (mlx-whisper), in about a hundred languages on Apple's GPUs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import MissingDependency, SpeechToTextError
from engines.runtimes.mlx_thread import compute
from engines.stt._whisper import LEAST_LOGPROB, LocalWhisper, WhisperSegment, decoding_of, likeliest, opening_whisper
from engines.types import EngineInfo
from engines.weights import hub
from engines.weights.recommended import WHISPERS

_SIZES = WHISPERS["mlx"]

INFO = EngineInfo(
    name="mlx_whisper",
    stage="stt",
    title="MLX Whisper",
    summary="Whisper on this Mac's GPU: good hearing in about a hundred languages, after one download (145 MB for the base model).",
    requires=("mlx_whisper",),
    install='pip install "mlx-whisper>=0.4.3,<0.5"',
    platforms=("darwin-arm64",),
    models=tuple(_SIZES),
    preference=20,
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which Whisper."""

    model: str = "base"
    """A size (``tiny`` … ``large-v3-turbo``), a hub id of a Whisper in MLX's format, or a local folder with one."""


def files(options: Options, device: str) -> hub.Model:  # noqa: ARG001 - MLX computes in one place only
    """The files of the model."""
    return hub.Model(
        name=_SIZES.get(options.model, options.model),
        what="The Whisper model",
        failure=SpeechToTextError,
        files=("config.json", "weights.safetensors", "weights.npz"),
        required=("config.json", "weights.safetensors|weights.npz"),
    )


def load(options: Options, device: str, folder: Path) -> MlxWhisper:  # noqa: ARG001 - MLX computes in one place only
    """Open the model and let it hear a second of silence, so that the first turn does not wait.

    MLX computes on Apple's GPU, whatever `device` says.

    Raises:
        MissingDependency: mlx-whisper is not installed.
        SpeechToTextError: code ``missing_files``, ``out_of_memory`` or ``load_failed``.
    """
    try:
        import mlx.core as mx  # noqa: PLC0415 - heavy
        import mlx_whisper  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error

    def open_model() -> tuple[MlxWhisper, list[str]]:
        model = mlx_whisper.load_models.load_model(str(folder), mx.float16)
        if (kind := model.encoder.conv1.weight.dtype) != mx.float16:
            model = mlx_whisper.load_models.load_model(str(folder), kind)
        return MlxWhisper(model, options.model, half=kind == mx.float16), _lacking(model, folder)

    with opening_whisper(options.model, "by MLX"):
        whisper, lacking = compute(open_model)
        whisper.warm_up()
        if lacking:  # the library would leave them as random numbers
            lacks = f"The weights of the Whisper model {options.model!r} lack {len(lacking)} of its tensors."
            raise SpeechToTextError(f"{lacks} Fetch it again, or choose another.", code="missing_files")
    return whisper


class MlxWhisper(LocalWhisper):
    """A `SpeechToText`: the utterances of several threads take turns."""

    def __init__(self, model: Any, name: str, *, half: bool) -> None:
        from mlx_whisper.tokenizer import LANGUAGES  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy

        super().__init__(name)
        self._model, self._half = model, half
        self._languages = list(LANGUAGES)[: model.num_languages] if model.is_multilingual else ["en"]

    def knows(self, code: str) -> bool:
        """See `LocalWhisper.knows`."""
        return code in self._languages

    def decode(
        self, samples: NDArray[np.float32], code: str | None, priors: Mapping[str, float], longest: int | None = None
    ) -> tuple[Iterable[WhisperSegment], str]:
        """See `LocalWhisper.decode`."""
        heard = compute(lambda: self._heard(samples, code or self._language(samples, priors), longest))
        segments = [
            WhisperSegment(part["text"], part["avg_logprob"], part["compression_ratio"], part["no_speech_prob"])
            for part in heard["segments"]
        ]
        return segments, heard["language"]

    def _language(self, samples: NDArray[np.float32], priors: Mapping[str, float]) -> str:
        import mlx.core as mx  # noqa: PLC0415 - heavy
        from mlx_whisper import audio  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy

        if not self._model.is_multilingual:
            return "en"
        spectrogram = audio.log_mel_spectrogram(samples, n_mels=self._model.dims.n_mels, padding=audio.N_SAMPLES)
        window = audio.pad_or_trim(spectrogram, audio.N_FRAMES, axis=-2).astype(mx.float16 if self._half else mx.float32)
        _, probabilities = self._model.detect_language(window)
        return likeliest(probabilities, priors)

    def _heard(self, samples: NDArray[np.float32], code: str, longest: int | None) -> dict[str, Any]:
        import mlx_whisper  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy
        from mlx_whisper.transcribe import ModelHolder  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - heavy

        # The library keeps one model by its path; ours is lent to it for the time of a call, or it would never be freed.
        ModelHolder.model, ModelHolder.model_path = self._model, self._name
        try:
            heard: dict[str, Any] = mlx_whisper.transcribe(
                samples,
                path_or_hf_repo=self._name,
                language=code,
                fp16=self._half,
                logprob_threshold=LEAST_LOGPROB,
                sample_len=longest,
                **decoding_of(samples),
            )
        finally:
            ModelHolder.model = ModelHolder.model_path = None
        return heard


def _lacking(model: Any, folder: Path) -> list[str]:
    """The names of the model's tensors that its weights file does not hold; which heads align words is of no account here."""
    import mlx.core as mx  # noqa: PLC0415 - heavy
    from mlx.utils import tree_flatten  # noqa: PLC0415 - heavy

    file = folder / "weights.safetensors"
    names = set(mx.load(str(file))) if file.exists() else set(np.load(folder / "weights.npz").files)
    tensors: Any = tree_flatten(model.parameters())
    return [name for name, _ in tensors if name not in names | {"alignment_heads"}]
