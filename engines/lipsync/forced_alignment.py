"""When each word and phoneme is spoken, for voices that do not tell: aligned in English, else estimated from the text and the pauses.

The aligner is CMU PocketSphinx (https://github.com/cmusphinx/pocketsphinx, BSD) with the English model of its wheel. Which words are spoken
is known; it only looks for where they are. Its first pass places the words, the second the phonemes within them.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count, pairwise, takewhile
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.audio import resample, to_pcm16
from engines.lipsync.pronunciation import IPA, Sounds, Word, by_letters, english, is_english, words_of
from engines.types import AudioChunk, PhonemeTiming, Speech, TimingSource, WordTiming

log = logging.getLogger(__name__)

_RATE = 16_000  # what the model was trained on
_STEP_BYTES = 2 * _RATE // 20
"""50 ms. The decoder holds Python's lock while it works on a step."""
_FRAME_MS = 10.0
_PAD_MS = 200.0
_LEVEL = 0.1
"""RMS of what the aligner is given, so that a quiet voice is as far from `_CMN` as a loud one."""
_DITHER = 2 / 32768
"""Standard deviation of the noise that is added: the model was trained on rooms, and knows no perfect zeros."""
_CMN = "40,3,-1,0,0,0,0,0,0,0,0,0,0"
"""The library's first guess of the mean cepstrum: every sound begins from it, so that none leaves a trace in the next."""
_LEAST_SCORE, _HURRY_COST, _HURRIED_FRAMES = -66.0, 60.0, 3
"""What a true text reaches: the decoder's score of a frame of speech (0 were the best possible), less 60 for the share of phonemes that are
no longer than the model allows. Measured: people reading -17 to -24, eSpeak NG's voices -62 and better, other texts -70 and worse.
"""
_LEAST_ENGLISH = 0.5
"""Share of the words that the dictionary must hold: below, the text is in another language than the voice."""
_MOST_NEW_WORDS = 5_000
_SHORTEST_PAUSE_MS = 60.0
"""A shorter silence is the closure of the consonant that follows."""
_REDUCED_MS = 60.0
"""CMU's dictionary writes the vowels of "cut" and of "about" alike; one as short as this is the second."""

_STOPS = frozenset("p b t d k ɡ tʃ dʒ".split())
_VOWELS = frozenset("aeiouyæøœɐɑɒɔəɚɛɜɝɞɤɪɨɯʉʊʌʏ")
_VOWEL_WEIGHT = 1.4
"""How long a vowel lasts, relative to a consonant."""
_WINDOW_MS = 10.0
_BELOW_LOUDEST_DB, _SILENCE_DBFS = 38.0, -60.0
_LONG_PAUSE_MS = 120.0
"""A shorter silence may be inside a word, for all that loudness tells."""
_UNMARKED = 3.0
"""How much farther from a pause the end of a word seems that has no punctuation: most pauses are written."""
_PAUSE_MARK = re.compile(r"[.,;:!?…—–。、！？，；：।؟،]")


class _Entry(NamedTuple):
    name: str
    """ARPAbet, or what the decoder calls a silence."""
    word: int
    """The word it belongs to; of a silence, -1."""
    frame: int
    frames: int
    score: float


@dataclass(frozen=True, slots=True)
class _Span:
    phoneme: str
    """IPA; empty for a pause."""
    word: int
    """The word it belongs to; of a pause, -1."""
    start_ms: float
    end_ms: float


def timed(audio: AudioChunk, text: str, language: str) -> Speech:
    """A sound with the times of its words and of its phonemes (IPA, ``""`` for a pause), which cover all of it.

    `language` is the BCP 47 tag of the text. The timing is ``aligned`` where the sound was found to say the text in English, and otherwise
    ``estimated``: the text's sounds are spread over what is not silent, by their usual lengths, with the pauses at punctuation or, failing
    that, at the nearest end of a word. Nothing is raised; what holds no sound or no words is one pause.
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
    """Load the aligner, some 0.1 s, before it is first needed."""
    _aligner()


def _spans(audio: AudioChunk, words: Sequence[Word], language: str) -> tuple[list[_Span], TimingSource]:
    aligner = _aligner() if re.split("[-_]", language)[0].lower() == "en" else None
    sounds = [by_letters(word.spoken, language) for word in words]
    if aligner is not None and words and len(audio.samples):
        if spans := aligner.align(audio, words):
            return spans, "aligned"
        sounds = [aligner.likeliest(word) for word in words]
    return _estimated(audio, words, sounds), "estimated"


def _word_timings(words: Sequence[Word], spans: Sequence[_Span]) -> Iterator[WordTiming]:
    ends: dict[int, tuple[float, float]] = {}
    for span in spans:
        ends[span.word] = (ends.get(span.word, (span.start_ms, 0))[0], span.end_ms)
    now = 0.0
    for index, word in enumerate(words):
        start, now = ends.get(index, (now, now))
        yield WordTiming(word.text, start, now - start)


class _Aligner:
    """PocketSphinx, which holds one sound at a time. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._renew()

    def align(self, audio: AudioChunk, words: Sequence[Word]) -> list[_Span] | None:
        """The phonemes of every word, with the pauses; None where the sound does not say these words in English."""
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
        return _paused(_closed(entries, audio.duration_ms), audio) if _score(entries) >= _LEAST_SCORE else None

    def likeliest(self, word: Word) -> Sounds:
        """How a word is usually said, in IPA."""
        with self._lock:
            return tuple(IPA[sound] for sound in english(word.spoken, self._dictionary)[0])

    def _renew(self) -> None:
        self._decoder, self._new_words = _decoder(), 0

    def _dictionary(self, word: str) -> list[Sounds]:
        names = (f"{word}({number})" if number > 1 else word for number in count(1))
        return [tuple(said.split()) for said in takewhile(bool, map(self._decoder.lookup_word, names))]

    def _key(self, word: Word) -> str:
        """What the decoder's dictionary calls the word; it is taught words that it does not hold."""
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
        """Everything in the sound.

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
    """The process's one aligner; None where PocketSphinx is not installed, which is said once."""
    try:
        return _Aligner()
    except ImportError:
        log.warning("English lips are estimated, not aligned: pocketsphinx is not installed. Install it: pip install pocketsphinx")
        return None


def _decoder() -> Any:
    from pocketsphinx import Decoder  # noqa: PLC0415 - heavy

    return Decoder(samprate=_RATE, loglevel="FATAL", lm=None, bestpath=False, beam=1e-100, pbeam=1e-100, wbeam=1e-80)


def _prepared(audio: AudioChunk) -> bytes:
    """What the aligner is given: the sound at a common level, in a quiet room that is the same one every time."""
    samples = resample(audio, _RATE).samples
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) or 1.0
    padded = np.pad(samples * np.float32(_LEVEL / level), round(_PAD_MS * _RATE / 1000))
    noise = np.random.default_rng(0).normal(0, _DITHER, len(padded))
    return to_pcm16(AudioChunk((padded + noise).astype(np.float32), _RATE))


def _score(entries: Sequence[_Entry]) -> float:
    spoken = [entry for entry in entries if entry.word >= 0]
    hurried = sum(entry.frames <= _HURRIED_FRAMES for entry in spoken) / len(spoken)
    return sum(entry.score for entry in spoken) / sum(entry.frames for entry in spoken) - _HURRY_COST * hurried


def _closed(entries: Sequence[_Entry], total_ms: float) -> list[_Span]:
    """Spans without gap or overlap from 0 to the end; short silences are given to what follows, the reduced vowel is told from the full."""
    spans: list[_Span] = []
    for name, word, frame, frames, _ in entries:
        start, end = (min(max(edge * _FRAME_MS - _PAD_MS, 0.0), total_ms) for edge in (frame, frame + frames))
        if spans and not spans[-1].phoneme and (word < 0 or 0 < spans[-1].end_ms - spans[-1].start_ms < _SHORTEST_PAUSE_MS):
            start = spans.pop().start_ms
        if end > start or word >= 0:
            phoneme = "" if word < 0 else "ə" if name == "AH" and end - start <= _REDUCED_MS else IPA[name]
            spans.append(_Span(phoneme, word, start, end))
    return spans


def _paused(spans: Sequence[_Span], audio: AudioChunk) -> list[_Span]:
    """The same, with pauses between words as long as the silence there, which the aligner likes to give to the sounds beside it.

    A silence inside a sound is the closure of a stop. One before a word that begins with a stop is so at its end.
    """
    stretches = _sounding(audio, _SHORTEST_PAUSE_MS)
    silences = list(pairwise([0.0, *(edge for stretch in stretches for edge in stretch), audio.duration_ms]))[::2]
    parts: list[_Span] = []
    nothing = _Span("", -1, 0.0, 0.0)
    for before, span, after in zip([nothing, *spans], spans, [*spans[1:], nothing], strict=False):
        start, end = span.start_ms, span.end_ms
        for silent, sounding in silences if span.phoneme else ():
            if before.word != span.word and silent < start + _FRAME_MS and start < sounding < end:
                start = max(start, sounding - (_SHORTEST_PAUSE_MS if span.phoneme in _STOPS else 0.0))
            if after.word != span.word and start < silent < end < sounding + _FRAME_MS:
                end = silent
        parts += [_Span("", -1, span.start_ms, start), replace(span, start_ms=start, end_ms=end), _Span("", -1, end, span.end_ms)]
    paused: list[_Span] = []
    for part in parts:
        if not part.phoneme and paused and not paused[-1].phoneme:
            paused[-1] = replace(paused[-1], end_ms=part.end_ms)
        elif part.phoneme or part.end_ms > part.start_ms:
            paused.append(part)
    return paused


def _estimated(audio: AudioChunk, words: Sequence[Word], sounds: Sequence[Sounds]) -> list[_Span]:
    """The sounds of the words, spread over what is not silent."""
    stretches = _sounding(audio, _LONG_PAUSE_MS)
    weights = [float(sum(map(_weight, word))) for word in sounds]
    if not stretches or not sum(weights):
        return [_Span("", -1, 0.0, audio.duration_ms)]
    cuts, stretches = _cuts(words, weights, stretches)
    spans: list[_Span] = []
    for (first, last), (start, end) in zip(pairwise(cuts), stretches, strict=True):
        flat = [(sound, index) for index in range(first, last) for sound in sounds[index]]
        shares = np.cumsum([0.0, *(_weight(sound) for sound, _ in flat)])
        edges = start + (end - start) * shares / max(shares[-1], 1.0)
        spans.append(_Span("", -1, spans[-1].end_ms if spans else 0.0, start))
        spans += [_Span(sound, index, float(a), float(b)) for (sound, index), (a, b) in zip(flat, pairwise(edges), strict=True)]
    spans.append(_Span("", -1, spans[-1].end_ms, audio.duration_ms))
    return [span for span in spans if span.end_ms > span.start_ms]


def _weight(sound: str) -> float:
    return _VOWEL_WEIGHT if any(letter in _VOWELS for letter in sound) else 1.0


def _cuts(
    words: Sequence[Word], weights: Sequence[float], stretches: Sequence[tuple[float, float]]
) -> tuple[list[int], list[tuple[float, float]]]:
    """The first word of each stretch of sound, and the number of words; and the stretches, joined where there are more than words."""
    spoken = [index for index, weight in enumerate(weights) if weight]
    gaps = sorted(range(1, len(stretches)), key=lambda gap: stretches[gap - 1][1] - stretches[gap][0])[: len(spoken) - 1]
    starts = [0, *sorted(gaps), len(stretches)]
    joined = [(stretches[a][0], stretches[b - 1][1]) for a, b in pairwise(starts)]
    sounding = np.cumsum([end - start for start, end in joined])
    said = np.cumsum([weights[index] for index in spoken])
    cuts = [0]
    for number, share in enumerate(sounding[:-1] / sounding[-1]):
        possible = range(cuts[-1] + 1, len(spoken) - (len(joined) - 2 - number))
        far = {cut: abs(said[cut - 1] / said[-1] - share) * _far(words[spoken[cut - 1] : spoken[cut]]) for cut in possible}
        cuts.append(min(far, key=far.__getitem__))
    return [0, *(spoken[cut] for cut in cuts[1:]), len(words)], joined


def _far(words: Sequence[Word]) -> float:
    return 1.0 if any(_PAUSE_MARK.search(word.text) for word in words) else _UNMARKED


def _sounding(audio: AudioChunk, shortest_ms: float) -> list[tuple[float, float]]:
    """(start, end) in ms of each stretch between silences of at least `shortest_ms`."""
    window = max(1, round(audio.sample_rate * _WINDOW_MS / 1000))
    padded: NDArray[np.float32] = np.pad(audio.samples, (0, -len(audio.samples) % window))
    power = np.square(padded, dtype=np.float64).reshape(-1, window).mean(axis=1)
    least = 10 ** (_SILENCE_DBFS / 10)
    loud = np.flatnonzero(power > max(least, float(power.max(initial=0.0)) * 10 ** (-_BELOW_LOUDEST_DB / 10)))
    if not len(loud):
        return []
    length_ms = window * 1000 / audio.sample_rate
    breaks = np.flatnonzero(np.diff(loud) * length_ms > shortest_ms)
    firsts, lasts = np.r_[loud[0], loud[breaks + 1]], np.r_[loud[breaks], loud[-1]] + 1
    return [(float(a) * length_ms, min(float(b) * length_ms, audio.duration_ms)) for a, b in zip(firsts, lasts, strict=True)]
