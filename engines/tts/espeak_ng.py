"""Embedded text-to-speech engine: eSpeak NG, with the synthesizer's own phoneme and word times.

eSpeak NG is licensed GPL-3.0-or-later; `engines.runtimes.espeak_api` loads it at run time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from engines.g2p.scripts import readable
from engines.runtimes.espeak_api import (
    DEFAULT_VOICE,
    INSTALL,
    TITLE,
    EspeakLibrary,
    Span,
    Synthesis,
    composed,
    phoneme_spans,
    printable,
    shared_library,
)
from engines.tts._pieces import pieces
from engines.types import AudioChunk, EngineInfo, PhonemeTiming, Speech, Voice, WordTiming

INFO = EngineInfo(
    name="espeak_ng",
    stage="tts",
    title=TITLE,
    summary="A basic, robotic offline voice for more than a hundred languages; it answers at once and needs no download.",
    requires=("espeakng_loader",),
    install=INSTALL,
    embedded=True,
)


@dataclass(frozen=True, slots=True)
class Options:
    """How the voice speaks; values outside a range are moved to its nearest end."""

    rate_wpm: int = 165
    """Words a minute, 80 to 300: above that eSpeak's event times run past its sound."""
    pitch: int = 50
    """0 (low) to 99 (high)."""


_PIECE_CHARACTERS = 300  # spoken in one step: 20 s of English in some 20 ms of work, so a cancel is never far
_WOMAN = "+f3"
_OPENING = re.compile(r"(?<!\S)[^\w\s]+\Z")  # a quote or bracket goes with the word it opens


def load(options: Options, device: str, folder: Path | None = None) -> EspeakNg:  # noqa: ARG001 - every adapter is loaded alike
    """Open the library (once per process, after a probe in a subprocess) and make a voice of it.

    Raises:
        MissingDependency: `espeakng_loader` is not installed.
        TextToSpeechError: ``load_failed``, the library or its data cannot be used.
    """
    return EspeakNg(shared_library(), options)


class EspeakNg:
    """A `TextToSpeech` on eSpeak NG: float32 at 22 050 Hz, timing ``measured``. Safe to share between threads."""

    def __init__(self, library: EspeakLibrary, options: Options) -> None:
        self._library = library
        self._rate_wpm = min(max(options.rate_wpm, 80), 300)
        self._pitch = min(max(options.pitch, 0), 99)

    def voices(self) -> Sequence[Voice]:
        """Two voices per language and accent, a man's and a woman's, the default first.

        ``+f3``, ``+m1`` … may follow an id to change the speaker.
        """
        plain = sorted(self._library.voices, key=lambda voice: (voice.id != DEFAULT_VOICE, voice.name))
        return [
            *(replace(voice, gender="male") for voice in plain),
            *(replace(voice, id=f"{voice.id}{_WOMAN}", name=f"{voice.name}, female", gender="female") for voice in plain),
        ]

    def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
        """Say `text`: one `Speech` for up to 300 characters, more for longer texts. Markup is not interpreted. Blank text yields nothing.

        `voice` is an id of `voices()`, one of its language tags (``fr-FR``, ``zh``), either with a variant (``en-us+f3``).

        Raises:
            TextToSpeechError: ``unknown_voice`` (at once), or ``synthesis_failed`` (while iterating).
        """
        identifier = self._library.resolve(DEFAULT_VOICE if voice is None else voice)
        cut = pieces(text, _PIECE_CHARACTERS) if printable(text).strip() else iter(())
        return (self._say(piece, identifier) for piece in cut)

    def _say(self, text: str, identifier: str) -> Speech:
        spoken, origin = spoken_by(text, identifier)
        take = self._library.speak(printable(spoken), identifier, self._rate_wpm, self._pitch)
        spans, ms = phoneme_spans(take), 1000.0 / take.sample_rate
        return Speech(
            audio=AudioChunk(take.samples.astype(np.float32) / np.float32(32768), take.sample_rate),
            phonemes=tuple(PhonemeTiming(name, a * ms, (b - a) * ms) for name, a, b in spans),
            words=tuple(WordTiming(word, a * ms, (b - a) * ms) for word, a, b in _word_spans(text, spoken, origin, take, spans)),
            timing="measured",
        )


def spoken_by(text: str, identifier: str) -> tuple[str, list[int]]:
    """What the library is given of a text, and for each of its characters the place in the text that it comes from.

    `identifier` comes from `EspeakLibrary.resolve`.
    """
    language = identifier.rpartition("/")[2].partition("+")[0].partition("-")[0].lower()
    joined, first = composed(text)
    spoken, places = readable(joined, language)
    return spoken, [first[place] if place < len(first) else len(text) for place in places[: len(spoken)]]


def _word_spans(text: str, spoken: str, origin: list[int], take: Synthesis, phonemes: list[Span]) -> Iterator[Span]:
    """(characters, first sample, sample after the last) of each word. The characters of all words, joined, are `text`."""
    cuts: list[tuple[int, int]] = []
    for sample, position in take.words:
        index = min(max(position, 0), len(spoken) - 1)
        before = spoken[index - 1]
        if not cuts:
            cuts.append((0, sample))
        elif before.isspace() or (spoken[index].isalpha() and before not in "'’"):  # else it is the inside of a number or a symbol
            index = opening.start() if (opening := _OPENING.search(spoken[:index])) else index
            if origin[index] > cuts[-1][0]:
                cuts.append((origin[index], sample))
    for (cut, sample), (next_cut, next_sample) in pairwise([*(cuts or [(0, 0)]), (len(text), len(take.samples))]):
        last_sound = max((end for name, start, end in phonemes if name and sample <= start < next_sample), default=next_sample)
        yield text[cut:next_cut], sample, min(last_sound, next_sample)
