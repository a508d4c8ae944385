"""The ears on a server, against a loopback server that speaks the protocol well and badly."""

from __future__ import annotations

import email
import email.policy
import io
import tempfile
import threading
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import tone
from openai_server import PATIENCE_S, Exchange, OpenAIServer, answers, drops, error, no_nap, raw, waits
from requirements import requirement

from engines.concurrency.channel import CancelToken
from engines.errors import SpeechToTextError
from engines.protocols import SpeechToText
from engines.runtimes.openai_client import OpenAIClient
from engines.stt import openai_compatible
from engines.stt.openai_compatible import OpenAICompatible, Options
from engines.types import AudioChunk, Transcript

KEY = "sk-verysecret0123456789"


def ears(server: OpenAIServer, **options: Any) -> OpenAICompatible:
    chosen = Options(**{"base_url": server.base_url, "timeout_s": PATIENCE_S, **options})
    client = OpenAIClient("Test", SpeechToTextError, chosen, sleep=no_nap)
    return OpenAICompatible(client, chosen)


def form(server: OpenAIServer) -> dict[str, bytes]:
    """The fields of the last request."""
    request = server.requests[-1]
    head = b"Content-Type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
    message = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
    return {part.get_param("name", header="content-disposition"): part.get_payload(decode=True) for part in message.iter_parts()}


def test_a_recording_becomes_words(server):
    server.play(answers({"text": " Who sings? 鯨 "}))
    engine = openai_compatible.load(Options(base_url=server.base_url, model="tiny-whisper"), "cpu")
    assert isinstance(engine, SpeechToText)
    assert engine.transcribe(tone(500, rate=48_000), "en-GB") == Transcript("Who sings? 鯨", "en")
    assert server.requests[0].path == "/v1/audio/transcriptions"
    fields = form(server)
    sound = fields.pop("file")
    assert fields == {"model": b"tiny-whisper", "response_format": b"json", "language": b"en"}
    assert soundfile.info(io.BytesIO(sound)).subtype == "PCM_16"
    heard, rate = soundfile.read(io.BytesIO(sound))
    assert (rate, heard.shape) == (16_000, (8_000,))
    assert np.abs(heard[200:-200] - tone(500).samples[200:-200]).max() < 0.01


def test_nothing_touches_the_disk(server, monkeypatch):
    server.play(answers({"text": "Yes."}))
    engine = ears(server)
    for name in ("NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile", "mkstemp", "mkdtemp"):
        monkeypatch.setattr(tempfile, name, None)
    assert engine.transcribe(tone()).text == "Yes."


@pytest.mark.parametrize("language", [None, ""])
def test_without_a_language_the_server_finds_it(server, language):
    server.play(answers({"text": "Ja."}))
    assert ears(server).transcribe(tone(), language) == Transcript("Ja.", None)
    assert "language" not in form(server)


@pytest.mark.parametrize("samples", [np.zeros(16_000), np.full(16_000, 0.5), np.zeros(0), tone(50).samples])
def test_where_nothing_was_said_nothing_is_sent(server, samples):
    assert ears(server).transcribe(AudioChunk(np.asarray(samples, np.float32), 16_000)).text == ""
    assert not server.requests


def drops_inside(http: Exchange) -> None:
    http.head(200, Content_Length="100")
    http.wfile.write(b'{"te')
    drops(http)


FAILURES = {
    "401": (error(401, f"Incorrect key {KEY}"), "bad_key", False),  # every other status: see test_llm_openai_compatible.py
    "413": (error(413, "too long"), "refused", False),
    "dropped inside the answer": (drops_inside, "dropped", True),
    "no JSON": (raw(b'{"text": ', "application/json"), "bad_answer", False),
    "no text": (answers({"words": "Yes."}), "bad_answer", False),
    "text that is none": (answers({"text": 5}), "bad_answer", False),
    "null": (answers(None), "bad_answer", False),
    "a list": (answers(["Yes."]), "bad_answer", False),
    "a page": (raw(b"<html>Welcome</html>", "text/html"), "bad_answer", False),
    "nothing": (raw(b"", "application/json"), "bad_answer", False),
}


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_is_told_in_plain_words(server, name):
    act, code, passing = FAILURES[name]
    server.play(act)
    with pytest.raises(SpeechToTextError) as raised:
        ears(server, api_key=KEY).transcribe(tone())
    assert (raised.value.code, raised.value.retryable) == (code, passing)
    assert raised.value.message.endswith(".")
    assert KEY not in raised.value.message
    assert len(server.requests) == (3 if passing else 1)


def test_after_a_passing_failure_the_same_recording_is_sent_again(server):
    server.play(error(503, "x"), drops, answers({"text": "Yes."}))
    assert ears(server).transcribe(tone()).text == "Yes."
    assert len(server.requests) == 3
    assert len({len(request.body) for request in server.requests}) == 1


def test_a_server_that_keeps_silent_is_left(server):
    server.play(waits)
    with pytest.raises(SpeechToTextError) as raised:
        ears(server, timeout_s=0.2).transcribe(tone())
    assert (raised.value.code, raised.value.retryable) == ("stalled", True)
    assert len(server.requests) == 1
    assert server.hung_up.wait(PATIENCE_S)


@requirement("talk.cancelled-hearing")
def test_what_is_not_wanted_any_more_is_not_waited_for(server):
    server.play(waits)
    token = CancelToken()
    threading.Timer(0.1, token.cancel).start()
    with pytest.raises(SpeechToTextError) as raised:
        ears(server, timeout_s=600).transcribe(tone(), None, None, token)
    assert (raised.value.code, raised.value.counts_against_engine) == ("cancelled", False)
    assert server.hung_up.wait(PATIENCE_S)


def test_a_server_without_a_list_of_models_can_hear(server):
    server.listing = error(404, None)
    server.play(answers({"text": "Yes."}))
    assert openai_compatible.load(Options(base_url=server.base_url), "cpu").transcribe(tone()).text == "Yes."
