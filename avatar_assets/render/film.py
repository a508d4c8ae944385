"""Writes a film file: pictures, sound and captions, by way of PyAV (FFmpeg). Nothing half-written is left behind."""

from __future__ import annotations

import contextlib
import errno
import html
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_assets.render.script import Caption
from engines.errors import InputError, MissingDependency
from engines.types import AudioChunk


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of film, as FFmpeg names its parts."""

    container: str
    video: str
    video_options: dict[str, str]
    audio: str
    captions: str
    container_options: dict[str, str]


KINDS = {
    ".mp4": Kind("mp4", "libx264", {"preset": "veryfast", "crf": "20"}, "aac", "mov_text", {"movflags": "+faststart"}),
    ".webm": Kind(
        "webm",
        "libvpx-vp9",
        {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "32", "b": "0"},
        "libopus",
        "webvtt",
        {},
    ),
}
"""By the file's ending."""
_AUDIO_BITS = 128_000
_SOUND_AHEAD_MS = 500
"""Sound is written so far ahead of the pictures, as players like to find it."""
_BT709 = 1
"""FFmpeg's number for the colours of HD television."""
_LIMITED_RANGE = 1
_MS = Fraction(1, 1000)
_BRACES = str.maketrans("{}", "()")
"""Braces are commands of SubStation Alpha, through which FFmpeg's captions go."""
_ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, \
ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
"""FFmpeg's encoders of captions want to be told of a style in the format of SubStation Alpha."""


def kind_of(path: Path) -> Kind:
    """The kind of film that a path names by its ending.

    Raises:
        InputError: code ``no_film``: the ending is none of `KINDS`.
        MissingDependency: PyAV is not installed, or was made without an encoder that this kind needs.
    """
    if (kind := KINDS.get(path.suffix.lower())) is None:
        what = f"The ending {path.suffix}" if path.suffix else "A name without an ending"
        raise InputError(f"{what} is no kind of film that can be made; end the name in {' or '.join(KINDS)}.", code="no_film")
    if lacking := {kind.video, kind.audio} - _pyav().codecs_available:
        raise MissingDependency(
            f"Writing {path.suffix} ({', '.join(sorted(lacking))})", "pip install --force-reinstall --only-binary av av"
        )
    return kind


@contextlib.contextmanager
def whole_or_nothing(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write to; what was written takes the place of `path` at the end, or vanishes on an error.

    Raises:
        InputError: code ``unwritable``: nothing can be written there; the message says why.
    """
    beside = require_writable(path)
    try:
        yield beside
        beside.replace(path)
    except OSError as error:
        raise InputError(f"{path} could not be written to the end: {error.strerror or error}.", code="unwritable") from error
    finally:
        beside.unlink(missing_ok=True)


def require_writable(path: Path) -> Path:
    """The name of a file beside `path` that can be written.

    Raises:
        InputError: code ``unwritable``: nothing can be written there, or `path` is a folder.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        beside.touch()
        beside.unlink()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}. Choose another place with --out.", code="unwritable") from error
    return beside


class Film:
    """A film that is being written: within ``with``, `add` its pictures one by one."""

    def __init__(
        self, path: Path, kind: Kind, *, size: tuple[int, int], fps: int, audio: AudioChunk, captions: Sequence[Caption] = ()
    ) -> None:
        """Open the file.

        Args:
            path: is overwritten.
            kind: what to write.
            size: width and height in pixels, both even.
            fps: pictures a second.
            audio: the whole sound at 48 000 Hz; its length is the film's.
            captions: what is said when, as a track that the viewer can switch off; none leaves the track out.

        Raises:
            MissingDependency: PyAV is not installed, or too old for captions.
            OSError: the file cannot be written.
        """
        self._av = _pyav()
        if captions and not _can_caption(self._av):
            raise MissingDependency("Writing captions", "pip install 'av>=16.1'")
        self._kind, self._fps, self._size, self._audio = kind, fps, size, audio
        self._file = self._av.open(str(path), "w", format=kind.container, container_options=kind.container_options)
        self._video = self._file.add_stream(kind.video, rate=fps, options=kind.video_options)
        self._video.width, self._video.height = size
        self._video.pix_fmt = "yuv420p"
        context = self._video.codec_context
        context.time_base = Fraction(1, fps)
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE
        self._sound = self._file.add_stream(kind.audio, rate=audio.sample_rate, layout="mono")
        self._sound.codec_context.bit_rate = _AUDIO_BITS
        self._said = self._file.add_stream(kind.captions) if captions else None
        if self._said is not None:
            self._said.codec_context.subtitle_header = _ASS_HEADER
            self._said.codec_context.time_base = _MS
        self._captions = deque(captions)
        self._reform = self._av.video.reformatter.VideoReformatter()
        self._pictures = self._samples = 0

    def add(self, picture: NDArray[np.uint8]) -> None:
        """The next picture, shape (height, width, 3), sRGB; scaled to the film's size."""
        frame = self._reform.reformat(
            self._av.VideoFrame.from_ndarray(picture, format="rgb24"),
            *self._size,
            "yuv420p",
            dst_colorspace="ITU709",
            dst_color_range="MPEG",
            interpolation="BICUBIC",
        )
        frame.pts, frame.time_base = self._pictures, Fraction(1, self._fps)
        self._pictures += 1
        self._sound_until(self._pictures * 1000 / self._fps + _SOUND_AHEAD_MS)
        self._file.mux(self._video.encode(frame))

    def __enter__(self) -> Film:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self._finish()
        else:
            with contextlib.suppress(self._av.FFmpegError):
                self._file.close()

    def _finish(self) -> None:
        """Write the rest."""
        self._sound_until(float("inf"))
        self._file.mux(self._sound.encode(None))
        self._file.mux(self._video.encode(None))
        self._file.close()

    def _sound_until(self, ms: float) -> None:
        """Write sound and captions up to a moment of the film."""
        rate, samples = self._audio.sample_rate, self._audio.samples
        step = self._sound.codec_context.frame_size or 1024
        while self._samples < len(samples) and self._samples * 1000 / rate < ms:
            piece = np.ascontiguousarray(samples[self._samples : self._samples + step][np.newaxis], np.float32)
            frame = self._av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, self._samples, Fraction(1, rate)
            self._samples += step
            self._file.mux(self._sound.encode(frame))
        while self._said is not None and self._captions and self._captions[0].start_ms < ms:
            self._file.mux(self._caption(self._said, self._captions.popleft()))

    def _caption(self, stream: Any, caption: Caption) -> Any:
        begin, length = round(caption.start_ms), max(1, round(caption.end_ms - caption.start_ms))
        text = caption.text.translate(_BRACES)
        text = html.escape(text, quote=False) if self._kind.captions == "webvtt" else text
        line = "0,0,Default,,0,0,0,," + text.replace("\n", "\\N")
        packet = stream.codec_context.encode_subtitle(self._av.subtitles.subtitle.SubtitleSet.create(line.encode(), 0, length, begin))
        packet.stream, packet.time_base = stream, _MS
        packet.pts = packet.dts = begin
        packet.duration = length
        return packet


def _can_caption(av: ModuleType) -> bool:
    return hasattr(av.subtitles.codeccontext.SubtitleCodecContext, "encode_subtitle")


def _pyav() -> ModuleType:
    try:
        import av  # noqa: PLC0415 - heavy
        import av.subtitles.codeccontext  # noqa: PLC0415
        import av.subtitles.subtitle  # noqa: PLC0415
        import av.video.reformatter  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependency("Writing a film", "pip install av") from error
    return av
