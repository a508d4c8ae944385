"""The store in memory: values by id, bounded."""

from __future__ import annotations

from engines.storage.memory import MemoryStore


def test_values_are_kept_by_id_and_deleted():
    store = MemoryStore[int](3)
    store.save("a", 1)
    store.save("a", 2)
    store.save("b", 3)
    assert (store.load("a"), store.load("b"), store.load("c")) == (2, 3, None)
    store.delete("a")
    store.delete("never")
    assert store.load("a") is None
    assert len(store) == 1


def test_the_value_unused_for_longest_makes_room():
    store = MemoryStore[int](2)
    store.save("a", 1)
    store.save("b", 2)
    store.load("a")
    store.save("c", 3)
    assert (store.load("a"), store.load("b"), store.load("c")) == (1, None, 3)
