"""Bounds on what a server may send: the length of a line of a stream, and of a whole answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

LONGEST_LINE = 2**20
"""Bytes of one event of a stream: tokens take hundreds."""
LARGEST_ANSWER = 64 * 2**20
"""Bytes of an answer that is no stream of events: minutes of sound."""


class ResponseTooLarge(Exception):  # noqa: N818 - reads as what it says
    """A server sends more than anything of the protocol can be."""


async def bounded(response: Any) -> None:
    """Hook of an ``httpx2`` client: refuses packed answers, and bounds others while they are read."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ResponseTooLarge
    is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
    response.stream = _stream(response.stream, LONGEST_LINE if is_stream else LARGEST_ANSWER, by_line=is_stream)


def _stream(source: Any, most: int, *, by_line: bool) -> Any:
    import httpx2  # noqa: PLC0415 - heavy

    class Bounded(httpx2.AsyncByteStream):
        """The same bytes."""

        async def __aiter__(self) -> AsyncIterator[bytes]:
            length = 0
            async for piece in source:
                end = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1 if by_line else 0
                length = len(piece) - end + (0 if end else length)
                if length > most:
                    raise ResponseTooLarge
                yield piece

        async def aclose(self) -> None:
            await source.aclose()

    return Bounded()
