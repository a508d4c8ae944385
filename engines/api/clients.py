"""Clients: the pages that are open, each with its event log, which whoever comes back within a grace period finds again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol

from engines.api.event_log import CAPACITY_BYTES, frame_log
from engines.api.frames import KEEP_ALIVE, frame
from engines.api.wire import Json
from engines.conversation.session import IDLE_S, TURN_ID

log = logging.getLogger(__name__)

SESSION_ID = re.compile(r"[0-9a-f]{32}")
"""A secret of 128 bits that the page makes: whoever knows it is the client."""
KEEP_ALIVE_S = 5.0
"""How often a stream says something; a page that hears nothing for three times as long opens it anew."""
STREAM_S = 120.0
"""How long one connection lasts; the page then opens the next, so that one that is gone without a word is found out."""
GRACE_S = 60.0
"""How long a page may be away."""
STATUS_EVERY_S = 1.0
"""How often the status is looked at while a page is open."""
CHUNK_BYTES = 256_000
"""About how much is handed to the server at once."""
WAITING_S = 15.0
"""How long a place in the queue is kept for somebody who does not ask again."""
LONGEST_QUEUE = 1000
LOGS_BYTES, LEAST_LOG_BYTES = 128_000_000, 500_000
"""What all event logs hold together, shared evenly; and the least that one of them may."""
RUNNING_TURNS, KNOWN_TURNS = 8, 64
"""Turns of one client that may run at once, for one that was interrupted ends only with its engine's step; and ids that are remembered."""


class Listening(Protocol):
    """What hears the microphone of a page."""

    id: str
    """What the page calls it."""

    async def take(self, message: Json, sound: bytes) -> str:
        """Take the next sound; what is wrong with it, or nothing."""
        ...

    def stopped(self) -> None:
        """The page has told how far the persona was heard whom it silenced."""
        ...

    def close(self) -> None:
        """Hear no more; never blocks."""
        ...


class Client:
    """One open page."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.log = frame_log()
        self.running = threading.BoundedSemaphore(RUNNING_TURNS)
        self.connection: asyncio.Event | None = None
        """Of the stream that is open: set when there is something to send."""
        self.choosable = False
        """Whether its last request came from somebody who may choose engines."""
        self.listening: Listening | None = None
        """Set while its microphone is open."""
        self.leaving: asyncio.TimerHandle | None = None
        """Set while no stream is open."""
        self.used_at = time.monotonic()
        """When something was last said, by either side."""
        self.is_known = False
        """Whether it has had a stream."""
        self._loop = asyncio.get_running_loop()
        self._turns: deque[str] = deque(maxlen=KNOWN_TURNS)

    def is_new(self, turn_id: str) -> bool:
        """Whether a turn has not been asked for before; a page whose message was not answered sends it again."""
        if turn_id in self._turns:
            return False
        if TURN_ID.fullmatch(turn_id):
            self._turns.append(turn_id)
        return True

    def tell(self, message: Json, data: bytes = b"") -> None:
        """Send an event; may be called from any thread but the loop's, and waits while the page fetches nothing."""
        self.used_at = time.monotonic()
        self.log.append(message, data)
        with contextlib.suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self.wake)

    def listen(self, listening: Listening | None) -> None:
        """The microphone was opened, anew, or closed."""
        before, self.listening = self.listening, listening
        if before:
            before.close()

    def wake(self) -> None:
        """There is something to send."""
        if self.connection:
            self.connection.set()


class Clients:
    """All open pages. Lives on the server's event loop."""

    def __init__(self, limit: int, status: Callable[[], Json], leave: Callable[[str], None]) -> None:
        """Nobody is there.

        Args:
            limit: most clients at once.
            status: what all of them are shown; may read files.
            leave: ends a session; may wait for locks.
        """
        self._limit, self._status, self._leave = limit, status, leave
        self._clients: dict[str, Client] = {}
        self._ending = 0
        """Clients that have left, but whose sessions are still being ended."""
        self._queue: dict[str, float] = {}
        """Who waits for a place, whoever came first first, and when they asked last."""
        self._process = secrets.token_hex(8)
        self._shown = {False: b"", True: b""}
        """The status for clients that may not choose engines, and for those that may."""
        self._watching: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self, session_id: object) -> Client | None:
        """The client with that session, who says something."""
        client = self._clients.get(session_id) if isinstance(session_id, str) else None
        if client:
            client.used_at = time.monotonic()
        return client

    def is_here(self, client: Client) -> bool:
        """Whether a client has not left; may be asked from any thread."""
        return self._clients.get(client.session_id) is client

    def place(self, session_id: str) -> int:
        """Where somebody who wants to come in stands in the queue, from 1 on; 0: they are in, and may open a stream.

        Whoever has been silent for longest makes room, once that is long enough (`IDLE_S`).
        """
        if session_id in self._clients:
            return 0
        now = time.monotonic()
        self._queue = {waiting: asked for waiting, asked in self._queue.items() if now - asked < WAITING_S}
        if session_id not in self._queue and len(self._queue) >= LONGEST_QUEUE:
            return len(self._queue) + 1
        self._queue[session_id] = now
        before = list(self._queue).index(session_id)
        if before >= self._room + self._ending:
            idle = min(self._clients.values(), key=lambda client: client.used_at, default=None)
            if idle and now - idle.used_at >= IDLE_S:
                self.close(idle)
        if before >= self._room:
            return before + 1
        del self._queue[session_id]
        client = self._clients[session_id] = Client(session_id)  # now: others ask before it has opened its stream
        self._share()
        client.leaving = asyncio.get_running_loop().call_later(GRACE_S, self.close, client)
        return 0

    @property
    def _room(self) -> int:
        return self._limit - len(self._clients) - self._ending

    async def stream(
        self, session_id: str, after: int, begin: Callable[[], object], *, once: bool = False, choosable: bool = False
    ) -> AsyncGenerator[bytes]:
        """What a client is sent over one connection, in frames: ``open``, the status whenever it has changed, and its events.

        Args:
            session_id: of somebody who is in, see `place`.
            after: the number of the last event that the client has got.
            begin: is called in a thread for a new session, before anything is sent.
            once: end with the first events, or after a while without any: for proxies that pass on only what has ended.
            choosable: whether this client may choose engines.
        """
        if (client := self._clients.get(session_id)) is None:
            return  # it has left meanwhile
        known, client.is_known = client.is_known, True
        wake = self._connect(client)
        try:
            if not known:
                await asyncio.to_thread(begin)
                after = 0
            yield frame({"type": "open", "known": known, "process": self._process})
            shown, ends = b"", asyncio.get_running_loop().time() + STREAM_S
            while client.connection is wake:
                wake.clear()
                frames, after = client.log.after(after, CHUNK_BYTES)
                if self._shown[choosable] != shown:
                    shown = self._shown[choosable]
                    yield shown
                if frames:
                    yield b"".join(frames)
                    if once:
                        return
                elif not await _within(KEEP_ALIVE_S, wake.wait()):
                    if once or asyncio.get_running_loop().time() > ends:
                        return
                    yield KEEP_ALIVE
        finally:
            self._disconnect(client, wake)

    def look(self) -> None:
        """The status may have changed."""
        if self._watching:
            self._watching.cancel()
        self._watching = asyncio.create_task(self._watch())

    def close(self, client: Client) -> None:
        """A client has left: its turn ends, and nothing is kept."""
        self._clients.pop(client.session_id, None)
        self._share()
        client.log.close()
        client.listen(None)
        if client.leaving:
            client.leaving.cancel()
        if client.connection:
            client.connection.set()
            client.connection = None
        self._ending += 1
        asyncio.get_running_loop().run_in_executor(None, self._leave, client.session_id).add_done_callback(self._ended)

    def _ended(self, _: object) -> None:
        self._ending -= 1

    def close_all(self) -> None:
        """The server ends: nobody is let in any more. May be called from any thread."""
        self._limit = 0
        if self._loop:
            for client in tuple(self._clients.values()):
                self._loop.call_soon_threadsafe(self.close, client)

    def _share(self) -> None:
        """Crowds, and those of them that read nothing, cost bounded memory."""
        for client in self._clients.values():
            client.log.capacity = max(LEAST_LOG_BYTES, min(CAPACITY_BYTES, LOGS_BYTES // len(self._clients)))

    def _connect(self, client: Client) -> asyncio.Event:
        self._loop = asyncio.get_running_loop()
        if client.leaving:
            client.leaving.cancel()
        client.wake()  # the connection before, if there is one, ends
        client.connection = wake = asyncio.Event()
        if self._watching is None:
            self.look()
        return wake

    def _disconnect(self, client: Client, wake: asyncio.Event) -> None:
        if client.connection is wake:
            client.connection = None
            client.leaving = asyncio.get_running_loop().call_later(GRACE_S, self.close, client)

    async def _watch(self) -> None:
        """Look at the status for as long as anybody is there, and show what has changed."""
        while self._clients:
            try:
                status = await asyncio.to_thread(self._status)
                shown = {choosable: frame({"type": "status", **status, "choosable": choosable}) for choosable in (False, True)}
            except Exception:
                log.exception("the status cannot be told")
                shown = self._shown
            if shown != self._shown:
                self._shown = shown
                for client in self._clients.values():
                    client.wake()
            await asyncio.sleep(STATUS_EVERY_S)
        self._shown, self._watching = {False: b"", True: b""}, None


async def _within(seconds: float, wait: Awaitable[object]) -> bool:
    """Whether it happened in time."""
    try:
        async with asyncio.timeout(seconds):
            await wait
    except TimeoutError:
        return False
    return True
