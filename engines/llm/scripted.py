"""The embedded mind: the lines that `personas.yaml` gives each person, found by phrases. Not a language model, and it says so.

It keeps no state: what was said before, it reads in the messages, so it serves any number of conversations at once and always answers the
same messages with the same words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from pathlib import Path

from engines.types import ChatMessage, EngineInfo, Persona, ScriptedReply, TextDelta

INFO = EngineInfo(
    name="scripted",
    stage="llm",
    title="Scripted",
    summary="Scripted answers, not a language model.",
    embedded=True,
    in_process=True,
)


@dataclass(frozen=True, slots=True)
class Options:
    """Nothing to choose: the people's lines are in `personas.yaml`."""


_READ_MESSAGES = 60
_READ_CHARACTERS = 2000
"""How far back, and how much of each message (its end) is read: a bound on the work, far above a conversation aloud."""


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(text.replace("\n", " ").split(", "))


_IN_DANGER = _phrases("kill myself, killing myself, suicide, suicidal, want to die, end my life, hurt myself, harm myself")
_ARE_YOU_REAL = _phrases(
    """are you real, are you human, are you a human, are you a person, are you a real person, are you an ai, are you ai, are you alive,
are you a robot, are you a bot, are you a machine, are you a computer, are you artificial, are you a program, are you scripted,
are you chatgpt, are you a language model, are you an llm, are you just a, is this scripted, is this an ai, is this prerecorded,
am i talking to a, which model are you, what model are you, artificial intelligence"""
)
_MY_NAME = _phrases("what is my name, do you know my name, remember my name, who am i, do you remember me, do you know me")
_MY_WORDS = _phrases(
    """what did i say, what did i just say, what did i ask, what did i just ask, what i just said, what i said, what was my question,
what have i said, what i told you, what did i tell you"""
)
_YOUR_WORDS = _phrases(
    """what did you say, what did you just say, what you just said, repeat that, say that again, say it again, repeat please, pardon,
come again"""
)
_GO_ON = _phrases(
    "tell me more, go on, carry on, keep going, what else, anything else, how so, why is that, what do you mean, is that true"
)
_GO_ON_ALONE = _phrases(
    "more, why, why not, how, and, and then, so, really, interesting, continue, another one, like what, yes, yes please"
)
"""Those that mean so only when nothing else is said."""

# {name}, {topic}, {persona} and {suggestion} are filled in; a line with something that is not known is not used.
_SMALL_TALK = (
    ScriptedReply(
        _phrases("hello, hi, hey, good morning, good afternoon, good evening"),
        ("Hello, {name}. What would you like to talk about?", "Hello. What would you like to talk about?"),
    ),
    ScriptedReply(_phrases("how are you, how do you do, how is it going"), ("I'm well, thank you. And you?",)),
    ScriptedReply(_phrases("who are you, what is your name, your name"), ("I'm {persona}. {suggestion}",)),
    ScriptedReply(_phrases("thank you, thanks"), ("You're welcome, {name}.", "You're welcome.")),
    ScriptedReply(_phrases("goodbye, bye, see you, good night"), ("Goodbye, {name}.", "Goodbye.")),
    ScriptedReply(
        _phrases("what time is it, what day is it, what is the time, what is the date, what year is it"),
        ("I can't tell. There is no clock where I am, and I would only be guessing.",),
    ),
    ScriptedReply(_phrases("help, what can you do, what can i ask, what do you know, what can we talk about"), ("Gladly. {suggestion}",)),
    ScriptedReply(
        _phrases("what is the weather, how is the weather"),
        ("I can't see a window from here. What is it like where you are?",),
    ),
)

_GET_HELP = (
    "I'm very glad you said it, and I'm only a scripted voice, so please do not stay alone with this. Call your local emergency "
    "number or a crisis line now, or go to somebody you trust."
)
_ADMISSION = (
    "To be honest with you, my answers are scripted and no language model is at work; install one as the README describes, and I can talk "
    "about anything."
)
_ENGLISH_ONLY = "I'm sorry, my scripted answers are in English only. Could you say it in English?"
_NOTHING_HEARD = "I did not catch any words. Could you say that again?"
_FALLBACKS = ("I have no line for {topic}, I'm afraid. {suggestion}", "I have no answer to that. {suggestion}")

_SMALL_WORDS = frozenset(
    """a able about after again all also always am an and another any anything are around as ask at away back bad be because been before
    being best better big bit both but by call called came can cannot cant come could couldnt did didnt do does doesnt doing done dont
    down each else enough even ever every everything explain far few fine first for from get getting give go going gone good got great
    had happen has have having he hear heard hello help her here hers hey hi him his hmm how i id if ill im in into is isnt it its ive
    just keep kind know last later least less let lets like little long look lot made make many may maybe me mean might mine more most
    much must my myself name need never new next nice no not nothing now of off oh ok okay old on once one only or other our out over
    own people perhaps please pretty put quite rather really right said same say saying see seem seen she should show since so some
    somebody someone something sometimes soon sorry still such sure take talk tell than thank thanks that thats the their them then
    there theres these they thing things think thinking this those though thought through time to today together told tomorrow too
    tonight try under until up us use used very want wanted was wasnt way we well went were what whatever whats when where which while
    who whose why will with without wont word would wow yeah year years yes yesterday yet you your youre yours""".split()
)
"""English words that are never what a sentence is about."""
_FOREIGN_WORDS = frozenset(
    """hola gracias que qué como cómo está estás eres por para los las una el es muy dónde quién puedes sobre bonjour salut merci je suis
    tu vous est les des avec pour quoi comment pas une dans qui hallo danke ich bin ist nicht und der das ein eine wie geht du kannst
    mir mit für über ciao grazie sono che non sei il di della olá obrigado obrigada você não uma com isso hej tack cześć dzień dobry
    merhaba""".split()
)
"""Common words of Spanish, French, German, Italian, Portuguese and a few others that English does not have."""

_CONTRACTIONS = dict(
    pair.split("=")
    for pair in _phrases(
        """im=i am, ive=i have, youre=you are, its=it is, thats=that is, whats=what is, hows=how is, whos=who is, cant=can not,
cannot=can not, dont=do not, doesnt=does not, didnt=did not, isnt=is not, arent=are not, wont=will not, couldnt=could not"""
    )
)
"""Without their apostrophes, as they are looked up."""

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_NAMED = re.compile(r"\b(?:my name is|my name['’]?s|call me|i am called|i['’]?m called)\s+([^\W\d_][^\W\d_'’-]{0,29})", re.IGNORECASE)
_INTRODUCED = re.compile(r"^\W*(?:hi|hello|hey|good \w+)(?: there)?\W+(?:i['’]?m|i am|this is)\s+([^\W\d_]{2,30})\W*$", re.IGNORECASE)
_FEELINGS = frozenset("happy sad tired bored angry lonely hungry alright excited scared afraid ready home curious lost stuck".split())


def load(options: Options, device: str, folder: Path | None = None) -> Scripted:  # noqa: ARG001 - every adapter is loaded alike
    """Nothing to load."""
    return Scripted()


class Scripted:
    """A `ChatModel` whose answers are looked up. It never fails, and needs microseconds a word."""

    def stream(self, messages: Sequence[ChatMessage], persona: Persona) -> Iterator[TextDelta]:
        """The answer to the last message of the user, word by word; without one, the persona's greeting."""
        for piece in re.findall(r"\s*\S+", _Conversation(messages, persona).answer()):
            yield TextDelta(piece)


class _Conversation:
    """What can be known from the messages, and the answer that follows."""

    def __init__(self, messages: Sequence[ChatMessage], persona: Persona) -> None:
        recent = [message for message in messages if message.role != "system"][-_READ_MESSAGES:]
        self._asked = [message.content[-_READ_CHARACTERS:] for message in recent if message.role == "user"]
        self._given = [" ".join(message.content[-_READ_CHARACTERS:].split()) for message in recent if message.role == "assistant"]
        self._persona = persona
        self._now = self._asked[-1] if self._asked else ""
        self._heard = _plain(self._now)
        self._name = next((name for text in reversed(self._asked) if (name := _name_in(text))), None)

    def answer(self) -> str:
        if not self._asked:
            return self._persona.greeting
        if _any_of(_IN_DANGER, self._heard):
            return _GET_HELP
        return self._admission() or self._from_memory() or self._on_topic() or self._small_talk() or self._lost()

    def _admission(self) -> str | None:
        if not _any_of(_ARE_YOU_REAL, self._heard):
            return None
        own = next((reply for reply in self._replies(social=True) if _shares(reply, _ARE_YOU_REAL)), None)
        return f"{self._line(own.say)} {_ADMISSION}" if own else _ADMISSION

    def _from_memory(self) -> str | None:
        if _any_of(_MY_NAME, self._heard):
            return f"You are {self._name}, you told me so." if self._name else "You have not told me your name yet. What is it?"
        if _any_of(_MY_WORDS, self._heard):
            return f"You said: {_quoted(self._asked[-2])}" if len(self._asked) > 1 else "So far, you have only asked me that."
        if _any_of(_YOUR_WORDS, self._heard):
            return self._given[-1] if self._given else "I have not said anything yet."
        return None

    def _on_topic(self) -> str | None:
        reply = _best(self._replies(social=False), self._heard)
        if new := _name_in(self._now):
            return f"Nice to meet you, {new}. {self._line(reply.say) if reply else self._suggestion()}"
        if reply:
            return self._line(reply.say)
        return self._go_on() if _any_of(_GO_ON, self._heard) or self._heard in map(_sought, _GO_ON_ALONE) else None

    def _go_on(self) -> str:
        topic = self._last_topic()
        if topic is None:
            return f"Gladly, but on what? {self._suggestion()}"
        fresh = [line for line in self._usable(topic.say) if not self._times(line)]
        return self._filled(fresh[0]) if fresh else f"That is all I know about {topic.when[0]}. {self._suggestion()}"

    def _small_talk(self) -> str | None:
        reply = _best(self._replies(social=True), self._heard) or _best(_SMALL_TALK, self._heard)
        return self._line(reply.say) if reply else None

    def _lost(self) -> str:
        if not self._heard.strip():
            return _NOTHING_HEARD
        if self._persona.language.lower().startswith("en") and _foreign(self._now):
            return _ENGLISH_ONLY
        topic = self._last_topic()
        if topic and _subject(self._now) is None:
            return f"I am not sure I follow. Shall we go back to {topic.when[0]}?"
        return self._line(self._persona.fallbacks if self._usable(self._persona.fallbacks) else _FALLBACKS)

    def _replies(self, social: bool) -> list[ScriptedReply]:
        return [reply for reply in self._persona.replies if _is_social(reply) is social and self._usable(reply.say)]

    def _last_topic(self) -> ScriptedReply | None:
        topics = self._replies(social=False)
        return next((reply for text in reversed(self._asked[:-1]) if (reply := _best(topics, _plain(text)))), None)

    def _suggestion(self) -> str:
        topics = self._replies(social=False)
        names = [reply.when[0] for reply in topics if not any(map(self._times, reply.say))] or [reply.when[0] for reply in topics]
        if not names:
            return "Ask me something else."
        return f"You could ask me about {' or '.join(filter(None, [', '.join(names[:2]), *names[2:3]]))}."

    def _line(self, lines: Sequence[str]) -> str:
        """The one said least often, those with the user's name first, then in order."""
        usable = sorted(self._usable(lines), key=lambda line: "{name}" not in line)
        return self._filled(min(usable, key=self._times))

    def _usable(self, lines: Sequence[str]) -> list[str]:
        known = {"{name}": self._name, "{topic}": _subject(self._now)}
        return [line for line in lines if all(value or field not in line for field, value in known.items())]

    def _filled(self, line: str) -> str:
        known = {"name": self._name, "topic": _subject(self._now), "persona": self._persona.name}
        for field, value in known.items():
            line = line.replace(f"{{{field}}}", value or "")
        return line.replace("{suggestion}", self._suggestion()) if "{suggestion}" in line else line

    def _times(self, line: str) -> int:
        """How often the line was heard to its end: what was interrupted may be said again."""
        parts = [" ".join(part.split()) for part in re.split(r"\{\w+\}", line)]
        return sum(all(part in given for part in parts) for given in self._given)


def _plain(text: str) -> str:
    """Words without case, accents, contractions and plural s, a space around each: `` what is whale song ``."""
    letters = "".join(
        char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char) and char not in "'’"
    )
    words = "".join(char if char.isalnum() else " " for char in letters).split()
    return f" {' '.join(_CONTRACTIONS.get(word) or _singular(word) for word in words)} "


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


@lru_cache(maxsize=4096)
def _sought(phrase: str) -> str:
    """What to look for in plain words: whole words, except in scripts that put no spaces between them."""
    plain = _plain(phrase)
    spaceless = any(unicodedata.name(char, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER")) for char in plain)
    return plain.strip() if spaceless else plain


def _any_of(phrases: Sequence[str], heard: str) -> bool:
    return any(_sought(phrase) in heard for phrase in phrases)


def _best(replies: Iterable[ScriptedReply], heard: str) -> ScriptedReply | None:
    """The reply with the longest phrase in what was heard; among equals the first."""
    found = [(len(_sought(phrase)), reply) for reply in replies for phrase in reply.when if _sought(phrase) in heard]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _shares(reply: ScriptedReply, phrases: Sequence[str]) -> bool:
    return not set(map(_sought, reply.when)).isdisjoint(map(_sought, phrases))


def _is_social(reply: ScriptedReply) -> bool:
    """Small talk is not a topic: nobody wants more of a greeting."""
    return _shares(reply, _ARE_YOU_REAL) or any(_shares(reply, general.when) for general in _SMALL_TALK)


def _name_in(text: str) -> str | None:
    found = _NAMED.search(text) or _INTRODUCED.search(text)
    if not found or found[1].lower() in _SMALL_WORDS | _FEELINGS:
        return None
    return found[1].capitalize() if found[1].islower() else found[1]


def _subject(text: str) -> str | None:
    """What a sentence seems to be about: the words after "about", else its last word that is not a small one."""
    words = _WORD.findall(text)
    telling = [len(word) > 2 and len(word) < 25 and word.lower().replace("’", "").replace("'", "") not in _SMALL_WORDS for word in words]
    for at, word in enumerate(words):
        if word.lower() == "about":
            rest = list(takewhile(lambda pair: pair[1], zip(words[at + 1 :], telling[at + 1 :], strict=True)))[:3]
            if rest:
                return " ".join(word for word, _ in rest)
    return next((word for word, tells in zip(reversed(words), reversed(telling), strict=True) if tells), None)


def _foreign(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    if sum(not unicodedata.name(char, "").startswith("LATIN") for char in letters) * 2 > len(letters):
        return True
    words = [word.lower() for word in _WORD.findall(text)]
    theirs = sum(word in _FOREIGN_WORDS for word in words)
    return theirs * 3 >= len(words) and theirs > sum(word in _SMALL_WORDS for word in words)


def _quoted(text: str) -> str:
    words = text.split()
    return " ".join(words[:30]) + (
        "." if words and words[-1][-1:].isalnum() and len(words) <= 30 else "" if len(words) <= 30 else " and so on."
    )
