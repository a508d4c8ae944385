"""The Python API: sessions, whole replies, synthesis and recognition, with the embedded engines."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from conftest import HOUSE, RATE, tone
from requirements import requirement

from engines.audio import decode
from engines.config.settings import Settings
from engines.errors import AudioError, ConfigError, EngineError, InputError, SpeechToTextError
from engines.events import ReplyDelta, SegmentReady, TurnCompleted
from engines.library import ChatSession, Recognizer, SpeechToSpeechPipeline, Spoken, Synthesizer, visemes_of_phonemes
from engines.library.reply import joined, save
from engines.registry.discovery import EngineDiscovery
from engines.stt import pocketsphinx
from engines.types import AudioChunk, Cue, SpeechSegment, Viseme, VisemeTimeline, WordTiming

FIELDS = ["words", "wtimes", "wdurations", "visemes", "vtimes", "vdurations"]
EMBEDDED = {"llm": "scripted", "tts": "espeak_ng", "isolate": False}


@pytest.fixture(scope="module", autouse=True)
def loaded_once():
    """PocketSphinx takes a second to load."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pocketsphinx, "load", cache(pocketsphinx.load))
        yield


@pytest.fixture(scope="module")
def session():
    with ChatSession("maya", stt="pocketsphinx", **EMBEDDED) as one:
        yield one


@pytest.fixture(scope="module")
def voice():
    one = Synthesizer("maya", tts="espeak_ng", isolate=False)
    yield one
    one.close()


def segment(index: int, ms: float, rate: int = RATE, source: str = "measured") -> SpeechSegment:
    timeline = VisemeTimeline((Viseme("aa", 0, ms / 2),), (WordTiming("word ", 10, ms / 2),), source)
    return SpeechSegment(index, "word ", tone(ms, rate=rate), timeline, (Cue("nod", 5),))


@requirement("library.reply")
def test_joined_segments_keep_every_time_where_it_is_heard():
    whole = joined([segment(0, 500), segment(1, 300, rate=2 * RATE, source="aligned"), segment(2, 200)])
    assert whole.audio.sample_rate == RATE
    assert whole.audio.duration_ms == pytest.approx(1000, abs=1)
    assert [word.start_ms for word in whole.timeline.words] == pytest.approx([10, 510, 810], abs=0.2)
    assert [viseme.start_ms for viseme in whole.timeline.visemes] == pytest.approx([0, 500, 800], abs=0.2)
    assert [cue.start_ms for cue in whole.cues] == pytest.approx([5, 505, 805], abs=0.2)
    assert whole.timeline.source == "aligned"
    assert list(whole.visemes()) == [*FIELDS, "timing"]


@requirement("library.reply")
def test_what_was_not_said_is_silence_and_can_be_saved(tmp_path):
    nothing = joined([])
    wav, visemes = save(nothing, tmp_path / "deep" / "a.wav", tmp_path / "a.json")
    assert json.loads(visemes.read_text())["words"] == []
    assert wav.read_bytes()[:4] == b"RIFF"
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        save(nothing, tmp_path / "file" / "a.wav", None)


@requirement("library.session")
def test_a_session_answers_remembers_and_forgets(session):
    reply = session.send("What do wolves eat?")
    assert reply.transcript == "What do wolves eat?"
    assert "".join(word.text for word in reply.timeline.words).split()[-1] == reply.text.split()[-1]
    assert reply.audio.duration_ms > 500
    assert reply.timings.first_segment_ms is not None
    assert [message.role for message in session.history] == ["user", "assistant"]
    session.clear()
    assert session.history == ()


@requirement("library.session")
def test_a_stream_gives_the_text_before_the_sound_and_stops_when_it_is_closed(session):
    events = session.stream("What do wolves eat?")
    kinds = [type(event) for event in events]
    assert kinds.index(ReplyDelta) < kinds.index(SegmentReady)
    assert kinds[-1] is TurnCompleted
    begun = session.stream("Tell me about whales.")
    next(begun)
    begun.close()
    assert session.send("And bees?").text


@requirement("library.session")
def test_what_cannot_be_used_is_an_error_with_a_sentence(session, tmp_path):
    (tmp_path / "noise.mp3").write_bytes(b"no sound at all" * 100)
    for said, kind in (("  ", EngineError), (tmp_path / "noise.mp3", AudioError), (tmp_path / "nowhere.wav", AudioError)):
        with pytest.raises(kind, match=r"\.$"):
            session.send(said)
    with pytest.raises(EngineError, match="silent"):
        session.send(AudioChunk(np.zeros(RATE, np.float32), RATE))


@requirement("library.session")
def test_what_is_asked_for_and_is_not_there_is_said():
    with pytest.raises(ConfigError, match="no llm engine called 'oracle'"):
        ChatSession(llm="oracle")
    with pytest.raises(InputError, match="no such persona"):
        ChatSession("nobody")
    with ChatSession(voice="nobody", **EMBEDDED) as session:
        assert "nobody" in (session.send("Hello.").failure or pytest.fail("it spoke")).message


@requirement("library.session")
def test_the_prompt_and_the_length_of_answers_are_the_programs_to_choose():
    with ChatSession("sam", system_prompt="You are a cook.", max_tokens=7, **EMBEDDED) as session:
        assert session.persona.prompt == "You are a cook."
    discovery = EngineDiscovery(Settings(max_tokens=7, llm="llama_cpp", llm_options={"context_tokens": 512}))
    limits = [discovery.options_of("llm", discovery.named("llm", name), "").max_tokens for name in ("llama_cpp", "openai_compatible")]
    assert limits == [7, 7]


@requirement("library.pipeline")
def test_a_pipeline_writes_the_sound_and_the_visemes_of_every_answer(session, voice, tmp_path):
    pipeline = SpeechToSpeechPipeline(session, tmp_path)
    (tmp_path / "question.wav").write_bytes(voice.say("What do wolves eat?").wav())
    heard, typed = pipeline.process_audio_file(tmp_path / "question.wav"), pipeline.process_message("And whales?")
    assert heard.reply.transcript
    assert {heard.wav, typed.wav} == set(tmp_path.glob("response_*.wav"))
    assert {heard.visemes, typed.visemes} == set(tmp_path.glob("visemes_*.json"))
    for answered in (heard, typed):
        saved = json.loads(answered.visemes.read_text(encoding="utf-8"))
        assert [len(saved[name]) for name in FIELDS[:3]] == [len(saved["words"])] * 3
        length = decode(answered.wav.read_bytes(), max_ms=100_000).duration_ms
        assert length == pytest.approx(answered.reply.audio.duration_ms, abs=1)
        assert saved["vtimes"][-1] + saved["vdurations"][-1] <= length + 1


@requirement("library.synthesis")
def test_one_text_that_cannot_be_said_does_not_end_a_batch(voice):
    made = list(voice.batch(["One.", "***", "Two."]))
    assert [type(one) for one in made] == [Spoken, InputError, Spoken]


@requirement("library.synthesis")
def test_an_engine_tells_its_voices_and_the_mouth_of_phonemes(voice):
    assert voice.engine.name == "espeak_ng"
    assert any(one.language.startswith("es") for one in voice.voices())
    assert visemes_of_phonemes(["p", "b", "", "aɪ"]) == ("PP", "sil", "aa", "I")


@requirement("library.recognition")
def test_words_are_heard_with_their_times_and_noise_is_refused(voice):
    ears = Recognizer(stt="pocketsphinx", isolate=False)
    heard = ears.hear(voice.say("Good morning.").audio, words=True)
    assert heard.fields()["words"][0]["start_ms"] >= 0
    assert [word.start_ms for word in heard.words] == sorted(word.start_ms for word in heard.words)
    noise = AudioChunk(np.random.default_rng(1).normal(0, 0.1, RATE).astype(np.float32), RATE)
    with pytest.raises(SpeechToTextError, match="no words"):
        ears.hear(noise)
    ears.close()


@requirement("library.session")
def test_examples_of_the_manual_run(session, monkeypatch, tmp_path):
    """The Python in docs/python.md is what a newcomer copies: it runs as it stands, here on the embedded engines."""
    monkeypatch.chdir(tmp_path)
    for stage, name in {"STT": "pocketsphinx", "LLM": "scripted", "TTS": "espeak_ng", "ISOLATE": "false"}.items():
        monkeypatch.setenv(f"VISAVIS_{stage}", name)
    (tmp_path / "question.wav").write_bytes(Synthesizer(tts="espeak_ng").say("What do wolves eat?").wav())
    manual = (HOUSE / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = [part.partition("\n")[2] for part in manual.split("```")[1::2] if part.startswith("python\n")]
    assert len(blocks) >= 4
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), {})  # noqa: S102 - our own manual
    assert list(tmp_path.glob("**/*.wav"))


def test_spoken_values_cannot_be_changed():
    with pytest.raises(AttributeError):
        Spoken().audio = tone()
    assert replace(Spoken(), cues=(Cue("nod", 1),)).cues
