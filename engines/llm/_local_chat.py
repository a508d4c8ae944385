"""Writing a reply with a language model that runs here: what is the same for every library that computes one.

One token is one step. What a conversation has fed to the model stays in a cache, so that the next turn feeds only what is new.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

from engines.errors import ChatModelError
from engines.llm._chat_template import Prompter, failure, room_for_reply
from engines.llm._prefix_cache import Cache, Memories, Memory
from engines.types import ChatMessage, Persona, TextDelta
from engines.weights.hardware import is_out_of_memory


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """Which model, and how it writes."""

    model: str = ""
    max_new_tokens: int = 220
    """Of one reply: about a minute and a half of speech."""
    temperature: float = 0.7
    """0 always takes the likeliest token."""
    top_p: float = 0.9
    """The likeliest tokens whose probabilities add up to this are drawn from."""
    repetition_penalty: float = 1.05
    """Above 1, what was said before becomes less likely."""
    conversations: int = 4
    """How many are kept to be gone on with; the one unused for longest makes room."""


class LocalChatModel(ABC, Generic[Cache]):
    """A `ChatModel` that computes here. Any number of conversations may run at once; their steps take turns.

    An adapter says how its library makes a cache, feeds tokens to the model, chooses the next one and makes text of them.
    """

    step_tokens: ClassVar[int] = 512
    """Read in one step: a prompt of any length can be left between two of them, and others take their turn."""

    def __init__(
        self,
        options: GenerationOptions,
        prompter: Prompter,
        *,
        limit: int | None,
        turns: AbstractContextManager[None],
        forgetful: bool,
        can_cut: Callable[[Cache], bool],
        cut: Callable[[Cache, int], object],
    ) -> None:
        """`limit`: how many tokens the model can read (None: any number); `turns`: held for one step; `forgetful`: whether caches cannot
        be cut once they are long, for they keep a window of the last tokens only, or a sum of all; `can_cut` and `cut`: see `Memories`."""
        self._prompter, self._limit, self._turns = prompter, limit, turns
        self._forgetful, self._can_cut = forgetful, can_cut
        self._max_new_tokens = options.max_new_tokens
        self._memories: Memories[Cache] = Memories(options.conversations, can_cut, cut)

    @abstractmethod
    def _new_cache(self) -> Cache:
        """One that has read nothing."""

    @abstractmethod
    def _read(self, memory: Memory[Cache], tokens: list[int]) -> Any:
        """Feed tokens, at most `step_tokens`, to the model after those of `memory`; what the chooser chooses the next one by."""

    @abstractmethod
    def _chooser(self, prompt: list[int]) -> AbstractContextManager[Callable[[Any], int]]:
        """(what `_read` returned) → the next token of the one reply to `prompt`.

        Raises (the function):
            ChatModelError: code ``bad_numbers``.
        """

    @abstractmethod
    def _ends(self, token: int) -> bool:
        """Whether this token is the end of the reply."""

    @abstractmethod
    def _texts(self, tokens: Generator[int | None, None, None]) -> Iterator[str]:
        """A text for each token, empty until characters or words are whole, and for each None; then one with what is left."""

    def stream(self, messages: Sequence[ChatMessage], persona: Persona) -> Iterator[TextDelta]:  # noqa: ARG002 - the system prompt has it
        """Answer the last message, a token a step; steps that only read or think give an empty delta.

        Raises:
            ChatModelError: code ``too_long`` (more than the model can read), ``template``, ``bad_numbers``, ``out_of_memory``, ``failed``,
                ``busy`` (where all conversations share one memory: too many at once).
        """
        prompt = self._prompter.prompt(messages)
        room = room_for_reply(len(prompt.tokens), self._limit, self._max_new_tokens)
        lasting = self._prompter.lasting(messages, prompt) if self._forgetful else 0
        try:
            for text in self._prompter.reply(self._texts(self._tokens(prompt.tokens, lasting, room)), thinking=prompt.thinking):
                yield TextDelta(text)
        except ChatModelError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                self._memories.forget()
            raise failure(error) from error

    def warm_up(self) -> None:
        """Go once through everything a turn needs."""
        for _ in self._texts(self._tokens(self._prompter.encode("Hello.", True), 0, 1)):
            pass
        self._memories.forget()

    def _tokens(self, prompt: list[int], lasting: int, room: int) -> Generator[int | None, None, None]:
        """Each token of the reply, at most `room`; first, None for every step of reading the prompt.

        Of a model whose caches cannot be cut, what is kept is a copy from where `lasting` tokens were read: all of it will begin the next
        prompt as well.
        """
        with self._turns:
            memory = self._memories.recall(prompt) or Memory([], self._new_cache())
        kept = None if self._forgetful else memory
        with self._chooser(prompt) as choose:
            try:
                while True:
                    read = len(memory.tokens)
                    if kept is None and read == lasting:
                        with self._turns:
                            kept = copy.deepcopy(memory)
                    end = min(read + self.step_tokens, lasting if read < lasting else len(prompt))
                    if end == len(prompt):
                        break
                    with self._turns:
                        self._feed(memory, prompt[read:end])
                    yield None
                fed = prompt[read:]
                for _ in range(room):
                    with self._turns:
                        token = choose(self._feed(memory, fed))
                    if self._ends(token):
                        break
                    yield token
                    fed = [token]
            except GeneratorExit:
                self._keep(memory, kept)
                raise
        self._keep(memory, kept)  # not after an error: the step that failed may have left it half written

    def _feed(self, memory: Memory[Cache], tokens: list[int]) -> Any:
        scores = self._read(memory, tokens)
        memory.tokens += tokens
        return scores

    def _keep(self, memory: Memory[Cache], kept: Memory[Cache] | None) -> None:
        self._memories.remember(memory if kept is None or self._can_cut(memory.cache) else kept)


@contextmanager
def opening(model: str, how: str) -> Iterator[None]:
    """Tells in plain words why a model cannot be opened `how` (``by MLX``, ``on cuda``).

    Raises:
        ChatModelError: code ``out_of_memory``, ``load_failed``, or the one that is raised inside.
    """
    try:
        yield
    except ChatModelError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise failure(error) from error
        why = " ".join(str(error).split())[:200].rstrip(".")
        message = f"The model {model!r} cannot be opened {how}: {why}. Fetch it again, or choose another."
        raise ChatModelError(message, code="load_failed") from error
