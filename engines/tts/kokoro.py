"""Text-to-speech engine: Kokoro v1.0 on torch, with the phoneme times that the model itself decided on.

Model and voices: https://huggingface.co/hexgrad/Kokoro-82M (Apache-2.0). For each character of its notation, and for a begin and an end,
Kokoro predicts how many frames of 25 ms it lasts, and then makes exactly that much sound: nothing is measured or guessed here.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import MissingDependency, TextToSpeechError
from engines.tts import _kokoro_voices as kokoro_voices
from engines.tts._g2p import Words, g2p_of
from engines.tts._pieces import pieces
from engines.types import AudioChunk, EngineInfo, PhonemeTiming, Speech, Voice, WordTiming
from engines.weights import hub
from engines.weights.hardware import is_out_of_memory, torch_device

INFO = EngineInfo(
    name="kokoro",
    stage="tts",
    title="Kokoro",
    summary="A natural voice in nine languages with exact lips; it fetches 350 MB once and then works offline.",
    requires=("torch", "kokoro"),
    install='pip install "kokoro>=0.9.4,<0.10"',
    languages=("en", "es", "fr", "hi", "it", "ja", "pt", "zh"),
    preference=10,
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which model speaks, and how fast."""

    model: str = "hexgrad/Kokoro-82M"
    """A hub id, or a folder with config.json, kokoro-v1_0.pth and voices/*.pt."""
    speed: float = 1.0
    """0.5 (slow) to 2 (fast); values outside are moved to the nearest end."""


_ALSO_NEEDED = {
    "j": 'pip install "fugashi>=1.3,<2" "jaconv>=0.3,<1" "mojimoji>=0.0.13,<0.1" "unidic-lite>=1.0.8,<2"',
    "z": 'pip install "misaki[zh]>=0.9.4,<0.10"',
}
_CONFIG, _WEIGHTS, _VOICES = "config.json", "kokoro-v1_0.pth", "voices/*.pt"
_PARTS = {"bert", "bert_encoder", "predictor", "text_encoder", "decoder"}
"""Of the weights: Kokoro would leave a missing one random."""
_RATE = 24_000
_FRAME_SAMPLES = 600
_FRAME_MS = 25.0
_JOINT_FRAMES = 2
"""Where a long text is cut: 50 ms of silence on either side …"""
_FADE = np.linspace(0, 1, 120, dtype=np.float32)
"""… which begin and end with a fade of 5 ms."""
_PIECE_CHARACTERS = 400
"""Said in one step: English has about one phoneme a character, and 510 fit into the model's window."""
_PAUSES = frozenset(";:,.!?—…")
_MARKS = frozenset(' "()“”ˈˌːʰʲᵝ\u0303↓→↗↘')
"""Characters of the notation that have no mouth shape of their own."""


def files(options: Options, device: str) -> hub.Model:  # noqa: ARG001 - the files are the same everywhere
    """The files of the model."""
    files = (_CONFIG, _WEIGHTS, _VOICES)
    return hub.Model(name=options.model, what="The voice model", failure=TextToSpeechError, files=files, required=files)


def load(options: Options, device: str, folder: Path) -> Kokoro:
    """Open the model and say a sentence to warm up: the first is slow.

    ``auto`` is CUDA where there is one, else the processor, which says the short first clause of a reply sooner than Apple's GPU.

    Raises:
        MissingDependency: kokoro is not installed, or what the default voice's language needs.
        TextToSpeechError: ``load_failed``, ``out_of_memory``, or what `Kokoro.synthesize` raises.
    """
    try:
        torch, kokoro = import_module("torch"), import_module("kokoro")
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    logging.getLogger("phonemizer").propagate = False  # it warns of every number that becomes several words
    on = torch_device(device, able=("cuda",))
    try:
        if absent := _PARTS - torch.load(folder / _WEIGHTS, map_location="meta", weights_only=True).keys():
            raise ValueError(f"{_WEIGHTS} lacks {', '.join(sorted(absent))}")
        model = kokoro.KModel(repo_id="hexgrad/Kokoro-82M", config=str(folder / _CONFIG), model=str(folder / _WEIGHTS)).to(on).eval()
    except Exception as error:  # a damaged file, or a device that is not there, makes json, pickle, zipfile and torch raise almost anything
        then = "Fetch it again." if on == "cpu" else "Set the device to cpu, or fetch it again."
        raise _failure(error, f"The voice model {options.model!r} cannot be opened on {on}", then, "load_failed") from error
    voice = Kokoro(model, folder, options.speed)
    list(voice.synthesize("Hello, it is good to see you here again."))
    return voice


class Kokoro:
    """A `TextToSpeech` on Kokoro: float32 at 24 000 Hz, timing ``measured``. Safe to share between threads."""

    def __init__(self, model: Any, folder: Path, speed: float) -> None:
        self.model, self._speed = model, min(max(speed, 0.5), 2.0)
        self._window: int = model.context_length - 2
        found = sorted(folder.glob(_VOICES), key=lambda path: (path.stem != kokoro_voices.DEFAULT, path.stem))
        self._files = {path.stem: path for path in found if kokoro_voices.is_voice(path.stem)}
        if not self._files:
            raise TextToSpeechError(f"{folder} holds no voice named like {kokoro_voices.DEFAULT}.pt. Fetch it again.", code="missing_files")
        # Torch makes itself at home in every thread anew: the first step in a fresh one, and each turn has its own, takes 100 ms longer.
        self._worker = ThreadPoolExecutor(1, "kokoro")
        self._packs: dict[str, Any] = {}
        self._g2p: dict[str, Callable[[str], Words]] = {}
        self._g2p_lock = threading.Lock()  # espeak-ng and the dictionaries behind misaki are not made for several threads

    def voices(self) -> Sequence[Voice]:
        """The voices in the model's folder (54 in the published one) by language, ``af_heart`` first."""
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
        ready, first = Words(), True
        for words in self._phonemized(text, identifier[0], _PIECE_CHARACTERS):
            if any(said for _, said in ready) and any(said for _, said in words):
                yield self._step(ready, identifier, first=first, last=False)
                ready, first = [], False
            ready += words
        if any(said for _, said in ready):
            yield self._step(ready, identifier, first=first, last=True)

    def _phonemized(self, text: str, letter: str, limit: int) -> Iterator[Words]:
        """The words of each piece of the text; pieces become shorter until they fit the model's window."""
        for piece, _ in pieces(text, limit):
            words = self._phonemize(piece, letter) if any(map(str.isalnum, piece)) else [(piece, "")]
            if sum(len(phonemes) for _, phonemes in words) > self._window and len(piece) > 1:
                yield from self._phonemized(piece, letter, (min(len(piece), limit) + 1) // 2)
            else:
                yield words

    def _phonemize(self, piece: str, letter: str) -> Words:
        with self._g2p_lock:
            try:
                if letter not in self._g2p:
                    self._g2p[letter] = g2p_of(letter)
            except ImportError as error:
                raise MissingDependency(
                    f"Kokoro in {kokoro_voices.LANGUAGES[letter].title}", _ALSO_NEEDED.get(letter, INFO.install)
                ) from error
            try:
                words = self._g2p[letter](piece)
            except Exception as error:  # dictionaries and number readers of nine languages
                why = f"Kokoro cannot pronounce {piece[:40]!r}. Say it in other words."
                raise TextToSpeechError(why, code="unpronounceable") from error
        known = ["".join(c for c in phonemes if c in self.model.vocab) for _, phonemes in words]
        audible = any(map(str.strip, known))
        return [(word, re.sub(" +", " ", kept) if audible else "") for (word, _), kept in zip(words, known, strict=True)]

    def _step(self, words: Words, identifier: str, *, first: bool, last: bool) -> Speech:
        phonemes = "".join(characters for _, characters in words).rstrip()
        pack = self.pack(identifier)
        try:
            style = pack[min(len(phonemes), len(pack)) - 1]
            output = self._worker.submit(self.model, phonemes, style, self._speed, return_output=True).result()
            samples, frames = np.array(output.audio.numpy(), np.float32).reshape(-1), [int(frame) for frame in output.pred_dur]
        except Exception as error:
            raise _failure(error, "Kokoro failed", "Try again, or choose another voice.", "synthesis_failed") from error
        if not np.isfinite(samples).all() or not samples.any():
            raise TextToSpeechError(
                "Kokoro made no sound that can be played. Try another voice.", code="bad_audio", retryable=True, counts_against_engine=True
            )
        if len(frames) != len(phonemes) + 2 or sum(frames) * _FRAME_SAMPLES != len(samples):
            raise TextToSpeechError(
                f"Kokoro's times do not fit its sound. Install it again: {INFO.install}", code="bad_timing", counts_against_engine=True
            )
        head, tail = 0 if first else max(0, frames[0] - _JOINT_FRAMES), 0 if last else max(0, frames[-1] - _JOINT_FRAMES)
        frames[0], frames[-1] = frames[0] - head, frames[-1] - tail
        kept = np.clip(samples[head * _FRAME_SAMPLES : len(samples) - tail * _FRAME_SAMPLES], -1, 1)
        kept[: len(_FADE)] *= _FADE if head else 1
        kept[-len(_FADE) :] *= _FADE[::-1] if tail else 1
        return Speech(AudioChunk(kept, _RATE), *_timings(words, phonemes, frames), timing="measured")

    def pack(self, identifier: str) -> Any:
        """The voice: float32 of shape (510, 1, 256), one style for each number of phonemes."""
        if identifier not in self._packs:
            try:
                pack = import_module("torch").load(self._files[identifier], map_location="cpu", weights_only=True)
                if pack.ndim != 3 or tuple(pack.shape[1:]) != (1, 256) or not len(pack) or not bool(pack.isfinite().all()):
                    raise ValueError("it is not of the shape (510, 1, 256), or not finite")
            except Exception as error:
                raise _failure(error, f"The voice {identifier} cannot be read", "Choose another.", "bad_voice") from error
            self._packs[identifier] = pack
        return self._packs[identifier]


def _timings(words: Words, phonemes: str, frames: list[int]) -> tuple[tuple[PhonemeTiming, ...], tuple[WordTiming, ...]]:
    """Phoneme i begins after the frames of the begin mark and of the phonemes before it; marks lengthen what they follow."""
    edges = [frame * _FRAME_MS for frame in accumulate(frames, initial=0)]
    spans = [("", 0.0, edges[1])]
    owner = [index for index, (_, characters) in enumerate(words) for _ in characters]
    sounds: dict[int, list[int]] = {}  # the spans of each word
    for character, word, (start, end) in zip(phonemes, owner, pairwise(edges[1:-1]), strict=False):  # a last space was left off
        if character in _MARKS:
            spans[-1] = (*spans[-1][:2], end)
            continue
        if character not in _PAUSES:
            sounds.setdefault(word, []).append(len(spans))
        spans.append((character, start, end))
    spans.append(("", edges[-2], edges[-1]))
    timings, now = list[WordTiming](), 0.0
    for index, (text, _) in enumerate(words):
        start, end = (spans[sounds[index][0]][1], spans[sounds[index][-1]][2]) if index in sounds else (now, now)
        timings.append(WordTiming(text, start, end - start))
        now = end
    return tuple(PhonemeTiming(name, start, end - start) for name, start, end in spans), tuple(timings)


def _failure(error: Exception, what: str, then: str, code: str) -> TextToSpeechError:
    """The sentence for an error from outside; a full memory is recognised."""
    if is_out_of_memory(error):
        return TextToSpeechError(
            f"{what}: the memory is full. Close other programs and try again.",
            code="out_of_memory",
            retryable=True,
            counts_against_engine=True,
        )
    why = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")[:200]
    passing = code == "synthesis_failed"
    return TextToSpeechError(f"{what}: {why}. {then}", code=code, retryable=passing, counts_against_engine=passing)
