"""The fair queue: users take turns, each has one place at a time, and what is not wanted any more gives its place up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from requirements import requirement

from engines.concurrency.channel import CancelToken
from engines.concurrency.fair_queue import FairQueue, Place

WAIT_S = 10


class Hearings:
    """Asks for places from threads, and lets each go when it is told to."""

    def __init__(self, queue: FairQueue) -> None:
        self.queue = queue
        self.began: list[str] = []
        self.threads: list[threading.Thread] = []

    def ask(self, user: str, cancel: CancelToken | None = None) -> None:
        """Ask, and come back once it waits or is served."""
        before = threading.Event()

        def run() -> None:
            token = cancel or CancelToken()
            token.on_cancel(before.set)
            place = self.queue.enter(user, token)
            if place.is_held:
                self.began.append(user)
                self.held = place

        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()
        time.sleep(0.02)

    def finish(self) -> None:
        """The one that is heard comes to its end."""
        number, place = len(self.began), self.held
        place.leave()
        self.until(lambda: len(self.began) > number)

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not true() and time.monotonic() < deadline:
            time.sleep(0.002)
        assert true()


@pytest.fixture
def hearings() -> Hearings:
    return Hearings(FairQueue())


@requirement("talk.fair-hearing")
def test_who_asks_for_twelve_gets_no_more_turns_than_others(hearings: Hearings) -> None:
    for _ in range(12):
        hearings.ask("greedy")
    for user in ("second", "third"):
        hearings.ask(user)
    for _ in range(13):
        hearings.finish()
    assert hearings.began == ["greedy", "greedy", "second", "third", *["greedy"] * 10]  # whose second one waited before they came


@requirement("talk.fair-hearing")
def test_nobody_holds_two_places() -> None:
    queue = FairQueue(3)
    held: list[Place] = [queue.enter("one", CancelToken())]
    waiting = threading.Thread(target=lambda: held.append(queue.enter("one", CancelToken())), daemon=True)
    waiting.start()
    held += [queue.enter("two", CancelToken()), queue.enter("", CancelToken())]
    assert waiting.is_alive()
    held[0].leave()
    waiting.join(WAIT_S)
    assert [place.is_held for place in held] == [False, True, True, True]


@requirement("talk.cancelled-hearing")
def test_what_is_cancelled_while_it_waits_gives_up_its_place_at_once(hearings: Hearings) -> None:
    token = CancelToken()
    hearings.ask("first")
    hearings.ask("second", token)
    hearings.ask("third")
    token.cancel()
    hearings.threads[1].join(WAIT_S)
    assert not hearings.threads[1].is_alive()
    hearings.finish()
    assert hearings.began == ["first", "third"]


@requirement("talk.cancelled-hearing")
def test_what_is_cancelled_while_it_is_served_makes_room(hearings: Hearings) -> None:
    token = CancelToken()
    hearings.ask("first", token)
    hearings.ask("second")
    token.cancel()
    hearings.until(lambda: hearings.began == ["first", "second"])


def test_what_was_cancelled_before_takes_no_place() -> None:
    queue, token = FairQueue(), CancelToken()
    token.cancel()
    assert not queue.enter("one", token).is_held
    assert queue.enter("one", CancelToken()).is_held


def test_a_place_may_be_left_twice(hearings: Hearings) -> None:
    hearings.ask("first")
    hearings.ask("second")
    first = hearings.held
    with first:
        pass
    first.leave()
    hearings.until(lambda: hearings.began == ["first", "second"])
    hearings.ask("third")
    assert hearings.began == ["first", "second"]
