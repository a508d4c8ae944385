"""What a language model has read in its latest conversations, kept so that each turn reads only what is new."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Generic, TypeVar

Cache = TypeVar("Cache")

_LEAST_SHARED = 0.5
"""A memory that shares less than this with a new prompt is another conversation's: it is copied, not cut."""


@dataclass(eq=False, slots=True)
class Memory(Generic[Cache]):
    """A cache of keys and values, and the tokens they belong to."""

    tokens: list[int]
    cache: Cache


class Memories(Generic[Cache]):
    """The latest memories, for any number of threads; one that is in use is not in here."""

    def __init__(self, keep: int, can_cut: Callable[[Cache], bool], cut: Callable[[Cache, int], object]) -> None:
        """`keep`: how many; the one unused for longest makes room. `cut` removes the last n tokens from a cache, if `can_cut`."""
        self._keep = max(0, keep)
        self._can_cut, self._cut = can_cut, cut
        self._guard = threading.Lock()
        self._kept: list[Memory[Cache]] = []  # the one used last comes last

    def __len__(self) -> int:
        return len(self._kept)

    def recall(self, prompt: Sequence[int]) -> Memory[Cache] | None:
        """A memory of the beginning of the prompt, as long as one is kept, but leaving at least one token to read; now the caller's own."""
        with self._guard:
            found, best = max(((self._usable(kept, prompt), at) for at, kept in enumerate(self._kept)), default=(0, 0))
            if not found:
                return None
            kept = self._kept[best]
            if found >= _LEAST_SHARED * len(kept.tokens):
                del self._kept[best]
            else:
                kept = Memory(kept.tokens, copy.deepcopy(kept.cache))
        if surplus := len(kept.tokens) - found:
            self._cut(kept.cache, surplus)
        return Memory(kept.tokens[:found], kept.cache)

    def remember(self, memory: Memory[Cache]) -> None:
        """Keep a memory; whoever hands it over must not change it any more."""
        with self._guard:
            self._kept.append(memory)
            del self._kept[: max(0, len(self._kept) - self._keep)]

    def forget(self) -> None:
        """Free them all."""
        with self._guard:
            self._kept.clear()

    def _usable(self, kept: Memory[Cache], prompt: Sequence[int]) -> int:
        """How many of its tokens begin the prompt; none if more would have to be cut than can be."""
        shared = shared_prefix(kept.tokens, prompt[:-1])
        return shared if shared == len(kept.tokens) or self._can_cut(kept.cache) else 0


def shared_prefix(one: Sequence[int], two: Sequence[int]) -> int:
    """How many tokens two sequences begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))
