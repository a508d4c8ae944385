"""The phoneme table has no hole: every phoneme the genuine eSpeak NG can name, every symbol Kokoro knows, every letter of the IPA chart."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from itertools import pairwise

import espeakng_loader
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requirements import requirement

from engines.lipsync.oculus import FALLBACK, is_known, visemes_of
from engines.runtimes import espeak_api
from engines.tts import espeak_ng
from engines.types import VISEME_NAMES

KOKORO = ';:,.!?—…"()“” \u0303ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ'
"""The keys of "vocab" in the config.json of hexgrad/Kokoro-82M: all that misaki may hand it, in any of its languages."""

# Speaks every mnemonic of a voice's phoneme tables and prints the names that come out; in a process of its own, for the library's state is
# global. phontab: a count, then tables of a 36-byte head (entries, parent counted from 1, name) and 16-byte entries (mnemonic first).
INVENTORY = """
import ctypes, json, sys
from pathlib import Path
class Event(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("skipped", ctypes.c_int * 5), ("user_data", ctypes.c_void_p), ("name", ctypes.c_char * 8)]
phontab = Path(sys.argv[2], "phontab").read_bytes()
tables, at = {}, 4
for _ in range(phontab[0]):
    entries, parent, name = phontab[at], phontab[at + 1], phontab[at + 4 : at + 36].split(b"\\0")[0].decode()
    at += 36
    own = {phontab[at + 16 * i : at + 16 * i + 4].rstrip(b"\\0") for i in range(entries)}
    tables[name] = own | (list(tables.values())[parent - 1] if parent else set())
    at += 16 * entries
assert at == len(phontab), "this is not the layout of phontab"
c, names = ctypes.CDLL(sys.argv[1]), set()
@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(Event))
def collect(wav, length, events):
    i = 0
    while events[i].type:
        if events[i].type == 7:
            names.add(events[i].name.decode(errors="ignore"))
        i += 1
    return 0
c.espeak_Initialize(2, 2000, sys.argv[2].encode(), 0x8003)
c.espeak_SetSynthCallback(collect)
c.espeak_SetParameter(1, 450, 0)
spoken = set()
for voice in json.loads(sys.argv[3]):
    lines = [line.split() for line in Path(sys.argv[2], "lang", voice).read_text(encoding="utf-8").splitlines()]
    stated = {line[0]: line[1] for line in reversed(lines) if len(line) > 1}
    table = stated.get("phonemes", stated["language"].split("-")[0])
    words = [b"[[" + m + b"]]" for m in sorted(tables[table]) if m.strip() and b"_" not in m]
    spoken |= set(words)
    c.espeak_SetVoiceByName(voice.encode())
    for i in range(0, len(words), 60):
        text = b" ".join(words[i : i + 60]) + b"\\0"
        c.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 0, 0, 0x101, None, None)
print(json.dumps([len(spoken), sorted(names)]))
"""


@pytest.fixture(scope="module")
def espeak_names() -> list[str]:
    voices = sorted(set(espeak_api.shared_library().identifiers.values()))
    command = [sys.executable, "-c", INVENTORY, espeakng_loader.get_library_path(), espeakng_loader.get_data_path(), json.dumps(voices)]
    count, names = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert count > 500
    return [espeak_api.ipa(name) for name in names]


def has_letter(phoneme: str) -> bool:
    return any(unicodedata.category(c) in {"Ll", "Lu", "Lo"} for c in phoneme)


@requirement("lips.every-phoneme")
def test_no_hole_for_espeak_ng(espeak_names: list[str]) -> None:
    assert len(espeak_names) > 450
    assert [name for name in espeak_names if not is_known(name)] == []
    assert [name for name in espeak_names if has_letter(name) and set(visemes_of(name)) - set(VISEME_NAMES[1:])] == []
    assert [name for name in espeak_names if has_letter(name) and not visemes_of(name)] == []


def test_no_hole_for_kokoro() -> None:
    assert len(KOKORO) == 114
    assert [symbol for symbol in KOKORO if not is_known(symbol)] == []
    assert [symbol for symbol in KOKORO if has_letter(symbol) and (not visemes_of(symbol) or "sil" in visemes_of(symbol))] == []


def test_no_hole_in_the_ipa_chart() -> None:
    block = {chr(code) for code in range(0x0250, 0x02B0)}
    withdrawn = set("ɩɷɼɿʅʆʇʓʖʗʚʞʠʪʫ")
    not_of_language = set("ʩʬʭʮʯ")  # disordered speech, smacks, Sinologists' apical vowels
    assert {letter for letter in block if not is_known(letter)} == withdrawn | not_of_language


@pytest.mark.parametrize(
    "text", ["The quick brown fox", "L'été déjà", "Über", "señor", "नमस्ते", "你好世界", "こんにちは", "Привет", "tréan", "mưa"]
)
def test_what_espeak_ng_says_is_known(text: str) -> None:
    voice = espeak_ng.load(espeak_ng.Options(), "cpu")
    for language in ("en-us", "fr", "de", "es", "hi", "cmn", "ja", "ru", "ga", "vi"):
        for speech in voice.synthesize(text, language):
            assert all(is_known(p.phoneme) for p in speech.phonemes)


@pytest.mark.parametrize(
    ("phonemes", "expected"),
    [
        ("p b m pʰ bʲ m̩ β", "PP"),
        ("f v ʋ ɱ", "FF"),
        ("θ ð", "TH"),
        ("t d t̪ ʈ ɖ ɾ T th tʰ r r̝", "DD"),
        ("k ɡ ɡʲ ŋ x χ ʁ q kh h ʔ ħ", "kk"),
        ("ʃ ʒ tʃ dʒ ʧ ʤ t͡ʃ tɕ tɕh ʈ͡ʂ ɕ s. ts.h ꭧ", "CH"),
        ("s z sʲ s̪ S", "SS"),
        ("n l ɲ ʎ l̩ ɫ nʲ ɬ", "nn"),
        ("ɹ ɚ ɻ", "RR"),
        ("a ˈɑː æ ʌ ɑ̃ ä ã ɐ̃ ʔʌ ʰa", "aa"),
        ("e ɛ ə ɜː ᵊ ẽ ˌe̞", "E"),
        ("i ɪ ɨ ᵻ iː ĩ j ç ɯᵝ", "I"),
        ("o ɔ ɒ ø œ œ̃ õ ɔ̃ː", "O"),
        ("u ʊ y ʏ uː ʉ w ɥ ʍ ŭ ɸ", "U"),
        (", . ! ? … —", "sil"),
    ],
)
def test_shapes(phonemes: str, expected: str) -> None:
    assert {phoneme: visemes_of(phoneme) for phoneme in phonemes.split()} == dict.fromkeys(phonemes.split(), (expected,))


@pytest.mark.parametrize(
    ("phoneme", "expected"),
    [
        ("ˈaɪ", "aa I"), ("eɪ", "E I"), ("oʊ", "O U"), ("ɔɪ", "O I"), ("aʊ", "aa U"), ("iau", "I aa U"), ("ɔːɹ", "O RR"),
        ("A", "E I"), ("I", "aa I"), ("O", "O U"), ("Q", "E U"), ("W", "aa U"), ("Y", "O I"),
        ("ts", "DD SS"), ("ʦ", "DD SS"), ("d͡z", "DD SS"), ("tsh", "DD SS"), ("pf", "PP FF"), ("əl", "E nn"), ("ks", "kk SS"),
    ],
)  # fmt: skip
def test_sequences(phoneme: str, expected: str) -> None:
    assert visemes_of(phoneme) == tuple(expected.split())


OF_A_LANGUAGE = {
    ("ja", "β"): ("U", "misaki writes わ and the particle は as βa: [ɰᵝ], the lips never meet"),
    ("ja", "ɯ"): ("U", "compressed, not spread"),
    ("ja", "ɯᵝ"): ("U", "compressed, not spread"),
    ("ja", "ɨ"): ("U", "misaki's u behind s, ts, z: す つ ず"),
    ("ja", "ɸ"): ("U", "ふ is narrowed, never closed"),
    ("hi", "c"): ("CH", "च: ph_hindi has an affricate there"),
    ("hi", "ɟ"): ("CH", "ज"),
    ("hu", "c"): ("kk", "a true palatal stop"),
    ("pt", "y"): ("I", "eSpeak NG's unstressed e, as in leite"),
    ("fr", "y"): ("U", "rounded: tu"),
    ("es", "r"): ("DD", "a trill is not rounded"),
    ("en", "ɹ"): ("RR", "rounded"),
}


@pytest.mark.parametrize("language", ["en", "ja", "hi", "pt", "fr", "es", "it", "de", "zh"])
@requirement("lips.every-phoneme")
def test_every_phoneme_of_every_voice_has_the_shape_of_its_language(language: str, espeak_names: list[str]) -> None:
    """All of Kokoro's and eSpeak NG's: as everywhere, but for those that mean another sound in the language."""
    other = {phoneme: shape for (tag, phoneme), (shape, _) in OF_A_LANGUAGE.items() if tag == language}
    for phoneme in {*KOKORO, *espeak_names, *other}:
        if phoneme in other:
            assert visemes_of(phoneme, language) == (other[phoneme],), phoneme
        elif not set(phoneme) & {letter for (_, name) in OF_A_LANGUAGE for letter in name}:
            assert visemes_of(phoneme, language) == visemes_of(phoneme), phoneme


@pytest.mark.parametrize("mark", ["ˈ", "ː", "ʰ", "ʲ", "\u0303", "↘", " ", '"', "(", "“"])
def test_a_mark_has_no_shape_of_its_own(mark: str) -> None:
    assert visemes_of(mark) == ()


def test_a_pause_is_silence() -> None:
    assert visemes_of("") == ("sil",)


@pytest.mark.parametrize(("stranger", "expected"), [("漢", (FALLBACK,)), ("p漢", ("PP", FALLBACK)), ("😀", ()), ("\x00", ())])
def test_strangers_are_reported_and_never_close_the_mouth(stranger: str, expected: tuple[str, ...]) -> None:
    assert not is_known(stranger)
    assert visemes_of(stranger) == expected


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=6))
def test_any_text_has_shapes_without_repeats(phoneme: str) -> None:
    shapes = visemes_of(phoneme)
    assert set(shapes) <= set(VISEME_NAMES)
    assert all(a != b for a, b in pairwise(shapes))
    assert visemes_of(unicodedata.normalize("NFD", phoneme)) == visemes_of(unicodedata.normalize("NFC", phoneme))


def test_stress_and_length_change_nothing(espeak_names: list[str]) -> None:
    plain = {name: re.sub("[ˈˌː]", "", name) for name in espeak_names}
    assert [name for name, bare in plain.items() if bare and visemes_of(name) != visemes_of(bare)] == []
