"""Wyoming protocol (Home Assistant and Rhasspy): speech to text and text to speech on a TCP port (https://github.com/OHF-Voice/wyoming)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.api.v1.turns import new_turn_id, turn_events
from engines.audio import from_pcm16, to_pcm16
from engines.conversation.service import ConversationService
from engines.errors import EngineError, MissingDependency
from engines.events import SegmentReady, TranscriptReady, TurnEvent, TurnFailed

if TYPE_CHECKING:
    from wyoming.event import Event
    from wyoming.server import AsyncEventHandler

log = logging.getLogger(__name__)

MOST_CLIENTS = 64
LINE_BYTES = 64_000
"""Of the head of an event; an event's sound may have as many bytes."""


class LimitedReader:
    """A stream of which no event can take more memory than `LINE_BYTES`."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def readline(self) -> bytes:
        """The next line; empty at the end, or where it is too long."""
        try:
            return await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return b""

    async def readexactly(self, size: int) -> bytes:
        """So many bytes.

        Raises:
            IncompleteReadError: there are fewer, or it would be too many.
        """
        if not 0 <= size <= LINE_BYTES:
            raise asyncio.IncompleteReadError(b"", size)
        return await self._reader.readexactly(size)

    def feed_eof(self) -> None:
        """The end."""
        self._reader.feed_eof()


def handlers(service: ConversationService) -> Callable[[Any, Any], AsyncEventHandler]:
    """What serves one connection.

    Raises:
        MissingDependency: the package is not installed.
    """
    try:
        from wyoming.asr import Transcribe, Transcript  # noqa: PLC0415 - an extra
        from wyoming.audio import AudioChunk, AudioStart, AudioStop  # noqa: PLC0415
        from wyoming.error import Error  # noqa: PLC0415
        from wyoming.info import Describe  # noqa: PLC0415
        from wyoming.ping import Ping, Pong  # noqa: PLC0415
        from wyoming.server import AsyncEventHandler  # noqa: PLC0415
        from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependency("The Wyoming protocol", 'pip install "wyoming>=1.7,<2"') from error
    most_ms = service.settings.max_utterance_ms

    class Handler(AsyncEventHandler):
        """One connection."""

        def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            super().__init__(LimitedReader(reader), writer)  # type: ignore[arg-type]  # it has all that the package calls
            self._language: str | None = None
            self._form, self._sound = (16_000, 1), bytearray()
            self._streamed: list[str] | None = None
            self._voice: Any = None

        async def handle_event(self, event: Event) -> bool:
            """Answer an event; a mistake is an error event, and the connection stays."""
            try:
                await self._answer(event)
            except EngineError as error:
                await self.write_event(Error(text=error.message, code=error.code).event())
            except (KeyError, TypeError, ValueError):
                await self.write_event(Error(text="That event is not complete.", code="bad_event").event())
            return True

        async def _answer(self, event: Event) -> None:
            if Describe.is_type(event.type):
                await self.write_event(await asyncio.to_thread(_info, service))
            elif Ping.is_type(event.type):
                await self.write_event(Pong(text=Ping.from_event(event).text).event())
            elif Transcribe.is_type(event.type):
                self._language = Transcribe.from_event(event).language
            elif AudioStart.is_type(event.type):
                self._sound.clear()
            elif AudioChunk.is_type(event.type):
                chunk = AudioChunk.from_event(event)
                self._form = (chunk.rate, chunk.channels)
                if chunk.width != 2 or len(self._sound) > most_ms / 1000 * chunk.rate * chunk.channels * 2:
                    self._sound.clear()
                    raise ValueError(chunk.width)
                self._sound.extend(chunk.audio)
            elif AudioStop.is_type(event.type):
                await self._transcribe()
            elif Synthesize.is_type(event.type):
                asked = Synthesize.from_event(event)
                if self._streamed is None:  # else it repeats what was streamed, for older servers
                    await self._say(asked.text, asked.voice)
            elif SynthesizeStart.is_type(event.type):
                self._streamed, self._voice = [], SynthesizeStart.from_event(event).voice
            elif SynthesizeChunk.is_type(event.type) and self._streamed is not None:
                self._streamed.append(SynthesizeChunk.from_event(event).text)
            elif SynthesizeStop.is_type(event.type) and self._streamed is not None:
                text, self._streamed = "".join(self._streamed), None
                await self._say(text, self._voice)
                await self.write_event(SynthesizeStopped().event())

        async def _transcribe(self) -> None:
            (rate, channels), turn_id = self._form, new_turn_id()
            mono = bytes(self._sound) if channels == 1 else _first_channel(bytes(self._sound), channels)
            self._sound.clear()
            recording, text, language = from_pcm16(mono, rate), "", self._language
            heard = partial(service.single.transcribe, turn_id, recording, self._language, turn_id)
            async with aclosing(turn_events(turn_id, heard, lambda: None)) as events:
                async for event in events:
                    match event:
                        case TranscriptReady():
                            text, language = event.transcript.text, event.transcript.language or language
                        case TurnFailed() if event.code != "no_words":
                            raise _failure(event)
            await self.write_event(Transcript(text=text, language=language).event())

        async def _say(self, text: str, voice: Any) -> None:
            name = voice.name if voice else None
            persona = await asyncio.to_thread(service.single.persona, name)
            turn_id, begun, rate = new_turn_id(), False, 24_000

            def said() -> Iterator[TurnEvent]:
                return service.single.read_aloud(turn_id, text, persona, turn_id)

            async with aclosing(turn_events(turn_id, said, lambda: None)) as events:
                async for event in events:
                    match event:
                        case SegmentReady():
                            rate = event.segment.audio.sample_rate
                            if not begun:
                                await self.write_event(AudioStart(rate=rate, width=2, channels=1).event())
                            begun = True
                            pcm = to_pcm16(event.segment.audio)
                            for at in range(0, len(pcm), LINE_BYTES // 2):
                                piece = pcm[at : at + LINE_BYTES // 2]
                                await self.write_event(AudioChunk(rate=rate, width=2, channels=1, audio=piece).event())
                        case TurnFailed():
                            raise _failure(event)
            if begun:
                await self.write_event(AudioStop().event())

    return Handler


def _first_channel(data: bytes, channels: int) -> bytes:
    whole = len(data) // (2 * channels) * 2 * channels
    return np.frombuffer(data[:whole], "<i2").reshape(-1, channels)[:, 0].tobytes()


def _failure(event: TurnFailed) -> EngineError:
    return EngineError(event.message, code=event.code, retryable=event.retryable)


def _info(service: ConversationService) -> Event:
    """What there is: the engine that hears, and the voices of the one that speaks, the people first."""
    from wyoming.info import AsrModel, AsrProgram, Attribution, Info, TtsProgram, TtsVoice  # noqa: PLC0415 - an extra

    made, status = Attribution(name="Visavis", url=""), service.status()

    def voice(name: str, title: str, language: str) -> TtsVoice:
        return TtsVoice(name=name, attribution=made, installed=True, description=title, version=None, languages=[language])

    voices = [voice(person.id, person.name, person.language) for person in status.personas]
    voices += [voice(one.id, one.name, one.language) for one in service.single.voices()]
    ears = next(stage for stage in status.stages if stage.stage == "stt").chosen
    languages = list(ears.info.languages) if ears and ears.info.languages else ["en", "es", "fr", "de", "it", "pt", "ja", "zh", "hi"]
    title = ears.info.title if ears else ""
    models = [AsrModel(name="visavis", attribution=made, installed=True, description=title, version=None, languages=languages)]
    about: dict[str, Any] = {"name": "visavis", "attribution": made, "installed": True, "description": "Visavis", "version": "1"}
    return Info(
        asr=[AsrProgram(models=models, **about)], tts=[TtsProgram(voices=voices, supports_synthesize_streaming=True, **about)]
    ).event()


class WyomingServer:
    """The server of a port, on the running event loop."""

    def __init__(self, service: ConversationService) -> None:
        """Not serving yet.

        Raises:
            MissingDependency: the package is not installed.
        """
        self._handlers = handlers(service)
        self._server: asyncio.Server | None = None
        self._clients = 0

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, which is the system's choice where 0 is asked for.

        Raises:
            OSError: the port is taken.
        """
        self._server = await asyncio.start_server(self._serve, host, port, limit=LINE_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Listen no more."""
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._clients >= MOST_CLIENTS:
            writer.close()
            return
        self._clients += 1
        try:
            await self._handlers(reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, ValueError, KeyError):
            log.info("a Wyoming connection was dropped, or sent what is no event")
        finally:
            self._clients -= 1
            writer.close()
