"""Speech-to-text engine: Whisper on MLX (mlx-whisper), in about a hundred languages on Apple's GPUs.

A recording in which nothing rises above its own background never reaches it. That is a gate on loudness, not a detector of voices: it lets
a door or music pass, and Whisper's own tests of a good decoding then have to judge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import MissingDependency, SpeechToTextError
from engines.runtimes.mlx_thread import compute
from engines.stt._whisper import LEAST_LOGPROB, RATE, LocalWhisper, WhisperSegment, decoding_of, opening_whisper
from engines.types import EngineInfo
from engines.weights import hub

_SIZES = {
    "tiny": "mlx-community/whisper-tiny-mlx",
    "base": "mlx-community/whisper-base-mlx",
    "small": "mlx-community/whisper-small-mlx",
    "medium": "mlx-community/whisper-medium-mlx",
    "large-v2": "mlx-community/whisper-large-v2-mlx",
    "large-v3": "mlx-community/whisper-large-v3-mlx",
    "large-v3-turbo": "mlx-community/whisper-large-v3-turbo",
}
"""The hub's names of the usual sizes, which follow no rule."""

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


_FRAME = RATE * 30 // 1000
_PRE_EMPHASIS = 0.97
"""How much of a sample is taken from the next one: it takes the rumble of cars and fans away, which rises and falls by itself."""
_FLOOR_PERCENTILE, _LOWEST_FLOOR_DB = 10, -80.0
"""The background is what the quietest tenth of the frames stay below; silence of nothing but zeros counts as this quiet."""
_RISE_DB = 3.0
"""How far a voice rises above the background, even in white noise that is nearly as loud; steady noise itself stays within 2.5 dB."""
_LEAST_FRAMES = 5
"""150 ms of voice in all: a click is shorter, the shortest word is not."""


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

    def speech_in(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """All of it, or nothing."""
        return samples if _rises(samples) else samples[:0]

    def decode(self, samples: NDArray[np.float32], code: str | None, longest: int | None = None) -> tuple[Iterable[WhisperSegment], str]:
        """See `LocalWhisper.decode`."""
        heard = compute(lambda: self._heard(samples, code, longest))
        segments = [
            WhisperSegment(part["text"], part["avg_logprob"], part["compression_ratio"], part["no_speech_prob"])
            for part in heard["segments"]
        ]
        return segments, heard["language"]

    def _heard(self, samples: NDArray[np.float32], code: str | None, longest: int | None) -> dict[str, Any]:
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


def _rises(samples: NDArray[np.float32]) -> bool:
    """Whether something rises above the background for as long as a short word lasts."""
    emphasised = np.append(samples[:1], samples[1:] - _PRE_EMPHASIS * samples[:-1])
    frames = emphasised[: len(emphasised) // _FRAME * _FRAME].reshape(-1, _FRAME)
    level = 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + 1e-12)
    floor = max(float(np.percentile(level, _FLOOR_PERCENTILE)), _LOWEST_FLOOR_DB)
    return int((level > floor + _RISE_DB).sum()) >= _LEAST_FRAMES


def _lacking(model: Any, folder: Path) -> list[str]:
    """The names of the model's tensors that its weights file does not hold; which heads align words is of no account here."""
    import mlx.core as mx  # noqa: PLC0415 - heavy
    from mlx.utils import tree_flatten  # noqa: PLC0415 - heavy

    file = folder / "weights.safetensors"
    names = set(mx.load(str(file))) if file.exists() else set(np.load(folder / "weights.npz").files)
    tensors: Any = tree_flatten(model.parameters())
    return [name for name, _ in tensors if name not in names | {"alignment_heads"}]
