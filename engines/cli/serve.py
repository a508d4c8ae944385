"""Serve: the API for other programs, without the page."""

from __future__ import annotations

import argparse
import asyncio
import threading
from pathlib import Path
from typing import Any

from engines.api.access.guard import Guard
from engines.api.access.hosts import Hosts
from engines.api.access.limits import OpenResponses
from engines.api.access.policy import Policy
from engines.api.access.tokens import Tokens
from engines.api.protocols.wyoming_server import WyomingServer
from engines.api.v1.app import ProgramApi
from engines.cli._shared.terminal import ENGINE, note
from engines.config.address import free_port, is_loopback
from engines.config.personas import PersonaBook
from engines.config.settings import load_settings
from engines.conversation.service import ConversationService
from engines.errors import ConfigError
from engines.registry.registry import Registry
from engines.types import STAGES

_LOOK_S = 0.02


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where, with which engines, and whether Wyoming is spoken."""
    parser.add_argument("--host", help="address to listen on (127.0.0.1); elsewhere, programs need tokens")
    parser.add_argument("--port", type=int, help="port to listen on (7860); a taken one leads to the next free one")
    parser.add_argument("--wyoming", type=int, metavar="PORT", help="also speak Wyoming on that port, to programs of this machine")
    parser.add_argument("--persona", metavar="ID", help="who speaks where nobody is named; the first in personas.yaml if left out")
    for stage in STAGES:
        parser.add_argument(f"--{stage}", metavar="NAME[:MODEL]", help=ENGINE[stage])
    parser.add_argument("--profile", type=Path, metavar="FILE", help="with the settings of this file")


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    import uvicorn  # noqa: PLC0415 - only where something is served

    settings = load_settings(arguments.profile, **{name: getattr(arguments, name) for name in ("host", "port", "persona", *STAGES)})
    service = ConversationService(settings, registry := Registry(settings), PersonaBook(settings.personas_file))
    api = ProgramApi(service)
    try:
        registry.check()
        port = free_port(settings.host, settings.port)
        guard = Guard(
            api.app,
            Policy(api.rules()),
            Hosts(settings.host, settings.hosts),
            OpenResponses(2 * settings.max_sessions, settings.max_sessions),
            tokens=Tokens(settings.tokens),
        )
        threading.Thread(target=service.prepare, name="prepare", daemon=True).start()
        config = uvicorn.Config(guard, settings.host, port, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
        if not is_loopback(settings.host):
            note("Other machines can reach this; their programs need a token: python -m engines token create NAME")
        asyncio.run(_serve(uvicorn.Server(config), service, arguments.wyoming, f"http://{settings.host}:{port}"))
    except KeyboardInterrupt:
        pass
    finally:
        api.close()
        service.close()
    return 0


async def _serve(server: Any, service: ConversationService, wyoming: int | None, address: str) -> None:
    if wyoming is not None:
        try:
            await WyomingServer(service).start("127.0.0.1", wyoming)
        except OSError as error:
            raise ConfigError(f"Port {wyoming} cannot be listened on: {error.strerror}. Choose another one for --wyoming.") from error
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 - it has nothing else to wait for
        await asyncio.sleep(_LOOK_S)
    print(f"Visavis serves programs at {address}; what it can do is at {address}/docs", flush=True)
    await serving
