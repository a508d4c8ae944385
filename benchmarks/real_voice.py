"""The genuine voice engines, heard by a machine: errors, time to the first clause, speed, silences and loudness.

``python -m benchmarks.real_voice [--engine NAME …]``. Errors are what Whisper base hears otherwise than was written, in words for English
and in characters elsewhere; it spells Hindi too badly to judge it, and writes Japanese and
Mandarin with other characters for the same sounds. Loudness
and silences are those of what a turn plays.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.lips import SENTENCES
from engines.config.settings import load_settings
from engines.conversation.speech import placed
from engines.errors import EngineError
from engines.protocols import SpeechToText, TextToSpeech
from engines.registry.discovery import discover
from engines.speaking.pauses import pause_after
from engines.types import Speech, Stage, Voice
from engines.voices.loudness import Levels, loudness
from engines.weights import store

ENGINES = ("kokoro_onnx", "piper", "espeak_ng")
CLAUSES = ("Yes, of course.", "Well, that depends on the season.", "I'm glad you asked, because most people never notice it.")
"""Of 3, 6 and 10 words."""
ROUNDS = 7
MOST_OF_MODEL = 1.05
LANGUAGES = ("en", "es", "fr", "it", "pt", "ja", "zh", "hi")
PAUSE_S = (0.25, 0.45)


@dataclass
class Spent:
    """Seconds that the model itself took."""

    seconds: float = 0.0

    def watch(self, model: Any, name: str) -> None:
        """Count the calls of a method."""
        original = getattr(model, name)

        def counted(*args: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            try:
                return original(*args, **named)
            finally:
                self.seconds += time.perf_counter() - begun

        setattr(model, name, counted)


def main() -> None:
    """Measure what was asked for; ends with status 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", action="append", choices=ENGINES)
    parser.add_argument("--voices", type=int, default=2, help="voices of each language that are heard")
    chosen = parser.parse_args()
    if not measure(chosen.engine or ENGINES, chosen.voices):
        sys.exit(1)


def measure(engines: Sequence[str] = ENGINES, voices: int = 2) -> bool:
    """Print every number of every engine, beside its goal where there is one; whether all goals are met."""
    warnings.filterwarnings("ignore")
    listener, good = loaded("stt", "faster_whisper"), True
    for name in engines:
        try:
            engine = loaded("tts", name)
        except EngineError as error:
            print(f"voice, {name}: not measured: {error.message}")
            continue
        good &= first_clause(name, engine)
        good &= heard(name, engine, listener, voices)
        levels(name, engine)
    return good


def loaded(stage: Stage, name: str) -> Any:
    """The engine of that name, with its files."""
    adapter = discover(stage)[name]
    options, files = adapter.Options(), getattr(adapter, "files", None)
    model = files(options, "auto") if files else None
    return adapter.load(options, "auto", store.fetch(model, load_settings().weights) if model else None)


def first_clause(name: str, engine: TextToSpeech) -> bool:
    """The time until the first sound of a short clause is there, beside what the model itself took of it."""
    spent, good = Spent(), True
    if hasattr(engine, "network"):
        spent.watch(engine.network, "say")
    for clause in CLAUSES:
        whole, model = list[float](), list[float]()
        for _ in range(ROUNDS):
            spent.seconds, begun = 0.0, time.perf_counter()
            next(iter(engine.synthesize(clause)))
            whole.append(time.perf_counter() - begun)
            model.append(spent.seconds)
        told = f"voice, {name}: {len(clause.split())} words in {statistics.median(whole) * 1000:.0f} ms (best {min(whole) * 1000:.0f})"
        if spent.seconds:
            ratio = statistics.median(a / b for a, b in zip(whole, model, strict=True))
            good &= ratio <= MOST_OF_MODEL
            told += f", {ratio:.3f} times what the model itself takes (target: {MOST_OF_MODEL})"
        print(told, flush=True)
    return good


def heard(name: str, engine: TextToSpeech, listener: SpeechToText, most: int) -> bool:
    """Errors in every language, speed, and the pauses between sentences."""
    good = True
    for language in LANGUAGES:
        voices = [
            voice for voice in engine.voices() if voice.language.partition("-")[0] in {language, "cmn" if language == "zh" else language}
        ]
        if not voices or language not in SENTENCES:
            continue
        wrong = written = 0
        took = lasted = 0.0
        before, behind = list[float](), list[float]()
        for voice in _apart(voices, most):
            for sentence in SENTENCES[language]:
                begun = time.perf_counter()
                speeches = list(engine.synthesize(sentence, voice.id))
                took += time.perf_counter() - begun
                lasted += sum(speech.audio.duration_ms for speech in speeches) / 1000
                for number, speech in enumerate(speeches):
                    played = placed(speech, name, pause_after(sentence, "" if number < len(speeches) - 1 else sentence))
                    edges = _sounding(played)
                    before.append(edges[0])
                    behind.append(edges[1])
                    transcript = listener.transcribe(speech.audio, language).text
                    expected, found = (_units(text, language) for text in (sentence, transcript))
                    wrong, written = wrong + distance(expected, found), written + len(expected)
        what = "words" if language == "en" else "characters"
        pause = (statistics.median(before) + statistics.median(behind)) / 1000
        good &= PAUSE_S[0] <= pause <= PAUSE_S[1]
        print(
            f"voice, {name}, {language}: {100 * wrong / max(written, 1):.1f} % of {written} {what} heard wrong; "
            f"real-time factor {took / lasted:.2f}; {statistics.median(before):.0f} ms of silence before the sound, {pause:.2f} s between "
            f"sentences (target: {PAUSE_S[0]}-{PAUSE_S[1]})",
            flush=True,
        )
    return good


def levels(name: str, engine: TextToSpeech) -> None:
    """Loudness of the English voices, as they are made and as they are played."""
    made, played = list[float](), list[float]()
    leveller = Levels()
    for voice in _apart([voice for voice in engine.voices() if voice.language.startswith("en")], 28):
        for sentence in SENTENCES["en"][:3]:
            for speech in engine.synthesize(sentence, voice.id):
                made.append(loudness(speech.audio))
                played.append(loudness(leveller.levelled(speech, name, voice.id).audio))
    print(
        f"voice, {name}: loudness {min(made):.1f} … {max(made):.1f} LUFS as made, {min(played):.1f} … {max(played):.1f} as played; "
        f"spread {np.std(made):.1f} → {np.std(played):.1f} LU",
        flush=True,
    )


def _apart(voices: Sequence[Voice], most: int) -> list[Voice]:
    """So many of them, from the first on."""
    step = max(len(voices) // most, 1)
    return list(voices)[::step][:most]


def _sounding(speech: Speech) -> tuple[float, float]:
    """Silence before and behind the sound, in ms: what is quieter than 40 dB below the loudest 10 ms."""
    size = speech.audio.sample_rate // 100
    frames = speech.audio.samples[: len(speech.audio.samples) // size * size].reshape(-1, size)
    level = np.sqrt((frames.astype(np.float64) ** 2).mean(axis=1))
    loud = np.flatnonzero(level > level.max() / 100)
    return loud[0] * 10.0, (len(level) - 1 - loud[-1]) * 10.0


def _units(text: str, language: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).lower()
    if language == "en":
        return re.findall(r"[a-z0-9']+", plain)
    return [character for character in plain if unicodedata.category(character)[0] in "LMN"]


def distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Levenshtein's."""
    row = list(range(len(other) + 1))
    for at, left in enumerate(one, 1):
        before, row[0] = row[0], at
        for place, right in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (left != right))
    return row[-1]


if __name__ == "__main__":
    main()
