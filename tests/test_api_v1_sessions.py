"""WebSocket sessions of other programs: what they hear, say, interrupt and survive."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from urllib.parse import urlencode

import httpx
import pytest
from page_client import unframe
from requirements import requirement
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from engines.api.v1.stream import NO_SESSION, REPLACED
from engines.audio import decode, resample, to_pcm16


class Talk:
    """A client of one session."""

    def __init__(self, server, session: str, **query: object) -> None:
        address = f"{server.url.replace('http', 'ws', 1)}/v1/sessions/{session}/stream"
        self._stack = contextlib.ExitStack()
        self.socket = self._stack.enter_context(connect(f"{address}?{urlencode(query)}", max_size=None))

    def close(self) -> None:
        self._stack.close()

    def say(self, kind: str, **fields: object) -> None:
        self.socket.send(json.dumps({"type": kind, **fields}))

    def next(self, timeout: float = 20) -> dict:
        message = self.socket.recv(timeout)
        if isinstance(message, bytes):
            fields, sound = unframe(message)
            return {**fields, "sound": sound}
        return json.loads(message)

    def until(self, *kinds: str) -> list[dict]:
        """Everything up to the first message of such a type."""
        heard = []
        while True:
            heard.append(self.next())
            if heard[-1]["type"] in kinds:
                return heard


@pytest.fixture
def session(program_server):
    opened = httpx.post(f"{program_server.url}/v1/sessions", json={"persona": "maya"}).json()
    yield opened["id"]
    httpx.delete(f"{program_server.url}/v1/sessions/{opened['id']}")


@pytest.fixture
def talk(program_server, session):
    one = Talk(program_server, session)
    yield one
    one.close()


def of(kind: str, heard: list[dict]) -> list[dict]:
    return [message for message in heard if message["type"] == kind]


@requirement("api.session")
def test_what_is_typed_becomes_text_sound_and_visemes_in_order(talk):
    talk.say("user_text", text="What do wolves eat?")
    heard = talk.until("turn_complete")
    assert [message["number"] for message in heard] == list(range(1, len(heard) + 1))
    assert [message["state"] for message in of("state", heard)] == ["thinking", "speaking"]
    chunks, mouths = of("audio_chunk", heard), of("visemes", heard)
    assert len(chunks) == len(mouths) >= 2
    at = 0.0
    for chunk, mouth in zip(chunks, mouths, strict=True):
        assert (chunk["timestamp_ms"], chunk["duration_ms"]) == (mouth["timestamp_ms"], mouth["duration_ms"])
        assert chunk["timestamp_ms"] == pytest.approx(at, abs=0.1)
        assert chunk["duration_ms"] > 0
        assert len(base64.b64decode(chunk["audio"])) / 2 / chunk["sample_rate"] * 1000 == pytest.approx(chunk["duration_ms"], abs=0.1)
        at += chunk["duration_ms"]
    kinds = [message["type"] for message in heard]
    assert kinds.index("audio_stream_start") < kinds.index("audio_chunk") < kinds.index("audio_stream_stop") < kinds.index("turn_complete")
    assert "".join(message["text"] for message in of("text_delta", heard)) == heard[-1]["text"]
    assert heard[-1]["timings"]["first_segment_ms"] > 0
    assert talk.next() == {"number": len(heard) + 1, "type": "state", "state": "idle"}


@requirement("api.session")
def test_a_recording_is_heard_and_sound_comes_in_frames_where_they_are_wanted(program_server, session, question):
    talk = Talk(program_server, session, audio="binary")
    sound = resample(decode(question, max_ms=60_000), 16_000)
    talk.say("recording_start", sample_rate=16_000)
    data = to_pcm16(sound)
    for begin in range(0, len(data), 20_001):
        talk.socket.send(data[begin : begin + 20_001])
    talk.say("recording_end")
    heard = talk.until("turn_complete")
    assert of("transcript", heard)[0]["final"]
    assert all(len(chunk["sound"]) > 0 and "audio" not in chunk for chunk in of("audio_chunk", heard))
    talk.say("recording_start", encoding="file")
    talk.socket.send(question)
    talk.say("recording_end")
    assert of("transcript", talk.until("turn_complete"))
    talk.close()


@requirement("api.session")
def test_frames_of_a_microphone_become_a_turn_by_themselves(talk, question):
    talk.say("listen", on=True)
    sound = to_pcm16(resample(decode(question, max_ms=60_000), 16_000))
    quiet = bytes(2 * 16_000)
    stream = quiet + sound + quiet * 2
    for begin in range(0, len(stream), 1_023):
        talk.socket.send(stream[begin : begin + 1_023])
    heard = talk.until("turn_complete")
    assert "listening" in [message["state"] for message in of("state", heard)]
    assert of("audio_chunk", heard)
    talk.say("listen", on=False)


@requirement("api.session")
def test_an_interrupted_answer_is_remembered_as_far_as_it_was_heard(program_server, session, talk):
    talk.say("user_text", text="What do wolves eat?")
    heard = talk.until("turn_complete")
    times = [
        mouth["timestamp_ms"] + at + long
        for mouth in of("visemes", heard)
        for at, long in zip(mouth["wtimes"], mouth["wdurations"], strict=True)
    ]
    talk.say("interrupt", heard_ms=times[4])
    assert [message["state"] for message in talk.until("state")[-1:]] in (["idle"], ["interrupted"])
    deadline = time.monotonic() + 5
    while (said := program_server.service.conversation(session).window(9)[-1].content) == heard[-1]["text"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert heard[-1]["text"].startswith(said)
    assert len(said.split()) == 5


@requirement("api.session")
def test_who_comes_back_gets_what_was_missed_and_nothing_twice(program_server, session):
    first = Talk(program_server, session)
    first.say("user_text", text="What do wolves eat?")
    heard = [first.next() for _ in range(3)]
    first.close()
    second = Talk(program_server, session, after=heard[-1]["number"])
    rest = second.until("turn_complete")
    numbers = [message["number"] for message in [*heard, *rest]]
    assert numbers == list(range(1, len(numbers) + 1))
    third = Talk(program_server, session, after=numbers[-1])
    third.say("greet")
    third.until("turn_complete")
    with pytest.raises(ConnectionClosed) as closed:
        second.until("nothing")
    assert closed.value.rcvd.code == REPLACED
    third.close()


@requirement("api.session")
def test_voice_speed_persona_and_emotion_are_changed_on_the_way(talk):
    talk.say("control_update", persona="sam", speed=2.0, emotion="happy")
    assert talk.until("control")[-1] == {
        "number": 1,
        "type": "control",
        "persona": "sam",
        "name": "Professor Sam",
        "speed": 2.0,
        "emotion": "happy",
    }
    talk.say("control_update", emotion="gloomy")
    assert talk.until("error")[-1]["code"] == "unknown_mood"
    talk.say("control_update", voice="nobody")
    talk.say("user_text", text="Hello.")
    failed = talk.until("turn_complete")
    assert of("error", failed)[0]["message"]
    assert failed[-1]["failed"]
    assert talk.next()["state"] == "error"


BAD = {
    "no JSON": ("{", "no_json"),
    "a list": ("[]", "no_json"),
    "a deep one": ("[" * 100_000, "no_json"),
    "an unknown type": ('{"type":"__class__"}', "unknown_event"),
    "no text": ('{"type":"user_text"}', "invalid"),
    "a number as text": ('{"type":"user_text","text":7}', "invalid"),
    "not a number": ('{"type":"interrupt","heard_ms":NaN}', "invalid"),
    "sound before its start": (b"\0\0", "no_recording"),
    "an end without a start": ('{"type":"recording_end"}', "no_recording"),
    "a huge message": (b"\0" * 1_000_001, "too_large"),
    "an empty text": ('{"type":"user_text","text":" "}', "empty"),
    "half a surrogate": ('{"type":"user_text","text":"\\ud800"}', None),
}


@requirement("api.session-faults")
@pytest.mark.parametrize("case", BAD)
def test_bad_messages_are_named_and_the_next_good_one_is_answered(talk, case):
    sent, code = BAD[case]
    talk.socket.send(sent)
    if code:
        error = talk.until("error")[-1]
        assert error["code"] == code
        assert error["message"].endswith(".")
    talk.say("user_text", text="What do wolves eat?")
    assert any(message["text"] for message in of("turn_complete", talk.until("audio_stream_stop") + talk.until("turn_complete")))


@requirement("api.session-faults")
def test_a_session_of_nobody_is_refused_by_name(program_server):
    talk = Talk(program_server, "0" * 32)
    assert talk.next()["code"] == "unknown_session"
    with pytest.raises(ConnectionClosed) as closed:
        talk.next()
    assert closed.value.rcvd.code == NO_SESSION


@requirement("api.session-faults")
def test_hundreds_who_come_and_go_leave_nothing(program_server, session):
    before = len(program_server.api.sessions)
    for _ in range(100):
        address = program_server.url.replace("http", "ws", 1)
        with contextlib.suppress(ConnectionClosed), connect(f"{address}/v1/sessions/{session}/stream") as socket:
            socket.send('{"type":"listen","on":true}')
    assert len(program_server.api.sessions) == before
    talk = Talk(program_server, session)
    talk.say("user_text", text="Hello.")
    assert talk.until("turn_complete")
    talk.close()
