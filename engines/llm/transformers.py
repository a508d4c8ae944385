"""Chat model on Transformers: any causal language model of the hub or of a folder, on a processor, CUDA or Apple's MPS."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.concurrency.locks import FairLock
from engines.errors import ChatModelError, MissingDependency
from engines.llm._chat_template import CHANNEL_MARKER, NO_REASONING, ChatTemplate, Part
from engines.llm._local_chat import GenerationOptions, LocalChatModel, opening_model
from engines.llm._prefix_cache import PrefixCache
from engines.types import EngineInfo
from engines.weights import hub
from engines.weights.hardware import memory_gb, torch_device
from engines.weights.recommended import Runtime, language_model, suggestions

_RUNTIMES: tuple[Runtime, ...] = ("cuda", "mps", "cpu")
"""Where torch computes, the fastest first."""

INFO = EngineInfo(
    name="transformers",
    stage="llm",
    title="Transformers",
    summary="A language model on this machine, as large as its graphics card or memory allows, after one download (4.5 GB on a processor).",
    requires=("transformers", "torch"),
    install='pip install "transformers>=5.0,<6" "torch>=2.6,<3"',
    models=tuple(dict.fromkeys(model for runtime in _RUNTIMES for model in suggestions(runtime))),
    preference=10,
)


@dataclass(frozen=True, slots=True)
class Options(GenerationOptions):
    """Which model, and how it writes."""

    model: str = ""
    """A hub id or a local folder; empty is what suits the device and its memory."""
    dtype: str = "auto"
    """``float32``, ``bfloat16``, ``float16``; ``auto`` is what the model was saved in."""


def files(options: Options, device: str) -> hub.Model:
    """The files of the model; which it is may depend on `device`."""
    return hub.Model(
        name=_model_name(options, device),
        what="The language model",
        failure=ChatModelError,
        files=("*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"),
        required=("config.json", "*.safetensors", "tokenizer.json|*.model|vocab.*"),
        ignored=("original/*", "metal/*", "onnx/*", "consolidated*"),
    )


def load(options: Options, device: str, folder: Path) -> Transformers:
    """Open the model and let it write a word; weights are read from safetensors alone, and no code of a
    model's is ever run.

    Raises:
        MissingDependency: transformers or torch is not installed.
        ChatModelError: code ``missing_files``, ``out_of_memory``, ``load_failed`` or ``bad_numbers``.
    """
    try:
        import torch  # noqa: PLC0415 - heavy
        import transformers  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    name, on = _model_name(options, device), torch_device(device)
    with opening_model(name, f"on {on}"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        opener: Any = transformers.AutoModelForCausalLM
        model, report = opener.from_pretrained(folder, dtype=options.dtype, use_safetensors=True, output_loading_info=True)
        model = model.to(on).eval().requires_grad_(False)
        if report["missing_keys"]:  # the library would fill them with random numbers
            lacks = f"The files of the model {name!r} lack {len(report['missing_keys'])} of its tensors."
            raise ChatModelError(f"{lacks} Fetch it again, or choose another.", code="missing_files")
        loaded = Transformers(model, tokenizer, options, name, torch.device(on))
        loaded.warm_up()
    return loaded


def _model_name(options: Options, device: str) -> str:
    if options.model:
        return options.model
    on = torch_device(device)
    return language_model(next(runtime for runtime in _RUNTIMES if runtime == on), memory_gb(on))


class Transformers(LocalChatModel[Any]):
    """A `ChatModel` whose caches are the library's own."""

    def __init__(self, model: Any, tokenizer: Any, options: Options, name: str, device: Any) -> None:
        self._model, self._tokenizer, self._options, self._device = model, tokenizer, options, device
        ends = model.generation_config.eos_token_id
        self._last = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        super().__init__(
            options,
            ChatTemplate(
                name,
                self._rendered if tokenizer.chat_template else None,
                lambda text, beginning: list(tokenizer(text, add_special_tokens=beginning).input_ids),
            ),
            context_tokens=getattr(model.config.get_text_config(), "max_position_embeddings", None),
            step_lock=FairLock(),
            always_trimmable=_always_trimmable(self.new_cache()),
            can_trim=_can_trim,
            trim=lambda cache, surplus: cache.crop(-surplus),
        )

    def new_cache(self) -> Any:
        """See `LocalChatModel.new_cache`."""
        import transformers  # noqa: PLC0415 - heavy

        return transformers.DynamicCache(config=self._model.config)

    def evaluate(self, prefix: PrefixCache[Any], tokens: list[int]) -> Any:
        """The logits of the next token: float32 of shape (1, vocabulary)."""
        import torch  # noqa: PLC0415 - heavy

        fed = torch.tensor([tokens], device=self._device)
        return self._model(input_ids=fed, past_key_values=prefix.cache, use_cache=True, logits_to_keep=1).logits[:, -1].float()

    def sampler(self, prompt: list[int]) -> AbstractContextManager[Callable[[Any], int]]:
        """See `LocalChatModel.sampler`."""
        import torch  # noqa: PLC0415 - heavy
        import transformers  # noqa: PLC0415 - heavy

        options = self._options
        process = transformers.LogitsProcessorList()
        if options.repetition_penalty != 1:
            process.append(transformers.RepetitionPenaltyLogitsProcessor(options.repetition_penalty))
        if options.temperature > 0:
            process.append(transformers.TemperatureLogitsWarper(options.temperature))
        if options.temperature > 0 and options.top_p < 1:
            process.append(transformers.TopPLogitsWarper(options.top_p))
        history = torch.tensor([prompt], device=self._device)

        def draw(logits: Any) -> int:
            nonlocal history
            if torch.isnan(logits).any():
                message = "The language model computed what is no number. Choose another dtype, or another model."
                raise ChatModelError(message, code="bad_numbers", counts_against_engine=True)
            likely = process(history, logits)
            token = torch.multinomial(likely.softmax(-1), 1)[0] if options.temperature > 0 else likely.argmax(-1)
            history = torch.cat([history, token[None]], dim=1)
            return int(token)

        return nullcontext(draw)

    def is_end(self, token: int) -> bool:
        """See `LocalChatModel.is_end`."""
        return token in self._last

    def detokenize(self, tokens: Generator[int | None, None, None]) -> Iterator[str]:
        """Whole words."""
        import torch  # noqa: PLC0415 - heavy

        words = _words(self._tokenizer)
        for token in tokens:
            if token is not None:
                words.put(torch.tensor([token]))
            yield words.taken()
        words.end()
        yield words.taken()

    def _rendered(self, parts: list[Part]) -> str:
        return str(self._tokenizer.apply_chat_template(parts, tokenize=False, add_generation_prompt=True, **NO_REASONING))


def _always_trimmable(cache: Any) -> bool:
    """Whether each layer keeps every token: neither a window of the last ones nor a sum of all."""
    return not any(cache.is_sliding) and not any(getattr(cache, "is_linear", ()))


def _can_trim(cache: Any) -> bool:
    """Whether nothing has left a window yet."""
    if any(getattr(cache, "is_linear", ())):
        return False
    return all(layer.get_seq_length() < layer.sliding_window for layer in cache.layers if layer.is_sliding)


def _words(tokenizer: Any) -> Any:
    """Turns tokens into text as soon as whole words are known. The marks of gpt-oss's channels stay in, for the reasoning filter."""
    import transformers  # noqa: PLC0415 - heavy

    class Words(transformers.TextStreamer):  # type: ignore[misc]  # the library is not read by mypy
        text = ""

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:  # noqa: ARG002 - the base class's signature
            self.text += text

        def taken(self) -> str:
            text, self.text = self.text, ""
            return text

    return Words(tokenizer, skip_special_tokens=CHANNEL_MARKER not in tokenizer.get_vocab())
