"""The language model that suits a machine: one table, by memory.

Small models of instruction-following families that answer without thinking aloud, or can be told not to. In a conversation the first words
have to come within two seconds: on a Mac, a model of 4 B parameters does that in 4 bits; in 16 bits it takes ten times as long
(huggingface/speech-to-speech, issue 516). On a processor, torch is quick enough for the smallest only, however much memory there is.
"""

from __future__ import annotations

from typing import Literal

Runtime = Literal["mlx", "cuda", "mps", "cpu", "gguf"]
"""What computes: MLX on Apple Silicon, torch on one of three devices, or llama.cpp."""

_LARGE, _MIDDLE, _SMALL = 24, 12, 0
_TABLE: dict[Runtime, dict[int, str]] = {
    "mlx": {
        _LARGE: "mlx-community/gpt-oss-20b-MXFP4-Q8",
        _MIDDLE: "mlx-community/Qwen3-4B-Instruct-2507-4bit",
        _SMALL: "mlx-community/Qwen3-1.7B-4bit",
    },
    "cuda": {_LARGE: "openai/gpt-oss-20b", _MIDDLE: "Qwen/Qwen3-4B-Instruct-2507", _SMALL: "Qwen/Qwen3-1.7B"},
    "mps": {_MIDDLE: "Qwen/Qwen3-1.7B", _SMALL: "Qwen/Qwen3-0.6B"},
    "cpu": {_SMALL: "Qwen/Qwen3-0.6B"},
    "gguf": {
        _LARGE: "ggml-org/gpt-oss-20b-GGUF",
        _MIDDLE: "unsloth/Qwen3-4B-Instruct-2507-GGUF",
        _SMALL: "unsloth/Qwen3-1.7B-GGUF",
    },
}
"""What computes → from how many GB of memory on → the hub's name of the model, the largest first."""

_KEPT_BACK_GB = 1.0
"""A machine sold with 24 GB reports a little less: firmware and graphics keep some."""


def language_model(runtime: Runtime, memory_gb: float) -> str:
    """The model of the hub that suits `memory_gb` GB of memory (of the card for ``cuda``, else of the machine)."""
    return next(model for least, model in _TABLE[runtime].items() if memory_gb + _KEPT_BACK_GB >= least)


def suggestions(runtime: Runtime) -> tuple[str, ...]:
    """Every model of the table for what computes, the largest first."""
    return tuple(_TABLE[runtime].values())
