"""Speech cases: inputs with the words that a native says for them, and the phonemes that each voice is given for both.

The format is that of `fixtures/said_cases.json`: a list of ``{id, kind, input, expected, source, check}``. An input of the kind ``say/…``
is a persona's greeting, one of ``reply/…`` what a model writes; both go the way that they go in a turn, up to the voice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.conversation.reply_writer import ReplyWriter
from engines.errors import EngineError
from engines.llm._reasoning_filter import ReasoningFilter
from engines.runtimes.espeak_api import printable, shared_library
from engines.text.reply_limiter import ReplyLimiter
from engines.text.sentences import SentenceChunker
from engines.text.speakable import speakable
from engines.tts._kokoro import Kokoro
from engines.tts._kokoro_voices import VOCABULARY
from engines.tts.espeak_ng import spoken_by
from engines.types import Sentence

OURS = Path(__file__).parent / "fixtures" / "said_cases.json"
VOICES = ("kokoro", "espeak")
_LETTERS = {"en": "a", "es": "e", "fr": "f", "hi": "h", "it": "i", "ja": "j", "pt": "p", "zh": "z"}
"""Kokoro's voices by language; it has no German one."""
_ESPEAK = {"en": "en-us", "pt": "pt-br", "zh": "cmn", "fr": "fr-fr"}
_LANGUAGE = re.compile(r"\A\((?P<language>[a-z]{2})\) ")
_NOT_SOUND = re.compile(r"[\sˈˌ;:,.!?—…\"“”()ːˑ|^-]")
"""Stress, length, pauses and quotes."""
_MOST_SENTENCES = 20


@dataclass(frozen=True)
class Outcome:
    """What came of one case."""

    case: dict[str, Any]
    passed: bool
    came_out: str
    """What is spoken; empty is silence."""

    @property
    def kind(self) -> str:
        return str(self.case["kind"])


def cases(file: Path = OURS) -> list[dict[str, Any]]:
    """The cases of a file."""
    return list(json.loads(file.read_text(encoding="utf-8")))


def language_of(case: dict[str, Any]) -> str:
    """The language of a case: the second part of ``say/fr/…``, or ``(fr)`` before the input; else English, or what it is written in."""
    if found := _LANGUAGE.match(case["input"]):
        return found["language"]
    parts = case["kind"].split("/")
    if parts[0] == "say":
        return str(parts[1])
    return "zh" if re.search("[\u4e00-\u9fff]", case["input"]) else "en"


def spoken_input(case: dict[str, Any]) -> str:
    """The input of a case, without the language before it."""
    return _LANGUAGE.sub("", case["input"])


def spoken(text: str, language: str) -> str:
    """What a voice is given when a persona says this."""
    chunker = SentenceChunker(language)
    return _joined([*chunker.push(text), *chunker.finish()], language)


def replied(text: str, language: str, size: int | None = None) -> str:
    """What a voice is given when a model writes this, in pieces of so many characters."""
    said, shown = list[Sentence](), list[str]()
    writer = ReplyWriter(language, ReplyLimiter(language, _MOST_SENTENCES), shown.append, said.append)
    reasoning, size = ReasoningFilter(), size or len(text) or 1
    for at in range(0, len(text), size):
        writer.write(reasoning.push(text[at : at + size]))
    writer.write(reasoning.finish())
    writer.finish()
    return _joined(said, language)


def _joined(sentences: Sequence[Sentence], language: str) -> str:
    return " ".join(filter(None, (speakable(sentence.text, language) for sentence in sentences)))


def judged(case: dict[str, Any], voice: str) -> Outcome | None:
    """Whether a case passes with a voice; None where the voice cannot tell (no check, no such voice)."""
    check = case["check"]
    if not check:
        return None
    (how, right), language, text = next(iter(check.items())), language_of(case), spoken_input(case)
    if how == "sentences":
        counts = {size: _count(text, language, size) for size in (1, 3, len(text))}
        return Outcome(case, set(counts.values()) == {right}, f"{counts} sentences") if voice == VOICES[0] else None
    if voice == "kokoro" and language not in _LETTERS:
        return None
    if how == "kokoro_phonemes_contain":
        if voice != "kokoro":
            return None
        stressed = phonemes(spoken(text, language), language, voice).replace("ˌ", "ˈ")
        passed = any(one in (stressed if "ˈ" in one else stressed.replace("ˈ", "")) for one in right.replace("ˌ", "ˈ").split("|"))
        return Outcome(case, passed, stressed)
    said = (replied if how == "reply_spoken_as" else spoken)(text, language)
    came = phonemes(said, language, voice)
    passed = any(_unstressed(came) == _unstressed(phonemes(spoken(one, language), language, voice)) for one in right)
    return Outcome(case, passed, f"{said!r} /{came}/")


def outcomes(found: Sequence[dict[str, Any]], voice: str) -> Iterator[Outcome]:
    """What came of every case that the voice can tell."""
    yield from filter(None, (judged(case, voice) for case in found))


def _unstressed(phonemes: str) -> str:
    return re.sub("[ˈˌ]", "", phonemes)


def _count(text: str, language: str, size: int) -> int:
    chunker = SentenceChunker(language, early_clause=False)
    found = [sentence for at in range(0, len(text), size) for sentence in chunker.push(text[at : at + size])]
    return len(found) + len(chunker.finish())


@cache
def phonemes(text: str, language: str, voice: str) -> str:
    """What the voice says: its phonemes; of Kokoro with stress, of eSpeak without."""
    if not text:
        return ""
    try:
        return _KOKORO.phonemes(text, language) if voice == "kokoro" else _espeak(text, language)
    except EngineError as error:
        return f"error {error.code}"


def _espeak(text: str, language: str) -> str:
    library = shared_library()
    voice = library.resolve(_ESPEAK.get(language, language))
    said = library.phonemes(printable(spoken_by(text, voice)[0]), voice)
    return _NOT_SOUND.sub("", said)


class _Recorder:
    """A `Network` that notes what it is to say, and says nothing of it."""

    vocabulary = frozenset(VOCABULARY)

    def __init__(self) -> None:
        self.said = list[str]()

    def styles(self, file: Path) -> NDArray[np.float32]:
        return np.zeros((510, 256), np.float32)

    def say(self, phonemes: str, style: NDArray[np.float32], speed: float) -> tuple[NDArray[np.float32], Sequence[int]]:
        self.said.append(phonemes)
        frames = [1] * (len(phonemes) + 2)
        return np.ones(600 * len(frames), np.float32), frames


class _KokoroPhonemes:
    def __init__(self) -> None:
        self._network = _Recorder()
        self._names = {letter: f"{letter}f_heart" for letter in _LETTERS.values()}
        self._kokoro = Kokoro(self._network, [Path(f"{name}.bin") for name in self._names.values()], 1.0, "")

    def phonemes(self, text: str, language: str) -> str:
        self._network.said.clear()
        list(self._kokoro.synthesize(text, self._names[_LETTERS[language]]))
        return re.sub(r"[\s;:,.!?—…\"“”()]", "", "".join(self._network.said))


_KOKORO = _KokoroPhonemes()
