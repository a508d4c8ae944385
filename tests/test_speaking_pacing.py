"""Pacing: an answer that never falls silent in between, on a virtual clock."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from conftest import StubVoice
from requirements import requirement

from engines.concurrency.channel import Channel
from engines.concurrency.deadlines import Deadlines, Limits
from engines.conversation.speech import segments
from engines.errors import TextToSpeechError
from engines.registry.registry import EngineHandle
from engines.speaking import synthesis
from engines.speaking.pacing import MOST_WORDS, Pacer, Piece, Speed, Speeds
from engines.text.sentences import SentenceChunker
from engines.types import AudioChunk, EngineInfo, Speech, WordTiming

CHARACTER_S = 0.06
SENTENCES = (
    "Well, that is a long story. When I was a child, we lived in a small house near the sea, and my father went out to fish. "
    "He came back at noon. Then all the neighbours stood around the boat that he had built himself and asked what he had caught. "
) * 5


class SlowVoice:
    """A voice that takes `factor` times as long as its sound on the clock that it moves, and a little more for each piece."""

    def __init__(self, factor, each_s=0.1):
        self.now, self.factor, self.each_s, self.said = 0.0, factor, each_s, []

    def synthesize(self, text, voice=None):
        self.said.append(text)
        seconds = len(text) * CHARACTER_S
        self.now += self.each_s + seconds * self.factor
        rate = 8_000
        samples = 0.1 * np.sin(np.arange(round(seconds * rate)) * 0.3).astype(np.float32)
        yield Speech(AudioChunk(samples, rate), (), (WordTiming(text, 0.0, seconds * 1000),), "measured")

    def voices(self):
        return ()


@pytest.fixture(autouse=True)
def nothing_learned(monkeypatch):
    monkeypatch.setattr(synthesis, "SPEEDS", Speeds())


def played(voice, persona, reply=SENTENCES, at_once=1):
    """Each segment's text, and how long it was silent before it."""
    written = Channel(1000)
    for sentence in SentenceChunker("en").push(reply + " X"):
        written.put(sentence)
    written.close()
    handle = EngineHandle(EngineInfo(name="slow", stage="tts", title="Slow", summary="", pieces_at_once=at_once), lambda: voice)
    deadlines = Deadlines(lambda: voice.now)
    silent_at, found = None, []
    for segment in segments(written, persona, handle, deadlines=deadlines, worker="w", limits=Limits()):
        gap = 0.0 if silent_at is None else max(0.0, voice.now - silent_at)
        silent_at = max(voice.now, silent_at or 0.0) + segment.audio.duration_ms / 1000
        found.append((segment.text, gap))
    return found


@requirement("turn.no-seams")
@pytest.mark.parametrize("factor", [0.1, 0.3, 0.6])
def test_an_answer_of_twenty_sentences_is_never_silent_in_between(persona, factor):
    played(SlowVoice(factor), persona)  # an answer before, from which it is known how fast the voice is
    found = played(SlowVoice(factor), persona)
    assert sum(gap for _, gap in found) == 0
    assert "".join(text for text, _ in found).strip() == SENTENCES.strip()


def test_a_quick_voice_says_whole_sentences(persona):
    voice = SlowVoice(0.05, each_s=0.0)
    played(voice, persona)
    assert all(text.rstrip()[-1] in ".," for text in voice.said)


def test_a_slow_voice_is_cut_at_clauses_first():
    pacer = Pacer(lambda: Speed(0.0, 0.05, 0.06), lambda: 0.0)
    pacer.made(2.6)
    pieces = list(pacer.pieces("When I was young and small, we had a dog that could open all the doors of our house."))
    assert pieces[0] == "When I was young and small, "
    assert "".join(pieces) == "When I was young and small, we had a dog that could open all the doors of our house."
    assert all(len(piece) >= 16 for piece in pieces)


@pytest.mark.parametrize("text", ["", "Yes.", "x" * 500, "漢字" * 60, "a b " * 60])
def test_every_text_is_cut_into_itself(text):
    pacer = Pacer(lambda: Speed(0.3, 0.05, 0.06), lambda: 0.0)
    pacer.made(0.5)
    assert "".join(pacer.pieces(text)) == text


@requirement("turn.no-seams")
def test_the_first_clause_is_longer_where_voice_or_model_are_slow():
    quick, slow = Speed(0.05, 0.003, 0.06), Speed(0.2, 0.04, 0.06)
    assert quick.first_words() == 3
    assert 3 < slow.first_words() < slow.first_words(written_s=0.02) <= MOST_WORDS
    short = SentenceChunker("en")
    longer = SentenceChunker("en", fewest_words=lambda: 6)
    reply = "I think so, yes, or at least I hope it, and you know that. Good."
    assert short.push(reply)[0].text == "I think so, "
    assert longer.push(reply)[0].text == "I think so, yes, or at least I hope it, "


def test_what_a_voice_needs_is_learned_from_its_pieces():
    speeds = Speeds()
    assert speeds.of("kokoro") is None
    for characters in (10, 40, 90):
        speeds.note("kokoro", Piece(characters, characters * 0.06, 0.4 + characters * 0.012))
    speed = speeds.of("kokoro")
    assert speed.any_s == pytest.approx(0.4)
    assert speed.character_s == pytest.approx(0.012)
    speeds.note("one", Piece(10, 0.6, 0.5))
    assert speeds.of("one").character_s == pytest.approx(0.05)


@requirement("turn.no-seams")
def test_an_engine_that_gains_by_it_makes_three_pieces_at_once_in_order(persona):
    together = threading.Barrier(3)

    class Server(StubVoice):
        def synthesize(self, text, voice=None):
            if not text.startswith("First"):
                together.wait(5)
            yield from super().synthesize(text, voice)

    class Clocked(Server):
        now = 0.0

    found = played(Clocked(), persona, "First this. Then that. And this here. And the last one.", at_once=3)
    assert [text.strip() for text, _ in found] == ["First this.", "Then that.", "And this here.", "And the last one."]


def test_what_fails_ahead_fails_in_its_turn(persona):
    class Failing(SlowVoice):
        def synthesize(self, text, voice=None):
            if "that" in text:
                raise TextToSpeechError("No.", code="no")
            yield from super().synthesize(text, voice)

    with pytest.raises(TextToSpeechError, match="No"):
        played(Failing(0.1), persona, "First this. Then that. And this here. And the last one.", at_once=3)
