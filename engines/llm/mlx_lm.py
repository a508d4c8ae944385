"""Chat model on MLX (mlx-lm): language models in 4 bits on Apple's GPUs.

Everything that is computed is computed inside a step: the library's own loop would begin the next token while the voice needs the GPU.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.errors import ChatModelError, MissingDependency
from engines.llm._chat_template import CHANNEL_MARKER, NO_REASONING, ChatTemplate, Part
from engines.llm._local_chat import GenerationOptions, LocalChatModel, opening_model
from engines.llm._prefix_cache import PrefixCache
from engines.runtimes.mlx_thread import compute, steps
from engines.types import EngineInfo
from engines.weights import hub
from engines.weights.hardware import memory_gb
from engines.weights.recommended import language_model, suggestions

INFO = EngineInfo(
    name="mlx_lm",
    stage="llm",
    title="MLX language model",
    summary="A language model on this Mac's GPU, as large as its memory allows, after one download (1 to 12 GB).",
    requires=("mlx_lm",),
    install='pip install "mlx-lm>=0.32,<0.33"',
    platforms=("darwin-arm64",),
    models=suggestions("mlx"),
    preference=20,
)


@dataclass(frozen=True, slots=True)
class Options(GenerationOptions):
    """Which model, and how it writes."""

    model: str = ""
    """A hub id of a model in MLX's format, or a local folder; empty is what suits this machine's memory."""


_PENALISED_TOKENS = 64
"""How far back `repetition_penalty` looks."""

_Cache = list[Any]
"""Of each layer, what mlx-lm keeps of the tokens it has read."""


def files(options: Options, device: str) -> hub.Model:  # noqa: ARG001 - MLX computes in one place only
    """The files of the model."""
    return hub.Model(
        name=_model_name(options),
        what="The language model",
        failure=ChatModelError,
        files=("*.json", "model*.safetensors", "*.model", "*.jinja", "*.txt"),
        required=("config.json", "model*.safetensors", "tokenizer.json|tokenizer.model|vocab.json"),
    )


def load(options: Options, device: str, folder: Path) -> MlxLm:  # noqa: ARG001 - MLX computes in one place only
    """Open the model and let it write a word; no code of a model's is ever run.

    MLX computes on Apple's GPU, whatever `device` says.

    Raises:
        MissingDependency: mlx-lm is not installed.
        ChatModelError: code ``out_of_memory``, ``load_failed`` or ``bad_numbers``.
    """
    try:
        import mlx.core  # noqa: F401, PLC0415 - heavy; what computes can be missing by itself
        import mlx_lm  # noqa: PLC0415 - heavy
        from mlx_lm.utils import maybe_set_recommended_wired_limit  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    name = _model_name(options)

    def open_model() -> MlxLm:
        opened: Any = mlx_lm.load(str(folder), tokenizer_config={"trust_remote_code": False}, return_config=True)
        model, tokenizer, config = opened
        maybe_set_recommended_wired_limit()  # or macOS pages the weights out between two turns
        return MlxLm(model, tokenizer, config, options, name)

    with opening_model(name, "by MLX"):
        loaded = compute(open_model)
        loaded.warm_up()
    return loaded


def _model_name(options: Options) -> str:
    return options.model or language_model("mlx", memory_gb())


class MlxLm(LocalChatModel[_Cache]):
    """A `ChatModel` whose steps take turns in MLX's thread."""

    def __init__(self, model: Any, tokenizer: Any, config: dict[str, Any], options: Options, name: str) -> None:
        from mlx_lm.models.cache import KVCache, can_trim_prompt_cache, trim_prompt_cache  # noqa: PLC0415 - heavy

        self._model, self._tokenizer, self._options = model, tokenizer, options
        special = {at: str(token) for at, token in tokenizer.added_tokens_decoder.items() if token.special}
        self._silent = frozenset() if CHANNEL_MARKER in special.values() else frozenset(special)
        """Tokens that are no text."""
        super().__init__(
            options,
            ChatTemplate(
                name,
                self._rendered if tokenizer.has_chat_template else None,
                lambda text, beginning: list(tokenizer.encode(text, add_special_tokens=beginning)),
            ),
            context_tokens=config.get("max_position_embeddings") or config.get("text_config", {}).get("max_position_embeddings"),
            step_lock=nullcontext(),
            always_trimmable=all(isinstance(layer, KVCache) for layer in self.new_cache()),
            can_trim=can_trim_prompt_cache,
            trim=trim_prompt_cache,
        )

    def new_cache(self) -> _Cache:
        """See `LocalChatModel.new_cache`."""
        from mlx_lm.models.cache import make_prompt_cache  # noqa: PLC0415 - heavy

        return list(make_prompt_cache(self._model))

    def evaluate(self, prefix: PrefixCache[_Cache], tokens: list[int]) -> Any:
        """The logits of the next token, of shape (1, vocabulary), computed once they are looked at."""
        import mlx.core as mx  # noqa: PLC0415 - heavy

        logits = self._model(mx.array([tokens]), cache=prefix.cache)[:, -1]
        mx.eval([layer.state for layer in prefix.cache])
        if len(tokens) > 1:
            mx.clear_cache()  # the buffers of a long step do not fit a short one
        return logits

    def sampler(self, prompt: list[int]) -> AbstractContextManager[Callable[[Any], int]]:
        """See `LocalChatModel.sampler`."""
        import mlx.core as mx  # noqa: PLC0415 - heavy
        from mlx_lm.sample_utils import make_logits_processors, make_sampler  # noqa: PLC0415 - heavy

        options = self._options
        sample = make_sampler(temp=max(0.0, options.temperature), top_p=options.top_p)
        penalty = options.repetition_penalty if options.repetition_penalty != 1 else None
        processors = make_logits_processors(repetition_penalty=penalty, repetition_context_size=_PENALISED_TOKENS)
        said = deque(prompt, _PENALISED_TOKENS)

        def draw(logits: Any) -> int:
            logits = logits.astype(mx.float32)
            broken = mx.isnan(logits).any()
            for process in processors:
                logits = process(mx.array(list(said)), logits)
            token: Any = sample(logits - mx.logsumexp(logits, axis=-1, keepdims=True))
            mx.eval(token, broken)
            if broken.item():
                raise ChatModelError(
                    "The language model computed what is no number. Choose another model.", code="bad_numbers", counts_against_engine=True
                )
            said.append(int(token.item()))
            return said[-1]

        return nullcontext(draw)

    def is_end(self, token: int) -> bool:
        """See `LocalChatModel.is_end`."""
        return token in self._tokenizer.eos_token_ids

    def detokenize(self, tokens: Generator[int | None, None, None]) -> Iterator[str]:
        """Whole words; the tokens are made in MLX's thread."""
        words = self._tokenizer.detokenizer
        for token in steps(tokens):
            if token is not None and token not in self._silent:
                words.add_token(token)
            yield words.last_segment
        words.finalize()
        yield words.last_segment

    def _rendered(self, parts: list[Part]) -> str:
        return str(self._tokenizer.apply_chat_template(parts, tokenize=False, add_generation_prompt=True, **NO_REASONING))
