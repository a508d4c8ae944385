"""Not speech: takes out of a streamed reply what a model writes that is no speech of the persona.

Control tokens of any model (``<|…|>``, ``</s>``, ``[INST]``), the roles of a transcript, calls of tools, bare JSON and thoughts whose
opening mark is missing. Placeholders and types (``<name>``, ``List<String>``) and HTML stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

_LONGEST = 80
"""How much may be held back for what may become a mark."""
_LONGEST_JSON = 4_000
_TOKEN = re.compile(
    r"<[|｜](?P<bar>[^<>|｜\[\]\n]{1,60})[|｜]?>|<(?P<tail>/?[A-Za-z][\w:.-]{0,30})[|｜]>"
    r"|</?(?P<name>s|eos|bos|pad|unk|eot|eop|endoftext|(?:start|end|begin)_?of_?\w{1,20}|seed:eos)/?>"
    r"|\[/?(?P<inst>(?-i:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS|BOS|EOS))\]|<</?(?P<sys>SYS)>>|◁/?(?P<tri>[^◁▷<>\[\]\n]{1,30})▷",
    re.IGNORECASE,
)
_TOOL = re.compile(
    r"<(?P<tag>(?:\w+:)?(?:tool|function|invoke|parameter)\w*)(?P<rest>[= ][^<>\n]{0,60})?>|(?-i:\[TOOL_CALLS?\])", re.IGNORECASE
)
_THOUGHT_END = re.compile(
    r"</(?:think|thinking|thoughts?|reasoning|reflection|analysis|scratchpad|antml:thinking)\s*>|\[/THINK\]", re.IGNORECASE
)
_WRAPPER = re.compile(r"</?(?:answer|response|reply|final|final_answer|output|speech|say|message)\s*/?>", re.IGNORECASE)
_HEADINGS = ("analysis\n", "thought\n", "thoughts\n", "thinking\n", "final\n", "response\n", "answer\n", "commentary\n")
_HEADING = re.compile(r"(?:thoughts?|thinking|final|response|answer|commentary)\n|(?P<analysis>analysis(?=[A-Z]))")
"""What is left at the beginning of a reply when a server takes the marks out of channels."""
_OPENERS = "<[{◁"
_ASSISTANT = ("assistant", "ai", "bot", "model", "chatbot", "ai assistant")
_USER = ("user", "human", "system", "question", "customer")
_ROLE_LINE = r"[ \t]*(?:[*_]{{1,2}}|#+ )?(?P<role>{names})(?:[*_]{{1,2}})?[ \t]*[:：](?:[*_]{{1,2}})?[ \t]*"
_JSON_TEXT = ("reply", "response", "content", "text", "message", "answer", "speech", "say", "output")
_FEELINGS = frozenset(
    "happy sad angry surprised neutral calm excited fear disgust love joy smile laugh sigh whisper gasp cough relaxed".split()
)


_FEELING = re.compile(rf"</?(?:{'|'.join(sorted(_FEELINGS))})\s*/?>", re.IGNORECASE)


class NotSpeechFilter:
    """Streaming filter: `push` each piece of a reply, `finish` at its end; joined, the answers are what may be shown and spoken.

    Where the pieces are cut makes no difference.
    """

    def __init__(self, name: str = "", forget: Callable[[], object] = lambda: None) -> None:
        """`name`: of the persona, who needs no label. `forget` is called where all that was passed on turns out to be a thought."""
        self._forget = forget
        names = [*_ASSISTANT, *([name.lower()] if name else [])]
        self._labels = [*names, *_USER]
        self._own = frozenset(names)
        self._label = re.compile(
            _ROLE_LINE.format(names="|".join(map(re.escape, sorted(self._labels, key=len, reverse=True)))), re.IGNORECASE
        )
        self._held = ""
        self._begun = False
        """Whether a visible character was passed on."""
        self._line_begins = True
        self._swallow = False
        """Whether white space that comes next goes with what was taken out before it."""
        self._until: re.Pattern[str] | None = None
        """What ends the stretch that is silent."""
        self._forgotten = False
        self.over = False
        """Whether the reply ends here, whatever is still written."""

    def push(self, text: str) -> str:
        """Take the next piece; what may be said of it and of what was held."""
        self._held += text
        return self._filtered(last=False)

    def finish(self) -> str:
        """The end of the reply: what was held is no mark."""
        return self._filtered(last=True)

    def _filtered(self, *, last: bool) -> str:
        said = ""
        while self._held and not self.over and self._is_heard(last=last):
            self._forgotten = False
            taken, passed = self._step(last=last)
            said = "" if self._forgotten else said
            if taken < 0:
                break
            said += passed
            if passed:
                self._begun = self._begun or not passed.isspace()
                self._line_begins = passed[-1] == "\n" or (self._line_begins and passed.isspace())
            self._held = self._held[taken:]
        if self.over:
            self._held = ""
        return said

    def _is_heard(self, *, last: bool) -> bool:
        """Whether the silent stretch, if there was one, has ended in what is held."""
        if self._until is not None:
            end = self._until.search(self._held)
            if end is None:
                self._held = "" if last else self._held[-_LONGEST:]
                return False
            self._held, self._until = self._held[end.end() :], None
        return bool(self._held)

    def _step(self, *, last: bool) -> tuple[int, str]:
        """How many held characters are decided (-1: wait for more), and what is passed on of them."""
        text = self._held
        if self._swallow and text[0].isspace():
            return 1, ""
        self._swallow = False
        if self._line_begins and not text[0].isspace():
            if found := self._label.match(text):
                if not last and found.end() == len(text) and not text.endswith((" ", "\n")):
                    return -1, ""  # marks of emphasis may follow
                if found["role"].lower() in self._own and not self._begun:
                    self._swallow = True
                    return found.end(), ""
                self.over = True
                return len(text), ""
            if not last and self._may_be_label(text):
                return -1, ""
        if not self._begun and (found := _HEADING.match(text)):
            self._until = re.compile("assistantfinal") if found["analysis"] else None
            self._swallow = True
            return found.end(), ""
        if not self._begun and not last and any(word.startswith(text) for word in _HEADINGS):
            return -1, ""
        first = text[0]
        if first == "\n" and self._begun:
            return self._line_break(text, last=last)
        if first in _OPENERS:
            return self._mark(text, last=last)
        end = next(
            (at for at, character in enumerate(text) if at and (character in _OPENERS or character == "\n" or self._line_begins)), len(text)
        )
        return end, text[:end]

    def _line_break(self, text: str, *, last: bool) -> tuple[int, str]:
        """It goes with what follows: nothing is said before a role."""
        rest = text.lstrip("\n \t")
        if self._label.match(rest):
            self.over = True
            return len(text), ""
        if not last and (not rest or self._may_be_label(rest)):
            return -1, ""
        return len(text) - len(rest), text[: len(text) - len(rest)]

    def _may_be_label(self, text: str) -> bool:
        line = re.sub(r"^[ \t]*(?:[*_]{1,2}|#+ ?)?", "", text)
        bare = line.rstrip("*_ ").lower()
        return len(text) < _LONGEST and "\n" not in line and any(label.startswith(bare) for label in self._labels)

    def _mark(self, text: str, *, last: bool) -> tuple[int, str]:
        if text[0] == "{":
            return self._json(text, last=last)
        if found := _TOOL.match(text):
            tag = found["tag"]
            self._until = re.compile(rf"</{re.escape(tag)}\s*>" if tag else "(?!)", re.IGNORECASE)
            return found.end(), ""
        if found := _THOUGHT_END.match(text):
            self._forget()
            self._forgotten = True
            self._begun, self._line_begins, self._swallow = False, True, True
            return found.end(), ""
        if found := _WRAPPER.match(text) or _FEELING.match(text):
            return found.end(), ""
        if found := _TOKEN.match(text):
            return self._token(found, text, last=last)
        closers = {"<": "><", "[": "][<", "◁": "▷◁<["}[text[0]] + "\n"
        close = next((at for at, character in enumerate(text) if at and character in closers), None)
        if close is None and len(text) < _LONGEST and not last and _may_become(text):
            return -1, ""
        return 1, text[0]

    def _token(self, found: re.Match[str], text: str, *, last: bool) -> tuple[int, str]:
        name = next(filter(None, found.groups()), "").lower()
        if name in _FEELINGS:
            self._swallow = not self._begun
            return found.end(), ""
        if self._begun:
            self.over = True
            return len(text), ""
        rest, role = text[found.end() :], None
        if "start" in name or "header" in name:
            if not last and re.fullmatch(r"\s*\w{0,10}(?:<[^<>\n]{0,40})?", rest):
                return -1, ""
            role = re.match(
                r"\s*(?:(user|human|system)|(assistant|model|ai|bot))(?=\s|<|$)(?:<[|｜][^<>\n]{1,40}[|｜]>)?\s*", rest, re.IGNORECASE
            )
        if name in ("user", "human") or (role and role[1]):
            self.over = True
            return len(text), ""
        self._swallow = True
        return found.end() + (role.end() if role and role[2] else 0), ""

    def _json(self, text: str, *, last: bool) -> tuple[int, str]:
        """Bare JSON: of an answer in it, its text; of anything else nothing."""
        if not re.match(r'\{\s*(?:"|$)', text):
            return (-1, "") if not last and text.strip() == "{" else (1, text[0])
        try:
            found, end = json.JSONDecoder().raw_decode(text)
        except ValueError:
            if not last and len(text) < _LONGEST_JSON:
                return -1, ""
            return (len(text), "") if last else (1, text[0])
        return end, next((found[key] for key in _JSON_TEXT if isinstance(found.get(key), str)), "")


def _may_become(text: str) -> bool:
    """Whether more text could make a mark of it."""
    if text[0] == "<":
        return bool(re.fullmatch(r"<(?:[|｜][^<>\n]*|/?[A-Za-z][\w:.-]*(?:[=\s|｜/][^<>\n]*)?|/|<.*)?", text))
    if text[0] == "[":
        return bool(re.fullmatch(r"\[/?[A-Z_]*", text))
    return True
