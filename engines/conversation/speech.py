"""Gives sentences a voice: their speakable words, the persona's voice, sound that can really be heard, mouth and cues."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engines.concurrency.channel import Channel
from engines.concurrency.deadlines import Deadlines
from engines.concurrency.locks import exclusive
from engines.errors import TextToSpeechError
from engines.lipsync.timeline import timeline
from engines.protocols import TextToSpeech
from engines.registry.registry import EngineHandle
from engines.text.directions import CueSheet
from engines.text.speakable import speakable
from engines.types import Direction, Persona, Sentence, Speech, SpeechSegment

_QUIETEST = 1e-4
"""A sound that never gets louder than this (-80 dB) says nothing."""


def segments(
    sentences: Channel[Sentence], persona: Persona, tts: EngineHandle[TextToSpeech], *, deadlines: Deadlines, worker: str, limit_s: float
) -> Iterator[SpeechSegment]:
    """What is to be played, in order, while the sentences are still being written.

    Args:
        sentences: those of the reply; ends when it is closed.
        persona: who speaks.
        tts: the voice; loaded with the first sentence.
        deadlines: is told of every step of the engine, as one of `worker`.
        worker: whose steps they are.
        limit_s: longest time of one step, in seconds.

    Raises:
        EngineError: the voice cannot be loaded, or failed, or made nothing that can be heard.
    """
    lock = exclusive(tts.info.accelerator)
    late = TextToSpeechError(
        f"{tts.info.title} fell silent; the text of the answer remains.", code="timeout", retryable=True, counts_against_engine=True
    )
    voice: str | None = None
    unspoken, unacted = "", tuple[Direction, ...]()  # text without words (an emoji, a rule) goes along with what is said next
    index = 0
    while written := sentences.get():
        engine = tts.open()
        voice = voice or persona.voice_for(tts.info.name) or _voice_for(engine, persona.language)
        for sentence in written:
            unspoken, unacted = unspoken + sentence.text, (*unacted, *sentence.directions)
            if not (words := speakable(sentence.text, persona.language)):
                continue
            sheet = CueSheet(unacted, len(unspoken.rstrip()), len(words))
            for piece in deadlines.steps(worker, limit_s, late, iter(engine.synthesize(words, voice)), lock):
                _require_sound(piece, tts.info.title)
                yield SpeechSegment(index, unspoken, piece.audio, timeline(piece), sheet.of(piece.words))
                unspoken, unacted, index = "", (), index + 1
            if unspoken:
                raise TextToSpeechError(f"{tts.info.title} made no sound; choose another voice.", code="no_sound")


def _voice_for(engine: TextToSpeech, language: str) -> str | None:
    """The first voice that speaks the language; None, the engine's default, where none says so."""
    wanted = language.lower()
    spoken = [(voice.language.lower(), voice.id) for voice in engine.voices()]
    exact = (voice for tag, voice in spoken if tag == wanted)
    close = (voice for tag, voice in spoken if tag.split("-")[0] == wanted.split("-")[0])
    return next(exact, next(close, None))


def _require_sound(piece: Speech, title: str) -> None:
    samples = piece.audio.samples
    if not len(samples) or not bool(np.isfinite(samples).all()):
        raise TextToSpeechError(
            f"{title} made a sound that cannot be played; choose another voice.", code="bad_sound", counts_against_engine=True
        )
    if np.abs(samples).max() < _QUIETEST:
        raise TextToSpeechError(f"{title} made nothing but silence; choose another voice.", code="silent_sound")
