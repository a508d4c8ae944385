"""The API for other programs, served on a port of its own with the embedded engines."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest
import uvicorn

from engines.api.v1.app import ProgramApi
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.service import ConversationService
from engines.library import Synthesizer
from engines.registry.registry import Registry
from engines.stt import pocketsphinx


@dataclass
class ProgramServer:
    """A running server."""

    api: ProgramApi
    service: ConversationService
    url: str


@contextlib.contextmanager
def serving(api: ProgramApi, service: ConversationService) -> Iterator[ProgramServer]:
    """Serve it until the block is left."""
    server = uvicorn.Server(uvicorn.Config(api.app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield ProgramServer(api, service, f"http://127.0.0.1:{port}")
    finally:
        api.close()
        service.close()
        server.should_exit = server.force_exit = True
        thread.join()


@pytest.fixture(scope="session")
def program_server() -> Iterator[ProgramServer]:
    """With PocketSphinx, scripted replies and eSpeak NG."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pocketsphinx, "load", cache(pocketsphinx.load))  # which takes a second
        settings = Settings(stt="pocketsphinx", llm="scripted", tts="espeak_ng", isolate=False)
        service = ConversationService(settings, Registry(settings), PersonaBook(settings.personas_file))
        with serving(ProgramApi(service), service) as server:
            yield server


@pytest.fixture(scope="session")
def question() -> bytes:
    """A recording in which something is asked."""
    voice = Synthesizer(tts="espeak_ng", isolate=False)
    made = voice.say("What do wolves eat?").wav()
    voice.close()
    return made
