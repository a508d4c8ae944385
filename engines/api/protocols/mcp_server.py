"""MCP server: a persona to talk with, and a voice, as tools of coding agents (Model Context Protocol, https://modelcontextprotocol.io)."""

from __future__ import annotations

import asyncio
import base64
import secrets
from typing import TYPE_CHECKING, Any

from engines.api.v1.turns import new_turn_id
from engines.conversation.service import ConversationService
from engines.errors import EngineError, MissingDependency
from engines.library.reply import Reply, reply_of

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

_ABOUT = "Talk aloud with the people of Visavis, on this machine. talk answers and remembers; say speaks a text; list_personas names them."


def server(service: ConversationService) -> MCPServer[Any]:
    """A server whose client has one conversation.

    Raises:
        MissingDependency: the package is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer  # noqa: PLC0415 - an extra
        from mcp.types import AudioContent, TextContent  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependency("The MCP server", 'pip install "mcp>=2,<3"') from error
    made, session_id = MCPServer("visavis", instructions=_ABOUT), secrets.token_hex(16)

    def content(reply: Reply, *, sound: bool) -> list[TextContent | AudioContent]:
        if reply.failure and not reply.text:
            raise EngineError(reply.failure.message, code=reply.failure.code)
        parts: list[TextContent | AudioContent] = [TextContent(type="text", text=reply.text.strip())]
        if sound and len(reply.audio.samples):
            parts.append(AudioContent(type="audio", data=base64.b64encode(reply.wav()).decode(), mime_type="audio/wav"))
        return parts

    @made.tool(structured_output=False)
    async def talk(message: str, persona: str = "", sound: bool = True) -> list[Any]:
        """Say something to somebody, and get their answer as text and sound. They remember what was said.

        Args:
            message: what is said.
            persona: who is talked with, an id of list_personas; another one begins a new conversation.
            sound: whether the answer's sound comes along, as WAV.
        """

        def answer() -> Reply:
            if persona and persona != service.persona(session_id).id:
                service.switch(session_id, persona)
            return reply_of(service.say(session_id, message))

        return content(await asyncio.to_thread(answer), sound=sound)

    @made.tool(structured_output=False)
    async def say(text: str, voice: str = "") -> list[Any]:
        """Speak a text as it is; the sound comes as WAV.

        Args:
            text: what is said.
            voice: an id of list_personas, or of a voice of the engine's.
        """

        def spoken() -> Reply:
            turn_id = new_turn_id()
            return reply_of(service.single.read_aloud(turn_id, text, service.single.persona(voice or None), session_id))

        return content(await asyncio.to_thread(spoken), sound=True)

    @made.tool()
    async def list_personas() -> list[dict[str, str]]:
        """Who can be talked with: id, name, language, and a line about them."""
        people = (await asyncio.to_thread(service.status)).personas
        return [{"id": one.id, "name": one.name, "language": one.language, "about": one.line} for one in people]

    return made
