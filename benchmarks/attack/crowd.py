"""Four hundred users at once: whoever comes in is never cut off, and whoever finds no room is told so and comes in later."""

from __future__ import annotations

import asyncio
import secrets
import struct
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from benchmarks.attack._app import end, running, verdict
from engines.api.frames import frame, unframe
from engines.api.page_api import PREFIX

USERS, PLACES, TURNS = 400, 256, 2
LIMIT_S = 240


@dataclass
class Tally:
    """What happened to all of them."""

    answered: int = 0
    cut_off: list[str] = field(default_factory=list)
    refused: int = 0
    unsaid: int = 0
    """Refusals without a sentence."""
    waits_s: list[float] = field(default_factory=list)
    """From the question to its first sound."""


class Page:
    """One page over plain HTTP/1.1, on one event loop with all others."""

    def __init__(self, address: str, tally: Tally) -> None:
        self.host, self.port = urlsplit(address).hostname or "", urlsplit(address).port or 80
        self.session, self.tally = secrets.token_hex(16), tally

    async def live(self) -> None:
        """Come in, ask, listen, leave."""
        while True:
            status, reader, writer = await self._post("stream", {"session": self.session, "after": 0})
            if status == 200:
                break
            problem = unproblem(await reader.read())
            writer.close()
            self.tally.refused += 1
            self.tally.unsaid += "number" not in problem
            await asyncio.sleep(3)
        try:
            for turn in range(TURNS):
                await self._ask(reader, f"t{turn}")
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError) as error:
            self.tally.cut_off.append(f"{type(error).__name__} {error}")
        finally:
            writer.close()
            await self._say("leave")

    async def _ask(self, reader: asyncio.StreamReader, turn: str) -> None:
        asked, first = time.perf_counter(), 0.0
        if problem := await self._say("utterance", turn=turn, text="What can you tell me about wolves?"):
            self.tally.cut_off.append(problem)
            return
        while True:
            async with asyncio.timeout(LIMIT_S):
                message = await self._next(reader)
            if message.get("turn") != turn:
                continue
            if message["type"] == "segment" and not first:
                first = time.perf_counter() - asked
                self.tally.waits_s.append(first)
            if message["type"] == "completed":
                self.tally.answered += 1
                return
            if message["type"] in {"failed", "interrupted"}:
                self.tally.cut_off.append(message.get("message", "interrupted"))
                return

    async def _say(self, kind: str, **fields: object) -> str:
        status, reader, writer = await self._post("message", {"type": kind, "session": self.session, **fields})
        problem = unproblem(await reader.read())
        writer.close()
        return problem if status == 200 else problem or f"status {status}"

    async def _post(self, where: str, message: dict[str, object]) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        body = frame(message)
        close = "" if where == "stream" else "Connection: close\r\n"
        head = f"POST /{PREFIX}/{where} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Length: {len(body)}\r\n{close}\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        self._rest = b""
        status = int(answer.split()[1])
        if status != 200 and where == "stream":
            length = int(answer.lower().split(b"content-length: ")[1].split()[0])
            rest = asyncio.StreamReader()
            rest.feed_data(await reader.readexactly(length))
            rest.feed_eof()
            return status, rest, writer
        return status, reader, writer

    async def _next(self, reader: asyncio.StreamReader) -> dict[str, Any]:
        text, data = struct.unpack("<II", await self._read(reader, 8))
        body = await self._read(reader, text + data)
        return unframe(struct.pack("<II", text, data) + body)[0] if text else {}

    async def _read(self, reader: asyncio.StreamReader, count: int) -> bytes:
        """So many bytes of a chunked body."""
        while len(self._rest) < count:
            size = int(await reader.readuntil(b"\r\n"), 16)
            if not size:
                raise asyncio.IncompleteReadError(self._rest, count)
            self._rest += (await reader.readexactly(size + 2))[:-2]
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken


def unproblem(body: bytes) -> str:
    """The sentence of an answer, or nothing."""
    before, _, after = body.partition(b'"problem":')
    return after.strip().strip(b"}").strip(b'"').decode() if after else before.decode(errors="replace")[:80]


def main() -> None:
    """All come at once."""
    tally = Tally()

    async def crowd(address: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*(Page(address, tally).live() for _ in range(USERS)))

    with running(VISAVIS_MAX_SESSIONS=str(PLACES)) as (address, _):
        began = time.perf_counter()
        try:
            asyncio.run(crowd(address))
        except TimeoutError:
            tally.cut_off.append(f"not all were answered within {LIMIT_S} s")
        took_s = time.perf_counter() - began
    waits = sorted(tally.waits_s) or [0.0]
    print(f"attack: crowd: {took_s:.0f} s in all, first sound median {waits[len(waits) // 2]:.1f} s, slowest {waits[-1]:.1f} s")
    for reason in sorted(set(tally.cut_off))[:5]:
        print(f"attack: crowd: {tally.cut_off.count(reason)} times: {reason}")
    whole = f"{len(tally.cut_off)} cut off of {USERS} users, {tally.answered} answers"
    told = f"{tally.unsaid} of {tally.refused} refusals without a place in the queue"
    end(
        verdict(f"crowd: {whole}", holds=not tally.cut_off and tally.answered == USERS * TURNS, goal="0"),
        verdict(f"crowd: {told}", holds=not tally.unsaid and tally.refused > 0, goal="0"),
    )


if __name__ == "__main__":
    main()
