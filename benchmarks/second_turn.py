"""What local language models read in the second turn of a long conversation, and whether the twentieth waits longer than the second."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.checkpoints import Call, Calls, save_language_model
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.service import ConversationService
from engines.events import TurnCompleted
from engines.protocols import ChatModel
from engines.registry.registry import EngineHandle, Engines, Registry
from engines.types import AudioChunk, EngineInfo, PhonemeTiming, Speech, Transcript, Voice

LAYERS, WIDTH, LONGEST = 4, 128, 16_384
"""Large enough for reading to take time, small enough for MLX on a processor, which it was not made for."""
REPLY_TOKENS = 24
ASIDE = "hello there how are you today i am fine thank you the quick brown fox jumps over a lazy dog"
LONG = " ".join([ASIDE] * 80)
"""More than 1 500 tokens."""
TURNS, ROUNDS = 20, 3
MOST_READ, FLAT = 0.15, 1.25
HISTORIES = {"the usual 24 messages kept": Settings().history_messages, "nothing let go": 10 * TURNS}


@dataclass(frozen=True)
class Engine:
    """One adapter, and the class of models that it works with here."""

    info: EngineInfo
    load: Callable[[], ChatModel]
    """Anew for each conversation, for a mind remembers what it has read in others."""
    model: type
    method: str
    length: Callable[[Call], int]
    """How many tokens a call of that method feeds."""


@dataclass(frozen=True)
class Reading:
    """One turn."""

    tokens: int
    """Of the prompt, that were fed to the model."""
    first_token_ms: float
    """From the question to the step that takes up the first token of the reply."""


class Mute:
    """Ears and a voice that cost nothing."""

    def transcribe(self, audio: AudioChunk, language: str | None = None, priors: object = None, cancel: object = None) -> Transcript:
        return Transcript("")

    def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
        yield Speech(AudioChunk(np.full(24_000, 0.1, np.float32), 24_000), (PhonemeTiming("a", 0.0, 1000.0),), (), "measured")

    def voices(self) -> Sequence[Voice]:
        return ()


class OneMind(Registry):
    """The house's registry, but with one language model, and without sound."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        super().__init__(settings)
        mute = {stage: EngineInfo(name="mute", stage=stage, title="Mute", summary="") for stage in ("stt", "tts")}
        mind = engine.load()
        self._given = Engines(EngineHandle(mute["stt"], Mute), EngineHandle(engine.info, lambda: mind), EngineHandle(mute["tts"], Mute))

    def engines(self, language: str = "", input_language: str | None = None) -> Engines:
        return self._given


def main() -> None:
    """Print, for each engine that is installed, what the second turn reads and the time to the first token turn by turn."""
    import torch

    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)  # of a model this small, threads would only wait for each other
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "qwen"
        parameters = save_language_model(folder, LAYERS, WIDTH, LONGEST)
        engines = [_transformers(folder, "qwen2"), _transformers(_made(Path(root), "transformers"), "qwen3_5")]
        if find_spec("mlx_lm"):
            engines += [_mlx_lm(folder, "qwen2"), _mlx_lm(_made(Path(root), "mlx_lm"), "qwen3_5")]
        else:
            print("second turn: mlx_lm is not installed; not measured")
        print(f"second turn: a Qwen2 of {parameters / 1e6:.0f} M random numbers, {LAYERS} layers, medians of {ROUNDS} conversations")
        for what, messages in HISTORIES.items():
            talks: dict[str, list[list[Reading]]] = {engine.info.name: [] for engine in engines}
            for _ in range(ROUNDS):
                for engine in engines:
                    talks[engine.info.name].append(_conversation(engine, messages))
            for name, readings in talks.items():
                _tell(name, what, readings)


def _tell(name: str, what: str, talks: list[list[Reading]]) -> None:
    tokens = [statistics.median(turn.tokens for turn in turns) for turns in zip(*talks, strict=True)]
    times = [statistics.median(turn.first_token_ms for turn in turns) for turns in zip(*talks, strict=True)]
    print(f"second turn, {name}, {what}: turn: tokens read, ms to the first token:", end=" ")
    print(", ".join(f"{at}: {read:.0f}, {ms:.0f}" for at, (read, ms) in enumerate(zip(tokens, times, strict=True), 1)))
    anew = [f"turn {at}" for at, read in enumerate(tokens, 1) if at > 1 and read > MOST_READ * tokens[0]]
    if anew:
        print(f"second turn, {name}, {what}: {', '.join(anew)} read the rest anew, for the older half of the history was let go")
    flat = statistics.median(times[15:20]) / statistics.median(times[1:6])
    print(
        f"second turn, {name}, {what}: the second turn reads {tokens[1]:.0f} of the first's {tokens[0]:.0f} tokens, "
        f"{tokens[1] / tokens[0]:.1%} (target: at most {MOST_READ:.0%}), and begins after {times[1]:.0f} ms instead of {times[0]:.0f}; "
        f"first token in turns 16 to 20 against turns 2 to 6: {flat:.2f} times (target: flat, at most {FLAT})"
    )


def _conversation(engine: Engine, messages: int) -> list[Reading]:
    """Twenty turns of one session: a long question, then short ones."""
    settings = Settings(history_messages=messages, max_text_chars=2 * len(LONG))
    service = ConversationService(settings, OneMind(settings, engine), PersonaBook(settings.personas_file))
    words = ASIDE.split()
    questions = [LONG, *(" ".join(words[at:] + words[:at]) for at in range(1, TURNS))]
    return [_turn(engine, service, question) for question in questions]


def _turn(engine: Engine, service: ConversationService, question: str) -> Reading:
    with Calls(engine.model, engine.method) as calls:
        begun = time.perf_counter()
        *_, last = service.say("one", question)
    if not isinstance(last, TurnCompleted):
        sys.exit(f"The turn failed: {last}")
    taken_up = next(call.begun for call in calls.made if engine.length(call) == 1)
    return Reading(sum(engine.length(call) for call in calls.made if call.begun < taken_up), (taken_up - begun) * 1000)


def _made(root: Path, engine: str) -> Path:
    """The tests' Qwen3.5, whose caches cannot be trimmed."""
    (folder := root / engine).mkdir()
    made: Path = import_module(f"test_llm_{engine}").MODELS["qwen3_5"](folder)
    return made


def _transformers(folder: Path, kind: str) -> Engine:
    from engines.llm import transformers as room

    options = room.Options(model=str(folder), temperature=0.0, max_tokens=REPLY_TOKENS)
    name = {"qwen2": "Qwen2ForCausalLM", "qwen3_5": "Qwen3_5ForCausalLM"}[kind]
    return Engine(
        replace(room.INFO, name=f"{room.INFO.name} {kind}"),
        lambda: room.load(options, "cpu", folder),
        getattr(import_module("transformers"), name),
        "forward",
        lambda call: int(call.named["input_ids"].shape[1]),
    )


def _mlx_lm(folder: Path, kind: str) -> Engine:
    from engines.llm import mlx_lm as room

    options = room.Options(model=str(folder), temperature=0.0, max_tokens=REPLY_TOKENS)
    model: type = import_module(f"mlx_lm.models.{kind}").Model
    info = replace(room.INFO, name=f"{room.INFO.name} {kind}")
    return Engine(info, lambda: room.load(options, "auto", folder), model, "__call__", lambda call: int(call.arguments[1].shape[1]))


if __name__ == "__main__":
    main()
