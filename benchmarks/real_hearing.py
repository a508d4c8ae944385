"""Hearing, on recordings of people and on sounds that are no speech: the engines that hear here, as the app runs them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence

import psutil

from benchmarks.recordings import CONDITIONS, RATE, Recording, characters, edits, made_worse, no_speech, words
from engines.config.settings import load_settings
from engines.errors import EngineError
from engines.isolation.isolated_engine import isolated
from engines.protocols import SpeechToText
from engines.registry.discovery import discover
from engines.registry.languages import priors_of
from engines.types import AudioChunk, Persona
from engines.weights import store

PERSONA = Persona("maya", "Maya", "", "", "", "", language="en")
"""Whom all of them speak to."""
GOALS = {"clean": 5.0, "pink noise, 10 dB": 8.0, "white noise, 10 dB": 8.0}
EMBEDDED_GOALS = {"silence around": 26.0}
"""PocketSphinx."""


def measure(recordings: Sequence[Recording], only: str = "") -> bool:
    """Print a table for each engine; whether the first of them reaches its goals."""
    english = [one for one in recordings if one.language == "en"]
    foreign = [one for one in recordings if one.language not in {"", "en"}]
    silent = {one.name: AudioChunk(one.samples, RATE) for one in recordings if not one.language} | no_speech()
    good = True
    for number, (title, embedded, engine) in enumerate(_engines(only)):
        reached = _english(title, engine, english, EMBEDDED_GOALS if embedded else GOALS)
        if not embedded:
            reached &= _foreign(title, engine, foreign)
        invented = {name: heard for name, sound in silent.items() if (heard := _heard(engine, sound)[0])}
        print(f"hearing: {title}: words out of {len(invented)} of {len(silent)} sounds that are none (goal: 0)", *_listed(invented))
        good &= (reached and not invented) or number > 0
    return good


def _listed(invented: dict[str, str]) -> list[str]:
    return [f"\n    {name}: {heard!r}" for name, heard in invented.items()]


def _engines(only: str) -> Iterator[tuple[str, bool, SpeechToText]]:
    settings = load_settings()
    for adapter in discover("stt").values():
        info = adapter.INFO
        if info.preference < 0 or (only and info.name != only):
            continue
        try:
            options = adapter.Options()
            folder = store.fetch(adapter.files(options, "auto"), settings.weights) if hasattr(adapter, "files") else None
            begun = time.perf_counter()
            engine = isolated(adapter).load(options, settings.device, folder)
        except EngineError as error:
            print(f"hearing: {info.title}: not measured: {error.message}")
            continue
        took = time.perf_counter() - begun
        resident = psutil.Process(engine.supervisor.pid).memory_info().rss / 2**20
        print(f"hearing: {info.title}: loaded in {took:.2f} s with its process, {resident:.0f} MB")
        yield info.title, info.embedded, engine


def _heard(engine: SpeechToText, sound: AudioChunk) -> tuple[str, str | None, float]:
    """The text, its language, and how long it took, in s."""
    begun = time.perf_counter()
    try:
        transcript = engine.transcribe(sound, None, priors_of(PERSONA, None))
    except EngineError as error:
        return f"({error.code})", None, time.perf_counter() - begun
    return transcript.text, transcript.language, time.perf_counter() - begun


def _english(title: str, engine: SpeechToText, recordings: Sequence[Recording], goals: dict[str, float]) -> bool:
    good = True
    for condition in CONDITIONS:
        wrong, total, took, ratios = 0, 0, [], []
        for one in recordings:
            text, _, seconds = _heard(engine, made_worse(one.samples, condition))
            expected = words(one.text)
            wrong, total = wrong + edits(expected, words(text)), total + len(expected)
            took.append(seconds * 1000)
            ratios.append(seconds / one.seconds)
        rate, goal = 100 * wrong / max(total, 1), goals.get(condition)
        print(f"hearing: {title}: {condition}: {rate:.1f} % of {total} words wrong", f"(goal: {goal:g} %);" if goal else ";", end=" ")
        print(f"{statistics.median(took):.0f} ms a recording, real-time factor {statistics.median(ratios):.3f}")
        good &= goal is None or rate <= goal
    return good


def _foreign(title: str, engine: SpeechToText, recordings: Sequence[Recording]) -> bool:
    found = 0
    for one in recordings:
        text, language, _ = _heard(engine, AudioChunk(one.samples, RATE))
        expected = characters(one.text)
        found += language == one.language
        rate = 100 * edits(expected, characters(text)) / len(expected)
        print(f"hearing: {title}: {one.name}: taken for {language}, {rate:.0f} % of characters wrong")
    print(f"hearing: {title}: {found} of {len(recordings)} in their own language (goal: all but one of twenty)")
    return found >= 0.94 * len(recordings)
