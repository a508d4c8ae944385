"""Models that are offered, as of 2026-11-27: language models by memory (and cores, where they compute), and the sizes of Whisper.

Instruction-following families that answer without thinking aloud, or can be told not to; nothing below about 1 B parameters, which talks
nonsense in character. In a conversation the first words have to come within two seconds: on a Mac, a model of 4 B parameters does that in 4
bits; in 16 bits it takes ten times as long (huggingface/speech-to-speech, issue 516). On a processor, torch is quick enough for the
smallest only, however much memory there is.

Qwen3.5 (Apache-2.0, March 2026): https://huggingface.co/Qwen/Qwen3.5-4B; in 4 bits by mlx-community and unsloth (1.3 GB of 2 B, 2.7 GB of
4 B, 5.7 GB of 9 B). LFM3-1.7B (LFM Open License v1.0, October 2026): https://huggingface.co/LiquidAI/LFM3-1.7B; by Transformers alone, for
neither mlx-lm 0.32 nor the llama.cpp of xllamacpp 2026.10 reads it. gpt-oss-20b (Apache-2.0): https://huggingface.co/openai/gpt-oss-20b.
"""

from __future__ import annotations

from typing import Literal

import psutil

Runtime = Literal["mlx", "cuda", "mps", "cpu", "gguf"]
"""What computes: MLX on Apple Silicon, torch on one of three devices, or llama.cpp."""

_LARGE, _MIDDLE, _SMALL = 24, 12, 0
_TABLE: dict[Runtime, dict[int, str]] = {
    "mlx": {
        _LARGE: "mlx-community/gpt-oss-20b-MXFP4-Q8",
        _MIDDLE: "mlx-community/Qwen3.5-4B-MLX-4bit",
        _SMALL: "mlx-community/Qwen3.5-2B-MLX-4bit",
    },
    "cuda": {_LARGE: "openai/gpt-oss-20b", _MIDDLE: "Qwen/Qwen3.5-4B", _SMALL: "Qwen/Qwen3.5-2B"},
    "mps": {_SMALL: "Qwen/Qwen3.5-2B"},
    "cpu": {_SMALL: "Qwen/Qwen3.5-2B"},
    "gguf": {_LARGE: "ggml-org/gpt-oss-20b-GGUF", _MIDDLE: "unsloth/Qwen3.5-4B-GGUF", _SMALL: "unsloth/Qwen3.5-2B-GGUF"},
}
"""What computes → from how many GB of memory on → the hub's name of the model, the largest first."""
_ALSO: dict[Runtime, tuple[str, ...]] = {
    "mlx": ("mlx-community/Qwen3.5-9B-MLX-4bit",),
    "cuda": ("Qwen/Qwen3.5-9B", "LiquidAI/LFM3-1.7B"),
    "mps": ("LiquidAI/LFM3-1.7B",),
    "cpu": ("LiquidAI/LFM3-1.7B",),
    "gguf": ("unsloth/Qwen3.5-9B-GGUF",),
}
"""What else is offered to whoever chooses: cleverer and slower, or quicker under another licence."""

WHISPERS: dict[str, dict[str, str]] = {
    "ctranslate2": {size: f"Systran/faster-whisper-{size}" for size in "tiny tiny.en base base.en small small.en medium medium.en".split()}
    | {size: f"Systran/faster-whisper-{size}" for size in ("large-v2", "large-v3")}
    | {"large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo", "distil-large-v3": "Systran/faster-distil-whisper-large-v3"},
    "mlx": {size: f"mlx-community/whisper-{size}-mlx" for size in "tiny base small medium large-v2 large-v3".split()}
    | {"large-v3-turbo": "mlx-community/whisper-large-v3-turbo"},
}
"""What computes → size of Whisper → the hub's name of it, which follows no rule."""

_KEPT_BACK_GB = 1.0
"""A machine sold with 24 GB reports a little less: firmware and graphics keep some."""
_GB_PER_CORE = 3.0
"""What is worth having where the processor computes: two cores read some 30 tokens a second of a model of 2 B parameters, so that what more
memory could hold would keep people waiting."""


def language_model(runtime: Runtime, memory_gb: float, cores: int | None = None) -> str:
    """The model of the hub that suits a machine.

    Args:
        runtime: what computes.
        memory_gb: GB of memory, of the card for ``cuda``, else of the machine.
        cores: of the processor, which limits ``gguf``; None takes this machine's.
    """
    if runtime == "gguf":
        memory_gb = min(memory_gb, _GB_PER_CORE * (cores or psutil.cpu_count(logical=False) or 1))
    return next(model for least, model in _TABLE[runtime].items() if memory_gb + _KEPT_BACK_GB >= least)


def suggestions(runtime: Runtime) -> tuple[str, ...]:
    """Every model that is offered for what computes: those of the table first, the largest first."""
    return (*_TABLE[runtime].values(), *_ALSO[runtime])
