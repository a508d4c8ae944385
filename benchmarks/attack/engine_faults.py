"""Engine faults: whatever an engine raises, delivers or keeps waiting for, the turn ends and the next one is answered."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.attack._app import end, verdict
from benchmarks.attack._stubs import PEOPLE, StubEars, StubMind, StubRegistry, StubVoice, speech_of, stub_engines, tone, within
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.service import ConversationService
from engines.errors import EngineError
from engines.events import TurnCompleted, TurnEnded
from engines.types import AudioChunk, Speech, TextDelta, Transcript, WordTiming

LIMIT_S = 20
STEP_S = 0.5
"""How long an engine may take in these turns."""


class Panic(BaseException):
    """What libraries in Rust raise."""


RAISED: dict[str, BaseException] = {
    "an exception": ValueError("bad"),
    "an exception without words": RuntimeError(),
    "an exception with a page of words": ValueError("x" * 10_000_000),
    "a panic": Panic("index out of bounds"),
    "SystemExit": SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "no memory": MemoryError("tensor"),
    "an error of its own": EngineError("The model is tired.", code="tired"),
    "half a character": EngineError("Bad \ud800.", code="x"),
    "StopIteration": StopIteration(),
    "10 MB of words": EngineError("x" * 10_000_000, code="x"),
}
over = threading.Event()


def _raising(error: BaseException) -> Callable[..., Any]:
    def call(*_: object) -> Any:
        raise error

    return call


def _hang(*_: object) -> Any:
    over.wait(3600)


def _ears(transcribe: Callable[..., Any]) -> dict[str, Any]:
    return {"ears": SimpleNamespace(transcribe=transcribe)}


def _mind(stream: Callable[..., Any]) -> dict[str, Any]:
    return {"mind": SimpleNamespace(stream=stream)}


def _voice(synthesize: Callable[..., Any]) -> dict[str, Any]:
    return {"voice": SimpleNamespace(synthesize=synthesize, voices=StubVoice().voices)}


def _sound(samples: Any, rate: Any = 24_000) -> Callable[..., Any]:
    """A voice that delivers such sound."""

    def synthesize(*_: object) -> Iterator[Speech]:
        yield Speech(AudioChunk(samples, rate), (), (WordTiming("Hello", 0, 100),), "measured")

    return _voice(synthesize)


def _after_one(items: Callable[[], Iterator[Any]], error: BaseException | None) -> Callable[..., Iterator[Any]]:
    def stream(*_: object) -> Iterator[Any]:
        yield next(items())
        if error is None:
            _hang()
        else:
            raise error

    return stream


def faults() -> dict[str, dict[str, Any]]:
    """All of them: which engine is bad, and how."""
    found: dict[str, dict[str, Any]] = {}
    for what, error in RAISED.items():
        found |= {f"ears raise {what}": _ears(_raising(error)), f"the mind raises {what}": _mind(_raising(error))}
        found |= {f"the voice raises {what}": _voice(_raising(error))}
    for what, error in list(RAISED.items())[:4]:
        found[f"the mind raises {what} in mid-sentence"] = _mind(_after_one(lambda: iter([TextDelta("One two ")]), error))
        found[f"the voice raises {what} after a piece"] = _voice(_after_one(lambda: iter([speech_of("One.")]), error))
    for what, value in {"None": None, "a number": 7, "an empty list": []}.items():
        found |= {
            f"ears return {what}": _ears(lambda *_, value=value: value),
            f"the mind returns {what}": _mind(lambda *_, value=value: value),
        }
        found |= {f"the voice returns {what}": _voice(lambda *_, value=value: value)}
    for what, value in {"None": None, "text that is none": TextDelta(5)}.items():  # type: ignore[arg-type]
        found[f"the mind writes {what}"] = _mind(lambda *_, value=value: iter([value]))
    return found | {
        "ears hang": _ears(_hang),
        "the mind hangs": _mind(_hang),
        "the mind hangs in mid-sentence": _mind(_after_one(lambda: iter([TextDelta("One two ")]), None)),
        "the voice hangs": _voice(_hang),
        "the voice hangs after a piece": _voice(_after_one(lambda: iter([speech_of("One.")]), None)),
        "ears write 10 MB": _ears(lambda *_: Transcript("word " * 2_000_000)),
        "ears write nothing": _ears(lambda *_: Transcript(" \x00 ")),
        "the mind writes without end": _mind(lambda *_: (TextDelta("and so on ") for _ in itertools.count())),
        "the mind writes nothing without end": _mind(lambda *_: (TextDelta("") for _ in itertools.count())),
        "the mind writes 100 MB at once": _mind(lambda *_: iter([TextDelta("a " * 50_000_000)])),
        "the mind writes nothing": _mind(lambda *_: iter([])),
        "the mind cuts an emoji": _mind(lambda *_: iter([TextDelta("Hi \ud83d"), TextDelta("\ude00 you.")])),
        "the voice says NaN": _sound(np.full(100, np.nan, np.float32)),
        "the voice says 2-D": _sound(np.zeros((2, 100), np.float32)),
        "the voice says float64": _sound(np.zeros(100)),
        "the voice says 7 Hz": _sound(np.ones(100, np.float32), 7),
        "the voice says 24000.5 Hz": _sound(np.ones(100, np.float32), 24_000.5),
        "the voice says no sample": _sound(np.zeros(0, np.float32)),
        "the voice is silent": _sound(np.zeros(24_000, np.float32)),
        "the voice says ten minutes": _sound(np.full(14_400_000, 0.1, np.float32)),
        "the voice says pieces without end": _voice(lambda *_: (speech_of("One.") for _ in itertools.count())),
    }


def survives(bad: dict[str, Any], book: PersonaBook) -> bool:
    """Whether that turn ends in time, with a sentence where it fails, and the next one is answered."""
    settings = Settings(stt_timeout_s=STEP_S, llm_timeout_s=STEP_S, tts_timeout_s=STEP_S, load_timeout_s=STEP_S)
    registry = StubRegistry(stub_engines(**bad))
    service = ConversationService(settings, registry, book)  # type: ignore[arg-type]
    last = (within(LIMIT_S, lambda: list(service.hear("one", tone()))) or [None])[-1]
    registry.given = stub_engines(StubEars(), StubMind(), StubVoice())
    after = (within(LIMIT_S, lambda: list(service.hear("one", tone()))) or [None])[-1]
    said = getattr(last, "message", ".")
    sentence = said.endswith((".", "…")) and "\n" not in said and len(said) < 2_000
    return isinstance(last, TurnEnded) and sentence and isinstance(after, TurnCompleted)


def main() -> None:
    """One turn with each fault, and one after it."""
    threading.excepthook = lambda _: None
    book, all_faults = PersonaBook(PEOPLE), faults()
    wanted = sys.argv[1:]
    chosen = {name: bad for name, bad in all_faults.items() if not wanted or name in wanted}
    failed = [name for name, bad in chosen.items() if not survives(bad, book)]
    over.set()
    for name in failed:
        print(f"attack: {name}: NOT survived")
    held = len(chosen) - len(failed)
    end(
        verdict(
            f"engine faults survived: {held} of {len(chosen)}", holds=not failed and (len(chosen) >= 60 or bool(wanted)), goal="60 of 60"
        )
    )


if __name__ == "__main__":
    main()
