"""Speech: sentences → segments with sound, mouth and cues, in the persona's voice."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from engines.concurrency.channel import Channel
from engines.concurrency.deadlines import Deadlines, Limits
from engines.conversation.word_ends import WordEnds, as_written
from engines.errors import EngineError, TextToSpeechError
from engines.lipsync.sound_times import corrected
from engines.lipsync.timeline import viseme_timeline
from engines.protocols import ChatModel, SpeechToText, TextToSpeech
from engines.registry.registry import EngineHandle
from engines.speaking.pauses import pause_after, paused
from engines.speaking.synthesis import Synthesis
from engines.text.boundaries import primary_subtag
from engines.text.directions import CueSheet
from engines.text.speakable import speakable
from engines.text.surrogates import well_formed
from engines.types import AudioChunk, Cue, Direction, Persona, Sentence, Speech, SpeechSegment, VisemeTimeline
from engines.voices.choice import voice_of
from engines.voices.loudness import Levels
from engines.voices.tempo import at_speed

E = TypeVar("E", SpeechToText, ChatModel, TextToSpeech)

_QUIETEST = 1e-4
"""A sound that never gets louder than this (-80 dB) says nothing."""
_LONGEST_MS, _LONGEST_MS_PER_CHARACTER = 10_000.0, 300.0
"""Longest sound of a sentence, and what each of its characters adds; the slowest voices need a third of that."""
_MOST_PIECES = 64
"""In how many pieces a sentence may come, besides one for each of its characters."""
_LEVELS = Levels()
"""How loud each voice was so far, in all conversations."""
_ACT_MS = 600
"""Length of a segment in which something is acted without a word."""


def segments(
    sentences: Channel[Sentence], persona: Persona, tts: EngineHandle[TextToSpeech], *, deadlines: Deadlines, worker: str, limits: Limits
) -> Generator[SpeechSegment]:
    """What is to be played, in order, while the sentences are still being written.

    Text without words (an emoji, a rule) goes along with what is said next; stage directions that nothing follows are acted in a short
    silent segment of their own.

    Args:
        sentences: those of the reply; ends when it is closed.
        persona: who speaks.
        tts: the text-to-speech engine; loaded with the first sentence that has words.
        deadlines: notes every step of the engine, as one of `worker`.
        worker: whose steps they are.
        limits: longest time of a step.

    Raises:
        EngineError: the engine cannot be loaded, or failed, or made nothing that can be heard, or far too much.
    """
    message = f"{tts.info.title} fell silent; the text of the answer remains."
    late = TextToSpeechError(message, code="timeout", retryable=True, counts_against_engine=True)
    synthesis: Synthesis | None = None
    text, directions = "", tuple[Direction, ...]()
    index, rate, before = 0, 24_000, 0
    try:
        while written := sentences.get():
            spoken = [(sentence, speakable(sentence.text, persona.language)) for sentence in written]
            for number, (sentence, words) in enumerate(spoken):
                text, directions = text + sentence.text, (*directions, *sentence.directions)
                if not words:
                    continue
                if synthesis is None:
                    engine = opened(tts, deadlines, worker, limits.load)
                    voice = deadlines.step(worker, limits.tts, late, partial(_voice_of, persona, tts.info.name, engine), engine)
                    synthesis = Synthesis(engine, tts.info, voice, partial(deadlines.steps, worker, limits.tts, late), deadlines.clock)
                synthesis.begin([words for _, words in spoken[number:] if words])
                sheet, ends = CueSheet(directions, len(text.rstrip()), len(words)), WordEnds(before, text, words)
                begins, shown_text, since = before, text, before
                before += len(text)
                unsaid = words
                with closing(synthesis.pieces(words)) as pieces:
                    for one in _playable(pieces, tts.info.title, len(words)):
                        said = "".join(word.text for word in one.words) or unsaid
                        unsaid = unsaid[len(said) :]
                        made = _LEVELS.levelled(one, tts.info.name, synthesis.voice)
                        piece = placed(made, tts.info.name, pause_after(said, "" if unsaid else sentence.text), persona.speed)
                        synthesis.played(piece)
                        timeline = viseme_timeline(piece, primary_subtag(persona.language))
                        places = ends.of(piece.words, last=not unsaid)
                        shown, places = as_written(timeline.words, places, shown_text, begins, since)
                        since = places[-1] if places else since
                        timeline = replace(timeline, words=shown)
                        yield SpeechSegment(index, text, piece.audio, timeline, sheet.of(piece.words), places)
                        text, directions, index, rate = "", (), index + 1, piece.audio.sample_rate
                if text:
                    raise TextToSpeechError(f"{tts.info.title} made no sound; choose another voice.", code="no_sound")
    finally:
        if synthesis:
            synthesis.close()
    if directions:
        silence = AudioChunk(np.zeros(rate * _ACT_MS // 1000, np.float32), rate)
        cues = tuple(Cue(direction.name, 0.0) for direction in directions)
        yield SpeechSegment(index, text, silence, VisemeTimeline((), (), "measured"), cues)


def placed(made: Speech, engine: str, pause_ms: float, speed: float = 1.0) -> Speech:
    """What an engine made, as it is played: its times where they are heard, and so much silence behind it."""
    return paused(at_speed(corrected(made, engine), speed), pause_ms)


def opened(handle: EngineHandle[E], deadlines: Deadlines, worker: str, limit_s: float) -> E:
    """The engine, loaded if it must be.

    Raises:
        EngineError: it cannot be loaded.
    """
    late = EngineError(f"{handle.info.title} is still getting ready. Try again in a while.", code="loading", retryable=True)
    return deadlines.step(worker, limit_s, late, handle.open)


def _voice_of(persona: Persona, name: str, engine: TextToSpeech) -> str | None:
    return voice_of(persona, name, engine.voices())


def _playable(pieces: Iterator[Speech], title: str, characters: int) -> Iterator[Speech]:
    """The same pieces of one sentence; refuses what cannot be heard, and more than so many characters can need."""
    room_ms = _LONGEST_MS + _LONGEST_MS_PER_CHARACTER * characters
    for number, piece in enumerate(pieces):
        samples = piece.audio.samples
        if not len(samples):
            raise TextToSpeechError(
                f"{title} made a sound that cannot be played; choose another voice.", code="bad_sound", counts_against_engine=True
            )
        if samples.max() < _QUIETEST and samples.min() > -_QUIETEST:
            raise TextToSpeechError(f"{title} made nothing but silence; choose another voice.", code="silent_sound")
        room_ms -= piece.audio.duration_ms
        if room_ms < 0 or number > _MOST_PIECES + characters:
            message = f"{title} made far more sound than that sentence needs; choose another voice."
            raise TextToSpeechError(message, code="too_much_sound", counts_against_engine=True)
        words = tuple(replace(word, text=well_formed(word.text)) for word in piece.words)
        yield piece if words == piece.words else replace(piece, words=words)
