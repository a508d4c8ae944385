"""The embedded voice: eSpeak NG through ctypes, with the synthesizer's own phoneme and word times.

The library comes as a wheel (`espeakng_loader`). It is one global, single-threaded state machine, hence one `_Library` per process and one
lock. eSpeak NG is licensed GPL-3.0-or-later; it is loaded at run time and never copied into this repository.
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
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import MissingDependency, TextToSpeechError
from engines.types import AudioChunk, EngineInfo, PhonemeTiming, Speech, Voice, WordTiming

INFO = EngineInfo(
    name="espeak_ng",
    stage="tts",
    title="eSpeak NG",
    summary="A basic, robotic offline voice for more than a hundred languages; it answers at once and needs no download.",
    requires=("espeakng_loader",),
    install="pip install espeakng-loader",
    embedded=True,
)


@dataclass(frozen=True, slots=True)
class Options:
    """How the voice speaks; values outside a range are moved to its nearest end."""

    rate_wpm: int = 165
    """Words a minute, 80 to 300: above that eSpeak's event times run past its sound."""
    pitch: int = 50
    """0 (low) to 99 (high)."""


_DEFAULT_VOICE = "en-us"
_PIECE_CHARACTERS = 300
"""Longest text spoken in one step: 20 s of English in some 20 ms of work, so a cancel is never far."""
_LEAD_MS = 60.0
"""Silence kept before the first sound."""
_TAIL_MS = 350.0
"""Silence kept after the last sound: people leave 0.2 to 0.4 s between sentences; slow rates would leave a second."""
_SHORTEST_PAUSE_MS = 60.0
"""A silence shorter than this is the closure of the consonant that follows (eSpeak's longest is 55 ms), not a pause."""
_SILENCE_LEVEL = 30
"""Largest 16-bit sample that counts as silence (-61 dBFS): eSpeak writes zeros, voices with an echo a little more."""
_PROBE_SECONDS = 10.0

# speak_lib.h
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE = 0x0001 | 0x0002 | 0x8000  # phoneme events, in IPA, never exit()
_CHARS_UTF8, _END_PAUSE = 0x0001, 0x1000
_RATE, _PITCH = 1, 3
_EVENT_END_OF_LIST, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7
_BUFFER_MS = 200

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]]*\s+|[。！？｡।]+[」』”]*\s*")
_CLAUSE_END = re.compile(r"[,;:]\s+|[、，；：]|\n+")
_SPACE = re.compile(r"\s+")
_OPENING = re.compile(r"(?<!\S)[^\w\s]+\Z")
"""A quote or bracket that goes with the word it opens."""
_VOICE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\+[^+/\\]+)?")
_REGION = re.compile(r"-([a-z]{2}|[0-9]{3})$")
_UNTRANSLATED = str.maketrans("AKNSXZ?", "ɑɬŋʃχʒʔ")

_PRIVATE_TAGS = {
    "ca-ba": "ca-x-ba",
    "ca-nw": "ca-x-nw",
    "ca-va": "ca-x-va",
    "chr-us-qaaa-x-west": "chr-qaaa-us-x-west",
    "en-us-nyc": "en-us-x-nyc",
    "ru-cl": "ru-x-cl",
}
"""Accents that eSpeak NG writes as if they were regions or registered variants."""

# Runs in a process of its own, because a damaged data folder makes the C library abort.
_PROBE = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
if library.espeak_Initialize(2, 0, sys.argv[2].encode(), 0x8000) <= 0 or library.espeak_SetVoiceByName(sys.argv[3].encode()):
    sys.exit("the data folder does not fit the library")
"""


def load(options: Options, device: str) -> EspeakNg:  # noqa: ARG001  # every adapter has this signature; this engine knows only the CPU
    """Open the library (once per process, after a probe in a subprocess) and make a voice of it.

    Raises:
        MissingDependency: `espeakng_loader` is not installed.
        TextToSpeechError: ``load_failed``, the library or its data cannot be used.
    """
    return EspeakNg(_shared_library(), options)


def ipa(mnemonic: str) -> str:
    """One phoneme as eSpeak names it, cleaned up; empty for a pause.

    Control codes are dropped, and the Kirshenbaum letters that eSpeak leaves untranslated in Irish, Kyrgyz, Uzbek … are put into IPA
    (they would collide with Kokoro's capitals and punctuation).
    """
    return "".join(c for c in mnemonic if c.isprintable()).translate(_UNTRANSLATED)


class EspeakNg:
    """A `TextToSpeech` on eSpeak NG: float32 at 22 050 Hz, timing ``measured``. Safe to share between threads."""

    def __init__(self, library: _Library, options: Options) -> None:
        self._library = library
        self._rate_wpm = min(max(options.rate_wpm, 80), 300)
        self._pitch = min(max(options.pitch, 0), 99)

    def voices(self) -> Sequence[Voice]:
        """One voice per language and accent, the default first. ``+f3``, ``+m1`` … may follow an id to change the speaker."""
        known = self._library.voices
        first = known[_DEFAULT_VOICE]
        return [first.voice, *(v.voice for v in known.values() if v is not first)]

    def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
        """Say `text`: one `Speech` for up to 300 characters, more for longer texts. Markup is not interpreted. Blank text yields nothing.

        `voice` is an id of `voices()`, one of its language tags (``fr-FR``, ``zh``), either with a variant (``en-us+f3``).

        Raises:
            TextToSpeechError: ``unknown_voice`` (at once), or ``synthesis_failed`` (while iterating).
        """
        return self._speeches(text, self._library.resolve(_DEFAULT_VOICE if voice is None else voice))

    def _speeches(self, text: str, voice: str) -> Iterator[Speech]:
        if not _printable(text).strip():
            return
        for piece, pause in _pieces(text):
            spoken, origin = _composed(piece)
            take = self._library.speak(_printable(spoken), voice, self._rate_wpm, self._pitch, pause=pause)
            if len(take.samples):
                yield _speech(piece, spoken, origin, take)


# --- text ---------------------------------------------------------------------------------------------------------------------------


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Cut at the end of a sentence, else of a clause, else of a word, else anywhere; and whether a pause belongs after the piece."""
    start = 0
    while len(text) - start > _PIECE_CHARACTERS:
        for pattern in (_SENTENCE_END, _CLAUSE_END, _SPACE):
            ends = [match.end() for match in pattern.finditer(text, start, start + _PIECE_CHARACTERS)]
            if ends and ends[-1] - start > _PIECE_CHARACTERS // 4:
                yield text[start : ends[-1]], pattern is not _SPACE
                start = ends[-1]
                break
        else:
            yield text[start : start + _PIECE_CHARACTERS], False
            start += _PIECE_CHARACTERS
    yield text[start:], True


def _composed(text: str) -> tuple[str, Sequence[int]]:
    """The text with its letters and accents joined (NFC: eSpeak reads them separately otherwise) and where each character came from."""
    if unicodedata.is_normalized("NFC", text):
        return text, range(len(text))
    composed, origin, start = [], [], 0
    for end in range(1, len(text) + 1):
        if end == len(text) or not unicodedata.combining(text[end]):
            letters = unicodedata.normalize("NFC", text[start:end])
            composed.append(letters)
            origin.extend([start] * len(letters))
            start = end
    return "".join(composed), origin


def _printable(text: str) -> str:
    """Control characters, lone surrogates, private and unassigned characters become spaces, so that every position stays true."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs", "Co", "Cn"} else " " for c in text)


def _begins_word(text: str, index: int) -> bool:
    """Whether an event at `index` is a new word to the eye: eSpeak also reports the inside of numbers, amounts and symbols."""
    return text[index - 1].isspace() or (text[index].isalpha() and text[index - 1] not in "'’")


# --- times --------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Take:
    samples: NDArray[np.int16]
    phonemes: list[tuple[int, str]]
    """(sample, name), an empty name for a pause."""
    words: list[tuple[int, int]]
    """(sample, index into the spoken text)."""
    sample_rate: int


def _speech(text: str, spoken: str, origin: Sequence[int], take: _Take) -> Speech:
    spans = _phoneme_spans(take)
    total, rate = len(take.samples), take.sample_rate
    first = spans[0][2] if not spans[0][0] else 0  # where the leading and trailing pauses meet the sound
    last = spans[-1][1] if not spans[-1][0] else total
    start = max(0, first - int(_LEAD_MS * rate / 1000)) if first < total else 0
    end = min(total, max(last, start) + int(_TAIL_MS * rate / 1000))

    def ms(sample: int) -> float:
        return (min(max(sample, start), end) - start) * 1000.0 / rate

    return Speech(
        audio=AudioChunk(take.samples[start:end].astype(np.float32) / np.float32(32768), rate),
        phonemes=tuple(PhonemeTiming(name, ms(a), ms(b) - ms(a)) for name, a, b in spans),
        words=tuple(WordTiming(w, ms(a), ms(b) - ms(a)) for w, a, b in _word_spans(text, spoken, origin, take, spans)),
        timing="measured",
    )


def _phoneme_spans(take: _Take) -> list[tuple[str, int, int]]:
    """(name, first sample, sample after the last) of every phoneme and pause, covering the whole sound without gap or overlap.

    eSpeak reports a stop at its release; the closure before it is a silence in the sound. The mouth is already closed then, so a phoneme
    begins where the silence before it begins, but not before its word. A pause that is not silent is a glide into the next phoneme.
    """
    total = len(take.samples)
    loud = np.flatnonzero(np.abs(take.samples.astype(np.int32)) > _SILENCE_LEVEL)
    word_samples = [sample for sample, _ in take.words]
    starts: list[tuple[int, str]] = []
    previous = 0
    for event, name in take.phonemes:
        sample = min(max(event, previous), total)
        after_pause = not starts or not starts[-1][1]
        if not name:
            if not after_pause or not starts:
                starts.append((sample, ""))
        else:
            word = bisect_left(word_samples, sample + 1) - 1
            floor = (
                max(previous, word_samples[word]) if word >= 0 and word_samples[word] >= previous else sample if after_pause else previous
            )
            before = int(np.searchsorted(loud, sample)) - 1
            quiet = int(loud[before]) + 1 if before >= 0 else 0
            start = min(max(floor, quiet), sample)
            if starts and after_pause and not _is_pause(loud, starts[-1][0], start, take.sample_rate):
                start = starts.pop()[0]
            starts.append((start, name))
        previous = sample
    if not starts or starts[0][0] > 0:
        starts.insert(0, (0, ""))
    ends = [start for start, _ in starts[1:]] + [total]
    return [(name, start, end) for (start, name), end in zip(starts, ends, strict=True)]


def _is_pause(loud: NDArray[np.intp], start: int, end: int, rate: int) -> bool:
    sounding = int(np.searchsorted(loud, end)) - int(np.searchsorted(loud, start))
    return end - start >= _SHORTEST_PAUSE_MS * rate / 1000 and sounding < (end - start) / 2


def _word_spans(
    text: str, spoken: str, origin: Sequence[int], take: _Take, phonemes: Sequence[tuple[str, int, int]]
) -> list[tuple[str, int, int]]:
    """(characters, first sample, sample after the last) of each word. The characters of all words, joined, are `text`."""
    cuts: list[tuple[int, int]] = []
    for sample, position in take.words:
        index = min(max(position, 0), len(spoken) - 1)
        if not cuts:
            cuts.append((0, sample))
        elif origin[index] > cuts[-1][0] and _begins_word(spoken, index):
            opening = _OPENING.search(spoken[:index])
            index = opening.start() if opening else index
            if origin[index] > cuts[-1][0]:
                cuts.append((origin[index], sample))
    total = len(take.samples)
    if not cuts:
        return [(text, 0, total)]
    spans = []
    for (cut, sample), (next_cut, next_sample) in zip(cuts, [*cuts[1:], (len(text), total)], strict=True):
        last_sound = max((end for name, start, end in phonemes if name and sample <= start < next_sample), default=next_sample)
        spans.append((text[cut:next_cut], sample, min(last_sound, next_sample)))
    return spans


# --- the library --------------------------------------------------------------------------------------------------------------------


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


class _CVoice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class _KnownVoice:
    voice: Voice
    identifier: str
    """What the C library calls it (``gmw/en-US``)."""
    tags: tuple[tuple[int, str], ...]
    """(priority, language tag in lower case), 1 the best."""


class _Library:
    """The C library, initialised. One per process: its state is global."""

    def __init__(self, library_path: str, data_path: str) -> None:
        self._c = ctypes.CDLL(library_path)
        self._c.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_CVoice))
        self._c.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        self.sample_rate: int = self._c.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, _BUFFER_MS, os.fsencode(data_path), _INITIALIZE)
        if self.sample_rate <= 0:
            raise TextToSpeechError("eSpeak NG did not accept its data folder. Reinstall it: " + INFO.install, code="load_failed")
        self._callback = _Callback(self._receive)  # kept here, or Python would free what C still calls
        self._lock = threading.Lock()
        self._pcm = bytearray()
        self._phonemes: list[tuple[int, str]] = []
        self._words: list[tuple[int, int]] = []
        data = Path(data_path)
        self._variants = {path.name.lower(): path.name for path in (data / "voices" / "!v").iterdir()}
        self.voices = {known.voice.id: known for known in sorted(self._list_voices(data), key=lambda known: known.voice.name)}
        """Every voice whose dictionary is there, by id."""

    def resolve(self, name: str) -> str:
        """What the C library is told for a voice a user named.

        Raises:
            TextToSpeechError: ``unknown_voice``. Nothing but a known voice and a known variant ever reaches C, which would open any path.
        """
        wanted = name.replace("_", "-").lower()
        base, plus, variant = wanted.partition("+")
        if _VOICE_NAME.fullmatch(wanted) and (not plus or variant in self._variants):
            for tag in dict.fromkeys((base, _REGION.sub("", base))):
                known = self.voices.get(tag) or min(
                    (v for v in self.voices.values() if any(t == tag for _, t in v.tags)),
                    key=lambda v: min(priority for priority, t in v.tags if t == tag),
                    default=None,
                )
                if known:
                    return known.identifier + (f"+{self._variants[variant]}" if plus else "")
        raise TextToSpeechError(f"eSpeak NG has no voice called {name[:60]!r}. Choose one of its listed voices.", code="unknown_voice")

    def speak(self, text: str, voice: str, rate_wpm: int, pitch: int, *, pause: bool) -> _Take:
        """Say one piece; `voice` comes from `resolve`. `pause` adds the silence that the closing punctuation asks for."""
        encoded = text.encode() + b"\0"
        with self._lock:
            self._pcm, self._phonemes, self._words = bytearray(), [], []
            self._c.espeak_SetSynthCallback(self._callback)
            failed = self._c.espeak_SetVoiceByName(os.fsencode(voice))
            self._c.espeak_SetParameter(_RATE, rate_wpm, 0)
            self._c.espeak_SetParameter(_PITCH, pitch, 0)
            flags = _CHARS_UTF8 | (_END_PAUSE if pause else 0)
            if failed or self._c.espeak_Synth(encoded, len(encoded), 0, 0, 0, flags, None, None):
                raise TextToSpeechError("eSpeak NG could not say this text. Try another voice.", code="synthesis_failed", retryable=True)
            samples = np.frombuffer(self._pcm, dtype=np.int16)
            return _Take(samples, self._phonemes, self._words, self.sample_rate)

    def _receive(self, wav: int | None, length: int, events: Any) -> int:
        if wav and length > 0:
            self._pcm += ctypes.string_at(wav, length * 2)
        for i in count():
            event = events[i]
            if event.type == _EVENT_END_OF_LIST:
                return 0
            if event.type == _EVENT_PHONEME:  # eight bytes at most: a longer name ends in a cut character
                self._phonemes.append((event.sample, ipa(event.id.string.decode(errors="ignore"))))
            elif event.type == _EVENT_WORD:
                self._words.append((event.sample, event.text_position - 1))
        raise AssertionError  # pragma: no cover

    def _list_voices(self, data: Path) -> Iterator[_KnownVoice]:
        listed = self._c.espeak_ListVoices(None)
        for i in count():
            if not listed[i]:
                return
            c_voice = listed[i].contents
            identifier = os.fsdecode(c_voice.identifier)
            tags, address = [], c_voice.languages
            while priority := ctypes.string_at(address, 1)[0]:
                tag = ctypes.string_at(address + 1)
                tags.append((priority, tag.decode().lower()))
                address += len(tag) + 2
            if not _has_dictionary(data, identifier, tags[0][1]):
                continue
            name = c_voice.name.decode().strip()
            voice = Voice(id=identifier.rsplit("/", 1)[-1].lower(), name=name, language=_bcp47(tags[0][1]))
            yield _KnownVoice(voice, identifier, tuple(tags))


def _has_dictionary(data: Path, identifier: str, tag: str) -> bool:
    """Whether a voice can pronounce anything: the wheel lists a few languages whose dictionary it does not bring."""
    stated = re.search(r"^\s*dictionary\s+(\S+)", (data / "lang" / identifier).read_text(encoding="utf-8"), re.MULTILINE)
    return (data / f"{stated[1] if stated else tag.split('-', maxsplit=1)[0]}_dict").is_file()


def _bcp47(tag: str) -> str:
    """The tag in the letter case of RFC 5646, section 2.1.1 (``fa-latn`` → ``fa-Latn``); eSpeak's own accents become private subtags."""
    first, *rest = _PRIVATE_TAGS.get(tag, tag).split("-")
    private = rest.index("x") if "x" in rest else len(rest)
    cased = [part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in rest[:private]]
    return "-".join([first, *cased, *rest[private:]])


_opening = threading.Lock()
_opened: list[_Library] = []


def _shared_library() -> _Library:
    """The process's one library, opened on first use."""
    with _opening:
        if not _opened:
            try:
                import espeakng_loader  # noqa: PLC0415  # nothing is loaded before the engine is chosen
            except ImportError as error:
                raise MissingDependency(INFO.title, INFO.install) from error
            try:
                library_path, data_path = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
                _probe(library_path, data_path)
                _opened.append(_Library(library_path, data_path))
            except (OSError, RuntimeError) as error:
                raise TextToSpeechError(f"eSpeak NG cannot be opened: {error}. Reinstall it: {INFO.install}", code="load_failed") from error
        return _opened[0]


def _probe(library_path: str, data_path: str) -> None:
    """Open the library in a process of its own first.

    Raises:
        TextToSpeechError: ``load_failed``, it crashed, refused its data, or took longer than ten seconds.
    """
    command = [sys.executable, "-I", "-S", "-c", _PROBE, library_path, data_path, _DEFAULT_VOICE]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PROBE_SECONDS, check=False)  # noqa: S603  # our interpreter, our program
    except subprocess.TimeoutExpired as error:
        raise TextToSpeechError(f"eSpeak NG did not start within {_PROBE_SECONDS:.0f} s.", code="load_failed", retryable=True) from error
    if done.returncode:
        why = (done.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise TextToSpeechError(f"eSpeak NG does not work here: {why}. Reinstall it: {INFO.install}", code="load_failed")
