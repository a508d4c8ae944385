"""Captions of a film: the spoken words of its segments, as a track that players can show and hide (FFmpeg, by way of PyAV)."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from engines.text.captions import Caption
from engines.types import SpeechSegment, WordTiming

_CODECS = {".mp4": "mov_text", ".webm": "webvtt"}
"""By the film's ending."""
_CONTAINERS = {".mp4": ("mp4", {"movflags": "+faststart"}), ".webm": ("webm", {})}
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


def add_track(film: Path, target: Path, shown: Sequence[Caption], kind: str) -> None:
    """Copy a film, pictures and sound untouched, with a track of captions.

    Args:
        film: the file without captions.
        target: is overwritten.
        shown: in their order.
        kind: the ending of a kind of film: ``.mp4`` or ``.webm``.

    Raises:
        OSError: a file cannot be read or written.
    """
    import av  # noqa: PLC0415 - heavy

    container, options = _CONTAINERS[kind]
    with av.open(str(film)) as source, av.open(str(target), "w", format=container, container_options=options) as copy:
        streams = {stream.index: copy.add_stream_from_template(stream) for stream in source.streams if stream.type in ("video", "audio")}
        track: Any = copy.add_stream(_CODECS[kind])
        track.codec_context.subtitle_header = _ASS_HEADER
        track.codec_context.time_base = _MS
        waiting = [_packet(track, caption, escape=kind == ".webm") for caption in shown]
        for packet in source.demux(*(source.streams[index] for index in streams)):
            if packet.dts is None:  # the end
                continue
            while waiting and packet.time_base and waiting[0].pts * _MS <= packet.dts * packet.time_base:
                copy.mux(waiting.pop(0))
            packet.stream = streams[packet.stream.index]
            copy.mux(packet)
        for caption in waiting:
            copy.mux(caption)


def _packet(stream: Any, caption: Caption, *, escape: bool) -> Any:
    from av.subtitles.subtitle import SubtitleSet  # noqa: PLC0415 - heavy

    begin, length = round(caption.start_ms), max(1, round(caption.end_ms - caption.start_ms))
    text = caption.text.translate(_BRACES)
    text = html.escape(text, quote=False) if escape else text
    line = "0,0,Default,,0,0,0,," + text.replace("\n", "\\N")
    packet = stream.codec_context.encode_subtitle(SubtitleSet.create(line.encode(), 0, length, begin))
    packet.stream, packet.time_base = stream, _MS
    packet.pts = packet.dts = begin
    packet.duration = length
    return packet


def words_of(segments: Sequence[SpeechSegment], lead_ms: float) -> list[WordTiming]:
    """The spoken words of a film's segments, which follow each other without a gap.

    Args:
        segments: of the film.
        lead_ms: when the first begins.
    """
    words: list[WordTiming] = []
    begin = lead_ms
    for segment in segments:
        whole = (WordTiming(segment.text, 0.0, segment.audio.duration_ms),) if segment.text.strip() else ()
        words += [replace(word, start_ms=begin + word.start_ms) for word in segment.timeline.words or whole]
        begin += segment.audio.duration_ms
    return words
