"""Deadlines: steps under a lock, and who is late."""

from __future__ import annotations

import threading
from contextlib import nullcontext

import pytest

from engines.concurrency.deadlines import Deadlines
from engines.concurrency.locks import FairLock
from engines.errors import TextToSpeechError

LATE = TextToSpeechError("late", code="timeout")


def test_the_lock_is_free_between_steps_and_after_an_error():
    lock = FairLock()

    def steps():
        yield lock._held
        yield lock._held
        raise ValueError

    seen = []
    try:
        for held in Deadlines().steps("a", 60, LATE, steps(), lock):
            seen.append((held, lock._held))
    except ValueError:
        seen.append("error")
    assert seen == [(True, False), (True, False), "error"]
    assert not lock._held


def test_only_a_step_that_runs_can_be_late_and_it_is_told_once():
    deadlines, go_on = Deadlines(), threading.Event()
    assert deadlines.step("quick", 0, LATE, lambda: 1) == 1
    assert deadlines.expired() is None
    thread = threading.Thread(target=deadlines.step, args=("slow", 0, LATE, go_on.wait))
    thread.start()
    try:
        while (late := deadlines.expired()) is None:
            pass
        assert late == ("slow", LATE)
        assert deadlines.expired() is None
    finally:
        go_on.set()
        thread.join()


def test_a_failed_step_is_over():
    deadlines = Deadlines()
    with pytest.raises(ZeroDivisionError):
        deadlines.step("a", 0, LATE, lambda: 1 // 0)
    assert deadlines.expired() is None


def test_items_are_the_same_and_empty_ones_end_nothing():
    assert list(Deadlines().steps("a", 60, LATE, iter([0, None, "", 3]), nullcontext())) == [0, None, "", 3]
