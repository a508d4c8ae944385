"""Kokoro's voice, whatever computes the network: a text → pieces → words and phonemes → sound, with the network's own phoneme times.

For each character of its notation, and for a begin and an end, the network predicts how many frames of 25 ms it lasts, and then makes
exactly that much sound: nothing is measured or guessed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engines.errors import EngineError, MissingDependency, TextToSpeechError
from engines.g2p.kokoro import ALSO_NEEDED, g2p_of
from engines.g2p.words import Words
from engines.tts import _kokoro_voices as kokoro_voices
from engines.tts._durations import timings
from engines.tts._failures import failure
from engines.tts._pieces import pieces
from engines.types import AudioChunk, Speech, Voice

LANGUAGES = ("en", "es", "fr", "hi", "it", "ja", "pt", "zh")
WINDOW = 510
"""Phonemes that the network reads at once."""

_RATE = 24_000
_FRAME_SAMPLES = 600
_FRAME_MS = 25.0
_PIECE_CHARACTERS = 400
"""Said in one step: English has about one phoneme a character, and 510 fit into the network's window."""


class Network(Protocol):
    """Kokoro's network on some runtime. Both methods may be called from any thread, and may raise whatever the runtime does."""

    vocabulary: frozenset[str]
    """The phoneme characters that it knows."""

    def styles(self, file: Path) -> NDArray[np.float32]:
        """A voice: shape (510, 256), one style for each number of phonemes."""
        ...

    def say(self, phonemes: str, style: NDArray[np.float32], speed: float) -> tuple[NDArray[np.float32], Sequence[int]]:
        """Sound of shape (n,) at 24 000 Hz, and the frames of 25 ms of the begin mark, of each phoneme and of the end mark.

        `phonemes` are at most `WINDOW` characters of the vocabulary, `style` has the shape (256,).
        """
        ...


class Kokoro:
    """A `TextToSpeech` on Kokoro: float32 at 24 000 Hz, timing ``measured``. Safe to share between threads."""

    def __init__(self, network: Network, voices: Iterable[Path], speed: float, install: str) -> None:
        """The voices are files, each with its name; `install` brings the engine and what it needs for English.

        Raises:
            TextToSpeechError: ``missing_files``, no file is named like a voice.
        """
        self.network, self._speed, self._install = network, min(max(speed, 0.5), 2.0), install
        found = sorted(voices, key=lambda path: (path.stem != kokoro_voices.DEFAULT, path.stem))
        self._files = {path.stem: path for path in found if kokoro_voices.is_voice(path.stem)}
        if not self._files:
            raise TextToSpeechError(
                f"There is no voice named like {kokoro_voices.DEFAULT} here. Fetch the model again.", code="missing_files"
            )
        self._styles: dict[str, NDArray[np.float32]] = {}

    def voices(self) -> Sequence[Voice]:
        """The voices that are here (54 in the published one) by language, ``af_heart`` first."""
        return [kokoro_voices.voice(name) for name in self._files]

    def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
        """Say `text` in the language of the voice: one `Speech` for up to 400 characters, more for longer texts, cut between clauses.

        The words of all pieces, joined, are `text`. A text without anything that can be pronounced yields nothing.

        Raises:
            TextToSpeechError: ``unknown_voice`` (at once); ``bad_voice``, ``unpronounceable``, ``out_of_memory``, ``synthesis_failed``,
                ``bad_audio``, ``bad_timing`` (while iterating).
            MissingDependency: the voice's language needs a package that is not installed (while iterating).
        """
        default = next(iter(self._files))
        if (identifier := default if voice is None else voice) not in self._files:
            raise TextToSpeechError(f"Kokoro has no voice {identifier[:40]!r}. Choose one it has, such as {default}.", code="unknown_voice")
        return self._say(text, identifier)

    def _say(self, text: str, identifier: str) -> Iterator[Speech]:
        ready = Words()
        for words in self._phonemized(text, identifier[0], _PIECE_CHARACTERS):
            if any(said for _, said in ready) and any(said for _, said in words):
                yield self._step(ready, identifier)
                ready = []
            ready += words
        if any(said for _, said in ready):
            yield self._step(ready, identifier)

    def _phonemized(self, text: str, letter: str, limit: int) -> Iterator[Words]:
        """The words of each piece of the text; pieces become shorter until they fit the network's window."""
        for piece in pieces(text, limit):
            words = self._phonemize(piece, letter) if any(map(str.isalnum, piece)) else [(piece, "")]
            if sum(len(phonemes) for _, phonemes in words) > WINDOW and len(piece) > 1:
                yield from self._phonemized(piece, letter, (min(len(piece), limit) + 1) // 2)
            else:
                yield words

    def _phonemize(self, piece: str, letter: str) -> Words:
        try:
            words = g2p_of(letter)(piece)
        except ImportError as error:
            what = f"Kokoro in {kokoro_voices.LANGUAGES[letter].title}"
            raise MissingDependency(what, ALSO_NEEDED.get(letter, self._install)) from error
        except EngineError:
            raise
        except Exception as error:  # dictionaries and number readers of nine languages
            why = f"Kokoro cannot pronounce {piece[:40]!r}. Say it in other words."
            raise TextToSpeechError(why, code="unpronounceable") from error
        known = ["".join(c for c in phonemes if c in self.network.vocabulary) for _, phonemes in words]
        audible = any(map(str.strip, known))
        return [(word, re.sub(" +", " ", kept) if audible else "") for (word, _), kept in zip(words, known, strict=True)]

    def _step(self, words: Words, identifier: str) -> Speech:
        phonemes = "".join(characters for _, characters in words).rstrip()
        styles = self.styles(identifier)
        try:
            said, lasting = self.network.say(phonemes, styles[min(len(phonemes), len(styles)) - 1], self._speed)
            samples, frames = np.array(said, np.float32).reshape(-1), [int(frame) for frame in lasting]
        except Exception as error:
            raise failure(error, "Kokoro failed", "Try again, or choose another voice.", "synthesis_failed") from error
        if not np.isfinite(samples).all() or not samples.any():
            raise TextToSpeechError(
                "Kokoro made no sound that can be played. Try another voice.", code="bad_audio", retryable=True, counts_against_engine=True
            )
        if len(frames) != len(phonemes) + 2 or sum(frames) * _FRAME_SAMPLES != len(samples):
            raise TextToSpeechError(
                f"Kokoro's times do not fit its sound. Install it again: {self._install}", code="bad_timing", counts_against_engine=True
            )
        lengths = [frame * _FRAME_MS for frame in frames]
        return Speech(AudioChunk(np.clip(samples, -1, 1), _RATE), *timings(words, phonemes, lengths), timing="measured")

    def styles(self, identifier: str) -> NDArray[np.float32]:
        """The voice: float32 of shape (510, 256), one style for each number of phonemes."""
        if identifier not in self._styles:
            try:
                styles = self.network.styles(self._files[identifier])
                if styles.ndim != 2 or styles.shape[1] != 256 or not len(styles) or not np.isfinite(styles).all():
                    raise ValueError("it is not of the shape (510, 256), or not finite")
            except Exception as error:
                raise failure(error, f"The voice {identifier} cannot be read", "Choose another.", "bad_voice") from error
            self._styles[identifier] = styles
        return self._styles[identifier]
