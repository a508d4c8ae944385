"""What this machine has: memory, and the accelerators that torch can compute on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psutil

_FULL = (
    "out of memory",
    "out_of_memory",
    "insufficient memory",
    "can't allocate memory",
    "unable to allocate",
    "bad_alloc",
    "[metal::malloc]",
)
"""How CUDA, MPS, Metal, MLX, torch on a processor and C++ put it, in this order and others: only torch has a class of error for it."""


def memory_gb(device: str = "cpu") -> float:
    """GB (2^30 bytes) of memory that models on `device` share: a CUDA card's own, else the machine's (one and the same on a Mac)."""
    if device == "cuda":
        import torch  # noqa: PLC0415 - heavy

        return float(torch.cuda.get_device_properties(0).total_memory) / 2**30
    return float(psutil.virtual_memory().total) / 2**30


def torch_device(wanted: str, able: Sequence[str] = ("cuda", "mps")) -> str:
    """Where torch shall compute: what is `wanted`; for ``auto``, the first of `able` that is here, else ``cpu``."""
    if wanted != "auto":
        return wanted
    import torch  # noqa: PLC0415 - heavy

    here: dict[str, Callable[[], bool]] = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    return next((name for name in able if here[name]()), "cpu")


def is_out_of_memory(error: Exception) -> bool:
    """Whether that is how torch, MLX or Python say that memory is used up."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(words in said for words in _FULL)
