"""Text normalisation for speech: Markdown, addresses, emoji, symbols and typography become words, pauses or nothing.

What cannot be said aloud (fenced code, emoji, tags, bare markup) is left out here and stays in the caption. Letters and marks of every
script are kept. Plain numbers, dates and abbreviations are left to the voice, whose own rules read them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import emoji
from markdown_it import MarkdownIt
from markdown_it.token import Token

from engines.text.boundaries import primary_subtag
from engines.text.characters import plain
from engines.text.emoticons import without_emoticons
from engines.text.spoken import spoken_form, spoken_signs
from engines.text.spoken.common.latex import without_latex

_PAUSE, _STOP = "\x02", "\x03"
"""Placeholders for a short and a long pause, until `_settle` makes punctuation of them; `_clean` removes these characters from the text."""
_MOST_PASSES = 8
_PUNCTUATION = ".!?…。！？।॥؟:;,、，；：،؛"

_DIVIDER = re.compile(r"(?m)^[ \t]*([^\w\s`|])(?:[ \t]*\1){2,}[ \t]*$")
_STRETCH = re.compile(r"(?<!\S)([=+~_*#-])\1{2,}(?!\S)")
_CALL = re.compile(r"\s*(?=[^(]*_|[^()]*\(\s*\w+\s*=)[a-z]\w*(?:\.\w+)*\((?:\s*\w+\s*[=:][^()]*)?\)\s*;?\s*")
_FOOTNOTE = re.compile(r"\[\^[^\]\n]{1,40}\]")
_ANGLED = re.compile(r"<(?:mailto:)?([a-z][^\s<>]{0,2000}[:@][^\s<>]{1,2000})>|\bmailto:", re.IGNORECASE)
_URL_TAIL = r"""(?:[!#$%&+,\-./0-9:;=?@A-Z\\^_a-z~]|\([^\s()]{0,100}\))*"""
_URL = re.compile(
    rf"(?:\b[a-z][a-z0-9+.-]{{0,20}}://(?:[^\s/?#@<>()\[\]]{{0,100}}@)?(?:www\.)*|\b(?:www\.)+)"
    rf"(?P<host>[a-z0-9][a-z0-9.-]*)(?::[0-9]+)?(?P<tail>[/?#]{_URL_TAIL})?",
    re.IGNORECASE,
)
_BARE_URL = re.compile(
    rf"(?<![a-z0-9@/._-])(?P<host>[a-z0-9-]{{1,63}}(?:\.[a-z0-9-]{{1,63}}){{0,8}}\.[a-z]{{2,24}})(?P<tail>/{_URL_TAIL})", re.IGNORECASE
)
_SOFT_BREAKS = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
_NEXT_WORD = re.compile(f"[ \"'{_PAUSE}{_STOP}]*([^ \"'{_PAUSE}{_STOP}])")
_CJK = re.compile("[\u3001-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60]")
_KANA = re.compile("[\u3040-\u30ff]")
_INLINE = frozenset("b i u s em strong mark small sub sup del ins span font a abbr code kbd q cite var samp tt wbr ruby".split())
_BLOCKS = frozenset(
    "p br div hr li ul ol dl dt dd tr td th table tbody thead h1 h2 h3 h4 h5 h6 blockquote pre section article img center".split()
)
"""Tags that are markup; between others stand letters that were meant."""
_JOINERS = re.compile("[\u200c\u200d]")
_DROPPED_CATEGORIES = ("Cf", "Cs", "Co")


def speakable(text: str, language: str = "en") -> str:
    """Normalise a reply, or any fragment of it, to one line that a voice can say.

    Args:
        text: Markdown as a chat model writes it; any string is accepted.
        language: BCP 47 tag. In a language without a table of symbols, symbols are silent.

    Returns:
        Words, punctuation and single spaces, in NFC; empty if there is nothing to say. Normalised text is returned unchanged.
    """
    language = primary_subtag(language)
    for _ in range(_MOST_PASSES):  # taking one thing away can uncover another: an address behind an entity, a unit behind a symbol
        said = _pass(text, language)
        if said == text or (said == text.strip() and said[-1:] in _PUNCTUATION):
            return said
        text = said
    return text


def _pass(text: str, language: str) -> str:
    text = _ANGLED.sub(r"\1", _clean(_markup_meant(without_emoticons(without_latex(_without_dividers(text))))))
    text = _URL.sub(_host, text)
    text = _FOOTNOTE.sub("", _BARE_URL.sub(_host, text))
    text = spoken_signs(_pauses(spoken_form(_plain(text), language)), language)
    text = _settle(text)
    return text if any(map(str.isalnum, text)) else ""


def _without_dividers(text: str) -> str:
    """The text with a pause for each line, or stretch, of one repeated mark; without a call of a function alone."""
    if _CALL.fullmatch(text):
        return ""
    return _STRETCH.sub(" — ", _DIVIDER.sub("\n", text))


def _markup_meant(text: str) -> str:
    """The text with an escape before what Markdown would eat though it is meant: ``2*3*4``, ``>50 %``; and without boxes of tasks."""
    text = re.sub(
        r"(?<![\w*])([0-9]+|[A-Za-z])((?:\*(?:[0-9]+|[A-Za-z]))+)(?![\w*])", lambda found: found.group().replace("*", " × "), text
    )
    text = re.sub(r"(?m)^([ \t]*)>[ \t]*(?=[$€£]?[0-9])", r"\1\> ", text)
    text = re.sub(r"(?m)^([ \t]*)- (?=[0-9]+(?:[.,][0-9]+)? ?(?:degrees?|°|grados?|degrés?|Grad|gradi|graus?|डिग्री))", r"\1-", text)
    text = re.sub(r"(?m)^([ \t]*[-*+][ \t]+)\[[ xX]\][ \t]+", r"\1", text)
    return re.sub(r"(?<=[.!?:;,。！？])\\n(?=\S)", "\n", text)


def _clean(text: str) -> str:
    """One form of every character, without emoji and invisible characters; white space is only spaces and new lines."""
    text = unicodedata.normalize("NFC", _SOFT_BREAKS.sub("\n", text))
    text = re.sub(r"(?<=[^\W\d_])[´`](?=[^\W\d_])(?<![`´]\w[´`])", "'", text)
    text = re.sub(r"(?<![\w.,!?])«[^\S\n]|[^\S\n]»(?!\w)", '"', text)
    text = re.sub("\ufe0f?\u20e3", "", plain(text))
    if not (text.isascii() and text.isprintable()):  # looking for emoji takes as long as all the rest
        text = "".join(map(_visible, emoji.replace_emoji(text, "")))
    return re.sub(r"[^\S\n]+", " ", _JOINERS.sub(_joiner, text))


def _visible(character: str) -> str:
    if character.isascii():
        return character if " " <= character < "\x7f" or character == "\n" else " "
    if "\ufe00" <= character <= "\ufe0f" or (unicodedata.category(character) in _DROPPED_CATEGORIES and not _JOINERS.match(character)):
        return ""
    return " " if unicodedata.category(character) == "Cc" else character


def _joiner(found: re.Match[str]) -> str:
    """Zero-width joiners are kept between letters of scripts that need them (Persian, Hindi) and dropped elsewhere."""
    around = found.string[max(0, found.start() - 1) : found.start()], found.string[found.end() : found.end() + 1]
    return found.group() if all(c > "\u02ff" and unicodedata.category(c)[0] in "LM" for c in around) else ""


def _host(found: re.Match[str]) -> str:
    address = found["host"] + (found["tail"] or "")
    bare = address.rstrip(".,;:!?'\"-")
    return found["host"].rstrip(".-") + address[len(bare) :]


@cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable(["strikethrough", "table"])
    # A fragment may be indented, a bracket with a colon is not a definition here, and text between HTML tags is spoken.
    return parser.disable(["code", "reference", "html_block"])


def _plain(text: str) -> str:
    """The plain text of a piece of Markdown, with a long pause after every complete block."""
    unfinished = text.endswith(" ")
    said: list[str] = []
    for token in _markdown().parse(text.strip()):
        if token.type == "inline":
            said.append(_inline(token.children or []))
        elif token.type == "list_item_open" and token.info:
            said.append(f"{token.info}. ")
        elif token.type in ("th_close", "td_close"):
            said.append(_PAUSE)
        elif token.type in ("list_item_close", "tr_close", "heading_close"):
            said.append(_STOP)
        elif token.type in ("paragraph_open", "fence", "hr"):
            said.append(_STOP if said and not said[-1].endswith(". ") else "")
    while unfinished and said and said[-1] == _STOP:
        said.pop()
    return "".join(said)


def _inline(tokens: list[Token]) -> str:
    said: list[str] = []
    for token in tokens:
        if token.type == "image":
            said.append(_inline(token.children or []))
        elif token.type in ("text", "code_inline"):
            table_row = said[-1:] == [" "] and token.content.startswith("|")
            said.append((_STOP if table_row else "") + _clean(token.content).replace("\n", " "))
        elif token.type in ("softbreak", "hardbreak"):
            said.append(" ")
        elif token.type == "html_inline":
            said.append(_of_tag(token.content))
    text = "".join(said)
    return text + _STOP if text.startswith("|") and text.endswith("|") else text


def _of_tag(tag: str) -> str:
    """What is said of a tag: a gap, a pause behind a paragraph; the letters of one that HTML does not know (``<name>``)."""
    name = re.match(r"</?([A-Za-z][\w.-]*)", tag)
    if name is None or tag.startswith("</"):
        return _STOP if name and name[1].lower() in _BLOCKS else "" if name and name[1].lower() in _INLINE else " "
    bare = re.fullmatch(r"<[A-Za-z]\w*\s*/?>|<[A-Za-z][\w.-]*(?:\s+[\w:@-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'>]+))*\s*/?>", tag)
    if name[1].lower() in _BLOCKS and bare:
        return " "
    if name[1].lower() in _INLINE and bare:
        return ""
    return _clean(tag.replace("<", " < ").replace(">", " > ")) if not bare else f" {tag.strip('</>')} "


def _pauses(text: str) -> str:
    """Replace dashes, ellipses, brackets and bars by pauses."""
    text = re.sub(r"(?<=[^\W\d_]{2})\(([^\W\d_]{1,3})\)", r"\1", text)  # colour(s)
    text = re.sub(r"(?<=\d) - (?=\d)", " − ", text)
    text = re.sub(r"(?<=[\d%°€£¥₹]) – (?=[\d$€£¥₹])", "–", text)
    text = re.sub(r"(?<=[^\W\d])–(?=[^\W\d])", "-", text)
    text = re.sub(r"(?<!\S)-(?!\S)|(?<!-)--+(?![>-])|—+|(?<![\d%°€£¥₹])–|–(?![\d$€£¥₹])|[()|•·]", _PAUSE, text)
    return re.sub(r" ?(?:\.(?: ?\.)+|…)[.…]*", _dots, text)


def _dots(found: re.Match[str]) -> str:
    """An ellipsis before a capital letter or at the end is a long pause, elsewhere a short one."""
    after = _NEXT_WORD.match(found.string, found.end())
    return _STOP if after is None or after[1].isupper() else _PAUSE


def _settle(text: str) -> str:
    """Replace the pauses by punctuation; one line, single spaces."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(f" ?[{_PAUSE}{_STOP}][{_PAUSE}{_STOP} ]*", _mark, text)
    text = re.sub(rf" ([{_PUNCTUATION}]+)(?=[ \"']|$)", r"\1", text)
    text = re.sub(rf"^(?:[{_PUNCTUATION}]+(?: |$)| )+", "", text)
    return unicodedata.normalize("NFC", re.sub(" +", " ", text)).strip()


def _mark(found: re.Match[str]) -> str:
    before, after = found.string[: found.start()][-1:], found.string[found.end() : found.end() + 1]
    if not before or before in _PUNCTUATION or (after and after in _PUNCTUATION):
        return " "
    stop = _STOP in found.group()
    if not stop and not after:
        return ""
    if _CJK.match(before):
        return "。" if stop else "、" if _KANA.search(found.string, max(0, found.start() - 100), found.end() + 100) else "，"
    closes_quotation = after in ('"', "'") and found.string[found.end() + 1 : found.end() + 2] in ("", " ")
    mark = ("।" if "\u0900" <= before <= "\u097f" else ".") if stop else "،" if "\u0600" <= before <= "\u06ff" else ","
    return mark if closes_quotation else f"{mark} "
