"""Stage directions: parses what a streamed reply says about face and hands, which is acted and not spoken.

A model may write a word in square brackets, ``[smile]``, or an emoji; many write ``*nods*`` or ``(laughs)`` unasked. Words in brackets
that are not a direction are dropped; links (``[text](address)``), notes (``[1]``) and code stay as they are. Emoji stay in the text: they
are shown in the caption, and not spoken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engines.config.shared import shared
from engines.types import Cue, Direction, WordTiming

_TABLE: dict[str, dict[str, Any]] = shared("acting/acts.json")["directions"]
"""Direction → what a model may write for it, and what the stage acts at it."""
DIRECTIONS = tuple(_TABLE)
"""Everything that can be acted."""
_BY_WORD = {word: name for name, act in _TABLE.items() for word in act["words"]}
_BY_EMOJI = {character: name for name, act in _TABLE.items() for character in act.get("emoji", "")}

_VERBS = frozenset(verb for act in _TABLE.values() for verb in act["verbs"])
"""Third person (``*smiles*``): any other word in asterisks or parentheses is emphasis or an aside, and stays."""
_ANY_VERB = "|".join(sorted(_VERBS))
_LONGEST = 32
_MARK = re.compile(r"[\[(*_~【（]|[" + "".join(_BY_EMOJI) + "]")
_WHOLE = re.compile(
    rf"\[(?P<bracket>[^\W\d_](?:[^\W\d_]|[' -]){{1,{_LONGEST}}})\](?P<behind>.)?"
    rf"|\((?P<paren>(?:{_ANY_VERB})\b[^()\n]{{0,{_LONGEST}}})\)|\*(?P<star>(?:{_ANY_VERB})\b[^*\n]{{0,{_LONGEST}}})\*",
    re.IGNORECASE | re.DOTALL,
)
_ACTION = re.compile(r"(?P<mark>\*{1,2}|_|~)(?=\S)(?P<act>[^*_~\n]{2,90})(?<=\S)(?P=mark)(?![\w*_~])(?P<behind>[ \t]*(?:\S|\n)?)")
_ACTION_BEGUN = re.compile(r"(?P<mark>\*{1,2}|_|~)(?:(?=\S)(?P<act>[^*_~\n]{0,90})(?:(?<=\S)(?:\*|(?P=mark)[ \t]*))?)?")
_BOXED = re.compile(r"【[^【】\n0-9]{1,12}】|（[^（）\n0-9，。]{1,8}）(?=.)", re.DOTALL)
_BOXED_BEGUN = re.compile(r"【[^【】\n0-9]{0,12}|（[^（）\n0-9，。]{0,8}）?")
_ACTORS = frozenset("he she they i".split())
_NO_VERBS = frozenset(
    "this was is yes always its as us has does his thus plus perhaps sometimes theirs hers yours ours less nothing during king".split()
)
_BRACKET_BEGUN = re.compile(rf"\[(?:[^\W\d_](?:[^\W\d_]|[' -]){{0,{_LONGEST}}}\]?)?")
_VERB_BEGUN = re.compile(rf"[(*](?P<word>[a-z]*)(?P<rest>[^()*\n]{{0,{_LONGEST}}})", re.IGNORECASE)


class DirectionFilter:
    """Streaming parser: `push` each delta of the model, `finish` at the end. What they return, joined, is the reply without directions.

    How the model's deltas cut the text makes no difference. Only what may become a direction is held back, 30 characters or so.
    """

    def __init__(self) -> None:
        self._held = ""
        self._said = ""
        self._found: list[tuple[str, int]] = []
        self._taken = 0
        self._swallow = False
        """Whether a space that comes next is dropped: a direction between two spaces takes one of them with it."""

    def push(self, text: str) -> str:
        """Take the next delta, of any length; return the text that is certain by now."""
        return self._filtered(self._held + text, last=False)

    def finish(self) -> str:
        """End the reply; return the text that was held back."""
        return self._filtered(self._held, last=True)

    def take(self, length: int, *, rest: bool = False) -> tuple[Direction, ...]:
        """The directions in the next `length` characters of the returned text; with `rest`, also those behind its end."""
        end = self._taken + length
        mine = [(name, at) for name, at in self._found if rest or at < end]
        self._found = self._found[len(mine) :]
        directions = tuple(Direction(name, min(at - self._taken, length)) for name, at in mine)
        self._taken = end
        return directions

    def _filtered(self, text: str, *, last: bool) -> str:
        before, at, self._held = len(self._said), 0, ""
        while mark := _MARK.search(text, at):
            self._pass(text[at : mark.start()])
            at = mark.start()
            if name := _BY_EMOJI.get(text[at]):
                self._found.append((name, len(self._said)))
            elif not last and self._may_become_one(text[at:]):
                self._held = text[at:]
                return self._said[before:]
            elif (whole := _WHOLE.match(text, at)) and self._is_one(whole):
                self._act(whole)
                at = whole.end() - len(whole["behind"] or "")
                continue
            elif self._opens_sentence() and (whole := _ACTION.match(text, at)) and _is_action(whole["act"], whole["behind"].strip(" \t")):
                self._act(whole, whole["act"])
                at = whole.start("behind")
                continue
            elif self._opens_sentence() and (whole := _BOXED.match(text, at)):
                self._act(whole, whole.group()[1:-1])
                at = whole.end()
                continue
            self._pass(text[at])
            at += 1
        self._pass(text[at:])
        return self._said[before:]

    def _pass(self, text: str) -> None:
        if self._swallow and text:
            text, self._swallow = text.removeprefix(" "), False
        self._said += text

    def _opens_sentence(self) -> bool:
        """Whether a sentence may begin here."""
        before = self._said.rstrip(" \t")
        return not before or (before[-1] in '\n.!?…。！？"”」' and (before[-1] == "\n" or before != self._said or before[-1] > "\u3000"))

    def _act(self, whole: re.Match[str], words: str | None = None) -> None:
        if name := _BY_WORD.get(re.split(r"[^\w]+", words.lower())[0]) if words is not None else _name_of(whole):
            self._found.append((name, len(self._said)))
        self._swallow = not self._said or self._said[-1].isspace()

    def _is_one(self, whole: re.Match[str]) -> bool:
        """Whether it is a direction or some other remark, and not a link, a note or code."""
        if self._said.count("```") % 2 or (whole["behind"] or " ") in "([:":
            return False
        behind_a_name = bool(self._said) and (self._said[-1].isalnum() or self._said[-1] in "_])`*")  # items[index], f(laughs)
        return not behind_a_name or bool(whole["bracket"] and _name_of(whole))

    def _may_become_one(self, text: str) -> bool:
        """Whether more text could make a direction of it; a closed bracket waits for one more character, which could make it a link."""
        if text[0] == "[":
            return _BRACKET_BEGUN.fullmatch(text) is not None
        if text[0] in "【（":
            return self._opens_sentence() and _BOXED_BEGUN.fullmatch(text) is not None
        if text[0] in "*_~" and self._opens_sentence() and (begun := _ACTION_BEGUN.fullmatch(text)):
            first, gap, _ = (begun["act"] or "").partition(" ")
            if not gap or _is_action(begun["act"], "") or first.lower() in _ACTORS:
                return True
        if text[0] in "_~":
            return False
        begun = _VERB_BEGUN.fullmatch(text)
        if begun is None:
            return False
        word = begun["word"].lower()
        return word in _VERBS if begun["rest"] else any(verb.startswith(word) for verb in _VERBS)


def _is_action(act: str, behind: str) -> bool:
    """Whether words between marks at the beginning of a sentence tell what somebody does: ``*leans back*``, ``*He sighs.*``."""
    first, _, rest = act.partition(" ")
    low = first.lower().rstrip(".,!")
    does = low in _VERBS or (
        first[:1].islower()
        and low not in _NO_VERBS
        and len(low) > 3
        and (low.endswith("ing") or (low.endswith("s") and not low.endswith("ss")))
    )
    return (does or (low in _ACTORS and bool(rest))) and not behind[:1].islower()


def _name_of(whole: re.Match[str]) -> str | None:
    words = whole["bracket"] or whole["paren"] or whole["star"]
    return _BY_WORD.get(re.split(r"[^\w]+", words.lower())[0])


@dataclass(slots=True)
class CueSheet:
    """Gives the directions of one sentence their times, while its sound is synthesized piece by piece."""

    directions: Sequence[Direction]
    length: int
    """Number of characters of the sentence as written."""
    spoken: int
    """Number of characters of the text that the voice is given."""
    _said: int = 0

    def of(self, words: Sequence[WordTiming]) -> tuple[Cue, ...]:
        """The cues of the next piece of sound. A direction is due when the word at its place in the text begins; positions are
        scaled where the spoken text is longer or shorter than the written one.
        """
        due: list[Cue] = []
        waiting: list[Direction] = []
        total = sum(len(word.text) for word in words)
        for direction in self.directions:
            place = min(direction.offset / max(self.length, 1) * self.spoken, max(self.spoken - 1, 0)) - self._said
            if place >= total and words:
                waiting.append(direction)
                continue
            due.append(Cue(direction.name, _start_at(words, place)))
        self.directions, self._said = waiting, self._said + total
        return tuple(due)


def _start_at(words: Sequence[WordTiming], place: float) -> float:
    for word in words:
        place -= len(word.text)
        if place < 0:
            return word.start_ms
    return 0.0
