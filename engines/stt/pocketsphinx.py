"""Embedded speech-to-text engine: CMU PocketSphinx with the English model that its wheel brings. Small, offline, and often wrong.

PocketSphinx (https://github.com/cmusphinx/pocketsphinx) is BSD-licensed. One decoder holds one utterance at a time, hence the lock.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.audio import require_sound, resample, to_pcm16
from engines.errors import AudioError, MissingDependency, SpeechToTextError, not_wanted
from engines.protocols import Cancellation
from engines.types import AudioChunk, EngineInfo, Transcript
from engines.vad.recording import speech_in

INFO = EngineInfo(
    name="pocketsphinx",
    stage="stt",
    title="PocketSphinx",
    summary="Basic offline hearing, English only: expect mistakes.",
    requires=("pocketsphinx",),
    install="pip install pocketsphinx",
    languages=("en",),
    embedded=True,
)

_RATE = 16_000  # what the model was trained on
_STEP_BYTES = 2 * _RATE // 20
"""50 ms. A decoder holds Python's lock while it works on a step; one step for a whole utterance would stop everybody's page."""
_METER_BYTES = 2 * _RATE
"""One second, for the same reason; measuring is thirty times as fast as searching."""
_PAD_MS = 200
_AROUND_MS, _LONGEST_PAUSE_MS = 250, 1_500
"""Sound that is kept around speech, and the longest pause in it. The mean cepstrum of a voice is not that of the room around it: with two
seconds of silence on either side, half of all words were wrong."""
_DITHER = 2 / 32768
"""Standard deviation of the noise that is added. The model was trained on rooms: in a voice that pauses in perfect zeros it loses words."""
_MARKER = re.compile(r"[<\[+]\S*|\(\d+\)")
"""Fillers such as ``<sil>`` or ``[NOISE]``, and the number of a pronunciation: ``the(2)``."""


@dataclass(frozen=True, slots=True)
class Options:
    """What may be heard."""

    grammar: str | None = None
    """A grammar in JSGF (JSpeech Grammar Format) that every utterance must fit; None hears any English."""


def load(options: Options, device: str, folder: Path | None = None) -> PocketSphinx:  # noqa: ARG001 - every adapter is loaded alike
    """Read the model, some 0.3 s.

    Raises:
        MissingDependency: pocketsphinx is not installed.
        SpeechToTextError: the grammar is not JSGF (code ``bad_grammar``), or the model cannot be read (``load_failed``).
    """
    return PocketSphinx(options.grammar)


class PocketSphinx:
    """A `SpeechToText`. Utterances of several threads wait for each other; none leaves a trace in the next."""

    def __init__(self, grammar: str | None) -> None:
        self._grammar = grammar
        self._lock = threading.Lock()
        self._decoder, self._meter = _decoder(grammar), _meter()

    def transcribe(
        self,
        audio: AudioChunk,
        language: str | None = None,
        priors: Mapping[str, float] | None = None,
        cancel: Cancellation | None = None,
    ) -> Transcript:
        """The words, in lower case without punctuation; empty where nobody speaks and for what is too short for a word.

        It cannot tell languages apart: without a `language`, it is the likeliest of the `priors`.

        Raises:
            SpeechToTextError: code ``language`` (other than English), ``cancelled`` (within 50 ms of sound) or ``failed``.
        """
        language = language or max(priors or {}, key=(priors or {}).__getitem__, default=None)
        if language and re.split("[-_]", language)[0].lower() != "en":
            raise SpeechToTextError(
                f"{INFO.title} hears English only. Choose another engine for hearing, or speak English.", code="language"
            )
        try:
            require_sound(audio)
            samples = resample(audio, _RATE).samples
        except AudioError:  # silent, or too short
            return Transcript("", "en")
        stretches = speech_in(samples, around_ms=_AROUND_MS, longest_pause_ms=_LONGEST_PAUSE_MS)
        if not stretches:
            return Transcript("", "en")
        pcm = to_pcm16(_padded(np.concatenate([samples[start:end] for start, end in stretches])))
        with self._lock:
            return Transcript(self._decode(pcm, cancel), "en")

    def _decode(self, pcm: bytes, cancel: Cancellation | None) -> str:
        decoder = self._decoder
        try:
            decoder.set_cmn(self._voice_of(pcm, cancel))
            decoder.start_utt()
            try:
                for step in _steps(pcm, _STEP_BYTES, cancel):
                    decoder.process_raw(step)
            finally:
                decoder.end_utt()
            hypothesis = decoder.hyp()
        except SpeechToTextError:  # not wanted any more
            raise
        except Exception as error:
            self._decoder, self._meter = _decoder(self._grammar), _meter()  # an utterance may still be open
            raise SpeechToTextError(
                f"{INFO.title} could not follow that recording. Please say it again.",
                code="failed",
                retryable=True,
                counts_against_engine=True,
            ) from error
        return " ".join(_MARKER.sub(" ", hypothesis.hypstr).lower().split()) if hypothesis else ""

    def _voice_of(self, pcm: bytes, cancel: Cancellation | None) -> str:
        """The mean cepstrum of the whole utterance, so that the last speaker does not bend the next one's words.

        The decoder itself could only take it from the utterance by searching all of it in one step.
        """
        meter = self._meter
        lengths: list[int] = []
        means: list[list[float]] = []
        for part in _steps(pcm, _METER_BYTES, cancel):
            meter.start_utt()
            meter.process_raw(part, no_search=True, full_utt=True)
            lengths.append(len(part))
            means.append([float(number) for number in meter.get_cmn(False).split(",")])
            meter.end_utt()
        return ",".join(f"{number:.4f}" for number in np.average(means, axis=0, weights=lengths))


def _steps(pcm: bytes, length: int, cancel: Cancellation | None) -> Iterator[bytes]:
    """The sound in pieces, while it is wanted."""
    for start in range(0, len(pcm), length):
        if cancel and cancel.cancelled:
            raise not_wanted()
        yield pcm[start : start + length]


def _padded(speech: NDArray[np.float32]) -> AudioChunk:
    """A quiet room around the speech, the same one every time."""
    samples = np.pad(speech, _PAD_MS * _RATE // 1000)
    noise = np.random.default_rng(0).normal(0, _DITHER, len(samples))
    return AudioChunk((samples + noise).astype(np.float32), _RATE)


def _decoder(grammar: str | None) -> Any:
    try:
        from pocketsphinx import Decoder  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    # One search only: the second ("fwdflat", "bestpath") is one long step at the end, and made no fewer errors on people reading aloud.
    settings: dict[str, Any] = {"samprate": _RATE, "loglevel": "FATAL", "cmn": "live", "fwdflat": False, "bestpath": False}
    try:
        if grammar is None:
            return Decoder(**settings)
        decoder = Decoder(**settings, lm=None)
    except Exception as error:
        raise SpeechToTextError(f"{INFO.title} cannot be started. Reinstall it: {INFO.install}", code="load_failed") from error
    try:
        decoder.add_jsgf_string("grammar", grammar)
        decoder.activate_search("grammar")
    except Exception as error:
        raise SpeechToTextError("That grammar is not JSGF, or it has words that the dictionary lacks.", code="bad_grammar") from error
    return decoder


def _meter() -> Any:
    """A decoder that only measures voices: no dictionary, no language model, one keyphrase that is never looked for."""
    from pocketsphinx import Decoder  # noqa: PLC0415 - heavy

    meter = Decoder(samprate=_RATE, loglevel="FATAL", cmn="batch", lm=None, dict=None)
    meter.add_keyphrase("none", "none")
    meter.activate_search("none")
    return meter
