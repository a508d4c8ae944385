"""Languages of a turn: what is expected before an utterance is heard, and in which language the persona answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import StubEars, StubMind, StubVoice, stub_engines, tone
from requirements import requirement

from engines.conversation.conversation import Conversation
from engines.conversation.turn import TurnRequest, run_turn
from engines.events import TranscriptReady, TurnCompleted
from engines.registry.languages import priors_of
from engines.registry.registry import EngineHandle
from engines.text.languages import name_of, written_in
from engines.types import AudioChunk, EngineInfo, Persona, Transcript, Utterance


class Polyglot(StubEars):
    """Says which language it heard, and notes what it was told to expect."""

    def __init__(self, language: str | None) -> None:
        super().__init__("¿Qué comen los lobos?")
        self.language, self.told = language, []

    def transcribe(self, audio: AudioChunk, language: str | None = None, priors: object = None, cancel: object = None) -> Transcript:
        self.told.append((language, priors))
        return Transcript(self.text, language or self.language)


def turn(persona: Persona, engines, **more):
    events = list(run_turn(TurnRequest("t", persona, more.pop("utterance", Utterance(audio=tone())), **more), engines))
    assert isinstance(events[-1], TurnCompleted)
    return next(event for event in events if isinstance(event, TranscriptReady))


def handle(stage: str, engine: object, **about: object) -> EngineHandle:
    return EngineHandle(EngineInfo(name=stage, stage=stage, title=f"The {stage}", summary="A stub.", **about), lambda: engine)


class Mind(StubMind):
    """Notes what it is asked as whom."""

    def stream(self, messages, persona):
        self.asked_as = messages[0].content, persona.language
        return super().stream(messages, persona)


@requirement("talk.answer-language")
def test_the_persona_answers_in_the_language_that_was_heard(persona):
    mind, spanish = Mind(), StubVoice()
    engines = stub_engines(Polyglot("es"), mind)
    engines.speaking = lambda language: (handle("tts", spanish), "") if language == "es" else None
    event = turn(persona, engines)
    assert (event.transcript.language, event.answer_language, event.notices) == ("es", "es", ())
    assert "Answer in Spanish" in mind.asked_as[0]
    assert mind.asked_as[1] == "es"
    assert spanish.said, "the engine that knows the language speaks"
    assert engines.tts.open() is spanish, "so that a failure counts against the one that spoke"


@requirement("talk.answer-language")
def test_what_is_typed_is_answered_in_the_language_that_its_script_tells(persona):
    mind, japanese = Mind(), StubVoice()
    engines = stub_engines(mind=mind)
    engines.speaking = lambda language: (handle("tts", japanese), "") if language == "ja" else None
    event = turn(persona, engines, utterance=Utterance(text="狼は何を食べますか。"))
    assert (event.transcript.language, event.answer_language, mind.asked_as[1]) == ("ja", "ja", "ja")


@pytest.mark.parametrize(
    ("text", "likely", "language"),
    [
        ("What do wolves eat?", ["en"], None),
        ("", [], None),
        ("42!", ["ja"], None),
        ("What does こんにちは mean?", ["en"], None),
        ("コーヒーはありますか", ["en"], "ja"),
        ("狼吃什么", ["en"], "zh"),
        ("東京", ["ja", "en"], "ja"),
        ("늑대는 무엇을 먹나요?", [], "ko"),
        ("भेड़िये क्या खाते हैं?", [], "hi"),
        ("Що їдять вовки?", ["uk-UA"], "uk-UA"),
        ("ماذا تأكل الذئاب؟", ["en"], "ar"),
        ("\x00\ud800\u0301", ["en"], None),
    ],
)
def test_a_script_tells_a_language_where_most_letters_are_of_it(text, likely, language):
    assert written_in(text, likely) == language


@pytest.mark.parametrize("heard", [None, "en", "en-GB", "EN"])
def test_a_language_that_is_the_personas_or_unknown_changes_nothing(persona, heard):
    mind = Mind()
    engines = stub_engines(Polyglot(heard), mind)
    engines.speaking = lambda _: pytest.fail("nobody else is needed")
    event = turn(persona, engines)
    assert (event.answer_language, event.notices, mind.asked_as[1]) == ("en", (), "en")


@requirement("talk.answer-language")
def test_where_no_voice_knows_the_language_the_persona_says_so_and_keeps_its_own(persona):
    mind = Mind()
    engines = stub_engines(Polyglot("yo"), mind)
    usual = engines.tts
    engines.speaking = lambda _: None
    event = turn(persona, engines)
    assert event.answer_language == "en"
    assert event.notices == ("You speak Yoruba, but no voice here does: Pat answers in English.",)
    assert (engines.tts, mind.asked_as[1]) == (usual, "en")


def test_replies_that_are_written_in_one_language_stay_in_it(persona):
    engines = stub_engines(Polyglot("de"))
    engines.llm = handle("llm", StubMind(), multilingual=False)
    engines.speaking = lambda _: pytest.fail("it is not spoken")
    event = turn(persona, engines)
    assert event.answer_language == "en"
    assert event.notices == ("You speak German, but Pat answers in English until a language model is there.",)


def test_what_is_said_of_another_voice_is_told(persona):
    engines = stub_engines(Polyglot("de"))
    engines.speaking = lambda _: (handle("tts", StubVoice()), "Kokoro does not.")
    assert turn(persona, engines).notices == ("Kokoro does not.",)


def test_typed_words_are_answered_in_the_language_that_was_spoken_before(persona):
    mind = Mind()
    event = turn(persona, stub_engines(mind=mind), utterance=Utterance(text="¿Y los osos?"), spoken_before="es")
    assert (event.transcript.language, event.answer_language) == (None, "es"), "nobody heard it"
    assert mind.asked_as[1] == "es"


@requirement("talk.language")
def test_the_ears_are_told_what_is_likely_and_nothing_is_certain(persona):
    ears = Polyglot("pt")
    turn(persona, stub_engines(ears), spoken_before="pt-BR")
    turn(persona, stub_engines(ears), input_language="de")
    (found_out, likely), (told, _) = ears.told
    assert (found_out, told) == (None, "de")
    assert likely["pt"] > likely["en"] > 1


def test_the_same_language_spelled_otherwise_is_likely_once(persona):
    assert priors_of(replace(persona, language="pt-BR"), "PT").keys() == {"pt"}
    assert priors_of(persona, None).keys() == {"en"}


def test_a_conversation_knows_what_was_spoken_last(persona):
    conversation = Conversation()
    assert conversation.language is None
    for number, language in enumerate(["es", None, "fr", None]):
        event = TranscriptReady(turn_id=f"{number}", seq=0, transcript=Transcript("Oui", language))
        conversation = conversation.begin(f"{number}").after(event)
    assert conversation.language == "fr"


@pytest.mark.parametrize(("tag", "name"), [("pt-BR", "Portuguese"), ("ZH_Hant", "Chinese"), ("jv", "Javanese"), ("tlh", "tlh"), ("", "")])
def test_languages_have_english_names(tag, name):
    assert name_of(tag) == name


def test_every_language_of_whispers_has_a_name():
    pytest.importorskip("faster_whisper")
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    from engines.stt._whisper import tag_of

    assert [code for code in _LANGUAGE_CODES if name_of(tag_of(code)) == tag_of(code)] == []
