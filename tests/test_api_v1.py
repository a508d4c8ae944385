"""The HTTP API for other programs: what it answers, and how it refuses."""

from __future__ import annotations

import io
import itertools
import json

import av
import httpx
import openai
import pytest
from requirements import requirement

from engines.api.v1.encoding import SOUND_FORMATS
from engines.api.v1.kept import Kept
from engines.api.v1.problems import ApiError
from engines.api.v1.states import HAPPENINGS, STATES, TRANSITIONS, after

TIMELINE = {"words", "wtimes", "wdurations", "visemes", "vtimes", "vdurations"}


@pytest.fixture(scope="module")
def http(program_server):
    with httpx.Client(base_url=program_server.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def openai_client(program_server):
    return openai.OpenAI(base_url=f"{program_server.url}/v1", api_key="none", max_retries=0)


@requirement("api.sts-avatar")
def test_a_recording_is_answered_by_text_sound_and_visemes(http, question):
    answer = http.post("/api/sts-avatar", files={"audio": ("../../etc/passwd", question)}, data={"persona": "maya"}).json()
    assert answer.keys() >= TIMELINE | {"text", "transcript", "audioUrl"}
    assert len(answer["wtimes"]) == len(answer["words"]) > 3
    sound = http.get(answer["audioUrl"])
    assert sound.headers["content-type"] == "audio/wav"
    assert sound.content[:4] == b"RIFF"
    assert http.get("/api/audio/" + "0" * 32).json()["code"] == "unknown_audio"


@requirement("api.sse")
def test_an_upload_is_answered_by_a_stream_of_events_once(http, question):
    stream = http.post("/upload", files={"audio": ("q.wav", question)}).json()["stream"]
    lines = http.get(stream, params={"persona": "sam"}).text.splitlines()
    kinds = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert kinds[0] == "transcript"
    assert kinds[-1] == "done"
    assert set(kinds[1:-1]) == {"chunk"}
    chunk = json.loads(next(line for line in lines if '"visemes"' in line).removeprefix("data: "))
    assert chunk.keys() >= TIMELINE | {"audio", "sampleRate", "text", "index"}
    assert http.get(stream).status_code == 404


@requirement("api.about")
def test_health_models_and_metrics(http):
    health = http.get("/v1/health").json()
    assert {part["name"] for part in health["components"]} == {"stt", "llm", "tts", "personas"}
    models = http.get("/v1/models").json()["data"]
    assert {"maya", "tts/espeak_ng"} <= {model["id"] for model in models}
    assert http.get("/metrics").text.startswith("# HELP visavis_turns")
    assert http.get("/docs").status_code == 200


@requirement("api.openai-speech")
@pytest.mark.parametrize("form", SOUND_FORMATS)
def test_the_openai_client_gets_speech_in_every_format(openai_client, form):
    with openai_client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="maya" if form == "wav" else "alloy", input="Good morning everybody.", response_format=form
    ) as response:
        sound = response.read()
    if form == "pcm":
        length = len(sound) / 2 / 24_000
    else:
        with av.open(io.BytesIO(sound)) as file:
            length = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    assert 0.8 < length < 4


@requirement("api.openai-speech")
def test_speech_is_faster_or_refused_in_a_sentence(openai_client):
    lengths = [
        len(
            openai_client.audio.speech.create(
                model="x", voice="maya", input="One two three four.", speed=speed, response_format="pcm"
            ).content
        )
        for speed in (1.0, 2.0)
    ]
    assert lengths[1] < 0.75 * lengths[0]
    for wrong in ({"input": " "}, {"input": "***"}, {"voice": "nobody"}, {"input": "a" * 5000}):
        with pytest.raises(openai.UnprocessableEntityError) as refused:
            openai_client.audio.speech.create(**{"model": "x", "voice": "maya", "input": "Hello.", **wrong})
        assert refused.value.response.json()["message"].endswith(".")


@requirement("api.openai-transcriptions")
@pytest.mark.parametrize("form", ["json", "text", "srt", "vtt", "verbose_json"])
def test_the_openai_client_gets_transcripts_in_every_format(openai_client, question, form):
    made = openai_client.audio.transcriptions.create(model="whisper-1", file=("q.wav", question), response_format=form)
    match form:
        case "json":
            assert made.text
        case "verbose_json":
            assert [word.word for word in made.words] == made.text.split()
            assert made.segments[0].end <= made.duration + 0.01
        case _:
            assert {"text": "", "srt": "1\n00:00:0", "vtt": "WEBVTT"}[form] in made


@requirement("api.openai-chat")
def test_the_openai_client_chats_with_a_persona(openai_client):
    asked = {"model": "maya", "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "What do wolves eat?"}]}
    whole = openai_client.chat.completions.create(**asked).choices[0].message.content
    pieces = [chunk.choices[0].delta.content or "" for chunk in openai_client.chat.completions.create(**asked, stream=True)]
    assert whole
    assert "".join(pieces)
    with pytest.raises(openai.UnprocessableEntityError):
        openai_client.chat.completions.create(model="maya", messages=[{"role": "assistant", "content": "Hello."}])
    assert next(model.id for model in openai_client.models.list()) == "maya"


JSON = {"headers": {"Content-Type": "application/json"}}
BAD = {
    "no JSON": ("POST", "/v1/chat/completions", {"content": b"{", **JSON}, 400),
    "a deep one": ("POST", "/v1/chat/completions", {"content": b"[" * 100_000, **JSON}, 400),
    "a list": ("POST", "/v1/chat/completions", {"json": []}, 422),
    "nothing said": ("POST", "/v1/chat/completions", {"json": {"messages": []}}, 422),
    "no file": ("POST", "/api/sts-avatar", {}, 422),
    "no sound": ("POST", "/api/sts-avatar", {"files": {"audio": b"abc"}}, 422),
    "an empty file": ("POST", "/v1/audio/transcriptions", {"files": {"file": b""}}, 422),
    "a persona who is nobody": ("POST", "/v1/sessions", {"json": {"persona": "../etc"}}, 422),
    "a speed": ("POST", "/v1/sessions", {"json": {"speed": 9}}, 422),
    "a strange session": ("GET", "/v1/sessions/..%2f..%2fetc", {}, 404),
    "a session of nobody": ("DELETE", "/v1/sessions/" + "f" * 32, {}, 404),
    "another method": ("PUT", "/v1/health", {}, 405),
    "an infinite speed": (
        "POST",
        "/v1/audio/speech",
        {"content": b'{"input":"a","speed":Infinity}', "headers": {"Content-Type": "application/json"}},
        422,
    ),
}


@requirement("api.refusals")
@pytest.mark.parametrize("case", BAD)
def test_bad_input_costs_one_sentence(http, case):
    method, path, sent, status = BAD[case]
    answer = http.request(method, path, **sent)
    assert answer.status_code == status, answer.text
    assert answer.json().keys() == {"code", "message"}
    assert answer.json()["message"].endswith(".")


@requirement("api.states")
def test_every_state_knows_what_follows_from_everything():
    assert set(TRANSITIONS) == set(itertools.product(STATES, HAPPENINGS))
    for state in STATES:
        assert after(state, "utterance") == "thinking"
        assert after(after(state, "utterance"), "first_sound") == "speaking"
        assert after(after(after(state, "utterance"), "first_sound"), "completed") == "idle"
        assert after(state, "failed") == "error"
    assert {after(state, happening) for state, happening in TRANSITIONS} == set(STATES)


@requirement("api.sts-avatar")
def test_what_is_kept_is_bounded_and_goes():
    now = [0.0]
    kept = Kept("sound", kept_s=10, most_bytes=100, clock=lambda: now[0])
    first, second = kept.put(b"a" * 60), kept.put(b"b" * 60)
    with pytest.raises(ApiError, match="not any more"):
        kept.get(first)
    assert kept.get(second, once=True) == b"b" * 60
    with pytest.raises(ApiError, match="not any more"):
        kept.get(second)
    with pytest.raises(ApiError, match="too large"):
        kept.put(b"c" * 101)
    third = kept.put(b"c")
    now[0] = 11
    with pytest.raises(ApiError, match="not any more"):
        kept.get(third)
