"""Prefix cache: what a model keeps of the tokens that it has read, so that a prompt that begins with them need not be read again."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Generic, TypeVar

Cache = TypeVar("Cache")

_LEAST_SHARED = 0.5
"""A cache that shares less than this part of its tokens with a new prompt is another conversation's: it is copied, not trimmed."""


@dataclass(eq=False, slots=True)
class PrefixCache(Generic[Cache]):
    """A library's cache of keys and values, and the tokens they belong to."""

    tokens: list[int]
    cache: Cache


class PrefixCachePool(Generic[Cache]):
    """The prefix caches used last, for any number of threads; one that is in use is not in here."""

    def __init__(self, size: int, can_trim: Callable[[Cache], bool], trim: Callable[[Cache, int], object]) -> None:
        """Keep nothing yet.

        Args:
            size: how many are kept; the one unused for longest makes room.
            can_trim: whether a cache can be trimmed.
            trim: removes the last n tokens from a cache.
        """
        self._size = max(0, size)
        self._can_trim, self._trim = can_trim, trim
        self._guard = threading.Lock()
        self._kept: list[PrefixCache[Cache]] = []  # the one used last comes last

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, prompt: Sequence[int]) -> PrefixCache[Cache] | None:
        """A cache of the longest known beginning of the prompt, but leaving at least one token to read; now the caller's own."""
        with self._guard:
            shared, best = max(((self._usable(kept, prompt), at) for at, kept in enumerate(self._kept)), default=(0, 0))
            if not shared:
                return None
            kept = self._kept[best]
            if shared >= _LEAST_SHARED * len(kept.tokens):
                del self._kept[best]
            else:
                kept = PrefixCache(kept.tokens, copy.deepcopy(kept.cache))
        if surplus := len(kept.tokens) - shared:
            self._trim(kept.cache, surplus)
        return PrefixCache(kept.tokens[:shared], kept.cache)

    def put(self, prefix: PrefixCache[Cache]) -> None:
        """Keep a cache; whoever hands it over must not change it any more."""
        with self._guard:
            self._kept.append(prefix)
            del self._kept[: max(0, len(self._kept) - self._size)]

    def clear(self) -> None:
        """Free them all."""
        with self._guard:
            self._kept.clear()

    def _usable(self, kept: PrefixCache[Cache], prompt: Sequence[int]) -> int:
        """How many of its tokens begin the prompt; none if more would have to be trimmed than can be."""
        shared = shared_prefix_length(kept.tokens, prompt[:-1])
        return shared if shared == len(kept.tokens) or self._can_trim(kept.cache) else 0


def shared_prefix_length(one: Sequence[int], two: Sequence[int]) -> int:
    """How many tokens two sequences begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))
