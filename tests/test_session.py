"""One person's conversation: history, what was heard, isolation, limits, and the store of all of them."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from conftest import HOUSE, StubEars, StubMind, StubRegistry, StubVoice, stub_engines, tone

from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.session import Heard, Session, Sessions
from engines.errors import EngineError, InputError, MissingDependency
from engines.events import SegmentReady, TurnCompleted, TurnFailed, TurnInterrupted
from engines.registry.registry import EngineHandle
from engines.types import AudioChunk, ChatMessage, Utterance

WAIT_S = 10


@pytest.fixture
def mind():
    return StubMind()


@pytest.fixture
def sessions(mind, tmp_path):
    settings = Settings(history_messages=12, max_sessions=3, journal=tmp_path / "journal.jsonl")
    return Sessions(StubRegistry(stub_engines(mind=mind)), PersonaBook(HOUSE / "personas.yaml"), settings)


@pytest.fixture
def session(sessions) -> Session:
    return sessions.get("one")


def ask(session: Session, text: str = "And you?", **more: object) -> list[object]:
    return list(session.answer(Utterance(text=text), **more))


def test_a_conversation_is_remembered_and_handed_to_the_model(session, mind):
    assert isinstance(ask(session, "First?", turn_id="a")[-1], TurnCompleted)
    ask(session, "Second?")
    reply = "".join(mind.deltas)
    assert [message.content for message in mind.asked[1][1:]] == ["First?", reply, "Second?"]
    assert [message.role for message in session.history()] == ["user", "assistant"] * 2


def test_the_model_gets_twelve_messages_at_most_and_the_older_half_is_let_go_at_once(session, mind):
    for number in range(40):
        ask(session, f"Question {number}?")
    counts = [len(asked) - 2 for asked in mind.asked]  # without the system prompt and the question
    assert max(counts) == 12
    assert all(later - earlier in {2, -6} for earlier, later in pairwise(counts))
    firsts = [asked[1] for asked in mind.asked[6:]]
    assert len(set(firsts)) <= len(firsts) / 3 + 1  # what comes first stays for some turns, so that a model need not read it anew
    assert len(session.history()) <= 14


def test_users_do_not_hear_of_each_other(sessions, mind):
    ask(sessions.get("one"), "My secret is 42.")
    ask(sessions.get("two"), "What is the secret?")
    assert not any("42" in message.content for message in mind.asked[-1])


def test_a_greeting_is_said_and_remembered(session):
    events = list(session.greet("g"))
    assert events[-1].text == session.persona.greeting
    assert session.history() == (ChatMessage("assistant", session.persona.greeting),)


CUTS = {
    "nothing": (-1, 0, ""),
    "one word of the first": (0, 250, "One"),
    "the first and a bit": (1, 0, "One two three."),
    "in the second": (1, 450, "One two three. Four five"),
    "more than there was": (99, 0, "One two three. Four five six. Seven eight nine."),
}


@pytest.mark.parametrize(("index", "ms", "left"), CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("done", [True, False], ids=["finished", "running"])
def test_only_what_was_heard_is_remembered_as_said(session, index, ms, left, done):
    events = session.answer(Utterance(text="Go"), "a")
    if done:
        assert isinstance(list(events)[-1], TurnCompleted)
    else:
        while not isinstance(event := next(events), SegmentReady) or event.segment.index < 2:
            pass
    session.stop(Heard("a", index, ms))
    assert done or isinstance(list(events)[-1], TurnInterrupted)
    assert session.history() == (ChatMessage("user", "Go"), *([ChatMessage("assistant", left)] if left else []))


def test_a_turn_stopped_before_it_began_never_begins(session, mind):
    events = session.answer(Utterance(text="Go"), "early")
    session.stop(Heard("early", -1, 0))
    assert isinstance(list(events)[-1], TurnInterrupted)


ENDINGS = {
    "stop": lambda session, sessions: session.stop(),
    "clear": lambda session, sessions: session.clear(),
    "switch": lambda session, sessions: session.switch("captain"),
    "another turn": lambda session, sessions: session.greet("later"),
    "a closed tab": lambda session, sessions: sessions.close("one"),
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_a_turn_that_waits_for_its_engines_can_be_ended(session, sessions, mind, end):
    ask(session, "Before")
    loading, loaded, events = threading.Event(), threading.Event(), []
    given = session._registry.given

    class Slow(StubRegistry):
        def __init__(self):
            pass

        def engines(self, language=""):
            loading.set()
            loaded.wait(WAIT_S)
            return given

    session._registry = Slow()
    turn = threading.Thread(target=lambda: events.extend(session.answer(Utterance(text="Go"), "waits")))
    turn.start()
    assert loading.wait(WAIT_S)
    end(session, sessions)
    loaded.set()
    turn.join(WAIT_S)
    assert isinstance(events[-1], TurnInterrupted)
    assert "Go" not in [message.content for message in session.history()]


def test_of_two_turns_begun_at_once_only_the_later_is_answered(session):
    first, second = session.answer(Utterance(text="One"), "one"), session.answer(Utterance(text="Two"), "two")
    assert isinstance(list(first)[-1], TurnInterrupted)
    assert isinstance(list(second)[-1], TurnCompleted)


def test_reports_about_turns_that_are_none_are_not_kept(session):
    for number in range(100):
        session.stop(Heard("x" * 1_000_000 + str(number), 0, 0))
    assert not session._stopped


def test_stopping_an_old_turn_leaves_the_running_one_alone(session):
    ask(session, "Old", turn_id="old")
    events = session.answer(Utterance(text="New"), "new")
    next(events)
    session.stop(Heard("old", 0, 100))
    assert isinstance(list(events)[-1], TurnCompleted)


def test_a_new_utterance_interrupts_the_running_turn(session, mind):
    hold = threading.Event()
    mind.before = lambda index: len(mind.asked) > 1 or index < 2 or hold.wait(WAIT_S)
    first = session.answer(Utterance(text="One"), "one")
    while not isinstance(next(first), SegmentReady):
        pass
    second = ask(session, "Two", turn_id="two", heard=Heard("one", 0, 10_000))
    hold.set()
    assert isinstance(list(first)[-1], TurnInterrupted)
    assert isinstance(second[-1], TurnCompleted)
    assert [message.content for message in mind.asked[1][1:]] == ["One", "One two three.", "Two"]


def test_clear_and_switch_forget_everything_and_end_the_turn(session, mind):
    hold = threading.Event()
    mind.before = lambda index: index < 1 or hold.wait(WAIT_S)
    others = [person for person in PersonaBook(HOUSE / "personas.yaml").all() if person != session.persona.id]
    for reset in (session.clear, lambda: session.switch(others[0])):
        events = session.answer(Utterance(text="Go"))
        next(events)
        reset()
        hold.set()
        assert isinstance(list(events)[-1], TurnInterrupted)
        assert session.history() == ()
    assert session.persona.id == others[0]


def test_an_unknown_persona_is_refused_and_nothing_is_lost(session):
    ask(session)
    before = session.history()
    with pytest.raises(InputError) as caught:
        session.switch("../../etc/passwd")
    assert session.persona.id in caught.value.message
    assert session.history() == before


BAD_UTTERANCES = {
    "empty": Utterance(text=""),
    "blank": Utterance(text=" \n\t "),
    "nothing": Utterance(),
    "100 000 characters": Utterance(text="x" * 100_000),
    "silence": Utterance(audio=AudioChunk(np.zeros(16_000, np.float32), 16_000)),
    "no samples": Utterance(audio=AudioChunk(np.zeros(0, np.float32), 16_000)),
    "ten minutes": Utterance(audio=tone(600_000)),
}


@pytest.mark.parametrize("utterance", BAD_UTTERANCES.values(), ids=BAD_UTTERANCES)
def test_what_cannot_be_used_is_answered_in_a_sentence_and_the_session_goes_on(session, mind, utterance):
    ask(session, "Before")
    before, asked = session.history(), len(mind.asked)
    (end,) = session.answer(utterance, "bad")
    assert isinstance(end, TurnFailed)
    assert end.turn_id == "bad"
    assert len(end.message.split()) > 3
    assert (session.history(), len(mind.asked)) == (before, asked)
    assert isinstance(ask(session, "After")[-1], TurnCompleted)


@pytest.mark.parametrize("turn_id", ["", "../x", "a" * 41, "<b>", "né"])
def test_a_turn_id_that_is_not_one_is_replaced(session, turn_id):
    made = ask(session, turn_id=turn_id)[0].turn_id
    assert made != turn_id
    assert made


def test_engines_that_cannot_be_loaded_fail_the_turn_only(session, sessions):
    class Broken:
        def engines(self, language=""):
            raise MissingDependency("Kokoro", "pip install kokoro")

    session._registry, working = Broken(), session._registry
    end = ask(session)[-1]
    assert isinstance(end, TurnFailed)
    assert "pip install kokoro" in end.message
    session._registry = working
    assert isinstance(ask(session)[-1], TurnCompleted)


def test_a_failed_voice_keeps_the_text_in_memory(sessions, session, mind):
    session._registry = StubRegistry(stub_engines(mind=mind, voice=StubVoice(error=EngineError("Hoarse", code="x"))))
    ask(session, "Go")
    assert session.history()[-1] == ChatMessage("assistant", "".join(mind.deltas))


def test_the_journal_gets_one_line_a_turn_and_no_words(session, tmp_path):
    ask(session, "A secret question", turn_id="j")
    (line,) = (tmp_path / "journal.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert (entry["turn"], entry["end"], entry["persona"]) == ("j", "TurnCompleted", session.persona.id)
    assert entry["first_segment_ms"] >= 0
    assert "secret" not in line


def test_a_journal_that_cannot_be_written_does_not_stop_the_turn(mind, tmp_path):
    settings = Settings(journal=tmp_path)  # a folder
    session = Sessions(StubRegistry(stub_engines(mind=mind)), PersonaBook(HOUSE / "personas.yaml"), settings).get("one")
    assert isinstance(ask(session)[-1], TurnCompleted)


def test_the_store_keeps_the_newest_and_frees_the_rest(sessions, mind):
    hold = threading.Event()
    mind.before = lambda index: index < 1 or hold.wait(WAIT_S)
    events = sessions.get("one").answer(Utterance(text="Go"))
    next(events)
    for name in ("two", "three", "four"):
        sessions.get(name)
    hold.set()
    assert isinstance(list(events)[-1], TurnInterrupted)
    assert len(sessions) == 3
    assert sessions.get("one").history() == ()


def test_closing_ends_the_turn_and_unknown_ids_are_ignored(sessions, mind):
    hold = threading.Event()
    mind.before = lambda index: index < 1 or hold.wait(WAIT_S)
    events = sessions.get("one").answer(Utterance(text="Go"))
    next(events)
    sessions.close("one")
    sessions.close("never")
    hold.set()
    assert isinstance(list(events)[-1], TurnInterrupted)
    assert len(sessions) == 0


def test_the_persona_of_the_settings_greets_first(mind):
    book = PersonaBook(HOUSE / "personas.yaml")
    for person in book.all():
        sessions = Sessions(StubRegistry(stub_engines(mind=mind)), book, Settings(persona=person))
        assert sessions.get("x").persona.id == person


def test_when_the_persona_of_the_settings_leaves_the_file_the_first_greets(mind, tmp_path):
    file = tmp_path / "personas.yaml"
    text = (HOUSE / "personas.yaml").read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    book = PersonaBook(file)
    sessions = Sessions(StubRegistry(stub_engines(mind=mind)), book, Settings(persona="captain"))
    assert sessions.get("before").persona.id == "captain"
    file.write_text(text.replace("\ncaptain:", "\nadmiral:", 1), encoding="utf-8")
    assert sessions.get("before").persona.id == "captain"
    assert sessions.get("after").persona.id == next(iter(book.all()))


def test_an_engine_that_keeps_failing_is_set_aside_and_the_answer_says_so(session):
    class Judging(StubRegistry):
        good = ()

        def record_success(self, engines, stages, source=""):
            self.good = stages

        def record_failure(self, engines, failure, source=""):
            return f"{failure.stage} {failure.code} is set aside."

    session._registry = Judging(stub_engines(voice=StubVoice(error=EngineError("Hoarse.", code="x"))))
    failed = ask(session)[-1]
    assert failed.message.startswith("Hoarse. ")
    assert failed.message.endswith("x is set aside.")
    session._registry = judge = Judging(stub_engines())
    assert isinstance(ask(session)[-1], TurnCompleted)
    assert judge.good == ("llm", "tts")  # typed words and greetings say nothing of the engines that they do not need
    list(session.answer(Utterance(audio=tone())))
    assert judge.good == ("stt", "llm", "tts")
    list(session.greet())
    assert judge.good == ("tts",)


def test_an_engine_that_cannot_be_loaded_does_not_cost_the_user_their_words(session, mind):
    def broken():
        raise MissingDependency("Kokoro", "pip install kokoro")

    engines = stub_engines(mind=mind)
    session._registry = StubRegistry(replace(engines, tts=EngineHandle(engines.tts.info, broken)))
    end = ask(session, "Remember this.")[-1]
    assert "pip install kokoro" in end.message
    assert end.text == "".join(mind.deltas)
    assert session.history()[-2:] == (ChatMessage("user", "Remember this."), ChatMessage("assistant", end.text))


def test_typed_words_need_no_ears(session, mind):
    def broken():
        raise MissingDependency("Whisper", "pip install whisper")

    engines = stub_engines(mind=mind)
    session._registry = StubRegistry(replace(engines, stt=EngineHandle(engines.stt.info, broken)))
    assert isinstance(ask(session, "Hello.")[-1], TurnCompleted)


@pytest.mark.parametrize(("setting", "hears"), [("persona", "es"), ("auto", None), ("de", "de")])
def test_the_ears_expect_the_language_that_the_settings_name(mind, tmp_path, setting, hears):
    people = tmp_path / "people.yaml"
    people.write_text("ana:\n  name: Ana\n  line: Yes\n  prompt: Be Ana.\n  language: es\n  avatar: mia\n  greeting: Hola.\n")
    asked = []

    class Ears(StubEars):
        def transcribe(self, audio, language=None):
            asked.append(language)
            return super().transcribe(audio, language)

    registry = StubRegistry(stub_engines(ears=Ears(), mind=mind))
    session = Sessions(registry, PersonaBook(people), Settings(stt_language=setting)).get("one")
    list(session.answer(Utterance(audio=tone())))
    assert asked == [hears]
