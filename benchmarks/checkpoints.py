"""Models that the benchmarks measure: random numbers in the genuine formats, since the published weights cannot be fetched everywhere."""

from __future__ import annotations

import json
import math
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
from test_tts_kokoro import save_checkpoint as save_small_kokoro

__all__ = ["Calls", "save_kokoro", "save_language_model", "save_small_kokoro"]

PUBLISHED = {
    "n_layer": 3,
    "plbert": {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 2048, "num_hidden_layers": 12},
    "istftnet": {"resblock_kernel_sizes": [3, 7, 11], "resblock_dilation_sizes": [[1, 3, 5]] * 3},
}
"""The sizes of Kokoro-82M that the tests' model makes small."""
FRAMES_A_PHONEME = 2.5
"""How long the random model speaks: 62 ms a phoneme, as people do."""


def save_kokoro(folder: Path) -> int:
    """Write a Kokoro-82M of random weights and the tests' voices to a new folder; the number of its parameters."""
    import torch
    from kokoro import KModel

    save_small_kokoro(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for name, value in PUBLISHED.items():
        config[name] = {**config[name], **value} if isinstance(value, dict) else value
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    torch.manual_seed(0)
    torch.save({}, folder / "kokoro-v1_0.pth")
    model = KModel(repo_id="hexgrad/Kokoro-82M", config=str(folder / "config.json"), model=str(folder / "kokoro-v1_0.pth"))
    share = FRAMES_A_PHONEME / config["max_dur"]
    with torch.no_grad():
        model.predictor.duration_proj.linear_layer.bias.fill_(math.log(share / (1 - share)))
    parts = ("bert", "bert_encoder", "predictor", "text_encoder", "decoder")
    torch.save({part: getattr(model, part).state_dict() for part in parts}, folder / "kokoro-v1_0.pth")
    return sum(parameter.numel() for parameter in model.parameters())


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
