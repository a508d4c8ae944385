"""The voice on a server, against a loopback server that speaks the protocol well and badly, with a real synthesizer's sound."""

from __future__ import annotations

import io
import struct
import threading
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import tone
from openai_server import PATIENCE_S, Exchange, OpenAIServer, answers, drops, error, no_nap, raw, speaks, waits

from engines.audio import resample, to_pcm16, to_wav
from engines.errors import TextToSpeechError
from engines.lipsync.timeline import viseme_timeline
from engines.protocols import TextToSpeech
from engines.runtimes.openai_client import OpenAIClient
from engines.tts import espeak_ng, openai_compatible
from engines.tts.openai_compatible import OpenAICompatible, Options
from engines.types import AudioChunk, Speech, Voice

KEY = "sk-verysecret0123456789"
TEXT = "I have been thinking about what you said yesterday, and I believe you were right."


@pytest.fixture(scope="module")
def said() -> Speech:
    """The text as a real synthesizer says it, with its own times."""
    (speech,) = espeak_ng.load(espeak_ng.Options(), "cpu").synthesize(TEXT)
    return Speech(resample(speech.audio, 24_000), speech.phonemes, speech.words, speech.timing)


def voice_of(server: OpenAIServer, **options: Any) -> OpenAICompatible:
    chosen = Options(**{"base_url": server.base_url, "timeout_s": PATIENCE_S, **options})
    client = OpenAIClient("Test", TextToSpeechError, chosen, sleep=no_nap)
    return OpenAICompatible(client, chosen)


def say(engine: OpenAICompatible, text: str = "Hello.", voice: str | None = None) -> Speech:
    (speech,) = engine.synthesize(text, voice)
    return speech


def same(one: AudioChunk, two: AudioChunk) -> bool:
    same_form = (one.sample_rate, len(one.samples)) == (two.sample_rate, len(two.samples))
    return same_form and bool(np.allclose(one.samples, two.samples, atol=1e-4))


PCM = to_pcm16(tone(rate=24_000))
WAV = to_wav(tone(rate=22_050))


def test_a_text_becomes_sound_with_aligned_lips(server, said):
    pcm = to_pcm16(said.audio)
    server.play(speaks(pcm[:1001], pcm[1001:]))
    engine = openai_compatible.load(Options(base_url=server.base_url, model="kokoro", speed=1.25), "cpu")
    assert isinstance(engine, TextToSpeech)
    speech = say(engine, TEXT)
    assert server.requests[0].path == "/v1/audio/speech"
    assert server.requests[0].json == {"model": "kokoro", "input": TEXT, "voice": "alloy", "response_format": "pcm", "speed": 1.25}
    assert same(speech.audio, said.audio)
    assert speech.timing == "aligned"
    true = {word.text: word.start_ms for word in said.words}
    errors = [abs(word.start_ms - true[word.text]) for word in speech.words if word.text in true and word.text not in {"I ", "you "}]
    assert len(errors) >= 8
    assert np.median(errors) <= 15
    assert viseme_timeline(speech).visemes


def test_another_language_is_estimated_and_said_so(server, said):
    server.play(speaks(to_pcm16(said.audio)))
    speech = say(voice_of(server, language="de"), TEXT)
    assert speech.timing == "estimated"
    assert "".join(word.text for word in speech.words) == TEXT


def test_a_text_that_was_not_spoken_is_never_called_aligned(server, said):
    server.play(speaks(to_pcm16(said.audio)))
    assert say(voice_of(server), "She sells sea shells by the sea shore.").timing == "estimated"


def streamed_wav(audio: AudioChunk, size: int) -> bytes:
    """As servers begin a WAV whose end they do not know."""
    wav = to_wav(audio)
    return wav[:4] + struct.pack("<I", size) + wav[8:40] + struct.pack("<I", size) + wav[44:]


def stereo() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.stack([tone(rate=22_050).samples] * 2, axis=1), 22_050, format="WAV")
    return file.getvalue()


def mp3() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tone(rate=24_000).samples, 24_000, format="MP3")
    return file.getvalue()


@pytest.mark.parametrize(
    ("options", "body", "kind", "rate"),
    [
        ({}, PCM, "audio/pcm", 24_000),
        ({}, PCM, "application/octet-stream", 24_000),
        ({}, PCM, "audio/L16;rate=16000;channels=1", 16_000),
        ({"sample_rate": 44_100}, PCM, "audio/pcm", 44_100),
        ({"response_format": "wav"}, WAV, "audio/wav", 22_050),
        ({"response_format": "wav"}, streamed_wav(tone(rate=22_050), 0xFFFFFFFF), "audio/x-wav", 22_050),
        ({"response_format": "wav"}, streamed_wav(tone(rate=22_050), 0x7FFFFFFF), "application/octet-stream", 22_050),
        ({"response_format": "wav"}, stereo(), "audio/wav", 22_050),
        ({}, WAV, "audio/pcm", 22_050),
        ({}, mp3(), "audio/mpeg", 24_000),
    ],
    ids=["pcm", "bytes", "L16", "other rate", "wav", "streamed wav", "another streamed wav", "stereo", "wav for pcm", "mp3 for pcm"],
)
def test_every_common_form_of_sound_is_read(server, options, body, kind, rate):
    server.play(raw(body, kind))
    speech = say(voice_of(server, **options))
    assert server.requests[0].json["response_format"] == options.get("response_format", "pcm")
    assert speech.audio.sample_rate == rate
    assert np.abs(speech.audio.samples).max() == pytest.approx(0.3, abs=0.05)
    assert speech.audio.duration_ms == pytest.approx(500 * 24_000 / rate if body == PCM else 500, rel=0.2)
    assert speech.timing == "estimated"


def test_a_long_text_is_asked_for_sentence_by_sentence(server):
    server.play(speaks(PCM))
    text = " ".join(f"This is sentence number {number}, and it is not the last." for number in range(12))
    spoken = voice_of(server).synthesize(text)
    next(spoken)
    assert len(server.requests) == 1
    rest = list(spoken)
    assert len(server.requests) == len(rest) + 1 > 5
    assert "".join(request.json["input"] for request in server.requests) == text
    assert all(len(request.json["input"]) <= 300 for request in server.requests)


def test_closing_ends_the_asking(server):
    server.play(speaks(PCM))
    spoken = voice_of(server).synthesize("One sentence. " * 50)
    next(spoken)
    spoken.close()
    assert len(server.requests) == 1


@pytest.mark.parametrize("text", ["", "  ", "?!", "—\n"])
def test_where_nothing_is_to_be_said_nothing_is_asked(server, text):
    assert list(voice_of(server).synthesize(text)) == []
    assert not server.requests


def stops_before_the_end(http: Exchange) -> None:
    http.head(200, "audio/pcm", Content_Length="100000")
    http.wfile.write(PCM[:1000])
    http.close_connection = True


FAILURES = {
    "401": (error(401, f"Incorrect key {KEY}"), "bad_key", False),  # every other status: see test_llm_openai_compatible.py
    "400 voice": (error(400, "Voice 'x' not found"), "refused", False),
    "dropped inside the sound": (speaks(PCM[:1000], then=drops), "dropped", True),
    "shorter than announced": (stops_before_the_end, "dropped", True),
    "half a sample": (speaks(PCM[:1001]), "dropped", True),
    "a WAV cut short": (lambda http: http.whole(WAV[: len(WAV) // 2], 200, "audio/wav"), "dropped", True),
    "nothing": (speaks(), "no_sound", True),
    "silence": (speaks(bytes(4800)), "no_sound", True),
    "an error that says 200": (answers({"error": {"message": f"CUDA fell over, {KEY}"}}), "server_error", True),
    "an error as a line": (answers({"error": "CUDA fell over"}), "server_error", True),
    "FastAPI's error that says 200": (answers({"detail": {"message": "x"}}), "server_error", True),
    "other JSON": (answers(["x"]), "bad_answer", False),
    "broken JSON": (raw(b'{"error', "application/json"), "bad_answer", False),
    "a page": (raw(b"<html>Welcome</html>", "text/html"), "bad_answer", False),
    "no MP3": (raw(b"not an mp3" * 50, "audio/mpeg"), "bad_answer", False),
    "no WAV": (raw(b"not a wav." * 50, "audio/wav"), "bad_answer", False),
    "a damaged WAV": (raw(b"RIFF\xff\xff\xff\xffWAVE" + b"x" * 99, "audio/wav"), "bad_answer", False),
    "a rate that is none": (raw(PCM, "audio/L16;rate=999999"), "bad_answer", False),
}


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_is_told_in_plain_words(server, name):
    act, code, passing = FAILURES[name]
    server.play(act)
    with pytest.raises(TextToSpeechError) as raised:
        say(voice_of(server, api_key=KEY))
    assert (raised.value.code, raised.value.retryable) == (code, passing)
    assert raised.value.message.endswith(".")
    assert KEY not in raised.value.message
    assert len(server.requests) == (3 if passing else 1)


def test_after_a_passing_failure_the_same_text_is_asked_again(server):
    server.play(error(503, "x"), speaks(PCM[:1000], then=drops), error(429, "x", Retry_After="1"), speaks(PCM))
    assert say(voice_of(server, retries=3)).audio.duration_ms == 500
    assert len({request.body for request in server.requests}) == 1
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("act", "options"),
    [(waits, {"first_byte_s": 0.2}), (speaks(PCM[:1000], then=waits), {"timeout_s": 0.2})],
    ids=["from the beginning", "in the middle"],
)
def test_a_server_that_keeps_silent_is_left(server, act, options):
    server.play(act)
    with pytest.raises(TextToSpeechError) as raised:
        say(voice_of(server, **options))
    assert (raised.value.code, raised.value.retryable) == ("stalled", True)
    assert len(server.requests) == 1
    assert server.hung_up.wait(PATIENCE_S)


def test_a_server_that_is_slow_but_steady_is_heard_out(server):
    def slowly(http):
        for at in range(1000, len(PCM), 4600):
            threading.Event().wait(0.1)
            http.wfile.write(b"%x\r\n%s\r\n" % (len(PCM[at : at + 4600]), PCM[at : at + 4600]))
        http.wfile.write(b"0\r\n\r\n")

    server.play(speaks(PCM[:1000], then=slowly))
    assert say(voice_of(server, first_byte_s=0.5, timeout_s=0.4)).audio.duration_ms == 500


def test_sound_without_end_is_left(server, monkeypatch):
    monkeypatch.setattr(openai_compatible, "_MOST_BYTES", 10_000)
    server.play(speaks(PCM, then=waits))
    with pytest.raises(TextToSpeechError) as raised:
        say(voice_of(server))
    assert raised.value.code == "bad_answer"
    assert server.hung_up.wait(PATIENCE_S)


def listed(server: OpenAIServer, answer: object, **options: Any) -> list[Voice]:
    server.voices = answers(answer)
    return list(openai_compatible.load(Options(base_url=server.base_url, **options), "cpu").voices())


@pytest.mark.parametrize(
    ("answer", "voices"),
    [
        ({"voices": ["af_heart", "bm_lewis", "if_sara"]}, [("af_heart", "en-US"), ("bm_lewis", "en-GB"), ("if_sara", "it")]),
        ({"voices": [{"id": "x", "name": "Xenia", "language": "ru"}, {"voice_id": "y"}]}, [("x", "ru"), ("y", "en")]),
        ([{"name": "z"}], [("z", "en")]),
        ({"data": ["a", "", None, 5, {"id": 7}, {}]}, [("a", "en")]),
    ],
)
def test_voices_that_the_server_lists(server, answer, voices):
    assert [(voice.id, voice.language) for voice in listed(server, answer)] == voices


@pytest.mark.parametrize("answer", [{}, [], None, "x", 5, {"voices": {"a": 1}}, {"voices": []}])
def test_without_a_list_there_are_openais_voices(server, answer):
    assert "alloy" in {voice.id for voice in listed(server, answer)}


def test_named_voices_come_first(server):
    voices = listed(server, {"voices": [{"id": "a"}, {"id": "b", "name": "Bea", "language": "fr"}]}, voices=("b", "mine"), language="de")
    assert voices == [Voice("b", "Bea", "fr"), Voice("mine", "mine", "de"), Voice("a", "a", "de")]


def test_the_voice_that_is_asked_for_speaks(server):
    server.play(speaks(PCM))
    engine = voice_of(server, voices=("one", "two"))
    say(engine)
    say(engine, voice="two")
    assert [request.json["voice"] for request in server.requests] == ["one", "two"]


@pytest.mark.parametrize("voice", ["", "../two", "x" * 5000, "two\n"])
def test_a_voice_that_does_not_exist_is_refused_at_once(server, voice):
    with pytest.raises(TextToSpeechError, match="has no voice") as raised:
        voice_of(server, voices=("two",)).synthesize("Hello.", voice)
    assert raised.value.code == "unknown_voice"
    assert len(raised.value.message) < 300
    assert not server.requests


def test_a_server_that_fails_while_it_lists_its_voices_is_told(server):
    server.voices = error(503, "x", Retry_After="3600")
    with pytest.raises(TextToSpeechError) as raised:
        openai_compatible.load(Options(base_url=server.base_url), "cpu")
    assert raised.value.code == "server_error"
