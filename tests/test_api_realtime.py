"""OpenAI's Realtime protocol, with OpenAI's own client."""

from __future__ import annotations

import base64
import json

import openai
import pytest
from requirements import requirement
from websockets.sync.client import connect

from engines.audio import decode, resample, to_pcm16


@pytest.fixture
def realtime(program_server):
    address = f"{program_server.url.replace('http', 'ws', 1)}/v1"
    client = openai.OpenAI(base_url=f"{program_server.url}/v1", websocket_base_url=address, api_key="none")
    with client.realtime.connect(model="maya") as connection:
        assert connection.recv().type == "session.created"
        yield connection


def until(connection, kind: str) -> list:
    heard = []
    while not heard or heard[-1].type != kind:
        heard.append(connection.recv())
    return heard


def typed(text: str) -> dict:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def pcm(question: bytes) -> bytes:
    return to_pcm16(resample(decode(question, max_ms=60_000), 24_000))


@requirement("api.realtime")
def test_a_typed_message_is_answered_by_sound_and_its_transcript(realtime):
    realtime.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What do wolves eat?"}]}
    )
    realtime.response.create()
    heard = until(realtime, "response.done")
    kinds = [event.type for event in heard]
    order = """
        conversation.item.added response.created response.output_item.added response.content_part.added response.output_audio.delta
        response.output_audio.done response.content_part.done response.output_item.done response.done
    """.split()
    assert [kinds.index(kind) for kind in order] == sorted(kinds.index(kind) for kind in order)
    text = "".join(event.delta for event in heard if event.type == "response.output_audio_transcript.delta")
    sound = b"".join(base64.b64decode(event.delta) for event in heard if event.type == "response.output_audio.delta")
    assert text == next(event for event in heard if event.type == "response.output_audio_transcript.done").transcript
    assert len(sound) / 48_000 > 1
    assert heard[-1].response.status == "completed"
    assert len({event.event_id for event in heard}) == len(heard)


@requirement("api.realtime")
def test_server_vad_hears_when_the_user_has_finished(realtime, question):
    silence = bytes(48_000)
    stream = silence + pcm(question) + silence * 2
    for begin in range(0, len(stream), 4_801):
        realtime.input_audio_buffer.append(audio=base64.b64encode(stream[begin : begin + 4_801]).decode())
    kinds = [event.type for event in until(realtime, "response.done")]
    assert kinds.index("input_audio_buffer.speech_started") < kinds.index("input_audio_buffer.speech_stopped")
    assert "conversation.item.input_audio_transcription.completed" in kinds
    assert "response.output_audio.delta" in kinds


@requirement("api.realtime")
def test_without_it_the_client_commits(realtime, question):
    realtime.session.update(
        session={"type": "realtime", "audio": {"input": {"turn_detection": None}, "output": {"voice": "sam", "speed": 1.5}}}
    )
    assert until(realtime, "session.updated")[-1].session.audio.output.speed == 1.5
    realtime.input_audio_buffer.commit()
    assert until(realtime, "error")[-1].error.code == "input_audio_buffer_commit_empty"
    realtime.input_audio_buffer.append(audio=base64.b64encode(pcm(question)).decode())
    realtime.input_audio_buffer.commit()
    realtime.response.create()
    assert until(realtime, "response.done")[-1].response.status == "completed"


@requirement("api.realtime")
def test_what_was_not_heard_is_truncated_and_a_greeting_needs_no_question(realtime):
    realtime.response.create()
    heard = until(realtime, "response.done")
    item = next(event for event in heard if event.type == "response.output_item.added").item
    realtime.conversation.item.truncate(item_id=item.id, content_index=0, audio_end_ms=300)
    assert until(realtime, "conversation.item.truncated")[-1].audio_end_ms == 300
    realtime.response.cancel()
    realtime.conversation.item.create(item=typed("Hello."))
    realtime.response.create()
    assert until(realtime, "response.done")


BAD = [
    "{",
    "[]",
    "[" * 50_000,
    '{"type":"dance"}',
    '{"type":"input_audio_buffer.append","audio":"§"}',
    '{"type":"session.update","session":7}',
    '{"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcmu"}}}}}',
    '{"type":"conversation.item.truncate","item_id":"x","audio_end_ms":"x"}',
    '{"type":"conversation.item.create","item":{"type":"function_call"}}',
]


@requirement("api.realtime")
def test_bad_events_are_errors_and_the_next_good_one_is_answered(program_server):
    with connect(f"{program_server.url.replace('http', 'ws', 1)}/v1/realtime?model=nobody") as socket:
        assert json.loads(socket.recv(10))["type"] == "session.created"
        for bad in BAD:
            socket.send(bad)
            error = json.loads(socket.recv(10))
            assert error["type"] == "error"
            assert error["error"]["message"].endswith(".")
        socket.send('{"type":"response.create"}')
        while (event := json.loads(socket.recv(10)))["type"] != "response.done":
            pass
        assert event["response"]["status"] == "completed"
