"""Microphone and loudspeaker of this machine, by way of PortAudio (sounddevice), where it is installed."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from engines.errors import AudioError, MissingDependency
from engines.types import AudioChunk

RATE = 16_000
"""Hz."""


def record(longest_ms: float) -> AudioChunk:
    """Record until Enter is pressed, at most so long.

    Raises:
        MissingDependency: sounddevice, or PortAudio, is not installed.
        AudioError: code ``no_microphone``: there is none, or it cannot be used.
    """
    device, blocks, room = _device(), list[NDArray[np.float32]](), round(longest_ms * RATE / 1000)

    def take(block: NDArray[np.float32], *_: object) -> None:
        if sum(map(len, blocks)) < room:
            blocks.append(block[:, 0].copy())

    try:
        with device.InputStream(samplerate=RATE, channels=1, dtype="float32", callback=take):
            input("Recording; Enter ends. ")
    except device.PortAudioError as error:
        message = "The microphone cannot be used. Is one connected, and may the terminal use it? Or name a recording with --single."
        raise AudioError(message, code="no_microphone") from error
    return AudioChunk(np.concatenate([np.zeros(0, np.float32), *blocks])[:room], RATE)


def play(audio: AudioChunk) -> None:
    """Play a sound to its end.

    Raises:
        MissingDependency: sounddevice, or PortAudio, is not installed.
        AudioError: code ``no_loudspeaker``.
    """
    device = _device()
    try:
        device.play(audio.samples, audio.sample_rate, blocking=True)
    except device.PortAudioError as error:
        raise AudioError("The loudspeaker cannot be used. The answer is saved as a file all the same.", code="no_loudspeaker") from error


def _device() -> ModuleType:
    try:
        import sounddevice  # noqa: PLC0415 - only where it is asked for
    except (ImportError, OSError) as error:  # OSError: PortAudio is not there
        raise MissingDependency("The microphone on the command line", 'pip install "sounddevice>=0.5,<1"') from error
    return sounddevice  # type: ignore[no-any-return]
