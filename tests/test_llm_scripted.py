"""The scripted chat model, with everybody in `personas.yaml` and every line they have."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from requirements import requirement
from sentencex import segment

from engines.config.personas import load_personas
from engines.llm import scripted
from engines.text.directions import DirectionFilter
from engines.types import ChatMessage, Persona, ScriptedReply

PEOPLE = load_personas(Path(__file__).resolve().parent.parent / "personas.yaml")
EVERY_REPLY = [pytest.param(person, reply, id=f"{person.id}-{reply.when[0]}") for person in PEOPLE.values() for reply in person.replies]
EVERY_LINE = [
    pytest.param(line, id=f"{person.id}-{index}")
    for person in PEOPLE.values()
    for index, line in enumerate([*(line for reply in person.replies for line in reply.say), *person.fallbacks, person.greeting])
]
MODEL = scripted.load(scripted.Options(), "cpu")


class Talk:
    """A conversation with one person."""

    def __init__(self, person: Persona) -> None:
        self.person = person
        self.messages = [ChatMessage("system", person.prompt)]

    def say(self, text: str) -> str:
        self.messages.append(ChatMessage("user", text))
        answer = "".join(delta.text for delta in MODEL.stream(self.messages, self.person))
        self.messages.append(ChatMessage("assistant", answer))
        assert 1 <= len(sentences(answer)) <= 4, answer
        assert "{" not in answer
        return answer


def sentences(text: str) -> list[str]:
    return [part for part in segment("en", text) if part.strip()]


def filled(line: str, **fields: str) -> str:
    for field, value in fields.items():
        line = line.replace(f"{{{field}}}", value)
    return line


@pytest.fixture(params=PEOPLE, ids=list(PEOPLE))
def talk(request: pytest.FixtureRequest) -> Talk:
    return Talk(PEOPLE[request.param])


@pytest.fixture
def maya() -> Talk:
    return Talk(PEOPLE["maya"])


@pytest.mark.parametrize(("person", "reply"), EVERY_REPLY)
def test_every_phrase_reaches_its_own_reply(person: Persona, reply: ScriptedReply) -> None:
    for phrase in reply.when:
        for said in (phrase, phrase.upper() + "?!", f"well, {phrase}"):
            answer = Talk(person).say(said)
            assert any(answer.startswith(line) for line in reply.say), f"{said!r} is answered with {answer!r}"


@pytest.mark.parametrize(("person", "reply"), EVERY_REPLY)
def test_every_line_comes_in_its_turn_and_then_again(person: Persona, reply: ScriptedReply) -> None:
    talk = Talk(person)
    lines = [line for line in reply.say if "{" not in line]
    for line in lines + lines:
        assert talk.say(reply.when[-1]).startswith(line)


@pytest.mark.parametrize("line", EVERY_LINE)
def test_every_line_can_be_spoken(line: str) -> None:
    directions = DirectionFilter()
    written, line = line, directions.push(line) + directions.finish()
    assert written.count("[") == len(directions.take(len(line), rest=True)), "a stage direction is misspelt"
    parts = sentences(line)
    assert 1 <= len(parts) <= 3  # a name or an admission may come before or after
    assert not set(line) & set("*_#`[]|<>~^=/\\\n0123456789"), "Markdown, symbols and digits are not spoken words"
    assert line[-1] in ".!?"
    opening = re.split(r"[,.!?]", line, maxsplit=1)[0]
    assert len(opening.split()) <= 14, "speech starts with the first sentence or clause: keep it short"


def test_empty_history_is_greeted(talk: Talk) -> None:
    for messages in ([], [ChatMessage("system", "x")], [ChatMessage("assistant", "x")]):
        assert "".join(delta.text for delta in MODEL.stream(messages, talk.person)) == talk.person.greeting


REAL = ["Are you real?", "are you a real person", "Are you an AI?", "ARE YOU A ROBOT", "Are you scripted?", "Am I talking to a human?"]


@pytest.mark.parametrize("question", REAL)
@requirement("persona.scripted-honest")
def test_it_admits_that_it_is_scripted(talk: Talk, question: str) -> None:
    answer = talk.say(question)
    assert "scripted" in answer
    assert "install" in answer


def test_the_admission_carries_the_persons_own_words(maya: Talk) -> None:
    assert maya.say("are you a person?").startswith("A fair question")


@pytest.mark.parametrize("said", ["My name is Ana.", "hello, my name's ana", "Well, my name is Ana and I like tea", "so my name’s Ana"])
def test_a_name_that_was_told_is_remembered(talk: Talk, said: str) -> None:
    talk.say(said)
    talk.say("tell me something nice")
    assert talk.say("What's my name?") == "You are Ana, you told me so."
    assert "Ana" in talk.say("goodbye")


def test_the_newest_name_counts(maya: Talk) -> None:
    maya.say("my name is Ana")
    assert "Nice to meet you, Eve." in maya.say("sorry, my name is Eve")
    assert "Eve" in maya.say("who am I?")


@pytest.mark.parametrize(
    "said",
    [
        "Hi, I'm tired",
        "Hello, I'm German.",
        "hi, I'm Spanish and I like tea",
        "I'm Sure",
        "call me later",
        "my name is not important",
        "hello, I'm fine",
    ],
)
def test_nothing_is_claimed_of_a_name_that_was_not_told(maya: Talk, said: str) -> None:
    maya.say(said)
    assert "You are" not in maya.say("what is my name")


@pytest.mark.parametrize("said", ["Hi Professor, I'm Anna.", "Good evening! Hello there, this is Anna", "hey, I am Anna and I like whales"])
def test_a_name_told_with_a_greeting_is_remembered(maya: Talk, said: str) -> None:
    maya.say(said)
    assert maya.say("what is my name?") == "You are Anna, you told me so."


def test_what_was_asked_first_is_remembered(maya: Talk) -> None:
    maya.say("What did I ask you first?")
    maya.messages.clear()
    maya.say("Tell me about wolves.")
    maya.say("I feel tired")
    assert maya.say("What did I ask you first?") == "The first thing I remember is this: Tell me about wolves."


@pytest.mark.parametrize("person", PEOPLE.values(), ids=list(PEOPLE))
def test_a_line_with_a_stage_direction_is_not_repeated_for_ever(person: Persona) -> None:
    """The conversation keeps what was said, which is without directions: a line must be known again there."""
    talk = Talk(person)
    said = []
    for text in ("I like pasta.", "Tell me about tax law.", "The train was late."):
        directions = DirectionFilter()
        said.append(directions.push(talk.say(text)) + directions.finish())
        talk.messages[-1] = ChatMessage("assistant", said[-1])
    assert len(set(said)) == min(3, len(person.fallbacks))


@requirement("persona.more")
def test_tell_me_more_follows_the_topic_to_its_end(talk: Talk) -> None:
    topic = next(reply for reply in talk.person.replies if len(reply.say) > 1)
    assert talk.say(f"please, {topic.when[0]}") == topic.say[0]
    for line, follow in zip(topic.say[1:], ("Tell me more.", "Why?", "and?"), strict=False):
        assert talk.say(follow) == line
    assert talk.say("go on").startswith(f"That is all I know about {topic.when[0]}.")


def test_a_topic_outlasts_other_talk(maya: Talk) -> None:
    maya.say("whales")
    maya.say("thank you")
    maya.say("I like my bicycle")
    assert maya.say("tell me more") == PEOPLE["maya"].replies[0].say[1]


def test_more_of_nothing_is_asked_back(talk: Talk) -> None:
    assert talk.say("tell me more").startswith("Gladly, but on what? You could ask me about")


def test_what_was_interrupted_is_said_again(maya: Talk) -> None:
    first = maya.say("bees")
    maya.messages[-1] = ChatMessage("assistant", first[:20])  # what was really heard
    assert maya.say("bees") == first


def test_what_was_said_last_is_said_again(maya: Talk) -> None:
    first = maya.say("I saw a red fox in the snow.")
    assert maya.say("What did you say?") == first
    assert maya.say("Say that again, please") == first


def test_a_person_with_lines_of_another_language_is_not_told_to_speak_english() -> None:
    person = replace(
        PEOPLE["maya"],
        language="ja",
        replies=(ScriptedReply(("クジラ",), ("クジラは歌います。",)), ScriptedReply(("¿qué tal",), ("Muy bien.",))),
        fallbacks=("分かりません。",),
    )
    assert Talk(person).say("クジラについて教えて") == "クジラは歌います。"
    assert Talk(person).say("Que Tal?") == "Muy bien."
    assert Talk(person).say("今日は寒い") == "分かりません。"


@requirement("persona.replies")
def test_words_match_whole_without_accents_and_plural() -> None:
    person = replace(PEOPLE["maya"], replies=(ScriptedReply(("café", "cats"), ("Yes.",)),), fallbacks=("No.",))
    said = [Talk(person).say(text) for text in ("a CAFE!", "my cat", "cats", "concatenate", "education")]
    assert said == ["Yes."] * 3 + ["No."] * 2


def test_contractions_match_what_they_stand_for() -> None:
    person = replace(PEOPLE["maya"], replies=(ScriptedReply(("i am stuck", "can't sleep"), ("Yes.",)),), fallbacks=("No.",))
    assert [Talk(person).say(text) for text in ("I'm stuck", "I’m stuck", "I am stuck", "I cannot sleep")] == ["Yes."] * 4


@requirement("persona.replies")
def test_the_longest_phrase_wins_then_the_first() -> None:
    replies = tuple(ScriptedReply((phrase,), (f"{phrase}.",)) for phrase in ("bear", "polar bear", "wolf", "bird"))
    person = replace(PEOPLE["maya"], replies=replies)
    assert Talk(person).say("a polar bear and a wolf") == "polar bear."
    assert Talk(person).say("a bird and a wolf and a bear") == "bear."


def test_a_topic_wins_over_small_talk(maya: Talk) -> None:
    assert maya.say("Hello, how are you, and what about bees?").startswith("Bees draw maps")


def test_danger_is_answered_with_help_first(talk: Talk) -> None:
    assert "emergency number" in talk.say("I'm so bored at work, I want to die")


@pytest.mark.parametrize(
    "question", ["what time is it", "What's the date?", "what day is it today?", "help", "what can you do?", "how's it going"]
)
def test_common_questions_have_an_answer(talk: Talk, question: str) -> None:
    answer = talk.say(question)
    assert answer not in talk.person.fallbacks


def test_a_person_without_lines_still_talks() -> None:
    talk = Talk(replace(PEOPLE["maya"], replies=(), fallbacks=()))
    questions = "hello, who are you, tell me more, I like trains, I like trains, so?, are you real, help, bye, thanks, my name is Bo"
    for text in questions.split(", "):
        assert talk.say(text)


@requirement("persona.name")
def test_lines_that_need_a_name_wait_for_one_and_those_of_older_files_for_ever() -> None:
    replies = (ScriptedReply(("hello",), ("Hi {name}.",)), ScriptedReply(("tea",), ("Tea for {name}.",)))
    talk = Talk(replace(PEOPLE["maya"], replies=replies, fallbacks=("You said {topic}.", "No.")))
    assert talk.say("hello") == "Hello. What shall we talk about?"
    assert talk.say("tea") == "No."
    talk.say("my name is Bo")
    assert talk.say("tea") == "Tea for Bo."


GARBAGE = ["", " \n\t ", "???", "\0\x07", "🙂🙂", "{topic} {name} {0}", "\\d+(.*", "%s %n", "ß" * 50, "\u0301", "\ud800", "<speak>hi"]


@pytest.mark.parametrize("garbage", GARBAGE, ids=ascii)
def test_garbage_is_answered(talk: Talk, garbage: str) -> None:
    talk.messages.append(ChatMessage("user", garbage))
    assert "".join(delta.text for delta in MODEL.stream(talk.messages, talk.person)).strip()


@pytest.mark.parametrize("text", ["whales " * 15_000, "x" * 100_000, "about " * 20_000, "{name}" * 17_000, "ab'" * 33_000])
def test_a_huge_message_is_bounded_work(talk: Talk, text: str) -> None:
    talk.messages += [ChatMessage("user", text), ChatMessage("assistant", text)] * 100
    started = time.process_time()
    answer = talk.say(text[:100_000])
    assert time.process_time() - started < 1
    assert len(answer) < 1000


def test_it_streams_word_by_word(talk: Talk) -> None:
    talk.say("hello")
    pieces = [delta.text for delta in MODEL.stream(talk.messages[:-1], talk.person)]
    assert "".join(pieces) == talk.messages[-1].content
    assert len(pieces) == len(talk.messages[-1].content.split())


def test_it_keeps_nothing_between_conversations() -> None:
    Talk(PEOPLE["maya"]).say("my name is Ana, tell me about whales")
    assert "Ana" not in Talk(PEOPLE["maya"]).say("what is my name")
    assert [Talk(PEOPLE["maya"]).say("whales") for _ in range(3)] == [PEOPLE["maya"].replies[0].say[0]] * 3


def test_two_people_do_not_mix_their_lines(maya: Talk) -> None:
    maya.say("whales")
    maya.person = PEOPLE["sam"]
    assert maya.say("tell me more").startswith("Gladly, but on what?")
