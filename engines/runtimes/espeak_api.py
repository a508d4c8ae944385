"""eSpeak NG's C library through ctypes: its voices, and one synthesis with the events that tell when each word and phoneme is spoken.

The library comes as a wheel (`espeakng_loader`). It is one global, single-threaded state machine, hence one `EspeakLibrary` per process and
one lock. eSpeak NG is licensed GPL-3.0-or-later; it is loaded at run time and never copied into this repository.
C interface: `speak_lib.h` of eSpeak NG 1.52.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import threading
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, pairwise, takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import MissingDependency, TextToSpeechError
from engines.types import Voice

TITLE = "eSpeak NG"
INSTALL = "pip install espeakng-loader"
DEFAULT_VOICE = "en-us"

_SHORTEST_PAUSE_MS = 60.0
"""A shorter silence is the closure of the consonant that follows (eSpeak's longest is 55 ms)."""
_SILENCE_LEVEL = 30
"""Largest 16-bit sample of a silence (-61 dBFS): eSpeak writes zeros, voices with an echo a little more."""

# speak_lib.h
_AUDIO_OUTPUT_SYNCHRONOUS, _BUFFER_MS = 2, 200
_INITIALIZE = 0x0001 | 0x0002 | 0x8000  # phoneme events, in IPA, never exit()
_CHARS_UTF8, _RATE, _PITCH = 0x0001, 1, 3
_PHONEMES_IPA, _PHONEMES_TIED = 0x02, 0x80 | ord("^") << 8  # the letters of one phoneme are joined by a tie
_EVENT_END_OF_LIST, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7

_DICTIONARY = re.compile(r"^\s*dictionary\s+(\S+)", re.MULTILINE)
_REGION = re.compile(r"-([a-z]{2}|[0-9]{3})$")
_NO_REGION = re.compile(r"-(?=(ba|cl|nw|nyc|va)$)")  # Balearic, Classic (not Chile), North-western, New York City, Valencian
_OTHER_LANGUAGE = re.compile(r"\([a-z^-]+\)")
_UNTRANSLATED = str.maketrans("AKNSXZ?", "ɑɬŋʃχʒʔ")

# Runs in a process of its own, because a damaged data folder makes the C library abort.
_PROBE_SECONDS = 10.0
_PROBE = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
if library.espeak_Initialize(2, 0, sys.argv[2].encode(), 0x8000) <= 0 or library.espeak_SetVoiceByName(sys.argv[3].encode()):
    sys.exit("the data folder does not fit the library")
"""


Span = tuple[str, int, int]
"""(name, first sample, sample after the last)."""


def ipa(mnemonic: str) -> str:
    """One phoneme in IPA, empty for a pause: control codes dropped, and those Kirshenbaum letters translated that eSpeak leaves in Irish,
    Kyrgyz, Uzbek … (they would collide with Kokoro's capitals and punctuation).
    """
    return "".join(c for c in mnemonic if c.isprintable()).translate(_UNTRANSLATED)


@dataclass(frozen=True, slots=True)
class Synthesis:
    """One piece of speech with eSpeak's events, in the order in which they came."""

    samples: NDArray[np.int16]
    """Mono, shape (n,)."""
    phonemes: list[tuple[int, str]]
    """(sample, IPA), with an empty name for a pause."""
    words: list[tuple[int, int]]
    """(sample, index into the spoken text)."""
    sample_rate: int
    """Hz."""


def phoneme_spans(take: Synthesis) -> list[Span]:
    """Every phoneme and pause with its samples, covering the whole sound without gap or overlap.

    eSpeak reports a stop at its release; the closure before it is a silence in the sound. The mouth is already closed then, so a phoneme
    begins where the silence before it begins, but not before its word. A pause that is not silent is a glide into the next phoneme.
    """
    total, shortest_pause = len(take.samples), _SHORTEST_PAUSE_MS * take.sample_rate / 1000
    loud = np.flatnonzero(np.abs(take.samples.astype(np.int32)) > _SILENCE_LEVEL)
    word_samples = [sample for sample, _ in take.words]
    starts: list[tuple[int, str]] = []
    previous = 0
    for event, name in take.phonemes:
        sample = min(max(event, previous), total)
        pause = starts[-1][0] if starts and not starts[-1][1] else None
        if name:
            word = word_samples[max(bisect_right(word_samples, sample) - 1, 0)] if word_samples else -1
            floor = word if previous <= word <= sample else previous if pause is None else sample
            before = int(np.searchsorted(loud, sample)) - 1
            start = min(max(floor, int(loud[before]) + 1 if before >= 0 else 0), sample)
            if pause is not None:
                sounding = int(np.searchsorted(loud, start) - np.searchsorted(loud, pause))
                if start - pause < shortest_pause or sounding > (start - pause) / 2:
                    start, _ = starts.pop()
            starts.append((start, name))
        elif pause is None:
            starts.append((sample, ""))
        previous = sample
    if not starts or starts[0][0] > 0:
        starts.insert(0, (0, ""))
    return [(name, start, end) for (start, name), (end, _) in pairwise([*starts, (total, "")])]


def composed(text: str) -> tuple[str, list[int]]:
    """The text with letters and accents joined (NFC: eSpeak reads them one by one otherwise) and where each of its characters came from."""
    starts = [i for i, c in enumerate(text) if not i or not unicodedata.combining(c)]
    clusters = [unicodedata.normalize("NFC", text[a:b]) for a, b in pairwise([*starts, len(text)])]
    return "".join(clusters), [start for start, cluster in zip(starts, clusters, strict=True) for _ in cluster]


def printable(text: str) -> str:
    """Control characters, lone surrogates, private and unassigned characters become spaces, so that every position stays true."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs", "Co", "Cn"} else " " for c in text)


class _Event(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("type", "unique_identifier", "text_position", "length", "audio_position", "sample")),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),  # a union in C; of a phoneme event, its name
    ]


class _CVoice(ctypes.Structure):  # only ever read through a pointer: the rest of its fields is not needed
    _fields_ = [("name", ctypes.c_char_p), ("languages", ctypes.c_void_p), ("identifier", ctypes.c_char_p)]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


class EspeakLibrary:
    """The C library, initialised. One per process: its state is global. Calls wait for one another; safe to share between threads."""

    def __init__(self, library_path: str, data_path: str) -> None:
        self._c = ctypes.CDLL(library_path)
        self._c.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_CVoice))
        self.sample_rate: int = self._c.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, _BUFFER_MS, os.fsencode(data_path), _INITIALIZE)
        self._callback = _Callback(self._receive)  # kept here, or Python would free what C still calls
        self._lock = threading.Lock()
        self._pcm, self._phonemes, self._words = bytearray(), list[tuple[int, str]](), list[tuple[int, int]]()
        data = Path(data_path)
        self._variants = {path.name.lower(): path.name for path in (data / "voices" / "!v").iterdir()}
        self.voices: list[Voice] = []
        """Every voice that can pronounce anything: the wheel lists a few languages whose dictionary it does not bring."""
        names: list[tuple[int, str, str]] = []
        for name, identifier, tags in self._list_voices():
            stated = _DICTIONARY.search((data / "lang" / identifier).read_text(encoding="utf-8"))
            if (data / f"{stated[1] if stated else tags[0][1].partition('-')[0]}_dict").is_file():
                voice_id = identifier.rpartition("/")[2].lower()
                self.voices.append(Voice(id=voice_id, name=name, language=_bcp47(tags[0][1])))
                names += [(0, voice_id, identifier), *((priority, tag, identifier) for priority, tag in tags)]
        self.identifiers = {name: identifier for _, name, identifier in sorted(names, reverse=True)}
        """What the C library calls the voice (``gmw/en-US``) that an id or, failing that, a language tag means best."""

    def resolve(self, name: str) -> str:
        """What the C library is told for a voice a user named.

        Raises:
            TextToSpeechError: ``unknown_voice``. Nothing but a known voice and a known variant ever reaches C, which would open any path.
        """
        base, plus, variant = name.replace("_", "-").lower().partition("+")
        identifier = self.identifiers.get(base) or self.identifiers.get(_REGION.sub("", base))
        if identifier is None or (plus and variant not in self._variants):
            raise TextToSpeechError(f"eSpeak NG has no voice called {name[:60]!r}. Choose one of its listed voices.", code="unknown_voice")
        return f"{identifier}+{self._variants[variant]}" if plus else identifier

    def speak(self, text: str, voice: str, rate_wpm: int, pitch: int) -> Synthesis:
        """Say one piece, with hardly a pause behind it; `voice` comes from `resolve`."""
        encoded = text.encode() + b"\0"
        with self._lock:
            self._pcm, self._phonemes, self._words = bytearray(), [], []
            self._c.espeak_SetSynthCallback(self._callback)
            failed = self._c.espeak_SetVoiceByName(os.fsencode(voice))
            self._c.espeak_SetParameter(_RATE, rate_wpm, 0)
            self._c.espeak_SetParameter(_PITCH, pitch, 0)
            if failed or self._c.espeak_Synth(encoded, ctypes.c_size_t(len(encoded)), 0, 0, 0, _CHARS_UTF8, None, None):
                raise TextToSpeechError(
                    "eSpeak NG could not say this text. Try another voice.",
                    code="synthesis_failed",
                    retryable=True,
                    counts_against_engine=True,
                )
            return Synthesis(np.frombuffer(self._pcm, dtype=np.int16), self._phonemes, self._words, self.sample_rate)

    def phonemes(self, text: str, voice: str) -> str:
        """How a piece is pronounced, unheard: IPA with stress, ``^`` between the letters of one phoneme, spaces between words.

        `voice` comes from `resolve`. Punctuation is not part of it, nor are marks of a change of language. Small words may be one.
        """
        rest, clauses = ctypes.c_char_p(text.encode()), list[str]()
        with self._lock:
            self._c.espeak_TextToPhonemes.restype = ctypes.c_char_p
            if not self._c.espeak_SetVoiceByName(os.fsencode(voice)):
                while rest.value:
                    said = self._c.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, _PHONEMES_IPA | _PHONEMES_TIED)
                    clauses.append(_OTHER_LANGUAGE.sub("", (said or b"").decode(errors="ignore")))
        return " ".join(" ".join(clauses).split())

    def _receive(self, wav: int | None, length: int, events: Any) -> int:
        if wav and length > 0:
            self._pcm += ctypes.string_at(wav, length * 2)
        for event in takewhile(lambda event: event.type != _EVENT_END_OF_LIST, (events[i] for i in count())):
            if event.type == _EVENT_PHONEME:  # eight bytes at most: a longer name ends in a cut character
                name = event.name.decode(errors="ignore")
                if not name.startswith("("):  # "(en)": not a phoneme, but the language of those that follow
                    self._phonemes.append((event.sample, ipa(name)))
            elif event.type == _EVENT_WORD:
                self._words.append((event.sample, event.text_position - 1))
        return 0

    def _list_voices(self) -> Iterator[tuple[str, str, list[tuple[int, str]]]]:
        """(name, identifier, [(priority from 1, the best; language tag)]) of each, read from C's packed lists."""
        listed = self._c.espeak_ListVoices(None)
        for voice in (pointer.contents for pointer in takewhile(bool, (listed[i] for i in count()))):
            tags, address = [], voice.languages
            while priority := ctypes.string_at(address, 1)[0]:
                tag = ctypes.string_at(address + 1)
                tags.append((priority, tag.decode().lower()))
                address += len(tag) + 2
            yield voice.name.decode().strip(), os.fsdecode(voice.identifier), tags


def _bcp47(tag: str) -> str:
    """The tag in the letter case of RFC 5646, section 2.1.1 (``fa-latn`` → ``fa-Latn``); eSpeak's own accents become private subtags."""
    first, *rest = _NO_REGION.sub("-x-", tag).split("-")
    private = rest.index("x") if "x" in rest else len(rest)
    cased = [part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in rest[:private]]
    return "-".join([first, *cased, *rest[private:]])


_opening = threading.Lock()
_opened: list[EspeakLibrary] = []


def shared_library() -> EspeakLibrary:
    """The process's one library. First use opens it, after a probe in a subprocess.

    Raises:
        MissingDependency: `espeakng_loader` is not installed.
        TextToSpeechError: ``load_failed``, the library or its data cannot be used.
    """
    with _opening:
        if not _opened:
            try:
                import espeakng_loader  # noqa: PLC0415  # nothing is loaded before the engine is chosen
            except ImportError as error:
                raise MissingDependency(TITLE, INSTALL) from error
            try:
                library_path, data_path = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
                probe = [sys.executable, "-I", "-S", "-c", _PROBE, library_path, data_path, DEFAULT_VOICE]
                subprocess.run(probe, capture_output=True, timeout=_PROBE_SECONDS, check=True)  # noqa: S603  # our interpreter, our program
                _opened.append(EspeakLibrary(library_path, data_path))
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                why = str(error)
                if isinstance(error, subprocess.TimeoutExpired):
                    why = f"it did not start within {_PROBE_SECONDS:.0f} s"
                elif isinstance(error, subprocess.CalledProcessError):
                    why = (error.stderr.decode(errors="replace").splitlines() or [f"it ended with status {error.returncode}"])[-1]
                raise TextToSpeechError(f"eSpeak NG does not work here: {why}. Reinstall it: {INSTALL}", code="load_failed") from error
        return _opened[0]
