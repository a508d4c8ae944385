"""The Wyoming protocol, with the package's own client."""

from __future__ import annotations

import asyncio

import pytest
from conftest import awaited
from requirements import requirement

from engines.api.protocols.wyoming_server import WyomingServer
from engines.audio import decode, to_pcm16

wyoming = pytest.importorskip("wyoming", reason="wyoming is not installed")

from wyoming.asr import Transcribe, Transcript  # noqa: E402
from wyoming.audio import AudioChunk, AudioStart, AudioStop  # noqa: E402
from wyoming.client import AsyncTcpClient  # noqa: E402
from wyoming.error import Error  # noqa: E402
from wyoming.event import Event  # noqa: E402
from wyoming.info import Describe, Info  # noqa: E402
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped, SynthesizeVoice  # noqa: E402


def talk(program_server, *events: object, until: type) -> list[Event]:
    """Send events, and everything that comes up to one of that kind."""

    async def run() -> list[Event]:
        server = WyomingServer(program_server.service)
        port = await server.start("127.0.0.1", 0)
        heard: list[Event] = []
        try:
            async with AsyncTcpClient("127.0.0.1", port) as client:
                for event in events:
                    await client.write_event(event if isinstance(event, Event) else event.event())
                while not heard or not until.is_type(heard[-1].type):
                    heard.append(await asyncio.wait_for(client.read_event(), 20))
        finally:
            await server.stop()
        return heard

    return awaited(run())


@requirement("api.wyoming")
def test_it_says_what_it_can(program_server):
    info = Info.from_event(talk(program_server, Describe(), until=Info)[-1])
    assert "maya" in {voice.name for voice in info.tts[0].voices}
    assert info.asr[0].models


@requirement("api.wyoming")
def test_a_recording_becomes_its_words(program_server, question):
    sound = decode(question, max_ms=60_000)
    form = {"rate": sound.sample_rate, "width": 2, "channels": 1}
    data = to_pcm16(sound)
    chunks = [AudioChunk(audio=data[at : at + 2048], **form) for at in range(0, len(data), 2048)]
    heard = talk(program_server, Transcribe(language="en"), AudioStart(**form), *chunks, AudioStop(), until=Transcript)
    assert Transcript.from_event(heard[-1]).text


@requirement("api.wyoming")
@pytest.mark.parametrize("streamed", [False, True])
def test_a_text_becomes_sound(program_server, streamed):
    voice = SynthesizeVoice(name="sam")
    parts = [SynthesizeStart(voice=voice), SynthesizeChunk("Good morning, "), SynthesizeChunk("everybody."), SynthesizeStop()]
    asked = parts if streamed else [Synthesize(text="Good morning, everybody.", voice=voice)]
    heard = talk(program_server, *asked, until=SynthesizeStopped if streamed else AudioStop)
    chunks = [AudioChunk.from_event(event) for event in heard if AudioChunk.is_type(event.type)]
    assert sum(len(chunk.audio) for chunk in chunks) / 2 / chunks[0].rate > 1


@requirement("api.wyoming")
def test_what_is_wrong_is_an_error_and_the_connection_stays(program_server):
    wrong = [
        Synthesize(text="Hello.", voice=SynthesizeVoice(name="nobody")),
        Event(type="audio-chunk", data={}),
        Event(type="synthesize", data={}),
    ]
    for event in wrong:
        assert Error.from_event(talk(program_server, event, until=Error)[-1]).text.endswith(".")
    heard = talk(program_server, *wrong, Synthesize(text="Hello."), until=AudioStop)
    assert sum(Error.is_type(event.type) for event in heard) == len(wrong)
