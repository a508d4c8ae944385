"""Wire format: what travels between Python and a page or another program, as JSON (documented in `docs/wire.md`).

A segment's fields are HeadTTS's and TalkingHead's: ``words, wtimes, wdurations, visemes, vtimes, vdurations``, in ms from the segment's
start; its sound is the bytes of its frame, 16-bit little-endian mono PCM at ``sampleRate`` Hz; ``cues`` and ``ctimes``: what face and
hands do, and when.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from engines.audio import decode, from_pcm16, to_pcm16
from engines.conversation.conversation import PlaybackPosition
from engines.conversation.status import EngineOrder, ServiceStatus, StageStatus
from engines.errors import AudioError
from engines.events import (
    ReplyDelta,
    SegmentReady,
    TranscriptReady,
    TurnCompleted,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnInterrupted,
    TurnStarted,
)
from engines.lipsync.timeline import timeline_fields
from engines.live.conversation import BargeIn, UserSpeech
from engines.registry.discovery import EngineOption
from engines.registry.managed_engine import EngineState
from engines.registry.registry import EngineStatus
from engines.types import Persona, SpeechSegment, Utterance

Json = dict[str, Any]


def segment_to_wire(segment: SpeechSegment) -> tuple[Json, bytes]:
    """One piece of the reply, ready to be played, and its sound."""
    fields = {
        "index": segment.index,
        "text": segment.text,
        "sampleRate": segment.audio.sample_rate,
        **timeline_fields(segment.timeline),
        "wends": list(segment.ends),
        "cues": [cue.name for cue in segment.cues],
        "ctimes": [round(cue.start_ms, 2) for cue in segment.cues],
    }
    return fields, to_pcm16(segment.audio)


def event_to_wire(event: TurnEvent) -> tuple[Json, bytes]:
    """One event and its sound, if it has any; ``type`` tells which, ``turn`` and ``seq`` where it belongs."""
    if isinstance(event, SegmentReady):
        fields, sound = segment_to_wire(event.segment)
        return {"type": "segment", "turn": event.turn_id, "seq": event.seq, **fields}, sound
    return _words_to_wire(event), b""


def _words_to_wire(event: TurnStarted | TranscriptReady | ReplyDelta | TurnEnded) -> Json:
    head: Json = {"turn": event.turn_id, "seq": event.seq}
    match event:
        case TurnStarted():
            return {"type": "started", **head, "notices": list(event.notices)}
        case TranscriptReady():
            about = {"answerLanguage": event.answer_language, "notices": list(event.notices)}
            return {"type": "transcript", **head, **asdict(event.transcript), **about}
        case ReplyDelta():
            return {"type": "delta", **head, "text": event.text}
        case TurnCompleted():
            return {"type": "completed", **head, "text": event.text, "timings": asdict(event.timings)}
        case TurnInterrupted():
            return {"type": "interrupted", **head, "text": event.text, "timings": asdict(event.timings)}
        case TurnFailed():
            error = {"code": event.code, "message": event.message, "stage": event.stage, "retryable": event.retryable}
            return {"type": "failed", **head, "text": event.text, "timings": asdict(event.timings), **error}


def live_to_wire(event: UserSpeech | BargeIn) -> Json:
    """What is decided while a microphone is open: about the user's speech, and what the persona does about it."""
    match event:
        case UserSpeech():
            return {"type": "user", "state": event.state, "turn": event.turn_id, "text": event.text}
        case BargeIn():
            return {"type": "barge", "action": event.action}


TOPICS = 3
"""So many topics of a persona are offered to whoever does not know what to say."""


def persona_to_wire(persona: Persona, portraits: Path) -> Json:
    """What a picker shows of a person. ``portrait`` is a file name in the folder `portraits`, or None where there is no picture."""
    picture = portraits / f"{persona.avatar}.png"
    return {
        "id": persona.id,
        "name": persona.name,
        "line": persona.line,
        "avatar": persona.avatar,
        "portrait": picture.name if picture.is_file() else None,
        "greeting": persona.greeting,
        "language": persona.language,
        "mood": persona.mood,
        "colour": persona.colour,
        "liveliness": persona.liveliness,
        "topics": [reply.when[0] for reply in persona.replies[:TOPICS]],
    }


def status_to_wire(status: ServiceStatus, portraits: Path, *, choosable: bool = False) -> Json:
    """Who can be talked with and who greets first, what is wrong with the persona file if anything, the engines, and the limits."""
    return {
        "personas": [persona_to_wire(person, portraits) for person in status.personas],
        "first": status.first.id,
        "problem": status.personas_problem,
        "engines": [_stage_to_wire(stage) for stage in status.stages],
        "choosable": choosable,
        "limits": {
            "maxUtteranceMs": status.max_utterance_ms,
            "maxTextChars": status.max_text_chars,
            "maxUploadMb": status.max_upload_mb,
        },
    }


_NO_ENGINE = {"name": "", "title": "none", "embedded": False, "model": "", "selection": "", "retryInS": None}


def _stage_to_wire(status: StageStatus) -> Json:
    """The engine of one stage, those that are waited for, what was asked for, and what could be."""
    none = {**_NO_ENGINE, "summary": status.problem, **_state_to_wire(EngineState("failed"))}
    return {
        "stage": status.stage,
        **(_engine_to_wire(status.chosen) if status.chosen else none),
        "awaited": [_engine_to_wire(better) for better in status.awaited],
        "downloads": [_engine_to_wire(kept) for kept in status.downloads],
        "requested": status.selection,
        "options": [_option_to_wire(option) for option in status.options],
    }


def _engine_to_wire(status: EngineStatus) -> Json:
    info = status.info
    about = {"name": info.name, "title": info.title, "summary": info.summary, "embedded": info.embedded, "model": status.model}
    retry_in_s = None if status.retry_in_s is None else round(status.retry_in_s)
    return {**about, "selection": status.selection, "retryInS": retry_in_s, **_state_to_wire(status.state)}


def _state_to_wire(state: EngineState) -> Json:
    left_s = None if state.left_s is None else round(state.left_s)
    return {"state": state.name, "detail": state.detail, "done": state.done, "total": state.total, "source": state.source, "leftS": left_s}


def _option_to_wire(option: EngineOption) -> Json:
    return {
        "name": option.info.name,
        "title": option.info.title,
        "summary": option.info.summary,
        "models": list(option.info.models),
        "takesModel": option.takes_model,
        **_state_to_wire(option.state),
    }


def order_from_wire(data: Json) -> EngineOrder | None:
    """``{"stage": …}`` with an action; None for anything else.

    ``"choose": selection`` (and ``"keep": true``: downloads under way go on for later), ``"stop": true`` (every download of the stage) or
    ``"stop": selection`` (of one engine), ``"retry": true``, or ``"answer": "yes" | "no" | "later"`` to what ``"engine": selection`` asks.
    """
    match data:
        case {"stage": "stt" | "llm" | "tts" as stage, "choose": str() as selection}:
            return EngineOrder(stage, "choose", selection, keep=data.get("keep") is True)
        case {"stage": "stt" | "llm" | "tts" as stage, "stop": True}:
            return EngineOrder(stage, "stop")
        case {"stage": "stt" | "llm" | "tts" as stage, "stop": str() as selection}:
            return EngineOrder(stage, "stop", selection)
        case {"stage": "stt" | "llm" | "tts" as stage, "retry": True}:
            return EngineOrder(stage, "retry")
        case {"stage": "stt" | "llm" | "tts" as stage, "answer": "yes" | "no" | "later" as answer, "engine": str() as selection}:
            return EngineOrder(stage, answer, selection)
        case _:
            return None


def utterance_from_wire(message: Json, sound: bytes, max_ms: float) -> Utterance:
    """What a client hands over: ``{"text": …}``; ``{"sampleRate": Hz}`` and 16-bit little-endian mono PCM; or the bytes of a file.

    Args:
        message: the fields.
        sound: the bytes of the frame.
        max_ms: the longest recording that is taken, in ms.

    Raises:
        AudioError: the sound is too long, not PCM, or in a file that cannot be read.
    """
    rate = message.get("sampleRate")
    if "text" in message:
        return Utterance(text=str(message["text"] or ""))
    if rate is None:
        return Utterance(audio=decode(sound, max_ms=max_ms))
    if not isinstance(rate, int):
        raise AudioError("That recording arrived incomplete; record it again.", code="bad_audio")
    if 0 < round(max_ms) * rate < len(sound) * 500:
        raise AudioError(f"That recording is too long; please keep it under {max_ms / 1000:.0f} seconds.", code="too_long")
    try:
        return Utterance(audio=from_pcm16(sound, rate))
    except ValueError as error:
        raise AudioError("That recording arrived damaged; record it again.", code="bad_audio") from error


_FAR = 1e9
"""Of a playback position: nobody has heard so much, in ms; not a number is no less."""


def position_from_wire(data: Any) -> PlaybackPosition | None:
    """How far a reply was heard, ``{"turn": …, "index": …, "ms": …}``; None for anything else."""
    match data:
        case {"turn": str() as turn, "index": int() as index, "ms": int() | float() as ms} if abs(index) < _FAR and abs(ms) < _FAR:
            return PlaybackPosition(turn, index, float(ms))
        case _:
            return None
