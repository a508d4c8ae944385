"""Parts of speech of English words, as far as they decide on a pronunciation: "the wind", "wind the clock"; a few rules, no model."""

from __future__ import annotations

from collections.abc import Sequence


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FIXED = dict.fromkeys(("the", "a", "an"), "DT") | {"i": "PRP", "to": "TO", "vs": "IN", "vs.": "IN"}
_AUXILIARIES = _set("to will would can could shall should may might must do does did let please 'll 'd")
_HAVE = _set("have has had having 've")
_BE = _set("be been being was were is are am 's 're 'm")
_SUBJECTS = _set("i you we they who")
_SINGULAR_SUBJECTS = _set("he she it nobody everybody somebody anybody everyone someone anyone")
_BEFORE_NOUNS = _set(
    "a an the my your his her its our their this these those no every each some any another of in at with for from on by into about as "
    "little much more less many few several new old good great big small long short human first last own make makes made making"
    " fresh organic local free clean dirty heavy light nice bad best worst real whole full public "
    "private only same such what which both few second third next"
)
_ADJECTIVE_ENDS = ("ical", "ional", "ious", "eous", "ful", "less", "able", "ible", "ish", "ern")
_OBJECTS = _set("the a an my your his her its our their this that these those it them me us him")
_OPENERS = _set("then now and or but just always never please so")
_AFTER_WHICH_LIVE = _set(
    "go goes going went perform performs performed performing play plays played stream streams streamed broadcast reporting show"
)
_ADVERBS = _set("not never always often also really just well still usually only")
_PLURALS = _set("people children men women mice fish sheep police")
_NOT_PLURAL = _set("was is has does his its this us yes as thus always perhaps less unless across plus")
_LONG_AGO = _set("yesterday ago last")
_ENDS = frozenset(".!?…")
_PLACES = _set("in on at near alone here there with under among by inside next close down up")


def tags(tokens: Sequence[str]) -> list[str]:
    """The part of speech of each word, number, sign or mark of a text: a tag of the Penn Treebank; XX is the usual one of the word."""
    lower = [token.lower().replace("’", "'") for token in tokens]
    return [_tag(tokens, lower, index) for index in range(len(tokens))]


def _tag(tokens: Sequence[str], lower: Sequence[str], index: int) -> str:
    word = lower[index]
    after = next(iter(lower[index + 1 : index + 2]), "")
    ends = not any(map(str.isalnum, after))
    if word in {"in", "by"}:
        return "RB" if ends else "IN"
    if word in _FIXED:
        return "NN" if word == "a" and (ends or _is_letter(tokens, index)) else _FIXED[word]
    if word[:1].isdigit():
        return "CD"
    if word == "used":
        return "VBD" if after == "to" else "XX"
    at = index - 1
    while at >= 0 and lower[at] in _ADVERBS:
        at -= 1
    before = lower[at] if at >= 0 else ""
    opens = not any(map(str.isalnum, before)) or (before in _OPENERS and after in _OBJECTS)
    if opens:
        return "VB" if after in _OBJECTS else "XX"
    return _after(tokens, lower, index, at) or ("NNP" if tokens[index][:1].isupper() else "XX")


def _is_letter(tokens: Sequence[str], index: int) -> bool:
    """Whether a capital A is the letter: beside another single capital (``A I``), or at the end of a clause."""
    beside = (*tokens[max(index - 1, 0) : index], *tokens[index + 1 : index + 2])
    return tokens[index] == "A" and any(len(token) == 1 and token.isupper() for token in beside)


def _after(tokens: Sequence[str], lower: Sequence[str], index: int, at: int) -> str:
    """The part of speech by the word before, at `at`; empty where that does not tell."""
    word, before = lower[index], lower[at].removesuffix("n't")
    following = next(iter(lower[index + 1 : index + 2]), "")
    ends = not any(map(str.isalnum, following))
    ending = before[before.rfind("'") :] if "'" in before else before
    if before in _AUXILIARIES or ending in _AUXILIARIES or lower[at] in {"can't", "won't", "shan't"}:
        return "VB"
    if before in _HAVE or ending in _HAVE or (before in _SUBJECTS | _SINGULAR_SUBJECTS and at and lower[at - 1] in _HAVE):
        return "VBN"
    if word == "live" and (before in _AFTER_WHICH_LIVE or (before in _OBJECTS and not any(map(str.isalnum, following)))):
        return "JJ"
    if before in _BE or ending in {"'re", "'m"}:
        return "VBN" if word in {"read", "wound"} else "JJ"
    if word == "close" and before in _BEFORE_NOUNS and not ends:
        return "JJ"
    if before in _BEFORE_NOUNS or before.endswith(_ADJECTIVE_ENDS):
        return "NN"
    if before in _SUBJECTS:
        return "VBD" if word == "read" and not _LONG_AGO.isdisjoint(_sentence(lower, index)) else "VBP"
    if before in _SINGULAR_SUBJECTS:
        return "VBZ" if word.endswith("s") else "VBD"
    if before in {"that", "which"}:
        owner = lower[at - 1] if at else ""
        return "VBP" if any(map(str.isalnum, owner)) and owner not in _BEFORE_NOUNS | _BE | {"to"} else "NN"
    if word.endswith("s"):
        return "VBZ" if following in _PLACES or (tokens[at][:1].isupper() and at) else ""
    plural = before in _PLURALS or (len(before) > 3 and before.endswith("s") and not before.endswith(("ss", "us", "'s")))
    return "VBP" if plural and before not in _NOT_PLURAL and word == tokens[index] else ""


def _sentence(lower: Sequence[str], index: int) -> Sequence[str]:
    """The words around."""
    ends = [at for at, token in enumerate(lower) if _ENDS.intersection(token) and not any(map(str.isalnum, token))]
    return lower[max((end for end in ends if end < index), default=0) : min((end for end in ends if end > index), default=len(lower))]
