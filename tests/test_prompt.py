"""System prompts: every rule in one place, none that forbids what another invites, and the same text in every turn."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from conftest import HOUSE
from requirements import requirement

from engines.config.personas import load_personas
from engines.conversation.prompt import SPOKEN_STYLE, STAGE_DIRECTIONS, messages_for, system_prompt
from engines.text.directions import DIRECTIONS, DirectionFilter
from engines.text.speakable import speakable
from engines.types import ChatMessage

PEOPLE = load_personas(HOUSE / "personas.yaml")


@pytest.mark.parametrize("person", PEOPLE.values(), ids=PEOPLE)
@requirement("persona.prompt")
def test_what_one_rule_forbids_no_other_mentions(person):
    forbidding = re.findall(r"[^.]*\b(?:[Nn]ever|[Dd]o not|[Nn]o) (?:use|write)\b[^.]*\.", system_prompt(person))
    assert forbidding
    for sentence in forbidding:
        rest = system_prompt(person).replace(sentence, "").lower()
        named = re.split(r", | or | and ", re.sub(r"^.*?(?:use|write) ", "", sentence.strip().rstrip(".")))
        assert not [word for word in named if re.search(rf"\b{re.escape(word.lower())}\b", rest)]


def test_what_the_rules_invite_is_acted_and_silent():
    assert [f"[{name}]" for name in DIRECTIONS] == re.findall(r"\[\w+\]", STAGE_DIRECTIONS)
    assert "emoji" in STAGE_DIRECTIONS
    for invited in ("[smile]", "🙂"):
        directions = DirectionFilter()
        text = directions.push(f"{invited} Hello.") + directions.finish()
        assert [direction.name for direction in directions.take(len(text), rest=True)] == ["smile"]
        assert speakable(text, "en").strip() == "Hello."


def test_the_personas_own_words_come_first_and_the_rules_follow(persona):
    style = SPOKEN_STYLE.format(sentences="4 sentences")
    assert system_prompt(persona).split("\n\n")[:-1] == [persona.prompt, style, STAGE_DIRECTIONS]
    assert "at most one sentence," in system_prompt(replace(persona, max_sentences=1))


def test_the_language_of_the_answer_comes_last_and_by_its_name(persona):
    assert system_prompt(persona).endswith("Answer in English, unless you are asked for another language.")
    assert "Answer in Portuguese" in system_prompt(replace(persona, language="pt-BR"))


def test_neighbouring_messages_of_one_role_are_joined(persona):
    history = (ChatMessage("user", "One"), ChatMessage("user", "Two"), ChatMessage("assistant", "Three"))
    system, *rest = messages_for(persona, history, "Four")
    assert system == ChatMessage("system", system_prompt(persona))
    assert rest == [ChatMessage("user", "One\nTwo"), ChatMessage("assistant", "Three"), ChatMessage("user", "Four")]


def test_a_history_may_be_read_as_late_as_the_model_is_asked(persona):
    assert messages_for(persona, lambda: [ChatMessage("assistant", "Hi")], "Yes")[1:] == [
        ChatMessage("assistant", "Hi"),
        ChatMessage("user", "Yes"),
    ]
