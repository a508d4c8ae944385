"""What is kept of earlier conversations: lists stand for caches."""

from __future__ import annotations

import copy

import pytest
from conftest import in_threads

from engines.llm._prefix_cache import PrefixCache, PrefixCachePool, shared_prefix_length


class Tape(list[int]):
    """A cache that can be cut while it is short."""

    def __deepcopy__(self, memo: object) -> Tape:
        return Tape(copy.copy(list(self)))


def trim(tape: Tape, count: int) -> None:
    assert 0 < count <= len(tape)
    del tape[-count:]


def pool_of(keep: int = 2, longest: int = 1000) -> PrefixCachePool[Tape]:
    return PrefixCachePool(keep, lambda tape: len(tape) <= longest, trim)


def prefix(*tokens: int) -> PrefixCache[Tape]:
    return PrefixCache(list(tokens), Tape(tokens))


def test_nothing_is_recalled_of_nothing():
    assert pool_of().take([1, 2, 3]) is None


@pytest.mark.parametrize(("prompt", "expected"), [([1, 2, 3, 4, 5], [1, 2, 3]), ([1, 2, 3], [1, 2]), ([1, 2, 9, 9], [1, 2])])
def test_the_beginning_that_is_shared_is_recalled_and_one_token_is_left_to_read(prompt, expected):
    pool = pool_of()
    pool.put(prefix(1, 2, 3))
    taken = pool.take(prompt)
    assert taken is not None
    assert (taken.tokens, taken.cache) == (expected, expected)
    assert len(pool) == 0, "it is in use now"


@pytest.mark.parametrize("prompt", [[], [1], [9, 1, 2, 3]])
def test_what_shares_nothing_is_left_alone(prompt):
    pool = pool_of()
    pool.put(prefix(1, 2, 3))
    assert pool.take(prompt) is None
    assert len(pool) == 1


def test_another_conversations_cache_is_copied():
    pool = pool_of()
    first = prefix(1, 2, 3, 4, 5, 6)
    pool.put(first)
    taken = pool.take([1, 2, 9, 9])
    assert taken is not None
    assert taken.tokens == taken.cache == [1, 2]
    assert first.cache == [1, 2, 3, 4, 5, 6]
    assert len(pool) == 1


def test_what_cannot_be_trimmed_serves_only_whole():
    pool = pool_of(longest=2)
    pool.put(prefix(1, 2, 3))
    assert pool.take([1, 2, 9, 9]) is None
    pool.put(prefix(1, 2))
    assert pool.take([1, 2, 9, 9]).tokens == [1, 2]
    assert pool.take([1, 2, 3, 9]).tokens == [1, 2, 3]


def test_the_one_unused_for_longest_makes_room():
    pool = pool_of(keep=2)
    for first in (1, 2, 3):
        pool.put(prefix(first, 0, 0))
    assert pool.take([1, 0, 0, 0]) is None
    pool.put(pool.take([2, 0, 0, 0]))
    pool.put(prefix(4, 0, 0))
    assert pool.take([3, 0, 0, 0]) is None
    assert pool.take([2, 0, 0, 0]) is not None
    pool.clear()
    assert len(pool) == 0


@pytest.mark.parametrize("keep", [0, -1])
def test_none_may_be_kept(keep):
    pool = pool_of(keep=keep)
    pool.put(prefix(1, 2))
    assert len(pool) == 0


def test_no_cache_is_given_to_two():
    pool, taken = pool_of(keep=50), []
    for at in range(50):
        pool.put(prefix(7, at, 0))

    def take() -> None:
        for at in range(50):
            if (found := pool.take([7, at, 0, 1])) and found.tokens == [7, at, 0]:
                taken.append(at)

    in_threads(*[take] * 4)
    assert sorted(taken) == list(range(50))


def test_shared_prefix():
    assert [shared_prefix_length([1, 2, 3], other) for other in ([], [1], [1, 2, 9], [1, 2, 3, 4], [2])] == [0, 1, 2, 3, 0]
