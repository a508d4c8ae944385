"""The event log: everything once and in order, again after a drop, in bounded memory, with a writer that waits for its reader."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_client import unframe

from engines.api.event_log import frame_log

ALL = 10**9
WAIT_S = 10


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def names(frames: list[bytes]) -> list[str]:
    return [unframe(one)[0]["name"] for one in frames]


def test_events_are_numbered_from_one_and_kept_for_whoever_asks_again():
    log = frame_log()
    for name in "abc":
        log.append({"name": name}, b"sound")
    frames, last = log.after(0, ALL)
    assert unframe(frames[0]) == ({"number": 1, "name": "a"}, b"sound")
    assert (names(frames), last) == (["a", "b", "c"], 3)
    assert log.after(3, ALL) == ([], 3)
    assert names(log.after(1, ALL)[0]) == ["b", "c"]


def test_a_number_from_another_time_is_no_harm():
    log = frame_log()
    log.append({"name": "a"})
    assert log.after(99, ALL) == ([], 1)
    assert names(log.after(-5, ALL)[0]) == ["a"]


def test_what_was_sent_is_kept_for_a_time_and_what_was_not_for_ever(clock):
    log = frame_log(kept_s=60, clock=clock)
    log.append({"name": "sent"})
    log.after(0, ALL)
    log.append({"name": "waits"})
    clock.now = 59
    assert names(log.after(0, 1)[0]) == ["sent"]
    clock.now = 1000
    log.append({"name": "new"})
    assert names(log.after(0, ALL)[0]) == ["waits", "new"]


def test_a_writer_waits_for_its_reader_and_goes_on_when_it_reads_or_leaves():
    log = frame_log(capacity=1000)
    written = []

    def write():
        for number in range(9):
            log.append({"name": str(number)}, bytes(400))
            written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    writer.join(0.2)
    assert writer.is_alive()
    assert len(written) == 3
    read, last = [], 0
    while len(read) < 6:
        frames, last = log.after(last, 1)
        read += names(frames)
    assert read == list("012345")
    log.close()
    writer.join(WAIT_S)
    assert not writer.is_alive()
    assert log.after(0, ALL)[0] == []


@given(st.lists(st.one_of(st.integers(0, 300), st.sampled_from(["read", "drop", "later"])), max_size=60))
def test_nothing_is_lost_or_said_twice_whatever_happens(steps):
    """A reader who lost the last two frames, and comes back in time with the number of the last that it has, goes on where it was."""
    clock = Clock()
    log = frame_log(capacity=2000, kept_s=60, clock=clock)
    written, has, oldest = 0, [], 0
    for step in steps:
        if step == "read":
            has += names(log.after(len(has), 500)[0])
        elif step == "drop":
            has = has[: max(oldest, len(has) - 2)]
        elif step == "later":
            has += names(log.after(len(has), ALL)[0])
            clock.now, oldest = clock.now + 61, len(has)
        elif written - len(has) < 5:
            log.append({"name": str(written)}, bytes(step))
            written += 1
    assert has + names(log.after(len(has), ALL)[0]) == [str(number) for number in range(written)]
