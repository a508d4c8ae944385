"""MCP: serve a persona to talk with and a voice to a coding agent, over the standard input and output."""

from __future__ import annotations

import argparse

from engines.api.protocols.mcp_server import server
from engines.cli._shared.terminal import ENGINE
from engines.config.personas import PersonaBook
from engines.config.settings import load_settings
from engines.conversation.service import ConversationService
from engines.registry.registry import Registry
from engines.types import STAGES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The engines, who is talked with first, and the settings."""
    parser.add_argument("--persona", metavar="ID", help="who is talked with first; the first in personas.yaml if left out")
    for stage in STAGES:
        parser.add_argument(f"--{stage}", metavar="NAME[:MODEL]", help=ENGINE[stage])
    parser.add_argument("--profile", metavar="FILE", help="with the settings of this file")


def run(arguments: argparse.Namespace) -> int:
    """Serve until the standard input ends."""
    settings = load_settings(arguments.profile, persona=arguments.persona, **{stage: getattr(arguments, stage) for stage in STAGES})
    service = ConversationService(settings, registry := Registry(settings), PersonaBook(settings.personas_file))
    try:
        registry.check()
        server(service).run("stdio")
    finally:
        service.close()
    return 0
