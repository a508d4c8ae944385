"""Every use case of a conversation: history, what was heard, isolation, limits, engines, status; without Gradio."""

from __future__ import annotations

import itertools
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from conftest import HOUSE, StubEars, StubMind, StubRegistry, StubVoice, stub_engines, tone
from requirements import requirement

from engines.audio import to_wav
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation import journal
from engines.conversation.conversation import PlaybackPosition
from engines.conversation.service import ConversationService
from engines.conversation.status import EngineOrder
from engines.errors import ConfigError, EngineError, InputError, MissingDependency
from engines.events import SegmentReady, TranscriptReady, TurnCompleted, TurnFailed, TurnInterrupted
from engines.registry.registry import EngineHandle, Registry
from engines.types import AudioChunk, ChatMessage, Utterance

WAIT_S = 10
PEOPLE = HOUSE / "personas.yaml"


@pytest.fixture
def mind():
    return StubMind()


@pytest.fixture
def registry(mind):
    return StubRegistry(stub_engines(mind=mind))


@pytest.fixture
def service(registry, tmp_path):
    settings = Settings(history_messages=12, max_sessions=3, journal=tmp_path / "journal.jsonl")
    return ConversationService(settings, registry, PersonaBook(PEOPLE))


def ask(service: ConversationService, text: str = "And you?", session: str = "one", **more: object) -> list[object]:
    return list(service.say(session, text, **more))


def history(service: ConversationService, session: str = "one") -> tuple[ChatMessage, ...]:
    return service.conversation(session).window(99)


def until_sound(events) -> None:
    while not isinstance(next(events), SegmentReady):
        pass


@pytest.fixture
def held(mind):
    """The model writes on only when this is set, or once the test is over."""
    event = threading.Event()
    mind.before = lambda index: len(mind.asked) > 1 or index < 2 or event.wait(WAIT_S)
    yield event
    event.set()


def test_a_conversation_is_remembered_and_handed_to_the_model(service, mind):
    assert isinstance(ask(service, "First?", turn_id="a")[-1], TurnCompleted)
    ask(service, "Second?")
    reply = "".join(mind.deltas)
    assert [message.content for message in mind.asked[1][1:]] == ["First?", reply, "Second?"]
    assert [message.role for message in history(service)] == ["user", "assistant"] * 2


@requirement("talk.history")
def test_the_model_gets_no_more_messages_than_the_settings_say(service, mind):
    for number in range(20):
        ask(service, f"Question {number}?")
    assert max(len(asked) - 2 for asked in mind.asked) == 12  # without the system prompt and the question
    assert len(service.conversation("one").turns) == 20


@requirement("talk.private")
def test_users_do_not_hear_of_each_other(service, mind):
    ask(service, "My secret is 42.")
    ask(service, "What is the secret?", session="two")
    assert not any("42" in message.content for message in mind.asked[-1])


@requirement("persona.switch")
def test_a_greeting_is_said_and_remembered(service):
    events = list(service.greet("one", "g"))
    greeting = service.persona("one").greeting
    assert events[-1].text == greeting
    assert history(service) == (ChatMessage("assistant", greeting),)


def test_a_turn_stopped_before_it_began_never_begins(service):
    service.stop("one", PlaybackPosition("early", -1, 0))
    assert isinstance(ask(service, "Go", turn_id="early")[-1], TurnInterrupted)
    events = service.say("one", "Go", "late")
    service.stop("one", PlaybackPosition("late", -1, 0))
    assert isinstance(list(events)[-1], TurnInterrupted)


def test_a_turn_that_comes_after_its_stop_ends_no_other_but_the_one_that_it_interrupts(service):
    running = service.say("one", "Go", "newer")
    service.stop("one", PlaybackPosition("older", -1, 0))
    assert isinstance(list(service.say("one", "Go", "older"))[-1], TurnInterrupted)
    assert isinstance(list(running)[-1], TurnCompleted)
    running = service.say("one", "Go", "spoken")
    service.stop("one", PlaybackPosition("late", -1, 0))
    assert isinstance(list(service.say("one", "Go", "late", PlaybackPosition("spoken", 0, 100)))[-1], TurnInterrupted)
    assert isinstance(list(running)[-1], TurnInterrupted)


ENDINGS = {
    "stop": lambda service: service.stop("one"),
    "clear": lambda service: service.clear("one"),
    "switch": lambda service: service.switch("one", "captain"),
    "another turn": lambda service: service.greet("one", "later"),
    "words that cannot be used": lambda service: service.say("one", ""),
    "a closed tab": lambda service: (service.leave("never"), service.leave("one")),
    "the end of the app": lambda service: service.close(),
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_a_turn_that_waits_for_its_engines_can_be_ended(service, registry, end):
    ask(service, "Before")
    loading, loaded, events, given = threading.Event(), threading.Event(), [], registry.given

    def slow(*languages):
        loading.set()
        loaded.wait(WAIT_S)
        return given

    registry.engines = slow
    turn = threading.Thread(target=lambda: events.extend(service.say("one", "Go", "waits")))
    turn.start()
    assert loading.wait(WAIT_S)
    end(service)
    loaded.set()
    turn.join(WAIT_S)
    assert isinstance(events[-1], TurnInterrupted)
    assert "Go" not in [message.content for message in history(service)]


def test_of_two_turns_begun_at_once_only_the_later_is_answered(service):
    first, second = service.say("one", "One", "one"), service.say("one", "Two", "two")
    assert isinstance(list(first)[-1], TurnInterrupted)
    assert isinstance(list(second)[-1], TurnCompleted)


@requirement("talk.one-cancellation")
def test_one_intent_is_one_cancellation(service, monkeypatch):
    events = service.say("one", "One", "one")
    next(events)
    cancelled = []
    monkeypatch.setattr("engines.conversation.session.RunningTurn.cancel", lambda turn: cancelled.append(turn.turn_id))
    service.say("one", "Two", "two", PlaybackPosition("one", 0, 100))
    assert cancelled == ["one"]


def test_stopping_an_old_turn_leaves_the_running_one_alone(service):
    ask(service, "Old", turn_id="old")
    events = service.say("one", "New", "new")
    next(events)
    service.stop("one", PlaybackPosition("old", 0, 100))
    assert isinstance(list(events)[-1], TurnCompleted)


@requirement("talk.stop")
def test_a_new_utterance_interrupts_the_running_turn(service, mind, held):
    first = service.say("one", "One", "one")
    until_sound(first)
    second = ask(service, "Two", turn_id="two", position=PlaybackPosition("one", 0, 10_000))
    held.set()
    assert isinstance(list(first)[-1], TurnInterrupted)
    assert isinstance(second[-1], TurnCompleted)
    assert [message.content for message in mind.asked[1][1:]] == ["One", "One two three.", "Two"]


@pytest.mark.parametrize("when", ["before", "while its speech is recognized", "after"])
def test_how_far_a_turn_was_heard_may_be_told_and_corrected_apart_from_the_utterance_that_cut_it_off(service, registry, mind, held, when):
    first, estimate, position = service.say("one", "One", "one"), PlaybackPosition("one", 0, 10_000), PlaybackPosition("one", 0, 250)
    until_sound(first)

    class Ears(StubEars):
        def transcribe(self, audio, language=None, priors=None, cancel=None):
            if when != "after":
                service.stop("one", position)
            return super().transcribe(audio, language)

    registry.given = stub_engines(ears=Ears(), mind=mind)
    if when == "before":
        service.stop("one", position)
    second = list(service.hear("one", tone(), "two", None if when == "before" else estimate))
    if when == "after":
        service.stop("one", position)
    assert isinstance(second[-1], TurnCompleted)
    assert [message.content for message in history(service)][:3] == ["One", "One", "hello there"]
    assert mind.asked[1][2].content == ("One two three." if when == "after" else "One")


@pytest.fixture
def hold(mind):
    """The model writes one part, and on only when this is set."""
    event = threading.Event()
    mind.before = lambda index: index < 1 or event.wait(WAIT_S)
    return event


@requirement("page.clear")
def test_clear_and_switch_forget_everything_and_end_the_turn(service, hold):
    others = [person for person in PersonaBook(PEOPLE).all() if person != service.persona("one").id]
    for reset in (lambda: service.clear("one"), lambda: service.switch("one", others[0])):
        events = service.say("one", "Go")
        next(events)
        reset()
        hold.set()
        assert isinstance(list(events)[-1], TurnInterrupted)
        assert history(service) == ()
    assert service.persona("one").id == others[0]


@requirement("page.clear")
def test_a_cleared_conversation_can_be_taken_up_again_until_something_is_said(service):
    ask(service, "Before")
    before = history(service)
    service.clear("one")
    assert history(service) == ()
    assert service.recall("one")
    assert history(service) == before
    assert not service.recall("one")
    service.clear("one")
    ask(service, "After")
    assert not service.recall("one")
    service.switch("one", service.persona("one").id)
    assert not service.recall("one")


def test_an_unknown_persona_is_refused_and_nothing_is_lost(service):
    ask(service)
    before = history(service)
    with pytest.raises(InputError) as caught:
        service.switch("one", "../../etc/passwd")
    assert service.persona("one").id in caught.value.message
    assert history(service) == before


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
def test_what_cannot_be_used_is_answered_in_a_sentence_and_the_conversation_goes_on(service, mind, utterance):
    ask(service, "Before")
    before, asked = history(service), len(mind.asked)
    (end,) = service.answer("one", lambda: utterance, "bad")
    assert isinstance(end, TurnFailed)
    assert end.turn_id == "bad"
    assert len(end.message.split()) > 3
    assert (history(service), len(mind.asked)) == (before, asked)
    assert isinstance(ask(service, "After")[-1], TurnCompleted)


UPLOADS = {
    "empty": b"",
    "fifty bytes": to_wav(tone())[:50],
    "silent": to_wav(AudioChunk(np.zeros(16_000, np.float32), 16_000)),
    "ten minutes": to_wav(tone(600_000, rate=8_000)),
    "not audio": b"<html></html>" * 99,
}


@pytest.mark.parametrize("file", UPLOADS.values(), ids=UPLOADS)
def test_every_file_that_cannot_be_used_is_answered_under_an_id_of_its_own(service, file):
    ends = [end for _ in range(3) for end in service.hear("one", file)]
    assert all(isinstance(end, TurnFailed) and len(end.message.split()) > 3 for end in ends)
    assert len({end.turn_id for end in ends} - {""}) == 3
    assert isinstance(ask(service)[-1], TurnCompleted)


@requirement("talk.file")
def test_an_audio_file_and_a_recording_are_answered(service):
    for recording in (to_wav(tone()), tone()):
        assert isinstance(list(service.hear("one", recording))[-1], TurnCompleted)


@pytest.mark.parametrize("turn_id", ["", "../x", "a" * 41, "<b>", "né"])
def test_a_turn_id_that_is_not_one_is_replaced(service, turn_id):
    made = ask(service, turn_id=turn_id)[0].turn_id
    assert made != turn_id
    assert made


def broken(*languages):
    raise MissingDependency("Kokoro", "pip install kokoro")


def test_engines_that_cannot_be_loaded_fail_the_turn_only(service, registry):
    working, registry.engines = registry.engines, broken
    end = ask(service)[-1]
    assert isinstance(end, TurnFailed)
    assert "pip install kokoro" in end.message
    registry.engines = working
    assert isinstance(ask(service)[-1], TurnCompleted)


@requirement("app.no-words-logged")
def test_the_journal_gets_one_line_a_turn_and_no_words(service, tmp_path):
    ask(service, "A secret question", turn_id="j")
    (line,) = (tmp_path / "journal.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert (entry["turn"], entry["end"], entry["persona"]) == ("j", "TurnCompleted", service.persona("one").id)
    assert entry["first_segment_ms"] >= 0
    assert "secret" not in line


@requirement("app.bounded-logs")
def test_the_journal_does_not_grow_for_ever(service, tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "LARGEST_BYTES", 1)
    for turn in ("a", "b", "c"):
        ask(service, turn_id=turn)
    kept = [json.loads((tmp_path / name).read_text())["turn"] for name in ("journal.jsonl", "journal.jsonl.1")]
    assert kept == ["c", "b"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_journal_that_cannot_be_written_does_not_stop_the_turn(registry, tmp_path):
    service = ConversationService(Settings(journal=tmp_path), registry, PersonaBook(PEOPLE))  # a folder
    assert isinstance(ask(service)[-1], TurnCompleted)


@requirement("app.sessions")
def test_a_full_house_refuses_newcomers_and_ends_nobody_who_talks_or_has_just_talked(registry, held):
    now = 0.0
    service = ConversationService(Settings(max_sessions=3), registry, PersonaBook(PEOPLE), clock=lambda: now)
    events = service.say("one", "Go")
    next(events)
    for name in ("two", "three"):
        assert isinstance(ask(service, session=name)[-1], TurnCompleted)
    for new in (lambda: service.persona("four"), lambda: ask(service, session="four"), lambda: service.clear("four")):
        with pytest.raises(InputError, match="Everybody here is taken") as caught:
            new()
        assert (caught.value.code, caught.value.retryable) == ("full", True)
    now = 300.0
    service.persona("two")
    now = 610.0
    assert isinstance(ask(service, session="four")[-1], TurnCompleted)
    assert len(service) == 3
    assert history(service, "two")
    with pytest.raises(InputError):
        service.persona("three")
    held.set()
    assert isinstance(list(events)[-1], TurnCompleted)
    now = 1220.0
    assert history(service, "four")
    service.leave("two")
    service.persona("five")
    assert len(service) == 3
    assert history(service, "one"), "it may stay as long as nobody needs its place"


@requirement("app.same-person")
def test_an_utterance_is_answered_by_whom_it_is_said_to(service):
    ask(service, "One")
    assert service.persona("one").id == "maya"
    list(service.answer("one", lambda: Utterance(text="Two"), persona_id="sam"))
    assert service.persona("one").id == "sam"
    assert [turn.question for turn in service.conversation("one").turns] == ["Two"]
    for same in ("sam", "nobody", ""):
        list(service.answer("one", lambda: Utterance(text="Three"), persona_id=same))
    assert service.persona("one").id == "sam"
    assert len(service.conversation("one").turns) == 4


def test_when_the_persona_of_the_settings_leaves_the_file_the_first_greets(registry, tmp_path):
    file = tmp_path / "personas.yaml"
    text = PEOPLE.read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    book = PersonaBook(file)
    service = ConversationService(Settings(persona="captain"), registry, book)
    assert service.persona("before").id == "captain"
    file.write_text(text.replace("\ncaptain:", "\nadmiral:", 1).replace("name: Dr. Maya Chen", "name: Maya"), encoding="utf-8")
    assert service.persona("before").id == "captain"
    assert service.persona("after").id == next(iter(book.all()))
    assert service.persona("after").name == "Maya"


def test_no_stop_waits_for_the_persona_file(service, monkeypatch):
    ask(service)
    reading, done = threading.Event(), threading.Event()
    monkeypatch.setattr(PersonaBook, "all", lambda book: (reading.set(), done.wait(WAIT_S), {})[-1])
    turn = threading.Thread(target=ask, args=(service,))
    turn.start()
    assert reading.wait(WAIT_S)
    stopped = threading.Thread(target=lambda: (service.stop("one"), service.clear("one")))
    stopped.start()
    stopped.join(WAIT_S / 2)
    assert not stopped.is_alive()
    done.set()
    turn.join(WAIT_S)


def test_whatever_is_done_at_once_the_next_utterance_is_answered_and_nothing_is_mixed(service):
    people, users = list(PersonaBook(PEOPLE).all()), ("user-a", "user-b")

    def romp(user: str, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - a test that can be repeated
        for number in range(15):
            turn = f"{user}-{seed}-{number}"
            match chance.randrange(6):
                case 0:
                    service.stop(user, PlaybackPosition(f"{user}-{seed}-{chance.randrange(15)}", chance.randrange(3), 100))
                case 1:
                    service.stop(user)
                case 2:
                    service.clear(user)
                case 3:
                    service.switch(user, chance.choice(people))
                    list(service.greet(user, turn))
                case _:
                    list(itertools.islice(service.say(user, f"I am {user}.", turn), chance.choice([1, 99])))

    with ThreadPoolExecutor(8) as threads:
        for romping in [threads.submit(romp, user, seed) for user in users for seed in range(4)]:
            romping.result(WAIT_S)
    for user, other in (users, users[::-1]):
        assert isinstance(ask(service, f"I am {user}.", session=user)[-1], TurnCompleted)
        assert not any(other in message.content for message in history(service, user))
        assert service.conversation(user).turns[-1].question == f"I am {user}."


def test_an_engine_that_keeps_failing_is_set_aside_and_the_answer_says_so(service, registry):
    good = []
    registry.record_success = lambda engines, stages, source="": good.append(stages)
    registry.record_failure = lambda engines, failure, source="": f"{failure.stage} {failure.code} is set aside."
    working, registry.given = registry.given, stub_engines(voice=StubVoice(error=EngineError("Hoarse.", code="x")))
    failed = ask(service)[-1]
    assert failed.message.startswith("Hoarse. ")
    assert failed.message.endswith("x is set aside.")
    registry.given = working
    ask(service)
    list(service.hear("one", tone()))
    list(service.greet("one"))
    assert good == [("llm", "tts"), ("stt", "llm", "tts"), ("tts",)]  # typed words and greetings say nothing of what they do not need


def test_an_engine_that_cannot_be_loaded_does_not_cost_the_user_their_words(service, registry, mind):
    registry.given = replace(registry.given, tts=EngineHandle(registry.given.tts.info, broken))
    end = ask(service, "Remember this.")[-1]
    assert "pip install kokoro" in end.message
    assert end.text == "".join(mind.deltas)
    assert history(service)[-2:] == (ChatMessage("user", "Remember this."), ChatMessage("assistant", end.text))


def test_typed_words_need_no_speech_recognition(service, registry):
    registry.given = replace(registry.given, stt=EngineHandle(registry.given.stt.info, broken))
    assert isinstance(ask(service, "Hello.")[-1], TurnCompleted)


@pytest.mark.parametrize(("setting", "hears"), [("persona", "es"), ("auto", None), ("de", "de")])
@requirement("talk.language")
def test_speech_recognition_expects_the_language_that_the_settings_name(mind, tmp_path, setting, hears):
    people = tmp_path / "people.yaml"
    people.write_text("ana:\n  name: Ana\n  line: Yes\n  prompt: Be Ana.\n  language: es\n  avatar: mia\n  greeting: Hola.\n")
    service = ConversationService(Settings(stt_language=setting), StubRegistry(stub_engines(mind=mind)), PersonaBook(people))
    (heard,) = [event.transcript for event in service.hear("one", tone()) if isinstance(event, TranscriptReady)]
    assert heard.language == hears


class Recorder(Registry):
    """Notes what it is asked for."""

    def __init__(self):
        super().__init__(Settings())
        self.asked = []

    def choose(self, stage, selection, *, keep=False):
        self.asked.append((stage, selection, keep))
        if selection == "nobody":
            super().choose(stage, selection)

    def stop(self, stage, selection=None):
        self.asked.append((stage, "stop", selection))

    def retry(self, stage):
        self.asked.append((stage, "retry"))

    def retry_set_aside(self, stage):
        self.asked.append((stage, "retry what was set aside"))

    def close(self):
        self.asked.append("close")


ORDERS = [
    EngineOrder("tts", "choose", "espeak_ng"),
    EngineOrder("tts", "choose", "kokoro", keep=True),
    EngineOrder("llm", "stop"),
    EngineOrder("tts", "stop", "kokoro"),
]


@requirement("engine.choice")
def test_engines_are_chosen_only_where_that_is_allowed():
    registry = Recorder()
    service = ConversationService(Settings(), registry, PersonaBook(PEOPLE))
    for order in ORDERS:
        with pytest.raises(ConfigError, match="only whoever started the app"):
            service.order(order, choosable=False)
    assert not registry.asked
    service.order(EngineOrder("stt", "retry"), choosable=False)
    assert registry.asked.pop() == ("stt", "retry what was set aside")
    for order in [*ORDERS, EngineOrder("stt", "retry")]:
        service.order(order, choosable=True)
    assert registry.asked == [
        ("tts", "espeak_ng", False),
        ("tts", "kokoro", True),
        ("llm", "stop", None),
        ("tts", "stop", "kokoro"),
        ("stt", "retry"),
    ]
    with pytest.raises(ConfigError, match="espeak_ng"):
        service.order(EngineOrder("tts", "choose", "nobody"), choosable=True)


def test_the_end_of_the_app_ends_the_engines():
    registry = Recorder()
    ConversationService(Settings(), registry, PersonaBook(PEOPLE)).close()
    assert registry.asked == ["close"]


@requirement("people.speed")
def test_a_client_changes_voice_speed_and_mood_for_itself_until_somebody_else_is_talked_with(service):
    names = list(PersonaBook(PEOPLE).all())
    person = service.adjust("a", None, voice="loud", speed=1.5, mood="happy")
    assert (person.speed, person.mood) == (1.5, "happy")
    assert service.adjust("a", None, speed=0.5).mood == "happy"
    assert service.persona("a").speed == 0.5
    assert service.persona("b").speed == 1.0
    other = service.adjust("a", names[1])
    assert (other.id, other.speed) == (names[1], 1.0)
    for wrong in ({"mood": "gloomy"}, {"speed": 5.0}, {"speed": float("nan")}):
        with pytest.raises(InputError):
            service.adjust("a", None, **wrong)
