"""Guard of the page's API: refuses what other websites send through a visitor's browser, and bounds what is read of a request."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request


def is_cross_site(request: Request) -> bool:
    """Whether another website sent a request; programs that are no browsers say nothing of it and are let in.

    Browsers tell in ``Sec-Fetch-Site`` where they trust the connection (HTTPS, loopback), which no page can change; else in ``Origin``.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site != "same-origin"
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


async def body_of(request: Request, most_bytes: int) -> bytes | None:
    """The body, counted while it arrives; None where it is too large."""
    pieces: list[bytes] = []
    room = most_bytes
    async for piece in request.stream():
        room -= len(piece)
        if room < 0:
            return None
        pieces.append(piece)
    return b"".join(pieces)
