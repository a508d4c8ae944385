"""Turns for asynchronous code: the events of a turn, which blocks, read on a thread of its own and handed to the event loop."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import AsyncGenerator, Callable, Iterator

from engines.conversation.turn import failed
from engines.errors import EngineError
from engines.events import TurnEvent

log = logging.getLogger(__name__)

AHEAD = 32
"""Events that wait for a slow reader; then the turn waits."""
_LOOK_S = 0.5


def new_turn_id() -> str:
    """A name for a turn."""
    return secrets.token_hex(8)


async def turn_events(turn_id: str, make: Callable[[], Iterator[TurnEvent]], stop: Callable[[], None]) -> AsyncGenerator[TurnEvent]:
    """The events of a turn as they come; what `make` raises becomes a `TurnFailed`.

    Args:
        turn_id: its name.
        make: begins it; called on the thread that reads it.
        stop: ends it, and never blocks; called when the reader goes away before the end.
    """
    loop, events, room, gone = asyncio.get_running_loop(), asyncio.Queue[TurnEvent | None](), threading.Semaphore(AHEAD), threading.Event()

    def put(event: TurnEvent | None) -> None:
        try:
            loop.call_soon_threadsafe(events.put_nowait, event)
        except RuntimeError:  # the server has ended
            gone.set()

    def read() -> None:
        try:
            for event in make():
                while not room.acquire(timeout=_LOOK_S) and not gone.is_set():
                    pass
                if gone.is_set():
                    return
                put(event)
        except EngineError as error:
            put(failed(turn_id, error))
        except Exception:
            log.exception("turn %s ended by a mistake of the program", turn_id)
            put(failed(turn_id, EngineError("Something went wrong inside the app; try again.", code="internal")))
        finally:
            put(None)

    threading.Thread(target=read, name=f"read-{turn_id}", daemon=True).start()
    ended = False
    try:
        while (event := await events.get()) is not None:
            room.release()
            yield event
        ended = True
    finally:
        gone.set()
        if not ended:
            stop()
