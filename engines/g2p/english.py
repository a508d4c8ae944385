"""Grapheme-to-phoneme for English: misaki's lexicon as kokorog2p has it, a part of speech where spelling is not enough, else eSpeak NG."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engines.g2p.parts_of_speech import tags
from engines.g2p.scripts import romanised
from engines.g2p.words import Part, Words, marked, parts_of, words_of
from engines.runtimes.espeak_api import shared_library
from engines.text.spoken.english_numbers import NUMBER, is_ordinal, readings

_PIECE = re.compile(
    r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}\b\.?"  # a.m.
    r"|[^\W\d_]+(?:['’][^\W\d_]+)*"
    rf"|{NUMBER}|."
)
_MINUS = "−"
_SIGNS = {_MINUS: "minus", ".": "dot", "%": "percent", "&": "and", "+": "plus", "@": "at"}
"""Said inside a word: main.py."""
_ABBREVIATIONS = frozenset("dr mr mrs ms prof st vs jr sr a.m p.m e.g i.e".split())
"""A full stop behind them ends no sentence, unless the text ends there too."""
_EMPHASIZED = frozenset(
    """we he she they you me my him her them not no so do did does is was be can will must have has had all this that these those very too
    never always stop go now please why what who how yes and but if on to of the your our their""".split()
)
"""Small words, which in capitals are no letters."""
_SENSES = (
    (
        "lead",
        r"\b(?:of|molten|liquid|with) lead\b[^a-z]*$|\blead\b.*\bmetals?\b"
        r"|\blead (?:pipes?|paint|poisoning|pencils?|acid|shot|bullets?|weights?|ore|levels)\b",
        "lˈɛd",
    ),
    (
        "bow",
        r"\b(?:takes?|took|taking|made?|makes) (?:a |an |his |her |their |the )?(?:\w+ )?bow\b"
        r"|\bbows? (?:to|down|before|out|politely|low|your)\b"
        r"|\b(?:to|must|will|should) bow\b|\bbow of (?:the|a) (?:ship|boat)",
        "bˈW",
    ),
    ("bass", r"\bbass (?:guitar|player|line|drum|clef|note|voice|singer)s?\b|\bplay(?:s|ed)? (?:the )?bass\b", "bˈAs"),
    (
        "number",
        r"\b(?:got|gets?|getting|grew|grows?|feels?|felt|even|became|becomes?|becoming|went) number\b(?! (?:one|two|three|of))",
        "nˈʌməɹ",
    ),
    ("row", r"\b(?:had|having|have|has) a (?:\w+ )?row\b(?! of)", "ɹˈW"),
    ("sewer", r"\b(?:a|the) (?:good|fine|skilled) sewer\b", "sˈOəɹ"),
)
"""Words of one spelling and one part of speech with two senses: where a pattern finds the rarer one in its sentence, and its phonemes."""
_CLAUSE = frozenset(";:,.!?—…")


@dataclass(slots=True)
class _Token:
    """What is looked up at once: a word, a number, a sign (``well-known`` is two words and a sign); or marks."""

    text: str
    part: int
    is_mark: bool
    phonemes: str = ""


def g2p(*, british: bool, marks: Mapping[str, str]) -> Callable[[str], Words]:
    """The function that turns a text into words and their phonemes.

    Raises:
        ImportError: kokorog2p is not installed.
        MissingDependency, TextToSpeechError: eSpeak NG is not here.
    """
    from kokorog2p.en.lexicon import CONSONANTS, VOWELS, Lexicon, TokenContext  # noqa: PLC0415 - heavy
    from kokorog2p.phonemes import from_espeak  # noqa: PLC0415 - heavy

    lexicon, library = Lexicon(british=british), shared_library()
    voice = library.resolve("en-gb" if british else "en-us")

    def pronounced(word: str, part_of_speech: str, context: TokenContext) -> str:
        if not any(map(str.isalnum, word)):
            word = _SIGNS.get(word, "")
        said, _ = lexicon.get_special_case(word, part_of_speech, None, context)  # the little words: capitals do not stress them
        if said is None:
            said, _ = lexicon(word, part_of_speech, None, context) if word else ("", 0)
        if said is None:
            said = from_espeak(library.phonemes(romanised(word, "en"), voice), british=british)
        said = re.sub("ʊ(?=[ˈˌ]?[AIOWYiəɛæɑ])", "u", said)
        return said.replace("ɾ", "T").replace("ʔ", "t")  # as Kokoro 1.0 was taught; the lexicon is newer

    def words(text: str) -> Words:
        parts, senses = parts_of(text), _senses(text)
        tokens = [token for index, part in enumerate(parts) for token in _tokens(part, index)]
        vowel_next, to_next = None, False
        for token, part_of_speech in reversed([*zip(tokens, tags([token.text for token in tokens]), strict=True)]):
            if token.is_mark:
                vowel_next = None if _CLAUSE.intersection(token.text) else vowel_next
                continue
            spelled = token.text.lower() if token.text.isupper() and token.text.lower() in _EMPHASIZED else token.text
            sense = senses.get(token.text.lower())
            token.phonemes = sense or pronounced(spelled, part_of_speech, TokenContext(vowel_next, to_next))
            sound = next((sound for sound in token.phonemes if sound in VOWELS or sound in CONSONANTS), None)
            vowel_next = vowel_next if sound is None else sound in VOWELS
            to_next = token.text.lower() == "to"
        said = list[tuple[int, str]]()
        for index, part in enumerate(parts):
            if part.kind == "word":
                said.append(
                    (part.start, _joined([token for token in tokens if token.part == index], apart=any(map(str.isdigit, part.text))))
                )
            elif not (part.text == "." and parts[index + 1 :] and parts[index - 1].text.lower() in _ABBREVIATIONS):
                said.append((part.start, marked(part, marks)))
        return words_of(text, [part.start for part in parts if part.is_spoken], said)

    return words


def _senses(text: str) -> dict[str, str]:
    """The phonemes of the words of a text that stand there in their rarer sense."""
    low = text.lower()
    return {word: phonemes for word, pattern, phonemes in _SENSES if word in low and re.search(pattern, low)}


def _tokens(part: Part, index: int) -> list[_Token]:
    if part.kind == "word":
        signed = re.sub(r"^[-−](?=\d)", _MINUS, part.text)
        return [_Token(text, index, is_mark=False) for match in _PIECE.finditer(signed) for text in _spelled(match)]
    return [_Token(part.text, index, is_mark=True)] if part.kind == "mark" else []


def _spelled(match: re.Match[str]) -> list[str]:
    """A number in words, or what is there."""
    number, suffix = match.groups()
    if number is None:
        return [match[0]]
    words = next(readings(number, ordinal=is_ordinal(suffix))).replace(",", "").replace(" and ", " ").replace("-", " ").split()
    return [*words[:-1], words[-1] + "'s"] if suffix and not is_ordinal(suffix) else words


def _joined(tokens: Sequence[_Token], *, apart: bool) -> str:
    """The phonemes of a word of several: signs and numbers stand apart, of a compound half of the words give up their stress.

    Which half it is, misaki decides so: those without a main stress, then the shorter ones.
    """
    from kokorog2p.en.lexicon import PRIMARY_STRESS, apply_stress, stress_weight  # noqa: PLC0415 - heavy

    said = [token for token in tokens if token.phonemes]
    if apart or any(token.text in _SIGNS for token in said):
        return " ".join(token.phonemes for token in said)
    ranked = sorted((PRIMARY_STRESS in token.phonemes, stress_weight(token.phonemes), at) for at, token in enumerate(said))
    lighter = ranked[: len(ranked) // 2] if sum(stressed for stressed, _, _ in ranked) > (len(ranked) + 1) // 2 else []
    if len(said) == 2 and len(said[0].text) == 1:
        lighter = [(True, 0, 1)]
    for _, _, at in lighter:
        said[at].phonemes = apply_stress(said[at].phonemes, -0.5) or ""
    return "".join(token.phonemes for token in said)
