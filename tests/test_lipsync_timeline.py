"""The mouth in time: exact onsets, visible lip closures, nothing outside the sound; held against genuine speech."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requirements import requirement

from engines.errors import TextToSpeechError
from engines.lipsync.timeline import CLOSURE_MS, FRAME_MS, NUCLEUS, viseme_timeline
from engines.tts import espeak_ng
from engines.types import AudioChunk, PhonemeTiming, Speech, VisemeTimeline, WordTiming

RATE = 24_000


def speech(phonemes: Sequence[tuple[str, float, float]], total_ms: float = 1000, words: Sequence[WordTiming] = ()) -> Speech:
    audio = AudioChunk(np.zeros(round(total_ms * RATE / 1000), np.float32), RATE)
    return Speech(audio, tuple(PhonemeTiming(*p) for p in phonemes), tuple(words), "measured")


def in_a_row(text: str) -> Speech:
    """``"p:40 a:100"`` → phonemes one after the other; ``_`` is a pause."""
    phonemes, at = [], 0.0
    for part in text.split():
        name, _, duration = part.rpartition(":")
        phonemes.append((name.replace("_", ""), at, float(duration)))
        at += float(duration)
    return speech(phonemes, at)


def shown(result: VisemeTimeline) -> str:
    return " ".join(f"{v.name}:{v.start_ms:.0f}+{v.duration_ms:.0f}" for v in result.visemes)


def assert_whole(result: VisemeTimeline, source: Speech) -> None:
    total = source.audio.duration_ms
    assert all(v.duration_ms > 0 for v in result.visemes)
    assert all(v.start_ms >= 0 and v.start_ms + v.duration_ms <= total + 1e-6 for v in result.visemes)
    for a, b in pairwise(result.visemes):
        assert a.start_ms + a.duration_ms <= b.start_ms + 1e-6
        assert a.name != b.name or b.start_ms - (a.start_ms + a.duration_ms) > 1e-9, "equal neighbours are one"
    assert sum(v.duration_ms for v in result.visemes) <= total + 1e-6
    assert all(w.start_ms >= 0 and w.duration_ms >= 0 and w.start_ms + w.duration_ms <= total + 1e-6 for w in result.words)


@pytest.mark.parametrize(
    ("phonemes", "expected"),
    [
        ("t:80 a:100 k:60", "DD:0+80 aa:80+100 kk:180+60"),
        ("_:50 a:100 _:300", "sil:0+50 aa:50+100 sil:150+300"),
        ("aɪ:100", "aa:0+60 I:60+40"),
        ("A:100", "E:0+60 I:60+40"),
        ("aɪə:90", "aa:0+30 I:30+30 E:60+30"),
        ("ts:100", "DD:0+50 SS:50+50"),
        ("tʃ:100", "CH:0+100"),
        ("h:60 a:100", "aa:0+160"),
        ("a:100 h:60 ,:50", "aa:0+100 kk:100+60 sil:160+50"),
        ("pf:160", "PP:0+80 FF:80+80"),
        ("t:80 ˈ:25 a:100 ː:25", "DD:0+105 aa:105+125"),
        ("ˈ:25 a:100", "aa:25+100"),
        ("t:40 d:40 a:60", "DD:0+80 aa:80+60"),
        ("a:100 p:60 p:60 a:100", "aa:0+100 PP:100+120 aa:220+100"),
        ("a:100 ,:200 .:100", "aa:0+100 sil:100+300"),
        ("a:100 l:0 d:50", "aa:0+100 DD:100+50"),
        ("", ""),
    ],
)
def test_shapes_follow_their_phonemes(phonemes: str, expected: str) -> None:
    assert shown(viseme_timeline(in_a_row(phonemes))) == expected


@pytest.mark.parametrize(
    ("phonemes", "expected"),
    [
        ("a:100 d:20 i:100", "aa:0+120 I:120+100"),
        ("a:100 ɪ:20 d:80", "aa:0+100 I:100+20 DD:120+80"),
        ("_:100 d:20 i:100", "sil:0+100 DD:100+20 I:120+100"),
        ("d:20 i:100", "DD:0+20 I:20+100"),
        ("a:100 d:25 i:100", "aa:0+100 DD:100+25 I:125+100"),
        ("a:100 d:20 a:100", "aa:0+220"),
    ],
)
def test_consonants_too_short_to_form_are_passed_over(phonemes: str, expected: str) -> None:
    assert shown(viseme_timeline(in_a_row(phonemes))) == expected


@pytest.mark.parametrize(
    ("phonemes", "expected"),
    [
        ("a:100 p:25 a:100", "aa:0+75 PP:75+50 aa:125+100"),  # one frame early
        ("a:30 p:25 i:100", "aa:0+25 PP:25+50 I:75+80"),  # the short vowel keeps a frame; the rest comes from after
        ("a:100 m:0 a:100", "aa:0+75 PP:75+50 aa:125+75"),
        ("_:200 b:25 a:100", "sil:0+175 PP:175+50 aa:225+100"),
        ("_:10 b:25 a:100", "PP:0+50 aa:50+85"),
        ("a:100 v:20", "aa:0+75 FF:75+45"),
        ("p:30 a:100", "PP:0+50 aa:50+80"),
        ("m:0 a:100", "PP:0+25 aa:25+75"),
        ("_:100 m:10 f:10 t:50", "sil:0+75 PP:75+35 FF:110+35 DD:145+25"),
        ("a:100 p:51 a:100", "aa:0+100 PP:100+51 aa:151+100"),
        ("a:20 p:20 a:20", "aa:0+20 PP:20+20 aa:40+20"),
    ],
)
@requirement("lips.closures")
def test_lips_that_meet_are_seen_to_meet(phonemes: str, expected: str) -> None:
    assert shown(viseme_timeline(in_a_row(phonemes))) == expected


@pytest.mark.parametrize(
    ("phonemes", "expected"),
    [
        ([("a", 100, 100), ("t", 0, 100)], "DD:0+100 aa:100+100"),
        ([("a", 0, 150), ("t", 100, 100)], "aa:0+100 DD:100+100"),
        ([("a", -50, 100), ("t", 50, 5000)], "aa:0+50 DD:50+950"),
        ([("t", 50, -80), ("a", 100, 100)], "aa:100+100"),
        ([("a", 0, 100), ("t", 400, 100)], "aa:0+100 DD:400+100"),
        ([("a", 900, 100), ("t", 1200, 100)], "aa:900+100"),
        ([("a", 1e300, 1e300)], ""),
    ],
)
def test_awkward_times(phonemes: list[tuple[str, float, float]], expected: str) -> None:
    source = speech(phonemes)
    assert_whole(viseme_timeline(source), source)
    assert shown(viseme_timeline(source)) == expected


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_refuses_what_is_no_number(bad: float) -> None:
    broken = [speech([("a", bad, 10)]), speech([("a", 0, bad)]), speech([], words=[WordTiming("x", bad, 1)])]
    for source in broken:
        with pytest.raises(TextToSpeechError, match="no number") as refusal:
            viseme_timeline(source)
        assert refusal.value.code == "bad_timing"


def test_silent_audio_of_no_length() -> None:
    assert viseme_timeline(speech([("a", 0, 10), ("p", 10, 10)], 0)).visemes == ()


def test_words_and_source_pass_through_inside_the_sound() -> None:
    result = viseme_timeline(speech([("a", 0, 50)], 100, [WordTiming("Ah ", -5, 50), WordTiming("me.", 60, 500)]))
    assert result.words == (WordTiming("Ah ", 0, 45), WordTiming("me.", 60, 40))
    assert result.source == "measured"


times = st.floats(-100, 1500, allow_nan=False)
symbols = st.sampled_from(["p", "m", "f", "pf", "a", "aɪ", "iau", "t", "tʃ", "ts", "ˈ", "ː", "", ".", "s", "əl", "漢", " "])


@settings(derandomize=True, deadline=None)
@given(st.lists(st.tuples(symbols, times, times), max_size=30), st.floats(0, 1200))
def test_any_timings_make_a_whole_timeline(phonemes: list[tuple[str, float, float]], total: float) -> None:
    source = speech(phonemes, total)
    assert_whole(viseme_timeline(source), source)


@settings(derandomize=True, deadline=None)
@given(st.lists(st.tuples(symbols, st.sampled_from([0.0, 5.0, 25.0, 50.0, 75.0, 150.0])), min_size=1, max_size=40))
def test_onsets_are_the_phonemes_own(parts: list[tuple[str, float]]) -> None:
    source = in_a_row(" ".join(f"{name or '_'}:{duration}" for name, duration in parts if name != " "))
    result = viseme_timeline(source)
    assert_whole(result, source)
    own = [p.start_ms + share * p.duration_ms for p in source.phonemes for share in (0, 1 / 3, 1 / 2, NUCLEUS, 2 / 3)]
    moved = [min(abs(v.start_ms - at) for at in own) for v in result.visemes]
    assert max(moved, default=0) <= FRAME_MS + 1e-6
    lips = [p for p in source.phonemes if set(p.phoneme) & set("pmf")]
    assert lips or max(moved, default=0) < 1e-6
    assert {"PP", "FF"} & {v.name for v in result.visemes} or not any(p.duration_ms for p in lips)


@pytest.mark.parametrize("name", ["en-us", "en", "en-us+f3"])
def test_closures_fall_on_the_quiet_of_genuine_speech(name: str) -> None:
    text = "Peter bought my happy puppy a big rubber map, but Bob may keep a pump."
    (spoken,) = espeak_ng.load(espeak_ng.Options(), "cpu").synthesize(text, name)
    result = viseme_timeline(spoken)
    assert_whole(result, spoken)
    energy = spoken.audio.samples.astype(np.float64) ** 2

    def level(start_ms: float, end_ms: float) -> float:
        return float(np.mean(energy[round(start_ms * 22.05) : round(end_ms * 22.05)]))

    closures = [v for v in result.visemes if v.name == "PP"]
    vowels = [v for v in result.visemes if v.name in {"aa", "O", "I", "E", "U"} and v.duration_ms > 40]
    assert len(closures) >= text.lower().count("b") + 5
    assert all(v.duration_ms >= CLOSURE_MS - 1e-6 for v in closures)
    loud = float(np.median([level(v.start_ms, v.start_ms + v.duration_ms) for v in vowels]))
    quiet = [level(v.start_ms + 5, v.start_ms + 35) for v in closures]
    assert max(quiet) < 0.5 * loud, "no closure where a vowel sounds"
    assert float(np.median(quiet)) < 0.05 * loud
