"""Values that travel through a turn: frozen, engine-neutral, no behaviour beyond arithmetic.

Times are milliseconds (ms) from the start of the segment they belong to; sample rates are Hz; audio is mono float32 in [-1, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Stage = Literal["stt", "llm", "tts"]
"""The three kinds of engine: speech to text, language model, text to speech."""
STAGES: tuple[Stage, ...] = get_args(Stage)

SAMPLE_RATES = range(4_000, 384_001)
"""Sample rates that sound can have, in Hz."""

TimingSource = Literal["measured", "aligned", "estimated"]
"""Where a timeline comes from: the synthesizer's own durations, an aligner, or a guess."""

VisemeName = Literal["sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U"]
"""The fifteen Oculus mouth shapes, spelled as TalkingHead's morph targets (``viseme_PP`` …) spell them."""
VISEME_NAMES: tuple[VisemeName, ...] = get_args(VisemeName)

Gender = Literal["female", "male", ""]
"""Of a voice, as it sounds; empty where it is neither or nobody knows."""
Age = Literal["child", "adult", "old", ""]

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """Mono sound.

    Raises:
        ValueError: the samples are not one row of finite float32, or the rate is not in `SAMPLE_RATES`.
    """

    samples: NDArray[np.float32]
    """Shape (n,), float32, nominally in [-1, 1]."""
    sample_rate: int
    """Hz."""

    def __post_init__(self) -> None:
        samples: object = self.samples
        if not (isinstance(samples, np.ndarray) and samples.ndim == 1 and samples.dtype == np.float32 and np.isfinite(samples).all()):
            raise ValueError("samples must be one row of finite float32")
        if not (isinstance(self.sample_rate, int | np.integer) and self.sample_rate in SAMPLE_RATES):
            raise ValueError(f"the sample rate must be a whole number from {SAMPLE_RATES.start} to {SAMPLE_RATES.stop - 1} Hz")

    @property
    def duration_ms(self) -> float:
        """Length in ms."""
        return len(self.samples) * 1000.0 / self.sample_rate


@dataclass(frozen=True, slots=True)
class Transcript:
    """Transcript of an utterance."""

    text: str
    language: str | None = None
    """BCP 47 tag if the engine knows it (``en``)."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Tool: a function that a chat model may ask for."""

    name: str
    description: str
    parameters: str
    """Its parameters as a JSON schema."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """Tool call: a chat model asks for a tool."""

    id: str
    name: str
    arguments: str
    """JSON, as the model wrote it."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text delta: the next characters of a reply, exactly as the model wrote them."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    """What the model asks for, once it has said all of it; it is never part of the text."""


@dataclass(frozen=True, slots=True)
class Direction:
    """Stage direction: something to be acted, such as a smile or a shrug."""

    name: str
    """One of `engines.text.directions.DIRECTIONS`."""
    offset: int
    """Characters from the start of its sentence."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Stage direction in time."""

    name: str
    start_ms: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """Sentence of the reply: what is synthesized at once. The texts of all sentences, joined, are the reply."""

    index: int
    text: str
    directions: tuple[Direction, ...] = ()


@dataclass(frozen=True, slots=True)
class PhonemeTiming:
    """Phoneme with its time, in the notation of the engine that spoke it; an empty string is a pause."""

    phoneme: str
    start_ms: float
    duration_ms: float


@dataclass(frozen=True, slots=True)
class WordTiming:
    """Spoken word with its time, and with the punctuation and space that follow it: joined, the words are the spoken text."""

    text: str
    start_ms: float
    duration_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """Synthesized speech of a text or of a part of it: sound and its times."""

    audio: AudioChunk
    phonemes: tuple[PhonemeTiming, ...]
    words: tuple[WordTiming, ...]
    timing: TimingSource


@dataclass(frozen=True, slots=True)
class Viseme:
    """Viseme: one mouth shape in time."""

    name: VisemeName
    start_ms: float
    duration_ms: float


@dataclass(frozen=True, slots=True)
class VisemeTimeline:
    """Viseme timeline of one segment: ordered, not overlapping, inside the segment's sound."""

    visemes: tuple[Viseme, ...]
    words: tuple[WordTiming, ...]
    source: TimingSource


@dataclass(frozen=True, slots=True, eq=False)
class SpeechSegment:
    """Speech segment: a piece of the reply that is ready to be played, with sound, mouth and caption."""

    index: int
    """Segments of a turn are numbered from 0 without a gap."""
    text: str
    """The characters of the reply that this segment says; empty for the later parts of a sentence synthesized in parts."""
    audio: AudioChunk
    timeline: VisemeTimeline
    cues: tuple[Cue, ...] = ()
    """What face and hands do meanwhile."""
    ends: tuple[int, ...] = ()
    """For each word: how many characters of the reply have been said once it has."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Voice that a text-to-speech engine offers."""

    id: str
    """What the engine calls it (``af_heart``, ``en-us+f3``)."""
    name: str
    language: str
    """BCP 47 tag."""
    gender: Gender = ""
    age: Age = ""
    """Empty means a grown-up, or nobody knows."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """Chat message: one message of a conversation; of a tool, what it answered."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    """What an assistant's message asked for."""
    tool_call_id: str = ""
    """Which call a tool answered."""


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """Scripted reply: what to look for in the question, what to answer."""

    when: tuple[str, ...]
    """Words or phrases, lower case; any of them found in the question selects this reply."""
    say: tuple[str, ...]
    """Answers taken in turn."""


@dataclass(frozen=True, slots=True)
class Persona:
    """Persona: somebody to talk with, as `personas.yaml` describes them."""

    id: str
    name: str
    line: str
    """One line for the picker."""
    prompt: str
    """The system prompt, without the spoken-style rule."""
    avatar: str
    """Stem of a file in `avatar_assets/avatars`."""
    greeting: str
    language: str = "en"
    """BCP 47 tag of the language they speak."""
    voices: tuple[tuple[str, str], ...] = ()
    """(engine name, voice id) pairs; on an engine that is not named, the voice is chosen by language, gender and age."""
    gender: Gender = ""
    """Of the voice; empty means that of the voices that are named."""
    age: Age = ""
    """Of the voice; empty means a grown-up."""
    mood: str = "neutral"
    """A resting mood of TalkingHead: neutral, happy, love …"""
    colour: str = "#3a7f86"
    """Hex colour of the portrait and of the stage's light."""
    liveliness: float = 1.0
    """How much face and hands go along: 0 (hardly) to 2 (very)."""
    speed: float = 1.0
    """How fast they speak: 0.5 (half as fast as the voice does) to 2."""
    max_sentences: int = 4
    """How long an answer may be; a model that goes on is stopped there."""
    replies: tuple[ScriptedReply, ...] = ()
    fallbacks: tuple[str, ...] = ()
    """What the scripted engine answers when no reply matches."""

    def voice_for(self, engine: str) -> str | None:
        """The voice this persona uses on that engine, or None for the engine's own default."""
        return dict(self.voices).get(engine)


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Engine description: what an adapter says about itself before anything heavy is imported."""

    name: str
    """The adapter's file name without `.py`; what users type."""
    stage: Stage
    title: str
    """For people: ``eSpeak NG``."""
    summary: str
    """One plain sentence about quality and cost, shown on the page while the engine is at work."""
    requires: tuple[str, ...] = ()
    """Modules that must be importable."""
    install: str = ""
    """The command that brings them."""
    platforms: tuple[str, ...] = ()
    """``darwin-arm64``, ``linux`` …; empty means everywhere."""
    languages: tuple[str, ...] = ()
    """BCP 47 tags; empty means any."""
    languages_by_voice: bool = False
    """Once it is loaded, it speaks the languages of its voices and no other."""
    models: tuple[str, ...] = ()
    """Models worth offering to people; others can be named. Empty where there is no choice, or only a server knows it."""
    embedded: bool = False
    """Works with what `requirements.txt` installs: no download, no account."""
    preference: int = 0
    """Among the engines that are ready, the highest is chosen."""
    only_where_here: bool = False
    """Its files are fetched only for who asks for it by name; where they are here, it may be chosen like any other."""
    multilingual: bool = True
    """Of a chat model: it answers in the language in which it is asked, not only in the persona's own."""
    at_once: int = 1
    """Of a speech-to-text engine: how many recordings it hears at once; more of them wait, and users take turns."""
    in_process: bool = False
    """Light and pure Python: it works in the app's own process, where every other engine has one of its own."""
    pieces_at_once: int = 1
    """Of a voice: how many pieces of one reply it makes at the same time sooner than one after the other."""


@dataclass(frozen=True, slots=True)
class TurnTimings:
    """Timings of a turn in ms from the hand-over of the utterance; None for what did not happen."""

    transcript_ms: float | None = None
    first_text_ms: float | None = None
    first_segment_ms: float | None = None
    total_ms: float | None = None
    spoken_ms: float = 0.0
    """Length of all sound made."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Utterance of the user: sound or text, never both."""

    audio: AudioChunk | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at on this machine, and what is to be done about it."""

    what: str
    state: Literal["ok", "hint", "wrong"]
    """`hint`: the app works without it, or in another way."""
    detail: str
    mend: str = ""
    """The command that mends it."""
