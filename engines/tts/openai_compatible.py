"""Text-to-speech engine on a server: Kokoro-FastAPI, LocalAI, OpenAI, whatever speaks OpenAI's audio speech; lips aligned or estimated.

Protocol: https://platform.openai.com/docs/api-reference/audio/createSpeech. It tells no times, so they are sought in the sound, and for
that a sentence must be whole: each is one request and one `Speech`. A turn sends the first clause of a reply alone, so it is heard early.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from engines.audio import decode, from_pcm16
from engines.errors import AudioError, EngineError, TextToSpeechError
from engines.lipsync import forced_alignment
from engines.runtimes.openai_client import INSTALL, LISTING_S, OpenAIClient, ServerOptions
from engines.text.sentences import MAX_CHARACTERS, sentences
from engines.tts import _kokoro_voices as kokoro_voices
from engines.types import AudioChunk, EngineInfo, Gender, Speech, TextDelta, Voice

INFO = EngineInfo(
    name="openai_compatible",
    stage="tts",
    title="OpenAI-compatible server",
    summary="A voice on the server that you name; what is answered goes there as text. Lips are aligned in English, else estimated.",
    requires=("openai",),
    install=INSTALL,
    preference=-1,
    pieces_at_once=3,
)


@dataclass(frozen=True, slots=True)
class Options(ServerOptions):
    """Which server, which model and voices, and how much patience. A broken answer is retried too: nothing of it was heard yet."""

    model: str = "tts-1"
    """As the server calls it; this is OpenAI's name, which Kokoro-FastAPI and LocalAI know too."""
    base_url: str = "http://127.0.0.1:8880/v1"
    """Kokoro-FastAPI's; LocalAI has port 8080, Speaches 8000, OpenAI https://api.openai.com/v1."""
    voices: tuple[str, ...] = ()
    """As the server calls them, the default first; those that it lists itself follow. Without either, OpenAI's."""
    language: str = "en"
    """BCP 47 tag of what a voice speaks whose name does not tell."""
    speed: float = 1.0
    """0.25 (slow) to 4 (fast)."""
    response_format: Literal["pcm", "wav"] = "pcm"
    """What is asked for; whatever common format comes is read."""
    sample_rate: int = 24_000
    """Hz, of PCM whose rate the server does not tell."""
    first_byte_s: float = 30.0
    """Many servers send nothing before all of the sentence is spoken."""
    timeout_s: float = 10.0
    """Longest silence within the sound."""


_OPENAI_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse")
_FEMALE, _MALE = frozenset({"coral", "nova", "sage", "shimmer"}), frozenset({"ash", "ballad", "echo", "onyx", "verse"})
_LONGEST_MS = 180_000.0
"""Of one piece of at most 300 characters, which take half a minute; what is longer is no speech."""
_HIGHEST_RATE = 48_000
"""Hz: what has a higher one is resampled."""
_MOST_BYTES = 32 * 2**20
_STREAMED = range(0x7FFF_0000, 0x1_0000_0000)
"""What the header of a WAV file gives for its size while its end is not known; 0 likewise."""


def load(options: Options, device: str, folder: Path | None = None) -> OpenAICompatible:  # noqa: ARG001 - every adapter is loaded alike
    """See whether the server is there and which voices it lists, within ten seconds a try.

    Raises:
        MissingDependency: openai is not installed.
        ConfigError: an address or key that cannot be used.
        TextToSpeechError: the server cannot be reached (``unreachable``, ``stalled``) or does not let us in (``bad_key`` …).
    """
    client = OpenAIClient(INFO.title, TextToSpeechError, options)
    client.run(client.models(needed=False))
    listed = client.run(_listed(client, options.language))
    forced_alignment.warm_up()
    return OpenAICompatible(client, options, listed)


class OpenAICompatible:
    """A `TextToSpeech`: float32 at the server's rate, timing ``aligned`` or ``estimated``. Any number of texts may be spoken at once."""

    def __init__(self, client: OpenAIClient, options: Options, listed: Sequence[Voice] = ()) -> None:
        self._client, self._options = client, options
        self._speech = client.openai.audio.speech.with_streaming_response  # imported here, some 0.2 s, and not in the first turn
        told = {voice.id: voice for voice in listed}
        named = [told.get(name) or _voice(name, name, options.language) for name in options.voices]
        others = listed if named or listed else [_voice(name, name.title(), options.language) for name in _OPENAI_VOICES]
        self._voices = {voice.id: voice for voice in (*named, *others)}

    def voices(self) -> Sequence[Voice]:
        """Those of the options, then those that the server lists; without either, OpenAI's."""
        return tuple(self._voices.values())

    def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
        """Say `text`: one `Speech` for up to 300 characters, one a sentence for longer texts. A text without a letter yields nothing.

        Raises:
            TextToSpeechError: ``unknown_voice`` (at once); while iterating, ``unreachable``, ``stalled``, ``dropped``, ``busy``,
                ``no_sound`` and ``server_error`` may pass when tried again; ``bad_key``, ``forbidden``, ``no_credit``, ``wrong_model``,
                ``wrong_address``, ``refused`` and ``bad_answer`` not.
        """
        default = next(iter(self._voices))
        if (chosen := self._voices.get(default if voice is None else voice)) is None:
            message = (
                f"{self._client.host} has no voice {voice!r:.60}. Choose one it has, such as {default}, or name it in the option voices."
            )
            raise TextToSpeechError(message, code="unknown_voice")
        return self._say(text, chosen)

    def _say(self, text: str, voice: Voice) -> Iterator[Speech]:
        long = len(text) > MAX_CHARACTERS
        pieces = (sentence.text for sentence in sentences([TextDelta(text)], voice.language)) if long else iter((text,))
        for piece in pieces:
            if any(map(str.isalnum, piece)):
                audio = self._client.run(self._client.with_retries(partial(self._ask, piece, voice.id), self._options.model))
                yield forced_alignment.timed(audio, piece, voice.language)

    async def _ask(self, text: str, voice: str) -> AudioChunk:
        """The sound of one piece."""
        import httpx2  # noqa: PLC0415 - heavy

        options, body = self._options, bytearray()
        clock = asyncio.get_running_loop().time
        request = self._speech.create(
            model=options.model,
            input=text,
            voice=voice,
            response_format=options.response_format,
            speed=min(max(options.speed, 0.25), 4.0),
        )
        async with asyncio.timeout(options.first_byte_s) as patience, request as response:
            try:
                async for part in response.iter_bytes():
                    body += part
                    if len(body) > _MOST_BYTES:
                        raise self._client.bad_answer()
                    patience.reschedule(clock() + options.timeout_s)
            except httpx2.TransportError as error:
                raise self._client.connection_lost() from error
            kind, http_request = response.headers.get("content-type", ""), response.http_request
        if "json" in kind:
            raise self._told(bytes(body), http_request)
        return await asyncio.to_thread(self._sound, bytes(body), kind.lower())

    def _sound(self, body: bytes, kind: str) -> AudioChunk:
        """The samples in an answer, by what it begins with and by its media type."""
        if not body:
            raise self._client.error("no_sound", f"{self._client.host} sent no sound. Try again, or choose another voice.", retryable=True)
        try:
            if body.startswith(b"RIFF"):
                declared = int.from_bytes(body[4:8], "little")
                if declared and declared not in _STREAMED and len(body) < declared:
                    raise self._client.connection_lost()
                audio = decode(body, max_ms=_LONGEST_MS, max_rate=_HIGHEST_RATE)
            elif kind.startswith("audio/") and not re.match("audio/(x-)?(pcm|l16|raw)", kind):
                audio = decode(body, max_ms=_LONGEST_MS, max_rate=_HIGHEST_RATE)
            elif self._options.response_format == "pcm" and not kind.startswith("text/"):
                if len(body) % 2:
                    raise self._client.connection_lost()
                rate = re.search(r"rate=(\d{4,6})\b", kind)
                audio = from_pcm16(body, int(rate[1]) if rate else self._options.sample_rate)
            else:
                raise self._client.bad_answer()
        except AudioError as error:
            raise self._client.bad_answer() from error
        if not audio.samples.any():
            raise self._client.error("no_sound", f"{self._client.host} sent only silence. Choose another voice.", retryable=True)
        return audio

    def _told(self, body: bytes, request: Any) -> Exception:
        """The error in an answer that is JSON instead of sound, though its status says that all is well."""
        import openai  # noqa: PLC0415 - heavy

        with suppress(ValueError):
            told = json.loads(body)
            detail = told.get("error") or told.get("detail") if isinstance(told, dict) else None
            if isinstance(detail, str | dict):
                return openai.APIError("the answer is an error", request, body=detail if isinstance(detail, dict) else {"message": detail})
        return self._client.bad_answer()


async def _listed(client: OpenAIClient, language: str) -> list[Voice]:
    """The voices that the server lists, in its order; none where it keeps no list, which is not in OpenAI's protocol."""

    async def ask() -> object:
        async with asyncio.timeout(LISTING_S):
            return await client.openai.get("/audio/voices", cast_to=object)

    try:
        answer = await client.with_retries(ask, "")
    except EngineError as error:
        if error.retryable:
            raise
        return []
    entries = answer.get("voices") or answer.get("data") if isinstance(answer, dict) else answer
    voices = [_entry(entry, language) for entry in entries] if isinstance(entries, list) else []
    return [voice for voice in voices if voice]


def _entry(entry: object, language: str) -> Voice | None:
    """One voice of a list: a name (Kokoro-FastAPI), or an object with an id and perhaps a name and a language."""
    if isinstance(entry, str):
        return _voice(entry, entry, language) if entry else None
    told = entry if isinstance(entry, dict) else {}
    identifier = next((told[key] for key in ("id", "voice_id", "name") if isinstance(told.get(key), str) and told[key]), None)
    if identifier is None:
        return None
    name, spoken = told.get("name"), told.get("language")
    return _voice(
        identifier, name if isinstance(name, str) and name else identifier, spoken if isinstance(spoken, str) and spoken else language
    )


def _voice(identifier: str, name: str, language: str) -> Voice:
    if kokoro_voices.is_voice(identifier):
        return replace(kokoro_voices.voice(identifier), name=name)
    gender: Gender = "female" if identifier in _FEMALE else "male" if identifier in _MALE else ""
    return Voice(identifier, name, kokoro_voices.language_tag(identifier) or language, gender)
