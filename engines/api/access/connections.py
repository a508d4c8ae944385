"""Connections: as many as there are descriptors for; one that asks for nothing gives way to the next that comes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

FIRST_REQUEST_S = 20
"""How long a new connection may take to ask for something."""
RESERVED = 96
"""Descriptors for files, engines and connections to servers."""
MOST = 4096
"""Connections at once, where there are descriptors for more."""


def descriptors() -> int:
    """Let this process open as many files as the system allows it; how many that is."""
    try:
        import resource  # noqa: PLC0415 - POSIX only
    except ImportError:
        return MOST + RESERVED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + RESERVED if hard == resource.RLIM_INFINITY else min(hard, MOST + RESERVED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def limited(protocol: type[asyncio.Protocol], most: int) -> type[asyncio.Protocol]:
    """A protocol of uvicorn's with at most so many connections, made from the one that the server would use."""
    base: Any = protocol
    open_now: dict[Any, None] = {}  # the oldest first

    class Limited(base):  # type: ignore[misc]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            if len(open_now) >= most:
                idle = next((one for one in open_now if one.is_idle), self)
                idle.transport.abort()
                open_now.pop(idle, None)
                if idle is self:
                    return
            open_now[self] = None
            asyncio.get_running_loop().call_later(FIRST_REQUEST_S, self.give_up)

        def connection_lost(self, error: Exception | None) -> None:
            open_now.pop(self, None)
            super().connection_lost(error)

        @property
        def is_idle(self) -> bool:
            """Whether no request is under way."""
            return self.cycle is None or self.cycle.response_complete

        def give_up(self) -> None:
            """Close it if nothing has been asked for."""
            if self.cycle is None and not self.transport.is_closing():
                self.transport.abort()

    return Limited
