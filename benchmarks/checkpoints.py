"""Models that the benchmarks measure: random numbers in the genuine formats, since the published weights cannot be fetched everywhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from test_llm_transformers import make as save_small_language_model

__all__ = ["Calls", "save_language_model"]


def save_language_model(folder: Path, layers: int, width: int, longest: int) -> int:
    """Write a Qwen2 of random weights, larger than the tests', that Transformers and mlx-lm both open; the number of its parameters."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config.from_pretrained(save_small_language_model(folder, longest=longest))
    config.update(
        {"num_hidden_layers": layers, "hidden_size": width, "intermediate_size": 4 * width, "layer_types": ["full_attention"] * layers}
    )
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(config)
    model.save_pretrained(folder)
    return int(model.num_parameters())


@dataclass(frozen=True)
class Call:
    """One step of a model."""

    begun: float
    """By `time.perf_counter`, in seconds."""
    arguments: tuple[Any, ...]
    """The model itself is the first."""
    named: dict[str, Any]
    result: Any


@dataclass
class Calls(AbstractContextManager["Calls"]):
    """Everything that models of a class are asked and give while this is open, whoever calls their `method`."""

    of: type
    method: str = "forward"
    made: list[Call] = field(default_factory=list)

    def __enter__(self) -> Calls:
        self._original: Callable[..., Any] = getattr(self.of, self.method)

        def watched(*arguments: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            result = self._original(*arguments, **named)
            self.made.append(Call(begun, arguments, named, result))
            return result

        setattr(self.of, self.method, watched)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        setattr(self.of, self.method, self._original)
