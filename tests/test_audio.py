"""Sound files of every kind, whole, broken and hostile; resampling and PCM."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import time
import tracemalloc
import wave
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from requirements import requirement

from engines.audio import concatenate, decode, from_pcm16, require_sound, resample, to_pcm16, to_wav
from engines.errors import AudioError
from engines.types import AudioChunk

MINUTE = 60_000.0

# Container, codec, sample format, sample rate, and how much of a 440 Hz tone's energy must survive the codec.
FORMATS = {
    "wav 8 bit": ("wav", "pcm_u8", "u8", 8000, 0.999),
    "wav 16 bit": ("wav", "pcm_s16le", "s16", 16000, 0.9999),
    "wav 24 bit": ("wav", "pcm_s24le", "s32", 48000, 0.9999),
    "wav 32 bit": ("wav", "pcm_s32le", "s32", 44100, 0.9999),
    "wav float": ("wav", "pcm_f32le", "flt", 16000, 0.9999),
    "wav double": ("wav", "pcm_f64le", "dbl", 22050, 0.9999),
    "wav a-law": ("wav", "pcm_alaw", "s16", 8000, 0.99),
    "wave64": ("w64", "pcm_s16le", "s16", 16000, 0.9999),
    "aiff": ("aiff", "pcm_s16be", "s16", 44100, 0.9999),
    "au": ("au", "pcm_s16be", "s16", 16000, 0.9999),
    "caf": ("caf", "pcm_s16le", "s16", 16000, 0.9999),
    "mp3": ("mp3", "libmp3lame", "fltp", 44100, 0.99),
    "m4a": ("ipod", "aac", "fltp", 44100, 0.99),
    "mp4": ("mp4", "aac", "fltp", 48000, 0.99),
    "aac": ("adts", "aac", "fltp", 44100, 0.99),
    "ogg vorbis": ("ogg", "vorbis", "fltp", 44100, 0.99),
    "ogg flac": ("ogg", "flac", "s16", 44100, 0.9999),
    "ogg opus": ("ogg", "libopus", "flt", 48000, 0.99),
    "webm opus": ("webm", "libopus", "flt", 48000, 0.99),
    "matroska": ("matroska", "flac", "s16", 16000, 0.9999),
    "flac": ("flac", "flac", "s16", 16000, 0.9999),
    "flac 24 bit": ("flac", "flac", "s32", 96000, 0.9999),
    "wavpack": ("wv", "wavpack", "fltp", 44100, 0.9999),
}


def tone(seconds: float = 1.0, rate: int = 16000, hz: float = 440.0, level: float = 0.5) -> AudioChunk:
    t = np.arange(round(seconds * rate)) / rate
    return AudioChunk((level * np.sin(2 * np.pi * hz * t)).astype(np.float32), rate)


def encode(case: str, channels: list[NDArray[np.float32]], seconds: float | None = None) -> bytes:
    """A file of that kind, from one array a channel; with `seconds`, the channels are repeated up to there."""
    container_name, codec, sample_format, rate, _ = FORMATS[case]
    file = io.BytesIO()
    if codec == "vorbis":  # FFmpeg's own encoder: experimental, and stereo only
        channels = channels * (2 // len(channels))
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(channels)]
    with av.open(file, "w", format=container_name) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout, options={"strict": "experimental"})
        stream.codec_context.format = sample_format
        resampler = av.AudioResampler(format=sample_format, layout=layout, rate=rate, frame_size=stream.codec_context.frame_size or 0)
        rounds = 1 if seconds is None else round(seconds * rate / len(channels[0]))
        for index in range(rounds):
            frame = av.AudioFrame.from_ndarray(np.stack(channels), format="fltp", layout=layout)
            frame.sample_rate = rate
            frame.pts = index * len(channels[0])
            for part in resampler.resample(frame):
                container.mux(stream.encode(part))
        for part in resampler.resample(None):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return file.getvalue()


def share_of_tone(audio: AudioChunk, hz: float = 440.0) -> float:
    """Share of the energy, away from the edges, that lies within 5 Hz of the tone."""
    cut = audio.sample_rate // 5
    middle = audio.samples[cut:-cut]
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    frequencies = np.fft.rfftfreq(len(middle), 1 / audio.sample_rate)
    return float(power[abs(frequencies - hz) < 5].sum() / power.sum())


def refused(data: bytes | Path, code: str, max_ms: float = MINUTE) -> str:
    with pytest.raises(AudioError) as caught:
        decode(data, max_ms=max_ms)
    assert caught.value.code == code, caught.value.message
    assert caught.value.message.endswith(".")
    return caught.value.message


@pytest.mark.parametrize("case", FORMATS)
@pytest.mark.parametrize("channels", [1, 2])
@requirement("talk.formats")
def test_every_format_comes_back_as_the_same_tone(case: str, channels: int) -> None:
    rate, share = FORMATS[case][3:]
    data = encode(case, [tone(rate=rate).samples] * channels)
    assert decode(data, max_ms=MINUTE).sample_rate == min(rate, 16000)
    audio = decode(data, max_ms=MINUTE, max_rate=192_000)
    assert audio.sample_rate == rate
    assert audio.samples.dtype == np.float32
    assert audio.samples.ndim == 1
    assert audio.duration_ms == pytest.approx(1000, abs=80)
    assert share_of_tone(audio) > share
    middle = audio.samples[rate // 4 : -rate // 4]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.06)  # LAME writes 5 % less
    assert abs(middle.mean()) < 0.005


def test_lossless_samples_are_exact() -> None:
    chunk = tone()
    for case in ("wav 16 bit", "flac", "matroska", "caf"):
        assert np.abs(decode(encode(case, [chunk.samples]), max_ms=MINUTE).samples - chunk.samples).max() <= 1 / 32768


@pytest.mark.parametrize("case", ["wav 16 bit", "flac", "wav float", "m4a"])
def test_channels_are_averaged(case: str) -> None:
    rate = FORMATS[case][3]
    left, right = tone(rate=rate).samples, np.zeros(rate, np.float32)
    audio = decode(encode(case, [left, right]), max_ms=MINUTE)
    middle = audio.samples[4000:-4000]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.25 / np.sqrt(2), rel=0.03)
    assert decode(encode(case, [left] * 6), max_ms=MINUTE).duration_ms == pytest.approx(1000, abs=80)


def test_channels_that_cancel_each_other_out_are_heard() -> None:
    left = tone().samples
    audio = decode(encode("wav 16 bit", [left, -left]), max_ms=MINUTE)
    assert np.abs(audio.samples - left).max() < 0.001


def test_a_path_is_read_like_bytes(tmp_path: Path) -> None:
    path = tmp_path / "hello; rm -rf * .m3u8"
    path.write_bytes(to_wav(tone()))
    assert decode(path, max_ms=MINUTE).duration_ms == 1000


@requirement("talk.formats")
def test_what_is_not_sound_is_refused_in_one_sentence(tmp_path: Path) -> None:
    assert refused(b"", "empty") == "That file is empty. Choose another."
    refused(b"\0", "not_audio")
    refused(b"hello world\n" * 1000, "not_audio")
    refused(b"%PDF-1.7\n" + bytes(5000), "not_audio")
    refused(b"RIFF\xff\xff\xff\xffWAVE", "not_audio")
    refused(np.random.default_rng(1).bytes(100_000), "not_audio")
    refused(Path(__file__), "not_audio")
    refused(tmp_path, "not_audio")
    message = refused(tmp_path / "<b>secret</b>.wav", "not_audio")
    assert "secret" not in message
    (tmp_path / "empty.wav").touch()
    refused(tmp_path / "empty.wav", "empty")


def video(with_sound: bool) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        picture = container.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")
        sound = container.add_stream("aac", rate=44100, layout="mono") if with_sound else None
        for index in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), index * 20, np.uint8), format="rgb24")
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        if sound is not None:
            for at in range(0, 44100, 1024):
                part = tone(rate=44100).samples[at : at + 1024]
                audio_frame = av.AudioFrame.from_ndarray(part[np.newaxis], format="fltp", layout="mono")
                audio_frame.sample_rate, audio_frame.pts = 44100, at
                container.mux(sound.encode(audio_frame))
            container.mux(sound.encode(None))
    return file.getvalue()


def test_a_video_gives_its_sound_or_is_refused_without() -> None:
    assert share_of_tone(decode(video(with_sound=True), max_ms=MINUTE)) > 0.99
    assert refused(video(with_sound=False), "no_sound") == "That file has no sound in it. Choose another."


def length_or_code(data: bytes) -> float | str:
    try:
        return decode(data, max_ms=MINUTE).duration_ms
    except AudioError as error:
        return error.code


@pytest.mark.parametrize("case", FORMATS)
def test_a_truncated_file_gives_what_is_there_or_a_plain_refusal(case: str) -> None:
    rate = FORMATS[case][3]
    data = encode(case, [tone(3, rate).samples])
    usable = 0
    for share in (0.001, 0.02, 0.5, 0.8, 0.999):
        length = length_or_code(data[: max(1, int(len(data) * share))])
        if isinstance(length, str):
            assert length in {"not_audio", "too_short", "no_sound"}
        else:
            assert length < 3100
            usable += share >= 0.5
    index_at_the_end = case in {"m4a", "mp4"}  # without it nothing of the sound can be found
    assert usable == (1 if index_at_the_end else 3)


def test_damage_in_the_middle_does_not_lose_the_rest() -> None:
    data = bytearray(encode("mp3", [tone(3, 44100).samples]))
    data[len(data) // 2 : len(data) // 2 + 500] = bytes(500)
    audio = decode(bytes(data), max_ms=MINUTE)
    assert audio.duration_ms > 2500
    assert np.isfinite(audio.samples).all()


@pytest.mark.parametrize("seed", range(60))
def test_random_damage_never_does_worse_than_a_refusal(seed: int) -> None:
    random = np.random.default_rng(seed)
    case = sorted(FORMATS)[seed % len(FORMATS)]
    data = np.frombuffer(encode(case, [tone(1, FORMATS[case][3]).samples]), np.uint8).copy()
    places = random.integers(0, len(data), 1 + len(data) // 200)
    data[places] = random.integers(0, 256, len(places))
    try:
        audio = decode(data.tobytes(), max_ms=MINUTE)
    except AudioError:
        return
    assert np.isfinite(audio.samples).all()
    assert np.abs(audio.samples).max() <= 1


def float_wav(samples: NDArray[np.float32], rate: int = 16000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers_are_refused(value: float) -> None:
    samples = tone().samples.copy()
    samples[1234] = value
    refused(float_wav(samples), "bad_samples")


def test_samples_beyond_full_scale_are_clipped() -> None:
    assert np.abs(decode(float_wav(tone(level=3).samples), max_ms=MINUTE).samples).max() == 1


@pytest.mark.parametrize("rate", [1, 100, 500_000, 0x7FFFFFFF])
def test_an_absurd_sample_rate_in_a_file_is_refused(rate: int) -> None:
    data = bytearray(to_wav(tone()))
    data[24:28] = struct.pack("<I", rate)
    refused(bytes(data), "bad_rate")


def test_a_short_file_is_refused() -> None:
    refused(to_wav(tone(0.05)), "too_short")
    assert decode(to_wav(tone(0.1)), max_ms=MINUTE).duration_ms == 100


def test_a_long_file_is_refused_after_its_first_seconds() -> None:
    long = encode("flac", [np.zeros(160_000, np.float32)], seconds=1800)
    started = time.process_time()
    tracemalloc.start()
    message = refused(long, "too_long", max_ms=30_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message == "That recording is longer than 30 seconds. Use a shorter one."
    assert time.process_time() - started < 2
    assert peak < 20_000_000  # the whole would be 115 MB
    assert decode(to_wav(tone(30)), max_ms=30_000).duration_ms == 30_000


def png(side: int) -> bytes:
    """A black picture, 48 bits a pixel."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(bytes(side * (1 + 6 * side)), 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + part(b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 2, 0, 0, 0))
        + part(b"IDAT", pixels)
        + part(b"IEND", b"")
    )


def cover(picture: bytes) -> bytes:
    """An ID3 tag with that picture."""
    body = b"\0image/png\0\x03\0" + picture
    frame = b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body
    return b"ID3\x03\0\0" + bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0)) + frame


def one_packet(seconds: int, rate: int) -> bytes:
    """A Matroska file that is one packet of sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout="mono")
        packet = av.Packet(bytes(2 * seconds * rate))
        packet.stream, packet.pts, packet.dts = stream, 0, 0
        container.mux(packet)
    return file.getvalue()


PEAK = """
import resource, sys
from pathlib import Path
from engines.audio import decode
from engines.errors import AudioError
decode(Path(sys.argv[1]), max_ms=120_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[2:]:
    try:
        print(round(decode(Path(name), max_ms=120_000).duration_ms), end=" ")
    except AudioError as error:
        print(error.code, end=" ")
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)
"""


@requirement("talk.hostile-files")
def test_a_file_takes_little_memory_whatever_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "studio", ("flac", "flac", "s16", 384_000, 0))
    files = {
        "usual.wav": to_wav(tone()),
        "cover.mp3": cover(png(5000)) + encode("mp3", [tone(rate=44100).samples]),
        "studio.flac": encode("studio", [np.zeros(384_000, np.float32)], seconds=60),
        "one-packet.mkv": one_packet(110, 48_000),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *(str(tmp_path / name) for name in files)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).resolve().parent.parent,
    )
    cover_of, studio, packet = (line.split() for line in done.stdout.splitlines())
    assert (int(cover_of[0]), int(studio[0]), packet[0]) == (pytest.approx(1000, abs=80), 60_000, "not_audio")
    assert max(int(line[1]) for line in (cover_of, studio, packet)) <= 50, "MB"


def test_a_length_that_the_header_claims_is_not_believed() -> None:
    data = bytearray(to_wav(tone()))
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"  # what a recorder that streams writes
    assert decode(bytes(data), max_ms=2000).duration_ms == 1000


REFERRING = {
    "m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n",
    "ffconcat": b"ffconcat version 1.0\nfile '{url}'\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\na={url}\n",
    "mpd": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet mimeType="audio/wav">'
    b"<Representation id='1'><BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "asx": b'<asx version="3.0"><entry><ref href="{url}"/></entry></asx>',
    "pls": b"[playlist]\nFile1={url}\nNumberOfEntries=1\n",
}


@pytest.mark.parametrize("kind", REFERRING)
def test_a_file_that_names_other_files_opens_none_of_them(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(to_wav(tone()))
    opened: list[str] = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" and "secret" in str(args[0]) else None)
    here = [str(secret), f"file://{secret}", "secret.wav", f"subfile,,start,0,end,0,,:{secret}"]
    for url in (*here, "/etc/passwd", "http://127.0.0.1:9/x.wav"):
        data = REFERRING[kind].replace(b"{url}", url.encode())
        path = tmp_path / f"list.{kind}"
        path.write_bytes(data)
        monkeypatch.chdir(tmp_path)
        refused(data, "not_audio")
        refused(path, "not_audio")
    assert not opened


def test_silence_is_told_from_a_whisper() -> None:
    noise, click = np.random.default_rng(0).normal(size=16000), np.eye(1, 16000)[0] * 0.02
    word = np.concatenate([np.zeros(8000), tone(0.1, level=0.01).samples, np.zeros(6400)])
    silent = [(samples, "silent") for samples in (np.zeros(16000), np.full(16000, 0.5), noise * 0.0005, click)]
    for samples, code in (*silent, (np.zeros(100), "too_short"), (np.zeros(0), "too_short")):
        with pytest.raises(AudioError) as caught:
            require_sound(AudioChunk(samples.astype(np.float32), 16000))
        assert caught.value.code == code
    for samples in (noise * 0.002, word):
        require_sound(AudioChunk(samples.astype(np.float32), 16000))


@pytest.mark.parametrize("source", [8000, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("target", [8000, 16000, 22050, 24000, 44100, 48000])
def test_resampling_keeps_length_pitch_level_and_place(source: int, target: int) -> None:
    audio = resample(tone(1.0, source, hz=1000), target)
    assert audio.sample_rate == target
    assert len(audio.samples) == round(source * target / source)
    edge = target // 50
    error = (audio.samples - tone(1.0, target, hz=1000).samples)[edge:-edge]
    assert np.abs(error).max() < 0.01  # no click, no shift: a tenth of a sample at 1 kHz would be more at 16 kHz


def test_resampling_in_awkward_lengths() -> None:
    for length in (0, 1, 2, 7, 100, 15999):
        assert len(resample(AudioChunk(tone().samples[:length], 16000), 24000).samples) == round(length * 1.5)
    chunk = tone()
    assert resample(chunk, chunk.sample_rate) is chunk


def test_a_strided_view_is_resampled_like_its_copy() -> None:
    samples = tone(rate=32000).samples
    one, two = (resample(AudioChunk(part, 16000), 24000).samples for part in (samples[::2], samples[::2].copy()))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("rate", [-1, 0, 1, 3999, 10**9])
def test_absurd_rates_are_refused(rate: int) -> None:
    for action in (lambda: from_pcm16(b"\0\0", rate), lambda: resample(tone(), rate)):
        with pytest.raises(AudioError) as caught:
            action()
        assert caught.value.code == "bad_rate"


def test_sound_without_a_container_may_have_96_khz_and_no_more() -> None:
    assert from_pcm16(bytes(96_000), 96_000).duration_ms == 500
    with pytest.raises(AudioError) as caught:
        from_pcm16(bytes(96_000), 96_001)
    assert caught.value.code == "bad_rate"


def test_pcm_goes_there_and_back_unchanged() -> None:
    data = np.random.default_rng(0).integers(-32768, 32768, 10_000).astype("<i2").tobytes()
    assert to_pcm16(from_pcm16(data, 16000)) == data
    assert len(from_pcm16(b"", 16000).samples) == 0
    with pytest.raises(AudioError) as caught:
        from_pcm16(b"\0\0\0", 16000)
    assert caught.value.code == "bad_samples"
    loud = np.array([2, -2, 1, -1, 0], np.float32)
    assert np.frombuffer(to_pcm16(AudioChunk(loud, 16000)), "<i2").tolist() == [32767, -32768, 32767, -32768, 0]


def test_a_wav_is_what_the_standard_library_reads() -> None:
    with wave.open(io.BytesIO(to_wav(tone(rate=24000)))) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate(), reader.getnframes()) == (1, 2, 24000, 24000)


def test_joining_takes_the_first_rate() -> None:
    joined = concatenate([tone(0.5, 24000), tone(0.5, 16000)])
    assert joined.sample_rate == 24000
    assert joined.duration_ms == 1000
    with pytest.raises(AudioError):
        concatenate([])


def test_a_stream_that_changes_its_rate_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "slower", ("ogg", "flac", "s16", 22050, 0))
    chained = encode("ogg flac", [tone(1, 44100).samples]) + encode("slower", [tone(1, 22050).samples])
    assert decode(chained, max_ms=MINUTE).sample_rate == 16000
    audio = decode(chained, max_ms=MINUTE, max_rate=48_000)
    assert audio.sample_rate == 44100
    assert audio.duration_ms == pytest.approx(2000, abs=100)
    assert share_of_tone(audio) > 0.99
