"""Grapheme-to-phoneme for Kokoro: a text in nine languages → its words, each with its phonemes in Kokoro's notation.

Notation: misaki (https://github.com/hexgrad/misaki), which asks espeak-ng for five languages and for English words it does not know.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from importlib import import_module
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

Words = list[tuple[str, str]]
"""(characters of the text, phoneme characters) of each word: the first, joined, are the text; the second are said."""

_ESPEAK = {"e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"}  # where misaki asks espeak-ng, and by which name
_OPENING = re.compile(r"[「『（《【“‘«(\[¿¡]+\Z")


def g2p_of(letter: str) -> Callable[[str], Words]:
    """The function that turns a text into words and their phonemes; `letter` is the first of a voice's name and tells its language.

    Raises:
        ImportError: the language's package is not installed, or its dictionary.
    """
    split: Callable[[str], Sequence[object]] = str.split  # fugashi's words turn into their text
    try:
        if letter in "ab":
            g2p = _english(british=letter == "b")
        elif letter in _ESPEAK:
            g2p = import_module("misaki.espeak").EspeakG2P(_ESPEAK[letter])
        elif letter == "z":
            g2p, split = import_module("misaki.zh").ZHG2P(), import_module("jieba").lcut
        else:
            g2p = import_module("misaki.cutlet").Cutlet()
            split = g2p.tagger
    except RuntimeError as error:  # fugashi without a dictionary
        raise ImportError(str(error)) from error
    return lambda text: _aligned(text, split, g2p)


def _aligned(piece: str, split: Callable[[str], Sequence[object]], g2p: Callable[[str], tuple[str, object]]) -> Words:
    """The words, each with its share of the phonemes of the whole text, found by matching these with what the words are when said alone.

    Numbers become several words and small words merge with their neighbours; what is said is always the pronunciation of the whole text.
    """
    text = "".join(c if c.isprintable() else " " for c in piece)
    words = _words(text, split(text))
    said = [re.sub(r"\s+", " ", unicodedata.normalize("NFC", word)).replace("।", ".") for word in words]  # espeak-ng drops the danda
    whole, alone = g2p("".join(said).strip())[0] + " ", [g2p(word.strip())[0] + " " for word in said]
    blocks = [(0, 0, 0), *SequenceMatcher(None, "".join(alone), whole, autojunk=False).get_matching_blocks()]
    theirs, ours = ([edge for block in blocks for edge in (block[side], block[side] + block[2])] for side in (0, 1))
    ends = [round(end) for end in np.interp(list(accumulate(map(len, alone))), theirs, ours)][:-1]
    gaps = [index + 1 for index, character in enumerate(whole) if character == " "]
    near = [min(gaps, key=lambda gap: abs(gap - end)) for end in ends]
    cuts = [0, *(gap if abs(gap - end) <= 2 else end for gap, end in zip(near, ends, strict=True)), len(whole)]
    edges = accumulate(map(len, words), initial=0)
    return [(piece[a:b], whole[c:d]) for (a, b), (c, d) in zip(pairwise(edges), pairwise(cuts), strict=True)]


def _words(text: str, tokens: Sequence[object]) -> list[str]:
    """The text cut before each token that holds a letter or digit, or before the bracket that opens it: joined, the words are the text."""
    cuts, position = list[int](), 0
    for token in (token for token in map(str, tokens) if any(map(str.isalnum, token))):
        start = text.index(token, position)
        position = start + len(token)
        cuts.append(opening.start() if (opening := _OPENING.search(text, 0, start)) else start)
    return [text[a:b] for a, b in pairwise([0, *cuts[1:], len(text)])]


def _english(*, british: bool) -> Any:
    """misaki's rules and lexicon. Its part-of-speech model is a separate download: a tokenizer and a few rules take that one's place."""
    en, espeak, tokenizer = import_module("misaki.en"), import_module("misaki.espeak"), import_module("spacy").blank("en")

    def tagged(text: str) -> Any:
        document = tokenizer(text)
        for token in document:
            token.tag_ = _tag(token)
        return document

    g2p = en.G2P.__new__(en.G2P)  # its __init__ would start the download
    fallback = espeak.EspeakFallback(british=british)
    vars(g2p).update(version=None, british=british, lexicon=en.Lexicon(british), fallback=fallback, unk="", nlp=tagged)
    return lambda text: g2p(text, preprocess=False)


_TAGS = dict.fromkeys(("the", "a", "an"), "DT") | dict.fromkeys("iI", "PRP") | dict.fromkeys(("in", "by", "vs."), "IN")
_TAGS |= {"to": "TO", "used": "VBD", ",": ","}
_TAGS |= dict.fromkeys(".!?", ".") | dict.fromkeys([*":;—–…", "...", "--"], ":") | dict.fromkeys("$£€", "$")
_TAGS |= dict.fromkeys("([{", "-LRB-") | dict.fromkeys(")]}", "-RRB-") | dict.fromkeys("“‘«", "``") | dict.fromkeys("”’»", "''")
_AFTER = dict.fromkeys("to will would can could shall should may might must do does did n't let 'll 'd please".split(), "VB")
_AFTER |= dict.fromkeys("have has had 've having be been was were is are am being".split(), "VBN")
_AFTER |= dict.fromkeys("a an the my your his its our their this these no every each some any another of in at with for from".split(), "NN")
_AFTER |= dict.fromkeys("i you we they who".split(), "VBP")


def _tag(token: Any) -> str:
    """A part of speech (Penn Treebank) from a word and the one before it, for misaki to choose a pronunciation; XX is the usual one."""
    text, before = token.text, token.nbor(-1) if token.i else None
    opens, spaced = before is None or bool(before.whitespace_), bool(token.whitespace_)
    if text in {"-", "–"}:
        return ":" if opens and spaced else "HYPH"
    if text in {'"', "'"}:
        return "``" if opens and not spaced else "''"
    if tag := _TAGS.get(text.lower() if before is None else text):
        return tag
    if token.like_num or (token.is_punct and text not in "%&@#"):
        return "CD" if token.like_num else "."
    if text[:1].isupper() and before is not None and not before.is_punct:
        return "NNP"
    return _AFTER.get(before.lower_, "XX") if before is not None else "XX"
