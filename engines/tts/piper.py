"""Text-to-speech engine: Piper's voices on ONNX Runtime, in more than thirty languages, with the model's own phoneme times.

Voices: https://huggingface.co/rhasspy/piper-voices, each with a licence of its own (its MODEL_CARD tells); format: NAME.onnx beside
NAME.onnx.json, as https://github.com/OHF-Voice/piper1-gpl describes it. No code of Piper is used: the phonemes are eSpeak NG's, and the
durations are an inner tensor of the model, the only one that is rounded up.
"""

from __future__ import annotations

import json
import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import MissingDependency, TextToSpeechError
from engines.g2p import espeak
from engines.g2p.words import Words
from engines.tts._durations import timings
from engines.tts._failures import failure
from engines.tts._onnx import Session, outputs_of, with_output
from engines.tts._pieces import pieces
from engines.types import AudioChunk, EngineInfo, Speech, Voice
from engines.weights import catalog, hub
from engines.weights.catalog import CatalogModel

INFO = EngineInfo(
    name="piper",
    stage="tts",
    title="Piper",
    summary="A quick, plain voice with exact lips, also for weak machines; more than thirty languages, each voice a file of 60 MB.",
    requires=("onnxruntime",),
    install='pip install "onnxruntime>=1.23,<2"',
    models=("piper", "de_DE-thorsten-medium", "es_ES-davefx-medium", "fr_FR-siwis-medium", "nl_NL-mls-medium", "ru_RU-irina-medium"),
    preference=5,
    languages_by_voice=True,
    only_where_here=True,
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which voices there are, and how fast they speak."""

    model: str = "piper"
    """``piper``, an American English voice; the name of another of https://rhasspy.github.io/piper-samples; or a folder with voices."""
    speed: float = 1.0
    """0.5 (slow) to 2 (fast); values outside are moved to the nearest end."""


_HUB = "rhasspy/piper-voices"
_NAME = re.compile(r"([a-z]{2,3})_([A-Z]{2})-(\w+)-(x_low|low|medium|high)")
_PAD, _BEGIN, _END = "_^$"
"""A pad stands between two characters. Measured: its frames sound like the one behind it."""
_MARKS = {mark: mark for mark in ".,;:!?()"} | {"—": ",", "…": "...", "।": ".", "。": ".", "，": ",", "、": ",", "？": "?", "！": "!"}
_PIECE_CHARACTERS = 300
"""Said in one step: 20 s of sound in some 0.6 s of work."""
_WARM_UP = "Hello."


def files(options: Options, device: str) -> CatalogModel | hub.Model:  # noqa: ARG001 - the files are the same everywhere
    """The files of a voice: of the catalog, of the hub, or of a folder."""
    if options.model == "piper":
        return catalog.named("piper")
    if (name := _NAME.fullmatch(options.model)) and not Path(options.model).exists():
        language, region, who, quality = name.groups()
        path = f"{language}/{language}_{region}/{who}/{quality}/"
        voice = (f"{path}{options.model}.onnx", f"{path}{options.model}.onnx.json")
        return hub.Model(name=_HUB, what="The voice", failure=TextToSpeechError, files=(*voice, f"{path}MODEL_CARD"), required=voice)
    patterns = ("*.onnx", "*.onnx.json")
    return hub.Model(name=options.model, what="The voice", failure=TextToSpeechError, files=patterns, required=patterns)


def load(options: Options, device: str, folder: Path) -> Piper:  # noqa: ARG001 - small models for processors
    """Read what voices there are and open the first.

    Raises:
        MissingDependency: onnxruntime or eSpeak NG is not installed.
        TextToSpeechError: ``load_failed``, ``out_of_memory``, or what `Piper.synthesize` raises.
    """
    try:
        for package in INFO.requires:
            import_module(package)
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    found = sorted(folder.rglob("*.onnx"), key=lambda path: (path.stem != options.model, path.stem))
    voice = Piper([path for path in found if path.with_name(f"{path.name}.json").is_file()], options.speed)
    list(voice.synthesize(_WARM_UP))
    return voice


class Piper:
    """A `TextToSpeech` on Piper's voices: float32 at the voice's rate, timing ``measured``. Safe to share between threads."""

    def __init__(self, found: Sequence[Path], speed: float) -> None:
        """`found` are the model files of the voices, the default first.

        Raises:
            TextToSpeechError: ``load_failed``, there is none, or none that can be read.
        """
        self._speed = min(max(speed, 0.5), 2.0)
        self._described: dict[str, _Description] = {}
        why = "there is no NAME.onnx with its NAME.onnx.json"
        for path in found:
            try:
                self._described[path.stem] = _description(path)
            except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
                why = f"{path.name}.json is no description of a voice ({type(error).__name__})"
        if not self._described:
            raise TextToSpeechError(f"Piper has no voice: {why}. Fetch it again, or name another.", code="load_failed")
        self._opened: dict[str, _Model] = {}
        self._opening = threading.Lock()

    def voices(self) -> Sequence[Voice]:
        """The voices that are here, the one that was asked for first."""
        return [description.voice for description in self._described.values()]

    def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
        """Say `text` in the language of the voice: one `Speech` for up to 300 characters, more for longer texts, cut between clauses.

        `voice` is an id of `voices()`; ``#3`` behind it is another speaker of a voice that has several. The words of all pieces, joined,
        are `text`.

        Raises:
            TextToSpeechError: ``unknown_voice`` (at once); ``bad_voice``, ``out_of_memory``, ``synthesis_failed``, ``bad_audio``,
                ``bad_timing`` (while iterating).
        """
        default = next(iter(self._described))
        name, _, speaker = (default if voice is None else voice).partition("#")
        known = self._described.get(name)
        if known is None or (speaker and not (speaker.isdecimal() and int(speaker) < known.speakers)):
            raise TextToSpeechError(f"Piper has no voice {voice!r:.60} here. Choose one it has, such as {default}.", code="unknown_voice")
        return self._say(text, known, int(speaker or 0))

    def _say(self, text: str, known: _Description, speaker: int) -> Iterator[Speech]:
        model, ready = self._model(known), Words()
        for piece in pieces(text, _PIECE_CHARACTERS):
            words = model.words(piece)
            if _is_spoken(ready) and _is_spoken(words):
                yield model.say(ready, speaker, self._speed)
                ready = []
            ready += words
        if _is_spoken(ready):
            yield model.say(ready, speaker, self._speed)

    def _model(self, known: _Description) -> _Model:
        with self._opening:
            name = known.voice.id
            if name not in self._opened:
                try:
                    self._opened[name] = _Model(known)
                except TextToSpeechError:
                    raise
                except Exception as error:  # half a file, another model
                    raise failure(error, f"The voice {name} cannot be opened", "Fetch it again, or choose another.", "bad_voice") from error
            return self._opened[name]


@dataclass(frozen=True, slots=True)
class _Description:
    """What the JSON beside a model says."""

    path: Path
    voice: Voice
    espeak: str
    """What eSpeak NG calls the language."""
    sample_rate: int
    """Hz."""
    ids: dict[str, list[int]]
    """Of each phoneme character."""
    scales: tuple[float, float, float]
    """Noise, length, noise of the durations."""
    speakers: int


def _description(path: Path) -> _Description:
    told: dict[str, Any] = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
    if told.get("phoneme_type", "espeak") != "espeak":
        raise ValueError("its phonemes are not eSpeak's")
    language, inference = told.get("language", {}), told.get("inference", {})
    tag = str(language.get("code") or told["espeak"]["voice"]).replace("_", "-")
    title = f"{str(told.get('dataset') or path.stem).title()}, {language.get('name_english', tag)}"
    scales = (float(inference.get(name, usual)) for name, usual in (("noise_scale", 0.667), ("length_scale", 1.0), ("noise_w", 0.8)))
    ids = {str(character): [int(number) for number in numbers] for character, numbers in told["phoneme_id_map"].items()}
    if missing := [mark for mark in (_PAD, _BEGIN, _END) if mark not in ids]:
        raise ValueError(f"its phonemes lack {missing}")
    rate, speakers = int(told["audio"]["sample_rate"]), int(told.get("num_speakers", 1))
    return _Description(path, Voice(path.stem, title, tag), str(told["espeak"]["voice"]), rate, ids, (*scales,), speakers)  # type: ignore[arg-type]


class _Model:
    """A voice that is open."""

    def __init__(self, known: _Description) -> None:
        self._known = known
        self.words = espeak.g2p(
            known.espeak, self._notation, {mark: said for mark, said in _MARKS.items() if set(said) <= known.ids.keys()}
        )
        model = known.path.read_bytes()
        if len(rounded := outputs_of(model, "Ceil")) != 1:
            raise ValueError("it does not tell how long its phonemes last")
        self._session = Session(with_output(model, rounded[0]))

    def say(self, words: Words, speaker: int, speed: float) -> Speech:
        """The sound of a piece with its times."""
        known = self._known
        phonemes = "".join(characters for _, characters in words).rstrip()
        marked = [_BEGIN, *phonemes, _END]
        parts = [known.ids[_BEGIN], *([*known.ids[_PAD], *known.ids[character]] for character in marked[1:])]
        ids = [number for part in parts for number in part]
        noise, length, rhythm = known.scales
        try:
            samples, frames = self._session.run(
                input=np.array([ids], np.int64),
                input_lengths=np.array([len(ids)], np.int64),
                scales=np.array([noise, length / speed, rhythm], np.float32),
                sid=np.array([speaker], np.int64),
            )
        except Exception as error:
            raise failure(error, "Piper failed", "Try again, or choose another voice.", "synthesis_failed") from error
        if not np.isfinite(samples).all() or not samples.any():
            raise TextToSpeechError(
                "Piper made no sound that can be played. Choose another voice.", code="bad_audio", counts_against_engine=True
            )
        total = int(frames.sum())
        if len(frames) != len(ids) or not total or len(samples) % total:
            raise TextToSpeechError(
                "Piper's times do not fit its sound. Choose another voice.", code="bad_timing", counts_against_engine=True
            )
        summed = np.add.reduceat(frames.astype(np.float64), np.cumsum([0, *map(len, parts[:-1])]))
        lengths = summed * (len(samples) / total * 1000 / known.sample_rate)
        audio = AudioChunk(np.clip(samples, -1, 1).astype(np.float32), known.sample_rate)
        return Speech(audio, *timings(words, phonemes, lengths.tolist()), timing="measured")

    def _notation(self, ipa: str) -> str:
        plain = unicodedata.normalize("NFD", ipa.replace(espeak.TIE, ""))
        return "".join(character for character in plain if character in self._known.ids)


def _is_spoken(words: Words) -> bool:
    return any(any(map(str.isalpha, phonemes)) for _, phonemes in words)
