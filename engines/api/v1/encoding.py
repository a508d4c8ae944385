"""Sound for other programs in the formats that they ask for, also while it is still being made (WAV, PCM; MP3, Opus, FLAC, AAC by PyAV)."""

from __future__ import annotations

import struct
from typing import Any, Literal, get_args

from engines.audio import resample, to_pcm16
from engines.types import AudioChunk

SoundFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
"""As OpenAI names them; ``pcm`` is 16-bit little-endian mono at 24 000 Hz."""
SOUND_FORMATS: tuple[SoundFormat, ...] = get_args(SoundFormat)
MEDIA_TYPES: dict[SoundFormat, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
PCM_RATE = 24_000
_CODECS = {
    "mp3": ("mp3", "mp3", PCM_RATE),
    "opus": ("ogg", "libopus", 48_000),
    "aac": ("adts", "aac", PCM_RATE),
    "flac": ("flac", "flac", PCM_RATE),
}
"""Container, codec and sample rate."""
_UNKNOWN_LENGTH = 0xFFFFFFFF


class SoundEncoder:
    """Encoder of one sound: pieces in, bytes out. Used by one thread at a time."""

    def __init__(self, form: SoundFormat) -> None:
        self._form, self._out, self._begun = form, _Bytes(), False
        self._container: Any = None
        self._stream: Any = None
        if form in _CODECS:
            import av  # noqa: PLC0415 - heavy

            container, codec, self._rate = _CODECS[form]
            self._container = av.open(self._out, "w", format=container)
            self._stream = self._container.add_stream(codec, rate=self._rate, layout="mono")
            self._resampler = av.AudioResampler(self._stream.codec_context.format, "mono", self._rate)
        else:
            self._rate = PCM_RATE

    def push(self, audio: AudioChunk) -> bytes:
        """The bytes that are ready after another piece."""
        audio = resample(audio, self._rate)
        if self._container is None:
            head = b"" if self._begun or self._form == "pcm" else _endless_wav_head(self._rate)
            self._begun = True
            return head + to_pcm16(audio)
        import av  # noqa: PLC0415 - heavy

        frame = av.AudioFrame.from_ndarray(audio.samples[None, :], format="flt", layout="mono")
        frame.sample_rate = self._rate
        for ready in self._resampler.resample(frame):
            self._container.mux(self._stream.encode(ready))
        return self._out.take()

    def finish(self) -> bytes:
        """The rest."""
        if self._container is None:
            return b""
        for ready in self._resampler.resample(None):
            self._container.mux(self._stream.encode(ready))
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._out.take()


class _Bytes:
    """A file that can only be written; what was written is taken out."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _endless_wav_head(rate: int) -> bytes:
    """The head of a WAV file whose length is not known yet (the sizes of RIFF are then all ones, as FFmpeg and SoX write them)."""
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", _UNKNOWN_LENGTH)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", _UNKNOWN_LENGTH)
    )
