"""Spoken reply as a whole: the segments of a turn joined into one sound and one viseme timeline, and how they are saved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from engines.audio import resample, to_wav
from engines.errors import InputError
from engines.events import ReplyDelta, SegmentReady, TranscriptReady, TurnCompleted, TurnEvent, TurnFailed, TurnInterrupted, TurnStarted
from engines.lipsync.timeline import timeline_fields
from engines.types import AudioChunk, Cue, SpeechSegment, TimingSource, TurnTimings, VisemeTimeline

SILENCE = AudioChunk(np.zeros(0, np.float32), 24_000)
"""The sound of what was not said."""
STILL = VisemeTimeline((), (), "measured")
"""The mouth of what was not said."""


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """Sound, mouth and stage directions of a text; all times are ms from the start of the sound."""

    audio: AudioChunk = SILENCE
    timeline: VisemeTimeline = STILL
    cues: tuple[Cue, ...] = ()

    def visemes(self) -> dict[str, Any]:
        """The timeline in the fields of HeadTTS and TalkingHead: see `timeline_fields`."""
        return timeline_fields(self.timeline)

    def json(self) -> bytes:
        """The timeline as a JSON file."""
        return json.dumps(self.visemes(), ensure_ascii=False, indent=1).encode() + b"\n"

    def wav(self) -> bytes:
        """A 16-bit mono WAV file."""
        return to_wav(self.audio)


@dataclass(frozen=True, slots=True, eq=False)
class Reply(Spoken):
    """Reply of a persona to what the user said."""

    text: str = ""
    transcript: str = ""
    """What was heard, or the typed text; empty for a greeting."""
    language: str | None = None
    """The language that was spoken (BCP 47), as far as it is known."""
    timings: TurnTimings = field(default_factory=TurnTimings)
    notices: tuple[str, ...] = ()
    """What the user should know about the engines, in sentences."""
    failure: TurnFailed | None = None
    """What went wrong, if anything did; the text may be whole all the same."""


def joined(segments: Sequence[SpeechSegment]) -> Spoken:
    """One sound with one timeline; segments of other sample rates take on that of the first."""
    if not segments:
        return Spoken()
    rate = segments[0].audio.sample_rate
    sounds, words, visemes, cues, at_ms = [], [], [], [], 0.0
    for segment in segments:
        sound = resample(segment.audio, rate)
        words += [replace(word, start_ms=word.start_ms + at_ms) for word in segment.timeline.words]
        visemes += [replace(viseme, start_ms=viseme.start_ms + at_ms) for viseme in segment.timeline.visemes]
        cues += [replace(cue, start_ms=cue.start_ms + at_ms) for cue in segment.cues]
        sounds.append(sound.samples)
        at_ms += sound.duration_ms
    sources = {segment.timeline.source for segment in segments if segment.timeline.visemes}
    weakest_first: tuple[TimingSource, ...] = ("estimated", "aligned", "measured")
    source = next((one for one in weakest_first if one in sources), weakest_first[-1])
    audio = AudioChunk(np.concatenate(sounds), rate)
    return Spoken(audio, VisemeTimeline(tuple(visemes), tuple(words), source), tuple(cues))


def reply_of(events: Iterable[TurnEvent]) -> Reply:
    """Read a turn to its end."""
    reply, segments = Reply(), list[SpeechSegment]()
    for event in events:
        match event:
            case TurnStarted():
                reply = replace(reply, notices=event.notices)
            case TranscriptReady():
                heard = event.transcript
                reply = replace(reply, transcript=heard.text, language=heard.language, notices=(*reply.notices, *event.notices))
            case SegmentReady():
                segments.append(event.segment)
            case TurnCompleted() | TurnInterrupted() | TurnFailed():
                failure = event if isinstance(event, TurnFailed) else None
                reply = replace(reply, text=event.text, timings=event.timings, failure=failure)
            case ReplyDelta():
                pass
    whole = joined(segments)
    return replace(reply, audio=whole.audio, timeline=whole.timeline, cues=whole.cues)


def save(spoken: Spoken, wav: Path | None, visemes: Path | None) -> tuple[Path, ...]:
    """Write the sound as WAV and the timeline as JSON, each where a path is given; folders are made.

    Returns:
        The files that were written.

    Raises:
        InputError: code ``unwritable``: nothing can be written there; the message says why.
    """
    written = []
    for path, content in ((wav, spoken.wav), (visemes, spoken.json)):
        if path is None:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content())
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}. Choose another place.", code="unwritable") from error
        written.append(path)
    return tuple(written)
