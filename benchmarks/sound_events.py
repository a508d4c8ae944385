"""Sound events: when a sound itself shows that a phoneme begins or a phrase ends, found without knowing how its times were made.

Where two phonemes of very different sound meet, the level of one frequency band steps up or down: a stop or a nasal behind a vowel closes
the mouth, a sibilant brings hiss, a vowel behind an obstruent brings its voice. The step is where two constant levels fit the band best
(a change point, by least squares), sought from where the first of both phonemes begins to where the second ends. All windows of a set are
then moved by the median of what was found, and sought again, until that does not change: an offset does not lead out of the windows.

Nothing here is shared with `engines.lipsync.spans`, which the product corrects its times with: that compares levels with the loudest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engines.lipsync.oculus import visemes_of
from engines.types import AudioChunk, PhonemeTiming, Speech, VisemeTimeline

Levels = dict[str, NDArray[np.float64]]
"""dB of each band every 5 ms, shape (n,)."""
HOP_MS = 5.0
_WINDOW_MS, _FFT, _RANGE_DB = 15.0, 1024, 45.0
_BANDS_HZ = {"all": (120, 9_000), "voice": (250, 900), "upper": (900, 4_000), "hiss": (4_000, 10_000)}
_LEAST_STEP_DB = 6.0
_FARTHEST_MS, _LEAST_WINDOW_MS = 200.0, 50.0
_SAME_ONSET_MS = 30.0
"""How far the onset of a viseme may be from that of its phoneme: short closures begin a frame early."""

_VOWELS = frozenset({"aa", "E", "I", "O", "U"})
_GLIDES = frozenset("jwɥʝçɰʍ")
_OBSTRUENTS = frozenset({"p b", "t d k g", "f v", "s z ʃ tʃ"})
_BEHIND_A_VOWEL = {
    "p b": ("voice", False),
    "t d k g": ("voice", False),
    "m": ("upper", False),
    "n": ("upper", False),
    "f v": ("voice", False),
    "s z ʃ tʃ": ("hiss", True),
}
"""The band that tells, and whether it rises."""
_MUFFLED_DB, _SEEN_MS = 6.0, 20.0
_LONGEST_TAIL_MS, _LEAST_PAUSE_MS, _LEAST_FALL_DB = 120.0, 100.0, 10.0


@dataclass(frozen=True, slots=True)
class Onset:
    """A viseme whose beginning can be heard."""

    kind: str
    start_ms: float
    """When the mouth forms it."""
    window_ms: tuple[float, float]
    band: str
    rises: bool


def levels(audio: AudioChunk) -> Levels:
    """Each band's level, at most 45 dB below what it reaches 5 % of the time."""
    rate, window = audio.sample_rate, round(audio.sample_rate * _WINDOW_MS / 1000)
    starts = (np.arange(int(audio.duration_ms / HOP_MS) + 1) * HOP_MS * rate / 1000).astype(int)
    padded = np.pad(audio.samples.astype(np.float64), (window // 2, window))
    power = np.square(np.abs(np.fft.rfft(padded[starts[:, None] + np.arange(window)] * np.hanning(window), _FFT)))
    frequencies = np.fft.rfftfreq(_FFT, 1 / rate)
    found: Levels = {}
    for name, (low, high) in _BANDS_HZ.items():
        band = power[:, (frequencies >= low) & (frequencies < high)].sum(axis=1)
        found[name] = 10 * np.log10(np.maximum(band / max(float(np.percentile(band, 95)), 1e-12), 10 ** (-_RANGE_DB / 10)))
    return found


def onsets(speech: Speech, timeline: VisemeTimeline) -> Iterator[Onset]:
    """The visemes of a piece whose beginning can be heard."""
    timed = [(phoneme, kind) for phoneme in speech.phonemes if phoneme.duration_ms > 0 and (kind := _kind(phoneme))]
    for (before, before_kind), (phoneme, kind) in pairwise(timed):
        name = visemes_of(phoneme.phoneme)[0]
        near = [v.start_ms for v in timeline.visemes if v.name == name and abs(v.start_ms - phoneme.start_ms) <= _SAME_ONSET_MS]
        if before_kind == "pause" and kind not in {"pause", "p b", "t d k g"}:
            label, band, rises = "after a pause", "all", True
        elif before_kind == "vowel" and kind in _BEHIND_A_VOWEL:
            label, (band, rises) = kind, _BEHIND_A_VOWEL[kind]
        elif before_kind in _OBSTRUENTS and kind == "vowel":
            label, band, rises = kind, "voice", True
        else:
            continue
        if near:
            start = min(near, key=lambda at: abs(at - phoneme.start_ms))
            first = min(max(before.start_ms, phoneme.start_ms - _FARTHEST_MS), start - _LEAST_WINDOW_MS)
            last = max(min(phoneme.start_ms + phoneme.duration_ms, phoneme.start_ms + _FARTHEST_MS), start + _LEAST_WINDOW_MS)
            yield Onset(label, start, (first, last), band, rises)


def onset_errors(pieces: Sequence[tuple[Levels, Sequence[Onset]]]) -> dict[str, list[float]]:
    """How many ms the mouth comes after the sound (before it: negative), of each kind."""
    moved, errors = 0.0, dict[str, list[float]]()
    for _ in range(8):
        errors = {}
        for sound, expected in pieces:
            for onset in expected:
                at = _step(sound[onset.band], onset.window_ms[0] + moved, onset.window_ms[1] + moved, onset.rises, _LEAST_STEP_DB)
                if at is not None:
                    errors.setdefault(onset.kind, []).append(onset.start_ms - at)
        every = [error for some in errors.values() for error in some]
        before, moved = moved, -float(np.median(every)) if every else 0.0
        if abs(moved - before) < 2:
            break
    return errors


def end_errors(speech: Speech, timeline: VisemeTimeline, sound: Levels) -> Iterator[float]:
    """How many ms after each phrase's sound its last viseme ends. Phrases that end with a stop are left out: its closure is silent."""
    shapes = [viseme for viseme in timeline.visemes if viseme.name != "sil"]
    edges = [*(shape.start_ms for shape in shapes[1:]), speech.audio.duration_ms]
    for shape, following in zip(shapes, edges, strict=True):
        end = shape.start_ms + shape.duration_ms
        last = next((p for p in reversed(speech.phonemes) if p.start_ms < end - 1 and _kind(p) not in {"", "pause"}), None)
        if following - end < _LEAST_PAUSE_MS or last is None or _kind(last) in {"p b", "t d k g"}:
            continue
        at = _step(sound["all"], shape.start_ms - _LONGEST_TAIL_MS, following, False, _LEAST_FALL_DB)
        if at is not None:
            yield end - at


def closures_met(speech: Speech, timeline: VisemeTimeline, sound: Levels) -> Iterator[bool]:
    """For each p, b and m between vowels: whether the lips are together for a frame of 20 ms while the sound is muffled."""
    kinds = [(phoneme, kind) for phoneme in speech.phonemes if (kind := _kind(phoneme))]
    for (_, before), (phoneme, kind), (_, behind) in zip(kinds, kinds[1:], kinds[2:], strict=False):
        if before == behind == "vowel" and kind in {"p b", "m"}:
            first, last = (round(max(edge, 0.0) / HOP_MS) for edge in (phoneme.start_ms - 60, phoneme.start_ms + phoneme.duration_ms + 30))
            padded = np.pad(sound["upper"][first : last + 1], 2, mode="edge")
            band = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)  # a joint of eSpeak's is quiet for 5 ms
            start = end = int(band.argmin())
            while start and band[start - 1] <= band.min() + _MUFFLED_DB:
                start -= 1
            while end + 1 < len(band) and band[end + 1] <= band.min() + _MUFFLED_DB:
                end += 1
            heard = ((first + start) * HOP_MS, (first + end) * HOP_MS)
            together = [v for v in timeline.visemes if v.name == "PP"]
            yield any(min(v.start_ms + v.duration_ms, heard[1]) - max(v.start_ms, heard[0]) >= _SEEN_MS for v in together)


def silence(sound: Levels) -> tuple[float, float]:
    """Silence before the first sound and behind the last, in ms: what is 40 dB below the level that is reached 5 % of the time."""
    loud = np.flatnonzero(sound["all"] > -40)
    return float(loud[0]) * HOP_MS, float(len(sound["all"]) - 1 - loud[-1]) * HOP_MS


def summary(values: Iterable[float]) -> tuple[float, float, float, float]:
    """Median, lower and upper quartile, and what 90 % are at most away from 0."""
    given = np.array(list(values))
    median, lower, upper = np.percentile(given, (50, 25, 75))
    return float(median), float(lower), float(upper), float(np.percentile(np.abs(given), 90))


def _step(band: NDArray[np.float64], first_ms: float, last_ms: float, rises: bool, least_db: float) -> float | None:
    """Where the band steps up or down, in ms; None where it does not by so much."""
    first, last = max(round(first_ms / HOP_MS), 0), min(round(last_ms / HOP_MS) + 1, len(band))
    count = last - first
    if count < 6:
        return None
    sums, sizes = np.cumsum(band[first:last]), np.arange(2, count - 1)
    left, right = sums[sizes - 1] / sizes, (sums[-1] - sums[sizes - 1]) / (count - sizes)
    steps = (right - left) if rises else (left - right)
    best = int(np.argmax(np.where(steps > 0, steps, 0) ** 2 * sizes * (count - sizes)))
    return (first + float(sizes[best]) - 0.5) * HOP_MS if steps[best] >= least_db else None


def _kind(phoneme: PhonemeTiming) -> str:
    """What kind of sound it is; empty for a mark without a shape."""
    names = visemes_of(phoneme.phoneme)
    letter = next((c for c in phoneme.phoneme if c.isalpha() and c not in "ʰʲˈˌː"), "?")
    if not names or names == ("sil",):
        return "pause" if names else ""
    if names[-1] in _VOWELS and letter not in _GLIDES:
        return "vowel"
    by_letter = {"p b": "pb", "m": "mɱ", "n": "nɲ", "t d k g": "tdkɡgqʈɖ", "f v": "fv"}
    sibilant = "s z ʃ tʃ" if names[0] in {"SS", "CH"} else "other"
    return next((kind for kind, letters in by_letter.items() if letter in letters), sibilant)
