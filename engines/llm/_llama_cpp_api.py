"""llama.cpp through its C interface: one model, one context, in which every conversation has a slot of its own.

Interface: `llama.h` of llama.cpp, as the package llama_cpp declares it (https://github.com/abetlen/llama-cpp-python, MIT).
"""

from __future__ import annotations

import ctypes
import secrets
import weakref
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from engines.errors import ChatModelError

STEP_TOKENS = 512
"""Most tokens that are read in one step: a prompt of any length can be left between two of them, and others take their turn."""


class SequenceSlot:
    """Sequence slot: one conversation's sequence in the context; it is free again when nobody holds it any more."""

    def __init__(self, engine: Llama, number: int) -> None:
        self._engine, self.number = engine, number

    def __deepcopy__(self, memo: object) -> SequenceSlot:
        return self._engine.copy(self)

    def __del__(self) -> None:
        self._engine.released.append(self.number)


class Llama:
    """llama.cpp with one model and one context. Whoever calls `slot`, `copy`, `trim`, `evaluate` or a sampler must be alone."""

    def __init__(self, library: Any, path: Path, *, context_tokens: int, slots: int, threads: int, on_gpu: bool) -> None:
        """Open a file.

        Args:
            library: the module llama_cpp.
            path: a .gguf file, of several parts the first.
            context_tokens: what all slots together may hold.
            slots: how many there are.
            threads: how many cores compute; 0 is all but one.
            on_gpu: put on the graphics card what llama.cpp was built to.

        Raises:
            ValueError: the file cannot be opened.
            MemoryError: there is not enough memory for the context.
        """
        self._c = c = library
        c.llama_backend_init()
        settings = c.llama_model_default_params()
        if not on_gpu:
            settings.n_gpu_layers = 0
        if not (model := c.llama_model_load_from_file(str(path).encode(), settings)):
            raise ValueError("it is damaged, or of a kind that this version does not know")
        freed = weakref.finalize(self, c.llama_model_free, model)
        self._vocabulary = c.llama_model_get_vocab(model)
        self._size: int = c.llama_vocab_n_tokens(self._vocabulary)
        self.context_tokens: int = min(context_tokens, c.llama_model_n_ctx_train(model))
        """How many tokens a conversation may have."""
        settings = c.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = context_tokens, STEP_TOKENS, STEP_TOKENS
        settings.n_seq_max, settings.kv_unified = slots, True
        settings.n_threads = settings.n_threads_batch = threads or max(1, (psutil.cpu_count(logical=False) or 1) - 1)
        if not (context := c.llama_init_from_model(model, settings)):
            raise MemoryError
        freed.detach()
        weakref.finalize(self, _free, c, context, model)
        self._context, self._memory = context, c.llama_get_memory(context)
        self._batch = c.llama_batch_init(STEP_TOKENS, 0, 1)
        weakref.finalize(self, c.llama_batch_free, self._batch)
        self.released: deque[int] = deque(range(slots))
        """Slots that nobody holds any more; emptied before the next step."""
        self._empty: set[int] = set()
        self.can_trim: bool = not (c.llama_model_is_recurrent(model) or c.llama_model_is_hybrid(model))
        """Whether the last tokens of a slot can be forgotten."""
        self.template: str = (c.llama_model_chat_template(model, None) or b"").decode()
        self.bos, self.eos = (self._text(token) for token in (c.llama_vocab_bos(self._vocabulary), c.llama_vocab_eos(self._vocabulary)))
        self.special_tokens = frozenset(self._text(token) for token in range(self._size) if self._is_special(token))
        """Tokens that only the template may write."""

    def tokens(self, text: str, beginning: bool) -> list[int]:
        """A text as tokens, special ones included; `beginning` adds the model's own at its beginning."""
        data = text.encode()
        made = (self._c.llama_token * (len(data) + 8))()
        if (count := self._c.llama_tokenize(self._vocabulary, data, len(data), made, len(made), beginning, True)) < 0:
            made = (self._c.llama_token * -count)()
            count = self._c.llama_tokenize(self._vocabulary, data, len(data), made, len(made), beginning, True)
        return list(made[:count])

    def piece(self, token: int, special_tokens: bool) -> bytes:
        """UTF-8 of a token, perhaps a part of a character; of a special one, nothing unless `special_tokens`."""
        buffer = ctypes.create_string_buffer(64)
        if (size := self._c.llama_token_to_piece(self._vocabulary, token, buffer, len(buffer), 0, special_tokens)) < 0:
            buffer = ctypes.create_string_buffer(-size)
            size = self._c.llama_token_to_piece(self._vocabulary, token, buffer, len(buffer), 0, special_tokens)
        return buffer.raw[:size]

    def ends(self, token: int) -> bool:
        """Whether this token is the end of the reply."""
        return bool(self._c.llama_vocab_is_eog(self._vocabulary, token))

    def slot(self) -> SequenceSlot:
        """An empty one.

        Raises:
            ChatModelError: code ``busy``, all are held.
        """
        self._clear_released()
        if not self._empty:
            raise ChatModelError("Too many conversations are answered at once. Try again in a moment.", code="busy", retryable=True)
        return SequenceSlot(self, self._empty.pop())

    def copy(self, slot: SequenceSlot) -> SequenceSlot:
        """Another one that has read the same."""
        other = self.slot()
        self._c.llama_memory_seq_cp(self._memory, slot.number, other.number, -1, -1)
        return other

    def trim(self, slot: SequenceSlot, count: int) -> None:
        """Forget the last tokens."""
        end = self._c.llama_memory_seq_pos_max(self._memory, slot.number) + 1
        if not self._c.llama_memory_seq_rm(self._memory, slot.number, end - count, -1):
            raise RuntimeError("this model's memory cannot be trimmed")

    def evaluate(self, slot: SequenceSlot, start: int, tokens: Sequence[int]) -> bool:
        """Feed the next tokens, at most `STEP_TOKENS`; False where the context has no room for them.

        Raises:
            RuntimeError: llama.cpp failed.
        """
        self._clear_released()
        batch = self._batch
        batch.n_tokens = len(tokens)
        for at, token in enumerate(tokens):
            batch.token[at], batch.pos[at], batch.logits[at] = token, start + at, at == len(tokens) - 1
            batch.n_seq_id[at], batch.seq_id[at][0] = 1, slot.number
        if (code := self._c.llama_decode(self._context, batch)) not in {0, 1}:
            raise RuntimeError(f"llama_decode returned {code}")
        return bool(code == 0)

    def sampler(self, *, temperature: float, top_p: float, penalty: tuple[float, Sequence[int]]) -> Sampler:
        """What draws the tokens of one reply: from the likeliest whose probabilities add up to `top_p`; at temperature 0, the likeliest.

        `penalty` makes what was said just before less likely: how much (1 is not at all), and the last tokens.
        """
        c, (strength, before) = self._c, penalty
        parts = [c.llama_sampler_init_penalties(self._size, max(1, len(before)), strength, 0.0, 0.0)] if strength != 1 else []
        if temperature <= 0:
            parts.append(c.llama_sampler_init_greedy())
        else:
            parts += [c.llama_sampler_init_top_p(top_p, 1), c.llama_sampler_init_temp(temperature)]
            parts.append(c.llama_sampler_init_dist(secrets.randbits(32)))
        chain = c.llama_sampler_chain_init(c.llama_sampler_chain_default_params())
        for part in parts:
            c.llama_sampler_chain_add(chain, part)  # which owns it from now on
        for token in before:
            c.llama_sampler_accept(chain, token)
        return Sampler(c, self._context, self._size, chain)

    def _clear_released(self) -> None:
        while self.released:
            number = self.released.popleft()
            self._c.llama_memory_seq_rm(self._memory, number, -1, -1)
            self._empty.add(number)

    def _is_special(self, token: int) -> bool:
        """Control tokens, and gpt-oss's: llama.cpp declares these to be text, so that programs see them."""
        text = self._text(token)
        return bool(self._c.llama_vocab_is_control(self._vocabulary, token)) or (text.startswith("<|") and text.endswith("|>"))

    def _text(self, token: int) -> str:
        return (self._c.llama_vocab_get_text(self._vocabulary, token) or b"").decode(errors="replace") if token >= 0 else ""


class Sampler:
    """Draws the next token from what the last step computed."""

    def __init__(self, library: Any, context: Any, size: int, chain: Any) -> None:
        self._c, self._context, self._size, self._chain = library, context, size, chain

    def __call__(self) -> int:
        """The token.

        Raises:
            ChatModelError: code ``bad_numbers``.
        """
        scores = np.ctypeslib.as_array(self._c.llama_get_logits_ith(self._context, -1), (self._size,))
        if np.isnan(scores).any():
            raise ChatModelError(
                "The language model computed what is no number. Choose another model.", code="bad_numbers", counts_against_engine=True
            )
        return int(self._c.llama_sampler_sample(self._chain, self._context, -1))

    def close(self) -> None:
        """Free it."""
        self._c.llama_sampler_free(self._chain)


def _free(library: Any, context: Any, model: Any) -> None:
    library.llama_free(context)
    library.llama_model_free(model)
