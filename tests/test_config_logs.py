"""The log: short lines, nothing repeated for ever, and no control characters of strangers."""

from __future__ import annotations

import io
import logging
import sys

import pytest
from requirements import requirement

from engines.config import logs
from engines.config.logs import NotForEver, ShortLines


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> tuple[logging.Logger, io.StringIO]:
    written = io.StringIO()
    handler, logger = logging.StreamHandler(written), logging.Logger("test")
    handler.setFormatter(ShortLines("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(NotForEver(clock))
    logger.addHandler(handler)
    return logger, written


@requirement("app.bounded-logs")
def test_a_record_is_short_and_one_line_whatever_is_in_it(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    logger.warning("A stranger says %s", "\x1b[2J\r\nERROR root: all is lost" + "x" * 10_000_000)
    (line,) = written.getvalue().splitlines()
    assert len(line) < logs.LONGEST + 100
    assert r"\x1b[2J\r\nERROR root" in line


def test_a_traceback_stays_whole_where_it_is_not_long(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    try:
        raise ValueError("x" * 100_000)
    except ValueError:
        logger.exception("It failed")
    assert written.getvalue().startswith("ERROR test: It failed\nTraceback (most recent call last):\n")
    assert len(written.getvalue()) < logs.LONGEST + 100


@requirement("app.bounded-logs")
def test_what_comes_again_and_again_is_left_out_for_a_while(log: tuple[logging.Logger, io.StringIO], clock: Clock) -> None:
    logger, written = log
    for number in range(20_000):
        logger.error("Client %d cannot be served", number)
    logger.error("Something else")
    lines = written.getvalue().splitlines()
    assert len(lines) == logs.MOST_ALIKE + 2
    assert lines[-2].endswith("(more of these are left out for a minute)")
    clock.now += logs.APART_S
    logger.error("Client %d cannot be served", 1)
    assert len(written.getvalue().splitlines()) == len(lines) + 1


@requirement("app.starts-anywhere")
def test_a_process_without_standard_streams_gets_some(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    logs.open_standard_streams()
    with sys.stdin, sys.stdout, sys.stderr:
        print("nobody reads this")
        assert not sys.stdout.isatty()
        assert sys.stdin.read() == ""
