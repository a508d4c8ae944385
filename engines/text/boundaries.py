"""Sentence and clause boundaries: pure rules that say whether a sentence or a clause ends between two characters.

Every rule reads the text before a gap and one character after it; the splitter needs no further look-ahead. Abbreviations come from
`sentencex` (Wikimedia's lists); the short tables here hold what it does not know or gets wrong.
"""

from __future__ import annotations

import re
import unicodedata

from sentencex import segment

SPACELESS_STOPS = "。｡！？．।॥۔።"
"""Full stops that need no space after them: Chinese, Japanese, Devanagari, Urdu, Ethiopic."""
_CLOSERS = "\"'”’“‘»«›)]}）］」』】》〉〕*_~`"
_QUOTE_CLOSERS = frozenset("\"'”’“‘»«›」』》〉")
_NEVER_FIRST = frozenset(",;:!?.…、，；：。！？।॥؟،؛)]}）］」』】》〉”’%‰—–")
"""Characters that belong to the text before them: no sentence begins with one."""
_OPENERS = frozenset("\"'“‘„‚«»‹([{（［「『【《〈*_~`¿¡<")
_CLAUSE_MARKS = frozenset(",;:،؛—…")
_SPACELESS_CLAUSE_MARKS = frozenset("、，；：…—")
_NO_BREAK_SPACES = frozenset("\u00a0\u2007\u202f")
_ZERO_WIDTH_JOINER = "\u200d"
_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_IS_CJK = re.compile(f"[{_CJK}「『（“《【]")
_CJK_LETTER = re.compile(f"[{_CJK}]")

STARTS = re.compile(
    rf"(?<=\s)\S|(?<=[{SPACELESS_STOPS}…—])\S|(?<=[、，；：!?.,;:{re.escape(_CLOSERS)}）］」』】》〉〕])[{_CJK}「『（“《【]"
)
"""The first character after every gap at which a sentence or clause could end."""

_CLINGS = {
    "en": frozenset(
        """ms mx messrs st mt ft vol vols approx est max min oz lb fig figs pp nos chs secs eqs temp dept avg incl excl
        ext tel gov gen sen rep sgt lt capt cmdr col maj rev hon pres adm supt prof mon tue tues wed weds thu thur
        thurs fri jan feb apr aug sept oct nov dec""".split()
    ),
    "de": frozenset("inkl abb max min tel hrn fr mo nr ca bzw z.b d.h u.a evtl ggf vgl str mio mrd std".split()),
    "es": frozenset("d dña aprox lic ing".split()),
    "fr": frozenset("m mm mme mmes mlle mlles dr pr st ste me n j.-c".split()),
    "it": frozenset("pag a.c d.c n".split()),
    "pt": frozenset("av pág n v.exa dra exmo".split()),
    "hi": frozenset(("डॉ", "श्री", "प्रो", "पं", "कु")),
}
"""Abbreviations that never end a sentence (``Mt. Fuji``) and that `sentencex` does not know."""
_ORDINARY = {
    "en": frozenset("no me ok may art id ill".split()),
    "es": frozenset("no mar bien".split()),
    "it": frozenset("no me te via".split()),
}
"""Words that `sentencex` takes for abbreviations; they are abbreviations only before a number (``No. 5``, ``May. 3``)."""
_ENDS_BEFORE_CAPITAL = {
    "en": frozenset("a.m p.m etc inc ltd corp u.s u.k d.c ph.d m.d b.a m.a e.u".split()),
    "es": frozenset("a.m p.m etc uu".split()),
    "fr": frozenset(("etc",)),
    "it": frozenset(("ecc",)),
    "pt": frozenset(("etc",)),
}
"""Abbreviations that end a sentence where a capital letter follows (``at 5 p.m. We left``), unless that goes with them."""
_GOES_WITH = {
    "a.m": re.compile(r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|[A-Z]{2,4}\b"),
    "u.s": re.compile(r"(?!(?:It|He|She|They|We|You|I|The|That|This|There|But|And|So|My|In|His|Her|Our)\b)"),
}
_GOES_WITH |= {"p.m": _GOES_WITH["a.m"], "u.k": _GOES_WITH["u.s"], "d.c": _GOES_WITH["u.s"], "e.u": _GOES_WITH["u.s"]}
_STARTERS = {
    "en": re.compile(
        r"(?:I(?:'|’|\b)|(?:It|He|She|They|We|You|The|That|This|These|There|But|And|So|My|Your|His|Her|Our|In|If|When|What|Then|Now|Not|No|Yes"
        r"|Let|How|Why|Who|Is|Are|Do|Did|Can|Please|Fine|Good|Great|Okay|Well|At|On|For|To|A|An)\b)"
    ),
    "de": re.compile(r"(?:Er|Sie|Es|Wir|Ich|Ihr|Du|Das|Der|Die|Den|Dem|Und|Aber|Dann|Da|Man|Was|Wo|Wie|Ja|Nein|Ein|Eine|Mein|Sein)\b"),
}
"""Words that begin a sentence rather than continue a name behind a single letter (``Vitamin C. That is it.``)."""
_ARTICLE = re.compile(r"(?i:(?:^|\W)(?:an?|the|grade|plan|option|vitamin|letter|type|class|is|was|not|use|in|by)) [A-Z]\.$")
_ORDINAL_DOT = frozenset("de da nb nn no fi is et lv cs sk sl hr bs sr hu pl tr".split())
"""Languages that write ordinal numbers with a dot (``am 3. Mai``)."""
_OPENS_WITH_GUILLEMET = frozenset("de da sl hr bs sr cs sk hu".split())
"""Languages that quote »so«; elsewhere » always closes a quotation, even after the space that French puts before it."""
_CONJUNCTIONS = {"en": "and|but|or|because|although|though|while|whereas|which|who|where|when|since|unless|until"}
_AFTER_WHICH_NOT = frozenset("and or but even only just as not both between ever from to by in of for with at on that".split())
_LIST_MARKER = re.compile(r"(?:^|[\n\r])\s*(?:[-*+•]|\d{1,3}[.)])$")
_LINK_TARGET = re.compile(r"\]\([^)\s]*\)")
_JOINS_QUOTATION = frozenset("とっ")
"""Japanese particles that continue a sentence after a quotation: 「…。」と言った."""
_SENTENCEX_WINDOW = 80
"""Number of characters of context that `sentencex` gets: more than any abbreviation needs."""


def primary_subtag(language: str) -> str:
    """The language itself, without script and region: ``en-US`` → ``en``."""
    return re.split("[-_]", language.strip().lower(), maxsplit=1)[0]


def is_cjk(character: str) -> bool:
    """Whether the character is written without spaces around it: kana, Chinese characters and the brackets that open a stretch of them."""
    return bool(_IS_CJK.match(character))


def count_words(text: str) -> float:
    """The number of words; two Chinese or Japanese characters count as one word."""
    cjk = len(_CJK_LETTER.findall(text))
    return cjk / 2 + sum(any(map(str.isalnum, word)) for word in _CJK_LETTER.sub(" ", text).split())


def splits_character(before: str, after: str) -> bool:
    """Whether a cut here would split a grapheme cluster: a combining mark, an emoji sequence."""
    return unicodedata.category(after)[0] == "M" or after == _ZERO_WIDTH_JOINER or before.endswith(_ZERO_WIDTH_JOINER)


def ends_sentence(before: str, gap: str, after: str, language: str) -> bool:
    """Whether a sentence ends between `before` and `after`.

    Args:
        before: the sentence so far, without the white space of the gap.
        gap: the white space, possibly none.
        after: the word behind the gap, or as much of it as is known; one character is enough unless `needs_word` holds.
        language: primary language subtag (``en``).
    """
    word, after = after, after[:1]
    bare = before.rstrip(_CLOSERS)
    closers = before[len(bare) :]
    bare = bare.rstrip()
    if not bare or _clings(before, gap, after, language):
        return False
    mark = bare[-1]
    if mark in SPACELESS_STOPS:
        if closers[:1] == "”" and not gap and re.search("[：:说道]“[^“”]*”$", before):
            return False  # “好。”然后走了
        return not (not gap and after in _JOINS_QUOTATION and closers) and not (bare[-2:-1].isdigit() and after.isdigit())
    if not gap and not (is_cjk(after) and mark in "!?"):
        return False
    if bare.endswith(("...", "…")):
        return after.isupper() and not re.match(r"I(?:'|’|\b)", word)
    if after.islower() and _QUOTE_CLOSERS.intersection(closers):
        return False
    if mark == "!" and after.islower() and bare[-2:-1].isdigit():
        return False  # 3! is 6
    if mark in "!?؟":
        return True
    return mark == "." and not _NO_BREAK_SPACES.issuperset(gap) and _full_stop_ends(bare, after, language, word)


def needs_word(before: str, after: str, language: str) -> bool:
    """Whether it takes the whole word behind the gap to tell whether a sentence ends, as after a single letter or ``U.S.``."""
    bare = before.rstrip(_CLOSERS)
    if not after.isupper() or bare[-1:] not in (".", "…"):
        return False
    last = bare.split()[-1][:-1].strip("(\"'“‘").lower() if bare.split() else ""
    return (
        bare.endswith(("...", "…"))
        or last in _GOES_WITH
        or (len(last) == 1 and last.isalpha() and language in _STARTERS)
        or (last.isdigit() and language in _ORDINAL_DOT and language in _STARTERS)
    )


def ends_clause(before: str, gap: str, after: str, language: str) -> bool:
    """Whether a clause ends between `before` and `after`: at a comma, semicolon, colon, dash or ellipsis (arguments as above)."""
    bare = before.rstrip(_CLOSERS).rstrip()
    if not bare or _clings(before, gap, after, language) or (bare[-2:-1].isdigit() and after.isdigit()):
        return False
    if bare[-1] in "-–":
        return bool(gap) and bare[-2:-1].isspace()
    if bare[-1] in _SPACELESS_CLAUSE_MARKS:
        return bool(gap) or is_cjk(after) or bare[-1] == "—"
    if bare.endswith("..."):
        return bool(gap)
    return bool(gap) and bare[-1] in _CLAUSE_MARKS and bare[-2:-1] != "."  # not after "e.g.,"


def conjunction_start(before: str, language: str) -> int | None:
    """Index of the conjunction or relative pronoun at the end of `before`, if a clause may begin with it; else None."""
    words = _CONJUNCTIONS.get(language)
    found = re.search(rf"\s({words})$", before) if words else None
    if not found:
        return None
    previous = before[: found.start()].split()[-1:]
    return None if not previous or previous[0].lower() in _AFTER_WHICH_NOT else found.start(1)


def _clings(before: str, gap: str, after: str, language: str) -> bool:
    if after in _NEVER_FIRST:
        return True
    if after == "»":
        return language not in _OPENS_WITH_GUILLEMET or before.count("«") > before.count("»")
    if gap:
        return False
    return after in "*_~`" or (after in "\"'" and before.count(after) % 2 == 1)


def _full_stop_ends(bare: str, after: str, language: str, following: str) -> bool:
    if _LIST_MARKER.search(bare):
        return False
    bare = _LINK_TARGET.sub("", bare)
    word = bare.split()[-1][:-1].strip(_CLOSERS + "([{„¿¡«")
    name = word.lower()
    starts = _STARTERS.get(language)
    if len(word) == 1 and word.isupper():
        return bool(starts and after.isupper() and (starts.match(following) or _ARTICLE.search(bare)))
    if name in _CLINGS.get(language, ()):
        return False
    if word.isdigit() and len(word) <= 2 and language in _ORDINAL_DOT:
        return bool(starts and starts.match(following))
    if name in _ORDINARY.get(language, ()):
        return not after.isdigit()
    if name in _ENDS_BEFORE_CAPITAL.get(language, ()):
        goes_with = _GOES_WITH.get(name)
        return (after.isupper() and not (goes_with and goes_with.match(following))) or after in "¿¡"
    if after in _OPENERS:
        if "." in word and after not in "¿¡":
            return False
        after = "N"
    elif not after.isalnum():
        after = "n"
    window = re.sub(rf"[{re.escape(_CLOSERS)}()\[\]\ud800-\udfff]", "", bare[-_SENTENCEX_WINDOW:])
    return bool(segment(language, f"{window} {after}")[-1] == after)


_MARKERS = re.compile(
    r"""(?P<code>`+)
      | (?P<link>\[[^\]\n]*\](?!\() | \[[^\]\n]*\]\([^)\n]*\) | <[A-Za-z/][^<>]*>)
      | (?P<open_link>\[[^\]\n]*$ | \[[^\]\n]*\]\([^)\n]*$ | <[A-Za-z/][^<>]*$)
      | (?P<emphasis>\*+|_+|~~)""",
    re.VERBOSE,
)


def protected_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of every Markdown construct that must not be cut: code, links, emphasis. An unclosed one ends past the end of `text`."""
    spans: list[tuple[int, int]] = []
    open_emphasis: list[tuple[str, int]] = []
    at = 0
    while found := _MARKERS.search(text, at):
        marker, start, at = found.group(), found.start(), found.end()
        if found["code"]:
            close = re.compile(rf"(?<!`){marker}(?!`)").search(text, at)
            spans.append((start, close.end() if close else len(text) + 1))
            at = close.end() if close else len(text)
        elif found["link"]:
            spans.append((start, at))
        elif found["open_link"]:
            spans.append((start, len(text) + 1))
        else:
            _match_emphasis(text, marker, start, open_emphasis, spans)
    spans.extend((start, len(text) + 1) for _, start in open_emphasis)
    return spans


def _match_emphasis(text: str, marker: str, start: int, opened: list[tuple[str, int]], spans: list[tuple[int, int]]) -> None:
    before, after = text[start - 1 : start], text[start + len(marker) : start + len(marker) + 1]
    rest = marker
    while before and not before.isspace() and opened and rest.startswith(opened[-1][0]):
        opener, opened_at = opened.pop()
        rest = rest[len(opener) :]
        spans.append((opened_at, start + len(marker)))
    inside_word = before.isalnum() and (marker[0] == "_" or marker == "*" or before.isdigit())
    if rest == marker and not inside_word and not after.isspace():
        opened.append((marker, start))


def is_protected(spans: list[tuple[int, int]], at: int) -> bool:
    """Whether a cut at `at` falls inside one of the spans."""
    return any(start < at < end for start, end in spans)
