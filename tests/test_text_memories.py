"""What is kept of earlier conversations: lists stand for caches."""

from __future__ import annotations

import copy
import threading

import pytest

from engines.llm._prefix_cache import Memories, Memory, shared_prefix


class Tape(list[int]):
    """A cache that can be cut while it is short."""

    def __deepcopy__(self, memo: object) -> Tape:
        return Tape(copy.copy(list(self)))


def cut(tape: Tape, count: int) -> None:
    assert 0 < count <= len(tape)
    del tape[-count:]


def memories(keep: int = 2, longest: int = 1000) -> Memories[Tape]:
    return Memories(keep, lambda tape: len(tape) <= longest, cut)


def kept(*tokens: int) -> Memory[Tape]:
    return Memory(list(tokens), Tape(tokens))


def test_nothing_is_recalled_of_nothing():
    assert memories().recall([1, 2, 3]) is None


@pytest.mark.parametrize(("prompt", "recalled"), [([1, 2, 3, 4, 5], [1, 2, 3]), ([1, 2, 3], [1, 2]), ([1, 2, 9, 9], [1, 2])])
def test_the_beginning_that_is_shared_is_recalled_and_one_token_is_left_to_read(prompt, recalled):
    room = memories()
    room.remember(kept(1, 2, 3))
    memory = room.recall(prompt)
    assert memory is not None
    assert (memory.tokens, memory.cache) == (recalled, recalled)
    assert len(room) == 0, "it is in use now"


@pytest.mark.parametrize("prompt", [[], [1], [9, 1, 2, 3]])
def test_what_shares_nothing_is_left_alone(prompt):
    room = memories()
    room.remember(kept(1, 2, 3))
    assert room.recall(prompt) is None
    assert len(room) == 1


def test_another_conversations_memory_is_copied():
    room = memories()
    first = kept(1, 2, 3, 4, 5, 6)
    room.remember(first)
    memory = room.recall([1, 2, 9, 9])
    assert memory is not None
    assert memory.tokens == memory.cache == [1, 2]
    assert first.cache == [1, 2, 3, 4, 5, 6]
    assert len(room) == 1


def test_what_cannot_be_cut_serves_only_whole():
    room = memories(longest=2)
    room.remember(kept(1, 2, 3))
    assert room.recall([1, 2, 9, 9]) is None
    room.remember(kept(1, 2))
    assert room.recall([1, 2, 9, 9]).tokens == [1, 2]
    assert room.recall([1, 2, 3, 9]).tokens == [1, 2, 3]


def test_the_one_unused_for_longest_makes_room():
    room = memories(keep=2)
    for first in (1, 2, 3):
        room.remember(kept(first, 0, 0))
    assert room.recall([1, 0, 0, 0]) is None
    room.remember(room.recall([2, 0, 0, 0]))
    room.remember(kept(4, 0, 0))
    assert room.recall([3, 0, 0, 0]) is None
    assert room.recall([2, 0, 0, 0]) is not None
    room.forget()
    assert len(room) == 0


@pytest.mark.parametrize("keep", [0, -1])
def test_none_may_be_kept(keep):
    room = memories(keep=keep)
    room.remember(kept(1, 2))
    assert len(room) == 0


def test_no_memory_is_given_to_two():
    room, taken = memories(keep=50), []
    for at in range(50):
        room.remember(kept(7, at, 0))

    def take() -> None:
        for at in range(50):
            if (memory := room.recall([7, at, 0, 1])) and memory.tokens == [7, at, 0]:
                taken.append(at)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(taken) == list(range(50))


def test_shared_prefix():
    assert [shared_prefix([1, 2, 3], other) for other in ([], [1], [1, 2, 9], [1, 2, 3, 4], [2])] == [0, 1, 2, 3, 0]
