"""Text generation with a language model that runs here: what is the same for every library that computes one.

One token is one step. What a conversation has fed to the model stays in a prefix cache, so that the next turn feeds only what is new.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

from engines.errors import ChatModelError
from engines.llm._chat_template import ChatTemplate, Prompt, generation_error, reply_to_what_fits, reply_token_limit
from engines.llm._prefix_cache import Cache, PrefixCache, PrefixCachePool
from engines.types import ChatMessage, Persona, TextDelta
from engines.weights.errors import opening
from engines.weights.hardware import is_out_of_memory


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """Which model, and how it samples."""

    model: str = ""
    max_tokens: int = 220
    """Of one reply: about a minute and a half of speech."""
    temperature: float = 0.7
    """0 always takes the likeliest token."""
    top_p: float = 0.9
    """The likeliest tokens whose probabilities add up to this are drawn from."""
    repetition_penalty: float = 1.05
    """Above 1, what was said before becomes less likely."""
    conversations: int = 4
    """Of how many conversations prefix caches are kept; the one unused for longest makes room."""


class LocalChatModel(ABC, Generic[Cache]):
    """A `ChatModel` that computes here. Any number of conversations may run at once; their steps take turns.

    An adapter says how its library makes a cache, evaluates tokens, samples the next one and makes text of them.
    """

    step_tokens: ClassVar[int] = 512
    """Read in one step: a prompt of any length can be left between two of them, and others take their turn."""

    def __init__(
        self,
        options: GenerationOptions,
        template: ChatTemplate,
        *,
        context_tokens: int | None,
        step_lock: AbstractContextManager[None],
        always_trimmable: bool,
        can_trim: Callable[[Cache], bool],
        trim: Callable[[Cache, int], object],
    ) -> None:
        """Nothing is computed yet.

        Args:
            options: which model, and how it samples.
            template: writes its prompts.
            context_tokens: how many tokens the model can read; None is any number.
            step_lock: held for one step.
            always_trimmable: False where caches cannot be trimmed once they are long, for they keep a window of the last tokens only, or a
                sum of all.
            can_trim: whether a cache can be trimmed now.
            trim: removes the last n tokens from a cache.
        """
        self.template = template
        size = options.conversations * (1 if always_trimmable else 2)
        self.prefixes: PrefixCachePool[Cache] = PrefixCachePool(size, can_trim, trim)
        """What is kept of earlier turns."""
        self._context_tokens, self._step_lock, self._max_tokens = context_tokens, step_lock, options.max_tokens
        self._always_trimmable, self._can_trim = always_trimmable, can_trim

    @abstractmethod
    def new_cache(self) -> Cache:
        """An empty cache."""

    @abstractmethod
    def evaluate(self, prefix: PrefixCache[Cache], tokens: list[int]) -> Any:
        """Feed tokens, at most `step_tokens`, to the model after those of `prefix`; what the sampler chooses the next one by (logits)."""

    @abstractmethod
    def sampler(self, prompt: list[int]) -> AbstractContextManager[Callable[[Any], int]]:
        """(what `evaluate` returned) → the next token of the one reply to `prompt`.

        Raises (the function):
            ChatModelError: code ``bad_numbers``.
        """

    @abstractmethod
    def is_end(self, token: int) -> bool:
        """Whether this token is the end of the reply."""

    @abstractmethod
    def detokenize(self, tokens: Generator[int | None, None, None]) -> Iterator[str]:
        """A text for each token, empty until characters or words are whole, and for each None; then one with what is left."""

    def stream(self, messages: Sequence[ChatMessage], persona: Persona) -> Iterator[TextDelta]:  # noqa: ARG002 - the system prompt has it
        """Answer the last message, a token a step; steps that only read or reason give an empty delta. What is too long to be read is left
        out, the oldest first.

        Raises:
            ChatModelError: code ``too_long`` (the last message alone is), ``template``, ``bad_numbers``, ``out_of_memory``, ``failed``.
        """
        return reply_to_what_fits(messages, self._reply)

    def _reply(self, messages: Sequence[ChatMessage]) -> Iterator[TextDelta]:
        prompt = self.template.prompt(messages)
        limit = reply_token_limit(messages, len(prompt.tokens), self._context_tokens, self._max_tokens)
        try:
            texts = self.detokenize(self.generate(messages, prompt, limit))
            for text in self.template.reply(texts, opens_reasoning=prompt.opens_reasoning):
                yield TextDelta(text)
        except ChatModelError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                self.prefixes.clear()
            raise generation_error(error) from error

    def warm_up(self) -> None:
        """Go once through everything a turn needs."""
        for _ in self.detokenize(self._tokens(self.template.encode("Hello.", True), 0, 1)):
            pass
        self.prefixes.clear()

    def generate(self, messages: Sequence[ChatMessage], prompt: Prompt, limit: int) -> Generator[int | None, None, None]:
        """Each token of the reply to `messages`, reasoning included, at most `limit`; first, None for every step of reading the prompt."""
        stable = 0 if self._always_trimmable else self.template.stable_prefix_length(messages, prompt)
        return self._tokens(prompt.tokens, stable, limit)

    def _tokens(self, prompt: list[int], stable: int, limit: int) -> Generator[int | None, None, None]:
        """See `generate`.

        Of a model whose caches cannot always be trimmed, two are kept: a copy from where `stable` tokens were read, all of which will begin
        the next prompt as well, and the one with the reply, for templates that write it the same in the next prompt.
        """
        with self._step_lock:
            prefix = self.prefixes.take(prompt) or PrefixCache([], self.new_cache())
        kept = prefix if self._always_trimmable else None
        with self.sampler(prompt) as sample:
            try:
                while True:
                    read = len(prefix.tokens)
                    if kept is None and read == stable:
                        with self._step_lock:
                            kept = copy.deepcopy(prefix)
                    end = min(read + self.step_tokens, stable if read < stable else len(prompt))
                    if end == len(prompt):
                        break
                    with self._step_lock:
                        self._feed(prefix, prompt[read:end])
                    yield None
                fed = prompt[read:]
                for _ in range(limit):
                    with self._step_lock:
                        token = sample(self._feed(prefix, fed))
                    if self.is_end(token):
                        break
                    yield token
                    fed = [token]
            except GeneratorExit:
                self._keep(prefix, kept)
                raise
        self._keep(prefix, kept)  # not after an error: the step that failed may have left it half written

    def _feed(self, prefix: PrefixCache[Cache], tokens: list[int]) -> Any:
        logits = self.evaluate(prefix, tokens)
        prefix.tokens += tokens
        return logits

    def _keep(self, prefix: PrefixCache[Cache], kept: PrefixCache[Cache] | None) -> None:
        if kept and kept is not prefix and not self._can_trim(prefix.cache):
            self.prefixes.put(kept)
        self.prefixes.put(prefix)


def opening_model(model: str, how: str) -> AbstractContextManager[None]:
    """Turns whatever goes wrong while a model is opened `how` (``by MLX``, ``on cuda``) into a `ChatModelError`.

    Raises (inside):
        ChatModelError: code ``out_of_memory``, ``load_failed``, or the one that is raised inside.
    """
    return opening(f"The model {model!r}", how, ChatModelError, generation_error)
