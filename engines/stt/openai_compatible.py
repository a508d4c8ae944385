"""Speech-to-text engine on a server: Speaches, LocalAI, vLLM, OpenAI, whatever speaks OpenAI's audio transcriptions.

Protocol: https://platform.openai.com/docs/api-reference/audio/createTranscription. The recording goes from memory, never through a file.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engines.audio import require_sound, resample, to_wav
from engines.errors import AudioError, SpeechToTextError
from engines.protocols import Cancellation
from engines.runtimes.openai_client import INSTALL, OpenAIClient, ServerOptions
from engines.types import AudioChunk, EngineInfo, Transcript

INFO = EngineInfo(
    name="openai_compatible",
    stage="stt",
    title="OpenAI-compatible server",
    summary="Hearing on the server that you name; your recordings go there.",
    requires=("openai",),
    install=INSTALL,
    preference=-1,
    at_once=16,
)

_RATE = 16_000
"""Hz. What Whisper works with; more would only take longer to send."""


@dataclass(frozen=True, slots=True)
class Options(ServerOptions):
    """Which server, which model, and how much patience."""

    model: str = "whisper-1"
    """As the server calls it; this is OpenAI's and LocalAI's name."""
    base_url: str = "http://127.0.0.1:8000/v1"
    """Speaches' and vLLM's; LocalAI has port 8080, OpenAI https://api.openai.com/v1."""
    timeout_s: float = 60.0
    """Longest wait for the whole transcript."""


def load(options: Options, device: str, folder: Path | None = None) -> OpenAICompatible:  # noqa: ARG001 - every adapter is loaded alike
    """See whether the server is there, within ten seconds a try.

    Raises:
        MissingDependency: openai is not installed.
        ConfigError: an address or key that cannot be used.
        SpeechToTextError: the server cannot be reached (``unreachable``, ``stalled``) or does not let us in (``bad_key`` …).
    """
    client = OpenAIClient(INFO.title, SpeechToTextError, options)
    client.run(client.models(needed=False))
    return OpenAICompatible(client, options)


class OpenAICompatible:
    """A `SpeechToText`. It keeps no state: any number of recordings at once."""

    def __init__(self, client: OpenAIClient, options: Options) -> None:
        self._client, self._options = client, options
        self._transcriptions = client.openai.audio.transcriptions  # imported here, some 0.2 s, and not in the first turn

    def transcribe(
        self,
        audio: AudioChunk,
        language: str | None = None,
        priors: Mapping[str, float] | None = None,  # noqa: ARG002 - the protocol knows none
        cancel: Cancellation | None = None,
    ) -> Transcript:
        """The words as the server writes them; silence and what is too short for a word is empty, and is not sent.

        Raises:
            SpeechToTextError: ``cancelled`` (at once); ``unreachable``, ``stalled``, ``dropped``, ``busy`` and ``server_error`` may
                pass when tried again; ``bad_key``, ``forbidden``, ``no_credit``, ``wrong_model``, ``wrong_address``, ``refused`` and
                ``bad_answer`` not.
        """
        hint = re.split("[-_]", language)[0].lower() if language else None
        try:
            require_sound(audio)
            wav = to_wav(resample(audio, _RATE))
        except AudioError:  # silent, or too short
            return Transcript("", hint)
        text = self._client.run(self._client.with_retries(lambda: self._ask(wav, hint), self._options.model), cancel)
        return Transcript(text.strip(), hint)

    async def _ask(self, wav: bytes, hint: str | None) -> str:
        more = {"language": hint} if hint else {}
        async with asyncio.timeout(self._options.timeout_s):
            answer: object = await self._transcriptions.create(
                model=self._options.model, file=("speech.wav", wav, "audio/wav"), response_format="json", **more
            )
        text = getattr(answer, "text", None)
        if not isinstance(text, str):
            raise self._client.bad_answer()
        return text
