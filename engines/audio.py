"""Audio conversion: decode files of any common format, resample, read and write 16-bit PCM, write WAV.

Decoding and resampling are FFmpeg's, by way of PyAV, writing is libsndfile's, by way of soundfile; both are imported when first used.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from engines.errors import AudioError, MissingDependency
from engines.types import SAMPLE_RATES, AudioChunk

SPEECH_RATE = 16_000
"""Hz: what every engine hears."""
HIGHEST_PCM_RATE = 96_000
"""Hz: the highest rate at which sound without a container is taken."""
SHORTEST_MS = 100.0
"""Anything shorter holds no word."""
SILENCE_DBFS = -60.0
"""A recording whose loudest 30 ms stay below this (RMS) is silent: quiet rooms are around -55 dBFS, a muted microphone far below."""

_WINDOW_MS = 30.0
_BAD_PACKETS = 500  # in a row; a damaged file recovers within a few
_LARGEST_PACKET = 4 * 2**20
"""Bytes: the largest that encoders write are 2.5 MB, half a minute of Monkey's Audio."""
_CANCELLED = 0.01
"""Mean power of the sum of channels, beside that of the loudest, below which they cancel each other out: 20 dB."""
_BLOCK = 65_536
"""Samples that are converted at once."""

# Containers that hold their own sound. FFmpeg's playlists and scripts (hls, concat, dash, sdp, image2 …), which name other files and
# addresses, are thereby refused, as are its headerless formats, which take anything for sound.
_CONTAINERS = ",".join(
    "3gp aac ac3 aiff amr ape asf au avi caf eac3 flac flv m4a matroska mov mp3 mp4 mpeg mpegts ogg tta voc w64 wav webm wv".split()
)
# Decoders of sound. FFmpeg would decode a picture in the file, too, while it opens it: 2 MB of MP3 with such a cover took 2 GB.
_PCM = "alaw bluray dvd f32be f32le f64be f64le mulaw s16be s16le s24be s24le s32be s32le s8 u8"
_DECODERS = ",".join(
    """aac aac_latm ac3 adpcm_ct adpcm_g722 adpcm_ima_qt adpcm_ima_wav adpcm_ms adpcm_swf adpcm_yamaha alac als amrnb amrwb ape dca eac3
    flac g722 g726 gsm gsm_ms libopencore_amrnb libopencore_amrwb libopus libspeex mlp mp1 mp1float mp2 mp2float mp3 mp3float nellymoser
    opus qcelp qdm2 s302m speex truehd truespeech tta vorbis wavpack wmalossless wmapro wmav1 wmav2 wmavoice""".split()
    + [f"pcm_{kind}" for kind in _PCM.split()]
)
_FULL_SCALE = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63, "f4": 1.0, "f8": 1.0}
"""What FFmpeg's sample types (as numpy spells them) count as 1.0; unsigned bytes have their zero at 128."""

_NOT_AUDIO = "That file is not sound that can be read here; WAV, MP3, M4A, OGG, WebM, FLAC and most others can."


def decode(source: bytes | Path, *, max_ms: float, max_rate: int = SPEECH_RATE) -> AudioChunk:
    """Decode a whole file of any common container and codec to mono.

    Channels are averaged; samples beyond [-1, 1] are clipped; a damaged or truncated file gives what can be decoded of it.
    Nothing that the file refers to is opened, pictures in it are not decoded, and decoding stops as soon as `max_ms` is passed.

    Args:
        source: the file, or its content.
        max_ms: the longest sound that is taken.
        max_rate: what has a higher sample rate, in Hz, is resampled to this one while it is decoded.

    Raises:
        AudioError: code ``empty``, ``not_audio``, ``no_sound`` (a video without sound), ``bad_samples`` (not finite), ``bad_rate`` (outside
            4 000 to 384 000 Hz), ``too_short`` (under `SHORTEST_MS`) or ``too_long``.
        MissingDependency: PyAV is not installed.
    """
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            if not file.read(1):
                raise AudioError("That file is empty. Choose another.", code="empty")
            file.seek(0)
            stretches = list(_stretches(file, max_ms, max_rate))
    except OSError as error:
        raise AudioError("That file cannot be opened. Choose another, or try again.", code="not_audio") from error
    if not stretches:
        raise AudioError(_NOT_AUDIO, code="not_audio")
    audio = concatenate(stretches)
    _require_length(audio)
    return AudioChunk(np.clip(audio.samples, -1.0, 1.0), audio.sample_rate)


def require_sound(audio: AudioChunk) -> None:
    """Refuse a recording in which speech recognition could find nothing.

    Raises:
        AudioError: code ``too_short`` (under `SHORTEST_MS`) or ``silent`` (`SILENCE_DBFS`).
    """
    _require_length(audio)
    window = max(1, round(audio.sample_rate * _WINDOW_MS / 1000))
    centred = audio.samples - np.float32(audio.samples.mean(dtype=np.float64))  # a constant offset is no sound
    windows = centred[: len(centred) // window * window].reshape(-1, window)
    loudest = float(np.einsum("ij,ij->i", windows, windows).max()) / window  # without a copy: recordings are long
    if loudest < 10 ** (SILENCE_DBFS / 10):
        raise AudioError("That recording is silent. Is the right microphone chosen, and is it switched on?", code="silent")


def from_pcm16(data: bytes, sample_rate: int) -> AudioChunk:
    """Mono 16-bit little-endian PCM, as microphones send it; no data is an empty chunk.

    Raises:
        AudioError: code ``bad_samples`` (an odd number of bytes) or ``bad_rate`` (outside 4 000 to 96 000 Hz).
    """
    _require_rate(sample_rate, HIGHEST_PCM_RATE)
    if len(data) % 2:
        raise AudioError(
            "That sound is damaged: 16-bit samples come in pairs of bytes, and one byte is missing. Record it again.", code="bad_samples"
        )
    samples = np.frombuffer(data, "<i2").astype(np.float32)
    samples /= 32768
    return AudioChunk(samples, sample_rate)


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
    resampler = _Resampler(audio.sample_rate, rate)
    resampler.push(audio.samples)
    samples = resampler.finish()[:length]
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


def _stretches(file: BinaryIO, max_ms: float, max_rate: int) -> Iterator[AudioChunk]:
    """The sound of a file: one chunk for each stretch of one sample rate, which seldom changes.

    Raises:
        AudioError: code ``not_audio``, ``no_sound``, ``bad_samples``, ``bad_rate`` or ``too_long``.
    """
    av = _pyav()
    options = {"format_whitelist": _CONTAINERS, "codec_whitelist": _DECODERS}
    try:
        container = av.open(file, container_options=options, io_open=_refuse_to_open, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(_NOT_AUDIO, code="not_audio") from error
    with container:
        if not container.streams.audio:
            raise AudioError("That file has no sound in it. Choose another.", code="no_sound")
        resampler: _Resampler | None = None
        length_ms = 0.0
        for frame in _frames(av, container):
            rate = frame.sample_rate
            _require_rate(rate)
            length_ms += frame.samples * 1000 / rate
            if length_ms > max_ms:
                raise AudioError(f"That recording is longer than {max_ms / 1000:g} seconds. Use a shorter one.", code="too_long")
            if resampler is None or resampler.source != rate:
                if resampler is not None:
                    yield AudioChunk(resampler.finish(), resampler.rate)
                resampler = _Resampler(rate, min(rate, max_rate))
            for samples in _mono(frame):
                resampler.push(samples)
        if resampler is not None:
            yield AudioChunk(resampler.finish(), resampler.rate)


class _Resampler:
    """FFmpeg's swresample, piece after piece; does nothing where both rates are the same."""

    def __init__(self, source: int, rate: int) -> None:
        self.source, self.rate = source, rate
        self._av = _pyav()
        self._resampler: Any = None if source == rate else self._av.AudioResampler(format="fltp", layout="mono", rate=rate)
        self._made = bytearray()  # not a list: pieces that stay between frames that go leave the heap full of holes

    def push(self, samples: NDArray[np.float32]) -> None:
        """Take the next piece, shape (n,)."""
        if self._resampler is None:
            self._made += samples.tobytes()
        elif len(samples):
            frame = self._av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[np.newaxis]), format="fltp", layout="mono")
            frame.sample_rate = self.source
            self._take(frame)

    def finish(self) -> NDArray[np.float32]:
        """All of it, at the other rate."""
        if self._resampler is not None:
            self._take(None)
        return np.frombuffer(self._made, np.float32)

    def _take(self, frame: Any) -> None:
        for made in self._resampler.resample(frame):
            self._made += made.to_ndarray().tobytes()


def _frames(av: ModuleType, container: Any) -> Iterator[Any]:
    """Decoded frames; damaged packets are passed over, a damaged container ends the sound."""
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
            frames = [] if packet.size > _LARGEST_PACKET else packet.decode()
        except av.FFmpegError:
            damaged += 1
            continue
        damaged = 0
        yield from (frame for frame in frames if frame.samples)


def _mono(frame: Any) -> Iterator[NDArray[np.float32]]:
    """The mean of a frame's channels, in [-1, 1], in pieces of shape (n,); the loudest where they cancel each other out.

    Raises:
        AudioError: code ``bad_samples``: not all of it is numbers.
    """
    values: NDArray[Any] = frame.to_ndarray()
    channels = values if frame.format.is_planar else values.reshape(-1, frame.layout.nb_channels).T
    scale = _FULL_SCALE[channels.dtype.str[1:]]
    for start in range(0, channels.shape[1], _BLOCK):
        with np.errstate(invalid="ignore", over="ignore"):
            block = channels[:, start : start + _BLOCK].astype(np.float64) - (128.0 if channels.dtype == np.uint8 else 0.0)
            mixed: NDArray[np.float64] = block.mean(axis=0)
            power = np.square(block).mean(axis=1)
            if len(block) > 1 and np.square(mixed).mean() < _CANCELLED * power.max():  # one of two wires is the other's inverse
                mixed = block[int(power.argmax())]
            samples = (mixed / scale).astype(np.float32)
        if not np.isfinite(samples).all():
            message = "That file is damaged: some of its samples are not numbers. Save it anew, or choose another."
            raise AudioError(message, code="bad_samples")
        yield samples


def _refuse_to_open(url: str, flags: int, options: dict[str, str]) -> Any:  # noqa: ARG001 - FFmpeg's signature
    raise PermissionError("a sound file may not refer to other files")


def _require_length(audio: AudioChunk) -> None:
    if audio.duration_ms < SHORTEST_MS:
        raise AudioError("That recording is too short to hold a word. Record a whole sentence.", code="too_short")


def _require_rate(rate: int, highest: int = SAMPLE_RATES.stop - 1) -> None:
    if rate not in SAMPLE_RATES or rate > highest:
        raise AudioError(f"A sample rate of {rate} Hz cannot be used; 16000 or 48000 are usual.", code="bad_rate")


def _pyav() -> ModuleType:
    try:
        import av  # noqa: PLC0415 - heavy, and many turns need none of it
    except ImportError as error:
        raise MissingDependency("Reading sound", "pip install av") from error
    return av
