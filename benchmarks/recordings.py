"""Recordings of people for the benchmarks of hearing: what is said in them, how they are made worse, sounds that are no speech, and errors.

A folder of recordings holds sound files with their words in a ``.txt`` of the same name (English), or a ``manifest.json``: a list of
objects with ``file``, ``language`` (BCP 47; empty where nobody speaks) and ``text``; or both, also in folders below it. None is in this
repository.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from num2words2 import num2words  # type: ignore[import-untyped,unused-ignore]
from numpy.typing import NDArray

from engines.audio import decode, resample
from engines.types import AudioChunk

RATE = 16_000
"""Hz."""
USUAL_FOLDER = Path(__file__).resolve().parent.parent.parent / "shared" / "speech"
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Recording:
    """One sound file and what is said in it."""

    name: str
    language: str
    """BCP 47; empty where nobody speaks."""
    text: str
    samples: Samples
    """Shape (n,) at 16 000 Hz."""

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def read(folder: Path) -> list[Recording]:
    """Every recording in a folder and below it."""
    found = []
    for manifest in sorted(folder.rglob("manifest.json")):
        for entry in json.loads(manifest.read_text(encoding="utf-8")):
            found.append(Recording(entry["file"], entry["language"], entry["text"], _samples(manifest.parent / entry["file"])))
    for text in sorted(folder.rglob("*.txt")):
        for file in (text.with_suffix(ending) for ending in (".wav", ".flac")):
            if file.is_file():
                found.append(Recording(file.name, "en", text.read_text(encoding="utf-8").strip(), _samples(file)))
    return found


def _samples(file: Path) -> Samples:
    return resample(decode(file, max_ms=120_000), RATE).samples


# ---- how recordings are made worse


def _noise(length: int, seed: int, colour: float = 0.0) -> NDArray[np.float64]:
    """Noise of power 1; its spectrum falls with the frequency to the power of twice the colour (0.5 is pink)."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=length))
    made = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1) ** colour, length)
    return np.asarray(made / np.sqrt(np.square(made).mean()))


def _with_noise(samples: Samples, colour: float) -> NDArray[np.float64]:
    """Noise 10 dB below the speech."""
    level = np.sqrt(np.square(samples, dtype=np.float64).mean()) * 10 ** (-10 / 20)
    return samples + level * _noise(len(samples), 1, colour)


def _by_telephone(samples: Samples) -> NDArray[np.float64]:
    """8 000 Hz in 8 bits of mu-law (G.711)."""
    narrow = np.clip(resample(AudioChunk(samples, RATE), 8_000).samples, -1, 1)
    coded = np.round(np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256) * 127) / 127
    plain = np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255
    return resample(AudioChunk(plain.astype(np.float32), 8_000), RATE).samples.astype(np.float64)


def _around(samples: Samples, level_db: float | None) -> NDArray[np.float64]:
    """Two seconds on either side: of silence, or of a room of so many dB of full scale."""
    padded = np.pad(samples, 2 * RATE).astype(np.float64)
    return padded if level_db is None else padded + 10 ** (level_db / 20) * _noise(len(padded), 2, 0.5)


CONDITIONS: dict[str, Callable[[Samples], NDArray[np.float64]]] = {
    "clean": lambda samples: samples.astype(np.float64),
    "pink noise, 10 dB": lambda samples: _with_noise(samples, 0.5),
    "white noise, 10 dB": lambda samples: _with_noise(samples, 0.0),
    "quiet, peak -30 dBFS": lambda samples: samples / np.abs(samples).max() * 10 ** (-30 / 20),
    "telephone": _by_telephone,
    "silence around": lambda samples: _around(samples, None),
    "a room around, -55 dBFS": lambda samples: _around(samples, -55),
}


def made_worse(samples: Samples, condition: str) -> AudioChunk:
    """The recording under one of `CONDITIONS`."""
    return AudioChunk(np.clip(CONDITIONS[condition](samples), -1, 1).astype(np.float32), RATE)


# ---- sounds that are no speech


def no_speech() -> dict[str, AudioChunk]:
    """Breath, hum, clicks, chords, rooms and so on, each with its name; the same ones every time."""
    time = np.arange(3 * RATE) / RATE
    zeros = np.zeros(3 * RATE)

    def swell(seconds: float, rise: float, fall: float) -> NDArray[np.float64]:
        now = np.arange(round(seconds * RATE)) / RATE
        return np.minimum(1, np.minimum(now / rise, (seconds - now) / fall))

    def breath(seconds: float, level: float) -> NDArray[np.float64]:
        spectrum = np.fft.rfft(_noise(round(seconds * RATE), 3))
        pitch = np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
        made = np.fft.irfft(spectrum * np.exp(-(((pitch - 1500) / 1200) ** 2)), round(seconds * RATE))
        return level * made / np.abs(made).max() * swell(seconds, 0.3 * seconds, 0.4 * seconds)

    def placed(*parts: tuple[float, NDArray[np.float64]]) -> NDArray[np.float64]:
        made = zeros.copy()
        for at, part in parts:
            begin = round(at * RATE)
            made[begin : begin + len(part)] += part[: len(made) - begin]
        return made

    def hum(pitch: float) -> NDArray[np.float64]:
        return 0.1 * sum(np.sin(2 * np.pi * pitch * harmonic * time) / harmonic for harmonic in range(1, 9))

    def chord(*pitches: float) -> NDArray[np.float64]:
        tones = sum(np.sin(2 * np.pi * pitch * over * time) / over**2 for pitch in pitches for over in (1, 2, 3))
        return 0.1 * tones * np.exp(-time / 1.2)

    click = 0.5 * _noise(80, 4) * np.exp(-np.arange(80) / 20)
    key = 0.2 * _noise(800, 5) * np.exp(-np.arange(800) / 120)
    cough = 0.4 * _noise(round(0.35 * RATE), 6) * np.exp(-np.arange(round(0.35 * RATE)) / (0.08 * RATE))
    beep = 0.3 * np.sin(2 * np.pi * 880 * time[: round(0.15 * RATE)])
    sounds = {
        "silence": zeros,
        **{f"a room, {level} dBFS": 10 ** (level / 20) * _noise(3 * RATE, 7, 0.5) for level in (-55, -45, -35)},
        "white noise, -40 dBFS": 0.01 * _noise(3 * RATE, 8),
        "white noise, -20 dBFS": 0.1 * _noise(3 * RATE, 8),
        "breath": placed((0.5, breath(0.8, 0.1))),
        "two breaths": placed((0.3, breath(0.8, 0.1)), (1.5, breath(1.2, 0.1))),
        "loud breath": placed((0.3, breath(1.0, 0.4)), (1.8, breath(0.6, 0.4))),
        "breath in a room": placed((0.5, breath(0.8, 0.1))) + 10 ** (-55 / 20) * _noise(3 * RATE, 9, 0.5),
        **{f"hum, {pitch} Hz": hum(pitch) for pitch in (50, 60, 120)},
        "a click": placed((1.0, click)),
        "clicks": placed(*((0.3 + 0.4 * number, click) for number in range(6))),
        "a keyboard": placed(*((0.1 + 0.19 * number, key) for number in range(14))),
        "a chord": chord(261, 329, 392),
        "a low chord": chord(110, 165, 220),
        "chords": placed(
            *((number, part[:RATE]) for number, part in enumerate((chord(261, 329, 392), chord(293, 349, 440), chord(196, 246))))
        ),
        "beeps": placed(*((0.2 + 0.3 * number, beep) for number in range(5))),
        "a rising tone": 0.2 * np.sin(2 * np.pi * (200 * time + 300 * time**2)),
        "a cough": placed((0.4, cough), (1.2, cough)),
        "wind": np.convolve(_noise(3 * RATE, 10), np.ones(60) / 60, "same") * (1 + 0.8 * np.sin(2 * np.pi * 0.7 * time)),
    }
    return {name: AudioChunk(np.clip(samples, -1, 1).astype(np.float32), RATE) for name, samples in sounds.items()}


# ---- errors


def words(text: str) -> list[str]:
    """The words of an English text, so that only what is heard counts: small letters, no punctuation, numbers and titles in words."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    plain = re.sub(r"\bmr\b\.?", "mister", plain)
    plain = re.sub(r"\d+", lambda number: f" {num2words(int(number[0]))} ", plain)
    return re.sub(r"[^\w']", " ", plain).split()


def characters(text: str) -> list[str]:
    """The letters and digits of a text, for languages in which words are not counted."""
    return [letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum()]


def edits(expected: Sequence[str], heard: Sequence[str]) -> int:
    """Levenshtein distance: what must be put in, left out or replaced."""
    row = list(range(len(heard) + 1))
    for number, one in enumerate(expected, 1):
        above, row = row, [number]
        for at, other in enumerate(heard, 1):
            row.append(min(above[at] + 1, row[at - 1] + 1, above[at - 1] + (one != other)))
    return row[-1]
