"""Audio conversion: decode files of any common format, resample, read and write 16-bit PCM, write WAV.

Decoding and resampling are FFmpeg's, by way of PyAV, writing is libsndfile's, by way of soundfile; both are imported when first used.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from engines.errors import AudioError, MissingDependency
from engines.types import SAMPLE_RATES, AudioChunk

SHORTEST_MS = 100.0
"""Anything shorter holds no word."""
SILENCE_DBFS = -60.0
"""A recording whose loudest 30 ms stay below this (RMS) is silent: quiet rooms are around -55 dBFS, a muted microphone far below."""

_WINDOW_MS = 30.0
_BAD_PACKETS = 500  # in a row; a damaged file recovers within a few

# Containers that hold their own sound. FFmpeg's playlists and scripts (hls, concat, dash, sdp, image2 …), which name other files and
# addresses, are thereby refused, as are its headerless formats, which take anything for sound.
_CONTAINERS = ",".join(
    "3gp aac ac3 aiff amr ape asf au avi caf eac3 flac flv m4a matroska mov mp3 mp4 mpeg mpegts ogg tta voc w64 wav webm wv".split()
)
_FULL_SCALE = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63, "f4": 1.0, "f8": 1.0}
"""What FFmpeg's sample types (as numpy spells them) count as 1.0; unsigned bytes have their zero at 128."""

_NOT_AUDIO = "That file is not sound that can be read here; WAV, MP3, M4A, OGG, WebM, FLAC and most others can."


def decode(source: bytes | Path, *, max_ms: float) -> AudioChunk:
    """Decode a whole file of any common container and codec to mono at its own sample rate.

    Channels are averaged; samples beyond [-1, 1] are clipped; a damaged or truncated file gives what can be decoded of it.
    Nothing that the file refers to is opened, and decoding stops as soon as `max_ms` is passed.

    Raises:
        AudioError: code ``empty``, ``not_audio``, ``no_sound`` (a video without sound), ``bad_samples`` (not finite), ``too_short``
            (under `SHORTEST_MS`) or ``too_long``.
        MissingDependency: PyAV is not installed.
    """
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            if not file.read(1):
                raise AudioError("That file is empty. Choose another.", code="empty")
            file.seek(0)
            chunks = list(_decoded(file, max_ms))
    except OSError as error:
        raise AudioError("That file cannot be opened. Choose another, or try again.", code="not_audio") from error
    if not chunks:
        raise AudioError(_NOT_AUDIO, code="not_audio")
    audio = _joined_by_rate(chunks)
    _require_length(audio)
    return AudioChunk(np.clip(audio.samples, -1.0, 1.0), audio.sample_rate)


def require_sound(audio: AudioChunk) -> None:
    """Refuse a recording in which speech recognition could find nothing.

    Raises:
        AudioError: code ``too_short`` (under `SHORTEST_MS`) or ``silent`` (`SILENCE_DBFS`).
    """
    _require_length(audio)
    window = max(1, round(audio.sample_rate * _WINDOW_MS / 1000))
    centred = audio.samples - audio.samples.mean(dtype=np.float64)  # a constant offset is no sound
    windows = centred[: len(centred) // window * window].reshape(-1, window)
    loudest = float(np.square(windows, dtype=np.float64).mean(axis=1).max())
    if loudest < 10 ** (SILENCE_DBFS / 10):
        raise AudioError("That recording is silent. Is the right microphone chosen, and is it switched on?", code="silent")


def from_pcm16(data: bytes, sample_rate: int) -> AudioChunk:
    """Mono 16-bit little-endian PCM, as microphones send it; no data is an empty chunk.

    Raises:
        AudioError: code ``bad_samples`` (an odd number of bytes) or ``bad_rate`` (outside 4 000 to 384 000 Hz).
    """
    _require_rate(sample_rate)
    if len(data) % 2:
        raise AudioError(
            "That sound is damaged: 16-bit samples come in pairs of bytes, and one byte is missing. Record it again.", code="bad_samples"
        )
    return AudioChunk(np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768), sample_rate)


def to_pcm16(audio: AudioChunk) -> bytes:
    """Mono 16-bit little-endian PCM; what is beyond [-1, 1] is clipped."""
    scaled: NDArray[np.float32] = np.clip(np.rint(audio.samples * np.float32(32768)), -32768, 32767)
    return scaled.astype("<i2").tobytes()


def to_wav(audio: AudioChunk) -> bytes:
    """A 16-bit mono WAV file."""
    import soundfile  # noqa: PLC0415 - loads libsndfile

    file = io.BytesIO()
    soundfile.write(file, np.frombuffer(to_pcm16(audio), "<i2"), audio.sample_rate, format="WAV")
    return file.getvalue()


def resample(audio: AudioChunk, rate: int) -> AudioChunk:
    """The same sound at another sample rate (FFmpeg's swresample), exactly round(n * rate / audio.sample_rate) samples long.

    Raises:
        AudioError: code ``bad_rate`` (outside 4 000 to 384 000 Hz).
        MissingDependency: PyAV is not installed.
    """
    if rate == audio.sample_rate:
        return audio
    _require_rate(rate)
    length = round(len(audio.samples) * rate / audio.sample_rate)
    if length == 0:
        return AudioChunk(np.zeros(0, np.float32), rate)
    av = _pyav()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio.samples[np.newaxis]), format="fltp", layout="mono")
    frame.sample_rate = audio.sample_rate
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
    made = [out.to_ndarray()[0] for part in (frame, None) for out in resampler.resample(part)]
    samples = np.concatenate(made)[:length] if made else np.zeros(0, np.float32)
    return AudioChunk(np.pad(samples, (0, length - len(samples))), rate)


def concatenate(chunks: Sequence[AudioChunk]) -> AudioChunk:
    """One after another, at the first one's sample rate.

    Raises:
        AudioError: code ``empty``: there is nothing to join.
    """
    if not chunks:
        raise AudioError("There is no sound.", code="empty")
    rate = chunks[0].sample_rate
    return AudioChunk(np.concatenate([resample(chunk, rate).samples for chunk in chunks]), rate)


def _decoded(file: BinaryIO, max_ms: float) -> Iterator[AudioChunk]:
    """The decoded frames of a file as mono chunks.

    Raises:
        AudioError: code ``not_audio``, ``no_sound`` or ``too_long``.
    """
    av = _pyav()
    try:
        container = av.open(file, container_options={"format_whitelist": _CONTAINERS}, io_open=_refuse_to_open, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(_NOT_AUDIO, code="not_audio") from error
    with container:
        if not container.streams.audio:
            raise AudioError("That file has no sound in it. Choose another.", code="no_sound")
        length_ms = 0.0
        for frame in _frames(av, container):
            chunk = AudioChunk(_mono(frame), frame.sample_rate)
            length_ms += chunk.duration_ms
            if length_ms > max_ms:
                raise AudioError(f"That recording is longer than {max_ms / 1000:g} seconds. Use a shorter one.", code="too_long")
            yield chunk


def _frames(av: ModuleType, container: Any) -> Iterator[Any]:
    """Decoded frames with a usable rate; damaged packets are passed over, a damaged container ends the sound."""
    damaged = 0
    packets = container.demux(container.streams.audio[0])
    while damaged < _BAD_PACKETS:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            return
        if packet is None:
            return
        try:
            frames = packet.decode()
        except av.FFmpegError:
            damaged += 1
            continue
        damaged = 0
        yield from (frame for frame in frames if frame.samples and frame.sample_rate in SAMPLE_RATES)


def _mono(frame: Any) -> NDArray[np.float32]:
    """The mean of a frame's channels, shape (n,), in [-1, 1].

    Raises:
        AudioError: code ``bad_samples``: not all of it is numbers.
    """
    values: NDArray[Any] = frame.to_ndarray()
    channels = values if frame.format.is_planar else values.reshape(-1, frame.layout.nb_channels).T
    scale = _FULL_SCALE[channels.dtype.str[1:]]
    with np.errstate(invalid="ignore", over="ignore"):
        mixed: NDArray[np.float64] = channels.mean(axis=0, dtype=np.float64)
        if channels.dtype == np.uint8:
            mixed -= 128.0
        samples = (mixed / scale).astype(np.float32)
    if not np.isfinite(samples).all():
        raise AudioError("That file is damaged: some of its samples are not numbers. Save it anew, or choose another.", code="bad_samples")
    return samples


def _joined_by_rate(chunks: list[AudioChunk]) -> AudioChunk:
    """One chunk of many: neighbours of one rate are joined before anything is resampled, so that there are no seams inside a stretch."""
    stretches = [list(stretch) for _, stretch in itertools.groupby(chunks, key=lambda chunk: chunk.sample_rate)]
    return concatenate([AudioChunk(np.concatenate([chunk.samples for chunk in part]), part[0].sample_rate) for part in stretches])


def _refuse_to_open(url: str, flags: int, options: dict[str, str]) -> Any:  # noqa: ARG001 - FFmpeg's signature
    raise PermissionError("a sound file may not refer to other files")


def _require_length(audio: AudioChunk) -> None:
    if audio.duration_ms < SHORTEST_MS:
        raise AudioError("That recording is too short to hold a word. Record a whole sentence.", code="too_short")


def _require_rate(rate: int) -> None:
    if rate not in SAMPLE_RATES:
        raise AudioError(f"A sample rate of {rate} Hz cannot be used; 16000 or 48000 are usual.", code="bad_rate")


def _pyav() -> ModuleType:
    try:
        import av  # noqa: PLC0415 - heavy, and many turns need none of it
    except ImportError as error:
        raise MissingDependency("Reading sound", "pip install av") from error
    return av
