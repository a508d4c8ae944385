"""Forced alignment: when each word and phoneme of a known text is spoken in a sound, for voices that do not tell.

English is aligned by CMU PocketSphinx (https://github.com/cmusphinx/pocketsphinx, BSD) with the English model of its wheel: its first pass
places the words, the second the phonemes within them. Other languages, and English that it does not recognise, are estimated: eSpeak NG
says the text, and its phonemes are moved to where the sound is most alike.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import count, pairwise, takewhile
from typing import Any, NamedTuple

import numpy as np

from engines.audio import resample, to_pcm16
from engines.lipsync.english_words import IPA, ARPAbet, english, is_english
from engines.lipsync.grapheme_to_phoneme import Word, ipa_of, spoken, words_of
from engines.lipsync.spans import SHORTEST_PAUSE_MS, Span, sounding, with_pauses
from engines.lipsync.time_warping import warped
from engines.types import AudioChunk, PhonemeTiming, Speech, TimingSource, WordTiming

log = logging.getLogger(__name__)

_RATE = 16_000  # what the model was trained on
_STEP_BYTES = 2 * _RATE // 20
"""50 ms of 16-bit samples. The decoder holds Python's interpreter lock for one such step."""
_FRAME_MS = 10.0
_PAD_MS = 200.0
_LEVEL = 0.1
"""RMS of the sound that the aligner gets, so that loudness does not change the result."""
_DITHER = 2 / 32768
"""Standard deviation of added noise: the model was trained on recordings in rooms and fails on digital silence."""
_CMN = "40,3,-1,0,0,0,0,0,0,0,0,0,0"
"""The library's first guess of the mean cepstrum: every sound begins with it, so that no sound changes the result of the next."""
_LEAST_SCORE, _HURRY_COST, _HURRIED_FRAMES = -66.0, 60.0, 3
"""Least score of a text that was really said: the decoder's score of a frame of speech (at best 0), minus 60 times the share of phonemes
that last as short as the model allows. Measured: people reading -17 to -24, eSpeak NG's voices -62 and better, other texts -70 and worse.
"""
_LEAST_ENGLISH = 0.5
"""Share of the words that the dictionary must hold; with fewer, the text is not English."""
_MOST_NEW_WORDS = 5_000
_SYLLABLE_MS = 160.0
_REDUCED_MS = 60.0
"""CMU's dictionary writes the vowels of "cut" and "about" alike; one that is shorter than this is taken for the second."""


class _Entry(NamedTuple):
    name: str
    """ARPAbet, or the decoder's name of a silence."""
    word: int
    """Index of the word that it belongs to; -1 for a silence."""
    frame: int
    frames: int
    score: float


def timed(audio: AudioChunk, text: str, language: str) -> Speech:
    """A sound with the times of its words and of its phonemes (IPA, ``""`` for a pause), which cover all of it.

    `language` is the BCP 47 tag of the text. The timing is ``aligned`` where the sound was found to say the text in English, and otherwise
    ``estimated``: whether it says the text was not checked. Nothing is raised; what holds no sound or no words is one pause.
    """
    words = words_of(text)
    spans, timing = _spans(audio, words, language)
    return Speech(
        audio=audio,
        phonemes=tuple(PhonemeTiming(span.phoneme, span.start_ms, span.end_ms - span.start_ms) for span in spans),
        words=tuple(_word_timings(words, spans)),
        timing=timing,
    )


def warm_up() -> None:
    """Load the aligner and eSpeak NG, some 0.3 s, before they are first needed."""
    _aligner()
    ipa_of("a", "en")


def _spans(audio: AudioChunk, words: Sequence[Word], language: str) -> tuple[list[Span], TimingSource]:
    if words and len(audio.samples) and re.split("[-_]", language)[0].lower() == "en":
        aligner = _aligner()
        if aligner is not None and (spans := aligner.align(audio, words)):
            return spans, "aligned"
    return _estimated(audio, words, language), "estimated"


def _estimated(audio: AudioChunk, words: Sequence[Word], language: str) -> list[Span]:
    """The phonemes of eSpeak NG's own speech, moved to where this one is most alike; the rest of the sound is a pause."""
    stretches = sounding(audio, SHORTEST_PAUSE_MS)
    if not words or not stretches:
        return [Span("", -1, 0.0, audio.duration_ms)]
    reference = spoken(words, language)
    said = sounding(reference.audio, SHORTEST_PAUSE_MS) if reference else []
    if reference is None or not said:
        return list(_syllables(audio, words, stretches))
    (first, _), *_, (_, last) = said[0], said[-1]
    (start, _), *_, (_, end) = stretches[0], stretches[-1]
    edges = np.array([edge for span in reference.spans for edge in (span.start_ms, span.end_ms)])
    moved = start + warped(np.clip(edges, first, last) - first, _part(reference.audio, first, last), _part(audio, start, end))
    spans = [replace(span, start_ms=float(a), end_ms=float(b)) for span, a, b in zip(reference.spans, moved[::2], moved[1::2], strict=True)]
    spans = [Span("", -1, 0.0, start), *spans, Span("", -1, end, audio.duration_ms)]
    return with_pauses(_without_short_pauses(spans), audio)


def _syllables(audio: AudioChunk, words: Sequence[Word], stretches: Sequence[tuple[float, float]]) -> Iterator[Span]:
    """Where eSpeak NG does not work: syllables of no particular shape while it sounds, shared out among the words by their letters."""
    letters = np.cumsum([len(word.spoken) for word in words])
    heard, before = np.cumsum([0.0, *(end - start for start, end in stretches)]), 0.0
    for already, (start, end) in zip(heard, stretches, strict=False):
        yield Span("", -1, before, start)
        for a, b in pairwise(np.linspace(start, end, max(1, round((end - start) / _SYLLABLE_MS)) + 1)):
            word = int(np.searchsorted(letters, (already + a - start) / heard[-1] * letters[-1], side="right"))
            yield from (Span("k", word, float(a), float(a + b) / 2), Span("ə", word, float(a + b) / 2, float(b)))
        before = end
    yield Span("", -1, before, audio.duration_ms)


def _part(audio: AudioChunk, start_ms: float, end_ms: float) -> AudioChunk:
    start, end = (round(edge * audio.sample_rate / 1000) for edge in (start_ms, end_ms))
    return AudioChunk(audio.samples[start : max(end, start + 1)], audio.sample_rate)


def _word_timings(words: Sequence[Word], spans: Sequence[Span]) -> Iterator[WordTiming]:
    ends: dict[int, tuple[float, float]] = {}
    for span in spans:
        ends[span.word] = (ends.get(span.word, (span.start_ms, 0))[0], span.end_ms)
    now = 0.0
    for index, word in enumerate(words):
        start, now = ends.get(index, (now, now))
        yield WordTiming(word.text, start, now - start)


class _Aligner:
    """PocketSphinx, which aligns one sound at a time. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._renew()

    def align(self, audio: AudioChunk, words: Sequence[Word]) -> list[Span] | None:
        """The phonemes of every word, and the pauses; None if the sound does not say these words in English."""
        pcm = _prepared(audio)
        with self._lock:
            if sum(is_english(word.spoken, self._dictionary) for word in words) < _LEAST_ENGLISH * len(words):
                return None
            if self._new_words > _MOST_NEW_WORDS:
                self._renew()
            try:
                entries = self._entries(pcm, [self._key(word) for word in words])
            except RuntimeError:  # there is no way through the sound
                self._renew()  # an utterance may still be open
                return None
        return with_pauses(_closed(entries, audio.duration_ms), audio) if _score(entries) >= _LEAST_SCORE else None

    def _renew(self) -> None:
        self._decoder, self._new_words = _decoder(), 0

    def _dictionary(self, word: str) -> list[ARPAbet]:
        names = (f"{word}({number})" if number > 1 else word for number in count(1))
        return [tuple(said.split()) for said in takewhile(bool, map(self._decoder.lookup_word, names))]

    def _key(self, word: Word) -> str:
        """The word's entry in the decoder's dictionary; a word that it does not hold is added."""
        plain = word.spoken.lower()
        if self._dictionary(plain):
            return plain
        key = "=" + re.sub(r"[\s()]", "_", word.spoken)  # which is in no dictionary, and keeps the case: US is not us
        if not self._dictionary(key):
            for number, sounds in enumerate(english(word.spoken, self._dictionary), 1):
                self._decoder.add_word(f"{key}({number})" if number > 1 else key, " ".join(sounds), update=False)
                self._new_words += 1
        return key

    def _entries(self, pcm: bytes, keys: Sequence[str]) -> list[_Entry]:
        """Everything in the sound, in order.

        Raises:
            RuntimeError: the words were not found.
        """
        decoder = self._decoder
        decoder.set_align_text(" ".join(keys))
        self._listen(pcm, _CMN)
        mean = decoder.get_cmn(True)  # the voice is known now
        decoder.set_alignment()
        self._listen(pcm, mean)
        entries: list[_Entry] = []
        found = 0
        for word in decoder.get_alignment():
            filler = word.name[0] in "<["
            for phone in word:
                entries.append(_Entry(phone.name, -1 if filler else found, phone.start, phone.duration, phone.score))
            found += not filler
        if found != len(keys):
            raise RuntimeError("only some of the words were found")
        return entries

    def _listen(self, pcm: bytes, mean: str) -> None:
        self._decoder.reinit_feat()  # or its estimate of the room's noise would go on from the last sound
        self._decoder.set_cmn(mean)
        self._decoder.start_utt()
        for start in range(0, len(pcm), _STEP_BYTES):
            self._decoder.process_raw(pcm[start : start + _STEP_BYTES])
        self._decoder.end_utt()


@cache
def _aligner() -> _Aligner | None:
    """The process's one aligner; None if PocketSphinx is not installed, which is logged once."""
    try:
        return _Aligner()
    except ImportError:
        log.warning("English lips are estimated, not aligned: pocketsphinx is not installed. Install it: pip install pocketsphinx")
        return None


def _decoder() -> Any:
    from pocketsphinx import Decoder  # noqa: PLC0415 - heavy

    return Decoder(samprate=_RATE, loglevel="FATAL", lm=None, bestpath=False, beam=1e-100, pbeam=1e-100, wbeam=1e-80)


def _prepared(audio: AudioChunk) -> bytes:
    """The sound as the aligner gets it: 16 kHz PCM at a fixed level, padded, with a little noise that is always the same."""
    samples = resample(audio, _RATE).samples
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) or 1.0
    padded = np.pad(samples * np.float32(_LEVEL / level), round(_PAD_MS * _RATE / 1000))
    noise = np.random.default_rng(0).normal(0, _DITHER, len(padded))
    return to_pcm16(AudioChunk((padded + noise).astype(np.float32), _RATE))


def _score(entries: Sequence[_Entry]) -> float:
    spoken = [entry for entry in entries if entry.word >= 0]
    hurried = sum(entry.frames <= _HURRIED_FRAMES for entry in spoken) / len(spoken)
    return sum(entry.score for entry in spoken) / sum(entry.frames for entry in spoken) - _HURRY_COST * hurried


def _closed(entries: Sequence[_Entry], total_ms: float) -> list[Span]:
    """Spans without gap or overlap from 0 to the end; a short AH is the reduced vowel."""
    spans: list[Span] = []
    for name, word, frame, frames, _ in entries:
        start, end = (min(max(edge * _FRAME_MS - _PAD_MS, 0.0), total_ms) for edge in (frame, frame + frames))
        phoneme = "" if word < 0 else "ə" if name == "AH" and end - start <= _REDUCED_MS else IPA[name]
        spans.append(Span(phoneme, word, start, end))
    return _without_short_pauses(spans)


def _without_short_pauses(spans: Sequence[Span]) -> list[Span]:
    """Give short silences to the phoneme that follows, whose closure they are, and merge neighbouring pauses."""
    kept: list[Span] = []
    for span in spans:
        start = span.start_ms
        if kept and not kept[-1].phoneme and (not span.phoneme or 0 < kept[-1].end_ms - kept[-1].start_ms < SHORTEST_PAUSE_MS):
            start = kept.pop().start_ms
        if span.end_ms > start or span.phoneme:
            kept.append(replace(span, start_ms=start))
    return kept
