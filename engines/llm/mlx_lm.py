"""A chat model on MLX (mlx-lm): language models in 4 bits on Apple's GPUs.

One token is one step, and everything that is computed is computed inside a step, while the turn holds the lock of the accelerator: the
library's own loop would begin the next token while the voice has the GPU. What a conversation has fed to the model stays in a cache, so
that the next turn feeds only what is new.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engines import hub
from engines.errors import ChatModelError, MissingDependency
from engines.machine import memory_gb
from engines.mlx_thread import compute, steps
from engines.models import language_model, suggestions
from engines.text.memories import Memories, Memory
from engines.text.prompts import CHANNELS, NO_THINKING, Part, Prompter, failure, is_out_of_memory, room_for_reply
from engines.types import ChatMessage, EngineInfo, Persona, TextDelta

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
    accelerator="mlx",
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which model, and how it writes."""

    model: str = ""
    """A hub id of a model in MLX's format, or a local folder; empty is what suits this machine's memory."""
    max_new_tokens: int = 220
    """Of one reply: about a minute and a half of speech."""
    temperature: float = 0.7
    """0 always takes the likeliest token."""
    top_p: float = 0.9
    """The likeliest tokens whose probabilities add up to this are drawn from."""
    repetition_penalty: float = 1.05
    """Above 1, what was said just before becomes less likely."""
    conversations: int = 4
    """How many caches are kept; the one unused for longest makes room."""


_PREFILL_TOKENS = 512
"""Read in one step: a prompt of any length can be left between two of them, and others take their turn."""
_PENALISED_TOKENS = 64
"""How far back `repetition_penalty` looks."""

_Cache = list[Any]
"""Of each layer, what mlx-lm keeps of the tokens it has read."""


def model_of(options: Options, device: str) -> hub.Model:  # noqa: ARG001 - MLX computes in one place only
    """The files of the model."""
    return hub.Model(
        name=options.model or language_model("mlx", memory_gb()),
        what="The language model",
        failure=ChatModelError,
        files=("*.json", "model*.safetensors", "*.model", "*.jinja", "*.txt"),
        required=("config.json", "model*.safetensors", "tokenizer.json|tokenizer.model|vocab.json"),
    )


def load(options: Options, device: str) -> MlxLm:
    """Fetch the model if it is not here yet, open it and let it write a word; no code of a model's is ever run.

    MLX computes on Apple's GPU, whatever `device` says. The caller holds the lock of the accelerator, as for every step.

    Raises:
        MissingDependency: mlx-lm is not installed.
        ChatModelError: code ``out_of_memory``, ``load_failed``, or one of `hub.fetch`'s.
    """
    try:
        import mlx.core  # noqa: F401, PLC0415 - heavy; what computes can be missing by itself
        import mlx_lm  # noqa: PLC0415 - heavy
        from mlx_lm.utils import maybe_set_recommended_wired_limit  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    files = model_of(options, device)
    folder = hub.fetch(files)

    def open_model() -> MlxLm:
        opened: Any = mlx_lm.load(str(folder), tokenizer_config={"trust_remote_code": False}, return_config=True)
        model, tokenizer, config = opened
        maybe_set_recommended_wired_limit()  # or macOS pages the weights out between two turns
        return MlxLm(model, tokenizer, config, options, files.name)

    try:
        mind = compute(open_model)
        mind.warm_up()
    except Exception as error:
        if is_out_of_memory(error):
            raise failure(error) from error
        why = " ".join(str(error).split())[:200].rstrip(".")
        message = f"The model {files.name!r} cannot be opened by MLX: {why}. Fetch it again, or choose another."
        raise ChatModelError(message, code="load_failed") from error
    return mind


class MlxLm:
    """A `ChatModel`. Any number of conversations may run at once; their steps take turns."""

    def __init__(self, model: Any, tokenizer: Any, config: dict[str, Any], options: Options, name: str) -> None:
        from mlx_lm.models.cache import KVCache, can_trim_prompt_cache, make_prompt_cache, trim_prompt_cache  # noqa: PLC0415 - heavy

        self._model, self._tokenizer, self._options = model, tokenizer, options
        self._new_cache: Callable[[], _Cache] = lambda: make_prompt_cache(model)
        self._can_cut: Callable[[_Cache], bool] = can_trim_prompt_cache
        self._forgetful = not all(isinstance(layer, KVCache) for layer in self._new_cache())
        """Whether its caches cannot be cut once they are long: they keep a window of the last tokens only, or a sum of all."""
        self._memories: Memories[_Cache] = Memories(options.conversations, can_trim_prompt_cache, trim_prompt_cache)
        self._limit = config.get("max_position_embeddings") or config.get("text_config", {}).get("max_position_embeddings")
        special = {at: str(token) for at, token in tokenizer.added_tokens_decoder.items() if token.special}
        self._silent = frozenset() if CHANNELS in special.values() else frozenset(special)
        """Tokens that are no text."""
        self._prompter = Prompter(
            name,
            self._rendered if tokenizer.has_chat_template else None,
            lambda text, beginning: list(tokenizer.encode(text, add_special_tokens=beginning)),
            special.values(),
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

    def warm_up(self) -> None:
        """Go once through everything a turn needs."""
        for _ in self._texts(self._tokenizer.encode("Hello."), 0, 1):
            pass
        self._memories.forget()

    def _texts(self, prompt: list[int], lasting: int, room: int) -> Iterator[str]:
        """The reply as whole words; first, an empty text for every step of reading."""
        words = self._tokenizer.detokenizer
        for token in steps(self._tokens(prompt, lasting, room)):
            if token is not None and token not in self._silent:
                words.add_token(token)
            yield words.last_segment
        words.finalize()
        yield words.last_segment

    def _tokens(self, prompt: list[int], lasting: int, room: int) -> Generator[int | None, None, None]:
        """Each token of the reply; first, None for every step of reading the prompt.

        Of a model whose caches cannot be cut, what is kept is a copy from where `lasting` tokens were read: all of it will begin the next
        prompt as well.
        """
        memory = self._memories.recall(prompt) or Memory([], self._new_cache())
        kept = memory if not self._forgetful else None
        choose = self._chooser()
        try:
            while True:
                read = len(memory.tokens)
                if read == lasting and kept is None:
                    kept = copy.deepcopy(memory)  # MLX copies an array when it is written to
                end = min(read + _PREFILL_TOKENS, lasting if read < lasting else len(prompt))
                if end == len(prompt):
                    break
                self._read(memory, prompt[read:end])
                yield None
            fed = prompt[read:]
            for _ in range(room):
                token = choose(prompt, self._read(memory, fed))
                if token in self._tokenizer.eos_token_ids:
                    break
                yield token
                fed = [token]
                prompt = [*prompt[-_PENALISED_TOKENS:], token]
        except GeneratorExit:
            self._keep(memory, kept)
            raise
        self._keep(memory, kept)  # not after an error: the step that failed may have left it half written

    def _keep(self, memory: Memory[_Cache], kept: Memory[_Cache] | None) -> None:
        if kept is None or self._can_cut(memory.cache):
            kept = memory
        self._memories.remember(kept)

    def _read(self, memory: Memory[_Cache], tokens: list[int]) -> Any:
        """One step: feed tokens to the model; the scores of the next one, of shape (1, vocabulary), computed once they are looked at."""
        import mlx.core as mx  # noqa: PLC0415 - heavy

        scores = self._model(mx.array([tokens]), cache=memory.cache)[:, -1]
        mx.eval([layer.state for layer in memory.cache])
        if len(tokens) > 1:
            mx.clear_cache()  # the buffers of a long step do not fit a short one
        memory.tokens += tokens
        return scores

    def _chooser(self) -> Callable[[list[int], Any], int]:
        """(tokens so far, scores) → the next token."""
        import mlx.core as mx  # noqa: PLC0415 - heavy
        from mlx_lm.sample_utils import make_logits_processors, make_sampler  # noqa: PLC0415 - heavy

        options = self._options
        sample = make_sampler(temp=max(0.0, options.temperature), top_p=options.top_p)
        penalty = options.repetition_penalty if options.repetition_penalty != 1 else None
        processors = make_logits_processors(repetition_penalty=penalty, repetition_context_size=_PENALISED_TOKENS)

        def choose(tokens: list[int], scores: Any) -> int:
            scores = scores.astype(mx.float32)
            broken = mx.isnan(scores).any()
            for process in processors:
                scores = process(mx.array(tokens[-_PENALISED_TOKENS:]), scores)
            token: Any = sample(scores - mx.logsumexp(scores, axis=-1, keepdims=True))
            mx.eval(token, broken)
            if broken.item():
                raise ChatModelError("The language model computed what is no number. Choose another model.", code="bad_numbers")
            return int(token.item())

        return choose

    def _rendered(self, parts: list[Part]) -> str:
        return str(self._tokenizer.apply_chat_template(parts, tokenize=False, add_generation_prompt=True, **NO_THINKING))
