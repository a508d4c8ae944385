"""Live state of a client: who is on stage, the running turn, and turns that were stopped before they began."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, replace

from engines.concurrency.channel import CancelToken
from engines.conversation.conversation import Conversation, ConversationStore, PlaybackPosition
from engines.conversation.turn import TurnRequest, run_turn
from engines.errors import InputError
from engines.events import TurnEnded, TurnEvent
from engines.registry.registry import Engines
from engines.types import Persona

TURN_ID = re.compile(r"[A-Za-z0-9-]{1,40}")
"""What a client may call its turns."""
IDLE_S = 600.0
"""So long after it was last used, a conversation in which no turn runs may make room for a new one."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What a client changes about the persona of its conversation, for this conversation alone; None leaves it as it is."""

    voices: tuple[tuple[str, str], ...] | None = None
    speed: float | None = None
    mood: str | None = None

    def applied(self, persona: Persona) -> Persona:
        """The persona with these changes."""
        changes = {name: value for name, value in zip(self.__slots__, astuple(self), strict=True) if value is not None}
        return replace(persona, **changes) if changes else persona

    def then(self, other: Adjustment) -> Adjustment:
        """Both, the other one last."""
        changes = {name: value for name, value in zip(self.__slots__, astuple(other), strict=True) if value is not None}
        return replace(self, **changes)


class RunningTurn:
    """A turn in progress: its cancel token and its pipeline."""

    def __init__(self, turn_id: str, persona: Persona) -> None:
        self.turn_id, self.persona = turn_id, persona
        self._token = CancelToken()

    def cancel(self) -> None:
        """End it; never blocks, may be called twice."""
        self._token.cancel()

    def events(self, request: TurnRequest, engines: Engines) -> Iterator[TurnEvent]:
        """Run the pipeline."""
        return run_turn(request, engines, self._token)


class Session:
    """What is live of one conversation; every method may be called from any thread and none waits for an engine or a file."""

    def __init__(self, session_id: str, store: ConversationStore, persona: Persona) -> None:
        self.id, self._store, self._persona = session_id, store, persona
        self._guard = threading.Lock()
        self._running: RunningTurn | None = None
        self.used_at = 0.0
        """When it was asked for last, by the clock of its `Sessions`."""
        self._stopped: deque[str] = deque(maxlen=32)
        self._adjustment = Adjustment()
        self._forgotten: Conversation | None = None

    @property
    def persona(self) -> Persona:
        """Who is being talked with."""
        return self._adjustment.applied(self._persona)

    @property
    def is_running(self) -> bool:
        """Whether a turn is under way."""
        return self._running is not None

    @property
    def conversation(self) -> Conversation:
        """What was said and heard so far."""
        return self._store.load(self.id) or Conversation()

    def update(self, persona: Persona) -> None:
        """The persona file has a newer version of somebody; ignored if they are not on stage."""
        with self._guard:
            if persona.id == self._persona.id:
                self._persona = persona

    def adjust(self, change: Adjustment) -> None:
        """Change something about the persona, until somebody else is talked with."""
        with self._guard:
            self._adjustment = self._adjustment.then(change)

    def begin(self, turn_id: str, position: PlaybackPosition | None = None, turn: RunningTurn | None = None) -> RunningTurn:
        """End the running turn and take up another in one step, so that whatever comes next (stop, clear, another turn) finds it.

        One that was stopped before it came is over, and ends no other. `turn` is one that runs already; None makes one.
        """
        with self._guard:
            turn = turn or RunningTurn(turn_id, self.persona)
            self._forgotten = None
            if turn_id in self._stopped:
                turn.cancel()
                self._stop(position)
            else:
                self._interrupt(position)
                self._running = turn
            self._store.save(self.id, self.conversation.begin(turn_id))
            return turn

    def interrupt(self, position: PlaybackPosition | None = None) -> None:
        """End whatever runs; `position` says how far a turn was heard, be it the running one or an earlier one."""
        with self._guard:
            self._interrupt(position)

    def stop(self, position: PlaybackPosition) -> None:
        """End the turn that `position` names and remember of its answer only what was heard; any other turn goes on.

        A turn may be stopped before it has begun: its id is remembered.
        """
        with self._guard:
            self._stop(position)

    def forget(self, persona: Persona | None = None) -> None:
        """End whatever runs and forget the conversation; with `persona`, talk with somebody else from now on, else `recall` may undo it."""
        with self._guard:
            self._interrupt(None)
            self._forgotten = None if persona else self.conversation
            self._store.delete(self.id)
            if persona:
                self._persona, self._adjustment = persona, Adjustment()

    def recall(self) -> bool:
        """Take the forgotten conversation up again, as long as no turn has begun since; whether there was one."""
        with self._guard:
            before, self._forgotten = self._forgotten, None
            if before is not None:
                self._store.save(self.id, before)
            return before is not None

    def follow(self, event: TurnEvent) -> None:
        """Remember what an event of a turn adds to the conversation."""
        with self._guard:
            self._amend(lambda conversation: conversation.after(event))
            if isinstance(event, TurnEnded) and self._running and self._running.turn_id == event.turn_id:
                self._running = None

    def _amend(self, change: Callable[[Conversation], Conversation]) -> None:
        before = self.conversation
        if (after := change(before)) is not before:
            self._store.save(self.id, after)

    def _interrupt(self, position: PlaybackPosition | None) -> None:
        if self._running:
            self._running.cancel()
            self._running = None
        if position:
            self._cut(position)

    def _stop(self, position: PlaybackPosition | None) -> None:
        if position is None:
            return
        if self._running and self._running.turn_id == position.turn_id:
            self._running.cancel()
        self._cut(position)

    def _cut(self, position: PlaybackPosition) -> None:
        self._amend(lambda conversation: conversation.cut(position))
        if TURN_ID.fullmatch(position.turn_id):
            self._stopped.append(position.turn_id)


class Sessions:
    """All sessions of this process, each reachable only by its own id; one that nobody uses any more makes room for a new one."""

    def __init__(
        self, limit: int, store: ConversationStore, persona: Callable[[], Persona], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """No sessions yet.

        Args:
            limit: most sessions at once.
            store: where their conversations are kept.
            persona: who a new session begins with; may read a file.
            clock: counts seconds.
        """
        self._limit, self._store, self._first, self._clock = limit, store, persona, clock
        self._guard = threading.Lock()
        self._open: dict[str, Session] = {}

    def get(self, session_id: str) -> Session:
        """The session with that id, opened if it is new.

        Raises:
            InputError: there is no room for a new one (code ``full``): nobody's conversation is ended for it that runs or is recent.
        """
        with self._guard:
            if session := self._open.get(session_id):
                return self._used(session)
        new = Session(session_id, self._store, self._first())  # not while others wait: it reads the persona file
        with self._guard:
            if session := self._open.get(session_id):
                return self._used(session)
            left = self._make_room()
            self._open[session_id] = self._used(new)
        if left:
            left.forget()
        return new

    def _used(self, session: Session) -> Session:
        session.used_at = self._clock()
        return session

    def _make_room(self) -> Session | None:
        """Take out the session that is idle for longest, if one must leave."""
        if len(self._open) < self._limit:
            return None
        idle = [session for session in self._open.values() if not session.is_running and self._clock() - session.used_at >= IDLE_S]
        if not idle:
            raise InputError("Everybody here is taken at the moment; try again in a few minutes.", code="full", retryable=True)
        return self._open.pop(min(idle, key=lambda session: session.used_at).id)

    def close(self, session_id: str) -> None:
        """End a session and free everything it holds; unknown ids are ignored."""
        with self._guard:
            session = self._open.pop(session_id, None)
        if session:
            session.forget()

    def close_all(self) -> None:
        """End every session."""
        with self._guard:
            sessions = list(self._open.values())
            self._open.clear()
        for session in sessions:
            session.forget()

    def __len__(self) -> int:
        return len(self._open)
