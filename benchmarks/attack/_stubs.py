"""What the parts share that attack the conversation itself: the tests' stub engines and clients, and how long anything may take."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from engines.config.settings import PROJECT_ROOT

sys.path.insert(0, str(PROJECT_ROOT / "tests"))

import openai_server
from conftest import StubEars, StubMind, StubRegistry, StubVoice, speech_of, stub_engines, tone
from page_client import Tab

__all__ = [
    "PEOPLE",
    "StubEars",
    "StubMind",
    "StubRegistry",
    "StubVoice",
    "Tab",
    "openai_server",
    "speech_of",
    "stub_engines",
    "tone",
    "within",
]

T = TypeVar("T")
PEOPLE = PROJECT_ROOT / "personas.yaml"
logging.disable(logging.CRITICAL)


def within(seconds: float, work: Callable[[], T]) -> T | None:
    """What `work` returns; None where it takes longer, and goes on by itself. What it raises is raised."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    return results[0] if results else None
