"""A genuine language model on llama.cpp beside a genuine voice: how soon it begins and stops, how fast it writes, what it reads again.

The model is the tests' own (135 M parameters): it shows what the engine costs, not how clever a mind is.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.prompt import messages_for
from engines.isolation.isolated_engine import isolated
from engines.llm import llama_cpp
from engines.tts import kokoro_onnx
from engines.types import ChatMessage, Persona

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from genuine import fetched

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
QUESTIONS = ("Tell me about wolves, please.", "Where do they live, and what do they eat?", "Are they afraid of us?")
SAID = "The wolves of the north hunt at night, and they sing together when the moon is high above the trees."
MOST_READ, SOONEST_STOP_MS = 0.15, 200


def main() -> None:
    """Print the numbers, and whether they meet their goals."""
    folder, why = fetched("smollm2-135m")
    if folder is None:
        print(f"mind: not measured: {why}")
        return
    options = llama_cpp.Options(model=str(folder / FILE), max_tokens=120)
    persona = next(iter(PersonaBook(Settings().personas_file).all().values()))
    failed = [*_read_again(options, persona), *_speed(options, persona)]
    if failed:
        sys.exit(f"mind: missed: {', '.join(failed)}")


def _read_again(options: llama_cpp.Options, persona: Persona) -> Iterator[str]:
    model, history, read = llama_cpp.load(options, "cpu", None), [], []
    for question in QUESTIONS:
        answer = "".join(delta.text for delta in model.stream(messages_for(persona, history, question), persona))
        read.append((model.timings["prompt_n"], model.timings["cache_n"]))
        history += [ChatMessage("user", question), ChatMessage("assistant", answer)]
    shares = [new / (new + known) for new, known in read[1:]]
    print(f"mind: a prompt of {read[0][0]:.0f} tokens; later turns read {max(shares):.1%} again (goal: at most {MOST_READ:.0%})")
    if max(shares) > MOST_READ:
        yield "reads too much again"


def _speed(options: llama_cpp.Options, persona: Persona) -> Iterator[str]:
    begun = time.perf_counter()
    mind: Any = isolated(llama_cpp).load(options, "cpu", None)
    print(f"mind: loaded in its process in {time.perf_counter() - begun:.1f} s")
    first, _, answer = _answer(mind, persona, [], QUESTIONS[0])
    history = [ChatMessage("user", QUESTIONS[0]), ChatMessage("assistant", answer)]
    second, speed, _ = _answer(mind, persona, history, QUESTIONS[1])
    print(f"mind: first token {first:.0f} ms in the first turn, {second:.0f} ms in the second; {speed:.0f} tokens a second alone")
    _beside_a_voice(mind, persona)
    _four_users(mind, persona)
    writing, reading = (
        statistics.median(_stop_ms(mind, persona, said, steps) for _ in range(3)) for said, steps in ((QUESTIONS[0], 5), (SAID * 60, 2))
    )
    print(f"mind: from Stop to an idle processor {writing:.0f} ms while it writes (goal: at most {SOONEST_STOP_MS}),", end=" ")
    print(f"{reading:.0f} ms while it reads (one step of 64 tokens)")
    if writing > SOONEST_STOP_MS:
        yield "stops late"


def _answer(mind: Any, persona: Persona, history: Sequence[ChatMessage], question: str) -> tuple[float, float, str]:
    """Ms to the first token, tokens a second after it, and the text."""
    begun, times, text = time.perf_counter(), [], ""
    for delta in mind.stream(messages_for(persona, history, question), persona):
        if delta.text:
            times.append(time.perf_counter())
            text += delta.text
    return (times[0] - begun) * 1000, (len(times) - 1) / (times[-1] - times[0]), text


def _beside_a_voice(mind: Any, persona: Persona) -> None:
    weights, why = fetched("kokoro")
    if weights is None:
        print(f"mind: not measured beside a voice: {why}")
        return
    voice: Any = isolated(kokoro_onnx).load(kokoro_onnx.Options(), "cpu", weights)
    factors: list[float] = []

    def speak() -> None:
        begun, spoken = time.perf_counter(), sum(piece.audio.duration_ms for piece in voice.synthesize(SAID, None))
        factors.append((time.perf_counter() - begun) * 1000 / spoken)

    speak()
    speak()
    alone, done = factors.pop(), threading.Event()
    factors.clear()

    def go_on() -> None:
        while not done.is_set():
            speak()

    speaking = threading.Thread(target=go_on)
    speaking.start()
    speeds = [_answer(mind, persona, [], question)[1] for question in QUESTIONS]
    done.set()
    speaking.join()
    print(
        f"mind: beside a voice {statistics.median(speeds):.0f} tokens a second; the voice's real-time factor is "
        f"{statistics.median(factors):.2f}, alone {alone:.2f}"
    )


def _four_users(mind: Any, persona: Persona) -> None:
    answers: list[tuple[float, float, str]] = []
    questions = [f"I am number {number}. {QUESTIONS[0]}" for number in range(4)]
    users = [threading.Thread(target=lambda q=q: answers.append(_answer(mind, persona, [], q))) for q in questions]
    begun = time.perf_counter()
    for user in users:
        user.start()
    for user in users:
        user.join()
    written = sum(len(text) for *_, text in answers) / (time.perf_counter() - begun)
    print(f"mind: four users at once: first tokens after {', '.join(f'{first:.0f}' for first, *_ in sorted(answers))} ms, "
          f"{sum(speed for _, speed, _ in answers):.0f} tokens and {written:.0f} characters a second in all")  # fmt: skip


def _stop_ms(mind: Any, persona: Persona, said: str, steps: int) -> float:
    process = psutil.Process(mind.supervisor.pid)
    deltas = mind.stream(messages_for(persona, [], said), persona)
    for _ in range(steps):
        next(deltas)
    begun = last = time.perf_counter()
    deltas.close()
    used = process.cpu_times().user
    while time.perf_counter() - last < 0.15:
        time.sleep(0.01)
        if (now := process.cpu_times().user) > used:
            used, last = now, time.perf_counter()
    return (last - begun) * 1000


if __name__ == "__main__":
    main()
