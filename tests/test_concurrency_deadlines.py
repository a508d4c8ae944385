"""Deadlines: which step has expired, on a virtual clock."""

from __future__ import annotations

import pytest

from engines.concurrency.deadlines import Deadlines
from engines.errors import TextToSpeechError

LATE = TextToSpeechError("late", code="timeout")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def deadlines(clock) -> Deadlines:
    return Deadlines(clock)


def test_only_a_step_that_runs_can_expire_and_it_is_reported_once(deadlines, clock):
    def slow():
        clock.now += 5
        assert deadlines.expired() is None
        clock.now += 0.1
        step = deadlines.expired()
        assert (step.worker, step.timeout_error, step.engine) == ("a", LATE, "engine")
        assert deadlines.expired() is None
        return 1

    assert deadlines.step("a", 5, LATE, slow, "engine") == 1
    clock.now += 100
    assert deadlines.expired() is None


def test_two_workers_have_a_step_each(deadlines, clock):
    def inner():
        clock.now += 5
        return deadlines.expired()

    assert deadlines.step("a", 20, LATE, lambda: deadlines.step("b", 1, LATE, inner)).worker == "b"


def test_a_failed_step_is_over(deadlines, clock):
    with pytest.raises(ZeroDivisionError):
        deadlines.step("a", 0, LATE, lambda: 1 // 0)
    clock.now += 1
    assert deadlines.expired() is None


def test_items_are_the_same_and_empty_ones_end_nothing(deadlines):
    assert list(deadlines.steps("a", 60, LATE, lambda: [0, None, "", 3])) == [0, None, "", 3]


@pytest.mark.parametrize("where", ["call", "item", "close"])
def test_every_part_of_an_iterator_is_a_step(deadlines, clock, where):
    expired = []

    def at(place):
        if place == where:
            clock.now += 100
            expired.append(deadlines.expired())

    def items():
        try:
            for number in range(3):
                at("item" if number == 1 else "")
                yield number
        finally:
            at("close")

    def make():
        at("call")
        return items()

    steps = deadlines.steps("a", 60, LATE, make)
    assert [next(steps), next(steps)] == [0, 1]
    clock.now += 100  # whoever consumes may take their time
    assert deadlines.expired() is None
    steps.close()
    assert [step.worker for step in expired] == ["a"]
