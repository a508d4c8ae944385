"""The embedded chat model: the scripted replies of `personas.yaml`, found by phrases. It is not a language model, and it says so.

It keeps no state: what was said before, it reads in the messages, so the same messages always get the same answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engines.types import ChatMessage, EngineInfo, Persona, ScriptedReply, TextDelta

INFO = EngineInfo(
    name="scripted",
    stage="llm",
    title="Scripted",
    summary="Scripted answers, not a language model.",
    embedded=True,
    multilingual=False,
    in_process=True,
)
_READ_MESSAGES, _READ_CHARACTERS = 60, 2000  # how far back, and how much of each message's end is read: a bound on the work
_QUOTED_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Options:
    """Nothing to choose: the lines of each persona are in `personas.yaml`."""


def load(options: Options, device: str, folder: Path | None = None) -> Scripted:  # noqa: ARG001 - every adapter is loaded alike
    """Nothing to load."""
    return Scripted()


class Scripted:
    """A `ChatModel` whose answers are looked up, in microseconds a word. It raises nothing."""

    def stream(self, messages: Sequence[ChatMessage], persona: Persona) -> Iterator[TextDelta]:
        """The answer to the last message of the user, word by word; without one, the persona's greeting."""
        for piece in re.findall(r"\s*\S+", _Conversation(messages, persona).answer()):
            yield TextDelta(piece)


def _reply(when: str, *say: str) -> ScriptedReply:
    return ScriptedReply(tuple(when.split(", ")), say)


# {name}, {persona} and {suggestion} are filled in; a line with a {name} that is not known is not used.
_IN_DANGER = _reply(
    "kill myself, killing myself, suicide, suicidal, want to die, end my life, hurt myself, harm myself",
    "I'm very glad you said it, and I'm only a scripted voice, so please do not stay alone with this. Call your local emergency "
    "number or a crisis line now, or go to somebody you trust.",
)
_ARE_YOU_REAL = _reply(
    "are you real, are you human, are you a human, are you a person, are you a real person, are you alive, are you a robot, are you a bot, "
    "are you a machine, are you a computer, are you a program, are you scripted, artificial intelligence, are you an ai, are you ai, "
    "are you a language model, are you chatgpt, is this scripted, is this an ai, am i talking to a, what model are you",
    "To be honest with you, my answers are scripted and no language model is at work; install one as the README describes, and I can talk "
    "about anything.",
)
_SMALL_TALK = (
    _reply("who am i, what is my name, do you know my name", "You are {name}, you told me so."),
    _reply("my name is", "Nice to meet you, {name}. {suggestion}"),
    _reply("hello, hi, hey, good morning, good evening", "Hello, {name}. What shall we talk about?", "Hello. What shall we talk about?"),
    _reply("how are you, how do you do, how is it going", "I'm well, thank you. And you?"),
    _reply("who are you, what is your name, your name", "I'm {persona}. {suggestion}"),
    _reply("thank you, thanks", "You're welcome, {name}.", "You're welcome."),
    _reply("goodbye, bye, see you, good night", "Goodbye, {name}.", "Goodbye."),
    _reply("what time is it, what day is it, what is the date", "I can't tell. There is no clock where I am."),
    _reply("help, what can you do, what can i ask, what do you know", "Gladly. {suggestion}"),
)
_AGAIN = _reply("what did you say, what did you just say, repeat that, say that again, pardon, come again")
_FIRST = _reply("what did i ask you first, what did i say first, what did i first, what was my first, the first thing i")
_GO_ON = _reply("tell me more, go on, carry on, keep going, what else, anything else")
_GO_ON_ALONE = _reply("more, why, how, how so, and, so, really, continue, yes, yes please")  # these only when nothing else is said
_FALLBACKS = ("My lines do not go that far, I'm afraid. {suggestion}", "I have no answer to that. {suggestion}")
_CONTRACTIONS = {"can't": "can not", "cannot": "can not", "won't": "will not", "n't": " not", "'m": " am", "'re": " are", "'s": " is"}
_NAMED = re.compile(
    r"(?i:\bmy name(?: is|['’]?s) )(?P<told>[^\W\d_][\w'’-]{0,29})(?=\W*$|[.,;!?]| and | but )"
    r"|(?i:\b(?:hello|hi|hey|good (?:morning|afternoon|evening))\b[^.!?]{0,40}?\b(?:I['’]m|I am|this is) )"
    r"(?!\w+(?:ish|ese|ican|dian|sian|lian|erman|rench)\b)(?P<greeted>[A-Z][\w'’-]{0,29})(?=\W*$|[.,;!?]| and | but )"
)
"""How somebody tells their name; after a greeting, one with a capital that is no nationality."""
_NOT_IN_HISTORY = re.compile(r"\{\w+\}|\[[^\]]*\]")  # what is filled in, and stage directions


class _Conversation:
    """What can be known from the messages, and the answer that follows."""

    def __init__(self, messages: Sequence[ChatMessage], persona: Persona) -> None:
        recent = [message for message in messages if message.role != "system"][-_READ_MESSAGES:]
        asked = [message.content[-_READ_CHARACTERS:] for message in recent if message.role == "user"]
        told = [found["told"] or found["greeted"] for text in asked if (found := _NAMED.search(text))]
        names = [name.title() if name.islower() else name for name in told]
        self._first = " ".join(asked[0].split())[:_QUOTED_CHARACTERS] if asked else ""
        self._asked, self._name, self._persona = list(map(_plain, asked)), names[-1] if names else None, persona
        self._given = [" ".join(message.content[-_READ_CHARACTERS:].split()) for message in recent if message.role == "assistant"]
        usable = [reply for reply in persona.replies if self._usable(reply.say)]
        self._general = [reply for reply in _SMALL_TALK if self._usable(reply.say)]
        social = {_sought(phrase) for reply in (_ARE_YOU_REAL, *_SMALL_TALK) for phrase in reply.when}
        self._social = [reply for reply in usable if not social.isdisjoint(map(_sought, reply.when))]
        self._topics = [reply for reply in usable if reply not in self._social]  # nobody wants more of a greeting

    def answer(self) -> str:
        if not self._asked:
            return self._persona.greeting
        if not (heard := self._asked[-1]).strip():
            return "I did not catch any words. Could you say that again?"
        if _best([_IN_DANGER], heard):
            return _IN_DANGER.say[0]
        if _best([_ARE_YOU_REAL], heard):
            own = _best(self._social, _plain(" ".join(_ARE_YOU_REAL.when)))
            return f"{self._line(own.say)} {_ARE_YOU_REAL.say[0]}" if own else _ARE_YOU_REAL.say[0]
        if self._given and _best([_AGAIN], heard):
            return self._given[-1]
        if len(self._asked) > 1 and _best([_FIRST], heard):
            return f"The first thing I remember is this: {self._first}"
        if topic := _best(self._topics, heard):
            return self._line(topic.say)
        if _best([_GO_ON], heard) or heard in map(_sought, _GO_ON_ALONE.when):
            return self._more()
        if reply := _best(self._social, heard) or _best(self._general, heard):
            return self._line(reply.say)
        return self._line(self._usable(self._persona.fallbacks) or _FALLBACKS)

    def _more(self) -> str:
        topic = next((reply for heard in reversed(self._asked[:-1]) if (reply := _best(self._topics, heard))), None)
        ending = f"That is all I know about {topic.when[0]}. {{suggestion}}" if topic else "Gladly, but on what? {suggestion}"
        lines = self._usable(topic.say) if topic else ()
        return self._filled(next((line for line in lines if not self._times(line)), ending))

    def _suggestion(self) -> str:
        """Up to three topics, at first those of which nothing was said yet."""
        names = [reply.when[0] for reply in sorted(self._topics, key=lambda reply: any(map(self._times, reply.say)))][:3]
        return f"You could ask me about {' or '.join([', '.join(names[:2]), *names[2:]])}." if names else "Ask me something else."

    def _usable(self, lines: Sequence[str]) -> list[str]:
        return [line for line in lines if (self._name or "{name}" not in line) and "{topic}" not in line]

    def _line(self, lines: Sequence[str]) -> str:
        """The one said least often, those with the user's name first, then in order."""
        return self._filled(min(self._usable(lines), key=lambda line: (self._times(line), "{name}" not in line)))

    def _filled(self, line: str) -> str:
        line = line.replace("{name}", self._name or "").replace("{persona}", self._persona.name)
        return line.replace("{suggestion}", self._suggestion()) if "{suggestion}" in line else line

    def _times(self, line: str) -> int:
        """How often the line was heard to its end: what was interrupted may be said again."""
        parts = [" ".join(part.split()) for part in _NOT_IN_HISTORY.split(line)]
        return sum(all(part in given for part in parts) for given in self._given)


def _plain(text: str) -> str:
    """Words without case, accents, contractions and plural s, a space around each: `` what is whale song ``."""
    text = "".join(char for char in unicodedata.normalize("NFKD", text.casefold().replace("’", "'")) if not unicodedata.combining(char))
    for contraction, whole in _CONTRACTIONS.items():
        text = text.replace(contraction, whole)
    words = "".join(char if char.isalnum() else " " for char in text).split()
    return f" {' '.join(word[:-1] if len(word) > 3 and word.endswith('s') and word[-2] != 's' else word for word in words)} "


@lru_cache(maxsize=4096)
def _sought(phrase: str) -> str:
    """What to look for in plain words: whole words, except in scripts that put no spaces between them."""
    plain = _plain(phrase)
    spaceless = any(unicodedata.name(char, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER")) for char in plain)
    return plain.strip() if spaceless else plain


def _best(replies: Iterable[ScriptedReply], heard: str) -> ScriptedReply | None:
    """The reply with the longest phrase in what was heard; among equals the first."""
    found = [(len(_sought(phrase)), reply) for reply in replies for phrase in reply.when if _sought(phrase) in heard]
    return max(found, key=lambda pair: pair[0])[1] if found else None
