"""A chat model on Transformers: any causal language model of the hub or of a folder, on a processor, CUDA or Apple's MPS.

One token is one step. What a conversation has fed to the model stays in a cache, so that the next turn feeds only what is new.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engines import hub
from engines.device import FairLock, exclusive
from engines.errors import ChatModelError, MissingDependency
from engines.machine import memory_gb, torch_device
from engines.models import Runtime, language_model, suggestions
from engines.text.memories import Memories, Memory
from engines.text.prompts import CHANNELS, NO_THINKING, Part, Prompter, failure, is_out_of_memory, room_for_reply
from engines.types import ChatMessage, EngineInfo, Persona, TextDelta

_RUNTIMES: tuple[Runtime, ...] = ("cuda", "mps", "cpu")
"""Where torch computes, the fastest first."""

INFO = EngineInfo(
    name="transformers",
    stage="llm",
    title="Transformers",
    summary="A language model on this machine, as large as its graphics card or memory allows, after one download (1.5 GB on a processor).",
    requires=("transformers", "torch"),
    install='pip install "transformers>=5.0,<6" "torch>=2.6,<3"',
    models=tuple(dict.fromkeys(model for runtime in _RUNTIMES for model in suggestions(runtime))),
    preference=10,
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which model, and how it writes."""

    model: str = ""
    """A hub id or a local folder; empty is what suits the device and its memory."""
    dtype: str = "auto"
    """``float32``, ``bfloat16``, ``float16``; ``auto`` is what the model was saved in."""
    max_new_tokens: int = 220
    """Of one reply: about a minute and a half of speech."""
    temperature: float = 0.7
    """0 always takes the likeliest token."""
    top_p: float = 0.9
    """The likeliest tokens whose probabilities add up to this are drawn from."""
    repetition_penalty: float = 1.05
    """Above 1, what was said before becomes less likely."""
    conversations: int = 4
    """How many caches are kept; the one unused for longest makes room."""


_PREFILL_TOKENS = 512
"""Read in one step: a prompt of any length can be left between two of them, and others take their turn."""


def model_of(options: Options, device: str) -> hub.Model:
    """The files of the model; which it is may depend on `device`."""
    name = options.model
    if not name:
        on = torch_device(device)
        name = language_model(next(runtime for runtime in _RUNTIMES if runtime == on), memory_gb(on))
    return hub.Model(
        name=name,
        what="The language model",
        failure=ChatModelError,
        files=("*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"),
        required=("config.json", "*.safetensors", "tokenizer.json|*.model|vocab.*"),
        ignored=("original/*", "metal/*", "onnx/*", "consolidated*"),
    )


def load(options: Options, device: str) -> Transformers:
    """Fetch the model if it is not here yet and open it; weights are read from safetensors alone, and no code of a model's is ever run.

    Raises:
        MissingDependency: transformers or torch is not installed.
        ChatModelError: code ``missing_files``, ``out_of_memory``, ``load_failed``, or one of `hub.fetch`'s.
    """
    try:
        import torch  # noqa: PLC0415 - heavy
        import transformers  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    files, on = model_of(options, device), torch_device(device)
    folder = hub.fetch(files)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        opener: Any = transformers.AutoModelForCausalLM
        model, report = opener.from_pretrained(folder, dtype=options.dtype, use_safetensors=True, output_loading_info=True)
        model = model.to(on).eval().requires_grad_(False)
    except Exception as error:
        if is_out_of_memory(error):
            raise failure(error) from error
        why = " ".join(str(error).split())[:200].rstrip(".")
        message = f"The model {files.name!r} cannot be opened on {on}: {why}. Fetch it again, or choose another."
        raise ChatModelError(message, code="load_failed") from error
    if report["missing_keys"]:  # the library would fill them with random numbers
        lacks = f"The files of the model {files.name!r} lack {len(report['missing_keys'])} of its tensors."
        raise ChatModelError(f"{lacks} Fetch it again, or choose another.", code="missing_files")
    return Transformers(model, tokenizer, options, files.name, torch.device(on))


class Transformers:
    """A `ChatModel`. Any number of conversations may run at once; their steps take turns."""

    def __init__(self, model: Any, tokenizer: Any, options: Options, name: str, device: Any) -> None:
        self._model, self._tokenizer, self._options, self._device = model, tokenizer, options, device
        self._turns = exclusive(device.type) if device.type != "cpu" else FairLock()
        self._forgetful = not _can_always_be_cut(self._new_cache())
        """Whether its caches cannot be cut once they are long: they keep a window of the last tokens only, or a sum of all."""
        self._memories: Memories[Any] = Memories(options.conversations, _can_be_cut, lambda cache, surplus: cache.crop(-surplus))
        self._limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        ends = model.generation_config.eos_token_id
        self._ends = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        self._prompter = Prompter(
            name,
            self._rendered if tokenizer.chat_template else None,
            lambda text, beginning: list(tokenizer(text, add_special_tokens=beginning).input_ids),
            (str(token) for token in tokenizer.added_tokens_decoder.values() if token.special),
        )

    def stream(self, messages: Sequence[ChatMessage], persona: Persona) -> Iterator[TextDelta]:  # noqa: ARG002 - the system prompt has it
        """Answer the last message, a token a step; steps that only read or think give an empty delta.

        Raises:
            ChatModelError: code ``too_long`` (more than the model can read), ``template``, ``bad_numbers``, ``out_of_memory``, ``failed``.
        """
        prompt = self._prompter.prompt(messages)
        room = room_for_reply(len(prompt.tokens), self._limit, self._options.max_new_tokens)
        lasting = self._prompter.lasting(messages, prompt) if self._forgetful else 0
        try:
            for text in self._prompter.reply(self._texts(prompt.tokens, lasting, room), thinking=prompt.thinking):
                yield TextDelta(text)
        except ChatModelError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                self._memories.forget()
            raise failure(error) from error

    def _texts(self, prompt: list[int], lasting: int, room: int) -> Iterator[str]:
        """The reply as whole words; first, an empty text for every step of reading."""
        words = _words(self._tokenizer)
        for token in self._tokens(prompt, lasting, room):
            if token is not None:
                words.put(token)
            yield words.taken()
        words.end()
        yield words.taken()

    def _tokens(self, prompt: list[int], lasting: int, room: int) -> Iterator[Any]:
        """Each token of the reply, as a tensor of shape (1,); first, None for every step of reading the prompt.

        Of a model whose caches cannot be cut, what is kept is a copy from where `lasting` tokens were read: all of it will begin the next
        prompt as well.
        """
        import torch  # noqa: PLC0415 - heavy

        memory = self._memories.recall(prompt) or Memory([], self._new_cache())
        kept = None if self._forgetful else memory
        history = torch.tensor([prompt], device=self._device)
        choose = self._chooser()
        try:
            while True:
                read = len(memory.tokens)
                if read == lasting and kept is None:
                    with self._turns:
                        kept = copy.deepcopy(memory)
                end = min(read + _PREFILL_TOKENS, lasting if read < lasting else len(prompt))
                if end == len(prompt):
                    break
                self._read(memory, history[:, read:end])
                yield None
            for _ in range(room):
                logits = self._read(memory, history[:, len(memory.tokens) :])
                if torch.isnan(logits).any():
                    message = "The language model computed what is no number. Choose another dtype, or another model."
                    raise ChatModelError(message, code="bad_numbers")
                with self._turns:
                    token = choose(history, logits)
                    history = torch.cat([history, token[None]], dim=1)
                if int(token) in self._ends:
                    break
                yield token.cpu()
        except GeneratorExit:
            self._keep(memory, kept)
            raise
        self._keep(memory, kept)  # not after an error: the step that failed may have left it half written

    def _keep(self, memory: Memory[Any], kept: Memory[Any] | None) -> None:
        self._memories.remember(memory if kept is None or _can_be_cut(memory.cache) else kept)

    def _new_cache(self) -> Any:
        import transformers  # noqa: PLC0415 - heavy

        return transformers.DynamicCache(config=self._model.config)

    def _read(self, memory: Memory[Any], tokens: Any) -> Any:
        """One step: feed tokens, of shape (1, n), to the model; the scores of the next one, float32 of shape (1, vocabulary)."""
        with self._turns:
            out = self._model(input_ids=tokens, past_key_values=memory.cache, use_cache=True, logits_to_keep=1)
        memory.tokens += tokens[0].tolist()
        return out.logits[:, -1].float()

    def _chooser(self) -> Any:
        """(tokens so far, scores) → the next token, of shape (1,)."""
        import torch  # noqa: PLC0415 - heavy
        import transformers  # noqa: PLC0415 - heavy

        options = self._options
        process = transformers.LogitsProcessorList()
        if options.repetition_penalty != 1:
            process.append(transformers.RepetitionPenaltyLogitsProcessor(options.repetition_penalty))
        if options.temperature <= 0:
            return lambda tokens, scores: process(tokens, scores).argmax(-1)
        process.append(transformers.TemperatureLogitsWarper(options.temperature))
        if options.top_p < 1:
            process.append(transformers.TopPLogitsWarper(options.top_p))
        return lambda tokens, scores: torch.multinomial(process(tokens, scores).softmax(-1), 1)[0]

    def _rendered(self, parts: list[Part]) -> str:
        return str(self._tokenizer.apply_chat_template(parts, tokenize=False, add_generation_prompt=True, **NO_THINKING))


def _can_always_be_cut(cache: Any) -> bool:
    """Whether each layer keeps every token: neither a window of the last ones nor a sum of all."""
    return not any(cache.is_sliding) and not any(getattr(cache, "is_linear", ()))


def _can_be_cut(cache: Any) -> bool:
    """Whether nothing has left a window yet."""
    if any(getattr(cache, "is_linear", ())):
        return False
    return all(layer.get_seq_length() < layer.sliding_window for layer in cache.layers if layer.is_sliding)


def _words(tokenizer: Any) -> Any:
    """Turns tokens into text as soon as whole words are known. The marks of gpt-oss's channels stay in, for the filter of thoughts."""
    import transformers  # noqa: PLC0415 - heavy

    class Words(transformers.TextStreamer):  # type: ignore[misc]  # the library is not read by mypy
        text = ""

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:  # noqa: ARG002 - the base class's signature
            self.text += text

        def taken(self) -> str:
            text, self.text = self.text, ""
            return text

    return Words(tokenizer, skip_special_tokens=CHANNELS not in tokenizer.get_vocab())
