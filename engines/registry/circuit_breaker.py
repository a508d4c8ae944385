"""Circuit breaker (M. Nygard, "Release It!", 2007): sets an engine aside that keeps failing, and tries it again after a pause.

Closed, the engine is used and its failures are counted; open, it is not used; half-open, after the pause, one turn at a time tries it: if
that goes well the breaker closes, if it fails the breaker opens for twice as long.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

FAILURE_THRESHOLD = 2
"""Failures within the window that open the breaker."""
WINDOW_S = 120.0
"""How long an outcome counts."""
PAUSE_S, LONGEST_PAUSE_S = 60.0, 600.0
"""How long the breaker stays open; doubled each time that the engine fails again."""
_MOST_SOURCES = 256


class CircuitBreaker:
    """The outcomes of one engine. Every method may be called from any thread.

    Outcomes are kept by conversation: while the engine works for others, failures of a few are theirs and do not open the breaker.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._guard = threading.Lock()
        self._outcomes: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """When each conversation used the engine last, and its failures in a row by then, the oldest first."""
        self._open_until: float | None = None
        self._trial_until = 0.0
        self.pause_s = PAUSE_S
        """How long it stays open this time, or will the next time."""

    @property
    def retry_in_s(self) -> float | None:
        """Seconds until the engine may be tried again, 0 while it is being tried; None while the breaker is closed."""
        with self._guard:
            return None if self._open_until is None else max(0.0, self._open_until - self._clock())

    @property
    def allows_use(self) -> bool:
        """Whether a turn may use the engine."""
        with self._guard:
            now = self._clock()
            return self._open_until is None or (now >= self._open_until and now >= self._trial_until)

    def begin_trial(self) -> None:
        """A turn uses the engine: while the breaker is half-open, others do not for a while."""
        with self._guard:
            if self._open_until is not None:
                self._trial_until = self._clock() + PAUSE_S

    def record_success(self, source: str) -> None:
        """The engine worked for a conversation: half-open, the breaker closes."""
        with self._guard:
            self._record(source, 0)
            if self._open_until is not None and self._clock() >= self._open_until:
                self._close()

    def record_failure(self, source: str) -> bool:
        """The engine failed a conversation; whether it keeps failing, so that the breaker should be opened."""
        with self._guard:
            if self._open_until is not None:
                return self._clock() >= self._open_until  # half-open: one failure is enough; open: a turn that had begun before
            self._forget_old()
            _, before = self._outcomes.get(source, (0.0, 0))
            self._record(source, before + 1)
            failures = [count for _, count in self._outcomes.values()]
            return sum(failures) >= FAILURE_THRESHOLD and sum(count > 0 for count in failures) > failures.count(0)

    def open(self) -> None:
        """Set the engine aside for `pause_s`."""
        with self._guard:
            if self._open_until is not None:
                self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)
            self._open_until, self._trial_until = self._clock() + self.pause_s, 0.0
            self._outcomes.clear()

    def reset(self) -> None:
        """Close it and forget every failure."""
        with self._guard:
            self._close()
            self._outcomes.clear()

    def _close(self) -> None:
        self._open_until, self._trial_until, self.pause_s = None, 0.0, PAUSE_S

    def _record(self, source: str, failures: int) -> None:
        self._outcomes[source] = self._clock(), failures
        self._outcomes.move_to_end(source)
        self._forget_old()

    def _forget_old(self) -> None:
        since = self._clock() - WINDOW_S
        while self._outcomes and (len(self._outcomes) > _MOST_SOURCES or next(iter(self._outcomes.values()))[0] < since):
            self._outcomes.popitem(last=False)
