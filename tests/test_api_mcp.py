"""The MCP server, with the package's own client, as an agent starts it."""

from __future__ import annotations

import asyncio
import base64
import sys

import pytest
from conftest import HOUSE, awaited
from requirements import requirement

pytest.importorskip("mcp", reason="mcp is not installed")

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


@requirement("api.mcp")
def test_an_agent_talks_and_lets_us_speak():
    engines = ["--llm", "scripted", "--tts", "espeak_ng", "--stt", "pocketsphinx"]

    async def run() -> dict[str, object]:
        program = StdioServerParameters(command=sys.executable, args=["-m", "engines", "mcp", *engines], cwd=str(HOUSE))
        async with stdio_client(program) as streams, ClientSession(*streams) as session:
            await session.initialize()
            tools = await session.list_tools()
            talked = await session.call_tool("talk", {"message": "What do wolves eat?", "persona": "maya"})
            said = await session.call_tool("say", {"text": "Good morning.", "voice": "sam"})
            people = await session.call_tool("list_personas", {})
            wrong = await session.call_tool("say", {"text": "Hello.", "voice": "nobody"})
            return {"tools": tools, "talk": talked, "say": said, "people": people, "wrong": wrong}

    heard = awaited(asyncio.wait_for(run(), 60))
    assert {tool.name for tool in heard["tools"].tools} == {"talk", "say", "list_personas"}
    text, sound = heard["talk"].content
    assert text.text
    assert base64.b64decode(sound.data)[:4] == b"RIFF"
    assert heard["say"].content[0].text == "Good morning."
    assert "maya" in str(heard["people"].content)
    assert heard["wrong"].content[0].text
